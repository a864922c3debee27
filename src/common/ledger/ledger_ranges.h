/*
 * ledger_ranges.h - the time of a job cut at the borders of all its chunks, and what the ledger
 * says of each ship between two borders.
 */
#pragma once

#include "core/hash.h"
#include "ledger/ledger.h"

enum ledger_cover {
	LEDGER_COVER_NONE, /* no chunk */
	LEDGER_COVER_OPEN, /* one that is not done */
	LEDGER_COVER_DONE,
	LEDGER_COVER_LIVE,  /* no chunk: the follower brings what there is */
	LEDGER_COVER_DOUBT, /* done or live, but in doubt, and not only with all ships */
	LEDGER_COVER_SKIP,  /* not asked for */
};

/* Is it to be compared? */
static inline bool ledger_cover_counts(uint8_t cover)
{
	return cover != LEDGER_COVER_OPEN && cover != LEDGER_COVER_SKIP;
}

struct ledger_range {
	int64_t from, to;
	uint8_t *cover; /* enum ledger_cover, by number of the ship */
	bool counts;	/* there is something to compare, or to be found empty */
};

/* A range that is in doubt: LEDGER_NO_TIME and LEDGER_TIME_END where it is open. */
struct ledger_doubt {
	uint64_t id;
	struct sl ship; /* .p NULL: all ships */
	int64_t from, to;
	const char *at; /* when something was missed last */
};

#define LEDGER_TIME_END INT64_MAX

/* Which chunks are asked for. */
struct ledger_ranges_opts {
	const struct sl *only; /* ships; n_only 0: all */
	size_t n_only;
	bool live;		 /* also what no chunk has, but a follower brings */
	bool doubt;              /* only what is in doubt: */
	const struct ledger_doubt *doubt_list;
	size_t n_doubts;
	int64_t finished_before; /* only chunks that were done before; LEDGER_NO_TIME: all */
	int64_t due_us; /* only those not compared for so long, old ones less often; 0: all */
};

/*
 * The ranges in order, in the arena; their number. Without restrictions the first lies before all
 * chunks, from `since` of the job or else from LEDGER_NO_TIME, and the last may lie behind them, up
 * to the cutoff or, with a follower, to the end of time. Ships that have chunks, or came live, are
 * added to *ships.
 */
size_t ledger_ranges(struct pg *target, const struct ledger_job *job,
	const struct ledger_ranges_opts *opts, struct names *ships, struct arena *a,
	struct ledger_range **out);

/* Joins neighbours of the same cover, in place; the new number. */
size_t ledger_ranges_join(struct ledger_range *range, size_t n, size_t n_ships);

/* These ships of a range were compared and are equal: their chunks are not due for a while. */
void ledger_range_checked(struct pg *target, uint64_t job, const struct ledger_range *range,
	const struct sl *ships, size_t n);

/* ---- doubts --------------------------------------------------------------------------------- */

/*
 * Those that are not held (ledger_follow.h) and not of a repair at work, in the arena; their
 * number. `free_only`: without those of ships whose tables are locked still.
 */
size_t ledger_doubts(struct pg *target, uint64_t job, bool free_only, struct arena *a,
	struct ledger_doubt **out);

bool ledger_doubt_meets(
	const struct ledger_doubt *d, struct sl ship, int64_t from, int64_t to) NODISCARD;

/* Puts this range of a ship in doubt while we repair it; its number. */
uint64_t ledger_doubt_put(
	struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to) NODISCARD;

/* It is none any more; unless something was missed after `at` (or NULL). */
void ledger_doubt_settle(struct pg *target, uint64_t id, const char *at);
