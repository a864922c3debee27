/*
 * hash.h - a 64-bit hash for tables and digests, and a table of names.
 *
 * hash64() is not for adversaries. Its value is part of the digest that seals carry, so it must
 * never change: t/unit/hash.c pins it.
 */
#pragma once

#include "core/base.h"

uint64_t hash64(struct sl s, uint64_t seed);

/* Spreads one 64-bit value over all bits (the finaliser of MurmurHash3). */
static inline uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/*
 * A set of names with dense numbers in order of first sight: 0, 1, 2 … Names are copied. A zeroed
 * struct is an empty set.
 */
struct arena;
struct names {
	struct sl *name;  /* by number; slices stay valid and in place until names_free() */
	size_t n, cap;
	uint32_t *slot;	  /* open addressing; number + 1, 0 = free */
	uint64_t *hash;	  /* by number */
	size_t n_slots;
	struct arena *mem;
};

#define NAMES_NONE SIZE_MAX

/* The number of a name, or NAMES_NONE. */
size_t names_find(const struct names *t, struct sl name);

/* The number of a name, which is added when new (*added says so; may be NULL). */
size_t names_add(struct names *t, struct sl name, bool *added);

/* Forgets all names, keeping memory. */
void names_clear(struct names *t);
void names_free(struct names *t);

/* One that is freed at the end of the block it is declared in; to be initialised there. */
#define AUTO_NAMES __attribute__((cleanup(names_free))) struct names
