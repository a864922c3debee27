/*
 * keyset.h - a set of 128-bit hashes, or a map from them to 64-bit values, in at most 32 bytes a
 * key (from some thousand keys on), also while it grows.
 *
 * 64 open-addressing tables that grow one by one, so that what is held twice in between is small.
 * A zeroed struct is an empty set, after keyset_init() an empty set or map.
 */
#pragma once

#include "core/sip.h"

#define KEYSET_TABLES 64
#define KEYSET_MAX_BYTES 32 /* per key */

struct keyset {
	struct keyset_table {
		uint64_t *slot; /* lo, hi and the value, if any; lo and hi 0: free */
		size_t n, cap;
	} table[KEYSET_TABLES];
	size_t words; /* of a slot: 2, or 3 with a value */
	size_t n;
	size_t bytes; /* of all tables */
};

void keyset_init(struct keyset *ks, bool with_values);

/* Adds the key; true when it was not there. */
bool keyset_add(struct keyset *ks, struct hash128 key);

bool keyset_has(const struct keyset *ks, struct hash128 key);

/* The value of a key, or NULL; valid until something is added. */
const int64_t *keyset_find(const struct keyset *ks, struct hash128 key);

/* The value of a key, which is added with the value 0 when new; valid until the next call. */
int64_t *keyset_value(struct keyset *ks, struct hash128 key, bool *added);

/* Where the key is looked for first: to have that memory fetched before it is needed. */
static inline const void *keyset_place(const struct keyset *ks, struct hash128 key)
{
	const struct keyset_table *t = &ks->table[key.hi % KEYSET_TABLES];

	return t->slot + (size_t)((unsigned __int128)key.lo * t->cap >> 64) * ks->words;
}

static inline size_t keyset_bytes(const struct keyset *ks)
{
	return ks->bytes;
}
void keyset_clear(struct keyset *ks); /* forgets all keys, and releases the memory */
