#include "fs/fs_compare.h"

#include "fs/fs_id_file.h"
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

static void take_row(void *ctx, const struct field *f, size_t n)
{
	struct comparer *c = ctx;
	const struct fs_ids *only = c->conf->only;
	struct sl id = field_sl(&f[c->conf->group->id]);

	if (only && !fs_ids_have(only, id))
		return;
	/* two records of one identifier are two questions */
	if (c->ids.n == AT_ONCE || c->bytes > AT_ONCE_BYTES ||
		names_find(&c->ids, id) != NAMES_NONE)
		look_up(c);
	c->kept[names_add(&c->ids, id, NULL)] =
		(struct kept){.f = fields_dup(&c->mem, f, n, &c->bytes)};
}

void fs_compare(const struct fs_compare_conf *conf)
{
	AUTO_FREE struct comparer *c = mem_zalloc(sizeof *c);
	AUTO_FREE size_t *all = mem_alloc(mem_mul(conf->group->n, sizeof *all));

	for (size_t i = 0; i < conf->group->n; i++)
		all[i] = i;
	c->conf = conf;
	c->online = fs_online_new(conf->aws, &(struct fs_online_conf){.group = conf->group,
						     .workers = conf->workers,
						     .batch = conf->batch,
						     .patience_us = conf->patience_us,
						     .row = take_record,
						     .missing = take_missing,
						     .ctx = c});
	fs_record_file(conf->group, &(struct fs_reader){all, conf->group->n, take_row, c}, conf->io,
		conf->file, false);
	look_up(c);
	fs_online_free(c->online);
	names_free(&c->ids);
	arena_free(&c->mem);
}
