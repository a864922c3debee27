#include "core/sip.h"

#include <sys/random.h>

struct sip_key sip_random_key(void)
{
	struct sip_key key;

	if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
		die_errno(EX_TEMP, "cannot get random bytes");
	return key;
}

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

struct sip {
	uint64_t a, b, c, d;
};

static inline void rounds(struct sip *v, unsigned n)
{
	for (; n > 0; n--) {
		v->a += v->b;
		v->c += v->d;
		v->b = rotate(v->b, 13) ^ v->a;
		v->d = rotate(v->d, 16) ^ v->c;
		v->a = rotate(v->a, 32) + v->d;
		v->c += v->b;
		v->d = rotate(v->d, 21) ^ v->a;
		v->b = rotate(v->b, 17) ^ v->c;
		v->c = rotate(v->c, 32);
	}
}

static inline void take(struct sip *v, uint64_t word)
{
	v->d ^= word;
	rounds(v, 2);
	v->a ^= word;
}

struct hash128 sip_hash(const struct sip_key *key, struct sl s)
{
	struct sip v = { key->k0 ^ UINT64_C(0x736f6d6570736575),
		key->k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573) };
	struct hash128 h;
	uint64_t word;
	size_t i = 0;

	for (; s.n - i >= 8; i += 8) {
		memcpy(&word, s.p + i, 8);
		take(&v, word);
	}
	word = (uint64_t)s.n << 56;
	for (size_t k = 0; i + k < s.n; k++)
		word |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
	take(&v, word);
	v.c ^= 0xee;
	rounds(&v, 4);
	h.lo = v.a ^ v.b ^ v.c ^ v.d;
	v.b ^= 0xdd;
	rounds(&v, 4);
	h.hi = v.a ^ v.b ^ v.c ^ v.d;
	return h;
}
