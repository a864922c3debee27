/*
 * celldiff.h - which cells differ, where the checksums of both sides do (cellsum.h): first the
 * channels by their own checksums, then the cells of those by reading both sides in order.
 */
#pragma once

#include "compare/cellsum.h"

enum celldiff_what {
	CELL_MISSING,
	CELL_EXTRA, /* not in the source */
	CELL_DIFFERS,
	ROW_MISSING, /* an instant of the source without a row */
	ROW_EXTRA,   /* a row for no instant of the source */
	ROW_ORPHAN,  /* in a further table, but not in the first: the view does not show it */
};

const char *celldiff_text(enum celldiff_what what); /* for people */

/* A difference; .p NULL: there is none. */
struct celldiff_cell {
	struct sl instant;
	struct sl channel;      /* none: the row itself */
	struct sl narrow, wide; /* values */
	enum celldiff_what what;
};

/*
 * Is `wide` what a column of this type holds when `narrow` is loaded? Types other than text have a
 * form of their own: of 007 a bigint is 7. *fits tells whether it can hold it at all.
 */
bool celldiff_same(struct sl narrow, struct sl wide, enum column_type type, bool *fits);

/* A zeroed struct is empty. */
struct cell_list {
	struct celldiff_cell *cell; /* by channel, then rows; slices live in the arena */
	size_t n;
	bool more; /* there are more than were gathered */
	size_t left_out; /* values that no column of theirs can hold, or whose channel has no name
			    there: none is missing, and none is there */

	/* private */
	struct cellsum_source *source;
	struct cellsum_target *target;
	size_t cap, max;
	bool values;
	struct arena arena;
};

/* At most `max` differences of [from, to) of a ship, with their values or without. */
void cell_list_find(struct cell_list *l, struct cellsum_source *source,
	struct cellsum_target *target, struct ship *ship, int64_t from, int64_t to, size_t max,
	bool values);

/* Leaves only those that `before` has too. */
void cell_list_keep(struct cell_list *l, const struct cell_list *before);

void cell_list_free(struct cell_list *l);
