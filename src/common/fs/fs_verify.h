/*
 * fs_verify.h - is everything that was to be moved in the target? Compared by identifier and event
 * time, never by counts alone: a store can have as many rows as another and lack records.
 */
#pragma once

#include "fs/fs_gone.h"
#include "fs/fs_known.h"

#define FS_VERIFY_NAMES 10 /* records named */

struct fs_verdict {
	uint64_t expected;  /* identifiers (online), or identifiers and event times (offline) */
	uint64_t missing;   /* not there */
	uint64_t older;     /* online: there, but as it was before */
	uint64_t newer;     /* online: as nothing that was moved, and behind it */
	uint64_t otherwise; /* online: of the same time, with other values than the source's */
	uint64_t undeleted; /* there and alive, though deleted in the source */
	uint64_t expired;   /* online: beyond its time to live, and rightly not there */
	uint64_t ids, records, rows; /* offline: of the target, as fs_sql_counts() has them */
	struct str names;    /* the first that are missing, older or undeleted: "id1, id2" */
	struct str repeated; /* offline: records the store has more than once */
};

/*
 * What was read of the two online stores already, kept as keys (32 bytes a record at most): it is
 * not asked for again. Whatever is not found among them just so is, as if nothing were known.
 */
struct fs_proof {
	struct fs_move *m;
	const char *seen;
	size_t *from, *to, n; /* the features compared, of the source and the target */
	struct fs_reader reader; /* takes records that are read of the source's online store */
	struct fs_ids source; /* identifier, event time and values of its records */
	struct fs_ids target; /* identifier and event time of those the target has just so */
	struct str key;
};

/*
 * `seen`: a file of records of the source's online store, read for this move; of a source that has
 * no other store they are what is expected. `there`: one of the target's, to which nothing was
 * written since it was read. NULL: there is none. Both are borrowed, as is the move.
 */
void fs_proof_open(struct fs_proof *p, struct fs_move *m, const char *seen, const char *there);
void fs_proof_close(struct fs_proof *p);

/* The online store of the target holds each identifier as new as it was moved, or newer, and none
 * of those that are gone. */
void fs_verify_online(struct fs_proof *p, struct fs_gone *gone, struct fs_verdict *v);

/*
 * The offline store of the target holds each identifier and event time. In one account and region
 * the two tables are compared by Athena; else a key of each record of the target is kept (27 bytes
 * at most). What is gone does not live in its newest states.
 */
void fs_verify_offline(struct fs_proof *p, struct fs_gone *gone, struct fs_verdict *v);

void fs_verdict_free(struct fs_verdict *v);
