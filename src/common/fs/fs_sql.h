/*
 * fs_sql.h - what to ask Athena for the records of a feature group; conditions that users give.
 */
#pragma once

#include "fs/fs_group.h"

struct fs_select {
	const struct sl *columns; /* names of features or of the store's own columns */
	size_t n_columns;
	const char *where;    /* condition, with or without the word WHERE; NULL: none */
	const char *order_by; /* with or without the words ORDER BY; NULL: any order */
	uint64_t limit;       /* 0: none */
	bool latest;          /* one record per identifier, the newest */
	bool unique;          /* one per identifier and event time: a retry may have written two */
	bool deleted;         /* rows that say that a record was deleted, too */
	bool filter_first;  /* the newest of those that `where` lets pass, not what it lets pass of
			       the newest */
	struct sl as_of;    /* only what happened until this event time; empty: everything */
	struct sl known_at; /* only what was in the store at this time (write_time); empty: all */
};

/* Column of a query for `latest` or `unique`: how many rows are of one identifier and time. */
#define FS_SQL_TIES "ferry_ties"

/*
 * Appends the SELECT. The newest record of an identifier has the highest event time. Among equals
 * (a retry writes a row again, others put another value) it is the one that was written last, as
 * far as the store knows, and then one that follows from its values, so that it is always the same.
 * A deletion of the same event time is none: it has to be later than the record.
 */
void fs_sql_select(const struct fs_group *g, const struct fs_select *q, struct str *sql);

/* The condition without blanks and the word WHERE in front of it. */
const char *fs_sql_condition(const char *where);

/*
 * Appends SQL in which {id} and {event_time} stand for those features of the group, {table} for its
 * table, and {time} for the event time to sort by.
 */
void fs_sql_add(const struct fs_group *g, struct str *sql, const char *text);

/* Appends the condition of records that stand at `id`, which was checked, or behind it. */
void fs_sql_from_id(const struct fs_group *g, struct sl id, struct str *sql);

/*
 * Appends a query for the identifier and event time (ferry_id, ferry_time) of what `select` finds
 * in `source` and is not in `target`. Both groups must be of one catalog.
 */
void fs_sql_missing(const struct fs_group *source, struct sl select, const struct fs_group *target,
	struct str *sql);

/* Appends a query for one row of counts: identifiers, their event times, and rows in all. */
void fs_sql_counts(const struct fs_group *g, struct str *sql);

/* Appends a query for identifiers and event times that are there `least` times (0: any), and how
 * often. */
void fs_sql_repeated(const struct fs_group *g, uint64_t least, struct str *sql);

/* Appends UNLOAD of a query, as gzip JSON or as Parquet, to s3://…/ (with the slash). */
void fs_sql_unload(struct sl query, struct sl uri, bool parquet, struct str *sql);

/* ---- conditions that users give ------------------------------------------------------------ */

/*
 * Athena compares nothing of different types: neither `event_time >= current_date` (a text with a
 * date) nor `event_time < '2024-01-01'` of a Fractional event time (a number with a text).
 */

/* Ends the program with 64 where a text would leave the parentheses that are put around it. */
void fs_where_check(const char *option, const char *sql);

/*
 * The same where `as_of` is no event time of the group; without one, where it is none of any. NULL
 * passes.
 */
void fs_where_check_as_of(const struct fs_group *g, const char *as_of);

/*
 * Appends the condition with every mention of the event time read as an instant, and so the texts
 * it is compared with (=, <, BETWEEN, IN …) where they are dates or times. Anything else stays as
 * it is. False when the event time is not mentioned: then it would be the same condition.
 */
bool fs_where_parse_time(const struct fs_group *g, const char *where, struct str *out) NODISCARD;
