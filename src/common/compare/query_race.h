/*
 * query_race.h - typical queries of an application, put to the narrow table and to the wide ones:
 * how long each takes, one after the other in turn, and whether both give the same rows.
 */
#pragma once

#include "core/report.h"
#include "narrow/narrow.h"
#include "wide/registry.h"

struct query_race {
	struct pg *source, *target;
	const struct narrow *n;
	struct registry *registry;
	struct sl ship; /* empty: the registered one with the most channels */
	uint64_t runs;	/* of each query, on each side */
};

/* Query, rows, milliseconds on both sides (the median of the runs), ratio, improvement, same. */
extern const struct report_column query_race_columns[7];

/*
 * Runs them all and adds a row for each. Dies with 78 when there is no wide table with rows. False
 * when a query gave different results on the two sides.
 */
bool query_race_run(const struct query_race *race, struct report *r);
