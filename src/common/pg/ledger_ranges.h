/*
 * ledger_ranges.h - the time of a job cut at the borders of all its chunks, and what the ledger
 * says of each ship between two borders.
 */
#ifndef FERRY_PG_LEDGER_RANGES_H
#define FERRY_PG_LEDGER_RANGES_H

#include "core/hash.h"
#include "pg/ledger.h"

enum ledger_cover {
	LEDGER_COVER_NONE, /* no chunk */
	LEDGER_COVER_OPEN, /* one that is not done */
	LEDGER_COVER_DONE,
};

struct ledger_range {
	int64_t from, to;
	uint8_t *cover; /* enum ledger_cover, by number of the ship */
};

/*
 * The ranges in order, in the arena; their number. The first lies before all chunks, from `since`
 * of the job or else from LEDGER_NO_TIME. Ships that have chunks are added to *ships; `only`
 * restricts them (n_only 0: all).
 */
size_t ledger_ranges(struct pg *target, const struct ledger_job *job, const struct sl *only,
	size_t n_only, struct names *ships, struct arena *a, struct ledger_range **out);

/*
 * Is there anything to look at in range[i]: a chunk that is done, or what lies before all chunks
 * and should be nothing?
 */
bool ledger_range_counts(const struct ledger_range *range, size_t i, size_t n_ships);

/* Joins neighbours of the same cover, in place; the new number. */
size_t ledger_ranges_join(struct ledger_range *range, size_t n, size_t n_ships);

#endif
