/*
 * table.h - records into any table: columns by name, COPY, upsert, bad rows found and left out.
 *
 * Records are gathered in buffers and sent by COPY. With keys, rows that are there already are
 * replaced: a buffer that meets one (23505) goes through a staging table and is merged (stage.h). A
 * field that is absent (NDJSON) is not written: a new row gets the column's default, one that is
 * there keeps its value. So records with different absent fields go into different buffers.
 */
#ifndef FERRY_PG_TABLE_H
#define FERRY_PG_TABLE_H

#include "core/base.h"
#include "core/hash.h"
#include "core/opt.h"
#include "pg/conn.h"
#include "stream/rec.h"

struct table_conf {
	const char *name;      /* SCHEMA.TABLE, see relation.h */
	const char *keys;      /* "a,b": columns of a unique key, or NULL: rows are only added */
	bool create;           /* make the table when it is not there */
	bool ignore_unknown;   /* leave out columns that the table does not have */
	struct opt_list types; /* "NAME=TYPE" for create; others are text */
	bool keep_raw;         /* give `bad` the record's text */
	/* called for each row that the server refuses; when it returns, the row is left out */
	void (*bad)(void *ctx, const struct fault *fault, struct sl raw);
	void *ctx;
};

struct table;

/*
 * Looks at the table. Dies with 78 when there is none and `create` is not set. Keeps conf's
 * strings. Every call below runs inside a transaction of the caller.
 */
struct table *table_open(struct pg *pg, const struct table_conf *conf) NODISCARD;

/* The stream's columns, also when they have grown. Dies with 65 when the table lacks one. */
void table_cols(struct table *t, const struct names *cols);

void table_row(struct table *t, const struct rec *rec);

/* Sends everything buffered. */
void table_flush(struct table *t);
void table_close(struct table *t);

#endif
