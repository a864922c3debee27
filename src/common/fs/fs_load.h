/*
 * fs_load.h - many records into a feature group at once, each settled exactly once.
 *
 * Records are dealt to lanes by their identifier. A lane has one request under way and sends its
 * records in order, never two of one identifier in a request, so that requests cannot overtake each
 * other where it matters. BatchWriteRecord carries up to 25 records; whether the endpoint has it,
 * and this user may call it, is found out with the first of them, and PutRecord is the way back.
 * Deletions are single requests.
 *
 *	while (a record is there)
 *		item = fs_load_item(l), fill it, fs_load_add(l, item);
 *	fs_load_drain(l);
 */
#pragma once

#include "fs/featurestore.h"
#include "fs/fs_record.h"

enum fs_outcome {
	FS_ACKNOWLEDGED, /* the service has it */
	FS_REJECTED,     /* the service will not have it */
	FS_UNKNOWN,      /* no answer, or only temporary failures, for as long as was patience */
};

/* Called once for each record, from within the functions below; `e` is NULL when acknowledged. */
typedef void fs_settled_fn(
	void *ctx, const struct fs_item *item, enum fs_outcome outcome, const struct aws_error *e);

struct fs_load_conf {
	struct sl group; /* name or ARN */
	const struct fs_group *description;
	struct fs_how how;
	bool hard;           /* deletions remove the record instead of emptying it */
	bool single;         /* never use BatchWriteRecord */
	unsigned workers;    /* lanes */
	int64_t patience_us; /* for throttling and temporary failures of one record */
	fs_settled_fn *settled;
	void (*answered)(void *ctx); /* the records of one answer are settled */
	void *ctx;
};

struct fs_load;
struct fs_load *fs_load_new(struct aws *a, const struct fs_load_conf *conf) NODISCARD;

/* An item to be filled; it belongs to the load, and goes back by fs_load_add() or fs_load_drop().
 */
struct fs_item *fs_load_item(struct fs_load *l);
void fs_load_drop(struct fs_load *l, struct fs_item *item);

/*
 * Takes the item; waits while there are too many. All functions that may wait end the program when
 * the service says that nothing can succeed (no such group, not allowed, bad credentials), or
 * when a signal asked for it (core/stop.h).
 */
void fs_load_add(struct fs_load *l, struct fs_item *item);

/* Sends what there is, also batches that are not full, without waiting: the input has a pause. */
void fs_load_push(struct fs_load *l);

/* Until every record is settled. */
void fs_load_drain(struct fs_load *l);

/*
 * Sends nothing more and waits for what is under way, `timeout_us` at most; what is not answered
 * then is settled as unknown. Never ends the program. Safe in an exit handler.
 */
void fs_load_stop(struct fs_load *l, int64_t timeout_us);

struct fs_load_stats {
	uint64_t under_way;
	uint64_t resent; /* records sent more than once: the offline store may have them twice */
	uint64_t requests, batches;
};
struct fs_load_stats fs_load_stats(const struct fs_load *l);

void fs_load_free(struct fs_load *l);
