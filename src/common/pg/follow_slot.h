/*
 * follow_slot.h - follows the narrow table through a logical slot: every transaction, whole, in the
 * order of their COMMITs, some of them to a chunk of the stream.
 *
 * What the target has committed is confirmed to the source, which may forget it then, and nothing
 * else is: the loader says it in the file `ack`, or with a job in the ledger. While the reader of
 * the stream is slow the source is kept waiting, not forgotten: its server is answered all the
 * time. A lost connection is made again, for as long as it takes.
 */
#ifndef FERRY_PG_FOLLOW_SLOT_H
#define FERRY_PG_FOLLOW_SLOT_H

#include "pg/narrow_chunk.h"
#include "stream/extract.h"

struct follow_slot {
	const struct narrow *narrow;
	const char *conninfo; /* of the source */
	const struct sl *ships;
	size_t n_ships;
	struct pg *target; /* with a job */
	uint64_t job;
	const char *slot, *publication; /* without a job; with one they are the ledger's */
	const char *ack;   /* file the loader writes, or NULL */
	int64_t interval;  /* a chunk lasts so long; 0: as the loader keeps up */
	struct narrow_chunk *chunk;
	struct extract *x;
};

/* What is known of a slot before the first record is written. */
struct follow_slot_names {
	const char *slot, *publication;
	bool deletions; /* the stream needs chunk->ops */
};

/*
 * The slot and publication of a job (78 when it has none), or those given (then `job` is 0); looks
 * at the publication (78 when it is not there). Strings are kept or live in the arena.
 */
void follow_slot_find(struct pg *source, const struct follow_slot *f, struct arena *a,
	struct follow_slot_names *out);

/*
 * Sets the follower of a job up, before its past is planned: publication, slot, ledger. One that is
 * there and good is left alone. When its slot was lost a new one is made, all of the job is in
 * doubt, and a CRITICAL event says so; and with `late`, the reason (else NULL), all is in doubt
 * also where nobody has followed before. Dies with 78 when the table cannot be followed so.
 */
void follow_slot_setup(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, const char *late);

/*
 * Removes slot and publication of a job from its source, and the follower from the ledger. True
 * when there was one. The table itself need not be there any more. Dies with 78 when `conninfo`
 * leads to another source.
 */
bool follow_slot_remove(const char *conninfo, struct pg *target, const struct ledger_job *job);

/* The same, leaving the ledger alone. */
void follow_slot_cleanup(struct pg *source, struct pg *target, uint64_t job);

/*
 * Follows until SIGTERM or SIGINT (stop_catch_patiently() was called). Dies with 75 when another
 * follower is at work; 66 when the slot of a job was lost (setting it up again makes another one);
 * 69 when a slot without a job was lost.
 */
void follow_slot(struct follow_slot *f);

#endif
