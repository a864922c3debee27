#include "compare/analysis.h"

#include "compare/analysis.sql.h"
#include "compare/cellsum.h"
#include "ledger/ledger_disk.h"

#include <math.h>
#include <unistd.h>

#define SAMPLE_PAGES 2000
#define PAGE 8160.0 /* bytes of it that rows can have */
#define TRIAL_ROWS 200000 /* read to measure how fast that goes */

/* Migration over the bare reading of its rows: the bound that `make bench` holds it to. */
#define MIGRATION_PER_READ 1.35

const struct report_column analysis_columns[6] = {
	{ N_("topic"), REPORT_WORDS }, { N_("subject"), false }, { N_("figure"), false },
	{ N_("value"), false }, { N_("basis"), REPORT_WORDS },
	{ N_("advice"), REPORT_WORDS },
};

static const char exact[] = N_("exact"), estimate[] = N_("estimate"), measured[] = N_("measured"),
		  unknown[] = N_("unknown");

/* What was found out on the way, for later figures. */
struct found {
	const struct analysis_conf *conf;
	struct report *r;
	struct arena texts;
	double pages;	/* of the table */
	double percent; /* of them that are in the sample */
	double rows, rows_per_hour;
	double wide_bytes;
	int64_t first, last;
	bool has_range;
};

static void add_row(struct report *r, const char *topic, struct sl subject, const char *figure,
	const char *value, const char *basis, const char *advice)
{
	report_textz(r, topic);
	report_text(r, subject);
	report_textz(r, figure);
	report_textz(r, value);
	report_textz(r, basis);
	report_textz(r, advice);
}

static void add_number(struct found *f, const char *topic, struct sl subject, const char *figure,
	double value, const char *basis, const char *advice)
{
	char digits[32];
	AUTO_STR text = { 0 };

	(void)snprintf(digits, sizeof digits, "%.0f", value < 0 ? 0 : value);
	if (f->conf->brief && strstr(figure, "bytes"))
		report_add_bytes(&text, value);
	else if (f->conf->brief && strcmp(figure, "seconds") == 0)
		report_add_span(&text, (int64_t)(value * 1e6));
	else if (f->conf->brief)
		str_add_digits(&text, sl_of(digits), 5);
	else
		str_addz(&text, digits);
	add_row(f->r, topic, subject, figure, str_z(&text), basis, advice);
}

static double number_of(const struct pg_result *r, size_t row, int col)
{
	double v = 0;

	return !pg_is_null(r, row, col) && num_double(pg_value(r, row, col), &v) ? v : 0;
}

/* ---- settings of the servers that decide how a migration goes -------------------------------- */

#define MB (UINT64_C(1) << 20)

#define GB (UINT64_C(1) << 30)

enum rule {
	AT_LEAST, /* `want`, in bytes or as a plain number */
	IS,	  /* `text` */
	IS_NOT,
	MEMORY_QUARTER, /* of this machine's memory */
};

/* A setting, and what to say when it is otherwise. */
static const struct wish {
	const char *side, *name;
	enum rule rule;
	uint64_t want;
	const char *text, *advice;
} wishes[] = {
	{ "source", "wal_level", IS, 0, "logical",
		N_("logical lets --follow slot hand over without loss; polling works without") },
	{ "source", "max_replication_slots", AT_LEAST, 1, NULL, N_("--follow slot needs one") },
	{ "source", "max_wal_senders", AT_LEAST, 1, NULL, N_("--follow slot needs one") },
	{ "source", "max_slot_wal_keep_size", IS_NOT, 0, "-1",
		N_("without a limit, a slot that nobody reads fills the disk") },
	{ N_("target"), "shared_buffers", MEMORY_QUARTER, 0, NULL,
		N_("a quarter of the memory (needs a restart)") },
	{ "target", "max_wal_size", AT_LEAST, 4 * GB, NULL,
		N_("at least 4GB while loading, or checkpoints come every few seconds") },
	{ "target", "maintenance_work_mem", AT_LEAST, 256 * MB, NULL, N_("256MB or more") },
	{ "target", "work_mem", AT_LEAST, 16 * MB, NULL,
		N_("16MB or more, for merging rows that are there already") },
	{ "target", "checkpoint_completion_target", IS_NOT, 0, "0.5", "0.9" },
	{ "target", "wal_compression", IS_NOT, 0, "off", N_("on: half the WAL of live updates") },
	{ "target", "random_page_cost", IS_NOT, 0, "4", N_("1.1 where disks are SSDs") },
	{ "target", "autovacuum", IS, 0, "on", N_("on: live rows are updated all the time") },
	{ "target", "fsync", IS, 0, "on", N_("on, or a crash of the machine loses the database") },
	{ "target", "full_page_writes", IS, 0, "on", N_("on, or a crash can damage tables") },
};

struct setting {
	const char *shown; /* "128MB" */
	uint64_t number;   /* in bytes, where it has such a unit */
	bool is_number;
};

static uint64_t unit_of(struct sl unit)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = { { "kB", 1024 }, { "8kB", 8192 }, { "MB", MB } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (unit.p && sl_eq_str(unit, units[i].name))
			return units[i].bytes;
	return 1;
}

static struct pg_result *read_setting(struct pg *pg, const char *name, struct setting *s)
{
	struct pg_result *r = pg_ask(pg, setting_sql, name);

	*s = (struct setting){ .shown = NULL };
	if (pg_rows(r) == 0)
		return r;
	s->shown = pg_valuez(r, 0, 0);
	s->is_number = num_u64(pg_value(r, 0, 1), &s->number);
	s->number *= unit_of(pg_value(r, 0, 2));
	return r;
}

static bool is_granted(const struct wish *w, const struct setting *s, uint64_t memory)
{
	switch (w->rule) {
	case AT_LEAST:
		return !s->is_number || s->number >= w->want;
	case IS:
		return strcmp(s->shown, w->text) == 0;
	case IS_NOT:
		return strcmp(s->shown, w->text) != 0;
	case MEMORY_QUARTER:
		/* a little less is as good */
		return !s->is_number || s->number >= memory / 5;
	}
	return true;
}

static void add_settings(const struct analysis_conf *conf, struct report *r, uint64_t memory)
{
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		const struct wish *w = &wishes[i];
		bool source = strcmp(w->side, "source") == 0;
		struct setting s;
		struct pg_result *res =
			read_setting(source ? conf->source : conf->target, w->name, &s);
		bool granted = s.shown && is_granted(w, &s, memory);

		if (s.shown && !(granted && conf->brief))
			add_row(r, N_("setting"), sl_of(w->side), w->name, s.shown, "exact",
				granted ? NULL : w->advice);
		pg_clear(res);
	}
}

/* ---- the narrow table ----------------------------------------------------------------------- */

static void find_sizes(struct found *f)
{
	const struct narrow *n = f->conf->n;
	AUTO_RESULT *r = pg_ask(f->conf->source, sizes_sql, n->oid);
	struct sl table = sl_of(n->table);

	f->pages = number_of(r, 0, 2);
	f->percent = f->pages > SAMPLE_PAGES ? 100.0 * SAMPLE_PAGES / f->pages : 100;
	if (n->has_place) {
		add_number(f, "source", table, "table_bytes", number_of(r, 0, 0), exact, NULL);
		add_number(f, "source", table, "index_bytes", number_of(r, 0, 1), exact, NULL);
	}
}

static void find_range(struct found *f)
{
	struct narrow *n = f->conf->n;
	bool indexed = n->by_time || n->by_channel || n->by_ship_time;
	struct sl table = sl_of(n->table);
	char text[CLOCK_TEXT_MAX + 1];

	if (!indexed && f->pages > SAMPLE_PAGES) {
		add_row(f->r, N_("source"), table, "first_time", NULL, unknown,
			N_("an index that begins with the time: each chunk reads the whole table"));
		return;
	}
	f->has_range = narrow_range(n, f->conf->source, f->conf->ships, f->conf->n_ships, &f->first,
		&f->last);
	if (!f->has_range)
		return;
	text[clock_put(text, f->first, n->zone)] = '\0';
	add_row(f->r, N_("source"), table, "first_time", text, exact, NULL);
	text[clock_put(text, f->last, n->zone)] = '\0';
	add_row(f->r, N_("source"), table, "last_time", text, exact, NULL);
}

/* How many of the ship's channels there are, by one probe of the index for each. */
static double count_channels(struct found *f, struct sl ship, double in_sample, const char **basis)
{
	const struct narrow *n = f->conf->n;
	AUTO_STR sql = { 0 }, where = { 0 };
	AUTO_RESULT *r = NULL;
	double count;

	*basis = f->percent < 100 ? estimate : exact;
	if (!n->by_channel)
		return in_sample;
	str_addf(&where, "%s = %s AND ", n->col[NARROW_SHIP].ident,
		pg_literal(f->conf->source, ship));
	narrow_add_loose_scan(n, &sql, "channels", n->col[NARROW_CHANNEL].ident, str_z(&where));
	str_addz(&sql, "SELECT count(x) FROM channels");
	r = pg_query(f->conf->source, str_z(&sql), 0, NULL);
	count = number_of(r, 0, 0);
	*basis = exact;
	return count;
}

/*
 * Bytes of the ship's wide tables: each row has a header, a bitmap of NULLs and the time, in each
 * group; a text value is stored with one byte of length, a number in eight. Only whole rows are
 * in a page, so one of 5 kB takes all of it. The key's index takes about 20 bytes a row.
 */
static double wide_bytes(const struct found *f, double rows, double channels, double length)
{
	bool native = f->conf->opts->types == TARGET_NATIVE;
	double columns = f->conf->opts->group_columns	? (double)f->conf->opts->group_columns
			 : native			? REGISTRY_NATIVE_COLUMNS
							: REGISTRY_TEXT_COLUMNS;
	double groups = ceil(channels / columns), value = native ? 8 : length + 1, row, in_page;

	if (channels < 1)
		return 0;
	row = 24 + 4 + 8 + channels / groups * (value + 0.125);
	in_page = row < PAGE ? floor(PAGE / row) : 1;
	return rows / channels * groups * (8192 / in_page + 20);
}

static void report_ship(struct found *f, struct sl ship, const struct pg_result *r, size_t row)
{
	const char *basis, *rows_are = f->percent < 100 ? estimate : exact;
	double rows = number_of(r, row, 1) * 100 / f->percent;
	double channels = count_channels(f, ship, number_of(r, row, 2), &basis);
	double bytes = wide_bytes(f, rows, channels, number_of(r, row, 3));

	add_number(f, N_("ship"), ship, "rows", rows, rows_are, NULL);
	add_number(f, N_("ship"), ship, "channels", channels, basis,
		channels > REGISTRY_MAX_COLUMNS - 1 ? N_("too many for one view") : NULL);
	if (channels > 0)
		add_number(f, N_("ship"), ship, "wide_rows", rows / channels, estimate, NULL);
	add_number(f, N_("ship"), ship, "wide_bytes", bytes, estimate, NULL);
	f->rows += rows;
	f->wide_bytes += bytes;
}

/* Rows, ships and lengths of values in a sample of the table's pages. */
static void find_ships(struct found *f)
{
	const struct narrow *n = f->conf->n;
	struct cellsum_source value;
	AUTO_STR sql = { 0 };
	AUTO_RESULT *r = NULL;

	if (!n->has_place) {
		add_row(f->r, N_("source"), sl_of(n->table), "rows", NULL, unknown,
			N_("it is no table, so no sample of it can be taken"));
		return;
	}
	cellsum_source_open(&value, f->conf->source, n, CELLSUM_FAST);
	str_addf(&sql,
		"SELECT %s, count(*), count(DISTINCT %s), avg(octet_length(%s)) FROM %s"
		" TABLESAMPLE SYSTEM (%.8f) REPEATABLE (1) WHERE %s IS NOT NULL",
		n->col[NARROW_SHIP].ident, n->col[NARROW_CHANNEL].ident, value.value, n->ident,
		f->percent, n->col[NARROW_SHIP].ident);
	for (size_t i = 0; i < f->conf->n_ships; i++) {
		if (i == 0)
			str_addf(&sql, " AND %s IN (", n->col[NARROW_SHIP].ident);
		str_addf(&sql, "%s%s", i ? ", " : "",
			pg_literal(f->conf->source, f->conf->ships[i]));
	}
	str_addz(&sql, f->conf->n_ships ? ") GROUP BY 1 ORDER BY 2 DESC, 1"
					: " GROUP BY 1 ORDER BY 2 DESC, 1");
	r = pg_query(f->conf->source, str_z(&sql), 0, NULL);
	for (size_t i = 0; i < pg_rows(r); i++)
		report_ship(f, arena_dup(&f->texts, pg_value(r, i, 0)), r, i);
	add_number(f, "source", sl_of(n->table), "rows", f->rows,
		f->percent < 100 ? estimate : exact, NULL);
	cellsum_source_close(&value);
}

/* A bar for each hour, as high as it had rows. */
static void add_bars(struct str *s, const struct pg_result *r)
{
	static const char *const bar[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	double most = 1;

	for (size_t i = 0; i < pg_rows(r); i++)
		most = fmax(most, number_of(r, i, 1));
	for (size_t i = 0; i < pg_rows(r); i++)
		str_addz(s, bar[(size_t)(number_of(r, i, 1) / most * 7.99)]);
}

/* Rows an hour in the last day: in each hour its last minute is counted. */
static void find_growth(struct found *f)
{
	const struct narrow *n = f->conf->n;
	const char *time = n->col[NARROW_TIME].ident;
	AUTO_STR sql = { 0 }, bars = { 0 };
	AUTO_RESULT *r = NULL;
	size_t hours;

	if (!f->has_range || !n->by_time)
		return;
	str_addf(&sql,
		"SELECT h::text, (SELECT count(*) * 60 FROM %s"
		" WHERE %s > h - interval '1 minute' AND %s <= h) FROM generate_series(",
		n->ident, time, time);
	narrow_add_time(n, &sql, f->last);
	str_addz(&sql, " - interval '23 hours', ");
	narrow_add_time(n, &sql, f->last);
	str_addz(&sql, ", '1 hour') AS h ORDER BY 1");
	r = pg_query(f->conf->source, str_z(&sql), 0, NULL);
	hours = pg_rows(r);
	for (size_t i = 0; i < hours; i++) {
		double rows = number_of(r, i, 1);

		if (!f->conf->brief)
			add_number(f, N_("growth"), arena_dup(&f->texts, pg_value(r, i, 0)),
				"rows_per_hour", rows, estimate, NULL);
		f->rows_per_hour += rows / (double)hours;
	}
	add_bars(&bars, r);
	if (f->conf->brief)
		add_number(f, N_("growth"), SL("24 h"), "rows_per_hour", f->rows_per_hour, estimate,
			str_z(&bars));
}

/* ---- the target ----------------------------------------------------------------------------- */

/* The least that is free where wide tables go, 0 when that cannot be known from here. */
static double free_bytes(const struct found *f, double *wal)
{
	struct ledger_disk disks[LEDGER_DISKS_MAX];
	double bytes = 0;
	size_t n = ledger_disks(f->conf->target, f->conf->opts->schema, f->conf->opts->prefix,
		disks);

	for (size_t i = 0; i < n; i++) {
		if (disks[i].tables && (bytes == 0 || disks[i].bytes_free < bytes))
			bytes = disks[i].bytes_free;
		if (disks[i].wal && !disks[i].tables)
			*wal = disks[i].bytes_free;
	}
	return f->conf->disk_free ? (double)f->conf->disk_free : bytes;
}

static void report_disk(struct found *f)
{
	AUTO_RESULT *r = pg_query(f->conf->target,
		"SELECT pg_size_bytes(current_setting('max_wal_size'))", 0, NULL);
	double wal = number_of(r, 0, 0), wal_room = 0, room = free_bytes(f, &wal_room);
	double needed = f->wide_bytes + (wal_room > 0 ? 0 : wal);

	add_number(f, "disk", SL("target"), "wide_bytes", f->wide_bytes, estimate, NULL);
	add_number(f, "disk", SL("target"), "wal_bytes", wal, exact, NULL);
	if (wal_room > 0)
		add_number(f, "disk", SL("target"), "wal_free_bytes", wal_room, exact,
			wal_room < wal ? N_("not enough for max_wal_size") : NULL);
	add_number(f, "disk", SL("target"), "needed_bytes", needed, estimate, NULL);
	if (room > 0)
		add_number(f, "disk", SL("target"), "free_bytes", room, exact,
			room < needed ? N_("not enough: make room, or carry over ship by ship")
				      : NULL);
	else
		add_row(f->r, N_("disk"), SL("target"), "free_bytes", NULL, unknown,
			N_("--disk-free SIZE tells it"));
}

static uint64_t report_memory(struct found *f)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t bytes = 0;
	bool local = pg_is_yes(
		pg_query(f->conf->target, "SELECT inet_server_addr() IS NULL", 0, NULL));

	if (local && pages > 0 && size > 0) {
		bytes = (uint64_t)pages * (uint64_t)size;
		add_number(f, "memory", SL("target"), "total_bytes", (double)bytes, exact, NULL);
	} else {
		add_row(f->r, N_("memory"), SL("target"), "total_bytes", NULL, unknown, NULL);
	}
	return bytes;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Reads the newest rows as a migration would; rows a second, 0 when that cannot be tried. */
static double read_rate(const struct found *f)
{
	const struct narrow *n = f->conf->n;
	double hours = f->rows_per_hour > 0 ? TRIAL_ROWS / f->rows_per_hour : 0, rows = 0;
	struct narrow_part part = { .to = f->last + 1,
		.ships = f->conf->ships,
		.n_ships = f->conf->n_ships };
	int64_t began;
	struct sl row;

	if (!f->has_range || !n->by_time || hours <= 0)
		return 0;
	part.from = f->last - (int64_t)(hours * 3600 * (double)CLOCK_US_PER_SEC);
	began = clock_monotonic();
	narrow_copy(n, f->conf->source, &part);
	while (pg_copy_row(f->conf->source, &row))
		rows++;
	return rows * 1e6 / (double)(clock_monotonic() - began + 1);
}

static void report_time(struct found *f)
{
	double rate = read_rate(f);

	if (rate <= 0) {
		add_row(f->r, N_("time"), SL("migration"), "seconds", NULL, unknown, NULL);
		return;
	}
	add_number(f, "time", SL("source"), "read_rows_per_second", rate, measured, NULL);
	add_number(f, "time", SL("migration"), "seconds", f->rows / rate * MIGRATION_PER_READ,
		estimate,
		N_("one worker; --workers N divides it while the servers have processors"));
	if (f->rows_per_hour > rate * 3600 / MIGRATION_PER_READ)
		add_row(f->r, N_("time"), SL("live"), "keeps_up", "no", estimate,
			N_("rows come faster than one worker can carry them"));
}

void analysis_run(const struct analysis_conf *conf, struct report *r)
{
	struct found f = { .conf = conf, .r = r };

	/* a table without statistics looks small to the planner, whatever its size */
	pg_set(conf->source, "enable_seqscan", "off");
	pg_set(conf->source, "enable_bitmapscan", "off");
	find_sizes(&f);
	find_range(&f);
	find_ships(&f);
	find_growth(&f);
	report_disk(&f);
	add_settings(conf, r, report_memory(&f));
	report_time(&f);
	arena_free(&f.texts);
}
