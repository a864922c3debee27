#include "ledger/ledger_opts.h"

static void take_columns(
	const struct ledger_job *job, struct narrow_opts *narrow, struct arena *a)
{
	const char *given = narrow_columns(narrow, a), *kept = job->columns;

	if (!kept)
		return;
	kept = *kept ? kept : "{}";
	if (!*given && !narrow_take_columns(narrow, kept, a))
		die_hint(EX_CONFIGURATION,
			"give these options again: SQL is taken from the command line alone",
			"job %llu reads its table by %s", (unsigned long long)job->id, kept);
	if (*given && strcmp(given, kept) != 0)
		die_hint(EX_CONFIGURATION, "leave them out, or roll back first",
			"job %llu reads its table by %s, not by %s", (unsigned long long)job->id,
			kept, given);
}

void ledger_job_reads(const struct ledger_job *job, struct narrow_opts *narrow, struct arena *a)
{
	const char *kept = job->encoding, *given = narrow->encoding;

	if (kept && given && encoding_find(given) != encoding_find(*kept ? kept : "UTF8"))
		die_hint(EX_CONFIGURATION, "leave it out, or roll back first",
			"job %llu reads its source with --source-encoding %s, not %s",
			(unsigned long long)job->id, *kept ? kept : "left out",
			msg_q(sl_of(given)));
	if (kept && *kept)
		narrow->encoding = kept;
	take_columns(job, narrow, a);
}

struct ledger_job ledger_job_named(
	const struct narrow_opts *narrow, const struct target_opts *target, struct arena *a)
{
	static const char *const types[] = { "text", "native" };

	return (struct ledger_job){ .source_table = narrow->table ? narrow->table
								  : NARROW_DEFAULT_TABLE,
		.source = getenv("FERRY_JOB_SOURCE"), /* of several that fill these tables */
		.target_schema = target->schema,
		.target_prefix = target->prefix,
		.types = types[target->types],
		.encoding = narrow->encoding ? narrow->encoding : "",
		.columns = narrow_columns(narrow, a),
		.since = LEDGER_NO_TIME,
		.cutoff = LEDGER_NO_TIME };
}

bool ledger_job_seek(struct pg *pg, uint64_t number, const struct narrow_opts *narrow,
	const struct target_opts *target, struct ledger_job *job, struct arena *a)
{
	*job = ledger_job_named(narrow, target, a);
	if (!ledger_exists(pg))
		return false;
	return number ? ledger_job_get(pg, number, job, a) : ledger_job_find(pg, job, a);
}
