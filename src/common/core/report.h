/*
 * report.h - small tables of results, for people and programs: aligned text, JSON, CSV, Markdown.
 *
 *	report_init(&r, columns, ARRAY_LEN(columns));
 *	report_text(&r, ship); report_count(&r, rows); …      one call per column, row by row
 *	report_put(&r, format, &text);
 *	report_free(&r);
 */
#pragma once

#include "core/opt.h"
#include "core/str.h"

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_CSV, REPORT_MARKDOWN, REPORT_NDJSON };

#define REPORT_FORMATS "table|json|csv|markdown"

/* --format of a program that prints one: `m` is an int, enum report_format; `what` is printed. */
#define REPORT_FORMAT_OPT(T, m, what, ...)                                                         \
	{ .name = "format", .letter = 'f', OPT_INTO(T, m), .choices = REPORT_FORMATS,              \
	  .help = "of " what " (default table)", ##__VA_ARGS__ }

struct report_column {
	const char *name; /* NULL: only in JSON */
	/* A text; a number (to the right, and in JSON the value itself: a number, an object);
	 * words of ours, which people read in their language, as they do the name; or data, whose
	 * name is data, too. */
	enum { REPORT_TEXT, REPORT_NUMBER, REPORT_WORDS, REPORT_DATA_NUMBER, REPORT_DATA } kind;
};

struct report {
	const struct report_column *columns; /* the caller's, static */
	size_t n_columns;
	const char *const *keys; /* of JSON, by column; NULL: the names */
	const char *empty;       /* how a table shows an empty cell; NULL: as nothing */
	/* private */
	struct str text; /* all cells, one behind the other */
	size_t *end;     /* where each cell ends in `text` */
	bool *null;
	size_t n, cap_end, cap_null;
};

void report_init(struct report *r, const struct report_column *columns, size_t n);

/* The next cell, row by row. Text must be UTF-8; .p NULL is NULL. */
void report_text(struct report *r, struct sl text);
void report_textz(struct report *r, const char *text); /* NULL is NULL */
void report_count(struct report *r, uint64_t n);
void report_real(struct report *r, double v, int decimals);

/*
 * Appends the table: a header and a line per row, or in JSON an array of objects without the end of
 * line, in NDJSON an object a line. Where a person reads, control bytes are shown as msg_quote()
 * does.
 */
void report_put(const struct report *r, enum report_format format, struct str *out);

/* As people read them: `1.5 GB`, `2 h 13 min`; in the language of the user. */
void report_add_bytes(struct str *out, double bytes);
void report_add_span(struct str *out, int64_t us);

void report_free(struct report *r);
#define AUTO_REPORT __attribute__((cleanup(report_free))) struct report
