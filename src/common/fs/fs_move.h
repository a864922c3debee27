/*
 * fs_move.h - the migration of one feature group into another: may it be, what will it be, and was
 * it done.
 */
#pragma once

#include "fs/fs_fetch.h"
#include "fs/fs_only.h"
#include "fs/fs_sql.h"

/* A group, and how to get at it. */
struct fs_side {
	struct aws_opts opts;
	struct aws *aws;
	struct fs_group group;
};

struct fs_move {
	struct fs_side source, target;
	/* asked for; strings are borrowed, NULL where not given */
	const char *filter, *as_of, *known_at, *resume_from, *workgroup, *output;
	const char *target_profile, *target_region, *only_spec, *shard;
	bool latest, history, mapped, clear, try_writing, allow_empty, without_collections;
	uint64_t batch, workers;
	int64_t timeout;
	/* worked out by fs_move_open() and fs_move_count() */
	bool online;  /* records come out of the online store, because there is no other */
	bool newest;  /* of each identifier only */
	bool counted; /* the two below are known */
	bool listed;  /* ListRecords of the source can be had */
	bool alive;   /* and its first page has records */
	uint64_t records, deletions; /* before `only` */
	uint64_t ties; /* records that have several rows of one event time */
	struct fs_only only;
	struct str numbers;  /* features whose text only the online store has */
	struct str where;    /* filter and resume_from; empty: all */
	struct str known;    /* write_time of the last row there was when they were counted */
	struct str left_out; /* features that the target does not have */
	struct str lossy;    /* whole numbers that become fractions there */
	struct str collections; /* features that no offline store has, and that are moved */
};

#define FS_MOVE_OPTS(T, m)                                                                         \
	{ .kind = OPT_GROUP, .help = "Which records" },                                            \
	{ .name = "where", OPT_INTO(T, m.filter), .arg = "SQL",                                    \
	  .help = "condition, with or without the word WHERE" },                                   \
	{ .name = "only", OPT_INTO(T, m.only_spec), .arg = "FEATURE=FILE",                         \
	  .help = "those whose FEATURE has a value of FILE, one a line; for lists that no query "  \
		  "can hold" },                                                                    \
	{ .name = "shard", .not_with = "only", OPT_INTO(T, m.shard), .arg = "I/N",                 \
	  .help = FS_ONLY_SHARD_HELP },                                                            \
	{ .name = "latest", OPT_INTO(T, m.latest),                                                 \
	  .help = "the newest of each identifier (default without an offline store to fill)" },    \
	{ .name = "history", .not_with = "latest as-of", OPT_INTO(T, m.history),                   \
	  .help = "every state, deletions too (default with an offline store to fill)" },          \
	{ .name = "as-of", OPT_INTO(T, m.as_of), .arg = "TIME",                                    \
	  .help = "the newest as it was at this event time" },                                     \
	{ .name = "resume-from", OPT_INTO(T, m.resume_from), .arg = "ID",                          \
	  .help = "identifiers from this one on, in their order" },                                \
	{ .name = "mapped", OPT_INTO(T, m.mapped),                                                 \
	  .help = "records are changed on the way: features need not go together" },               \
	{ .name = "without-collections", OPT_INTO(T, m.without_collections),                       \
	  .help = "leave lists, sets and vectors empty, which only the online store has" },        \
	{ .kind = OPT_GROUP, .help = "Tuning" },                                                   \
	{ .name = "s3-output-location", OPT_INTO(T, m.output), .arg = "URI",                       \
	  .help = "where Athena leaves results (default: the workgroup's)" },                      \
	{ .name = "workgroup", OPT_INTO(T, m.workgroup), .arg = "NAME",                            \
	  .help = "of Athena (default primary)" },                                                 \
	{ .name = "query-timeout", OPT_INTO(T, m.timeout), .arg = "TIME",                          \
	  .unit = CLOCK_US_PER_SEC, .help = "stop a query after (default 30m)" },                  \
	{ .name = "target-profile", OPT_INTO(T, m.target_profile), .arg = "NAME",                  \
	  .help = "of the target, when it is not that of the source" },                            \
	{ .name = "target-region", OPT_INTO(T, m.target_region), .arg = "REGION",                  \
	  .help = "of the target, when it is not that of the source" }

#define FS_MOVE_DEFAULTS \
	.workgroup = "primary", .batch = 100, .workers = 4, .timeout = 1800 * CLOCK_US_PER_SEC, \
	.try_writing = true

/*
 * Describes both groups and checks that one can go into the other: state, stores, identifier, event
 * time, features and their types. Ends the program with one line that says what cannot be.
 */
void fs_move_open(struct fs_move *m, const char *source, const char *target);

/*
 * Counts what will be moved, by Athena: sets counted, records, deletions and known. Where Athena
 * refuses the filter for its types, m->where is the one it takes from here on.
 */
void fs_move_count(struct fs_move *m);

/* Ends the program where the target is to be cleared, and nothing is to be moved into it (65) or it
 * may not be written (77). */
void fs_move_check_clear(const struct fs_move *m);

/* Appends the query for identifier, event time and is_deleted of what is to be moved; `counted`:
 * and FS_SQL_TIES, last. */
void fs_move_select(const struct fs_move *m, bool newest, bool counted, struct str *sql);

/* Appends the plan, for people. */
void fs_move_print(const struct fs_move *m, struct str *out);

/*
 * Appends what scripts have to know, NAME NUL VALUE NUL …: strategy, source (offline, online),
 * replay (history, latest), records, deletions, where, known_at, order, columns, looked, left_out,
 * late, job, online, offline (of the target: 1 or empty).
 */
void fs_move_facts(const struct fs_move *m, struct str *out);

/*
 * Does the move look for what the offline store does not know of yet: records and deletions of the
 * last minutes? Not with a condition, which cannot be put to the online store.
 */
bool fs_move_looks_online(const struct fs_move *m);

/*
 * Features of a record that are compared when all is over: identifier, event time, then those that
 * both groups have alike. Of a part of the records that has no ties what is online was not asked
 * for but for collections. In the numbers of the target or the source; the caller frees them.
 */
size_t *fs_move_compared(const struct fs_move *m, bool target, size_t *n) NODISCARD;

struct fs_asker fs_move_asker(const struct fs_move *m, bool target);
bool fs_move_same_place(const struct fs_move *m);

/* Which column of fs_move_select() has the feature that `only` is about. */
size_t fs_move_only_at(const struct fs_move *m); /* both in one account and region */
void fs_move_stop(void *move); /* for stop_catch(): ends calls that are under way */
void fs_move_close(struct fs_move *m);
