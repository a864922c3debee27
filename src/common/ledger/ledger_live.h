/*
 * ledger_live.h - how live the wide tables are: what the ledger says of a job's follower, for
 * status, alerts and comparisons. It reads only.
 */
#pragma once

#include "ledger/ledger.h"

/* Counts and times not known are -1; texts are empty where there is nothing. */
struct ledger_live {
	bool any;                                                  /* a follower was set up */
	bool slot;                                                 /* else it polls */
	bool alive;                                                /* its lease holds */
	uint64_t rows, cells, wide_rows, deleted, rejects, chunks; /* committed live */
	int64_t newest_commit;                                     /* LEDGER_NO_TIME: nothing yet */
	int64_t silent_us;      /* since the target was last brought up to date */
	int64_t unseen_us;      /* since the follower looked at the slot, when that is too long */
	int64_t delay_us;       /* from source COMMIT to target COMMIT, of the newest rows */
	int64_t lag_us;         /* how old the target's picture of the source is at most */
	int64_t lag_bytes;      /* of WAL the target has not got yet */
	int64_t safe_wal_bytes; /* until the slot is lost */
	int64_t held_bytes;     /* that the source keeps for the slot */
	int64_t up_us;          /* since the follower was started */
	struct sl wal_status, upto, error;
	const char *gap; /* what is promised less than usual; "": nothing */
	uint64_t doubts; /* ranges that are to be compared again */
};

/* All zero (.any false) when no follower was set up, or the ledger is older than followers. */
void ledger_live_get(struct pg *target, uint64_t job, struct ledger_live *out, struct arena *a);

/* How often the follower has advanced, ever. */
uint64_t ledger_live_turns(struct pg *target, uint64_t job);

/* Has the target all that stands before this place of the source's WAL? Of a slot's follower. */
bool ledger_live_has(struct pg *target, uint64_t job, const char *lsn) NODISCARD;

/* What came live of one ship. */
struct ledger_live_ship {
	struct sl ship;
	uint64_t rows, cells, wide_rows, deleted, rejects;
	int64_t first, last; /* instants */
	int64_t delay_us;
	bool waits; /* until its table is mended, or free */
};

/* In bytewise order; `only` restricts it to these ships (n_only 0: all). */
struct ledger_live_ship *ledger_live_ships(struct pg *target, uint64_t job, const struct sl *only,
	size_t n_only, struct arena *a, size_t *n_out);

/* The promise that is in force for what comes live; NULL when no follower was set up. */
const char *ledger_live_guarantee(const struct ledger_live *live);
