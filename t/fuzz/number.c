/*
 * Numbers: against the C library behind a plain check of their grammar, and against arithmetic in
 * 128 bits; what is written reads back as the same value, doubles in the fewest digits there are.
 */
#include "core/decimal.h"
#include "core/num.h"
#include "fuzz.h"
#include "stream/json.h"

#include <errno.h>
#include <math.h>

static const char *digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or behind the point. */
static bool is_number(const char *s)
{
	const char *p = s + (*s == '-' || *s == '+'), *whole = digits(p), *end = whole;

	if (*end == '.')
		end = digits(end + 1);
	if (end - p - (*whole == '.') < 1)
		return false;
	if (*end == 'e' || *end == 'E') {
		const char *e = end + 1 + (end[1] == '-' || end[1] == '+');

		end = digits(e);
		if (end == e)
			return false;
	}
	return *end == '\0';
}

static void check_integers(const char *z, struct sl s)
{
	const char *end = digits(z + (*z == '-'));
	bool whole = s.n > 0 && *end == '\0' && end[-1] != '-', good;
	uint64_t u, want, size;
	int64_t i;
	char text[24];

	errno = 0;
	want = strtoull(z, NULL, 10);
	good = whole && *z != '-' && errno == 0;
	CHECK(num_u64(s, &u) == good && (!good || u == want), "%s", z);
	CHECK(!good || (num_size(s, &size) && size == want), "%s", z);
	if (good) {
		text[num_put_u64(text, u)] = '\0';
		CHECK(strtoull(text, NULL, 10) == u && *digits(text) == '\0', "%s", text);
	}
	errno = 0;
	want = (uint64_t)strtoll(z, NULL, 10);
	good = whole && errno == 0;
	CHECK(num_i64(s, &i) == good && (!good || i == (int64_t)want), "%s", z);
	if (good) {
		text[num_put_i64(text, i)] = '\0';
		CHECK(strtoll(text, NULL, 10) == i && *digits(text + (*text == '-')) == '\0', "%s",
			text);
	}
}

/* 10, 10K, 10KB, 10KiB in any case of the letter. */
static void check_size(const char *z, struct sl s)
{
	const char *end = digits(z), *unit = "BKMGT", *at = strchr(unit, *end & ~0x20);
	unsigned __int128 v = 0;
	uint64_t got;
	bool good = end > z;

	for (const char *p = z; p < end && v < (unsigned __int128)1 << 64; p++)
		v = v * 10 + (unsigned)(*p - '0');
	if (*end && *end != 'B') {
		good = good && at && at != unit && *at &&
		       (!end[1] || !strcmp(end + 1, "B") || !strcmp(end + 1, "iB"));
		v *= (unsigned __int128)1 << (good ? 10 * (at - unit) : 0);
	} else {
		good = good && (!*end || !end[1]);
	}
	good = good && v < (unsigned __int128)1 << 64;
	CHECK(num_size(s, &got) == good && (!good || got == (uint64_t)v), "%s", z);
}

static void check_double(const char *z, struct sl s)
{
	double got, want = strtod(z, NULL);
	bool good = is_number(z) && isfinite(want) && s.n < 400;
	const char *mantissa = z;

	if (want == 0.0) /* must have been so */
		for (; *mantissa && *mantissa != 'e' && *mantissa != 'E'; mantissa++)
			good = good && !(*mantissa >= '1' && *mantissa <= '9');
	if (strcmp(z, "NaN") == 0 || strcmp(z, "Infinity") == 0 || strcmp(z, "-Infinity") == 0)
		good = true;
	CHECK(num_double(s, &got) == good, "%s", z);
	CHECK(!good || memcmp(&got, &want, sizeof got) == 0 || (isnan(got) && isnan(want)), "%s",
		z);
}

/* Is the number just between v and another double? PostgreSQL leaves nobody to decide that. */
static bool is_between(const char *text, double v)
{
	long double t = strtold(text, NULL), other = nextafter(v, t > v ? INFINITY : -INFINITY);

	return t == ((long double)v + other) / 2;
}

/* Exponents from 15 on and below -4 are written, as PostgreSQL does. */
static void check_written_double(double v)
{
	char text[32], exact[40];
	double back;
	struct decimal d;
	int fewest = 1, exponent;

	text[num_put_double(text, v)] = '\0';
	CHECK(num_double(sl_of(text), &back) &&
			(memcmp(&back, &v, sizeof v) == 0 || (isnan(v) && isnan(back))),
		"%a: %s", v, text);
	if (!isfinite(v) || v == 0.0)
		return;
	do
		(void)snprintf(exact, sizeof exact, "%.*e", fewest - 1, v);
	while ((strtod(exact, NULL) != v || is_between(exact, v)) && ++fewest);
	CHECK(decimal_parse(sl_of(text), &d) && (int)(d.end - d.first) <= fewest, "%s: %s has less",
		text, exact);
	exponent = (int)strtol(strchr(exact, 'e') + 1, NULL, 10);
	CHECK((strchr(text, 'e') != NULL) == (exponent < -4 || exponent >= 15), "%s", text);
}

/* A number as a whole one of 10^-12; false when 128 bits do not hold it, or exactly. */
static bool plain_fixed(const char *z, __int128 *out)
{
	const char *p = z + (*z == '-' || *z == '+'), *e = strpbrk(p, "eE");
	long shift = e ? strtol(e + 1, NULL, 10) : 0;
	bool point = false;

	*out = 0;
	if (strlen(z) > 24 || shift > 12 || shift < -36)
		return false;
	shift += 12;
	for (; *p && p != e; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		*out = *out * 10 + (*p - '0');
		shift -= point;
	}
	for (; shift > 0 && *out < (__int128)1 << 100; shift--)
		*out *= 10;
	for (; shift < 0 && *out % 10 == 0; shift++)
		*out /= 10;
	*out = *z == '-' ? -*out : *out;
	return shift == 0;
}

static void check_decimals(const char *a, const char *b)
{
	struct decimal x, y, z;
	__int128 m, n, sum;
	struct str s = { 0 };
	int64_t cents;
	bool both = decimal_parse(sl_of(a), &x) && decimal_parse(sl_of(b), &y);

	CHECK(decimal_parse(sl_of(a), &x) == is_number(a), "%s", a);
	CHECK(decimal_parse(sl_of(b), &y) == is_number(b), "%s", b);
	if (!both)
		return;
	CHECK(decimal_cmp(&x, &y) == -decimal_cmp(&y, &x), "%s, %s", a, b);
	if (x.point <= DECIMAL_MAX_POINT && x.point >= -DECIMAL_MAX_POINT) {
		decimal_put(&s, &x);
		CHECK(num_is_json(str_sl(&s)) && !strpbrk(str_z(&s), "eE") &&
				decimal_parse(str_sl(&s), &z) && decimal_cmp(&x, &z) == 0,
			"%s: %s", a, str_z(&s));
	}
	if (!plain_fixed(a, &m) || !plain_fixed(b, &n)) {
		str_free(&s);
		return;
	}
	CHECK(decimal_cmp(&x, &y) == (m > n) - (m < n), "%s, %s", a, b);
	CHECK(decimal_is_whole(&x) == (m % 1000000000000 == 0), "%s", a);
	str_clear(&s);
	CHECK(decimal_add(&s, &x, &y) && plain_fixed(str_z(&s), &sum) == (s.n <= 24), "%s + %s: %s",
		a, b, str_z(&s));
	CHECK(s.n > 24 || sum == m + n, "%s + %s: %s", a, b, str_z(&s));
	m = m / 10000000000 + (m % 10000000000) / 5000000000; /* rounded to hundredths */
	CHECK(decimal_scaled(&x, 2, &cents) == (m <= INT64_MAX && m >= -INT64_MAX), "%s", a);
	CHECK(m > INT64_MAX || m < -INT64_MAX || cents == m, "%s: %lld", a, (long long)cents);
	str_free(&s);
}

const unsigned fuzz_times = 10;

/* One number, or two with a blank between; eight bytes are a double, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *z = mem_sldup(fuzz_sl(data, n)), *blank;
	struct sl s = { z, n };
	struct arena arena = { 0 };
	const struct json *j;
	const char *why;
	size_t at;
	double v;

	if (n == sizeof v) {
		memcpy(&v, data, n);
		check_written_double(v);
	}
	if (strlen(z) == n) {
		check_integers(z, s);
		check_size(z, s);
		check_double(z, s);
		j = json_parse(&arena, s, &why, &at);
		CHECK(num_is_json(s) == (j && j->kind == J_NUM && j->text.n == n), "%s", z);
		arena_free(&arena);
		blank = strchr(z, ' ');
		if (blank)
			*blank = '\0';
		check_decimals(z, blank ? blank + 1 : "1.5");
	}
	mem_free(z);
	return 0;
}
