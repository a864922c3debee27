/*
 * celldiff.h - which cells differ, where the checksums of both sides do (cellsum.h): first the
 * channels by their own checksums, then the cells of those by reading both sides in order.
 */
#ifndef FERRY_PG_CELLDIFF_H
#define FERRY_PG_CELLDIFF_H

#include "pg/cellsum.h"

/* A difference. Slices live until the call returns; .p NULL: there is none. */
struct celldiff_cell {
	struct sl ship, instant;
	struct sl channel;      /* none: the row itself */
	struct sl narrow, wide; /* values */
	const char *what;       /* "missing", "not in the source", "differs", … */
};

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

#endif
