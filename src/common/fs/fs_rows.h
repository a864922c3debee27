/*
 * fs_rows.h - results of Athena, piece by piece as they come over the wire, as rows of fields.
 *
 * Two decoders with one interface: the CSV object (every value quoted, NULL unquoted and empty, one
 * header), and the JSON lines of an UNLOAD part (one object a line, keys in lower case, gzip).
 * Both fail closed: what is cut, or not as Athena writes it, is an error and never fewer rows.
 */
#pragma once

#include "stream/rec.h"

/* Takes a row; fields live during the call. The first row of a CSV result is its header. */
typedef void fs_row_fn(void *ctx, const struct field *f, size_t n);

struct fs_csv {
	fs_row_fn *row;
	void *ctx;
	struct str rest; /* bytes of a row that is not complete */
	struct field *f;
	size_t n, cap;
	size_t width;    /* fields of the header; 0: not known yet */
	uint64_t rows;   /* without the header */
	const char *why; /* NULL, or why the result is bad */
};

/* Takes the next bytes; false when they are bad (see .why). */
bool fs_csv_take(struct fs_csv *c, struct sl piece) NODISCARD;

/* At the end of the object: false when it was cut. */
bool fs_csv_end(struct fs_csv *c) NODISCARD;
void fs_csv_free(struct fs_csv *c);

struct fs_json_column {
	struct sl key; /* "name": in lower case, with quotes and colon */
	struct sl name;
};

/* The column of that name as JSON lines have it; lives in the arena. */
struct fs_json_column fs_json_column(struct arena *mem, struct sl name);

struct fs_json {
	fs_row_fn *row;
	void *ctx;
	const struct fs_json_column *columns; /* in the order of the SELECT; borrowed */
	size_t n;
	struct field *f;
	struct z_inflate *z;
	struct str rest;
	char *buf; /* inflated bytes */
	struct arena mem;
	uint64_t rows;
	const char *why;
};

void fs_json_init(struct fs_json *j, const struct fs_json_column *columns, size_t n, fs_row_fn *row,
	void *ctx);
bool fs_json_take(struct fs_json *j, struct sl piece) NODISCARD;
bool fs_json_end(struct fs_json *j) NODISCARD;
void fs_json_free(struct fs_json *j);
