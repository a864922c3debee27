#include "core/keyset.h"

#define FIRST_CAP 16

/*
 * Bytes of a slot / (lowest load) is what a key costs: a table is fullest just before it grows by
 * half (a set: 16 / (4/5 / 3/2) = 30) or by a fifth (a map: 24 / (23/25 / 6/5) = 31.3).
 */
static size_t full_at(const struct keyset *ks, size_t cap)
{
	return ks->words == 2 ? cap - cap / 5 - 1 : cap - cap * 2 / 25 - 1;
}

static size_t grown(const struct keyset *ks, size_t cap)
{
	if (cap < FIRST_CAP)
		return FIRST_CAP;
	return ks->words == 2 ? cap + cap / 2 : cap + cap / 5;
}

void keyset_init(struct keyset *ks, bool with_values)
{
	*ks = (struct keyset){ .words = with_values ? 3 : 2 };
}

/* The key's slot, or the free one where it would go. The table has a free one. */
static uint64_t *find(const struct keyset *ks, const struct keyset_table *t, struct hash128 key)
{
	size_t i = (size_t)((unsigned __int128)key.lo * t->cap >> 64);

	for (;; i = i + 1 < t->cap ? i + 1 : 0) {
		uint64_t *slot = t->slot + i * ks->words;

		if ((slot[0] == key.lo && slot[1] == key.hi) || (slot[0] | slot[1]) == 0)
			return slot;
	}
}

static void grow(struct keyset *ks, struct keyset_table *t)
{
	size_t size = ks->words * sizeof *t->slot, bytes = mem_mul(t->cap, size);
	size_t old_cap = t->cap;
	AUTO_FREE uint64_t *old = mem_alloc(bytes);

	if (bytes)
		memcpy(old, t->slot, bytes);
	t->cap = grown(ks, t->cap);
	ks->bytes += (t->cap - old_cap) * size;
	t->slot = mem_realloc(t->slot, mem_mul(t->cap, size));
	memset(t->slot, 0, t->cap * size);
	for (size_t i = 0; i < old_cap; i++) {
		const uint64_t *slot = old + i * ks->words;

		if (slot[0] | slot[1])
			memcpy(find(ks, t, (struct hash128){ slot[0], slot[1] }), slot, size);
	}
}

/* A free slot is all zeros, so no key is. */
static struct hash128 usable(struct hash128 key)
{
	key.hi += (key.lo | key.hi) == 0;
	return key;
}

static uint64_t *place(struct keyset *ks, struct hash128 key, bool *added)
{
	struct keyset_table *t;
	uint64_t *slot;

	if (!ks->words)
		keyset_init(ks, false);
	t = &ks->table[key.hi % KEYSET_TABLES];
	if (UNLIKELY(t->n + 1 >= full_at(ks, t->cap) || t->cap == 0))
		grow(ks, t);
	slot = find(ks, t, key);
	*added = (slot[0] | slot[1]) == 0;
	if (*added) {
		slot[0] = key.lo;
		slot[1] = key.hi;
		t->n++;
		ks->n++;
	}
	return slot;
}

bool keyset_add(struct keyset *ks, struct hash128 key)
{
	bool added;

	(void)place(ks, usable(key), &added);
	return added;
}

/* The key's slot, or NULL. */
static const uint64_t *look(const struct keyset *ks, struct hash128 key)
{
	const struct keyset_table *t;
	const uint64_t *slot;

	key = usable(key);
	t = &ks->table[key.hi % KEYSET_TABLES];
	if (t->cap == 0)
		return NULL;
	slot = find(ks, t, key);
	return slot[0] | slot[1] ? slot : NULL;
}

bool keyset_has(const struct keyset *ks, struct hash128 key)
{
	return look(ks, key) != NULL;
}

const int64_t *keyset_find(const struct keyset *ks, struct hash128 key)
{
	const uint64_t *slot = look(ks, key);

	return slot ? (const int64_t *)slot + 2 : NULL;
}

int64_t *keyset_value(struct keyset *ks, struct hash128 key, bool *added)
{
	/* a signed and an unsigned integer of one size may share their place */
	return (int64_t *)place(ks, usable(key), added) + 2;
}

void keyset_clear(struct keyset *ks)
{
	for (size_t i = 0; i < KEYSET_TABLES; i++)
		mem_free(ks->table[i].slot);
	keyset_init(ks, ks->words == 3);
}
