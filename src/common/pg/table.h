/*
 * table.h - records into any table: columns by name, COPY, upsert, bad rows found and left out.
 *
 * Records are gathered in buffers and sent by COPY. With keys, rows that are there already are
 * replaced, or what `on_conflict` says: a buffer that meets one (23505) goes through a staging
 * table and is merged (table_sql.c). A field that is absent (NDJSON) is not written: a new row gets
 * the column's default, one that is there keeps its value. Records with different absent fields go
 * into one buffer all the same, with marks, so that rows are added in the order of the input. Only
 * where a default cannot be written down here (a view's, an identity whose sequence is not ours)
 * each run of such records is sent by itself.
 *
 * Where COPY is refused or would do something else than INSERT (row-level security, INSERT rules,
 * views without a trigger), rows go through the staging table, too.
 *
 * A row refused because of a foreign key may wait for a row that comes later: it is tried again at
 * table_finish(), together with the others of its kind, until none more gets in.
 */
#pragma once

#include "core/hash.h"
#include "core/opt.h"
#include "pg/conn.h"
#include "stream/rec.h"

/* What becomes of a record whose key is there; in the order of --on-conflict's choices. */
enum table_conflict {
	TABLE_REPLACE,	   /* its columns replace those of the row, where they differ */
	TABLE_IGNORE,	   /* nothing: the row stays, and of several records the first counts */
	TABLE_UPDATE_ONLY, /* as TABLE_REPLACE; and a record whose key is not there is left out */
	TABLE_ERROR,	   /* it is a bad one */
};

struct table_conf {
	const char *name;      /* SCHEMA.TABLE, see relation.h */
	const char *keys;      /* "a,b": columns of a unique key, or NULL: rows are only added */
	bool create;           /* make the table when it is not there */
	bool truncate;         /* what was in it goes, at the end and in the same transaction */
	bool ignore_unknown;   /* leave out columns that the table does not have */
	int on_conflict;       /* enum table_conflict */
	size_t buffer;         /* bytes gathered before they are sent */
	bool infer;            /* types of a table that is made are given by table_type() */
	struct opt_list types; /* "NAME=TYPE", "#3=TYPE" for create; others are text */
	bool keep_raw;         /* give `bad` the record's text */
	/* called for each row that is refused; when it returns, the row is left out */
	void (*bad)(void *ctx, const struct fault *fault, struct sl raw);
	void *ctx;
};

struct table_counts {
	uint64_t inserted, updated;
	uint64_t equal;	     /* there already, just so */
	uint64_t skipped;    /* by TABLE_IGNORE or TABLE_UPDATE_ONLY */
	uint64_t superseded; /* a later record (TABLE_IGNORE: an earlier one) has the key, too */
	uint64_t dropped;    /* by a trigger of the table */
};

struct table;

/* Refuses what is wrong whatever the table is (64): before anybody is asked. */
void table_check_conf(const struct table_conf *conf);

/*
 * Looks at the table. Dies with 78 when there is none and `create` is not set, or when `keys` are
 * no unique key that ON CONFLICT can use, and names those there are. Keeps conf's strings. Every
 * call below runs inside a transaction of the caller.
 */
struct table *table_open(struct pg *pg, const struct table_conf *conf) NODISCARD;

/* Of keys that are numbers of columns, which columns they are; then the same. */
void table_name_keys(struct table *t, const struct names *cols);

/*
 * The stream's columns, also when they have grown. `json`: of NDJSON, where a string is one also in
 * a column of JSON. Dies with 65 when the table lacks one.
 */
void table_cols(struct table *t, const struct names *cols, bool json);

/* The type a column gets when `create` makes the table, unless conf.types says. Kept. */
void table_type(struct table *t, struct sl name, const char *type);

void table_row(struct table *t, const struct rec *rec);

/* Sends everything buffered. */
void table_flush(struct table *t);

/*
 * Sends everything, also what waits for rows that come later: now or never. `last`: no more rows
 * follow in this run; then what `truncate` asks for is done, and 65 when a column that conf.types
 * names never came.
 */
void table_finish(struct table *t, bool last);

/*
 * The last statement before COMMIT: checks deferred constraints. False when one is violated; then
 * everything since BEGIN may be rolled back, table_restart() called and all rows given again: now
 * what is wrong is found row by row.
 */
bool table_check(struct table *t) NODISCARD;
void table_restart(struct table *t);

/*
 * May table_check() be false? So it is with constraints that are checked at COMMIT, and where rows
 * that `truncate` gathers aside meet partitions, foreign keys or triggers only at the end.
 */
bool table_defers(const struct table *t);

/*
 * Sequences that give columns of the table their values, and are behind the greatest that was
 * loaded: advances them, or warns. `all`: none was refused. Before COMMIT.
 */
void table_sequences(struct table *t, bool advance, bool all);

/* Is it there, be it made by this run? */
bool table_exists(const struct table *t);

/* Is this column one of the key? */
bool table_has_key(const struct table *t, struct sl column);

const struct table_counts *table_counts(const struct table *t);

/* How many columns of the stream `ignore_unknown` left out; appends the names of the first ones. */
size_t table_unknown(const struct table *t, struct str *list);
void table_close(struct table *t);
