/*
 * fs_columns.h - which columns a query of a feature group has, what they are called, and its rows
 * written as records.
 */
#pragma once

#include "fs/fs_group.h"
#include "stream/wr.h"

/* A column of the output. */
struct fs_output {
	struct sl name;   /* as it is written */
	struct sl source; /* feature or column of the store */
	bool number;      /* Integral or Fractional */
	bool fractional;
	bool boolean;
};

/* A zeroed struct has none. Names are those of the group, or the caller's, and must outlive it. */
struct fs_columns {
	struct fs_output *v;
	size_t n, cap;
};

/* A feature, in whatever case, or a column of the store. Others end the program (64) unless `any`.
 */
void fs_columns_add(struct fs_columns *c, const struct fs_group *g, struct sl name, bool any);

/* Those of a list that commas split, all features when it is NULL; and the store's own. */
void fs_columns_choose(
	struct fs_columns *c, const struct fs_group *g, const char *list, bool store_columns);

/* Gives columns other names: OLD:NEW,… */
void fs_columns_rename(struct fs_columns *c, const char *list);

void fs_columns_free(struct fs_columns *c);

/*
 * Rows of Athena written as records, with numbers as plain decimals. Each thread has its own, with
 * a writer of its own. The columns are borrowed, and so is `wr`, which has them already.
 */
struct fs_writer;
struct fs_writer *fs_writer_new(const struct fs_columns *cols, struct wr *wr) NODISCARD;
void fs_writer_row(struct fs_writer *w, const struct field *f, size_t n);
void fs_writer_free(struct fs_writer *w);
