/* runtime.h - what the files of Feature Store Runtime share: one record on its way into the stores.
 */
#ifndef SANDBOX_RUNTIME_H
#define SANDBOX_RUNTIME_H

#include "group.h"
#include "online.h"

struct put {
	struct group *g;
	struct sl *values; /* by feature; .p NULL: none */
	struct sl json;    /* all values as the online store keeps them */
	struct sl id;
	struct event_time time;
	bool online, offline; /* where it goes */
	int64_t expires;
	/* of a refusal */
	int status;
	const char *code;
	struct sl why;
};

/*
 * Checks one PutRecord, or one entry of BatchWriteRecord: `in` has Record, TargetStores and
 * TtlDuration, `default_ttl` is the TtlDuration of the batch or NULL. Memory comes from `x`.
 */
bool runtime_check_put(struct exchange *x, struct group *g, const struct json *in,
	const struct json *default_ttl, struct put *p);

/* Writes a checked record into its stores. */
void runtime_store(const struct put *p);

/* Says why in `p`; returns false. */
bool runtime_refuse(struct exchange *x, struct put *p, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Parses an event time in the form of the group; false after a refusal. */
bool runtime_event_time(struct exchange *x, const struct group *g, struct sl text, struct put *p);

/* Which stores the names in TargetStores mean: all the group has when there are none. */
bool runtime_targets(
	struct exchange *x, const struct group *g, const struct sl *names, size_t n, struct put *p);

/*
 * The group for the runtime; NULL after the answer. The service says ResourceNotFound with 404, or
 * ValidationError with 400 where `as_validation`.
 */
struct group *runtime_group(struct exchange *x, struct sl name, bool as_validation);

/* Writes a stored record as `"Record":[…]`, only the features in `only` (an array, or NULL: all).
 */
void runtime_put_record(
	struct exchange *x, const struct online_record *r, const struct sl *only, size_t n_only);
void runtime_put_expiry(struct exchange *x, const struct online_record *r);

void runtime_batch_get(struct exchange *x);
void runtime_batch_write(struct exchange *x);

#endif
