/*
 * online.h - the online store of a group: the latest record of every identifier, in memory.
 */
#ifndef SANDBOX_ONLINE_H
#define SANDBOX_ONLINE_H

#include "core/base.h"

/* An event time with nanoseconds, the precision the service has. */
struct event_time {
	int64_t seconds; /* since 1970 */
	int32_t nanos;
};
int event_time_cmp(struct event_time a, struct event_time b);

/* ISO 8601 in the forms the service takes, or Unix seconds with a fraction; false when malformed.
 */
bool event_time_of_iso(struct sl s, struct event_time *t) NODISCARD;
bool event_time_of_number(struct sl s, struct event_time *t) NODISCARD;

struct online_record {
	struct event_time time;
	int64_t expires;   /* Unix microseconds, 0: never */
	bool soft_deleted; /* only identifier and event time are left */
	uint32_t bytes;    /* of `values` */
	char values[];     /* the features as a JSON array of FeatureValue objects */
};

struct online;
struct online *online_new(void) NODISCARD;
void online_free(struct online *o); /* NULL is fine */

/* NULL when there is none, or it has expired. Valid until the next change of that identifier. */
const struct online_record *online_get(struct online *o, struct sl id);

/*
 * Stores a record unless a later one is there (one of the same time is replaced); says whether it
 * did. `expires` 0: never.
 */
bool online_put(struct online *o, struct sl id, struct event_time t, int64_t expires,
	bool soft_deleted, struct sl values);
void online_remove(struct online *o, struct sl id);

/*
 * Walks the identifiers from place `*at` (0 first) on: the next one that is alive, or, with
 * `deleted`, soft-deleted as well. False at the end.
 */
bool online_next(struct online *o, size_t *at, bool deleted, struct sl *id);

uint64_t online_bytes(const struct online *o);

#endif
