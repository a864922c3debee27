/*
 * copybuf.h - rows on their way into COPY … FROM STDIN (text format), kept until the server has
 * taken them: so a batch can be sent again elsewhere, or without the row the server refused.
 *
 * Text format, never CSV: there a line `\.` ends the data silently. Fields are split by tabs, rows
 * by LF; backslash, tab, LF and CR are escaped, NULL is \N.
 */
#pragma once

#include "pg/conn.h"

struct copybuf_row {
	size_t at;       /* offset of its first byte */
	uint64_t record; /* number and line of the record it came from */
	uint64_t line;
};

/* A zeroed struct is an empty buffer. */
struct copybuf {
	struct str text;
	struct copybuf_row *row;
	size_t n, cap;
};

void copybuf_clear(struct copybuf *b); /* keeps memory */
void copybuf_free(struct copybuf *b);

/* Begins a row; its fields are appended to b->text, and copybuf_end_row() ends it. */
void copybuf_begin_row(struct copybuf *b, uint64_t record, uint64_t line);
void copybuf_end_row(struct copybuf *b);
void copybuf_drop_row(struct copybuf *b); /* takes the row just begun back */

/* Takes out the rows for which out[row]. */
void copybuf_take_out(struct copybuf *b, const bool *out);

/* Rows [lo, hi) as bytes. */
struct sl copybuf_rows(const struct copybuf *b, size_t lo, size_t hi);

/*
 * Writes s with escapes to dst, which has room for 2 * s.n bytes, and returns the end. Texts known
 * to hold nothing to escape are simply copied by the caller.
 */
char *copybuf_escape(char *dst, struct sl s);

/* Does the text hold a byte that copybuf_escape() would change? */
bool copybuf_is_special(struct sl s);

/* One field of a row, unescaped; false for NULL or when there are not so many. */
bool copybuf_field(const struct copybuf *b, size_t row, size_t field, struct str *out);

/* Makes a field of a row NULL. */
void copybuf_blank(struct copybuf *b, size_t row, size_t field);

/*
 * Where the server stopped, from its context line `COPY t, line 3, column b: …` (3 counts from 1):
 * both outputs only hint, since messages are translated. False when it does not say.
 */
bool copybuf_stopped_at(const char *context, uint64_t *line, struct str *column);

/*
 * Sends rows [lo, hi) through the COPY statement `sql`; false on an error of the server. *taken
 * (may be NULL): how many of them the server says are there, for a trigger may drop some.
 */
bool copybuf_send(struct copybuf *b, struct pg *pg, const char *sql, size_t lo, size_t hi,
	uint64_t *taken) NODISCARD;

/*
 * Is an error of this SQLSTATE the fault of rows, so that others may be taken? So are those that
 * only functions raise, in triggers and constraints.
 */
bool copybuf_is_row_fault(const char *sqlstate);

/*
 * Loads rows [lo, hi) although some may be refused, as pgloader does. `load` loads a range of rows
 * within a savepoint of its own and returns false when the server refused them, savepoint rolled
 * back; `bad` is called with a row that is refused alone.
 */
typedef bool copybuf_load_fn(void *ctx, size_t lo, size_t hi);
typedef void copybuf_bad_fn(void *ctx, size_t row);

/*
 * May be NULL. Called when many of the rows [lo, hi) are bad: takes those it finds out of the
 * buffer and returns where the others end; hi when it found none.
 */
typedef size_t copybuf_sift_fn(void *ctx, size_t lo, size_t hi);
void copybuf_load(struct pg *pg, size_t lo, size_t hi, copybuf_load_fn *load,
	copybuf_bad_fn *bad, copybuf_sift_fn *sift, void *ctx);
