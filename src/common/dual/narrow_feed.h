/*
 * narrow_feed.h - records of a narrow stream as rows of the narrow table: which of its columns a
 * value goes to, in the text the server will give back.
 *
 * The columns of a record are those of a narrow stream (ship_id, created_time, data_channel_id,
 * value, value_format) or, where it has them, those of the table by their own names. Others of the
 * table are passed on as they are.
 */
#pragma once

#include "narrow/narrow.h"
#include "stream/rec.h"

struct narrow_feed {
	const struct narrow *n;
	struct names columns;        /* of the table, that rows are written to */
	size_t column[NARROW_ROLES]; /* role -> number in columns, NAMES_NONE */
	size_t in[NARROW_ROLES];     /* role -> column of the input, NAMES_NONE */
	size_t in_value;
	/* private */
	size_t in_op;
	size_t *extra; /* columns of the input that are passed on, behind those of roles */
	size_t n_extra, extra_cap;
	char text[32]; /* of the last value */
	char time[48];
};

/* What a record says. Slices point into the record and the feed. */
struct narrow_feed_row {
	struct sl ship, channel;
	int64_t time;
	struct sl time_text;   /* as the column has it */
	struct sl format;      /* empty: the table has no format, or none is known */
	enum narrow_role role; /* where the value is; NARROW_ROLES: there is none */
	struct field value;    /* as the server will give it back */
};

void narrow_feed_open(struct narrow_feed *f, const struct narrow *n);
void narrow_feed_close(struct narrow_feed *f);

/* The columns of the input. Dies with 65 when one of the key is missing. */
void narrow_feed_cols(struct narrow_feed *f, const struct names *cols);

/*
 * Reads a record. `format` is that of the channel where the record names none, or empty. NULL, or
 * why the record cannot be taken; *bad is then the column of the input it is about.
 */
const char *narrow_feed_row(struct narrow_feed *f, const struct rec *rec, struct sl format,
	struct narrow_feed_row *row, size_t *bad) NODISCARD;

/* The ship and channel of a record, before it is read; empty when they are missing. */
struct sl narrow_feed_ship(const struct narrow_feed *f, const struct rec *rec);
struct sl narrow_feed_channel(const struct narrow_feed *f, const struct rec *rec);

/* Fills in a row of `columns` from what was read; `out` has room for columns.n fields. */
void narrow_feed_put(const struct narrow_feed *f, const struct rec *rec,
	const struct narrow_feed_row *row, struct field *out);
