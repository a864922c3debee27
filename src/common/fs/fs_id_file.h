/*
 * fs_id_file.h - out of a file, identifiers of records (a column, or lines), or states of records.
 */
#pragma once

#include "fs/fs_group.h"
#include "stream/io.h"

typedef void fs_id_fn(void *ctx, struct sl id);

/*
 * Calls `take` for each identifier in the file ("-": standard input). `lines`: one a line, without
 * a header; else records that have it in the column of its own name, or in one that people call it
 * by. A CSV file of one column whose first line is none of these names is a list, too; one of
 * several is refused (65). A record without one is a reject (stream/io.h).
 */
void fs_id_file(const struct fs_group *g, const struct io_opts *opts, const char *path, bool lines,
	fs_id_fn *take, void *ctx);

typedef void fs_state_fn(void *ctx, struct sl id, struct sl time);

/*
 * Calls `take` for each record in the file, which has identifier and event time in columns of their
 * own names. Dies with 65 at one that has not.
 */
void fs_state_file(const struct fs_group *g, const struct io_opts *opts, const char *path,
	fs_state_fn *take, void *ctx);
