/* ledger_report.h - the state of a job as a report: a row per ship, and what it adds up to. */
#pragma once

#include "core/report.h"
#include "ledger/ledger.h"
#include "ledger/ledger_live.h"

/* Behind those of core/report.h: the text format of Prometheus, 0.0.4. */
#define LEDGER_PROMETHEUS (REPORT_MARKDOWN + 1)
#define LEDGER_REPORT_CHOICES "table|json|csv|markdown|prometheus"

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

/* `count`: look into the tables, too. `only` restricts it to these ships (n_only 0: all). */
void ledger_state_read(struct ledger_state *s, struct pg *target, const struct ledger_job *job,
	const struct sl *only, size_t n_only, bool count);
#define LEDGER_ONE_STATE "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

/* The same in a transaction of the caller's, begun so. */
void ledger_state_take(struct ledger_state *s, struct pg *target, const struct ledger_job *job,
	const struct sl *only, size_t n_only, bool count);
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
