/* ledger_report.h - the state of a job as a report: a row per ship, and what it adds up to. */
#ifndef FERRY_PG_LEDGER_REPORT_H
#define FERRY_PG_LEDGER_REPORT_H

#include "core/report.h"
#include "pg/ledger.h"

/*
 * Appends the report. JSON is one object with the totals and an array `ships`; CSV is the table
 * alone; for people a summary and the guarantee in force stand below it. `only` restricts it to
 * these ships (n_only 0: all).
 */
void ledger_report(struct pg *target, const struct ledger_job *job, enum report_format format,
	const struct sl *only, size_t n_only, struct str *out);

#endif
