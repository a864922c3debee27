/*
 * pace.h - how fast the past is read: chunks that take about as long as is wanted, pauses while the
 * source is slow to answer or the follower is behind, so many rows a second; and what an operator
 * asks of the job meanwhile (ledger_control_get()), which wins over what was wanted.
 */
#pragma once

#include "ledger/ledger.h"

struct pace {
	struct pg *source, *target; /* target NULL: no job, and nothing but `rate` */
	uint64_t job;
	uint64_t rate; /* rows a second of this process; 0: any */
	int64_t wanted;	  /* microseconds that a chunk is to take; 0: as planned, no pauses */
	uint64_t wanted_rows; /* that a chunk is to have; 0: any number */
	int64_t interval; /* of the follower */
	/* private */
	int64_t span; /* of time that is as wanted, by the latest chunk; 0: not known yet */
	int64_t began;
	uint64_t read; /* rows of the chunk */
	struct ledger_control control;
	uint64_t seat, rows; /* rows: since the latest look at the clock */
	int64_t due, looked; /* when the next row may come; when the ledger was asked */
};

/*
 * Before a chunk is claimed: waits while the job is paused, or as many work on it as may, and a
 * chunk is left. When a pace is wanted, also while the source takes more than 0.1 s for an answer,
 * or what is live is more than half a minute behind; at most four times as long as a chunk takes,
 * so that the past gets there in the end. Leaves when stop_asked().
 */
void pace_wait(struct pace *p);

/* For each row that was read: waits while there are too many, and at times asks the ledger. */
void pace_row(struct pace *p);

/* After that: of a chunk that would be too long the rest is given back to the ledger. */
void pace_begin(struct pace *p, struct ledger_claim *claim);

/* It is read. */
void pace_end(struct pace *p, const struct ledger_claim *claim);
