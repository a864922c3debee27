/* ledger_report.h - the state of a job as a report: a row per ship, and what it adds up to. */
#pragma once

#include "core/report.h"
#include "ledger/ledger.h"

/* Behind those of core/report.h: the text format of Prometheus, 0.0.4. */
#define LEDGER_PROMETHEUS (REPORT_MARKDOWN + 1)
#define LEDGER_REPORT_CHOICES "table|json|csv|markdown|prometheus"

/* What the ledger says of a follower. Counts and times not known are -1, texts then empty. */
struct ledger_live {
	bool any;                                                  /* a follower was set up */
	bool slot;                                                 /* else it polls */
	bool alive;                                                /* its lease holds */
	bool expected;                                             /* nobody ended it in order */
	uint64_t rows, cells, wide_rows, deleted, rejects, chunks; /* committed live */
	int64_t newest_commit;                                     /* LEDGER_NO_TIME: nothing yet */
	int64_t silent_us;      /* since the target was last brought up to date */
	int64_t unseen_us;      /* since the follower looked at the slot, when that is too long */
	int64_t delay_us;       /* from source COMMIT to target COMMIT, of the newest rows */
	int64_t lag_us;         /* how old the target's picture of the source is at most */
	int64_t lag_bytes;      /* of WAL the target has not got yet */
	int64_t safe_wal_bytes; /* until the slot is lost */
	int64_t held_bytes;     /* that the source keeps for the slot */
	struct sl wal_status, upto, error;
	const char *gap; /* what is promised less than usual; "": nothing */
	uint64_t doubts; /* ranges that are to be compared again */
};

/* All zero (.any false) when no follower was set up. */
void ledger_live_get(struct pg *target, uint64_t job, struct ledger_live *out, struct arena *a);

/* Was anything followed once, by a follower that may be forgotten by now? */
bool ledger_live_had(struct pg *target, uint64_t job) NODISCARD;

/* How often the follower has advanced, ever. */
uint64_t ledger_live_turns(struct pg *target, uint64_t job);

/* Has the target all that stands before this place of the source's WAL? Of a slot's follower. */
bool ledger_live_has(struct pg *target, uint64_t job, const char *lsn) NODISCARD;

/* What there is to report of a job; the lists live in the arena. */
struct ledger_state {
	struct ledger_job job;
	struct ledger_status *ship, total;
	size_t n;
	struct ledger_pace pace;
	struct ledger_live live;
	const char *lesser; /* what is promised where rows may change or come; or NULL */
	uint64_t warnings, criticals; /* events of the last day */
	bool paused;
	struct sl control; /* what is asked of who works on it, as JSON */
	struct ledger_record {
		struct sl ship;
		uint64_t n;
	} * record; /* rows in the tables of each ship, when they were counted */
	size_t n_records;
	struct arena arena;
};

#define LEDGER_ONE_STATE "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

/* Of `job`, in a transaction of the caller's, begun so. `count`: look into the tables, too. */
void ledger_state_take(struct ledger_state *s, const struct ledger_part *of,
	const struct ledger_job *job, bool count);
void ledger_state_free(struct ledger_state *s);

/*
 * One word: failed, retrying (nothing is left but what went wrong before), running, pending, live,
 * stopped (live, without a follower), completed.
 */
const char *ledger_state_word(const struct ledger_status *s, const struct ledger_live *live);

/* The promise that is in force, to be translated. */
const char *ledger_guarantee(const struct ledger_state *s);

/*
 * Appends the report. JSON is one object with the totals and an array `ships`; CSV is the table
 * alone; for people a summary and the guarantee in force stand below it.
 */
void ledger_report(const struct ledger_state *s, int format, struct str *out);

/* The same as metrics (ledger_prometheus.c). */
void ledger_prometheus(const struct ledger_state *s, struct str *out);

/* Appends the newest `limit` events of a job in the order in which they happened. */
void ledger_events_report(const struct ledger_part *of, uint64_t limit, enum report_format format,
	struct str *out);

/* Appends the first `limit` chunks that failed for good or will be tried again. */
void ledger_failed_report(const struct ledger_part *of, uint64_t limit, enum report_format format,
	struct str *out);

/*
 * Says as notes, every so often, a line of how far the job is, which chunk was done last, and how
 * far behind its follower is; until no chunk is left and nobody follows, or `go_on` says no.
 */
void ledger_progress(const struct ledger_part *of, int64_t every_us, bool (*go_on)(void));
