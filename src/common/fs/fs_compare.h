/*
 * fs_compare.h - records that somebody has in a file, and what the online store has now.
 *
 * Each record of the file is looked up by BatchGetRecord, some thousand at a time, so that memory
 * does not grow with the file. The store goes on changing: the answer is that of the moment.
 */
#pragma once

#include "aws/client.h"
#include "fs/fs_group.h"
#include "fs/fs_known.h"
#include "stream/io.h"

enum fs_seen {
	FS_SEEN_SAME,  /* every feature of the group has the value it has in the file, or none */
	FS_SEEN_OTHER, /* there is a record of this identifier, but another */
	FS_SEEN_NONE,  /* there is none, or none that is not deleted */
};

struct fs_compare_conf {
	struct aws *aws;
	const struct fs_group *group;
	const struct io_opts *io; /* how the file is read */
	/* records with identifier and event time; what is no feature of the group is passed over */
	const char *file;
	const struct fs_ids *only; /* look at these identifiers only; NULL: at all */
	unsigned workers, batch;
	int64_t patience_us;
	/* `f`: the file's record, by number of the feature; for the call only. In any order. */
	void (*seen)(void *ctx, enum fs_seen what, const struct field *f);
	void *ctx;
};

/* Ends the program with 65 where a record has no identifier or event time. */
void fs_compare(const struct fs_compare_conf *conf);
