/*
 * fs_id_file.h - out of a file, identifiers of records (a column, or lines), or records themselves.
 */
#pragma once

#include "fs/fs_group.h"
#include "fs/fs_rows.h"
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

/* Who takes records, of these features; borrowed. */
struct fs_reader {
	const size_t *features;
	size_t n;
	fs_row_fn *row;
	void *ctx;
};

/*
 * Gives it each record in the file, NULL where that has no such value. Dies with 65 at one without
 * the identifier or the event time, if these are wanted; and at a file with nothing in it, unless
 * it may be empty, which says that nothing is known.
 */
void fs_record_file(const struct fs_group *g, const struct fs_reader *to,
	const struct io_opts *opts, const char *path, bool may_be_empty);
