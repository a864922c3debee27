/*
 * ledger_follow.h - the part of the ledger that is about live data: who follows the source of a
 * job, how far the target has come, and which ranges are in doubt.
 *
 *	follower (pg-narrow-dump --follow --job)   loader (pg-copy-load)
 *	ledger_follower_set     once, by setup
 *	ledger_follower_become  commits at once
 *	  … rows …  ledger_keeper_start
 *	seal with ledger_put_facts()         ->    ledger_parse_facts
 *	                                           ledger_follow_hold     in the transaction
 *	                                           ledger_follow_advance  of the rows
 *	ledger_follower_upto   what may be confirmed to the source; after a restart, where to begin
 *	ledger_follower_release, ledger_follower_fail
 *
 * ferry.follower has one row a job; ferry.follow_ship what was carried over live per ship.
 * ferry.doubt has ranges [time_from, time_to) of a ship (NULL: all ships, from the beginning, to
 * the end) in which source and target may differ although all is committed: they are to be compared
 * and repaired once their chunks are done, and the row deleted then. Those that are held wait for
 * the follower.
 */
#pragma once

#include "core/hash.h"
#include "core/spool.h"
#include "ledger/ledger.h"

/* Texts are empty where there is nothing. */
struct ledger_follower {
	enum ledger_follow_kind kind;
	const char *slot, *publication;
	const char *worker;           /* who follows; empty: nobody */
	const char *upto;             /* the target has everything until there */
	uint64_t attempt;
};

/* The job's follower; false when none was set up. */
bool ledger_follower_get(struct pg *target, uint64_t job, struct ledger_follower *out,
	struct arena *a) NODISCARD;

/* Is its follower one of this slot, and alive? */
bool ledger_follower_reads(struct pg *target, uint64_t job, const char *slot) NODISCARD;

/*
 * Before a slot is made: of this name, wherever the set-up ends. Nobody follows then, `upto` is
 * LEDGER_FOLLOW_BEGUN; but one that polls goes on, and only keeps the name.
 */
void ledger_follower_begin(struct pg *target, uint64_t job, const char *slot,
	const char *publication);

/*
 * Dies where the slot of the job is not made yet: with 75 while ledger_follower_begin()'s session
 * is at it, with 66 when that is gone, so that it is to be set up again.
 */
void ledger_follower_want_slot(struct pg *target, uint64_t job);

/*
 * That name is of no slot of ours: it goes from who polls, and with what was begun. Another one
 * that the follower has by now stays.
 */
void ledger_follower_forget(struct pg *target, uint64_t job, const char *slot);

#define LEDGER_FOLLOW_BEGUN "0/0"

/*
 * Begins the transaction of ledger_follower_set(), until whose end nobody rolls the job back.
 * False, and outside one, where somebody did.
 */
bool ledger_follower_may_set(struct pg *target, uint64_t job) NODISCARD;

/*
 * Sets up the follower of a job anew: it begins at `point` (slot: its consistent point; poll: NULL,
 * and slot and publication, too). Who followed before is fenced off. With `doubt` (else NULL), the
 * reason, all of the job is in doubt from here on (a row of ferry.doubt and a WARNING), in the same
 * transaction: a doubt that came earlier could be settled before anybody follows, and one that
 * came later be missing after a crash. So it is without one where a chunk was read, or is at work:
 * its reader may have looked before `point`. Behind ledger_follower_may_set(); commits.
 */
void ledger_follower_set(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	const char *slot, const char *publication, const char *point, const char *doubt);

#define LEDGER_OTHER_WAY "the source is followed in another way from here" /* a doubt */

/* Removes it; the rest of the job stays. */
void ledger_follower_drop(struct pg *target, uint64_t job);

/*
 * Becomes the follower, of all ships or some; a job has one. When another one is alive (its lease
 * holds and its process is not known to be dead) dies with 75, or with `standby` waits for its end
 * (or for SIGTERM, if stop_catch() was called), and says that once. Dies with 78 when none of this
 * kind was set up, and where its slot is not made as ledger_follower_want_slot(). Ships that were
 * left out by who followed before are in doubt from here on. Commits at once. The lease is renewed
 * by ledger_keeper_start() and by every chunk that is loaded.
 */
void ledger_follower_become(const struct ledger_part *of, enum ledger_follow_kind kind,
	bool standby, struct ledger_follower *out, struct arena *a);

/* Is this worker's attempt still the follower? Its `upto` goes to the end of `upto`. */
bool ledger_follower_upto(struct pg *target, uint64_t job, uint64_t attempt,
	struct str *upto) NODISCARD;

/* What the follower sees of its source, for status and alerts. */
struct ledger_watch {
	int64_t lag_bytes;      /* of WAL the target has not got yet; -1: not known */
	const char *wal_status; /* of the slot: reserved, extended, unreserved; NULL: no slot */
	int64_t safe_wal_bytes; /* until the slot is lost; -1: no limit */
	int64_t held_bytes;     /* of WAL that the source keeps for the slot; -1: not known */
};

void ledger_follower_watch(struct pg *target, uint64_t job, const struct ledger_watch *watch);

/* The same by somebody else, while nobody follows. */
void ledger_follower_held(
	struct pg *target, uint64_t job, int64_t held_bytes, const char *wal_status);

/*
 * The follower ends: cleanly, or with an error, which is kept and becomes an event. With 78 or 66
 * (exit codes) it will not go on before somebody has done something: that is what is promised until
 * somebody follows again, and with 78, of which nobody has told yet, the event is a CRITICAL one.
 */
void ledger_follower_release(struct pg *target, uint64_t job, uint64_t attempt);
void ledger_follower_fail(
	struct pg *target, uint64_t job, uint64_t attempt, const char *error, int code);

/* ---- in the loader's transaction ------------------------------------------------------------ */

/*
 * Locks the follower until the end of the transaction. False when the facts' attempt is not the
 * follower any more: roll back, exit 75. `f` is a live chunk of a job.
 */
bool ledger_follow_hold(struct pg *target, const struct ledger_facts *f) NODISCARD;

/*
 * Advances the follower to the chunk's `upto`, adds its counts, and remembers what deletions have
 * put in doubt: those in a chunk being read, whose snapshot may still have what is deleted now; and
 * with `truncated` everything. `erased`: lines of COPY, ship and time of what has lost a value;
 * `rows`: whole rows went with it.
 */
void ledger_follow_advance(
	struct pg *target, const struct ledger_facts *f, struct spool *erased, bool rows);

/* After ROLLBACK: the loader failed, with this error. */
void ledger_follow_fail(struct pg *target, const struct ledger_facts *f, const char *error);

/* ---- what feeds it, and doubts --------------------------------------------------------------- */

struct ledger_feed {
	uint64_t relation, file; /* OIDs: pg_class.oid, pg_relation_filenode() */
	struct sl name;		 /* quoted for SQL, for people too */
	struct sl stamp;	 /* another one when it was attached or published anew */
	bool covered;		 /* the follower gets what is written to it */
};

struct ledger_feeds {
	struct ledger_feed *feed; /* by relation */
	size_t n;
	uint64_t publication; /* OID; 0: polling */
	uint64_t changes;     /* updates and deletions the server has counted */
	struct sl gap;	      /* what is promised less than usual; .n 0: nothing */
};

/* In the arena; .n 0 when nobody has looked yet. */
void ledger_feeds_get(struct pg *target, uint64_t job, struct ledger_feeds *out, struct arena *a);

/* Replaces them. In a transaction of the caller's. */
void ledger_feeds_set(struct pg *target, uint64_t job, const struct ledger_feeds *f);

/* Puts all of the job in doubt, or with `relation` what that one has. */
void ledger_doubt_add(
	struct pg *target, uint64_t job, uint64_t relation, bool held, const char *why);

/* Was any of the ship carried over since it has one of the channels; `live`: by a follower? */
bool ledger_had_rows(struct pg *target, uint64_t job, struct sl ship, const struct names *channels,
	bool live) NODISCARD;

/* All of a ship is in doubt; said once, also as an event. False when it was before. */
bool ledger_doubt_ship(struct pg *target, uint64_t job, enum ledger_level level, struct sl ship,
	const char *why);

struct ledger_held {
	uint64_t id, relation; /* 0: all of the job */
	struct sl why;
};

/* Those of no ship that are held, in the arena; their number. */
size_t ledger_doubts_held(
	struct pg *target, uint64_t job, struct arena *a, struct ledger_held **out);

/* It may be settled: [from, to) as texts, NULL where open. */
void ledger_doubt_release(struct pg *target, uint64_t id, const char *from, const char *to);
