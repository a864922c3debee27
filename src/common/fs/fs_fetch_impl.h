/*
 * fs_fetch_impl.h - what the ways of fetching a result share; for fs_fetch*.c and fs_parts*.c only.
 */
#pragma once

#include "fs/fs_fetch.h"

/* Asked for each piece, by any thread: does anybody still want the rows? */
bool fs_fetch_wanted(struct fs_fetch *f);

/*
 * A sink must not end the program for what is not its own: it stops the call, and this explains.
 * `why` is what the decoder has against the result, or NULL: then *e says it.
 */
void fs_fetch_failed(struct fs_fetch *f, const char *why, const struct aws_error *e) NORETURN;

struct fs_part {
	struct sl bucket, key;
};

struct fs_part_list {
	struct str manifest; /* the names are in it */
	struct fs_part *v;
	size_t n, cap;
};

/*
 * The parts, from the manifest. Ends the program with 76 when one lies elsewhere than asked for:
 * that is not ours to trust.
 */
void fs_fetch_list(struct fs_fetch *f, struct fs_part_list *list);
void fs_part_list_free(struct fs_part_list *list);

void fs_fetch_parts(struct fs_fetch *f); /* JSON, several at once */
void fs_fetch_files(struct fs_fetch *f); /* Parquet, into files */
