/*
 * verify.h - a job's narrow table compared with its wide tables, range by range, and repaired.
 *
 * Both servers count and hash their own cells at the same time (cellsum.h): this process asks the
 * source, a child asks the target and hands over its sums. Only where they differ are cells read
 * and compared (celldiff.h). Ranges of time are those of the ledger's chunks, and in addition what
 * lies before the first and behind the last; a ship's chunks that are not done are left out, and
 * counted.
 *
 * While a follower is at work there are also the ranges that only it brings; and what differs now
 * may be on its way: with `settle` a range is looked at again after a delay, and only what differs
 * both times is a difference.
 */
#pragma once

#include "compare/cellsum_child.h"
#include "compare/repair.h"
#include "ledger/ledger_report.h"

#define VERIFY_SETTLE_AUTO (-1) /* a while that a follower needs, if there is one at work */

struct verify_watch;

struct verify_opts {
	const char *source;
	const struct target_opts *target; /* of the job its own count */
	const struct narrow_opts *narrow;
	uint64_t job; /* 0: the one of table and target */
	const struct sl *only;
	size_t n_only;
	bool new_ship;              /* one of `only` that has no chunks is left, and no mistake */
	uint64_t max_differences;   /* how many are handed to `found` */
	int64_t settle;             /* microseconds; 0: none; VERIFY_SETTLE_AUTO */
	bool repair, remove;        /* `remove`: also what the source has no more */
	bool doubt;                 /* only what is in doubt, and no more when it is equal */
	bool followed;              /* also what only followers brought, though none is at work */
	int64_t finished_before;    /* only chunks done before; LEDGER_NO_TIME: all */
	struct verify_watch *watch; /* a pass of verify_watch(); else NULL */
	/* may be NULL */
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
	struct target_opts tables; /* opts.target, with what the job says */
	struct narrow_opts reads;  /* opts.narrow, likewise */
	struct arena arena;
	const struct sl *read; /* ships to ask the source for; n_read 0: all */
	size_t n_read, n_ranges, tally_cap;
	struct ledger_range *range;
	struct narrow *narrow;
	struct cellsum_source source;
	struct cellsum_target target;
	struct cell_list list, again;
	struct ledger_live live;
	struct ledger_doubt *doubt_list;
	size_t n_doubts;
	struct unclean {
		size_t ship;
		int64_t from, to;
		bool open; /* its chunk is not done: nobody has looked yet */
		bool spared; /* only rows are left that none but --delete removes */
	} *unclean;	   /* what was not found equal */
	size_t n_unclean, unclean_cap;
	bool spared;		  /* of that one only rows are left that a repair may not remove */
	struct cellsum now, wide; /* both sides of the range that was looked at last */
};

/* Compares what is asked for. Dies with 78 when nothing was carried over yet. */
void verify_run(struct verify *v, const struct verify_opts *opts);

/*
 * Compares and repairs for as long as `go_on` says: every so often what is in doubt and the chunks
 * that are due, old ones less often than recent ones. What cannot be repaired becomes an event.
 */
void verify_watch(const struct verify_opts *opts, int64_t every, bool (*go_on)(void));

/* Were there more differences than `max_differences`? */
bool verify_has_more(const struct verify *v);

void verify_free(struct verify *v);
