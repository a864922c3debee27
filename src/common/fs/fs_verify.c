#include "fs/fs_verify.h"

#include "core/clock.h"
#include "core/num.h"
#include "fs/fs_known.h"
#include "fs/fs_online.h"
#include "fs/fs_record.h"

#define AT_ONCE 4000 /* identifiers whose expected state is kept */

static void name_record(struct str *names, uint64_t nth, struct sl id)
{
	if (nth > FS_VERIFY_NAMES)
		return;
	str_addz(names, names->n ? ", " : "");
	str_addz(names, nth == FS_VERIFY_NAMES ? "…" : msg_q(id));
}

void fs_verdict_free(struct fs_verdict *v)
{
	str_free(&v->names);
	str_free(&v->repeated);
}

/* ---- what is expected ---------------------------------------------------------------------- */

struct source {
	fs_row_fn *row;
	void *ctx;
	const struct fs_move *m;
};

static void take_only(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct source *s = ctx;

	if (fs_only_has(&s->m->only, field_sl(&f[fs_move_only_at(s->m)])))
		s->row(s->ctx, f, 3);
}

static void take_online(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct source *s = ctx;
	struct field three[3] = {f[0], f[1], {.p = "false", .n = 5, .kind = F_BOOL}};

	s->row(s->ctx, three, 3);
}

/* A record that was deleted since it was listed is not expected any more. */
static void list_source(struct fs_move *m, struct source *s)
{
	const struct fs_group *g = &m->source.group;
	const size_t features[] = {g->id, g->time};
	const struct fs_online_conf conf = {.group = g,
		.features = features,
		.n = 2,
		.only = &m->only,
		.row = take_online,
		.ctx = s};
	struct fs_online *o = fs_online_new(m->source.aws, &conf);

	fs_online_all(o);
	fs_online_free(o);
}

/* Calls `row` with identifier, event time and is_deleted of each record that was to be moved;
 * `newest`: only the newest of each identifier. */
static void each_expected(struct fs_move *m, bool newest, fs_row_fn *row, void *ctx)
{
	struct fs_asker who = fs_move_asker(m, false);
	AUTO_STR sql = {0};

	if (m->online) {
		list_source(m, &(struct source){row, ctx, m});
		return;
	}
	fs_move_select(m, newest, &sql);
	fs_ask(&who, &m->source.group,
		&(struct fs_question){.sql = str_sl(&sql),
			.row = take_only,
			.ctx = &(struct source){row, ctx, m}});
}

/* ---- online -------------------------------------------------------------------------------- */

struct state {
	int64_t time;
	bool deleted, seen;
	bool older; /* than the newest of the offline store: */
	int64_t newest;
	bool online;     /* the source's online store has it, too: */
	uint64_t values; /* a hash of what is compared */
	int64_t since;   /* its event time */
};

struct online_check {
	struct fs_move *m;
	struct fs_gone *gone;
	struct fs_verdict *v;
	struct fs_online *target, *source; /* source: NULL where it cannot be asked */
	const size_t *to, *from; /* the features compared */
	struct names ids;
	struct state states[AT_ONCE];
	uint64_t named;
};

/*
 * Features of a record to be compared: identifier, event time, then those that both have alike. Of
 * a part of the records that has no ties what is online was not asked for but for collections.
 */
static size_t *compared(const struct fs_move *m, bool target, size_t *n)
{
	const struct fs_group *from = &m->source.group, *to = &m->target.group;
	const struct fs_group *g = target ? to : from;
	size_t *v = mem_alloc(mem_mul(from->n + 2, sizeof *v));
	bool all = fs_move_looks_online(m) || m->online || m->ties;

	*n = 0;
	v[(*n)++] = g->id;
	v[(*n)++] = g->time;
	for (size_t i = 0; i < from->n && !m->mapped; i++) {
		const struct fs_feature *f = &from->features[i];
		size_t other = fs_group_feature(to, f->name);

		if (i != from->id && i != from->time && other != SIZE_MAX &&
			to->features[other].type == f->type &&
			(f->collection == FS_SCALAR ? all : !m->without_collections))
			v[(*n)++] = target ? other : i;
	}
	return v;
}

/* `of`: the features of the fields. */
static uint64_t hash_values(
	const struct fs_group *g, const size_t *of, const struct field *f, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 2; i < n; i++)
		if (!field_is_null(&f[i]))
			sum += fs_value_hash(&g->features[of[i]], field_sl(&f[i])) * (2 * i + 1);
	return sum;
}

static void take_source(void *ctx, const struct field *f, size_t n)
{
	struct online_check *c = ctx;
	const struct fs_group *g = &c->m->source.group;
	size_t i = names_find(&c->ids, field_sl(&f[0]));
	int64_t t;

	if (i == NAMES_NONE || !fs_event_time_parse(g->features[g->time].type, field_sl(&f[1]), &t))
		return;
	c->states[i].online = true;
	c->states[i].values = hash_values(g, c->from, f, n);
	c->states[i].since = t;
}

/* Has it other values than the source's online store has of this event time? */
static bool is_other(
	struct online_check *c, const struct state *s, const struct field *f, size_t n, int64_t t)
{
	if (s->older && t > s->time)
		return t <= s->newest;
	return s->online && s->since == t &&
	       s->values != hash_values(&c->m->target.group, c->to, f, n);
}

/* A record of the target: as new as expected? */
static void take_target(void *ctx, const struct field *f, size_t n)
{
	struct online_check *c = ctx;
	size_t i = names_find(&c->ids, field_sl(&f[0]));
	const struct fs_group *g = &c->m->target.group;
	int64_t t;

	if (i == NAMES_NONE || c->states[i].seen)
		return;
	c->states[i].seen = true;
	if (!fs_event_time_parse(g->features[g->time].type, field_sl(&f[1]), &t))
		t = INT64_MIN;
	if (!c->states[i].deleted && t >= c->states[i].time &&
		is_other(c, &c->states[i], f, n, t)) {
		c->v->otherwise++;
		name_record(&c->v->names, c->named++, field_sl(&f[0]));
		return;
	}
	if (t >= c->states[i].time) {
		/* what is late came from the source's online store */
		c->v->newer += t > c->states[i].time &&
			       !(c->states[i].online && c->states[i].since == t);
		return;
	}
	if (c->states[i].deleted)
		c->v->undeleted++;
	else
		c->v->older++;
	name_record(&c->v->names, c->named++, field_sl(&f[0]));
}

static void not_there(void *ctx, struct sl id)
{
	struct online_check *c = ctx;
	const struct fs_group *g = &c->m->target.group;
	int64_t ttl = (int64_t)fs_ttl_seconds(g->ttl_unit, g->ttl) * CLOCK_US_PER_SEC;
	size_t i = names_find(&c->ids, id);

	if (i == NAMES_NONE || c->states[i].seen)
		return;
	c->states[i].seen = true;
	if (c->states[i].deleted)
		return;
	if (ttl && c->states[i].time + ttl <= clock_now()) {
		c->v->expired++;
		return;
	}
	c->v->missing++;
	name_record(&c->v->names, c->named++, id);
}

/* A record put behind its hard deletion, at an event time before it, is what is expected; of a part
 * of the records the newest may be, too, where the other does not belong to it. */
static void expect_older(struct online_check *c, struct state *s)
{
	if (!s->online || s->since >= s->time || c->m->as_of)
		return;
	s->older = fs_move_looks_online(c->m) && !c->m->mapped;
	s->newest = s->time;
	s->time = s->since;
	s->deleted = false;
}

static void look_up(struct online_check *c)
{
	for (size_t i = 0; i < c->ids.n && c->source; i++)
		fs_online_get(c->source, c->ids.name[i]);
	if (c->source)
		fs_online_drain(c->source);
	for (size_t i = 0; i < c->ids.n; i++)
		expect_older(c, &c->states[i]);
	for (size_t i = 0; i < c->ids.n; i++)
		fs_online_get(c->target, c->ids.name[i]);
	fs_online_drain(c->target);
	for (size_t i = 0; i < c->ids.n; i++)
		if (!c->states[i].seen)
			not_there(c, c->ids.name[i]);
	names_clear(&c->ids);
}

static bool is_true(const struct field *f)
{
	return !field_is_null(f) && sl_eq(field_sl(f), SL("true"));
}

static void expect(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct online_check *c = ctx;
	const struct fs_group *g = &c->m->source.group;
	enum fs_type type = g->features[g->time].type;
	size_t i = names_add(&c->ids, field_sl(&f[0]), NULL);
	struct state *s = &c->states[i];

	*s = (struct state){.deleted = is_true(&f[2]) ||
				       fs_gone_has(c->gone, field_sl(&f[0]), NULL)};
	if (!fs_event_time_parse(type, field_sl(&f[1]), &s->time))
		s->time = INT64_MAX;
	else if (!is_true(&f[2]) && s->deleted)
		s->time++; /* it was deleted behind that; one of the time of its deletion stays */
	c->v->expected++;
	if (c->ids.n == AT_ONCE)
		look_up(c);
}

static struct fs_online *open_side(struct online_check *c, struct aws *a,
	const struct fs_side *side, const size_t *features, size_t n,
	void (*row)(void *ctx, const struct field *f, size_t n),
	void (*missing)(void *ctx, struct sl id))
{
	return fs_online_new(a, &(struct fs_online_conf){.group = &side->group,
						.features = features,
						.n = n,
						.row = row,
						.missing = missing,
						.ctx = c});
}

void fs_verify_online(struct fs_move *m, struct fs_gone *gone, struct fs_verdict *v)
{
	AUTO_FREE struct online_check *c = mem_zalloc(sizeof *c);
	struct aws *again = NULL;
	struct aws_error e;
	size_t n, *to = compared(m, true, &n), *from = compared(m, false, &n);

	c->m = m;
	c->gone = gone;
	c->v = v;
	c->to = to;
	c->from = from;
	c->target = open_side(c, m->target.aws, &m->target, to, n, take_target, not_there);
	/* of its own: the source may be listed meanwhile */
	again = m->source.group.online ? aws_open(&m->source.opts, &e) : NULL;
	if (again && fs_online_probe(again, &m->source.group, &e))
		c->source = open_side(c, again, &m->source, from, n, take_source, NULL);
	each_expected(m, true, expect, c);
	look_up(c);
	fs_online_free(c->target);
	if (c->source)
		fs_online_free(c->source);
	if (again)
		aws_close(again);
	mem_free(to);
	mem_free(from);
	names_free(&c->ids);
}

/* ---- offline ------------------------------------------------------------------------------- */

struct offline_check {
	struct fs_move *m;
	struct fs_gone *gone;
	struct fs_verdict *v;
	struct fs_ids target; /* records of it */
};

static void take_counts(void *ctx, const struct field *f, size_t n)
{
	struct fs_verdict *v = ctx;

	v->ids = v->records = v->rows = 0;
	if (n != 3 || !num_u64(field_sl(&f[0]), &v->ids))
		die(EX_STREAM, "Athena's answer is not a count of records");
	if (v->ids &&
		(!num_u64(field_sl(&f[1]), &v->records) || !num_u64(field_sl(&f[2]), &v->rows)))
		die(EX_STREAM, "Athena's answer is not a count of records");
}

static void take_repeated(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct fs_verdict *v = ctx;

	str_addz(&v->repeated, v->repeated.n ? ", " : "");
	str_addf(&v->repeated, "%s at %s (%.*s times)", msg_q(field_sl(&f[0])),
		msg_q(field_sl(&f[1])), (int)f[2].n, f[2].p);
}

static void ask_target(struct fs_move *m, struct str *sql, fs_row_fn *row, void *ctx)
{
	struct fs_asker who = fs_move_asker(m, true);

	fs_ask(&who, &m->target.group,
		&(struct fs_question){.sql = str_sl(sql), .row = row, .ctx = ctx});
	str_clear(sql);
}

static void count_target(struct fs_move *m, struct fs_verdict *v)
{
	AUTO_STR sql = {0};

	fs_sql_counts(&m->target.group, &sql);
	ask_target(m, &sql, take_counts, v);
	str_clear(&v->repeated);
	if (v->rows > v->records) {
		fs_sql_repeated(&m->target.group, 2, &sql);
		str_addf(&sql, " ORDER BY 3 DESC, 1, 2 LIMIT %d", FS_VERIFY_NAMES);
		ask_target(m, &sql, take_repeated, v);
	}
}

static void take_missing(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct fs_verdict *v = ctx;

	name_record(&v->names, v->missing++, field_sl(&f[0]));
}

/* In one place Athena knows both tables. */
static void compare_tables(struct fs_move *m, struct fs_verdict *v)
{
	AUTO_STR select = {0}, sql = {0};

	fs_move_select(m, m->newest, &select);
	fs_sql_missing(&m->source.group, str_sl(&select), &m->target.group, &sql);
	ask_target(m, &sql, take_missing, v);
	v->expected = m->records;
}

static void learn(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;
	enum fs_type type = c->m->target.group.features[c->m->target.group.time].type;

	fs_known_add(&c->target, field_sl(&f[0]), type, field_sl(&f[1]));
}

static void check_known(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;
	enum fs_type type = c->m->source.group.features[c->m->source.group.time].type;

	c->v->expected++;
	if (!fs_known_has(&c->target, field_sl(&f[0]), type, field_sl(&f[1])))
		name_record(&c->v->names, c->v->missing++, field_sl(&f[0]));
}

static void compare_keys(struct fs_move *m, struct fs_verdict *v)
{
	struct offline_check c = {.m = m, .v = v};
	AUTO_STR sql = {0};

	fs_ids_init(&c.target);
	fs_sql_repeated(&m->target.group, 0, &sql);
	ask_target(m, &sql, learn, &c);
	v->expected = 0;
	each_expected(m, m->newest, check_known, &c);
	fs_ids_free(&c.target);
}

/* A newest state of the target: identifier, event time. */
static void check_gone(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;
	enum fs_type type = c->m->target.group.features[c->m->target.group.time].type;
	int64_t last, t;

	if (!fs_gone_has(c->gone, field_sl(&f[0]), &last) ||
		!fs_event_time_parse(type, field_sl(&f[1]), &t) || t > last)
		return;
	name_record(&c->v->names, c->v->missing + c->v->undeleted++, field_sl(&f[0]));
}

static void look_for_gone(struct fs_move *m, struct fs_gone *gone, struct fs_verdict *v)
{
	const struct fs_group *g = &m->target.group;
	const struct sl columns[] = {g->features[g->id].name, g->features[g->time].name};
	struct offline_check c = {.m = m, .gone = gone, .v = v};
	AUTO_STR sql = {0};

	fs_sql_select(g,
		&(struct fs_select){.columns = columns, .n_columns = 2, .latest = true}, &sql);
	ask_target(m, &sql, check_gone, &c);
}

void fs_verify_offline(struct fs_move *m, struct fs_gone *gone, struct fs_verdict *v)
{
	v->missing = v->undeleted = 0;
	str_clear(&v->names);
	count_target(m, v);
	if (fs_move_same_place(m) && !m->online && !m->mapped && !m->only.feature.n)
		compare_tables(m, v);
	else
		compare_keys(m, v);
	if (gone->times.n)
		look_for_gone(m, gone, v);
}
