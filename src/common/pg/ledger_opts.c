#include "pg/ledger_opts.h"

struct ledger_job ledger_job_named(
	const struct narrow_opts *narrow, const struct target_opts *target)
{
	static const char *const types[] = { "text", "native" };

	return (struct ledger_job){ .source_table = narrow->table ? narrow->table
								  : NARROW_DEFAULT_TABLE,
		.target_schema = target->schema,
		.target_prefix = target->prefix,
		.types = types[target->types],
		.since = LEDGER_NO_TIME,
		.cutoff = LEDGER_NO_TIME };
}

bool ledger_job_seek(struct pg *pg, uint64_t number, const struct narrow_opts *narrow,
	const struct target_opts *target, struct ledger_job *job, struct arena *a)
{
	*job = ledger_job_named(narrow, target);
	if (!ledger_exists(pg))
		return false;
	return number ? ledger_job_get(pg, number, job, a) : ledger_job_find(pg, job, a);
}
