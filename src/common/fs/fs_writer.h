/*
 * fs_writer.h - rows of Athena written as records, with numbers as plain decimals. Each thread has
 * its own, with a writer of its own.
 */
#pragma once

#include "fs/fs_columns.h"
#include "stream/wr.h"

struct fs_writer;

/* The columns are borrowed, and so is `wr`, which has them already. */
struct fs_writer *fs_writer_new(const struct fs_columns *cols, struct wr *wr) NODISCARD;
void fs_writer_row(struct fs_writer *w, const struct field *f, size_t n);
void fs_writer_free(struct fs_writer *w);
