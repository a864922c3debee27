/*
 * ledger.h - the ledger of a migration: schema `ferry` in the target database, beside the data.
 *
 * A *job* is one narrow table carried over to the wide tables of one schema and prefix. It is cut
 * into *chunks*: one ship, one half-open range of time [from, to), borders aligned in UTC. A chunk
 * is pending, running, done or failed. It is claimed with a lease before it is read and finished in
 * the transaction of its rows, fenced by worker and attempt; so a chunk is done exactly when its
 * rows are there, whatever dies when. Needs PostgreSQL 14 (multiranges, date_bin).
 *
 *	reader (pg-narrow-dump --job)           loader (pg-copy-load)
 *	ledger_claim    commits at once
 *	  … rows …  ledger_keeper_start, ledger_reject
 *	seal with ledger_put_facts()      ->    ledger_parse_facts
 *	                                        ledger_hold    in the transaction of the rows
 *	                                        ledger_finish  in the transaction of the rows
 *	                                        COMMIT
 *	ledger_fail, ledger_release             ledger_fail    after ROLLBACK
 *
 * Instants are those of core/clock.h and are kept as `timestamp` in UTC. Strings handed out live in
 * the arena given. Errors of the server end the program as conn.h has it.
 */
#pragma once

#include "core/clock.h"
#include "pg/conn.h"

#define LEDGER_NO_TIME INT64_MIN
#define LEDGER_LEASE (INT64_C(120) * CLOCK_US_PER_SEC) /* default lease */
#define LEDGER_MAX_FAILURES 3     /* a chunk that failed so often stays failed */
#define LEDGER_MAX_ATTEMPTS 100   /* nor is it tried more often, whoever died at it */
#define LEDGER_MAX_CHUNKS 1000000 /* of one plan */

/*
 * Creates schema and tables where they are missing, and upgrades what an older program made; needs
 * no right to do so where they are there. Dies with 78 when a newer program has made them.
 */
void ledger_init(struct pg *target);

/* Is the schema there? Programs that only look ask this first; it upgrades, too. */
bool ledger_exists(struct pg *target);

/* ---- jobs ----------------------------------------------------------------------------------- */

struct ledger_job {
	uint64_t id;              /* 0: not known yet */
	const char *source;       /* ledger_source_name() */
	const char *source_table; /* schema.table as the user names it */
	const char *target_schema;
	const char *target_prefix;
	const char *types;     /* "text" or "native" */
	int64_t chunk_us;      /* length of a chunk */
	int64_t since, cutoff; /* LEDGER_NO_TIME: none */
	int64_t planned;       /* all before it; what a cutoff behind it leaves is not planned */
	const char *encoding;  /* of its source, as was said; "": it was not, NULL: not known */
	const char *columns;   /* as narrow_columns() has what was said; NULL: not known */
};

/* Appends the name of a source: system identifier and database, the same through any address. */
void ledger_source_name(struct pg *source, struct str *out);

/*
 * Finds the job of (source, source_table, target_schema, target_prefix), or creates it, and fills
 * in id, since and cutoff. Dies with 78 when the job has other types, or chunks that are not done
 * and another length (chunk_us 0: as the job has it, or a day). An `encoding`, or
 * `columns`, that is not known is kept.
 */
void ledger_job_open(struct pg *target, struct ledger_job *job, struct arena *a);

/*
 * Looks a job up by the same four names (source NULL: any, dies with 78 when several fit), or by
 * its number; false when there is none.
 */
bool ledger_job_find(struct pg *target, struct ledger_job *job, struct arena *a) NODISCARD;
bool ledger_job_get(
	struct pg *target, uint64_t id, struct ledger_job *job, struct arena *a) NODISCARD;

/* A job, or of it only these ships (n_only 0: all). */
struct ledger_part {
	struct pg *target;
	uint64_t job;
	const struct sl *only;
	size_t n_only;
};

/* The numbers of all jobs, oldest first, in the arena; 0 also where there is no ledger. */
size_t ledger_jobs(struct pg *target, struct arena *a, uint64_t **out);

/* ---- plan ----------------------------------------------------------------------------------- */

struct ledger_ship {
	struct sl ship;
	int64_t first, last; /* its earliest and latest instant in the source */
	const char *gaps; /* long ones between them, a tsmultirange: one chunk each */
	uint64_t weight;     /* rows, roughly: ships with less go first */
};

struct ledger_plan {
	uint64_t added; /* chunks made by this call */
	uint64_t ships;
	int64_t from, to; /* the range covered by them; LEDGER_NO_TIME when none */
};

/*
 * Makes the chunks missing between each ship's first instant (or job->since) and the cutoff, or
 * the end of the chunk that holds its last instant: a chunk that nothing is in yet must not be
 * done before rows come. Without a cutoff (LEDGER_NO_TIME), always to there: what comes later is
 * followed. One statement; existing chunks are left as they are. The cutoff is kept in the job; one
 * earlier than the job's is ignored (job->cutoff tells), so that all ships of a job end at the same
 * line; one that is to come ends this plan now, since its last chunk would be done before its rows
 * are there. `until` (LEDGER_NO_TIME: none) ends it earlier, and is not kept. Dies with 78 when it
 * were more than LEDGER_MAX_CHUNKS. In a transaction of the caller's, which it commits.
 */

void ledger_plan(struct pg *target, struct ledger_job *job, int64_t cutoff, int64_t until,
	const struct ledger_ship *ships, size_t n, struct ledger_plan *out);

/*
 * Plans the chunk of the rows that no range of a ship has (narrow_has_outcasts()): that of the ship
 * "", at the beginning of time. All they can become is rejects. One that is done is done again.
 */
void ledger_plan_outcasts(struct pg *target, const struct ledger_job *job);

/* ---- claim, renew, release ------------------------------------------------------------------ */

/*
 * Who we are: host:pid:start. $FERRY_WORKER, a process number, names the process that stands for
 * the whole pipeline (a supervisor that waits for every stage); otherwise it is this process. So
 * others on this host can tell when it is gone.
 */
const char *ledger_worker(void);

struct ledger_claim_ship {
	struct sl ship;
	uint64_t attempt; /* from 1 */
};

struct ledger_claim {
	uint64_t job;
	const char *worker;
	int64_t from, to; /* whole range: a longer chunk was cut where others begin or end */
	struct ledger_claim_ship *ships; /* claimed: at least one */
	size_t n;
	struct sl *skip; /* whole range: ships of this range that belong to others or are done; */
	size_t n_skip;   /* any other ship met there is to be read too, with attempt 0 */
};

enum ledger_claimed {
	LEDGER_CLAIMED,
	LEDGER_BUSY,  /* nothing to claim, but others are at work: their chunks may come back */
	LEDGER_EMPTY, /* no chunk is pending or running */
};

/*
 * Claims the next chunk of the smallest ship, or with `whole_range` all open chunks of the earliest
 * range of time; commits at once (call it outside a transaction). Chunks whose lease has run out,
 * or whose worker is known to be dead on this host, are claimed too.
 */
enum ledger_claimed ledger_claim(const struct ledger_part *of, bool whole_range, int64_t lease_us,
	struct ledger_claim *out, struct arena *a) NODISCARD;

/*
 * Ends a claim's chunks at `to`, within them; what is behind becomes chunks of its own, pending.
 * False, and nothing is changed, when one of them is not this worker's any more.
 */
bool ledger_split(struct pg *target, const struct ledger_claim *claim, int64_t to) NODISCARD;

/* Would ledger_claim() find something now? */
bool ledger_claimable(const struct ledger_part *of) NODISCARD;

/*
 * Starts a process that extends the lease of everything this worker has claimed and not finished,
 * on a connection of its own, so that a reader blocked on a full pipe keeps its lease; it ends by
 * itself when this process ends, however that comes. It never waits for a loader that is just
 * finishing. Call it before anything is opened that a child should not hold; one at a time.
 * Returns a handle for ledger_keeper_stop().
 */
int ledger_keeper_start(const char *conninfo, uint64_t job, int64_t lease_us) NODISCARD;
void ledger_keeper_stop(int keeper);

/* Gives everything this worker has claimed back as pending: a clean stop (SIGTERM). */
void ledger_release(struct pg *target, uint64_t job, const char *worker);

/*
 * The claimed chunks failed: error kept, event written, pending again until LEDGER_MAX_FAILURES,
 * then failed; at once when `permanent` (bad data: running again would not help). Chunks of the
 * claim that are no longer this worker's are left alone. Call it outside a transaction.
 */
void ledger_fail(
	struct pg *target, const struct ledger_claim *claim, bool permanent, const char *error);

/* ---- facts: what a seal's `src` says --------------------------------------------------------- */

struct ledger_facts_ship {
	struct sl ship;
	uint64_t attempt; /* 0: not claimed */
	uint64_t rows, cells, digest, rejects;
	int64_t first, last;         /* instants of its rows, LEDGER_NO_TIME when it has none */
	uint64_t deleted;            /* live: cells the source has deleted */
	uint64_t dropped, wide_rows, bytes; /* not in the seal: the loader sets them at the end */
};

/*
 * What a live chunk says beside: who follows, and what the target has seen of the source once the
 * chunk is committed. Ships of a live chunk have attempt 0.
 */
enum ledger_follow_kind {
	LEDGER_FOLLOW_NONE,
	LEDGER_FOLLOW_SLOT,
	LEDGER_FOLLOW_POLL,
	LEDGER_FOLLOW_KAFKA,
};

enum { LEDGER_TRUNCATED = 1, LEDGER_PART_GONE };

struct ledger_follow {
	enum ledger_follow_kind kind; /* NONE: a chunk of the past */
	struct sl worker;             /* empty: by hand, no job */
	uint64_t attempt;
	struct sl upto;  /* slot: an LSN, "0/16B3748"; poll: a text of the follower's own */
	int64_t commit;  /* time of the newest COMMIT of the source, LEDGER_NO_TIME: not known */
	uint64_t truncated; /* or what else took rows away that nobody will tell of; 0: nothing */
};

/* All claimed ships are listed, also those without rows, and those met that nobody planned. */
struct ledger_facts {
	int64_t from, to;
	uint64_t rows, cells, digest, rejects; /* sums over the ships, digest modulo 2^64 */
	bool of_values; /* cells and digest are known: no foreign command was on the way */
	struct ledger_facts_ship *ships;
	size_t n;
	uint64_t job;     /* 0: not from a ledger */
	struct sl worker; /* empty: not from a ledger */
	struct ledger_follow follow;
	struct sl offsets; /* to be written; ledger_offsets_of() reads them */
};

/*
 * Appends the facts as the JSON object that goes into seal.src:
 * {"from":"2024-01-01 00:00:00","to":…,"rows":N,"cells":N,"digest":"16 hex","rejects":N,
 *  "ships":[{"ship":"S1","attempt":1,"rows":N,"cells":N,"digest":"16 hex","first":"…","last":"…"}],
 *  "job":7,"worker":"host:pid:start"}
 * A live chunk has also "follow":{"kind":"slot","worker":"…","attempt":2,"upto":"0/16B3748",
 * "commit":"2024-01-01 00:00:15.2"}, where its source was truncated "truncated":1, or a part of it
 * was gone, 2, and per ship "deleted":N where there is any. One of messages has "offsets"
 * (ledger_offsets.h).
 */
void ledger_put_facts(struct str *s, const struct ledger_facts *f);

/* NULL when `src` holds facts, else the reason why not. Unknown members are ignored. */
const char *ledger_parse_facts(struct arena *a, struct sl src, struct ledger_facts *f) NODISCARD;

/* ---- finish (in the loader's transaction) ---------------------------------------------------- */

/*
 * Locks the chunks of the facts until the end of the transaction, so that nobody takes them over
 * while the rows are merged. False when one is no longer this worker's attempt: roll back, exit 75.
 */
bool ledger_hold(struct pg *target, const struct ledger_facts *f) NODISCARD;

/*
 * Marks the chunks done with their counts; ships nobody planned get a done chunk. Removes rejects
 * of earlier attempts. False as ledger_hold(): roll back, exit 75.
 */
bool ledger_finish(struct pg *target, const struct ledger_facts *f) NODISCARD;

/* As ledger_fail(), for the loader, which knows the chunk from its seal. After ROLLBACK. */
void ledger_fail_facts(
	struct pg *target, const struct ledger_facts *f, bool permanent, const char *error);

/* Likewise of a ship that was met in it, which nobody planned, and so nobody would look for. */
void ledger_fail_met(
	struct pg *target, const struct ledger_facts *f, struct sl ship, const char *error);

/* ---- rejects, events, watermarks ------------------------------------------------------------- */

/*
 * Records that could not be carried over. They are written in batches, by attempt, on the reader's
 * connection, before the seal; ledger_finish() keeps those of the attempt that won. A zeroed struct
 * with pg and job set is empty; call ledger_reject_flush() before each seal.
 */
struct ledger_rejects {
	struct pg *target;
	uint64_t job;
	bool once;	 /* live: leave out what is there already, by its record */
	bool counted;	 /* of no chunk and no follower: counted with what is live of their ships */
	struct str rows; /* private */
	size_t n;        /* private */
};

/*
 * `record` is a JSON object as text; `why` is short and the same for all of a kind. Live records
 * may be read again and again, and belong to no chunk: `once`, and as chunk_from their own time.
 */
void ledger_reject(struct ledger_rejects *r, struct sl ship, int64_t chunk_from, uint64_t attempt,
	struct sl record, struct sl why);
void ledger_reject_flush(struct ledger_rejects *r);

/*
 * Of the rejects of a chunk that is done, those that a follower has rejected, too, are no longer
 * the follower's. In the loader's transaction.
 */
void ledger_same_rejects(struct pg *target, const struct ledger_facts *f);

enum ledger_level { LEDGER_INFO, LEDGER_WARNING, LEDGER_CRITICAL };

/* `ship` may be empty and `chunk_from` LEDGER_NO_TIME. */
void ledger_event(struct pg *target, enum ledger_level level, uint64_t job, struct sl ship,
	int64_t chunk_from, const char *message);

/* Since when the follower of a job has not advanced, in microseconds; 0 when nobody follows. */
int64_t ledger_lag(struct pg *target, uint64_t job) NODISCARD;

/* ---- control --------------------------------------------------------------------------------- */

#define LEDGER_SAME UINT64_MAX

/* What an operator asks of all who work on a job, wherever they run; 0: as each was started. */
struct ledger_control {
	int paused; /* 1: no chunk is begun; what is live goes on. To be set: -1 as it is */
	uint64_t workers, rate; /* at once; rows a second, of all of them */
	uint64_t pace_us;	/* that a chunk is to take */
	uint64_t busy; /* workers that have a chunk, at least 1; not to be set */
};

void ledger_control_get(struct pg *target, uint64_t job, struct ledger_control *out);

/* Changes what is not LEDGER_SAME, notes an event, and appends what is asked for now as JSON. */
void ledger_control_set(
	struct pg *target, uint64_t job, const struct ledger_control *c, struct str *now);

/* The rate that a run was begun with, 0: none. It only tells when the job will be done. */
void ledger_run_rate(struct pg *target, uint64_t job, uint64_t rate);

/*
 * May this session work, when `workers` may at once (0: any number)? *seat is its place among them,
 * 0 before the first call; nobody else has it while the session lasts.
 */
bool ledger_seat(struct pg *target, uint64_t job, uint64_t workers, uint64_t *seat) NODISCARD;

/* ---- status ---------------------------------------------------------------------------------- */

struct ledger_status {
	struct sl ship;
	union {
		struct {
			uint64_t done, running, pending, failed; /* chunks */
			uint64_t again; /* of these two: failed before, or given up */
			/* of the done ones; cells: kept */
			uint64_t rows, cells, wide_rows, dropped, rejects;
			uint64_t live_rows, live_cells, live_deleted; /* by the follower */
		};
		uint64_t count[13]; /* all of these, as status_sql has them */
	};
	bool open;           /* its history was not over when it was planned */
	int64_t first, last; /* instants of the rows carried over */
	int64_t busy_us;      /* time spent in done chunks, added up */
	struct sl last_error; /* of the latest failed attempt of a chunk not done; may be empty */
	int64_t live_last; /* instant of the follower's newest row, LEDGER_NO_TIME */
	int64_t delay_us;  /* from COMMIT to COMMIT, of its newest row; -1: not known */
	bool waits;        /* what comes live, until its table is mended, or free */
	bool away;         /* it is not of the ships that are followed */
};

/* Per ship, in bytewise order; *n_out ships in the arena. */
struct ledger_status *ledger_status(
	const struct ledger_part *of, struct arena *a, size_t *n_out);

/* All of a list together; `ship` and `last_error` are empty, the delay is the longest. */
struct ledger_status ledger_sum(const struct ledger_status *list, size_t n);
struct ledger_status ledger_total(const struct ledger_part *of);

/* How fast it went of late, all workers together, and when it will be done at that pace. */
struct ledger_pace {
	double rows_per_s, cells_per_s, bytes_per_s; /* 0: nothing was finished lately */
	int64_t eta_us;			/* -1: not known */
};

struct ledger_pace ledger_pace(
	const struct ledger_part *of, const struct ledger_status *total);

struct ledger_done {
	int64_t from, to;
	uint64_t rejects; /* those that came live, too */
};

/* The done chunks of a ship that have a part in [from, to), in order; their number. */
size_t ledger_done_chunks(struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to,
	struct arena *a, struct ledger_done **out);

/* What a done chunk holds after it was repaired. */
struct ledger_recount {
	struct sl ship;
	int64_t from, to;
	uint64_t rows, cells, dropped, wide_rows;
	uint64_t left_out;   /* values that no column of theirs can hold */
	int64_t first, last; /* LEDGER_NO_TIME: no rows */
	bool whole; /* both sides are equal now, with all rows of the source */
};

/* Keeps these counts in the chunk of exactly this range, if there is one and it is done. */
void ledger_recount(struct pg *target, uint64_t job, const struct ledger_recount *c);

/*
 * The source has `bad` rows in a done chunk that cannot be carried over: where the chunk has fewer
 * rejects it has so many now, and an event says so.
 */
void ledger_late_rejects(struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to,
	uint64_t bad);

/* Failed chunks become pending again, failures forgotten; how many. Empty ship: of all ships. */
uint64_t ledger_retry(struct pg *target, uint64_t job, struct sl ship);

/*
 * Forgets what was carried over into the tables of this schema and prefix: chunks, rejects and
 * events of a ship, or with an empty ship the jobs themselves, of one narrow table or (NULL) any.
 * Who is at work there is fenced off.
 */
void ledger_forget(struct pg *target, const char *schema, const char *prefix, const char *table,
	struct sl ship);
