/*
 * repair.h - makes the wide tables of a ship say what the narrow table says, while both are in use.
 *
 * Rows that live writers may be changing are never deleted and copied again, and no old reading is
 * ever laid over a newer value:
 *
 *	missing values   are read again and fill what is NULL, as a backfill does; beside a
 *			 follower under a doubt, so that it says what was deleted meanwhile;
 *	other values     are set one by one, each under the lock of its row: the source is asked
 *			 once the lock is held, so whatever a live writer brings later is newer;
 *	rows             without any value left, of instants that the source has not, go away
 *			 likewise.
 *
 * Every transaction of it is short, and gives way: a row locked by another is left for the next
 * round. So a repair can be killed at any point, and several may run.
 */
#pragma once

#include "compare/celldiff.h"

struct repair {
	struct cellsum_source *source;
	struct cellsum_target *target;
	bool remove;                   /* also what the source has no more: all of it, */
	uint64_t job;                  /* or, unless 0, what a doubt of this job says was deleted */
	uint64_t followed;             /* job whose follower may delete meanwhile; 0: none */
	uint64_t filled, set, removed; /* what was done: cells and rows, added up */
	uint64_t busy;                 /* rows that others had locked */
	bool broken;                   /* the last round met a table that is not as it was made */
	bool locked;                   /* some of it by others; for the caller to reset */
	struct fill *fill;             /* private */
};

/*
 * One round: mends what is in the list, of [from, to). False when nothing of it can be mended, so
 * that another round would be in vain. Outside a transaction.
 */
bool repair_round(struct repair *r, struct ship *ship, int64_t from, int64_t to,
	const struct cell_list *list) NODISCARD;

void repair_free(struct repair *r);
