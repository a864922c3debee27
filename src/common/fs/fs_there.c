#include "fs/fs_there.h"

#include "fs/fs_id_file.h"

void fs_there_init(struct fs_there *t, const struct fs_group *group)
{
	*t = (struct fs_there){.group = group, .key = sip_random_key()};
	keyset_init(&t->offline, false);
	keyset_init(&t->online, false);
	keyset_init(&t->times, true);
	keyset_init(&t->deleted, true);
	fs_ids_init(&t->past);
}

static int64_t time_of(const struct fs_there *t, const struct fs_item *item)
{
	int64_t at;

	return fs_event_time_parse(
		       fs_time_type(t->group), str_sl(&item->time), &at)
		       ? at
		       : INT64_MAX;
}

/* The event time of a deletion counts, its values do not. */
static struct hash128 key_of(const struct fs_there *t, const struct fs_item *item, bool online)
{
	struct sl time = fs_event_time_bare(str_sl(&item->time));
	bool exact = fs_time_type(t->group) == FS_STRING;
	struct {
		struct hash128 id;
		int64_t time;
		uint64_t sum;
	} whole = {sip_hash(&t->key, str_sl(&item->id)),
		exact ? (int64_t)hash64(time, 7) : time_of(t, item),
		item->deletion ? 0 : (item->sum + (online ? item->lists : 0)) | 1};

	return sip_hash(&t->key, (struct sl){(const char *)&whole, sizeof whole});
}

static void learn(struct fs_there *t, const struct fs_item *item, bool online)
{
	bool added;
	int64_t *time, mine = time_of(t, item);

	(void)keyset_add(online ? &t->online : &t->offline, key_of(t, item, online));
	if (!online && !item->deletion)
		return;
	time = keyset_value(online ? &t->times : &t->deleted,
		sip_hash(&t->key, str_sl(&item->id)), &added);
	if (added || *time < mine)
		*time = mine;
}

void fs_there_read(struct fs_there *t, const char *path, bool online)
{
	struct io *io = io_open(&(struct io_opts){0}, path);
	struct fs_coder coder;
	struct fs_item item = {0};
	enum rd_event ev;
	struct rec rec;
	struct sl column = SL("");
	size_t at;

	fs_coder_init(&coder, t->group, FS_WHEN_KEEP, false);
	coder.pass_unknown = coder.sums = true;
	coder.but = t->but;
	io->vouched = true; /* nothing is there */
	while ((ev = io_next(io, &rec)) != RD_END) {
		const char *why = NULL;

		if (ev == RD_COLS)
			why = fs_coder_cols(&coder, rd_cols(io->rd), false, &column);
		else if (ev == RD_ROW)
			why = fs_coder_put(&coder, &rec, &item, &at);
		if (why && ev == RD_COLS)
			die(EX_DATA, "%s: %s %s", path, msg_q(column), why);
		if (ev == RD_ROW && !why) /* what could not be put again is not the same either */
			learn(t, &item, online);
	}
	*(online ? &t->knows_online : &t->knows_offline) = true;
	io_drop(io);
	fs_coder_free(&coder);
	str_free(&item.id);
	str_free(&item.time);
	str_free(&item.values);
}

static void take_past(void *ctx, struct sl id)
{
	struct fs_there *t = ctx;

	fs_ids_add(&t->past, id);
}

void fs_there_past(struct fs_there *t, const char *path)
{
	fs_id_file(t->group, &(struct io_opts){0}, path, false, take_past, t);
}

/* Is there an event time of this identifier, and a later one than that? */
static bool has_later(const struct keyset *times, struct hash128 id, int64_t than)
{
	const int64_t *time = keyset_find(times, id);

	return time && *time > than;
}

bool fs_there_has_newer(const struct fs_there *t, const struct fs_item *item)
{
	return t->knows_online &&
	       has_later(&t->times, sip_hash(&t->key, str_sl(&item->id)), time_of(t, item));
}

/* Does the online store need nothing more? It has the record, or a newer one, or has it no more
 * because of a newer deletion; a deletion is done where there is none. */
static bool is_online(const struct fs_there *t, const struct fs_item *item)
{
	struct hash128 id = sip_hash(&t->key, str_sl(&item->id));
	int64_t time = time_of(t, item);

	if (fs_there_has_newer(t, item) || fs_ids_have(&t->past, str_sl(&item->id)))
		return true;
	if (item->deletion)
		return !keyset_has(&t->times, id);
	return keyset_has(&t->online, key_of(t, item, true)) || has_later(&t->deleted, id, time);
}

enum fs_need fs_there_needs(const struct fs_there *t, const struct fs_item *item)
{
	const struct fs_group *g = t->group;
	bool offline = !g->offline || (t->knows_offline
				? keyset_has(&t->offline, key_of(t, item, false))
				: t->knows_online);

	if ((!t->knows_offline && !t->knows_online) || !offline)
		return FS_NEED_ALL;
	if (!g->online || (t->knows_online && is_online(t, item)))
		return FS_NEED_NOTHING;
	return g->offline && t->knows_offline ? FS_NEED_ONLINE : FS_NEED_ALL;
}

void fs_there_free(struct fs_there *t)
{
	keyset_clear(&t->offline);
	keyset_clear(&t->online);
	keyset_clear(&t->times);
	keyset_clear(&t->deleted);
	fs_ids_free(&t->past);
}
