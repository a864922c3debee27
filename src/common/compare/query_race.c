#include "compare/query_race.h"

#include "compare/query_race.sql.h"
#include "compare/cellsum.h"

#define SOME 10 /* channels of the queries for several */
#define RUNS_MAX 1000

const struct report_column query_race_columns[7] = {
	{ N_("query"), REPORT_WORDS }, { N_("rows"), true }, { N_("narrow_ms"), true },
	{ N_("wide_ms"), true }, { N_("ratio"), true }, { N_("improvement_percent"), true },
	{ N_("same_result"), REPORT_WORDS },
};

/* The ship, its channels and the time that the queries ask for. */
struct track {
	const struct query_race *race;
	struct ship *ship;
	size_t channel[SOME]; /* numbers of the ship's; the first is a number */
	size_t n;
	struct str day, week, last; /* SQL literals of instants */
	const char *value;	    /* SQL: a narrow row's value as text */
};

/* ---- what is asked for ---------------------------------------------------------------------- */

static const char *literal(const struct track *t, struct sl text)
{
	return pg_literal(t->race->source, text);
}

/* `column, …`, or `column::text AS cN, …` */
static void wide_columns(const struct track *t, struct str *s, size_t n, bool named)
{
	for (size_t i = 0; i < n; i++) {
		str_addf(s, "%s%s", i ? ", " : "",
			pg_ident(t->race->target, t->ship->channel[t->channel[i]].column));
		if (named)
			str_addf(s, "::text AS c%zu", i);
	}
}

static const char *wide_table(const struct track *t)
{
	return pg_table(t->race->target, sl_of(registry_opts(t->race->registry)->schema),
		t->ship->base);
}

static void narrow_where(const struct track *t, struct str *s, size_t n, const struct str *since)
{
	const struct narrow_column *c = t->race->n->col;

	str_addf(s, " FROM %s WHERE %s = %s", t->race->n->ident, c[NARROW_SHIP].ident,
		literal(t, t->ship->id));
	if (since)
		str_addf(s, " AND %s >= %s AND %s <= %s", c[NARROW_TIME].ident, str_z(since),
			c[NARROW_TIME].ident, str_z(&t->last));
	str_addf(s, " AND %s IN (", c[NARROW_CHANNEL].ident);
	for (size_t i = 0; i < n; i++)
		str_addf(s, "%s%s", i ? ", " : "",
			literal(t, t->ship->channels.name[t->channel[i]]));
	str_addz(s, ")");
}

/* One narrow column per channel: what has to be written to get rows with several channels. */
static void narrow_pivot(const struct track *t, struct str *s, size_t n, const struct str *since)
{
	const struct narrow_column *c = t->race->n->col;

	str_addf(s, "SELECT %s::text AS at", c[NARROW_TIME].ident);
	for (size_t i = 0; i < n; i++)
		str_addf(s, ", max(%s) FILTER (WHERE %s = %s) AS c%zu", t->value,
			c[NARROW_CHANNEL].ident,
			literal(t, t->ship->channels.name[t->channel[i]]), i);
	narrow_where(t, s, n, since);
	str_addf(s, " AND (%s) IS NOT NULL GROUP BY %s ORDER BY %s", t->value,
		c[NARROW_TIME].ident, c[NARROW_TIME].ident);
}

static void wide_rows(const struct track *t, struct str *s, size_t n, const struct str *since)
{
	const char *key;

	str_addf(s, "SELECT %s::text AS at, ", registry_key_ident(t->race->registry));
	wide_columns(t, s, n, true);
	key = registry_key_ident(t->race->registry);
	str_addf(s, " FROM %s WHERE %s >= %s AND %s <= %s AND num_nonnulls(", wide_table(t), key,
		str_z(since), key, str_z(&t->last));
	wide_columns(t, s, n, false);
	str_addf(s, ") > 0 ORDER BY %s", registry_key_ident(t->race->registry));
}

/* ---- the queries ---------------------------------------------------------------------------- */

static void one_narrow(const struct track *t, struct str *s)
{
	const char *time = t->race->n->col[NARROW_TIME].ident;

	str_addf(s, "SELECT %s::text AS at, %s", time, t->value);
	narrow_where(t, s, 1, &t->day);
	str_addf(s, " AND (%s) IS NOT NULL ORDER BY %s", t->value, time);
}

static void one_wide(const struct track *t, struct str *s)
{
	wide_rows(t, s, 1, &t->day);
}

static void some_narrow(const struct track *t, struct str *s)
{
	narrow_pivot(t, s, t->n, &t->day);
}

static void some_wide(const struct track *t, struct str *s)
{
	wide_rows(t, s, t->n, &t->day);
}

/* A cell each on the one side, all of them in one row on the other: their number is compared. */
static void latest_narrow(const struct track *t, struct str *s)
{
	const struct narrow_column *c = t->race->n->col;

	str_addf(s, "SELECT %s, %s FROM %s WHERE %s = %s AND %s = %s", c[NARROW_CHANNEL].ident,
		t->value, t->race->n->ident, c[NARROW_SHIP].ident, literal(t, t->ship->id),
		c[NARROW_TIME].ident, str_z(&t->last));
}

static void latest_wide(const struct track *t, struct str *s)
{
	str_addf(s, "SELECT * FROM %s WHERE %s = %s", wide_table(t),
		registry_key_ident(t->race->registry), str_z(&t->last));
}

static void hourly_narrow(const struct track *t, struct str *s)
{
	str_addf(s, "SELECT date_trunc('hour', %s)::text, count(*), round(avg((%s)::numeric), 6)",
		t->race->n->col[NARROW_TIME].ident, t->value);
	narrow_where(t, s, 1, &t->week);
	str_addf(s, " AND (%s) NOT IN ('NaN', 'Infinity', '-Infinity') GROUP BY 1 ORDER BY 1",
		t->value);
}

static void hourly_wide(const struct track *t, struct str *s)
{
	const char *key = registry_key_ident(t->race->registry);

	str_addf(s, "SELECT date_trunc('hour', at)::text, count(*), round(avg(c0::numeric), 6)"
		    " FROM (SELECT %s AS at, ",
		key);
	wide_columns(t, s, 1, true);
	str_addf(s, " FROM %s WHERE %s >= %s AND %s <= %s) AS w"
		    " WHERE c0 NOT IN ('NaN', 'Infinity', '-Infinity') GROUP BY 1 ORDER BY 1",
		wide_table(t), key, str_z(&t->week), key, str_z(&t->last));
}

/* Values of one channel while another one is above its average: rows have to meet. */
static void meeting(struct str *s, const struct str *rows)
{
	str_addf(s,
		"WITH w AS MATERIALIZED (%s) SELECT at, c1 FROM w WHERE c0 ~ '^-?[0-9.]+$'"
		" AND c0::numeric > (SELECT avg(c0::numeric) FROM w WHERE c0 ~ '^-?[0-9.]+$')"
		" ORDER BY at",
		str_z(rows));
}

static void meeting_narrow(const struct track *t, struct str *s)
{
	AUTO_STR rows = { 0 };

	narrow_pivot(t, &rows, 2, &t->day);
	meeting(s, &rows);
}

static void meeting_wide(const struct track *t, struct str *s)
{
	AUTO_STR rows = { 0 };

	wide_rows(t, &rows, 2, &t->day);
	meeting(s, &rows);
}

static const struct query {
	const char *name;
	size_t channels; /* needed */
	bool by_cells;	 /* the sides have the same cells in other rows: only these are counted */
	void (*narrow)(const struct track *t, struct str *sql);
	void (*wide)(const struct track *t, struct str *sql);
} queries[] = {
	{ N_("one channel, one day"), 1, false, one_narrow, one_wide },
	{ N_("ten channels, one day"), 1, false, some_narrow, some_wide },
	{ N_("all channels, latest instant"), 1, true, latest_narrow, latest_wide },
	{ N_("one channel by the hour, seven days"), 1, false, hourly_narrow, hourly_wide },
	{ N_("one channel while another is high, one day"), 2, false, meeting_narrow,
	  meeting_wide },
};

/* ---- running them --------------------------------------------------------------------------- */

/* What a run gave: rows, a checksum of their texts, and values behind their first column. */
struct given {
	uint64_t rows, sum, cells;
};

static uint64_t count_cells(struct sl row)
{
	uint64_t n = 0;

	for (const char *p = row.p, *end = row.p + row.n;
		p < end && (p = memchr(p, '\t', (size_t)(end - p))); p++)
		n += end - p < 3 || p[1] != '\\' || p[2] != 'N';
	return n;
}

static double run_once(struct pg *pg, const struct str *sql, struct given *g)
{
	int64_t began = clock_monotonic(), took;
	struct sl row;

	*g = (struct given){ .sum = 0 };
	pg_copy_out(pg, str_z(sql));
	while (pg_copy_row(pg, &row)) {
		g->rows++;
		g->sum = hash64(row, g->sum);
		g->cells += count_cells(row);
	}
	took = clock_monotonic() - began;
	return (double)(took > 0 ? took : 1) / 1000;
}

static int cmp_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, cmp_doubles);
	return v[n / 2];
}

static void add_decimal(struct report *r, double v)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%.2f", v);
	report_textz(r, text);
}

static bool run_query(const struct track *t, const struct query *q, struct report *r)
{
	double narrow[RUNS_MAX] = { 0 }, wide[RUNS_MAX] = { 0 }, n, w;
	struct str sql[2] = { { 0 }, { 0 } };
	struct given a, b;
	bool same = true;

	str_addz(&sql[0], "COPY (");
	q->narrow(t, &sql[0]);
	str_addz(&sql[0], ") TO STDOUT");
	str_addz(&sql[1], "COPY (");
	q->wide(t, &sql[1]);
	str_addz(&sql[1], ") TO STDOUT");
	/* once unmeasured, so that neither side pays for what the other has read */
	(void)run_once(t->race->source, &sql[0], &a);
	(void)run_once(t->race->target, &sql[1], &b);
	for (uint64_t i = 0; i < t->race->runs; i++) {
		narrow[i] = run_once(t->race->source, &sql[0], &a);
		wide[i] = run_once(t->race->target, &sql[1], &b);
		same = same && a.cells == b.cells &&
		       (q->by_cells || (a.rows == b.rows && a.sum == b.sum));
	}
	n = median(narrow, t->race->runs);
	w = median(wide, t->race->runs);
	report_textz(r, q->name);
	report_count(r, b.rows);
	add_decimal(r, n);
	add_decimal(r, w);
	add_decimal(r, n / w);
	add_decimal(r, 100 * (1 - w / n));
	report_textz(r, same ? "yes" : "no");
	str_free(&sql[0]);
	str_free(&sql[1]);
	return same;
}

/* ---- what to ask for ------------------------------------------------------------------------ */

static NORETURN void no_wide(void)
{
	die_hint(EX_CONFIGURATION, "narrow-to-wide --mode migration-only makes some",
		"there are no wide rows to compare with");
}

/* The registered ship with the most channels. */
static struct sl largest_ship(const struct query_race *race, struct str *name)
{
	const struct target_opts *o = registry_opts(race->registry);
	AUTO_RESULT *r = pg_ask(race->target, largest_sql, o->schema, o->prefix);

	if (pg_rows(r) == 0)
		no_wide();
	str_add(name, pg_value(r, 0, 0));
	return str_sl(name);
}

/* Ten channels, those of numbers first, of the first tables only as far as they must. */
static void choose_channels(struct track *t)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->ship->channels.n && t->n < SOME; i++) {
			const struct channel *c = &t->ship->channel[i];
			bool number = c->type == COLUMN_DOUBLE || sl_eq(c->format, SL("Decimal"));

			if (c->made && number == (pass == 0))
				t->channel[t->n++] = i;
		}
	if (t->n == 0)
		no_wide();
}

static void choose_times(struct track *t)
{
	const char *key = registry_key_ident(t->race->registry);
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;
	struct str *to[] = { &t->last, &t->day, &t->week };

	str_addf(&sql,
		"SELECT max(%s), max(%s) - interval '1 day', max(%s) - interval '7 days' FROM %s",
		key, key, key, wide_table(t));
	r = pg_query(t->race->target, str_z(&sql), 0, NULL);
	if (pg_is_null(r, 0, 0))
		no_wide();
	for (int i = 0; i < 3; i++)
		str_addf(to[i], "'%s'::%s", pg_valuez(r, 0, i), registry_key_type(t->ship));
}

bool query_race_run(const struct query_race *race, struct report *r)
{
	struct track t = { .race = race };
	struct cellsum_source value;
	AUTO_STR name = { 0 };
	bool same = true;

	if (race->runs == 0 || race->runs > RUNS_MAX)
		bug("no such number of runs");
	t.ship = registry_ship(race->registry,
		race->ship.n > 0 ? race->ship : largest_ship(race, &name));
	if (t.ship->base_is == BASE_NONE)
		no_wide();
	choose_channels(&t);
	choose_times(&t);
	cellsum_source_open(&value, race->source, race->n, CELLSUM_FAST);
	t.value = value.value;
	msg_detail("ship %s, seven days up to %s", msg_q(t.ship->id), str_z(&t.last));
	for (size_t i = 0; i < ARRAY_LEN(queries); i++)
		if (t.n >= queries[i].channels && !run_query(&t, &queries[i], r))
			same = false;
	cellsum_source_close(&value);
	str_free(&t.day);
	str_free(&t.week);
	str_free(&t.last);
	return same;
}
