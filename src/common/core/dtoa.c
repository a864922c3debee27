/*
 * dtoa.c - num_put_double(): shortest decimal text of a double, as PostgreSQL writes it.
 *
 * The algorithm is Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020), with the
 * interval's ends excluded, as PostgreSQL's copy of Ryu does (src/common/d2s.c: STRICTLY_SHORTEST
 * is 0), so that the text is the same byte for byte. Powers of ten are computed when first
 * needed: telemetry uses a handful of the 617.
 */
#include "core/base.h"

#define K_MIN (-292)
#define K_MAX 324
#define LIMBS 40 /* 1,280 bits; the largest number handled is 2^1097 */

struct pow10 {
	uint64_t hi, lo;
};

/* floor(log2(10^e)) for |e| <= 1233 */
static int floor_log2_pow10(int e)
{
	return (int)(((int64_t)e * 1741647) >> 19);
}

static unsigned __int128 top_128_bits(const uint32_t *limb, int bit_len, bool *rest)
{
	unsigned __int128 v = 0;

	for (int i = 0; i < 128; i++) {
		int bit = bit_len - 1 - i;

		v = v << 1 | (bit >= 0 ? (limb[bit / 32] >> (bit % 32) & 1) : 0);
	}
	*rest = false;
	for (int bit = bit_len - 129; bit >= 0 && !*rest; bit--)
		*rest = limb[bit / 32] >> (bit % 32) & 1;
	return v;
}

/* 10^k scaled to 128 bits with the top bit set, rounded up unless exact. */
static struct pow10 compute_pow10(int k)
{
	uint32_t limb[LIMBS] = { 0 };
	int shift = 127 - floor_log2_pow10(k);
	unsigned __int128 v;
	bool rest;

	if (k >= 0) {
		int len = LIMBS * 32;

		limb[0] = 1;
		for (int i = 0; i < k; i++) {
			uint64_t carry = 0;

			for (int j = 0; j < LIMBS; j++) {
				carry += (uint64_t)limb[j] * 10;
				limb[j] = (uint32_t)carry;
				carry >>= 32;
			}
		}
		while (!(limb[(len - 1) / 32] >> ((len - 1) % 32) & 1))
			len--;
		v = top_128_bits(limb, len, &rest);
	} else {
		limb[shift / 32] = (uint32_t)1 << (shift % 32);
		for (int i = 0; i < -k; i++) {
			uint64_t rem = 0;

			for (int j = LIMBS - 1; j >= 0; j--) {
				rem = rem << 32 | limb[j];
				limb[j] = (uint32_t)(rem / 10);
				rem %= 10;
			}
		}
		v = top_128_bits(limb, 128, &rest);
		rest = true; /* a negative power of ten is never a binary fraction */
	}
	v += rest;
	return (struct pow10){ (uint64_t)(v >> 64), (uint64_t)v };
}

static struct pow10 pow10_of(int k)
{
	static struct pow10 table[K_MAX - K_MIN + 1];
	struct pow10 *g = &table[k - K_MIN];

	if (g->hi == 0)
		*g = compute_pow10(k);
	return *g;
}

static uint64_t round_to_odd(struct pow10 g, uint64_t cp)
{
	unsigned __int128 x = (unsigned __int128)g.lo * cp;
	unsigned __int128 y = (unsigned __int128)g.hi * cp + (uint64_t)(x >> 64);

	return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

struct decimal {
	uint64_t digits;
	int exponent;
};

static struct decimal shortest(uint64_t fraction, int biased)
{
	uint64_t c = biased ? fraction | (uint64_t)1 << 52 : fraction;
	int q = (biased ? biased : 1) - 1075;
	bool closer = fraction == 0 && biased > 1;

	if (biased && q <= 0 && -q < 53 && (c & (((uint64_t)1 << -q) - 1)) == 0)
		return (struct decimal){ c >> -q, 0 };

	int k = (int)(((int64_t)q * 1262611 - (closer ? 524031 : 0)) >> 22);
	int h = q + floor_log2_pow10(-k) + 1;
	struct pow10 g = pow10_of(-k);
	uint64_t lower = round_to_odd(g, (4 * c - 2 + closer) << h) + 1;
	uint64_t v = round_to_odd(g, (4 * c) << h);
	uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - 1;
	uint64_t s = v / 4;

	if (s >= 10) {
		uint64_t sp = s / 10;
		bool down = lower <= 40 * sp, up = 40 * sp + 40 <= upper;

		if (down != up)
			return (struct decimal){ sp + up, k + 1 };
	}
	bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;

	if (down != up)
		return (struct decimal){ s + up, k };

	uint64_t mid = 4 * s + 2;

	return (struct decimal){ s + (v > mid || (v == mid && (s & 1))), k };
}

/* d.ddde+XX, two digits of exponent at least */
static size_t put_scientific(char *dst, const char *digit, size_t n, int exp10)
{
	size_t o = 0;

	dst[o++] = digit[0];
	if (n > 1) {
		dst[o++] = '.';
		memcpy(dst + o, digit + 1, n - 1);
		o += n - 1;
	}
	dst[o++] = 'e';
	dst[o++] = exp10 < 0 ? '-' : '+';
	if (exp10 < 0)
		exp10 = -exp10;
	if (exp10 < 10)
		dst[o++] = '0';
	return o + num_put_u64(dst + o, (uint64_t)exp10);
}

static size_t put_fixed(char *dst, const char *digit, size_t n, int exp10)
{
	if (exp10 < 0) {
		size_t o = (size_t)(1 - exp10); /* "0." and -exp10 - 1 zeros */

		memcpy(dst, "0.0000", o);
		memcpy(dst + o, digit, n);
		return o + n;
	}
	size_t whole = (size_t)exp10 + 1;

	if (n <= whole) {
		memcpy(dst, digit, n);
		memset(dst + n, '0', whole - n);
		return whole;
	}
	memcpy(dst, digit, whole);
	dst[whole] = '.';
	memcpy(dst + whole + 1, digit + whole, n - whole);
	return n + 1;
}

size_t num_put_double(char *dst, double v)
{
	uint64_t bits;
	char digit[20];
	size_t o = 0, n;

	memcpy(&bits, &v, sizeof bits);
	uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
	int biased = (int)(bits >> 52 & 0x7ff);

	if (biased == 0x7ff && fraction) {
		memcpy(dst, "NaN", 3);
		return 3;
	}
	if (bits >> 63)
		dst[o++] = '-';
	if (biased == 0x7ff) {
		memcpy(dst + o, "Infinity", 8);
		return o + 8;
	}
	if (biased == 0 && fraction == 0) {
		dst[o++] = '0';
		return o;
	}
	struct decimal d = shortest(fraction, biased);

	while (d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	n = num_put_u64(digit, d.digits);
	int exp10 = d.exponent + (int)n - 1;

	return o + (exp10 < -4 || exp10 >= 15 ? put_scientific(dst + o, digit, n, exp10)
					      : put_fixed(dst + o, digit, n, exp10));
}
