#include "wide/wide_read.h"

#include "core/clock.h"
#include "core/mem.h"
#include "core/num.h"
#include "core/stop.h"
#include "pg/copy_binary.h"

#define CONNECTIONS 8 /* at most: a ship of many channels is not to take all a server has */

/* A column of a COPY. */
struct wanted {
	size_t channel, place; /* its number in the ship, and in the row that is given out */
	uint8_t kind;	       /* what a text is that has the form of it: F_NUM, F_BOOL; F_STR */
	char number[32];       /* the text of a value that came as none */
};

/* One COPY: its columns are wanted[first] to wanted[end - 1]. */
struct source {
	struct pg *pg;
	size_t first, end;
	bool begun, over;
	bool taken; /* its row was given out */
	int64_t time;
	struct sl row; /* fields behind the time */
};

struct wide_read {
	struct pg *pg[CONNECTIONS]; /* the first is the caller's */
	size_t n_pg;
	const char *conninfo;
	bool json;
	char *snapshot; /* NULL: not exported yet */
	const struct registry *r;
	const struct ship *ship;
	int64_t from, to;
	struct wanted *wanted; /* by group */
	size_t n_wanted;
	struct source source[CONNECTIONS];
	size_t n_sources;
};

/* ---- connections ----------------------------------------------------------------------------- */

struct wide_read *wide_read_open(struct pg *pg, const char *conninfo, bool json)
{
	struct wide_read *w = mem_zalloc(sizeof *w);

	w->pg[w->n_pg++] = pg;
	w->conninfo = conninfo;
	w->json = json;
	return w;
}

static void export_snapshot(struct wide_read *w)
{
	AUTO_RESULT *r = pg_query(w->pg[0], "SELECT pg_catalog.pg_export_snapshot()", 0, NULL);

	w->snapshot = mem_sldup(pg_value(r, 0, 0));
}

/* A further connection on the same snapshot. */
static void connect_one(struct wide_read *w)
{
	struct pg *pg = pg_connect(w->conninfo, pg_role(w->pg[0]));

	if (!w->snapshot)
		export_snapshot(w);
	pg_set(pg, "transaction_read_only", "on");
	pg_execf(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ;SET TRANSACTION SNAPSHOT %s",
		pg_literal(pg, sl_of(w->snapshot)));
	w->pg[w->n_pg++] = pg;
}

void wide_read_cancel(const struct wide_read *w)
{
	for (size_t i = 0; i < w->n_pg; i++)
		pg_cancel(w->pg[i]);
}

void wide_read_close(struct wide_read *w)
{
	for (size_t i = 1; i < w->n_pg; i++)
		pg_close(w->pg[i]);
	mem_free(w->wanted);
	mem_free(w->snapshot);
	mem_free(w);
}

/* ---- SQL ------------------------------------------------------------------------------------- */

static const struct channel *channel_of(const struct wide_read *w, size_t wanted)
{
	return &w->ship->channel[w->wanted[wanted].channel];
}

/* `g1.created_time >= … AND g1.created_time < …`, each behind a word of its own. */
static void add_range(const struct wide_read *w, struct str *sql, uint32_t group,
	const char *before)
{
	const int64_t end[] = { w->from, w->to };
	char text[CLOCK_TEXT_MAX];

	for (int i = 0; i < 2; i++) {
		if (end[i] == INT64_MIN || end[i] == INT64_MAX)
			continue;
		str_addf(sql, "%sg%u.%s %s '%.*s'::%s", before, group, registry_key_ident(w->r),
			i ? "<" : ">=", (int)clock_put(text, end[i], w->ship->zoned), text,
			registry_key_type(w->ship));
		before = " AND ";
	}
}

/* `first`: the group that the others are joined to. */
static void add_joins(const struct wide_read *w, struct str *sql, const struct source *s,
	uint32_t first)
{
	uint32_t last = first;

	for (size_t i = s->first; i < s->end; i++) {
		uint32_t group = channel_of(w, i)->group;
		const char *key = registry_key_ident(w->r);

		if (group == first || group == last)
			continue;
		last = group;
		str_addf(sql, " LEFT JOIN %s AS g%u ON g%u.%s = g%u.%s",
			registry_table(w->r, w->ship, group - 1), group, group, key, first, key);
		add_range(w, sql, group, " AND ");
	}
}

static void begin_copy(struct wide_read *w, struct source *s)
{
	uint32_t first = channel_of(w, s->first)->group;
	AUTO_STR sql = { 0 };

	if (channel_of(w, s->end - 1)->group != first)
		first = 1;
	str_addf(&sql, "COPY (SELECT g%u.%s", first, registry_key_ident(w->r));
	for (size_t i = s->first; i < s->end; i++) {
		const struct channel *c = channel_of(w, i);

		str_addf(&sql, ", g%u.%s%s", c->group, pg_ident(w->pg[0], c->column),
			c->type == COLUMN_OTHER ? "::text" : "");
	}
	str_addf(&sql, " FROM %s AS g%u", registry_table(w->r, w->ship, first - 1), first);
	add_joins(w, &sql, s, first);
	add_range(w, &sql, first, " WHERE ");
	str_addz(&sql, " ORDER BY 1) TO STDOUT (FORMAT binary)");
	msg_detail("%s", str_z(&sql));
	pg_copy_out(s->pg, str_z(&sql));
}

/* ---- which connection reads what ------------------------------------------------------------- */

static int by_group(const void *a, const void *b, void *ctx)
{
	const struct channel *channel = ctx;
	const struct wanted *x = a, *y = b;
	uint32_t gx = channel[x->channel].group, gy = channel[y->channel].group;

	return gx != gy ? (gx > gy) - (gx < gy) : (x->place > y->place) - (x->place < y->place);
}

static uint8_t kind_of_format(struct sl format)
{
	if (sl_eq_str(format, "Decimal") || sl_eq_str(format, "Integer"))
		return F_NUM;
	return sl_eq_str(format, "Boolean") ? F_BOOL : F_STR;
}

static void want(struct wide_read *w, const size_t *channel, size_t n)
{
	mem_free(w->wanted);
	w->wanted = mem_zalloc(mem_mul(n + 1, sizeof *w->wanted));
	w->n_wanted = n;
	for (size_t i = 0; i < n; i++)
		w->wanted[i] = (struct wanted){ .channel = channel[i],
			.place = i,
			.kind = w->json ? kind_of_format(w->ship->channel[channel[i]].format) :
					  F_STR };
	qsort_r(w->wanted, n, sizeof *w->wanted, by_group, w->ship->channel);
}

/* Where the group that begins at `i` ends. */
static size_t group_end(const struct wide_read *w, size_t i)
{
	uint32_t group = channel_of(w, i)->group;

	while (i < w->n_wanted && channel_of(w, i)->group == group)
		i++;
	return i;
}

/* So many groups to a connection that they suffice, and no more columns than a query may have. */
static bool share_out(struct wide_read *w, size_t groups)
{
	w->n_sources = 0;
	for (size_t i = 0; i < w->n_wanted;) {
		struct source s = { .first = i, .end = i };

		for (size_t g = 0; g < groups && i < w->n_wanted; g++) {
			size_t end = group_end(w, i);

			if (g > 0 && end - s.first > REGISTRY_MAX_COLUMNS)
				break;
			i = s.end = end;
		}
		if (w->n_sources == CONNECTIONS)
			return false;
		w->source[w->n_sources++] = s;
	}
	return true;
}

void wide_read_ship(struct wide_read *w, const struct registry *r, const struct ship *ship,
	const size_t *channel, size_t n, int64_t from, int64_t to)
{
	size_t groups = pg_is_pooled(w->pg[0]) ? ship->n_groups : 1;

	w->r = r;
	w->ship = ship;
	w->from = from;
	w->to = to;
	want(w, channel, n);
	while (!share_out(w, groups))
		if (++groups > ship->n_groups)
			die_hint(EX_CONFIGURATION, "--channels takes some of them at a time",
				"ship %s: too many channels to be read at once: %zu",
				msg_q(ship->id), n);
	while (w->n_pg < w->n_sources)
		connect_one(w);
	for (size_t i = 0; i < w->n_sources; i++) {
		struct source *s = &w->source[i];

		s->pg = w->pg[i];
		s->taken = true;
		begin_copy(w, s);
	}
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void next_row(struct wide_read *w, struct source *s)
{
	struct sl message, time;
	enum pg_copy got = pg_copy_try_row(s->pg, &message);

	if (got == PG_COPY_FAILED) {
		stop_check(); /* it was us who had it cancelled */
		pg_die(s->pg, "read failed");
	}
	s->taken = false;
	if (got == PG_COPY_END) {
		s->over = true;
	} else if (copy_row(&s->begun, &message, 1 + s->end - s->first)) {
		time = copy_field(&message);
		if (time.n != 8)
			bug("COPY sent a time of %zu bytes", time.n);
		s->time = (int64_t)copy_load64(time.p);
		s->row = message;
	} else {
		next_row(w, s); /* behind the trailer nothing comes but the end */
	}
}

static struct field of_text(struct sl text, uint8_t kind)
{
	struct field f = field_name(text);

	if (kind == F_NUM && num_is_json(text))
		f.kind = F_NUM;
	else if (kind == F_BOOL && (sl_eq_str(text, "true") || sl_eq_str(text, "false")))
		f.kind = F_BOOL;
	return f;
}

static struct field value_of(enum column_type type, struct sl raw, struct wanted *as)
{
	struct field f = { .p = as->number, .kind = F_NUM, .plain = true };

	switch (type) {
	case COLUMN_DOUBLE:
		f.n = (uint32_t)num_put_double(as->number, copy_load_double(raw.p));
		f.kind = as->number[f.n - 1] <= '9' ? F_NUM : F_STR; /* NaN, Infinity */
		break;
	case COLUMN_BIGINT:
		f.n = (uint32_t)num_put_i64(as->number, (int64_t)copy_load64(raw.p));
		break;
	case COLUMN_BOOLEAN:
		f = of_text(*raw.p ? SL("true") : SL("false"), F_BOOL);
		break;
	case COLUMN_TEXT:
	case COLUMN_OTHER:
		f = of_text(raw, as->kind);
		break;
	}
	return f;
}

/* The row of a source that `has` one of this time. */
static void give_out(struct wide_read *w, struct source *s, bool has, struct field *value)
{
	struct sl row = s->row;

	for (size_t i = s->first; i < s->end; i++) {
		struct sl raw = has ? copy_field(&row) : (struct sl){ NULL, 0 };

		value[w->wanted[i].place] = raw.p ?
			value_of(channel_of(w, i)->type, raw, &w->wanted[i]) :
			(struct field){ .p = "", .kind = F_ABSENT };
	}
	s->taken |= has;
}

bool wide_read_next(struct wide_read *w, int64_t *time, struct field *value)
{
	bool any = false;

	for (size_t i = 0; i < w->n_sources; i++) {
		struct source *s = &w->source[i];

		if (s->taken && !s->over)
			next_row(w, s);
		if (!s->over && (!any || s->time < *time))
			*time = s->time;
		any |= !s->over;
	}
	for (size_t i = 0; i < w->n_sources && any; i++) {
		struct source *s = &w->source[i];

		give_out(w, s, !s->over && s->time == *time, value);
	}
	return any;
}
