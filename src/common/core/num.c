#include "core/num.h"

#include <errno.h>
#include <locale.h>
#include <math.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many digits stand at `at`. */
static size_t digits(struct sl s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && is_digit(s.p[at + n]))
		n++;
	return n;
}

bool num_u64(struct sl s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]) || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool num_i64(struct sl s, int64_t *out)
{
	bool neg = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (!num_u64((struct sl){ s.p + neg, s.n - neg }, &v))
		return false;
	if (v > (uint64_t)INT64_MAX + neg)
		return false;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool num_hex(struct sl s, bool any_case, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (any_case && c >= 'A' && c <= 'F')
			c = (char)(c | 0x20);
		if (!is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		v = v << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*out = v;
	return true;
}

bool num_size(struct sl s, uint64_t *out)
{
	static const char units[] = "KMGT";
	size_t n = digits(s, 0);
	uint64_t v;

	if (!num_u64((struct sl){ s.p, n }, &v))
		return false;
	struct sl unit = { s.p + n, s.n - n };

	if (unit.n == 0 || sl_eq_str(unit, "B")) {
		*out = v;
		return true;
	}
	const char *u = memchr(units, unit.p[0] & ~0x20, 4);

	if (!u || !(unit.n == 1 || sl_eq((struct sl){ unit.p + 1, unit.n - 1 }, SL("iB")) ||
		    sl_eq((struct sl){ unit.p + 1, unit.n - 1 }, SL("B"))))
		return false;
	return !__builtin_mul_overflow(v, (uint64_t)1 << (10 * (u - units + 1)), out);
}

bool num_is_json(struct sl s)
{
	size_t i = s.n > 0 && s.p[0] == '-', n = digits(s, i);

	if (n == 0 || (n > 1 && s.p[i] == '0'))
		return false;
	i += n;
	if (i < s.n && s.p[i] == '.') {
		n = digits(s, i + 1);
		i += 1 + n;
	}
	if (i < s.n && n > 0 && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		n = digits(s, i);
		i += n;
	}
	return n > 0 && i == s.n;
}

/* strtod() with the decimal point of the C locale, whatever setlocale() was told. */
static double strtod_c(const char *p, char **end)
{
	static locale_t c_locale;

	if (!c_locale)
		c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return strtod_l(p, end, c_locale);
}

bool num_double(struct sl s, double *out)
{
	char text[400];
	char *end;

	if (s.n == 0 || s.n >= sizeof text)
		return false;
	if (sl_eq(s, SL("NaN"))) {
		*out = (double)NAN;
		return true;
	}
	if (sl_eq(s, SL("Infinity")) || sl_eq(s, SL("-Infinity"))) {
		*out = s.p[0] == '-' ? -(double)INFINITY : (double)INFINITY;
		return true;
	}
	/* strtod() also takes blanks, hexadecimal, "inf" and "nan(...)": keep those out */
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && !memchr("+-.eE", s.p[i], 5))
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	errno = 0;
	*out = strtod_c(text, &end);
	if (end != text + s.n || end == text)
		return false;
	/* ERANGE is also raised for denormals, which are values like any other */
	return errno == 0 || (*out != 0.0 && !isinf(*out));
}

static void put_pair(char *dst, uint32_t v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";

	memcpy(dst, pairs + (size_t)v * 2, 2);
}

/* Eight digits in four pairs, whose divisions do not wait for one another. */
static void put_eight(char *dst, uint32_t v)
{
	uint32_t high = v / 10000, low = v % 10000;

	put_pair(dst, high / 100);
	put_pair(dst + 2, high % 100);
	put_pair(dst + 4, low / 100);
	put_pair(dst + 6, low % 100);
}

size_t num_put_u64(char *dst, uint64_t v)
{
	char tmp[24];
	size_t at = sizeof tmp;
	uint32_t rest;

	while (v >= 100000000) {
		put_eight(tmp + (at -= 8), (uint32_t)(v % 100000000));
		v /= 100000000;
	}
	for (rest = (uint32_t)v; rest >= 100; rest /= 100)
		put_pair(tmp + (at -= 2), rest % 100);
	if (rest >= 10)
		put_pair(tmp + (at -= 2), rest);
	else
		tmp[--at] = (char)('0' + rest);
	memcpy(dst, tmp + at, sizeof tmp - at);
	return sizeof tmp - at;
}

size_t num_put_i64(char *dst, int64_t v)
{
	if (v >= 0)
		return num_put_u64(dst, (uint64_t)v);
	*dst = '-';
	return 1 + num_put_u64(dst + 1, 0 - (uint64_t)v);
}
