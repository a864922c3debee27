#include "ledger/ledger_events.h"

#include "ledger/ledger_events.sql.h"
#include "ledger/ledger_internal.h"

/* ---- lists ------------------------------------------------------------------------------------
 */

/* What a statement finds. All columns of the result are texts or counts, in the report's order. */
static void put_rows(struct pg *target, const char *sql, uint64_t job, const struct sl *only,
	size_t n_only, uint64_t limit, const struct report_column *columns, size_t n,
	enum report_format format, struct str *out)
{
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = pg_ask(target, sql, ledger_u64(job), ledger_array(&ships, only, n_only),
		ledger_u64(limit));
	AUTO_REPORT report = { .columns = columns, .n_columns = n };

	for (size_t i = 0; i < pg_rows(r); i++)
		for (size_t c = 0; c < n; c++)
			report_text(&report, pg_value(r, i, (int)c));
	report_put(&report, format, out);
	if (format == REPORT_JSON)
		str_addc(out, '\n');
}

void ledger_events_report(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	uint64_t limit, enum report_format format, struct str *out)
{
	static const struct report_column columns[] = {
		{ N_("at"), false }, { N_("level"), false }, { N_("ship"), false },
		{ N_("chunk_from"), false }, { N_("message"), false },
	};

	put_rows(target, events_sql, job, only, n_only, limit, columns, ARRAY_LEN(columns), format,
		out);
}

void ledger_failed_report(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	uint64_t limit, enum report_format format, struct str *out)
{
	static const struct report_column columns[] = {
		{ N_("ship"), false }, { N_("chunk_from"), false }, { N_("chunk_to"), false },
		{ N_("state"), REPORT_WORDS }, { N_("failures"), true },
		{ N_("attempts"), true }, { N_("started_at"), false }, { N_("error"), false },
	};

	put_rows(target, failed_sql, job, only, n_only, limit, columns, ARRAY_LEN(columns), format,
		out);
}

/* ---- events that somebody is to be told of ----------------------------------------------------
 */

bool ledger_event_next(struct pg *target, uint64_t job, const char *but, struct ledger_told *out,
	struct arena *a)
{
	AUTO_RESULT *r = pg_ask(target, untold_sql, ledger_u64(job), but);
	bool any = pg_rows(r) > 0;

	if (any)
		*out = (struct ledger_told){ .id = pg_count(r, 0, 0),
			.at = arena_dup(a, pg_value(r, 0, 1)),
			.level = arena_dup(a, pg_value(r, 0, 2)),
			.ship = arena_dup(a, pg_value(r, 0, 3)),
			.chunk = arena_dup(a, pg_value(r, 0, 4)),
			.message = arena_dup(a, pg_value(r, 0, 5)) };
	return any;
}

void ledger_event_told(struct pg *target, uint64_t id)
{
	pg_clear(ledger_ask(target, "UPDATE ferry.event SET told = true WHERE id = $1", id));
}

void ledger_events_forget(struct pg *target, uint64_t job, int64_t older_us)
{
	pg_run(target,
		"UPDATE ferry.event SET told = true WHERE job_id = $1 AND NOT told"
		" AND at < clock_timestamp() - $2::interval",
		ledger_u64(job), ledger_interval(older_us));
}
