/*
 * athena.h - queries: start once, wait, find the result, stop. What a result means (CSV, manifest)
 * is the extractor's business.
 */
#pragma once

#include "aws/client.h"

struct athena_query {
	struct sl sql;                          /* at most 262,144 bytes */
	struct sl database, catalog, workgroup; /* empty: Athena's defaults */
	struct sl output;                       /* s3://…; empty: the workgroup's */
	struct sl token; /* ClientRequestToken, 32-128 characters: see athena_token() */
};

enum athena_state {
	ATHENA_QUEUED,
	ATHENA_RUNNING,
	ATHENA_SUCCEEDED,
	ATHENA_FAILED,
	ATHENA_CANCELLED
};

/* What GetQueryExecution says. Slices live in the arena given. */
struct athena_execution {
	enum athena_state state;
	struct sl id; /* empty: it was not said */
	struct sl reason; /* StateChangeReason or AthenaError.ErrorMessage */
	bool retryable;
	struct sl output;   /* ResultConfiguration.OutputLocation: the result's own URI */
	struct sl manifest; /* Statistics.DataManifestLocation (UNLOAD) */
	struct sl workgroup;
	uint64_t scanned_bytes;
	int64_t queue_ms, engine_ms, total_ms;
};

/*
 * A token that is the same for the same query in the same run: SHA-256 in hex (64 characters and a
 * NUL) of all its parts and `run`, so that a program started again asks for the query it already
 * paid for.
 */
void athena_token(const struct athena_query *q, struct sl run, char token[65]);

/* Starts it, or finds the one started with this token. `id` gets the QueryExecutionId. */
bool athena_start(
	struct aws *a, const struct athena_query *q, char id[80], struct aws_error *e) NODISCARD;

/*
 * Asks until it ended, from every 0.2 s to every 2 s, or until `timeout_us` (0: none) has passed or
 * aws_stop() was called; then the query is stopped, and *e says so. True means ended, in any state:
 * see x->state. `tick` (may be NULL) sees every answer, for progress.
 */
typedef void athena_tick_fn(void *ctx, const struct athena_execution *x);
bool athena_wait(struct aws *a, const char *id, int64_t timeout_us, athena_tick_fn *tick, void *ctx,
	struct arena *mem, struct athena_execution *x, struct aws_error *e) NODISCARD;

/* Stops a query, also after aws_stop(). */
bool athena_stop(struct aws *a, const char *id, struct aws_error *e) NODISCARD;

/* Rows of the result by GetQueryRuntimeStatistics: *known is false when Athena does not say. */
bool athena_rows(
	struct aws *a, const char *id, uint64_t *rows, bool *known, struct aws_error *e) NODISCARD;

/* The location where a workgroup keeps results, appended to dst ("" when it has none). */
bool athena_workgroup_output(struct aws *a, struct sl workgroup, struct str *dst, bool *enforced,
	struct aws_error *e) NODISCARD;
