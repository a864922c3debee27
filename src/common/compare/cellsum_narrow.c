/* cellsum_narrow.c - the statements on the narrow table. */
#include "compare/cellsum_internal.h"

#include "ledger/ledger.h"

/* The instant as timestamp in UTC, whatever the column is. */
static void add_instant(const struct cellsum_source *s, struct str *sql, const char *time)
{
	str_addf(sql, s->n->zone ? "(%s AT TIME ZONE 'UTC')" : "%s", time);
}

static void add_from(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships)
{
	const char *time = s->n->col[NARROW_TIME].ident, *ship = s->n->col[NARROW_SHIP].ident;

	str_addf(sql, " FROM %s WHERE %s >= ", s->n->ident, time);
	cellsum_add_bound(sql, from, s->n->zone);
	str_addf(sql, " AND %s < ", time);
	cellsum_add_bound(sql, to, s->n->zone);
	if (n_ships == 0)
		str_addf(sql, " AND %s IS NOT NULL", ship);
	else
		str_addf(sql, " AND %s IN (", ship);
	for (size_t i = 0; i < n_ships; i++)
		str_addf(sql, "%s%s", i ? ", " : "", pg_literal(s->pg, ships[i]));
	str_addz(sql, n_ships ? ")" : "");
}

/* The hash of a text; of one in another encoding, of its bytes in UTF-8. */
static void add_text_hash(const struct cellsum_source *s, struct str *sql, const char *text,
	const char *seed)
{
	const struct encoding *e = s->n->encoding;

	if (!e)
		cellsum_add_hash(sql, s->hash, text, seed);
	else
		str_addf(sql,
			"('x' || substr(md5(convert(convert_to((%s)::text || ':' || (%s), '%s'), "
			"'%s', 'UTF8')), 1, 16))::bit(64)::bigint",
			seed, text, pg_is_ascii(s->pg) ? "SQL_ASCII" : e->name, e->name);
}

/* The hash of a cell, shifted; `value`, `time` and `channel` are SQL. */
static void add_cell(const struct cellsum_source *s, struct str *sql, const char *value,
	const char *time, const char *channel)
{
	AUTO_STR seed = { 0 }, instant = { 0 }, text = { 0 };

	add_instant(s, &instant, time);
	cellsum_add_time_hash(&seed, s->hash, str_z(&instant));
	str_addz(&seed, " # ");
	str_addf(&text, "%s COLLATE \"C\"", channel);
	add_text_hash(s, &seed, str_z(&text), "0");
	str_clear(&text);
	str_addf(&text, "(%s) COLLATE \"C\"", value);
	add_text_hash(s, sql, str_z(&text), str_z(&seed));
	str_addz(sql, CELLSUM_SHIFT);
}

static const char *by(const struct cellsum_source *s)
{
	return s->by ? s->by : s->n->col[NARROW_SHIP].expr;
}

/*
 * Of repeated cells the one that counts: (ship, time, channel, value). With an index by time this
 * is sorted an instant at a time.
 */
static void add_last_cells(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships, const char *more)
{
	const struct narrow *n = s->n;
	const char *time = n->col[NARROW_TIME].ident;

	str_addf(sql,
		"SELECT DISTINCT ON (%s, ship, channel) %s AS ship, %s AS \"time\", %s COLLATE "
		"\"C\""
		" AS channel, %s AS value",
		time, by(s), time, s->channel, s->value);
	add_from(s, sql, from, to, ships, n_ships);
	str_addf(sql, "%s AND (%s) ORDER BY %s, ship, channel", more, s->present, time);
	if (n->col[NARROW_ID].name.n)
		str_addf(sql, ", %s DESC", n->col[NARROW_ID].ident);
	else if (n->has_place)
		str_addz(sql, ", tableoid DESC, ctid DESC");
}

/* ---- per ship -------------------------------------------------------------------------------- */

/* Counts of rows and instants, and where nothing can repeat, the cells as well. */
static void add_counts(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships)
{
	const struct narrow *n = s->n;
	AUTO_STR instant = { 0 };

	add_instant(s, &instant, "t");
	str_addz(sql,
		"SELECT ship, sum(rows), sum(bad), sum(vals), count(*) FILTER (WHERE rows > bad),"
		" sum(");
	cellsum_add_time_hash(sql, s->hash, str_z(&instant));
	str_addf(sql,
		CELLSUM_SHIFT ") FILTER (WHERE rows > bad), sum(cells), min(%s) FILTER"
		" (WHERE rows > bad), max(%s) FILTER (WHERE rows > bad) FROM (SELECT "
		"%s AS ship, %s AS t, count(*) AS rows, count(*) FILTER (WHERE %s) AS bad,"
		" count(*) FILTER (WHERE %s) AS vals, ",
		str_z(&instant), str_z(&instant), by(s),
		n->col[NARROW_TIME].ident, s->bad, s->present);
	if (n->unique) {
		str_addz(sql, "sum(");
		add_cell(s, sql, s->value, n->col[NARROW_TIME].ident, s->channel);
		str_addz(sql, ") AS cells");
	} else {
		str_addz(sql, "0 AS cells");
	}
	add_from(s, sql, from, to, ships, n_ships);
	str_addz(sql, " GROUP BY 1, 2) AS instant GROUP BY ship");
}

static struct cellsum_of *find(struct cellsum_of *list, size_t n, struct sl name)
{
	for (size_t i = 0; i < n; i++)
		if (sl_eq(list[i].name, name))
			return &list[i];
	return NULL;
}

/* Was it a text that could not be converted, and is known now? Else that is the end. */
static void leave_out(struct cellsum_source *s, int64_t from, int64_t to, const struct sl *ships,
	size_t n_ships)
{
	bool text = s->n->encoding && pg_state_is(pg_sqlstate(s->pg), "22021 22P05");

	if (text)
		pg_exec(s->pg, "ROLLBACK");
	if (!text || !cellsum_source_learn(s, from, to, ships, n_ships))
		pg_die(s->pg, "cannot compute checksums");
}

/* The cells that count, where they may repeat; false when the server refused. */
static bool take_last_cells(struct cellsum_source *s, int64_t from, int64_t to,
	const struct sl *ships, size_t n_ships, struct cellsum_of *list, size_t n)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	str_addz(&sql, "SELECT ship, count(*), sum(");
	add_cell(s, &sql, "value", "\"time\"", "channel");
	str_addz(&sql, ") FROM (");
	add_last_cells(s, &sql, from, to, ships, n_ships, "");
	str_addz(&sql, ") AS last GROUP BY ship");
	r = pg_try_query(s->pg, str_z(&sql), 0, NULL);
	for (size_t i = 0; r && i < pg_rows(r); i++) {
		struct cellsum_of *of = find(list, n, pg_value(r, i, 0));

		if (!of) /* came between the two statements */
			continue;
		of->sum.cells = pg_count(r, i, 1);
		of->sum.cell_sum = cellsum_mod64(pg_value(r, i, 2));
	}
	return r != NULL;
}

static size_t take_counts(const struct narrow *narrow, const struct pg_result *r, struct arena *a,
	struct cellsum_of **out)
{
	size_t n = 0;

	*out = arena_alloc(a, mem_mul(pg_rows(r) + 1, sizeof **out));
	for (size_t i = 0; i < pg_rows(r); i++) {
		struct sl name = pg_value(r, i, 0);
		int64_t first, last;

		if (name.n == 0 || name.n > NARROW_NAME_MAX || !narrow_can_store(narrow, name))
			continue; /* no ship: its rows are rejects */
		if (!clock_parse(pg_value(r, i, 7), &first) ||
			!clock_parse(pg_value(r, i, 8), &last))
			first = last = LEDGER_NO_TIME;
		(*out)[n++] = (struct cellsum_of){ .name = arena_dup(a, name),
			.sum = { .rows = pg_count(r, i, 1),
				.bad = pg_count(r, i, 2),
				.values = pg_count(r, i, 3),
				.cells = pg_count(r, i, 3),
				.instants = pg_count(r, i, 4),
				.first = first,
				.last = last,
				.instant_sum = cellsum_mod64(pg_value(r, i, 5)),
				.cell_sum = cellsum_mod64(pg_value(r, i, 6)) } };
	}
	return n;
}

size_t cellsum_narrow(struct cellsum_source *s, int64_t from, int64_t to, const struct sl *ships,
	size_t n_ships, struct arena *a, struct cellsum_of **out)
{
	AUTO_STR sql = { 0 };
	size_t n = 0;
	bool done = false;

	while (!done) {
		AUTO_RESULT *r = NULL;

		str_clear(&sql);
		add_counts(s, &sql, from, to, ships, n_ships);
		narrow_begin(s->n, s->pg);
		r = pg_try_query(s->pg, str_z(&sql), 0, NULL);
		if (r)
			n = take_counts(s->n, r, a, out);
		done = r && (s->n->unique || take_last_cells(s, from, to, ships, n_ships, *out, n));
		if (!done)
			leave_out(s, from, to, ships, n_ships);
	}
	pg_exec(s->pg, "COMMIT");
	return n;
}

/* The number of a bucket is that of the borders up to the time. */
const struct cellsum *cellsum_narrow_pieces(struct cellsum_source *s, const int64_t *border,
	size_t n, struct sl ship, struct arena *a)
{
	struct cellsum *sum = arena_alloc(a, mem_mul(n, sizeof *sum));
	struct cellsum_of *list;
	size_t n_list;
	AUTO_STR by = { 0 };

	memset(sum, 0, n * sizeof *sum);
	str_addf(&by, "width_bucket(%s::%s, ARRAY[", s->n->col[NARROW_TIME].ident,
		s->n->zone ? "timestamptz" : "timestamp");
	for (size_t i = 0; i < 2 * n; i++) {
		str_addz(&by, i ? ", " : "");
		cellsum_add_bound(&by, border[i], s->n->zone);
	}
	str_addz(&by, "])::text");
	s->by = str_z(&by);
	n_list = cellsum_narrow(s, border[0], border[2 * n - 1], &ship, 1, a, &list);
	s->by = NULL;
	for (size_t i = 0; i < n_list; i++) {
		uint64_t number;

		if (num_u64(list[i].name, &number) && number % 2)
			sum[number / 2] = list[i].sum;
	}
	return sum;
}

/* ---- in detail ------------------------------------------------------------------------------- */

/* All cells that count of one ship, or with `more` of one channel: (ship, time, channel, value). */
static void add_cells_of(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	struct sl ship, const char *more)
{
	const struct narrow *n = s->n;

	if (!n->unique) {
		add_last_cells(s, sql, from, to, &ship, 1, more);
		return;
	}
	str_addf(sql, "SELECT %s AS \"time\", %s AS channel, %s AS value",
		n->col[NARROW_TIME].ident, s->channel, s->value);
	add_from(s, sql, from, to, &ship, 1);
	str_addf(sql, "%s AND (%s)", more, s->present);
}

size_t cellsum_narrow_channels(struct cellsum_source *s, int64_t from, int64_t to, struct sl ship,
	struct arena *a, struct cellsum_of **out)
{
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
	size_t n;

	str_addz(&sql, "SELECT channel, count(*), sum(");
	add_cell(s, &sql, "value", "\"time\"", "channel");
	str_addz(&sql, ") FROM (");
	add_cells_of(s, &sql, from, to, ship, "");
	str_addz(&sql, ") AS cell GROUP BY channel ORDER BY channel");
	r = pg_query(s->pg, str_z(&sql), 0, NULL);
	n = pg_rows(r);
	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct cellsum_of){ .name = arena_dup(a, pg_value(r, i, 0)),
			.sum = { .cells = pg_count(r, i, 1),
				.cell_sum = cellsum_mod64(pg_value(r, i, 2)) } };
	return n;
}

static void add_cells(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	struct sl ship, struct sl channel, const char *at)
{
	AUTO_STR more = { 0 };

	str_addf(&more, "%s AND %s = %s", at, s->n->col[NARROW_CHANNEL].ident,
		pg_literal(s->pg, channel));
	str_addz(sql, "SELECT ");
	add_instant(s, sql, "\"time\"");
	str_addz(sql, ", value FROM (");
	add_cells_of(s, sql, from, to, ship, str_z(&more));
	str_addz(sql, ") AS cell ORDER BY \"time\"");
}

static void add_instants(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	struct sl ship, const char *at)
{
	str_addz(sql, "SELECT DISTINCT ");
	add_instant(s, sql, s->n->col[NARROW_TIME].ident);
	add_from(s, sql, from, to, &ship, 1);
	str_addf(sql, "%s AND NOT (%s) ORDER BY 1", at, s->bad);
}

void cellsum_add_narrow_cells(struct cellsum_source *s, struct str *sql, int64_t from, int64_t to,
	struct sl ship, struct sl channel)
{
	add_cells(s, sql, from, to, ship, channel, "");
}

void cellsum_add_narrow_instants(
	struct cellsum_source *s, struct str *sql, int64_t from, int64_t to, struct sl ship)
{
	add_instants(s, sql, from, to, ship, "");
}

/* ` AND time IN (…)` */
static void add_at(struct cellsum_source *s, struct str *sql, const int64_t *at, size_t n)
{
	str_addf(sql, " AND %s IN (", s->n->col[NARROW_TIME].ident);
	for (size_t i = 0; i < n; i++) {
		str_addz(sql, i ? ", " : "");
		cellsum_add_bound(sql, at[i], s->n->zone);
	}
	str_addc(sql, ')');
}

void cellsum_add_narrow_cells_at(struct cellsum_source *s, struct str *sql, const int64_t *at,
	size_t n, struct sl ship, struct sl channel)
{
	AUTO_STR list = { 0 };

	add_at(s, &list, at, n);
	add_cells(s, sql, at[0], at[n - 1] + 1, ship, channel, str_z(&list));
}

void cellsum_add_narrow_instants_at(
	struct cellsum_source *s, struct str *sql, const int64_t *at, size_t n, struct sl ship)
{
	AUTO_STR list = { 0 };

	add_at(s, &list, at, n);
	add_instants(s, sql, at[0], at[n - 1] + 1, ship, str_z(&list));
}
