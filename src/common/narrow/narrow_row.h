/*
 * narrow_row.h - rows of the narrow table as binary COPY sends them, made into text.
 *
 * Values leave as the server itself would write them: float8out, int8out, `true` and `false`,
 * strings as they are.
 */
#pragma once

#include "narrow/narrow.h"
#include "stream/rec.h"

/* Longer ones do not fit a record. */
#define NARROW_VALUE_MAX ((size_t)16 << 20)

struct narrow_row {
	struct sl ship, channel;
	int64_t time;
	struct field value; /* .kind: F_NULL, F_STR, F_NUM or F_BOOL */
	const char *why;    /* not NULL: a row that cannot be carried over, and why (static) */
	enum narrow_role bad; /* the column it is about */
};

struct narrow_reader {
	const struct narrow *n;
	enum narrow_role role[NARROW_ROLES]; /* of each field of a message */
	size_t n_fields;
	bool begun; /* the header of the COPY was seen */
	bool text;  /* values are as the server prints them, not binary: narrow_read_text() */
	struct sl raw[NARROW_ROLES]; /* of the current row; .p NULL: NULL, or no such column */
	char number[32];	     /* text of a value that was no text */
};

/*
 * Reads one message; false for the one that ends the COPY. Slices point into the message and into
 * `r`. A message that is not what the SELECT asked for is a bug (70).
 */
bool narrow_read(struct narrow_reader *r, struct sl message, struct narrow_row *row) NODISCARD;

/*
 * Begins narrow_copy(); the part's only ship is kept by reference. The next row of it, false behind
 * the last one. Dies when the server fails.
 */
void narrow_reader_copy(struct narrow_reader *r, const struct narrow *n, struct pg *pg,
	const struct narrow_part *part);
bool narrow_reader_next(struct narrow_reader *r, struct pg *pg, struct narrow_row *row) NODISCARD;

/*
 * For rows that come as text, such as those of a slot: prepares, and reads the row whose columns
 * the caller has put into r->raw[] by role, as the server prints them in a session like ours.
 */
void narrow_reader_init_text(struct narrow_reader *r, const struct narrow *n);
void narrow_read_text(struct narrow_reader *r, struct narrow_row *row);

/*
 * For sources that hold their texts in another encoding: what the current row is read into. A text
 * that is none of the encoding makes the row a reject.
 */
struct narrow_texts *narrow_texts_new(const struct encoding *e) NODISCARD;
void narrow_texts_free(struct narrow_texts *t);

/* Is this the name of the column of that role, as a replication stream has it? */
bool narrow_is_column(const struct narrow *n, enum narrow_role role, struct sl name);

/* Is this text of the current row one? When not, r->raw[] has it as it came. */
bool narrow_text_is_good(const struct narrow_reader *r, enum narrow_role role);

/* Appends bytes as PostgreSQL writes a bytea, and SQL for a text that the source holds as them. */
void narrow_add_hex(struct str *s, struct sl bytes);
void narrow_add_bytes(struct str *s, struct sl bytes);

/* Appends the current row as a JSON object of the columns that were read, by their names: texts cut
 * at 10,000 bytes, unless they are to be whole. What is no text is as PostgreSQL writes a bytea. */
void narrow_row_put_json(const struct narrow_reader *r, bool whole, struct str *s);
