/*
 * fs_offline.h - the objects of an offline store in S3: measured, copied, removed.
 *
 * They lie under ResolvedOutputS3Uri, which ends in /data and belongs to one group; S3Uri is shared
 * by all groups that were made with it. Under an Iceberg table objects must not be removed one by
 * one, because its metadata would point at nothing.
 */
#pragma once

#include "aws/s3.h"
#include "fs/fs_group.h"

struct fs_place {
	struct sl bucket;
	struct sl prefix; /* ends in "/" */
};

/*
 * Where the group's data are: its own prefix with a slash, so that no longer name is a part of it.
 * Lives in the arena of the group. Ends the program (69) when the group has no offline store, or a
 * location that could hold anything else.
 */
struct fs_place fs_offline_place(struct fs_group *g);

/*
 * Appends where results of Athena are to be, with a slash at the end: `asked` if not NULL, else the
 * workgroup's own place, else a folder in the bucket of the group's offline store. Empty when the
 * workgroup cannot be looked at: then Athena may know.
 */
void fs_result_location(struct aws *a, const struct fs_group *g, const char *asked,
	struct sl workgroup, struct str *uri);

struct fs_size {
	uint64_t objects, bytes;
	int64_t newest; /* instant; INT64_MIN: nothing there */
	double usd;     /* a month, where somebody asked (fs_stock.h) */
};
#define FS_NO_SIZE { .newest = INT64_MIN }
void fs_size_add(struct fs_size *size, const struct s3_object *o, double usd);
bool fs_offline_size(
	struct aws *a, struct fs_place at, struct fs_size *size, struct aws_error *e) NODISCARD;

/* Copies every object to s3://to_bucket/to_prefix…; true when all were, *n says how many. */
bool fs_offline_copy(struct aws *a, struct fs_place from, struct fs_place to, uint64_t *n,
	struct aws_error *e) NODISCARD;
