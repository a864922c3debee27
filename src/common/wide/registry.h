/*
 * registry.h - which channel of which ship is which column of which table (ferry.channel).
 *
 * A channel is assigned to a group, and to a column there, once; that never changes. A ship whose
 * channels fit one group has one table of the seeds' name, PREFIX + ship in lower case; with more
 * groups the tables are …_1, …_2 and that name is a view (widen.h makes both). The table name of
 * group 1 is therefore the one thing that is rewritten, when a ship outgrows its first table.
 *
 * Names: PostgreSQL cuts identifiers at 63 bytes, and real ISO 19848 ids are longer and alike at
 * their beginnings. A longer id, or one that is no possible column name, keeps its first 54 bytes,
 * cut at the border of a character, and gets `_` and 8 hex digits of its hash; checked for
 * uniqueness within the ship.
 *
 * Several loaders: whoever changes a ship's registry or tables holds registry_lock(), a lock of
 * the transaction, and reads again under it.
 */
#pragma once

#include "core/base.h"
#include "core/hash.h"
#include "core/opt.h"
#include "pg/conn.h"

/*
 * Columns per group. Text: with 337 columns of 23 bytes, the worst length (stored in 24 bytes,
 * which is never moved out of line), a row is just below the 8,160 bytes a page can hold. Native:
 * 450 doubles take less than half a page, so an updated row can find room beside the old one.
 */
#define REGISTRY_TEXT_COLUMNS 337
#define REGISTRY_NATIVE_COLUMNS 450
#define REGISTRY_MAX_COLUMNS 1600 /* PostgreSQL's limit for a table or view, key included */
#define REGISTRY_NAME_MAX 63      /* bytes of an identifier */

enum target_types { TARGET_TEXT, TARGET_NATIVE };

/* Where wide tables are; every program that deals with them takes these options. */
struct target_opts {
	const char *conninfo;   /* --target: NULL means libpq's defaults */
	const char *schema;     /* --target-schema */
	const char *prefix;     /* --target-prefix */
	const char *groups;     /* --groups: a directory, or NULL */
	int types;              /* enum target_types */
	uint64_t group_columns; /* 0: by type */
};

/* `T` the program's configuration, `m` the target_opts in it. */
#define TARGET_NAMES_OPTS(T, m)                                                                    \
	{ .name = "target-schema", OPT_INTO(T, m.schema), .min = 1, .arg = "NAME",                 \
	  .help = "schema of the wide tables (default tenant)" },                                  \
	{ .name = "target-prefix", OPT_INTO(T, m.prefix), .arg = "TEXT",                           \
	  .help = "names of wide tables begin with it (default tbl_data_timeseries_)" }
#define TARGET_OPTS(T, m)                                                                          \
	{ .kind = OPT_GROUP, .help = "Target" },                                                   \
	{ .name = "target", OPT_INTO(T, m.conninfo), .arg = "CONNINFO", .env = "FERRY_TARGET",     \
	  .help = "target database, as for psql -d (default: PG* variables)" },                    \
	TARGET_NAMES_OPTS(T, m),                                                                   \
	{ .name = "types", OPT_INTO(T, m.types), .choices = "text|native",                         \
	  .help = "column types: text, or by the channel's format" },                              \
	{ .name = "groups", OPT_INTO(T, m.groups), .arg = "DIR",                                   \
	  .help = "column groups: a file of channel ids, one a line, for each" },                  \
	{ .name = "group-columns", OPT_INTO(T, m.group_columns), .arg = "N", .min = 1,             \
	  .max = REGISTRY_MAX_COLUMNS - 1,                                                         \
	  .help = "columns per table (default 337 for text, 450 for native types)" }

/* Fills in the defaults of what was not given. */
void target_defaults(struct target_opts *o);

/* ---- what is known of a ship ---------------------------------------------------------------- */

enum column_type { COLUMN_TEXT, COLUMN_DOUBLE, COLUMN_BIGINT, COLUMN_BOOLEAN, COLUMN_OTHER };

const char *column_type_sql(enum column_type t); /* "double precision"; not for COLUMN_OTHER */

struct channel {
	struct sl column;      /* name of its column; empty while not assigned */
	struct sl format;      /* value_format of the source, empty: not known */
	struct sl about;       /* what a list of channels says of it, empty: nothing */
	struct sl seen;	       /* more of that, until it is stored */
	uint32_t group;        /* number of its group from 1; 0: not assigned */
	enum column_type type; /* of the column: as it is, or as it will be made */
	bool stored;           /* it is in ferry.channel */
	bool made;             /* the column is there */
};

struct group {
	struct sl table; /* its name now, or to be when not made; empty: no channel yet */
	size_t n;        /* channels assigned to it */
	size_t list;     /* number of the --groups file it follows, or NAMES_NONE */
	bool made;       /* the table is there */
};

enum base_kind { BASE_NONE, BASE_TABLE, BASE_VIEW };

struct ship { /* its names, and those of its groups, have a NUL behind them */
	struct sl id;
	struct sl base;         /* the seeds' name: of its table, or of the view */
	enum base_kind base_is; /* what has this name in the database, as last read */
	struct sl taken;        /* name of one of its tables that is another's, or empty */
	struct sl unkeyed;      /* one of those that may have an instant twice, or empty */
	struct sl rename;       /* new name of group 1's table, or empty; until it is stored */
	bool others;            /* some are owned by a role that is not ours */
	struct names remade;    /* channels that were registered before their columns were made */
	struct names channels;  /* ids; their numbers index channel[] and never change */
	struct channel *channel;
	size_t channels_cap;
	struct names columns; /* names of columns, unique over all groups: the view needs that */
	size_t *owner; /* by number in columns: the channel, or NAMES_NONE for a reserved name */
	size_t owners_cap;
	struct group *group; /* group[i] is number i + 1 */
	size_t n_groups, groups_cap;
	size_t unmade;   /* channels assigned whose column is not there */
	bool zoned;      /* the key is timestamptz: of the table, or as registry_zoned() said */
	bool said_full;  /* it was said that the view cannot hold all channels */
	int64_t read_at; /* clock_monotonic() of the last read */
};

struct registry;

/*
 * Makes the target's schema when it is not there, and reads the --groups directory: files *.txt
 * with a channel id a line (66 when unreadable, 65 when a channel is in two of them). `key` is the
 * name of the key column. Strings and options are kept. The ledger must be there (ledger_init()).
 */
struct registry *registry_open(struct pg *pg, const struct target_opts *opts,
	const char *key) NODISCARD;
void registry_close(struct registry *r);
void registry_through(struct registry *r, struct pg *pg); /* another connection from now on */
struct pg *registry_pg(const struct registry *r);
const struct target_opts *registry_opts(const struct registry *r);
struct sl registry_key(const struct registry *r);

/* Quoted, as pg_ident(): the key; `schema.table` of a group of the ship, from 0. */
const char *registry_key_ident(const struct registry *r);
const char *registry_table(const struct registry *r, const struct ship *s, size_t group);

/* The type of the key in a ship's tables. */
const char *registry_key_type(const struct ship *s);

/* Tables made from here on have a key of timestamptz, or of timestamp (the default). */
void registry_zoned(struct registry *r, bool zoned);

/*
 * The ship of this id, read from the database at the first call. Dies with 78 when it is registered
 * under another prefix. The pointer stays valid.
 */
struct ship *registry_ship(struct registry *r, struct sl id);

/* These will be asked for in this order, so they are read many at once. They must live as long. */
void registry_expect(struct registry *r, const struct names *ships);

/*
 * Is this the name of the ship's table of group `number`, with our prefix? Another one may begin
 * with it. *base: the ship's name of the seeds.
 */
bool registry_gives(struct registry *r, struct sl ship, struct sl table, uint64_t number,
	struct sl *base) NODISCARD;

/*
 * Are the tables of its name its own, or still to be made? Otherwise appends to `why` which one is
 * something else, of no registered ship, a view, say; or without its key. Or dies with 78.
 */
bool registry_fits(struct registry *r, struct ship *s, struct str *why) NODISCARD;
void registry_want_fit(struct registry *r, struct ship *s);

/* Reads it again: what others have registered and made. Assignments not stored are forgotten. */
void registry_read(struct registry *r, struct ship *s);
void registry_read_all(struct registry *r, struct ship *const *list, size_t n);

/*
 * Puts the comment of the channel's column into `text`: the full id, and below it what is known of
 * the channel. False when there is nothing to say that the column's name does not.
 */
bool registry_comment(const struct ship *s, size_t channel, struct str *text) NODISCARD;

/* The channel's number, or NAMES_NONE when it was never heard of. */
size_t registry_find(const struct ship *s, struct sl channel);

/*
 * Appends what of the user's may change or drop rows on their way into the wide tables of a schema
 * and prefix, triggers and rules, as a message; false when there is nothing.
 */
bool registry_meddlers(struct pg *pg, const char *schema, const char *prefix, struct str *out);

/* ---- changing it (inside a transaction that holds the ship's lock) -------------------------- */

/*
 * How many tables one transaction may have to do with: a quarter of the server's locks, when each
 * may need eight (itself, its key, what it has out of line, and the same of its staging table).
 */
size_t registry_tables_at_once(struct pg *pg);

/*
 * Takes the locks, held to the end of the transaction, in an order that all share; false when
 * lock_timeout was over before. Or takes one that nobody has.
 */
bool registry_lock(struct registry *r, struct ship *const *list, size_t n) NODISCARD;
bool registry_try_lock(struct registry *r, const struct ship *s) NODISCARD;

/* Gives the channel a group and a column, unless it has them; its number. */
size_t registry_assign(struct registry *r, struct ship *s, struct sl channel, struct sl format);

/*
 * Chooses names for tables that have none, and in `rename` a new one for group 1 where it must have
 * one. Call before making tables.
 */
void registry_name_tables(struct registry *r, struct ship *s);

/* Writes what is not stored. */
void registry_store(struct registry *r, struct ship *const *list, size_t n);
