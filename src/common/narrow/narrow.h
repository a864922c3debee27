/*
 * narrow.h - the narrow source table: its options, its shape, how a part of it is read.
 *
 * One row is one value of one channel of one ship at one instant. As it is in production:
 * tenant.tbl_data_timeseries(id, ship_id, data_channel_id, created_time, bool_v, str_v, long_v,
 * double_v, value_format), primary key (ship_id, data_channel_id, created_time). Every name can be
 * given, and what is optional (id, format, some of the value columns) is detected.
 *
 * The value of a row is in the column that its format names: Decimal, Integer, String, Boolean.
 * Without a format column it is in the one value column that is not NULL; a table with a single
 * value column of any type is read with --value-column.
 */
#pragma once

#include "core/clock.h"
#include "core/hash.h"
#include "core/opt.h"
#include "pg/conn.h"

#define NARROW_DEFAULT_TABLE "tenant.tbl_data_timeseries"

enum narrow_role {
	NARROW_SHIP,
	NARROW_CHANNEL,
	NARROW_TIME,
	NARROW_ID,
	NARROW_FORMAT,
	NARROW_DOUBLE, /* NARROW_DOUBLE..NARROW_BOOLEAN: in the order of enum narrow_format */
	NARROW_LONG,
	NARROW_STRING,
	NARROW_BOOLEAN,
	NARROW_VALUE,
	NARROW_XMIN, /* no column of the user's: the transaction that wrote the row */
	NARROW_ROLES,
};

/* Formats of values; the texts stand in the format column. */
enum narrow_format { NARROW_DECIMAL, NARROW_INTEGER, NARROW_TEXT, NARROW_BOOL, NARROW_FORMATS };
extern const struct sl narrow_format_names[NARROW_FORMATS]; /* "Decimal", "Integer", … */

/* What the command line says; NULL where it says nothing. All strings point into argv. */
struct narrow_opts {
	const char *table;
	const char *encoding; /* of a source that says SQL_ASCII */
	const char *column[NARROW_ROLES];
	const char *expression[NARROW_ROLES]; /* SQL instead of a column: the operator's own */
};

#define NARROW_EXPRESSION_OPT_(T, m, role, what)                                                   \
	{ .name = what "-expression", OPT_INTO(T, m.expression[role]), .arg = "SQL",               \
	  .not_with = what "-column", .help = "SQL instead, such as labels->>'" what "'" }

#define NARROW_COLUMN_OPT_(T, m, role, opt, text)                                                  \
	{ .name = opt, OPT_INTO(T, m.column[role]), .min = (role) <= NARROW_TIME, .arg = "NAME",   \
	  .help = text }

/* The side it is read from: `m` is a const char *, for pg_connect(). */
#define NARROW_SOURCE_OPT(T, m)                                                                    \
	{ .name = "source", OPT_INTO(T, m), .arg = "CONNINFO", .env = "FERRY_SOURCE",              \
	  .help = "source database, as for psql -d (default: PG* variables)" }

/* What it is read for: `m` is a struct opt_list. */
#define NARROW_SHIPS_OPT(T, m)                                                                     \
	{ .name = "ship-id", .letter = 's', OPT_INTO(T, m), .min = 1, .arg = "SHIP",               \
	  .help = "only this ship; may be given several times" }

/* And that one of those is to come: it is not refused. `m` is a bool. */
#define NARROW_NEW_SHIP_OPT(T, m, ...)                                                             \
	{ .name = "new-ship", OPT_INTO(T, m), .needs = "ship-id", .weakens = true,                 \
	  .help = "a ship that has no rows yet is to come", ##__VA_ARGS__ }

/* The same names in every program. `T` the struct of the configuration, `m` its narrow_opts. */
#define NARROW_OPTS(T, m)                                                                          \
	{ .kind = OPT_GROUP, .help = "Narrow table" },                                             \
	{ .name = "table", .letter = 't', OPT_INTO(T, m.table), .arg = "SCHEMA.TABLE",             \
	  .help = "default " NARROW_DEFAULT_TABLE },                                               \
	{ .name = "source-encoding", OPT_INTO(T, m.encoding), .arg = "NAME",                       \
	  .env = "FERRY_SOURCE_ENCODING",                                                          \
	  .help = "what a source of SQL_ASCII holds (default UTF8)" },                             \
	NARROW_COLUMN_OPT_(T, m, NARROW_SHIP, "ship-column", "default ship_id"),                   \
	NARROW_COLUMN_OPT_(T, m, NARROW_CHANNEL, "channel-column", "default data_channel_id"),     \
	NARROW_COLUMN_OPT_(T, m, NARROW_TIME, "time-column", "default created_time"),              \
	NARROW_COLUMN_OPT_(T, m, NARROW_ID, "id-column", "default id, where there is one"),        \
	NARROW_COLUMN_OPT_(T, m, NARROW_FORMAT, "format-column",                                   \
		"default value_format, where there is one"),                                       \
	NARROW_COLUMN_OPT_(T, m, NARROW_DOUBLE, "double-column", "default double_v"),              \
	NARROW_COLUMN_OPT_(T, m, NARROW_LONG, "long-column", "default long_v"),                    \
	NARROW_COLUMN_OPT_(T, m, NARROW_STRING, "string-column", "default str_v"),                 \
	NARROW_COLUMN_OPT_(T, m, NARROW_BOOLEAN, "boolean-column", "default bool_v"),              \
	NARROW_COLUMN_OPT_(T, m, NARROW_VALUE, "value-column",                                     \
		"the only value column, of any type"),                                             \
	NARROW_EXPRESSION_OPT_(T, m, NARROW_SHIP, "ship"),                                         \
	NARROW_EXPRESSION_OPT_(T, m, NARROW_CHANNEL, "channel"),                                   \
	NARROW_EXPRESSION_OPT_(T, m, NARROW_VALUE, "value")

/* How a column arrives in binary COPY. */
enum narrow_wire {
	NARROW_W_TEXT,
	NARROW_W_F8,
	NARROW_W_I8,
	NARROW_W_I4,
	NARROW_W_I2,
	NARROW_W_BOOL,
};

struct narrow_column {
	struct sl name;	   /* .n 0: the table has no such column */
	const char *ident; /* quoted for SQL */
	const char *expr;  /* SQL that gives it in the form `wire` */
	enum narrow_wire wire;
	bool number;	   /* of a numeric type */
	bool computed;	   /* by an expression: `name` is only for messages */
	bool folds;	   /* its type takes different names for equal: read as what they are */
	bool not_null;
};

struct narrow_texts; /* of narrow_row.c */

struct narrow {
	const char *table; /* "schema.table" as it was asked for, for messages */
	const char *ident; /* quoted for SQL */
	struct narrow_column col[NARROW_ROLES];
	bool zone;	    /* the time column is timestamptz */
	bool exact_ship;    /* two ships that SQL calls equal are the same text */
	const char *oid;    /* of the table, as text */
	const char *print;  /* fingerprint of its columns */
	bool lockable;	    /* LOCK TABLE can be used on it */
	bool has_place;	    /* a table, whose rows have a place (ctid); not a view */
	bool several_tables; /* partitions: a place is (tableoid, ctid) */
	bool odd;	    /* narrow_range() or narrow_ships() met rows of no range or ship */
	bool unique;	    /* (ship, channel, time) cannot repeat */
	bool keyed;	    /* nor in the table itself, whatever tables inherit from it */
	bool sorted;	    /* asked for: rows of one instant in the order of ship and channel */
	bool by_ship_time;  /* an index begins with (ship, time) */
	bool by_time;	    /* an index begins with (time) */
	bool by_channel;    /* an index begins with (ship, channel, time) */
	bool by_ship;	    /* an index begins with (ship) */
	uint64_t rows_estimate; /* the planner's, 0 when unknown */
	const struct encoding *encoding; /* texts in binary COPY are in it; NULL: UTF-8 */
	struct narrow_texts *texts;	 /* the row being read, of such a source */
	struct names odd_ships; /* their names as they are, of which narrow_ships() made no text,
				   or none that can be stored */
	struct pg *target; /* rows are carried over to there; NULL: not known, or holds any name */
	bool unstored;	   /* narrow_ships() met names that it cannot hold: those of no ship, too */
	struct names spans; /* ships with few rows each, of which narrow_ships() has read these: */
	struct narrow_span {
		int64_t first, last;
	} * span;
	struct arena arena;
};

/* Ships whose names the target cannot hold are none. It must outlive the reading; or NULL. */
static inline void narrow_goes_to(struct narrow *n, struct pg *target)
{
	n->target = target && pg_stores(target) ? target : NULL;
}

static inline bool narrow_can_store(const struct narrow *n, struct sl ship)
{
	return LIKELY(!n->target) || pg_can_store(n->target, ship);
}

/*
 * Which columns and expressions were given, as a JSON object in the arena, {"ship-column":"ship"}.
 * Those that are the default are left out; "" when nothing was given. And the columns back into
 * options: false when there are expressions, which no text may bring into a statement.
 */
const char *narrow_columns(const struct narrow_opts *opts, struct arena *a);
bool narrow_take_columns(struct narrow_opts *opts, const char *columns, struct arena *a) NODISCARD;

/* Connects to the side it is read from; texts come as pg_read_raw() says. */
struct pg *narrow_connect(const char *conninfo, const struct narrow_opts *opts) NODISCARD;

/*
 * Looks at the table. Dies with 78 when it or a column it must have is missing or of an unfit
 * type, naming the option that says otherwise. Warns where row level security hides rows.
 * To be freed with narrow_free().
 */
struct narrow *narrow_detect(struct pg *pg, const struct narrow_opts *opts) NODISCARD;
void narrow_free(struct narrow *n);

/* One of TimescaleDB, whose chunks are tables that inherit, and have its keys? */
bool narrow_is_hypertable(const struct narrow *n, struct pg *pg) NODISCARD;

/* Is a value made by an expression? Then rows can only be asked for, not followed nor written. */
bool narrow_is_computed(const struct narrow *n);

/*
 * Begins a transaction that reads one consistent state of the table; to be ended with COMMIT. Dies
 * with 75 when its columns are not any more what narrow_detect() saw, 78 when its name is another
 * table's by now.
 */
void narrow_begin(const struct narrow *n, struct pg *pg);

/* Longer names of ships and channels do not fit the index of the registry. */
#define NARROW_NAME_MAX 1000

/* 0001-01-01 and 10000-01-01 as instants: the years that clock.h and ISO 8601 can write. */
#define NARROW_FIRST_INSTANT (INT64_C(-730119) * CLOCK_US_PER_DAY)
#define NARROW_END_INSTANT (INT64_C(2921940) * CLOCK_US_PER_DAY)

/*
 * A part of the table: [from, to) in instants, or the rows without a time, or those that no range
 * has (outcasts: also infinite times, and years outside 0001-9999); these ships only (none: all),
 * but not those. INT64_MIN and INT64_MAX are open ends.
 */
struct narrow_part {
	int64_t from, to;
	bool timeless, outcasts;
	bool shipless;  /* outcasts: also rows without a ship, or with an empty one */
	bool xmin;      /* rows with the number of their transaction (only when has_place) */
	struct sl also; /* one more condition, in SQL; .n 0: none */
	const char *only; /* of this query with all columns, and tableoid, ctid; NULL: of all */
	const struct sl *ships;
	size_t n_ships;
	const struct sl *skip;
	size_t n_skip;
};

/* Appends a literal of the time column's own type. */
void narrow_add_time(const struct narrow *n, struct str *s, int64_t instant);

/* Appends ` AND …`: the time is one of the years that a wide table can hold. */
void narrow_add_years(const struct narrow *n, struct str *s);

/* Appends `time >= … AND time < …` and the ships, without WHERE. */
void narrow_add_where(const struct narrow *n, struct pg *pg, struct str *s,
	const struct narrow_part *part);

/*
 * Begins the binary COPY of a part: its columns in the order of roles: ship, channel, time, format,
 * values; absent ones are left out, and so are the id and, when only one is asked for, the ship.
 * narrow_row.h reads what binary COPY makes of it. Rows come by time, and where (ship, channel,
 * time) may repeat by id, or by their place in the table when there is no id: the last one counts.
 */
void narrow_copy(const struct narrow *n, struct pg *pg, const struct narrow_part *part);

/* Is the column of this role among those of narrow_copy()? */
bool narrow_selects(const struct narrow *n, const struct narrow_part *part, enum narrow_role role);

/* Makes a connection one that only reads the table, in the way that costs the server least. */
void narrow_only_reads(struct pg *pg);

/*
 * The first and last instant of these ships (none: of all). False when there are no rows. Infinity,
 * and years outside 0001-9999, which no wide table of ours can hold, are passed over and noted in
 * n->odd.
 */
bool narrow_range(struct narrow *n, struct pg *pg, const struct sl *ships, size_t n_ships,
	int64_t *first, int64_t *last) NODISCARD;

/* The same of one ship within [from, to), both of years that a wide table can hold. */
bool narrow_range_in(const struct narrow *n, struct pg *pg, struct sl ship, int64_t from,
	int64_t to, int64_t *first, int64_t *last) NODISCARD;

/*
 * Warns when reading in chunks of `chunk` microseconds from `from` to `to` reads the whole table
 * again for each, because no index begins with the time (or with ship and time).
 */
void narrow_warn_scans(const struct narrow *n, int64_t from, int64_t to, int64_t chunk);

/* The first instant in a part; false when there is none. */
bool narrow_next(const struct narrow *n, struct pg *pg, const struct narrow_part *part,
	int64_t *instant) NODISCARD;

/*
 * The ships there are, in the order of the database, from an index where one begins with the ship,
 * else from all rows. An empty name is none, and noted in n->odd. Names live as long as `n`. *ships
 * is to be freed with mem_free().
 */
size_t narrow_ships(struct narrow *n, struct pg *pg, struct sl **ships);

/* Are there so many ships, with so few rows each, that all are sooner read than looked for? */
bool narrow_is_sparse(const struct narrow *n, size_t n_ships);

/*
 * Are there outcasts? To be asked behind narrow_range() and narrow_ships(); where columns may be
 * NULL it may read the table.
 */
bool narrow_has_outcasts(const struct narrow *n, struct pg *pg, const struct narrow_part *part)
	NODISCARD;

/*
 * Rows without a ship, a channel or a time, which no range of a ship's time finds. Where the
 * columns may be NULL that reads the table, or its indexes.
 */
uint64_t narrow_keyless(const struct narrow *n, struct pg *pg);

/*
 * Appends `WITH RECURSIVE name AS (…)`: rows x with the distinct values of a column that leads an
 * index, and a last one that is NULL, at one probe of the index each (a "loose index scan", which
 * PostgreSQL has no plan for). `where` is empty or ends in AND.
 */
void narrow_add_loose_scan(const struct narrow *n, struct str *s, const char *name,
	const char *column, const char *where);
