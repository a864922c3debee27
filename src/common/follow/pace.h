/*
 * pace.h - how fast the past is read while the present is followed: chunks that take about as long
 * as is wanted, and pauses while the source is slow to answer or the follower is behind.
 */
#ifndef FERRY_PACE_H
#define FERRY_PACE_H

#include "ledger/ledger.h"

struct pace {
	struct pg *source, *target;
	uint64_t job;
	int64_t wanted;	  /* microseconds that a chunk is to take; 0: as planned, no pauses */
	int64_t interval; /* of the follower */
	/* private */
	int64_t span; /* of time that takes so long, by the latest chunk; 0: not known yet */
	int64_t began;
};

/*
 * Before a chunk is claimed: waits while the source takes more than 0.1 s for an answer, or while
 * what is live is more than half a minute behind; at most four times as long as a chunk takes, so
 * that the past gets there in the end. Leaves when stop_asked().
 */
void pace_wait(struct pace *p);

/* After that: of a chunk that would take too long the rest is given back to the ledger. */
void pace_begin(struct pace *p, struct ledger_claim *claim);

/* It is read. */
void pace_end(struct pace *p, const struct ledger_claim *claim);

#endif
