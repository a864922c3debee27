/*
 * fs_ask.h - questions to Athena whose answer is a few rows, for programs that are no extractors.
 */
#pragma once

#include "aws/client.h"
#include "fs/fs_group.h"
#include "fs/fs_rows.h"

/* Whom to ask. */
struct fs_asker {
	struct aws *aws;
	const struct aws_opts *opts;
	const char *workgroup;
	const char *output; /* where results are to be; NULL: the workgroup's place */
	int64_t timeout;
};

struct fs_question {
	struct sl sql;
	fs_row_fn *row;                             /* without the header */
	bool (*retype)(void *ctx, struct str *sql); /* see fs_fetch.h; appends; may be NULL */
	void *ctx;
};

/* Asks, in the catalog of the group, hands the rows over, and leaves nothing behind. Ends the
 * program when Athena refuses. */
void fs_ask(const struct fs_asker *a, const struct fs_group *g, const struct fs_question *q);
