#include "core/decimal.h"

#include "core/msg.h"

/* Exponents beyond it all mean the same: larger, or smaller, than any text can be. */
#define MAX_EXPONENT INT64_C(1000000000000)

static struct sl take_digits(struct sl *s)
{
	struct sl d = {s->p, 0};

	while (d.n < s->n && d.p[d.n] >= '0' && d.p[d.n] <= '9')
		d.n++;
	s->p += d.n;
	s->n -= d.n;
	return d;
}

static bool take_sign(struct sl *s)
{
	bool negative = s->n && *s->p == '-';

	if (s->n && (*s->p == '-' || *s->p == '+')) {
		s->p++;
		s->n--;
	}
	return negative;
}

static char digit(const struct decimal *d, size_t i)
{
	return i < d->whole.n ? d->whole.p[i] : d->frac.p[i - d->whole.n];
}

static bool take_exponent(struct sl *s, int64_t *exponent)
{
	bool negative;
	struct sl digits;

	*exponent = 0;
	if (!s->n)
		return true;
	if (*s->p != 'e' && *s->p != 'E')
		return false;
	s->p++;
	s->n--;
	negative = take_sign(s);
	digits = take_digits(s);
	for (size_t i = 0; i < digits.n; i++)
		if (*exponent < MAX_EXPONENT)
			*exponent = *exponent * 10 + (digits.p[i] - '0');
	*exponent = negative ? -*exponent : *exponent;
	return digits.n > 0 && s->n == 0;
}

bool decimal_parse(struct sl s, struct decimal *d)
{
	int64_t exponent;
	size_t n;

	d->negative = take_sign(&s);
	d->whole = take_digits(&s);
	d->frac = (struct sl){s.p, 0};
	if (s.n && *s.p == '.') {
		s.p++;
		s.n--;
		d->frac = take_digits(&s);
	}
	n = d->whole.n + d->frac.n;
	if (n == 0 || !take_exponent(&s, &exponent))
		return false;
	for (d->first = 0; d->first < n && digit(d, d->first) == '0';)
		d->first++;
	for (d->end = n; d->end > d->first && digit(d, d->end - 1) == '0';)
		d->end--;
	d->point = (int64_t)d->whole.n - (int64_t)d->first + exponent;
	return true;
}

/* The same of two numbers without their signs, neither of which is zero. */
static int cmp_digits(const struct decimal *a, const struct decimal *b)
{
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	for (size_t i = 0;; i++) {
		bool more_a = a->first + i < a->end, more_b = b->first + i < b->end;

		if (!more_a || !more_b)
			return more_a - more_b;
		if (digit(a, a->first + i) != digit(b, b->first + i))
			return digit(a, a->first + i) < digit(b, b->first + i) ? -1 : 1;
	}
}

/* -1, 0 or 1. */
static int sign_of(const struct decimal *d)
{
	return d->first == d->end ? 0 : d->negative ? -1 : 1;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	int sign_a = sign_of(a), sign_b = sign_of(b);

	if (sign_a != sign_b || sign_a == 0)
		return (sign_a > sign_b) - (sign_a < sign_b);
	return sign_a * cmp_digits(a, b);
}

bool decimal_is_whole(const struct decimal *d)
{
	return sign_of(d) == 0 || (d->point > 0 && (uint64_t)d->point >= d->end - d->first);
}

bool decimal_scaled(const struct decimal *d, unsigned scale, int64_t *out)
{
	int64_t n = d->point + (int64_t)scale, v = 0;

	*out = 0;
	if (sign_of(d) == 0 || n < 0)
		return true;
	if (n > 19)
		return false;
	for (int64_t i = 0; i <= n; i++) {
		size_t at = d->first + (size_t)i;
		int c = at < d->end ? digit(d, at) - '0' : 0;

		if (i == n)
			c = c >= 5;
		else if (__builtin_mul_overflow(v, (int64_t)10, &v))
			return false;
		if (__builtin_add_overflow(v, (int64_t)c, &v))
			return false;
	}
	*out = d->negative ? -v : v;
	return true;
}

void decimal_put(struct str *s, const struct decimal *d)
{
	size_t at = d->first;

	if (sign_of(d) == 0) {
		str_addc(s, '0');
		return;
	}
	if (d->point > DECIMAL_MAX_POINT || d->point < -DECIMAL_MAX_POINT)
		bug("a number too large to be written out");
	if (d->negative)
		str_addc(s, '-');
	if (d->point <= 0)
		str_addc(s, '0');
	for (int64_t i = 0; i < d->point; i++, at++)
		str_addc(s, at < d->end ? digit(d, at) : '0');
	if (at >= d->end)
		return;
	str_addc(s, '.');
	for (int64_t i = d->point; i < 0; i++)
		str_addc(s, '0');
	for (; at < d->end; at++)
		str_addc(s, digit(d, at));
}
