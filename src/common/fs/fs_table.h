/*
 * fs_table.h - reports: rows of named cells, for people (table, Markdown) and programs (JSON, CSV).
 */
#ifndef FERRY_FS_TABLE_H
#define FERRY_FS_TABLE_H

#include "core/mem.h"
#include "core/str.h"

enum fs_table_format {
	FS_TABLE_TEXT,
	FS_TABLE_JSON,
	FS_TABLE_CSV,
	FS_TABLE_MARKDOWN,
	FS_TABLE_NDJSON
};
#define FS_TABLE_FORMATS "table|json|csv|markdown|ndjson"

struct fs_column {
	const char *title; /* of tables and CSV; NULL: only in JSON */
	const char *key;   /* of JSON; NULL: not in JSON */
};

/* One cell: a text, or a JSON value written as it is (a number, an object). */
struct fs_cell {
	struct sl text;
	bool raw;
};

struct fs_table {
	const struct fs_column *cols; /* borrowed */
	size_t n_cols;
	struct fs_cell *cells; /* row by row; texts live in the arena */
	size_t n, cap;
	struct arena arena;
};

/* Cells are copied, in the order of the columns, one row after the other. Empty texts show as `-`
 * in tables; JSON and CSV have them as they are. */
void fs_table_text(struct fs_table *t, struct sl text);
void fs_table_raw(struct fs_table *t, struct sl json);

/* Appends all rows. JSON is one array, an object a line. */
void fs_table_put(const struct fs_table *t, enum fs_table_format format, struct str *out);
void fs_table_free(struct fs_table *t);

#endif
