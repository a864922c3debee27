#include "core/decimal.h"

/* Exponents beyond it all mean the same: larger, or smaller, than any text can be. */
#define MAX_EXPONENT INT64_C(1000000000000)

/* Of a mean; it is smaller than the sum by no more, for the numbers are counted in 64 bits. */
#define MEAN_DIGITS 20

static struct sl take_digits(struct sl *s)
{
	struct sl d = {s->p, 0};

	while (d.n < s->n && d.p[d.n] >= '0' && d.p[d.n] <= '9')
		d.n++;
	sl_skip(s, d.n);
	return d;
}

static bool take_sign(struct sl *s)
{
	bool negative = s->n && *s->p == '-';

	if (s->n && (*s->p == '-' || *s->p == '+')) {
		sl_skip(s, 1);
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
	sl_skip(s, 1);
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
		sl_skip(&s, 1);
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
	if (d->point > DECIMAL_MAX_POINT || d->point < -DECIMAL_MAX_POINT - MEAN_DIGITS)
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

/* Writes digits, of which the last has this exponent, as a number. */
static void put_digits(struct str *s, bool negative, const struct str *digits, int64_t exponent)
{
	AUTO_STR text = { 0 };
	struct decimal d;

	str_addf(&text, "%s%se%lld", negative ? "-" : "", str_z(digits), (long long)exponent);
	if (decimal_parse(str_sl(&text), &d))
		decimal_put(s, &d);
}

/* The digit that stands for 10^e, 0 where there is none. */
static int digit_at(const struct decimal *d, int64_t e)
{
	int64_t i = d->point - 1 - e;

	return i >= 0 && (uint64_t)i < d->end - d->first ? digit(d, d->first + (size_t)i) - '0' : 0;
}

static int64_t lowest(const struct decimal *d)
{
	return d->point - (int64_t)(d->end - d->first);
}

bool decimal_add(struct str *s, const struct decimal *a, const struct decimal *b)
{
	AUTO_STR digits = { 0 };
	int64_t low, high;
	int carry = 0, sign;

	if (sign_of(a) == 0 || sign_of(b) == 0) {
		const struct decimal *d = sign_of(a) ? a : b;

		if (sign_of(d) && (d->point > DECIMAL_MAX_POINT || d->point < -DECIMAL_MAX_POINT))
			return false;
		decimal_put(s, d);
		return true;
	}
	/* the larger one first, without signs */
	if (cmp_digits(a, b) < 0) {
		const struct decimal *other = a;

		a = b;
		b = other;
	}
	if (a->point >= DECIMAL_MAX_POINT || b->point < -DECIMAL_MAX_POINT)
		return false;
	sign = a->negative == b->negative ? 1 : -1;
	low = lowest(a) < lowest(b) ? lowest(a) : lowest(b);
	high = a->point;
	if (low < -DECIMAL_MAX_POINT)
		return false;
	(void)str_room(&digits, (size_t)(high - low) + 1);
	digits.n = (size_t)(high - low) + 1;
	digits.p[digits.n] = '\0';
	for (int64_t e = low; e <= high; e++) {
		int sum = digit_at(a, e) + sign * digit_at(b, e) + carry;

		carry = sum < 0 ? -1 : sum / 10;
		digits.p[high - e] = (char)('0' + (sum + 10) % 10);
	}
	put_digits(s, a->negative, &digits, low);
	return true;
}

void decimal_divide(struct str *s, const struct decimal *d, uint64_t n)
{
	AUTO_STR digits = { 0 };
	unsigned __int128 left = 0;
	int64_t e = d->point;
	size_t significant = 0;

	str_addc(&digits, '0'); /* for what rounding carries */
	while (e > lowest(d) || (left > 0 && significant < MEAN_DIGITS)) {
		left = left * 10 + (unsigned)digit_at(d, --e);
		str_addc(&digits, (char)('0' + (int)(left / n)));
		significant += significant > 0 || left >= n;
		left %= n;
	}
	if (left * 2 >= n)
		for (size_t i = digits.n; i-- > 0;) {
			digits.p[i] = digits.p[i] == '9' ? '0' : (char)(digits.p[i] + 1);
			if (digits.p[i] != '0')
				break;
		}
	put_digits(s, d->negative, &digits, e);
}
