#include "fs/fs_known.h"

#include "core/hash.h"
#include "core/mem.h"

static struct fs_known_key key_of(struct sl id, enum fs_type type, struct sl time)
{
	struct fs_known_key k;
	int64_t t;

	if (type == FS_STRING)
		time = fs_event_time_bare(time);
	else if (fs_event_time_parse(type, time, &t))
		time = (struct sl){(const char *)&t, sizeof t};
	k.a = hash64(id, hash64(time, 7));
	k.b = hash64(id, hash64(time, 8)) | 1; /* never both 0 */
	return k;
}

/* Where it is, or would be: slots are filled from where the hash points to. */
static size_t place(const struct fs_known *k, struct fs_known_key key)
{
	size_t i = (size_t)(((unsigned __int128)key.a * k->n_slots) >> 64);

	while (k->slot[i].b && (k->slot[i].a != key.a || k->slot[i].b != key.b))
		i = i + 1 < k->n_slots ? i + 1 : 0;
	return i;
}

static void grow(struct fs_known *k)
{
	struct fs_known old = *k;

	k->n_slots = old.n_slots < 1024 ? 1024 : mem_add(old.n_slots, old.n_slots / 2);
	k->slot = mem_zalloc(mem_mul(k->n_slots, sizeof *k->slot));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slot[i].b)
			k->slot[place(k, old.slot[i])] = old.slot[i];
	mem_free(old.slot);
}

bool fs_known_add(struct fs_known *k, struct sl id, enum fs_type type, struct sl time)
{
	struct fs_known_key key = key_of(id, type, time);
	size_t i;

	if (k->n >= k->n_slots / 10 * 9)
		grow(k);
	i = place(k, key);
	if (k->slot[i].b)
		return false;
	k->slot[i] = key;
	k->n++;
	return true;
}

bool fs_known_has(const struct fs_known *k, struct sl id, enum fs_type type, struct sl time)
{
	return k->n && k->slot[place(k, key_of(id, type, time))].b;
}

void fs_known_free(struct fs_known *k)
{
	mem_free(k->slot);
	*k = (struct fs_known){0};
}

void fs_ids_init(struct fs_ids *s)
{
	s->key = sip_random_key();
	keyset_init(&s->set, false);
}

void fs_ids_add(struct fs_ids *s, struct sl id)
{
	(void)keyset_add(&s->set, sip_hash(&s->key, id));
}

bool fs_ids_have(const struct fs_ids *s, struct sl id)
{
	return s->set.n && keyset_has(&s->set, sip_hash(&s->key, id));
}

void fs_ids_free(struct fs_ids *s)
{
	keyset_clear(&s->set);
}
