/*
 * s3.h - objects in S3. Path style for a custom endpoint and for buckets with dots, else virtual
 * hosts. A bucket of another region is followed there once, and remembered.
 */
#pragma once

#include "aws/client.h"

/* The two parts of s3://bucket/key; the key may be empty. False when it is no such URI. */
bool s3_parse(struct sl uri, struct sl *bucket, struct sl *key) NODISCARD;

/*
 * Makes *c the GET of an object, for aws_do() or a pool: a cut body is resumed at the byte reached
 * (same ETag), so the sink gets every byte once and in order, or the call fails. `path` receives
 * the encoded path and must live as long as the call. Without a sink the reply has the body.
 */
void s3_get_call(struct aws_call *c, struct str *path, struct sl bucket, struct sl key,
	aws_sink_fn *sink, void *sink_ctx);

/* The GET, waiting. `size` (may be NULL) is set to the bytes delivered. */
bool s3_get(struct aws *a, struct sl bucket, struct sl key, aws_sink_fn *sink, void *ctx,
	uint64_t *size, struct aws_error *e) NODISCARD;

/* Stores `body` (at most 5 GiB) under the key; content_type may be empty. */
bool s3_put(struct aws *a, struct sl bucket, struct sl key, struct sl body, struct sl content_type,
	struct aws_error *e) NODISCARD;

/* Copies an object within S3 (at most 5 GiB). */
bool s3_copy(struct aws *a, struct sl from_bucket, struct sl from_key, struct sl bucket,
	struct sl key, struct aws_error *e) NODISCARD;

struct s3_object {
	struct sl key; /* decoded; "" from s3_head() */
	uint64_t size;
	struct sl etag;   /* with its quotes */
	int64_t modified; /* instant; INT64_MIN: not said */
	struct sl class;  /* StorageClass; empty: not said */
};

/* Size, ETag and time of an object; *o lives until the next call on `a`. A missing object is false
 * with e->class AWS_NOT_FOUND. */
bool s3_head(struct aws *a, struct sl bucket, struct sl key, struct s3_object *o,
	struct aws_error *e) NODISCARD;

/* Takes one object of a listing; the slices live during the call. False ends the listing. It may
 * make calls on the same client. */
typedef bool s3_object_fn(void *ctx, const struct s3_object *o);

/* Lists every object whose key begins with `prefix`, in the order of keys, page by page. True when
 * the end was reached, or `each` ended it. */
bool s3_list(struct aws *a, struct sl bucket, struct sl prefix, s3_object_fn *each, void *ctx,
	struct aws_error *e) NODISCARD;

/* Deletes one object; a missing one is no error. */
bool s3_delete(struct aws *a, struct sl bucket, struct sl key, struct aws_error *e) NODISCARD;

/* Deletes everything below a prefix, which must not be empty; with `only`, those whose keys behind
 * the prefix are in it. *n is how many. False, with *e set to the first reason, when any of these
 * is left. */
struct names;
bool s3_delete_prefix(struct aws *a, struct sl bucket, struct sl prefix, const struct names *only,
	uint64_t *n, struct aws_error *e) NODISCARD;
