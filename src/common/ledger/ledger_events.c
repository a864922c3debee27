#include "ledger/ledger_report.h"

#include "ledger/ledger_events.sql.h"
#include "ledger/ledger_internal.h"

const char *const ledger_levels[] = { "INFO", "WARNING", "CRITICAL" };

void ledger_event(struct pg *target, enum ledger_level level, uint64_t job, struct sl ship,
	int64_t chunk_from, const char *message)
{
	AUTO_FREE char *name = ship.n > 0 ? mem_sldup(ship) : NULL;
	AUTO_STR text = { 0 };

	pg_run(target, event_sql, ledger_levels[level], job ? ledger_u64(job) : NULL, name,
		ledger_time(chunk_from), ledger_storable(target, &text, message));
}

/* What a statement finds. All columns of the result are texts or counts, in the report's order. */
static void put_rows(const struct ledger_part *of, const char *sql, uint64_t limit,
	const struct report_column *columns, size_t n, enum report_format format, struct str *out)
{
	AUTO_STR ships = { 0 };
	AUTO_REPORT report = { .columns = columns, .n_columns = n };
	AUTO_RESULT *r = pg_ask(of->target, sql, ledger_u64(of->job),
		ledger_array(&ships, of->only, of->n_only), ledger_u64(limit));

	for (size_t i = 0; i < pg_rows(r); i++)
		for (size_t c = 0; c < n; c++)
			report_text(&report, pg_value(r, i, (int)c));
	report_put(&report, format, out);
	str_addz(out, format == REPORT_JSON ? "\n" : "");
}

void ledger_events_report(const struct ledger_part *of, uint64_t limit, enum report_format format,
	struct str *out)
{
	static const struct report_column columns[] = {
		{ N_("at"), false }, { N_("level"), false }, { N_("ship"), false },
		{ N_("chunk_from"), false }, { N_("message"), false },
	};

	put_rows(of, events_sql, limit, columns, ARRAY_LEN(columns), format, out);
}

void ledger_failed_report(const struct ledger_part *of, uint64_t limit, enum report_format format,
	struct str *out)
{
	static const struct report_column columns[] = {
		{ N_("ship"), false }, { N_("chunk_from"), false }, { N_("chunk_to"), false },
		{ N_("state"), REPORT_WORDS }, { N_("failures"), true },
		{ N_("attempts"), true }, { N_("started_at"), false }, { N_("error"), false },
	};

	put_rows(of, failed_sql, limit, columns, ARRAY_LEN(columns), format, out);
}
