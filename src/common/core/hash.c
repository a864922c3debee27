#include "core/hash.h"

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v; /* little-endian machines only: the build checks */
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hash64() values are defined for little-endian machines"
#endif

/* Folded 64x64 -> 128 bit multiplication, as in wyhash (public domain, Wang Yi). */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t load32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/*
 * The last n bytes (at most 16) of a text as two words, zeros behind them. Loads that overlap are
 * cheaper than a loop: the bytes they share are the same.
 */
static void load_tail(const char *p, size_t n, uint64_t *low, uint64_t *high)
{
	*low = *high = 0;
	if (n >= 8) {
		*low = load64(p);
		if (n > 8)
			*high = load64(p + n - 8) >> (8 * (16 - n));
	} else if (n >= 4) {
		*low = load32(p) | load32(p + n - 4) << (8 * (n - 4));
	} else if (n > 0) {
		*low = (uint64_t)(unsigned char)p[0] |
		       (uint64_t)(unsigned char)p[n / 2] << (8 * (n / 2)) |
		       (uint64_t)(unsigned char)p[n - 1] << (8 * (n - 1));
	}
}

uint64_t hash64(struct sl s, uint64_t seed)
{
	static const uint64_t k0 = UINT64_C(0xa0761d6478bd642f), k1 = UINT64_C(0xe7037ed1a0b428db);
	uint64_t h = seed ^ k0;
	const char *p = s.p;
	size_t n = s.n;
	uint64_t low, high;

	while (n > 16) {
		h = fold(load64(p) ^ k1, load64(p + 8) ^ h);
		p += 16;
		n -= 16;
	}
	load_tail(p, n, &low, &high);
	h = fold(low ^ k1, high ^ h);
	return fold(h ^ k0, s.n ^ k1);
}

static void names_rehash(struct names *t, size_t n_slots)
{
	mem_free(t->slot);
	t->slot = mem_zalloc(mem_mul(n_slots, sizeof *t->slot));
	t->n_slots = n_slots;
	for (size_t i = 0; i < t->n; i++) {
		size_t s = t->hash[i] & (n_slots - 1);

		while (t->slot[s])
			s = (s + 1) & (n_slots - 1);
		t->slot[s] = (uint32_t)(i + 1);
	}
}

static size_t names_lookup(const struct names *t, struct sl name, uint64_t h, size_t *free_slot)
{
	size_t s = h & (t->n_slots - 1);

	while (t->slot[s]) {
		size_t i = t->slot[s] - 1;

		if (t->hash[i] == h && sl_eq(t->name[i], name))
			return i;
		s = (s + 1) & (t->n_slots - 1);
	}
	*free_slot = s;
	return NAMES_NONE;
}

size_t names_find(const struct names *t, struct sl name)
{
	size_t unused;

	return t->n ? names_lookup(t, name, hash64(name, 0), &unused) : NAMES_NONE;
}

size_t names_add(struct names *t, struct sl name, bool *added)
{
	uint64_t h = hash64(name, 0);
	size_t s = 0, i;

	if (t->n * 2 >= t->n_slots)
		names_rehash(t, t->n_slots ? t->n_slots * 2 : 64);
	i = names_lookup(t, name, h, &s);
	if (added)
		*added = i == NAMES_NONE;
	if (i != NAMES_NONE)
		return i;
	if (!t->mem)
		t->mem = mem_zalloc(sizeof *t->mem);
	if (t->n == t->cap) {
		size_t cap = t->cap;

		mem_grow(&t->hash, &cap, t->n + 1, sizeof *t->hash);
		mem_grow(&t->name, &t->cap, t->n + 1, sizeof *t->name);
	}
	t->name[t->n] = arena_dup(t->mem, name);
	t->hash[t->n] = h;
	t->slot[s] = (uint32_t)(t->n + 1);
	return t->n++;
}

void names_clear(struct names *t)
{
	if (t->mem)
		arena_reset(t->mem);
	t->n = 0;
	if (t->slot)
		memset(t->slot, 0, t->n_slots * sizeof *t->slot);
}

void names_free(struct names *t)
{
	if (t->mem)
		arena_free(t->mem);
	mem_free(t->mem);
	mem_free(t->name);
	mem_free(t->hash);
	mem_free(t->slot);
	*t = (struct names){ 0 };
}
