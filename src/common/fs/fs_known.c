#include "fs/fs_known.h"

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

static struct hash128 key_of(
	const struct fs_ids *s, struct sl id, enum fs_type type, struct sl time)
{
	struct hash128 both[2] = {sip_hash(&s->key, id)};
	int64_t t;

	if (type == FS_STRING)
		time = fs_event_time_bare(time);
	else if (fs_event_time_parse(type, time, &t))
		time = (struct sl){(const char *)&t, sizeof t};
	both[1] = sip_hash(&s->key, time);
	return sip_hash(&s->key, (struct sl){(const char *)both, sizeof both});
}

void fs_known_add(struct fs_ids *s, struct sl id, enum fs_type type, struct sl time)
{
	(void)keyset_add(&s->set, key_of(s, id, type, time));
}

bool fs_known_has(const struct fs_ids *s, struct sl id, enum fs_type type, struct sl time)
{
	return s->set.n && keyset_has(&s->set, key_of(s, id, type, time));
}
