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

/* A difference. Slices live until the call returns; .p NULL: there is none. */
struct celldiff_cell {
	struct sl ship, instant;
	struct sl channel;      /* none: the row itself */
	struct sl narrow, wide; /* values */
	enum celldiff_what what;
};

/*
 * Is `wide` what a column of this type holds when `narrow` is loaded? Types other than text have a
 * form of their own: of 007 a bigint is 7. *fits tells whether it can hold it at all.
 */
bool celldiff_same(struct sl narrow, struct sl wide, enum column_type type, bool *fits);

struct celldiff {
	struct cellsum_source *source;
	struct cellsum_target *target;
	void (*found)(void *ctx, const struct celldiff_cell *cell);
	void *ctx;
	uint64_t limit; /* stop behind so many */
	uint64_t n;     /* found so far */
	uint64_t unfit; /* values that the type of their column cannot hold: left out by the loader
			 */
};

/* Compares [from, to) of a ship, cell by cell where checksums differ. */
void celldiff_find(struct celldiff *d, struct ship *ship, int64_t from, int64_t to);
