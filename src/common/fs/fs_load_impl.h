/* fs_load_impl.h - inside of fs_load.h, for fs_load.c and fs_load_done.c only. */
#pragma once

#include "aws/pool.h"
#include "fs/fs_load.h"

/* Has the endpoint BatchWriteRecord? Until the first answer to one, only one is under way. */
enum fs_mode { FS_MODE_PROBE, FS_MODE_BATCH, FS_MODE_SINGLE };

struct fs_lane {
	struct fs_item *head, **tail; /* waiting, in order */
	size_t n;
	struct fs_item *sent[FS_BATCH_WRITE_MAX];
	size_t n_sent;
	bool busy, batch;
	int64_t not_before; /* 0, or when the lane may send again */
	struct str body, query;
};

struct fs_load {
	struct fs_load_conf conf;
	struct fs_target target;
	struct aws_pool *pool;
	struct fs_lane *lanes;
	unsigned next_lane, busy_lanes;
	struct fs_item *spare;
	uint64_t queued, queued_bytes, under_way, resent, requests, batches;
	enum fs_mode mode;
	bool probing; /* a probe is under way */
	bool proven;  /* a record was acknowledged, so the group is there */
	bool delayed; /* some lane may have a not_before */
	bool in_done;
	bool has_fatal;
	struct aws_error fatal;
	struct arena mem; /* of the answer in hand */
	int64_t started, advanced; /* advanced: when a batch was written last, be it a part */
};

/* The end of a lane's request: settles its records, or puts them back. */
void fs_load_done(
	void *ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e);
