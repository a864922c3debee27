/* ledger_events.h - what happened: lists of events and failed chunks, and who was told. */
#pragma once

#include "core/report.h"
#include "ledger/ledger.h"

/* Appends the newest `limit` events of a job in the order in which they happened. */
void ledger_events_report(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	uint64_t limit, enum report_format format, struct str *out);

/* Appends the first `limit` chunks that failed for good or will be tried again. */
void ledger_failed_report(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	uint64_t limit, enum report_format format, struct str *out);

/* ---- events that somebody is to be told of ----------------------------------------------------
 */

struct ledger_told {
	uint64_t id;
	struct sl at, level, ship, chunk, message;
};

/*
 * The oldest that is a warning or worse and was not told yet, but for those whose numbers are in
 * `but`, each with a comma behind it; false when there is none.
 */
bool ledger_event_next(struct pg *target, uint64_t job, const char *but, struct ledger_told *out,
	struct arena *a) NODISCARD;
void ledger_event_told(struct pg *target, uint64_t id);

/* Counts those older than this as told: nobody wants to hear of them now. */
void ledger_events_forget(struct pg *target, uint64_t job, int64_t older_us);
