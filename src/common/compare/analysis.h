/*
 * analysis.h - what there is to know before a migration: how much there is, how fast it grows, what
 * room, memory and time carrying it over will take, and which settings are in the way.
 *
 * Nothing reads the whole of a large table: sizes come from the catalog, what is in it from a
 * sample of its pages, channels and times from probes of indexes. Each figure says which it is.
 */
#pragma once

#include "core/report.h"
#include "narrow/narrow.h"
#include "wide/registry.h"

struct analysis_conf {
	struct pg *source, *target;
	struct narrow *n;
	const struct target_opts *opts; /* types and columns per table */
	const struct sl *ships;		/* n_ships of them; none: all */
	size_t n_ships;
	uint64_t disk_free; /* bytes; 0: find out, if the target is on this machine */
	bool brief;	    /* figures as people read them */
};

/* The columns of the report: topic, subject, figure, value, basis, advice. */
extern const struct report_column analysis_columns[6];

/* Adds all rows to the report, which was made with these columns. */
void analysis_run(const struct analysis_conf *conf, struct report *r);
