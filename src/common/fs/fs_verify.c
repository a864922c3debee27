#include "fs/fs_verify.h"

#include "core/clock.h"
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

/* ---- what was read already ----------------------------------------------------------------- */

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

/* What a record is known by besides its event time. */
static struct sl key_of(struct fs_proof *p, const struct field *f, uint64_t values)
{
	str_clear(&p->key);
	str_add(&p->key, (struct sl){(const char *)&values, sizeof values});
	str_add(&p->key, field_sl(&f[0]));
	return str_sl(&p->key);
}

static void take_seen(void *ctx, const struct field *f, size_t n)
{
	struct fs_proof *p = ctx;
	const struct fs_group *g = &p->m->source.group;

	fs_known_add(&p->source, key_of(p, f, hash_values(g, p->from, f, n)), fs_time_type(g),
		field_sl(&f[1]));
}

/* Has the source a record of the target just so, as far as it was read? */
static bool is_seen(struct fs_proof *p, const struct field *f, uint64_t values)
{
	return fs_known_has(&p->source, key_of(p, f, values), fs_time_type(&p->m->target.group),
		field_sl(&f[1]));
}

static void take_there(void *ctx, const struct field *f, size_t n)
{
	struct fs_proof *p = ctx;
	const struct fs_group *g = &p->m->target.group;

	if (is_seen(p, f, hash_values(g, p->to, f, n)))
		fs_known_add(&p->target, field_sl(&f[0]), fs_time_type(g), field_sl(&f[1]));
}

void fs_proof_open(struct fs_proof *p, struct fs_move *m, const char *seen, const char *there)
{
	const struct io_opts plain = {0};

	*p = (struct fs_proof){.m = m, .seen = seen};
	p->from = fs_move_compared(m, false, &p->n);
	p->to = fs_move_compared(m, true, &p->n);
	p->reader = (struct fs_reader){p->from, p->n, take_seen, p};
	fs_ids_init(&p->source);
	fs_ids_init(&p->target);
	if (seen)
		fs_record_file(&m->source.group, &p->reader, &plain, seen, true);
	if (there)
		fs_record_file(&m->target.group, &(struct fs_reader){p->to, p->n, take_there, p},
			&plain, there, true);
}

void fs_proof_close(struct fs_proof *p)
{
	fs_ids_free(&p->source);
	fs_ids_free(&p->target);
	mem_free(p->from);
	mem_free(p->to);
	str_free(&p->key);
}

/* ---- what is expected ---------------------------------------------------------------------- */

struct source {
	fs_row_fn *row;
	void *ctx;
	struct fs_proof *p;
};

static void take_only(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct source *s = ctx;
	const struct fs_move *m = s->p->m;

	if (fs_only_has(&m->only, field_sl(&f[fs_move_only_at(m)])))
		s->row(s->ctx, f, 3);
}

static void take_online(void *ctx, const struct field *f, size_t n)
{
	struct source *s = ctx;
	struct field three[3] = {f[0], f[1], {.p = "false", .n = 5, .kind = F_BOOL}};

	if (!s->p->seen)
		take_seen(s->p, f, n);
	else if (!fs_only_has(&s->p->m->only, field_sl(&f[0])))
		return;
	s->row(s->ctx, three, 3);
}

/* A record that was deleted since it was listed is not expected any more. */
static void list_source(struct source *s)
{
	struct fs_move *m = s->p->m;
	const struct fs_online_conf conf = {.group = &m->source.group,
		.features = s->p->from,
		.n = s->p->n,
		.only = &m->only,
		.row = take_online,
		.ctx = s};
	struct fs_online *o = fs_online_new(m->source.aws, &conf);

	fs_online_all(o);
	fs_online_free(o);
}

/* Calls `row` with identifier, event time and is_deleted of each record that was to be moved;
 * `newest`: only the newest of each identifier. */
static void each_expected(struct fs_proof *p, bool newest, fs_row_fn *row, void *ctx)
{
	struct fs_move *m = p->m;
	struct source s = {row, ctx, p};
	struct fs_asker who = fs_move_asker(m, false);
	AUTO_STR sql = {0};

	if (m->online && p->seen) {
		fs_record_file(&m->source.group,
			&(struct fs_reader){p->from, p->n, take_online, &s}, &(struct io_opts){0},
			p->seen, true);
		return;
	}
	if (m->online) {
		list_source(&s);
		return;
	}
	fs_move_select(m, newest, false, &sql);
	fs_ask(&who, &m->source.group,
		&(struct fs_question){.sql = str_sl(&sql), .row = take_only, .ctx = &s});
}

/* ---- online -------------------------------------------------------------------------------- */

struct state {
	int64_t time;
	bool deleted;
	bool older; /* than the newest of the offline store: */
	int64_t newest;
	bool online;     /* the source's online store has it, too: */
	uint64_t values; /* a hash of what is compared */
	int64_t since;   /* its event time */
	bool found, same; /* in the target; just as the source was seen to have it */
	uint64_t there;
	int64_t at;
};

struct online_check {
	struct fs_move *m;
	struct fs_proof *proof;
	struct fs_gone *gone;
	struct fs_verdict *v;
	struct fs_online *target, *source; /* source: NULL where it cannot be asked */
	struct names ids;
	struct state states[AT_ONCE];
	uint64_t named;
};

static void take_source(void *ctx, const struct field *f, size_t n)
{
	struct online_check *c = ctx;
	const struct fs_group *g = &c->m->source.group;
	size_t i = names_find(&c->ids, field_sl(&f[0]));
	int64_t t;

	if (i == NAMES_NONE || !fs_event_time_parse(fs_time_type(g), field_sl(&f[1]), &t))
		return;
	c->states[i].online = true;
	c->states[i].values = hash_values(g, c->proof->from, f, n);
	c->states[i].since = t;
}

static void take_target(void *ctx, const struct field *f, size_t n)
{
	struct online_check *c = ctx;
	size_t i = names_find(&c->ids, field_sl(&f[0]));
	const struct fs_group *g = &c->m->target.group;
	struct state *s;

	if (i == NAMES_NONE || c->states[i].found)
		return;
	s = &c->states[i];
	s->found = true;
	s->there = hash_values(g, c->proof->to, f, n);
	if (!fs_event_time_parse(fs_time_type(g), field_sl(&f[1]), &s->at))
		s->at = INT64_MIN;
	s->same = s->at >= s->time && is_seen(c->proof, f, s->there);
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

/* Has it other values than the source's online store has of this event time? */
static bool is_other(const struct state *s)
{
	if (s->older && s->at > s->time)
		return s->at <= s->newest;
	return s->online && s->since == s->at && s->values != s->there;
}

static bool is_expired(const struct online_check *c, const struct state *s)
{
	const struct fs_group *g = &c->m->target.group;
	int64_t ttl = (int64_t)fs_ttl_seconds(g->ttl_unit, g->ttl) * CLOCK_US_PER_SEC;

	return ttl && s->time + ttl <= clock_now();
}

/* What the target has of this identifier: what is wrong with it, or NULL. */
static uint64_t *judge(struct online_check *c, struct state *s)
{
	struct fs_verdict *v = c->v;

	expect_older(c, s);
	if (!s->found && (s->deleted || is_expired(c, s))) {
		v->expired += !s->deleted;
		return NULL;
	}
	if (!s->found)
		return &v->missing;
	if (s->at < s->time)
		return s->deleted ? &v->undeleted : &v->older;
	if (!s->deleted && is_other(s))
		return &v->otherwise;
	/* what is late came from the source's online store */
	v->newer += s->at > s->time && !(s->online && s->since == s->at);
	return NULL;
}

/* The source is asked for those only that are not as it was seen to have them. */
static void look_up(struct online_check *c)
{
	for (size_t i = 0; i < c->ids.n; i++)
		fs_online_get(c->target, c->ids.name[i]);
	fs_online_drain(c->target);
	for (size_t i = 0; i < c->ids.n && c->source; i++)
		if (!c->states[i].same)
			fs_online_get(c->source, c->ids.name[i]);
	if (c->source)
		fs_online_drain(c->source);
	for (size_t i = 0; i < c->ids.n; i++) {
		uint64_t *wrong = c->states[i].same ? NULL : judge(c, &c->states[i]);

		if (wrong) {
			++*wrong;
			name_record(&c->v->names, c->named++, c->ids.name[i]);
		}
	}
	names_clear(&c->ids);
}

static bool is_true(const struct field *f)
{
	return !field_is_null(f) && sl_eq(field_sl(f), SL("true"));
}

static void expect(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct online_check *c = ctx;
	enum fs_type type = fs_time_type(&c->m->source.group);
	bool deleted = is_true(&f[2]) || fs_gone_has(c->gone, field_sl(&f[0]), NULL);
	struct state *s;

	c->v->expected++;
	if (!deleted && fs_known_has(&c->proof->target, field_sl(&f[0]), type, field_sl(&f[1])))
		return;
	s = &c->states[names_add(&c->ids, field_sl(&f[0]), NULL)];
	*s = (struct state){.deleted = deleted};
	if (!fs_event_time_parse(type, field_sl(&f[1]), &s->time))
		s->time = INT64_MAX;
	else if (!is_true(&f[2]) && s->deleted)
		s->time++; /* it was deleted behind that; one of the time of its deletion stays */
	if (c->ids.n == AT_ONCE)
		look_up(c);
}

static struct fs_online *open_side(struct online_check *c, struct aws *a,
	const struct fs_side *side, const size_t *features, fs_row_fn *row)
{
	return fs_online_new(a, &(struct fs_online_conf){.group = &side->group,
						.features = features,
						.n = c->proof->n,
						.row = row,
						.ctx = c});
}

void fs_verify_online(struct fs_proof *p, struct fs_gone *gone, struct fs_verdict *v)
{
	AUTO_FREE struct online_check *c = mem_zalloc(sizeof *c);
	struct fs_move *m = p->m;
	struct aws *again = NULL;
	struct aws_error e;

	c->m = m;
	c->proof = p;
	c->gone = gone;
	c->v = v;
	c->target = open_side(c, m->target.aws, &m->target, p->to, take_target);
	/* of its own: the source may be listed meanwhile */
	again = m->source.group.online ? aws_open(&m->source.opts, &e) : NULL;
	if (again && fs_online_probe(again, &m->source.group, &e))
		c->source = open_side(c, again, &m->source, p->from, take_source);
	each_expected(p, true, expect, c);
	look_up(c);
	fs_online_free(c->target);
	if (c->source)
		fs_online_free(c->source);
	if (again)
		aws_close(again);
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

	fs_move_select(m, m->newest, false, &select);
	fs_sql_missing(&m->source.group, str_sl(&select), &m->target.group, &sql);
	ask_target(m, &sql, take_missing, v);
	v->expected = m->records;
}

static void learn(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;

	fs_known_add(&c->target, field_sl(&f[0]), fs_time_type(&c->m->target.group),
		field_sl(&f[1]));
}

static void check_known(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;
	enum fs_type type = fs_time_type(&c->m->source.group);

	c->v->expected++;
	if (!fs_known_has(&c->target, field_sl(&f[0]), type, field_sl(&f[1])))
		name_record(&c->v->names, c->v->missing++, field_sl(&f[0]));
}

static void compare_keys(struct fs_proof *p, struct fs_verdict *v)
{
	struct fs_move *m = p->m;
	struct offline_check c = {.m = m, .v = v};
	AUTO_STR sql = {0};

	fs_ids_init(&c.target);
	fs_sql_repeated(&m->target.group, 0, &sql);
	ask_target(m, &sql, learn, &c);
	v->expected = 0;
	each_expected(p, m->newest, check_known, &c);
	fs_ids_free(&c.target);
}

/* A newest state of the target: identifier, event time. */
static void check_gone(void *ctx, const struct field *f, size_t n UNUSED)
{
	struct offline_check *c = ctx;
	enum fs_type type = fs_time_type(&c->m->target.group);
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

void fs_verify_offline(struct fs_proof *p, struct fs_gone *gone, struct fs_verdict *v)
{
	struct fs_move *m = p->m;

	v->missing = v->undeleted = 0;
	str_clear(&v->names);
	count_target(m, v);
	if (fs_move_same_place(m) && !m->online && !m->mapped && !m->only.feature.n)
		compare_tables(m, v);
	else
		compare_keys(p, v);
	if (gone->times.n)
		look_for_gone(m, gone, v);
}
