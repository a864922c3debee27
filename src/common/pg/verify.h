/*
 * verify.h - a job's narrow table compared with its wide tables, range by range, and repaired.
 *
 * Both servers count and hash their own cells at the same time (cellsum.h): this process asks the
 * source, a child asks the target and hands over its sums. Only where they differ are cells read
 * and compared (celldiff.h). Ranges of time are those of the ledger's chunks, and in addition what
 * lies before the first and behind the last; a ship's chunks that are not done are left out, and
 * counted.
 *
 * While a live writer is at work, what differs now may be on its way: with `settle` a range is
 * looked at again after a delay, and only what differs both times is a difference.
 */
#ifndef FERRY_PG_VERIFY_H
#define FERRY_PG_VERIFY_H

#include "pg/cellsum_child.h"
#include "pg/repair.h"

struct verify_opts {
	const char *source;
	struct target_opts *target; /* schema and prefix become those of the job */
	const struct narrow_opts *narrow;
	uint64_t job; /* 0: the one of table and target */
	const struct sl *only;
	size_t n_only;
	uint64_t max_differences; /* how many are handed to `found` */
	int64_t settle;           /* microseconds; 0: none */
	bool repair, remove;      /* `remove`: also what the source has no more */
	void (*found)(void *ctx, size_t ship, const struct celldiff_cell *cell);
	void *ctx;
};

struct verify_tally {
	struct cellsum sum; /* of the narrow side */
	uint64_t ranges, left, differences;
};

struct verify {
	struct verify_opts opts;
	struct ledger_job job;
	struct names ships;
	struct verify_tally *tally; /* by number of the ship */
	uint64_t differences;       /* handed to `found` */
	size_t bad_ranges;
	struct repair repair; /* what was mended */
	size_t mended_ranges;

	/* private */
	struct arena arena;
	const struct sl *read; /* ships to ask the source for; n_read 0: all */
	size_t n_read, n_ranges, tally_cap;
	struct ledger_range *range;
	struct narrow *narrow;
	struct cellsum_source source;
	struct cellsum_target target;
	struct cell_list list, again;
	struct cellsum now; /* narrow side of the range that was looked at last */
};

/* Compares all of the job. Dies with 78 when nothing was carried over yet. */
void verify_run(struct verify *v, const struct verify_opts *opts);

/* Were there more differences than `max_differences`? */
bool verify_has_more(const struct verify *v);

void verify_free(struct verify *v);

#endif
