/*
 * fs_online.h - records out of the online store, many at once: BatchGetRecord for identifiers that
 * ListRecords names, or that the caller has.
 *
 * ListRecords is a chain of pages and serial by nature; the records of its identifiers are fetched
 * meanwhile; where BatchGetRecord is missing or not allowed, by GetRecord. Order is not kept. The
 * store goes on changing: each record is as it was when fetched.
 */
#pragma once

#include "fs/featurestore.h"
#include "fs/fs_only.h"
#include "stream/rec.h"

struct fs_online_conf {
	const struct fs_group *group;
	const size_t *features; /* numbers of those wanted, in the order of the fields */
	size_t n;               /* 0: all of the group */
	bool deleted;           /* list records that were softly deleted, too */
	bool listed; /* what is listed is not fetched: the identifier is all that is wanted */
	const struct fs_only *only; /* of the identifiers these alone; NULL: all */
	unsigned workers;           /* 0: 16 */
	unsigned batch; /* identifiers of a request; 0, or too many: FS_BATCH_GET_MAX */
	int64_t patience_us; /* for throttling and temporary failures; 0: ten minutes */
	void (*row)(void *ctx, const struct field *f, size_t n); /* a record */
	void (*missing)(void *ctx, struct sl id); /* there is none, or none that is not deleted */
	void *ctx; /* of both, which may be NULL */
};

struct fs_online;
struct fs_online *fs_online_new(struct aws *a, const struct fs_online_conf *conf) NODISCARD;

/* Fetches the record of this identifier (copied); waits while many are under way. */
void fs_online_get(struct fs_online *o, struct sl id);

/* Until every identifier is dealt with. */
void fs_online_drain(struct fs_online *o);

/* Lists the store and fetches all there is. */
void fs_online_all(struct fs_online *o);

/* Can records of this group be asked for? One request, or two; nothing is known of their answer. */
bool fs_online_probe(struct aws *a, const struct fs_group *g, struct aws_error *e) NODISCARD;

void fs_online_free(struct fs_online *o);
