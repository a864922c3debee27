/*
 * fs_sql.h - what to ask Athena for the records of a feature group.
 */
#ifndef FERRY_AWS_FS_SQL_H
#define FERRY_AWS_FS_SQL_H

#include "aws/fs_group.h"
#include "core/str.h"

struct fs_select {
	const struct sl *columns; /* names of features or of the store's own columns */
	size_t n_columns;
	const char *where;    /* condition, with or without the word WHERE; NULL: none */
	const char *order_by; /* with or without the words ORDER BY; NULL: any order */
	uint64_t limit;       /* 0: none */
	bool latest;     /* one record per identifier, the newest, and none where it is deleted */
	bool deleted;    /* history: rows that say that a record was deleted, too */
	struct sl as_of; /* only what happened until this event time; empty: everything */
};

/*
 * Appends the SELECT. The newest record of an identifier has the highest event time; among equals
 * (a retry writes a row again) the one that was written last.
 */
void fs_sql_select(const struct fs_group *g, const struct fs_select *q, struct str *sql);

/* Appends UNLOAD of a query, as gzip JSON or as Parquet, to s3://…/ (with the slash). */
void fs_sql_unload(struct sl query, struct sl uri, bool parquet, struct str *sql);

#endif
