#include "fs/fs_gone.h"

#include "fs/fs_known.h"
#include "fs/fs_online.h"

static void start(struct fs_gone *g)
{
	g->key = sip_random_key();
	keyset_init(&g->times, true);
}

static void add(struct fs_gone *g, enum fs_type type, struct sl id, struct sl time)
{
	bool added;
	int64_t t;

	if (!fs_event_time_parse(type, time, &t))
		t = INT64_MAX;
	*keyset_value(&g->times, sip_hash(&g->key, id), &added) = t;
}

/* ---- asked for ----------------------------------------------------------------------------- */

struct join {
	struct fs_gone *gone;
	struct fs_ids deleted;
	enum fs_type type;
	const struct fs_reader *reader;
};

static void take_deleted(void *ctx, struct sl id)
{
	struct join *j = ctx;

	fs_ids_add(&j->deleted, id);
}

static void take_alive(void *ctx, const struct field *f, size_t n)
{
	struct join *j = ctx;

	j->reader->row(j->reader->ctx, f, n);
}

static void list_deleted(struct fs_move *m, struct join *j)
{
	const struct fs_online_conf conf = {.group = &m->source.group,
		.features = j->reader->features,
		.n = j->reader->n,
		.deleted = true,
		.row = take_alive,
		.missing = take_deleted,
		.ctx = j};
	struct fs_online *o = fs_online_new(m->source.aws, &conf);

	fs_online_all(o);
	fs_online_free(o);
}

/* A newest state of the offline store: identifier, event time, is_deleted. */
static void take_newest(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct join *j = ctx;

	if (!sl_eq(field_sl(&f[2]), SL("true")) && fs_ids_have(&j->deleted, field_sl(&f[0])))
		add(j->gone, j->type, field_sl(&f[0]), field_sl(&f[1]));
}

void fs_gone_find(struct fs_gone *g, struct fs_move *m, const struct fs_reader *reader)
{
	const struct fs_group *source = &m->source.group;
	struct fs_asker who = fs_move_asker(m, false);
	struct join j = {
		.gone = g, .type = fs_time_type(source), .reader = reader};
	AUTO_STR sql = {0};

	start(g);
	if (!fs_move_looks_online(m))
		return;
	fs_ids_init(&j.deleted);
	list_deleted(m, &j);
	if (j.deleted.set.n) {
		fs_move_select(m, true, false, &sql);
		fs_ask(&who, source,
			&(struct fs_question){.sql = str_sl(&sql), .row = take_newest, .ctx = &j});
	}
	fs_ids_free(&j.deleted);
}

/* ---- read ---------------------------------------------------------------------------------- */

static void take_state(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct join *j = ctx;

	add(j->gone, j->type, field_sl(&f[0]), field_sl(&f[1]));
}

void fs_gone_read(struct fs_gone *g, const struct fs_move *m, const char *path)
{
	const struct fs_group *source = &m->source.group;
	struct join j = {.gone = g, .type = fs_time_type(source)};

	start(g);
	fs_record_file(source,
		&(struct fs_reader){(size_t[]){source->id, source->time}, 2, take_state, &j},
		&(struct io_opts){0}, path, true);
}

bool fs_gone_has(struct fs_gone *g, struct sl id, int64_t *time)
{
	struct hash128 key;
	bool added;

	if (g->times.n == 0)
		return false;
	key = sip_hash(&g->key, id);
	if (!keyset_has(&g->times, key))
		return false;
	if (time)
		*time = *keyset_value(&g->times, key, &added);
	return true;
}

void fs_gone_free(struct fs_gone *g)
{
	keyset_clear(&g->times);
}
