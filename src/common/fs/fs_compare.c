#include "fs/fs_compare.h"

#include "core/num.h"
#include "fs/fs_online.h"
#include "fs/fs_record.h"

#define AT_ONCE 4000 /* records that are kept while they are looked up */
#define AT_ONCE_BYTES ((size_t)16 << 20)

struct kept {
	struct field *f; /* by number of the feature */
	bool met;
};

struct comparer {
	const struct fs_compare_conf *conf;
	struct fs_online *online;
	size_t *feature; /* by column of the file; SIZE_MAX: none */
	size_t n_columns, cap;
	struct names ids;
	struct kept kept[AT_ONCE];
	size_t bytes;
	struct arena mem;
};

/* Athena writes numbers in its own way: 1.0E10 is 10000000000. */
static bool same_value(
	const struct fs_feature *f, bool time, const struct field *a, const struct field *b)
{
	double x, y;
	int64_t i, j;

	if (field_is_null(a) || field_is_null(b))
		return field_is_null(a) && field_is_null(b);
	if (sl_eq(field_sl(a), field_sl(b)))
		return true;
	if (f->collection != FS_SCALAR)
		return fs_value_hash(f, field_sl(a)) == fs_value_hash(f, field_sl(b));
	if (time && f->type == FS_STRING)
		return sl_eq(fs_event_time_bare(field_sl(a)), fs_event_time_bare(field_sl(b)));
	if (f->type == FS_INTEGRAL)
		return num_i64(field_sl(a), &i) && num_i64(field_sl(b), &j) && i == j;
	return f->type == FS_FRACTIONAL && num_double(field_sl(a), &x) &&
	       num_double(field_sl(b), &y) && x == y;
}

static void take_record(void *ctx, const struct field *f, size_t n)
{
	struct comparer *c = ctx;
	const struct fs_group *g = c->conf->group;
	size_t at = names_find(&c->ids, field_sl(&f[g->id]));
	enum fs_seen what = FS_SEEN_SAME;

	if (at == NAMES_NONE || c->kept[at].met)
		return;
	c->kept[at].met = true;
	for (size_t i = 0; i < n && what == FS_SEEN_SAME; i++)
		if (!same_value(&g->features[i], i == g->time, &c->kept[at].f[i], &f[i]))
			what = FS_SEEN_OTHER;
	c->conf->seen(c->conf->ctx, what, c->kept[at].f);
}

static void take_missing(void *ctx, struct sl id)
{
	struct comparer *c = ctx;
	size_t at = names_find(&c->ids, id);

	if (at == NAMES_NONE || c->kept[at].met)
		return;
	c->kept[at].met = true;
	c->conf->seen(c->conf->ctx, FS_SEEN_NONE, c->kept[at].f);
}

static void look_up(struct comparer *c)
{
	for (size_t i = 0; i < c->ids.n; i++)
		fs_online_get(c->online, c->ids.name[i]);
	fs_online_drain(c->online);
	names_clear(&c->ids);
	arena_reset(&c->mem);
	c->bytes = 0;
}

static void learn_columns(struct comparer *c, const struct names *cols)
{
	mem_grow(&c->feature, &c->cap, cols->n, sizeof *c->feature);
	for (; c->n_columns < cols->n; c->n_columns++)
		c->feature[c->n_columns] =
			fs_group_feature(c->conf->group, cols->name[c->n_columns]);
}

static void keep(struct comparer *c, const struct rec *rec)
{
	const struct fs_group *g = c->conf->group;
	struct field *f = arena_alloc(&c->mem, mem_mul(g->n, sizeof *f));
	const size_t needed[] = {g->id, g->time};
	size_t at;

	for (size_t i = 0; i < g->n; i++)
		f[i] = FIELD_NULL;
	for (size_t i = 0; i < rec->n && i < c->n_columns; i++) {
		if (c->feature[i] == SIZE_MAX || field_is_null(&rec->f[i]))
			continue;
		f[c->feature[i]] = rec->f[i];
		f[c->feature[i]].p = arena_dup(&c->mem, field_sl(&rec->f[i])).p;
	}
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (f[needed[i]].n == 0)
			die(EX_DATA, "%s: record %llu is without %s", c->conf->file,
				(unsigned long long)rec->record,
				msg_q(g->features[needed[i]].name));
	at = names_add(&c->ids, field_sl(&f[g->id]), NULL);
	c->kept[at] = (struct kept){.f = f};
	c->bytes += mem_mul(g->n, sizeof *f) + rec->raw.n;
}

/* The identifier of a record as it is in the file, or NULL. */
static const struct field *id_of(const struct comparer *c, const struct rec *rec)
{
	for (size_t i = 0; i < rec->n && i < c->n_columns; i++)
		if (c->feature[i] == c->conf->group->id)
			return &rec->f[i];
	return NULL;
}

static void take_row(struct comparer *c, const struct rec *rec)
{
	const struct fs_ids *only = c->conf->only;
	const struct field *id = id_of(c, rec);

	if (id && only && !fs_ids_have(only, field_sl(id)))
		return;
	/* two records of one identifier are two questions */
	if (c->ids.n == AT_ONCE || c->bytes > AT_ONCE_BYTES ||
		(id && names_find(&c->ids, field_sl(id)) != NAMES_NONE))
		look_up(c);
	keep(c, rec);
}

static void read_file(struct comparer *c)
{
	struct io *io = io_open(c->conf->io, c->conf->file);
	enum rd_event ev;
	struct rec rec;

	while ((ev = io_next(io, &rec)) != RD_END) {
		if (ev == RD_COLS)
			learn_columns(c, rd_cols(io->rd));
		else if (ev == RD_ROW)
			take_row(c, &rec);
	}
	io_drop(io);
}

void fs_compare(const struct fs_compare_conf *conf)
{
	AUTO_FREE struct comparer *c = mem_zalloc(sizeof *c);

	c->conf = conf;
	c->online = fs_online_new(conf->aws, &(struct fs_online_conf){.group = conf->group,
						     .workers = conf->workers,
						     .batch = conf->batch,
						     .patience_us = conf->patience_us,
						     .row = take_record,
						     .missing = take_missing,
						     .ctx = c});
	read_file(c);
	look_up(c);
	fs_online_free(c->online);
	names_free(&c->ids);
	arena_free(&c->mem);
	mem_free(c->feature);
}
