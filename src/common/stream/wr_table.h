/*
 * wr_table.h - records as a table for people: aligned text, or Markdown. Columns are as wide as
 * their widest value, so all records stay in memory until the end.
 */
#pragma once

#include "core/hash.h"
#include "stream/out.h"
#include "stream/rec.h"

struct wr_table;

struct wr_table *wr_table_new(bool markdown) NODISCARD;
void wr_table_row(struct wr_table *t, const struct field *f, size_t n);

/* Writes all rows under these columns, and frees it. */
void wr_table_close(struct wr_table *t, const struct names *cols, struct out *out);
