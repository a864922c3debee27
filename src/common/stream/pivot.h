/*
 * pivot.h - the heart of pivot-wide: cells of one key go in, rows come out.
 *
 * Cells come sorted by key; the rows of the current key, one per group, are open and are handed to
 * the callback when another key comes, or at pivot_flush(). Memory: the open rows, the names of the
 * columns, and the last key of every group.
 */
#pragma once

#include "core/hash.h"
#include "stream/rec.h"

#define PIVOT_MAX_BY 8
#define PIVOT_GUESSES 3 /* worth trying before a look into a table */

#define PIVOT_MAX_KEEP 16

/* What becomes of values of one cell; numbers are decimals of any length, exact but for a mean. */
enum pivot_duplicate {
	DUP_LAST,
	DUP_FIRST,
	DUP_ERROR,
	DUP_MAX,
	DUP_MIN,
	DUP_SUM,
	DUP_MEAN, /* rounded to 20 digits where it does not end before */
	DUP_COUNT,
	DUP_CONCAT, /* a comma between two */
};
enum pivot_unknown { UNKNOWN_ADD, UNKNOWN_IGNORE, UNKNOWN_ERROR };

/* What pivot_add() made of a cell. */
enum pivot_result {
	PIVOT_OK,
	PIVOT_UNSORTED,	 /* the key comes after a larger one, or again: see last_key */
	PIVOT_REPEATED,	 /* DUP_ERROR, and the cell has a value already: other */
	PIVOT_NO_NUMBER, /* DUP_SUM, DUP_MEAN: it is none; DUP_MAX, DUP_MIN: this or the other */
	PIVOT_UNKNOWN,	 /* not among the columns given: UNKNOWN_ERROR, or there are none */
};

typedef int pivot_order(struct sl a, struct sl b); /* < 0, 0, > 0 */

struct pivot_group;
struct pivot_row;

struct pivot {
	/* set by the caller */
	size_t n_by;   /* columns that tell the groups apart, by text and kind */
	size_t n_keep; /* columns behind them whose first value a row carries along */
	enum pivot_duplicate on_duplicate;
	enum pivot_unknown on_unknown; /* for names beyond n_given */
	size_t n_given;
	pivot_order *order; /* of keys; NULL: that of the first one */
	/*
	 * A row is complete: the group's values (n_by), its key, and the cells by number of the
	 * column, pivot->columns.n of them. They live until the callback returns.
	 */
	void (*row)(void *ctx, const struct field *by, struct sl key, const struct field *cells);
	void *ctx;
	const struct field *kept; /* in the callback: the values to be carried along (n_keep) */
	struct names columns;

	/* results */
	uint64_t duplicates, ignored;
	uint64_t near_numbers; /* duplicates compared as texts, of numbers as people write them */
	uint64_t drop_cells, drop_sum; /* digest.h: cells left out since pivot_end_chunk() */
	struct str key;		       /* of the last cell */
	struct sl last_key;	       /* after PIVOT_UNSORTED: the key before */
	struct field other;	       /* after PIVOT_REPEATED: the value that is there */

	/* private */
	struct pivot_column *column; /* by number, as far as they have been needed */
	size_t n_columns, columns_cap;
	struct names groups; /* values and kinds of the by columns */
	struct pivot_group *group;
	size_t groups_cap;
	struct arena group_texts;
	struct str joined, sum;
	bool have_key;
	struct pivot_row *rows;
	size_t n_rows, rows_cap, last_group, last_column;
};

/*
 * One cell; `by` are the values that tell the group, and those to be kept. A value that is F_ABSENT
 * makes row and column known and changes nothing; F_NULL erases the cell, whatever was there, and
 * leaves the row with an F_NULL. A repeated value is decided by on_duplicate.
 */
enum pivot_result pivot_add(struct pivot *pv, const struct field *by, struct sl key, struct sl name,
			    const struct field *value) NODISCARD;

struct pivot_column {
	struct field name; /* .plain as field_name() has it */
	size_t next;	   /* the column that came behind it lately, or probably will */
};

/*
 * The column that probably comes behind that of the last cell, or behind another guess, at the same
 * key and group; NULL where there is none.
 */
static inline const struct pivot_column *pivot_likely(const struct pivot *pv,
						      const struct pivot_column *behind);

/* The guess was right: as pivot_add() with the key and group of the last call. */
enum pivot_result pivot_add_likely(struct pivot *pv, const struct pivot_column *column,
				   const struct field *value) NODISCARD;

/* Hands out the open rows. After it, keys may begin anywhere again. */
void pivot_end_chunk(struct pivot *pv);

/* Says how many cells came again, were left out, or were compared as what they may not be. */
void pivot_report(const struct pivot *pv);

/*
 * The order of the keys of a stream by its first one. Is that a number, then numbers are in the
 * order of their values (9 before 10), and before all else; otherwise all keys are bytewise, as
 * times in ISO form want it. It must be one order for all of them: with two numbers by value and a
 * number and a text bytewise, 9, 10, 1a and again 9 would be ascending.
 */
pivot_order *pivot_order_of(struct sl first_key);

/*
 * A key of several columns as one text, which can be compared and taken apart again: each part,
 * below 4 GiB, with its length and the way it is ordered; bytes are of this machine. The first part
 * lies within *packed, which is advanced, and must not be empty. The order is that of each part,
 * as that of `a` says.
 */
void pivot_key_add(struct str *s, bool by_number, struct sl text);
struct sl pivot_key_next(struct sl *packed);
int pivot_key_order(struct sl a, struct sl b);

void pivot_free(struct pivot *pv);

static inline const struct pivot_column *pivot_likely(const struct pivot *pv,
						      const struct pivot_column *behind)
{
	size_t i;

	if (UNLIKELY(!pv->have_key || pv->n_columns == 0))
		return NULL;
	i = behind ? behind->next : pv->column[pv->last_column].next;
	return i < pv->n_columns ? &pv->column[i] : NULL;
}
