/*
 * parquet.h - rows as a Parquet file: what UNLOAD of that format leaves in S3.
 *
 * Written after the format's own description (github.com/apache/parquet-format: README.md,
 * Encodings.md, src/main/thrift/parquet.thrift): row groups of one data page a column, PLAIN
 * values, definition levels for NULL, gzip or nothing, a footer in Thrift's compact protocol.
 */
#ifndef SANDBOX_PARQUET_H
#define SANDBOX_PARQUET_H

#include "core/str.h"
#include "trino.h"

struct parquet;

/* The first column whose type is not written here, or NULL. */
const struct trino_column *parquet_unsupported(const struct trino_column *columns, size_t n);

/* The columns are borrowed; the beginning of the file is added to `out`. */
struct parquet *parquet_new(
	const struct trino_column *columns, size_t n, bool gzip, struct str *out) NODISCARD;

/* Takes the next value of a row, as text; .p NULL is NULL. */
void parquet_value(struct parquet *p, struct sl text);

/* Adds what is due to `out` after a row: now and then a row group. */
void parquet_row_end(struct parquet *p, struct str *out);

/* Adds the rest and the footer. */
void parquet_end(struct parquet *p, struct str *out);
void parquet_free(struct parquet *p);

#endif
