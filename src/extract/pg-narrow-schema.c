/*
 * pg-narrow-schema - which channels of which ships a narrow table of PostgreSQL holds.
 *
 * One record per ship, channel and format: ship_id, data_channel_id, value_format, first_seen,
 * last_seen, samples. By default from the newest hour of each ship; with --complete from the whole
 * table, of which an index by (ship, channel, time) knows everything but the number of samples.
 *
 * Memory: the channels of one ship, or without a fit index of all.
 */
#include "core/stop.h"
#include "ledger/ledger_ships.h"
#include "stream/extract.h"
#include "stream/out.h"

struct conf {
	const char *source;
	struct narrow_opts narrow;
	struct opt_list ships;
	int64_t sample;
	bool complete, new_ship, names;
	struct io_opts io;
};

struct schema {
	struct conf conf;
	struct pg *pg;
	struct narrow *narrow;
	struct str format; /* SQL that gives the format of a row */
	struct extract *x;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What to read" },
	NARROW_SOURCE_OPT(struct conf, source),
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "sample", CONF(sample), .arg = "DURATION", .unit = 60 * CLOCK_US_PER_SEC,
	  .help = "look at the newest rows of each ship, so far back (default 60m)" },
	{ .name = "complete", CONF(complete), .help = "look at the whole table" },
	{ .name = "ships", CONF(names), .not_with = "ship-id complete sample",
	  .help = "print the names of the ships alone, one a line" },
	NARROW_NEW_SHIP_OPT(struct conf, new_ship),
	NARROW_OPTS(struct conf, narrow),
	EXTRACT_OUT_OPTS(struct conf, io, "NDJSON"),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-narrow-schema",
	.summary = "list the channels in a narrow PostgreSQL table",
	.synopsis = "[options]",
	.examples = "  pg-narrow-schema > channels.ndjson\n"
		    "  pg-narrow-schema --complete --ship-id S1 -o csv\n",
	.opts = options,
};

/* ---- SQL ------------------------------------------------------------------------------------- */

/* Where there is no format column, the type of the column that holds the value stands for it. */
static void put_format(const struct narrow *n, struct str *s)
{
	static const enum narrow_format of_wire[] = { [NARROW_W_TEXT] = NARROW_TEXT,
		[NARROW_W_F8] = NARROW_DECIMAL, [NARROW_W_I8] = NARROW_INTEGER,
		[NARROW_W_I4] = NARROW_INTEGER, [NARROW_W_I2] = NARROW_INTEGER,
		[NARROW_W_BOOL] = NARROW_BOOL };

	if (n->col[NARROW_FORMAT].name.n) {
		str_addz(s, n->col[NARROW_FORMAT].expr);
		return;
	}
	str_addz(s, "CASE");
	for (int role = NARROW_DOUBLE; role <= NARROW_VALUE; role++) {
		const struct narrow_column *c = &n->col[role];
		enum narrow_format format = role < NARROW_VALUE ?
			(enum narrow_format)(role - NARROW_DOUBLE) :
			c->wire == NARROW_W_TEXT && c->number ? NARROW_DECIMAL : of_wire[c->wire];

		if (c->name.n)
			str_addf(s, " WHEN %s IS NOT NULL THEN '%s'", c->ident,
				narrow_format_names[format].p);
	}
	str_addz(s, " END");
}

#define EVER NARROW_FIRST_INSTANT

/* `time >= since`, and none that no wide table can hold. */
static void put_times(const struct schema *s, struct str *sql, int64_t since)
{
	if (since != EVER) {
		str_addf(sql, " AND %s >= ", s->narrow->col[NARROW_TIME].ident);
		narrow_add_time(s->narrow, sql, since);
	}
	narrow_add_years(s->narrow, sql);
}

/* Rows of one ship (NULL: all) from `since` on; not those that lack a part of the key. */
static void put_where(const struct schema *s, struct str *sql, const struct sl *ship, int64_t since)
{
	const struct narrow_column *c = s->narrow->col;

	str_addf(sql, " WHERE %s IS NOT NULL", c[NARROW_CHANNEL].ident);
	str_addf(sql, " AND %s %s", c[NARROW_SHIP].ident, ship ? "= " : "IS NOT NULL");
	if (ship)
		str_addz(sql, pg_literal(s->pg, *ship));
	put_times(s, sql, since);
}

/*
 * Every row is looked at: columns ship, channel, format, first, last, samples; of all ships, or
 * with `recent` of the sample of each, for which the table is read twice.
 */
static void put_count_query(const struct schema *s, struct str *sql, const struct sl *ship,
	int64_t since, bool recent)
{
	const struct narrow_column *c = s->narrow->col;
	const char *time = c[NARROW_TIME].ident, *name = c[NARROW_SHIP].ident;

	if (recent) {
		str_addf(sql, "WITH newest (ferry_ship, ferry_since) AS (SELECT %s, max(%s)"
			" - interval '%lld microseconds' FROM %s", name, time,
			(long long)s->conf.sample, s->narrow->ident);
		put_where(s, sql, NULL, EVER);
		str_addz(sql, " GROUP BY 1) ");
	}
	str_addf(sql, "SELECT %s, %s, %s, min(%s), max(%s), count(%s) FROM %s",
		c[NARROW_SHIP].expr, c[NARROW_CHANNEL].expr, str_z(&s->format), time, time, time,
		s->narrow->ident);
	if (recent)
		str_addf(sql, " JOIN newest ON ferry_ship = %s AND %s >= ferry_since", name, time);
	put_where(s, sql, ship, since);
	str_addz(sql, " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3");
}

/*
 * The same for one ship where an index begins with (ship, channel, time): channel by channel, so
 * that of a sample only its rows are read, and of a whole table the ends of each channel.
 */
static void put_index_query(const struct schema *s, struct str *sql, struct sl ship, int64_t since)
{
	const struct narrow_column *c = s->narrow->col;
	const char *time = c[NARROW_TIME].ident, *format = str_z(&s->format);
	AUTO_STR from = { 0 }, where = { 0 };

	str_addf(&where, "%s = %s AND ", c[NARROW_SHIP].ident, pg_literal(s->pg, ship));
	str_addf(&from, "FROM %s WHERE %s%s = channels.x", s->narrow->ident, str_z(&where),
		c[NARROW_CHANNEL].ident);
	put_times(s, &from, since);
	narrow_add_loose_scan(s->narrow, sql, "channels", c[NARROW_CHANNEL].ident, str_z(&where));
	str_addf(sql, "SELECT %s", pg_literal(s->pg, ship));
	if (since != EVER) {
		str_addf(sql,
			", x::text, f, a, b, n FROM channels, LATERAL (SELECT %s AS f, "
			"min(%s) AS a, max(%s) AS b, count(*) AS n %s GROUP BY 1) r",
			format, time, time, str_z(&from));
	} else {
		str_addf(sql,
			", x::text, f, a, b, NULL FROM channels, "
			"LATERAL (SELECT %s AS fa, %s AS a %s ORDER BY %s LIMIT 1) r1, "
			"LATERAL (SELECT %s AS fb, %s AS b %s ORDER BY %s DESC LIMIT 1) r2, "
			"LATERAL (SELECT fa AS f UNION SELECT fb) r3",
			format, time, str_z(&from), time, format, time, str_z(&from), time);
	}
	str_addz(sql, " WHERE x IS NOT NULL ORDER BY 2, 3");
}

/* ---- records --------------------------------------------------------------------------------- */

static struct field field_of(const struct pg_result *r, size_t row, int col)
{
	return pg_is_null(r, row, col) ? FIELD_NULL : field_str(pg_value(r, row, col));
}

static bool is_name(struct sl name)
{
	return name.n > 0 && name.n <= NARROW_NAME_MAX;
}

static void emit(struct schema *s, const struct str *sql)
{
	AUTO_RESULT *r = NULL;

	msg_detail("%s", str_z(sql));
	r = pg_query(s->pg, str_z(sql), 0, NULL);
	for (size_t row = 0; row < pg_rows(r); row++) {
		struct field f[6];

		if (!is_name(pg_value(r, row, 0)) || !is_name(pg_value(r, row, 1)))
			continue; /* its rows are rejects */
		for (int i = 0; i < 6; i++)
			f[i] = field_of(r, row, i);
		if (f[5].kind == F_STR)
			f[5].kind = F_NUM;
		wr_row(s->x->wr, f, ARRAY_LEN(f));
		extract_tick(s->x);
	}
}

static void list_ship(struct schema *s, struct sl ship)
{
	AUTO_STR sql = { 0 };
	int64_t first, last, since = EVER;

	if (!s->conf.complete) {
		if (!narrow_range(s->narrow, s->pg, &ship, 1, &first, &last)) {
			msg_warn("no rows of ship %s", msg_q(ship));
			return;
		}
		since = last - s->conf.sample;
	}
	if (s->narrow->by_channel)
		put_index_query(s, &sql, ship, since);
	else
		put_count_query(s, &sql, &ship, since, false);
	emit(s, &sql);
}

static void list_all(struct schema *s)
{
	const struct sl *ships = s->conf.ships.v;
	AUTO_FREE struct sl *all = NULL;
	size_t n = s->conf.ships.n;

	if (n == 0) {
		n = narrow_ships(s->narrow, s->pg, &all);
		ships = all;
	}
	if (n > s->conf.ships.n && !s->conf.complete && narrow_is_sparse(s->narrow, n)) {
		AUTO_STR sql = { 0 };

		pg_set(s->pg, "work_mem", "64MB"); /* a row for each channel of all ships */
		put_count_query(s, &sql, NULL, EVER, true);
		emit(s, &sql);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		stop_check();
		list_ship(s, ships[i]);
		extract_share(s->x, (double)(i + 1) / (double)n);
	}
}

/* Says so when there is no index to spare the reading of everything. */
static void list(struct schema *s)
{
	const struct narrow *n = s->narrow;
	AUTO_STR sql = { 0 };
	uint64_t lost;

	if (!n->by_channel && (s->conf.complete || !(n->by_ship_time || n->by_time)))
		msg_note("%s has no index by (%s, %s, %s): the whole table is read", n->table,
			n->col[NARROW_SHIP].name.p, n->col[NARROW_CHANNEL].name.p,
			n->col[NARROW_TIME].name.p);
	if (s->conf.complete && !n->by_channel && s->conf.ships.n == 0) {
		put_count_query(s, &sql, NULL, EVER, false);
		emit(s, &sql);
		lost = narrow_keyless(n, s->pg);
		if (lost)
			msg_warn("%s: %llu rows without a ship, a channel or a time", n->table,
				(unsigned long long)lost);
	} else {
		list_all(s);
	}
}

static void list_names(struct schema *s)
{
	AUTO_FREE struct sl *all = NULL;
	size_t n = narrow_ships(s->narrow, s->pg, &all);
	AUTO_STR text = { 0 };

	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%.*s\n", (int)all[i].n, all[i].p);
	out_print(str_sl(&text));
	leave(EX_DONE);
}

static void cancel(void *pg)
{
	pg_cancel(pg);
}

int main(int argc, char **argv)
{
	static const struct sl columns[] = { SL_INIT("ship_id"), SL_INIT("data_channel_id"),
		SL_INIT("value_format"), SL_INIT("first_seen"), SL_INIT("last_seen"),
		SL_INIT("samples") };
	struct schema s = { .conf = { .sample = 3600 * CLOCK_US_PER_SEC } };
	int code;

	opt_parse(&program, &s.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("unexpected operand %s", msg_q(sl_of(argv[0])));
	extract_check(&s.conf.io);
	if (s.conf.io.out_format == FMT_AUTO)
		s.conf.io.out_format = FMT_NDJSON;
	s.pg = narrow_connect(s.conf.source, &s.conf.narrow);
	stop_catch(cancel, s.pg);
	pg_set(s.pg, "transaction_read_only", "on");
	s.narrow = narrow_detect(s.pg, &s.conf.narrow);
	if (s.conf.names)
		list_names(&s);
	if (!s.conf.new_ship)
		ledger_want_ships(s.narrow, s.pg, NULL, NULL, &s.conf.ships);
	put_format(s.narrow, &s.format);
	s.x = extract_open(&s.conf.io, false);
	wr_cols(s.x->wr, columns, ARRAY_LEN(columns));
	list(&s);
	code = extract_close(s.x);
	str_free(&s.format);
	narrow_free(s.narrow);
	pg_close(s.pg);
	return code;
}
