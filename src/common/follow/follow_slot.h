/*
 * follow_slot.h - follows the narrow table through a logical slot: every transaction, whole, in the
 * order of their COMMITs, some of them to a chunk of the stream.
 *
 * What the target has committed is confirmed to the source, which may forget it then, and nothing
 * else is: the loader says it in the file `ack`, or with a job in the ledger. While the reader of
 * the stream is slow the source is kept waiting, not forgotten: its server is answered all the
 * time. A lost connection is made again, for as long as it takes.
 */
#pragma once

#include "follow/narrow_chunk.h"

#define FOLLOW_LAG ((uint64_t)10 << 30) /* the default of --max-slot-lag */
#define FOLLOW_LAG_OPT(T, m, ...)                                                              \
	{ .name = "max-slot-lag", __VA_ARGS__, .kind = OPT_SIZE, .offset = offsetof(T, m),     \
	  .arg = "SIZE",                                                                       \
	  .help = "drop a slot that holds more of the source's WAL (default 10G; 0: never)" }

struct follow_slot {
	const struct narrow *narrow;
	const char *conninfo; /* of the source */
	const struct sl *ships;
	size_t n_ships;
	struct pg *target; /* with a job */
	uint64_t job;
	bool standby; /* see ledger_follower_become() */
	const char *slot, *publication; /* without a job; with one they are the ledger's */
	const char *ack;   /* file the loader writes, or NULL */
	int64_t interval;  /* a chunk lasts so long; 0: as the loader keeps up */
	uint64_t max_lag;  /* bytes of WAL: a slot that holds more is dropped; 0: never */
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
 * at the publication: when it is not there 78, or 66 with a job. Of a slot that is not made yet,
 * see ledger_follower_want_slot(). Strings are kept or live in the arena.
 */
void follow_slot_find(struct pg *source, const struct follow_slot *f, struct arena *a,
	struct follow_slot_names *out);

/*
 * Sets the follower of a job up, before its past is planned: publication, slot, ledger. One that is
 * there and good is left alone. When its slot was lost a new one is made, all of the job is in
 * doubt, and a CRITICAL event says so. Dies with 78 when the table cannot be followed so. Names
 * that are `asked` for (NULL: as before, or ones of our own) must not begin with ferry_; such a
 * publication is taken where it is there, and never dropped.
 */
void follow_slot_setup(struct pg *source, const struct narrow *narrow, struct pg *target,
	uint64_t job, const struct follow_slot_names *asked);

/* Connects to the source of a job; the caller closes. Dies with 78 when that is another one. */
struct pg *follow_slot_source(const char *conninfo, const struct ledger_job *job);

/*
 * Removes slot and publication of a job from its source, and the follower from the ledger. True
 * when there was one. The table itself need not be there any more. Dies with 78 when `conninfo`
 * leads to another source, or a reader that is not ours has the slot.
 */
bool follow_slot_remove(const char *conninfo, struct pg *target, const struct ledger_job *job);

/*
 * The same, leaving the ledger alone; `named` is the slot that it has or had; NULL or "": none.
 * `ours`: who reads that one is, or was just now, the follower of this ledger; others' readers keep
 * theirs. False when they keep `named`.
 */
bool follow_slot_cleanup(struct pg *source, struct pg *target, uint64_t job, const char *named,
	bool ours);

/*
 * Why nobody can go on where the job's follower was, and what is to be done: the source is another
 * one, or the slot of no use. `why` stays empty where `conninfo` leads to no or another database.
 */
void follow_lost(const char *conninfo, struct pg *target, const struct ledger_job *job,
	struct str *why);

/*
 * One look from outside at the slot of a job, also while nobody follows: drops it when it holds
 * more than `max_lag`, with a CRITICAL event; who follows it then makes another one and puts all in
 * doubt; who polls needs it no more. False when the job has no slot, or the server is not there (a
 * patient connection).
 */
bool follow_slot_guard(
	struct pg *source, struct pg *target, uint64_t job, uint64_t max_lag) NODISCARD;

/*
 * Follows until SIGTERM or SIGINT (stop_catch_patiently() was called). Dies with 75 when another
 * follower is at work; 66 when the slot of a job was lost (setting it up again makes another one);
 * 69 when a slot without a job was lost.
 */
void follow_slot(struct follow_slot *f);
