/* ledger_state.c - gathers what a report says. */
#include "ledger/ledger_internal.h"
#include "ledger/ledger_report.h"
#include "ledger/ledger_state.sql.h"
#include "wide/registry.h"

const char *ledger_state_word(const struct ledger_status *s, const struct ledger_live *live)
{
	if (s->failed)
		return N_("failed");
	if (s->again && s->again == s->running + s->pending)
		return N_("retrying");
	if (s->running)
		return N_("running");
	if (s->pending || (s->open && !live->any))
		return N_("pending");
	if (s->waits)
		return N_("waiting");
	if (live->any)
		return live->alive ? N_("live") : N_("stopped");
	return N_("completed");
}

static void count_events(struct ledger_state *s, struct pg *target)
{
	AUTO_RESULT *r = ledger_ask(target, events_sql, s->job.id);

	s->warnings = pg_count(r, 0, 0);
	s->criticals = pg_count(r, 0, 1);
	s->control = arena_dup(&s->arena, pg_value(r, 0, 2));
	s->paused = pg_true(r, 0, 3);
}

/* Counts the rows of each ship's first table, which has one for every instant. */
static void count_records(struct ledger_state *s, struct pg *target)
{
	AUTO_RESULT *tables = pg_ask(target,
		"SELECT DISTINCT ship, table_name FROM ferry.channel JOIN pg_class c"
		" ON c.relname = table_name AND c.relkind IN ('r', 'p')"
		" AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)"
		" WHERE target_schema = $1 AND grp = 1 AND " REGISTRY_OF_PREFIX,
		s->job.target_schema, s->job.target_prefix);

	s->record = arena_alloc(&s->arena, mem_mul(pg_rows(tables) + 1, sizeof *s->record));
	for (size_t i = 0; i < pg_rows(tables); i++) {
		AUTO_STR sql = { 0 };
		AUTO_RESULT *r = NULL;

		str_addf(&sql, "SELECT count(*) FROM %s",
			pg_table(target, sl_of(s->job.target_schema), pg_value(tables, i, 1)));
		r = pg_query(target, str_z(&sql), 0, NULL);
		s->record[s->n_records++] = (struct ledger_record){
			arena_dup(&s->arena, pg_value(tables, i, 0)), pg_count(r, 0, 0)};
	}
}

/* What is done is proven of what was sent, not of what such a trigger makes of it. */
static void look_for_meddlers(struct ledger_state *s, struct pg *target)
{
	AUTO_STR text = { 0 };

	if (registry_meddlers(target, s->job.target_schema, s->job.target_prefix, &text)) {
		s->lesser = arena_dup(&s->arena, sl_of(str_z(&text))).p;
		if (s->live.any && !*s->live.gap)
			s->live.gap = s->lesser;
	}
}

void ledger_state_take(struct ledger_state *s, struct pg *target, const struct ledger_job *job,
	const struct sl *only, size_t n_only, bool count)
{
	*s = (struct ledger_state){ .job = *job };
	s->ship = ledger_status(target, job->id, only, n_only, &s->arena, &s->n);
	s->total = ledger_sum(s->ship, s->n);
	s->pace = ledger_pace(target, job->id, only, n_only, &s->total);
	ledger_live_get(target, job->id, &s->live, &s->arena);
	look_for_meddlers(s, target);
	if (job->cutoff > job->planned && !s->lesser)
		s->lesser = N_("not all up to the cutoff was planned, which was to come, or of "
			       "which --until left the end out: run again for that");
	s->total.open = job->cutoff > job->planned;
	for (size_t i = 0; i < s->n; i++)
		s->ship[i].open = s->total.open;
	count_events(s, target);
	if (count)
		count_records(s, target);
}

void ledger_state_read(struct ledger_state *s, struct pg *target, const struct ledger_job *job,
	const struct sl *only, size_t n_only, bool count)
{
	/* one state of the ledger, not of several moments */
	pg_exec(target, LEDGER_ONE_STATE);
	ledger_state_take(s, target, job, only, n_only, count);
	pg_exec(target, "COMMIT");
}

void ledger_state_free(struct ledger_state *s)
{
	arena_free(&s->arena);
}
