/*
 * fs_failed.h - records that were not stored, as NDJSON that can be loaded again as it is: the
 * record's own members, and "@failed" with what happened and the group it was meant for, which the
 * next load passes over.
 */
#pragma once

#include "fs/fs_load.h"
#include "stream/out.h"

/* One that was refused before it was sent: the record as it came. */
void fs_failed_record(struct out *out, struct sl group, const struct names *cols,
	const struct rec *rec, size_t column, const char *why);

/* One that the service refused, or did not answer for. */
void fs_failed_item(struct out *out, const struct fs_group *group, const struct fs_item *item,
	enum fs_outcome outcome, const struct aws_error *e);
