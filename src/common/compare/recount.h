/*
 * recount.h - counts of done chunks kept true where a range of a ship was compared, or repaired.
 * A range may be several chunks, for neighbours are compared as one where the table has no index by
 * time; or a part of one, a gap that is cut where chunks of other ships begin.
 */
#pragma once

#include "compare/cellsum.h"

struct recount {
	struct cellsum_source *source;
	struct cellsum_target *target;
	uint64_t job;
	struct ship *ship;
	int64_t from, to;
	const struct cellsum *now; /* the narrow side of all of it */
};

/* It was repaired; `whole`: both sides are equal now, but for `left_out` values. */
void recount_mended(const struct recount *r, uint64_t left_out, bool whole);

/* Where the source has more bad rows than a chunk counts, they have come late. */
void recount_late(const struct recount *r);
