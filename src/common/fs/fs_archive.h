/*
 * fs_archive.h - records as objects in S3: NDJSON, gzip, as many objects as it takes, each of which
 * fs-put can load again as it is.
 */
#pragma once

#include "aws/client.h"
#include "stream/rec.h"

struct fs_archive;

/*
 * Objects part-00001.ndjson.gz and so on under `uri` (s3://BUCKET/PREFIX). Ends the program with 64
 * when that is no such URI. It has a client of its own, so rows may come from within a call of
 * another.
 */
struct fs_archive *fs_archive_new(const struct aws_opts *opts, const char *uri,
	const struct sl *names, size_t n) NODISCARD;

/* Takes a record; ends the program when S3 does not take the objects. */
void fs_archive_row(struct fs_archive *x, const struct field *f, size_t n);

/* Stores what is left; no record at all makes no object. Returns how many objects there are. */
unsigned fs_archive_end(struct fs_archive *x);
