#include "fs/fs_fill.h"

#include "core/hash.h"
#include "fs/fs_known.h"
#include "fs/fs_online.h"

#define AT_ONCE 4000 /* rows that are kept while their records are looked up */
#define AT_ONCE_BYTES ((size_t)16 << 20)
#define NAMED 5 /* records that are named */

struct fs_fill {
	struct fs_fill_conf conf;
	size_t id, time; /* columns */
	struct aws *aws;
	struct fs_online *online;
	struct names ids;
	struct field **record; /* by number of the identifier: all features, or NULL */
	size_t cap;
	struct field **rows;
	size_t n_rows;
	size_t bytes;
	struct arena mem;
	struct names behind; /* of a history: identifiers of states that are not the newest */
	struct fs_ids met;   /* and those whose newest state was among the rows */
	bool blind;          /* the store cannot be asked */
	bool ending;         /* what comes are newer records, to be written as they are */
	struct field *out;
	uint64_t past, missing, older, newer, ties;
	struct str names;
};

/* Two texts of one event time, to the last digit? */
static bool fs_same_time(enum fs_type type, struct sl a, struct sl b)
{
	double x, y;

	if (type == FS_STRING)
		return sl_eq(fs_event_time_bare(a), fs_event_time_bare(b));
	return num_double(a, &x) && num_double(b, &y) && x == y;
}

/* ---- looking up ---------------------------------------------------------------------------- */

/* The columns of a row out of a whole record; what is no feature is empty, is_deleted false. */
static void put_record(struct fs_fill *fill, const struct field *record)
{
	const struct fs_fill_conf *c = &fill->conf;

	for (size_t i = 0; i < c->n; i++)
		fill->out[i] = c->feature[i] == SIZE_MAX ? FIELD_NULL : record[c->feature[i]];
	if (c->deleted != SIZE_MAX)
		fill->out[c->deleted] = field_str(SL("false"));
	c->row(c->ctx, fill->out, c->n);
	fill->newer++;
}

static void take_record(void *ctx, const struct field *f, size_t n)
{
	struct fs_fill *fill = ctx;
	size_t at = names_find(&fill->ids, field_sl(&f[fill->conf.group->id]));

	if (fill->ending)
		put_record(fill, f);
	if (at != NAMES_NONE)
		fill->record[at] = fields_dup(&fill->mem, f, n, &fill->bytes);
}

static void count_out(struct fs_fill *fill, uint64_t *count, struct sl id)
{
	uint64_t named = fill->missing + fill->older;

	if (count != &fill->past && named <= NAMED) {
		str_addz(&fill->names, fill->names.n ? ", " : "");
		str_addz(&fill->names, named == NAMED ? "…" : msg_q(id));
	}
	++*count;
}

bool fs_fill_is_tie(const struct fs_fill_conf *conf, const struct field *f)
{
	return conf->ties != SIZE_MAX && !sl_eq(field_sl(&f[conf->ties]), SL("1"));
}

static void put_filled(struct fs_fill *fill, const struct field *row, const struct field *record)
{
	const struct fs_fill_conf *c = &fill->conf;

	bool tie = fs_fill_is_tie(c, row);

	memcpy(fill->out, row, c->n * sizeof *row);
	fill->ties += tie;
	for (size_t i = 0; i < c->n; i++)
		if (c->feature[i] != SIZE_MAX &&
			(tie || c->group->features[c->feature[i]].collection != FS_SCALAR))
			fill->out[i] = record[c->feature[i]];
	c->row(c->ctx, fill->out, c->n);
}

/* Is the record of the online store (1) newer than the row, (0) the same, (-1) older? */
static int age(struct fs_fill *fill, const struct field *row, const struct field *record)
{
	const struct fs_group *g = fill->conf.group;
	enum fs_type type = fs_time_type(g);
	struct sl mine = field_sl(&row[fill->time]);
	struct sl other = field_sl(&record[g->time]);
	int64_t a, b;

	if (fs_same_time(type, mine, other))
		return 0;
	if (!fs_event_time_parse(type, mine, &a) || !fs_event_time_parse(type, other, &b))
		return -1;
	if (a == b && type == FS_STRING) { /* they differ by less than a microsecond */
		struct sl x = fs_event_time_bare(mine), y = fs_event_time_bare(other);
		int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

		return order ? -order : y.n > x.n ? 1 : -1;
	}
	return b > a ? 1 : -1;
}

static void put_row(struct fs_fill *fill, const struct field *row)
{
	const struct fs_fill_conf *c = &fill->conf;
	struct sl id = field_sl(&row[fill->id]);
	size_t at = names_find(&fill->ids, id);
	const struct field *record = at == NAMES_NONE ? NULL : fill->record[at];
	int order = record ? age(fill, row, record) : -1;

	if (at == NAMES_NONE) { /* a deletion, or nothing to look up */
		c->row(c->ctx, row, c->n);
	} else if (record && order == 0) {
		put_filled(fill, row, record);
		if (c->newer && !c->latest)
			fs_ids_add(&fill->met, id);
	} else if (order > 0 && c->newer && c->latest) {
		put_record(fill, record);
	} else {
		if (c->bare)
			*c->bare = true;
		else if (c->collections)
			count_out(fill,
				order > 0      ? &fill->past
				: record ? &fill->older
					 : &fill->missing,
				id);
		c->row(c->ctx, row, c->n);
		if (c->bare)
			*c->bare = false;
		if (order > 0 && c->newer)
			(void)names_add(&fill->behind, id, NULL);
	}
}

static void look_up(struct fs_fill *fill)
{
	for (size_t i = 0; i < fill->ids.n && !fill->blind; i++)
		fs_online_get(fill->online, fill->ids.name[i]);
	fs_online_drain(fill->online);
	for (size_t i = 0; i < fill->n_rows; i++)
		put_row(fill, fill->rows[i]);
	names_clear(&fill->ids);
	arena_reset(&fill->mem);
	fill->n_rows = fill->bytes = 0;
}

/* Of a history: records that are newer than every state among the rows. */
static void put_newer(struct fs_fill *fill)
{
	fill->ending = true;
	for (size_t i = 0; i < fill->behind.n; i++)
		if (!fs_ids_have(&fill->met, fill->behind.name[i]))
			fs_online_get(fill->online, fill->behind.name[i]);
	fs_online_drain(fill->online);
}

/* ---- the caller's side --------------------------------------------------------------------- */

static bool check_access(struct fs_fill *fill)
{
	const struct fs_group *g = fill->conf.group;
	struct aws_error e;

	if (g->online && fs_online_probe(fill->aws, g, &e))
		return true;
	if (!fill->conf.collections)
		return false;
	if (g->online && aws_error_is_temporary(&e))
		aws_die(&e, "cannot read the online store");
	die_hint(EX_DATA, "--without-collections goes on, and leaves them empty",
		"%s has collections, which only its online store holds, and it cannot be asked: %s",
		msg_q(g->name), g->online ? aws_error_text(&e) : "there is none");
}

struct fs_fill *fs_fill_new(const struct fs_fill_conf *conf)
{
	struct fs_fill *fill = mem_zalloc(sizeof *fill);

	fill->conf = *conf;
	for (size_t i = 0; i < conf->n; i++)
		if (conf->feature[i] == conf->group->id)
			fill->id = i;
		else if (conf->feature[i] == conf->group->time)
			fill->time = i;
	fill->aws = aws_need(conf->opts);
	fill->blind = !check_access(fill);
	fill->rows = mem_alloc(AT_ONCE * sizeof *fill->rows);
	fill->out = mem_alloc(mem_mul(conf->n, sizeof *fill->out));
	fs_ids_init(&fill->met);
	fill->online = fs_online_new(fill->aws,
		&(struct fs_online_conf){.group = conf->group, .row = take_record, .ctx = fill});
	return fill;
}

static bool is_deletion(const struct fs_fill *fill, const struct field *f)
{
	return fill->conf.deleted != SIZE_MAX && !field_is_null(&f[fill->conf.deleted]) &&
	       sl_eq(field_sl(&f[fill->conf.deleted]), SL("true"));
}

void fs_fill_row(struct fs_fill *fill, const struct field *f)
{
	bool added = false, wanted = fill->conf.collections || fs_fill_is_tie(&fill->conf, f);
	struct field *copy;
	size_t at;

	if (!wanted && !fill->n_rows) {
		fill->conf.row(fill->conf.ctx, f, fill->conf.n);
		return;
	}
	if (fill->n_rows == AT_ONCE || fill->bytes > AT_ONCE_BYTES)
		look_up(fill);
	copy = fields_dup(&fill->mem, f, fill->conf.n, &fill->bytes);
	fill->rows[fill->n_rows++] = copy;
	if (!wanted || is_deletion(fill, f) || field_is_null(&f[fill->id]))
		return;
	at = names_add(&fill->ids, field_sl(&copy[fill->id]), &added);
	mem_grow(&fill->record, &fill->cap, at + 1, sizeof(struct field *));
	if (added)
		fill->record[at] = NULL;
}

uint64_t fs_fill_end(struct fs_fill *fill)
{
	uint64_t ties;

	look_up(fill);
	put_newer(fill);
	if (fill->newer)
		msg_note("%llu records are newer in the online store, and taken from there",
			(unsigned long long)fill->newer);
	if (fill->missing + fill->older)
		msg_warn("%llu records are without collections: the online store of %s has %llu of "
			 "them older and %llu not: %s",
			(unsigned long long)(fill->missing + fill->older),
			msg_q(fill->conf.group->name), (unsigned long long)fill->older,
			(unsigned long long)fill->missing, fill->names.p);
	if (fill->past)
		msg_warn("%llu states of the past are without collections, which only the newest "
			 "state in the online store has",
			(unsigned long long)fill->past);
	fs_online_free(fill->online);
	aws_close(fill->aws);
	names_free(&fill->ids);
	arena_free(&fill->mem);
	fs_ids_free(&fill->met);
	names_free(&fill->behind);
	mem_free(fill->record);
	mem_free(fill->rows);
	mem_free(fill->out);
	str_free(&fill->names);
	ties = fill->ties;
	mem_free(fill);
	return ties;
}
