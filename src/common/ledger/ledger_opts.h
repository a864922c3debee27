/* ledger_opts.h - which job a command line means: its number, or the table and target it is of. */
#pragma once

#include "ledger/ledger.h"
#include "narrow/narrow.h"
#include "wide/registry.h"

/* `m` is a uint64_t, 0 when it is not given. */
#define LEDGER_JOB_OPT(T, m)                                                                       \
	{ .name = "job", .letter = 'j', OPT_INTO(T, m), .arg = "N",                                \
	  .help = "the job (default: the one of this table and target)" }

/* Both sides of a job; `T` has the members source, narrow and target for them. */
#define LEDGER_SIDES_OPTS(T)                                                                       \
	{ .kind = OPT_GROUP, .help = "Source" },                                                   \
	NARROW_SOURCE_OPT(T, source), NARROW_OPTS(T, narrow), TARGET_OPTS(T, target)

/* The job as the options name it; nothing is looked up. Strings are those of the options. */
struct ledger_job ledger_job_named(
	const struct narrow_opts *narrow, const struct target_opts *target, struct arena *a);

/*
 * Encoding, columns and expressions are the job's: `narrow` gets them, in the arena, where it says
 * none. Dies with 78 when it says others.
 */
void ledger_job_reads(const struct ledger_job *job, struct narrow_opts *narrow, struct arena *a);

/*
 * Looks up the job of that number, or with 0 the one that the options name; false when there is
 * none, or no ledger yet. Who reads its source goes on with ledger_job_reads(). Strings live in the
 * arena, or are those of the options.
 */
bool ledger_job_seek(struct pg *pg, uint64_t number, const struct narrow_opts *narrow,
	const struct target_opts *target, struct ledger_job *job, struct arena *a) NODISCARD;
