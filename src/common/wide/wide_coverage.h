/*
 * wide_coverage.h - what a dry run of a wide stream found: how much of each table of a ship it
 * would touch (wide_conf.dry_run).
 */
#pragma once

#include "core/report.h"
#include "wide/wide.h"

/*
 * Appends the report: a row per table of each ship of the stream, and one for the channels that
 * have none. A row of the stream that repeats an instant is counted again.
 */
void wide_coverage_put(const struct wide *w, enum report_format format, struct str *out);

/* Values of channels that the ships do not have, which were left out (WIDE_IGNORE). */
uint64_t wide_ignored(const struct wide *w);
