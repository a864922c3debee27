#include "ledger/ledger_internal.h"

#include "ledger/ledger.sql.h"

/* ---- jobs ------------------------------------------------------------------------------------ */

void ledger_source_name(struct pg *source, struct str *out)
{
	/* the second form is for roles that may not ask for the system identifier */
	AUTO_RESULT *r = pg_try_query(source, system_sql, 0, NULL);

	if (!r)
		r = pg_query(source, address_sql, 0, NULL);
	str_add(out, pg_value(r, 0, 0));
}

static void take_job(const struct pg_result *r, struct ledger_job *job, struct arena *a)
{
	job->id = pg_count(r, 0, 0);
	job->source = ledger_get_text(r, 0, 1, a);
	job->source_table = ledger_get_text(r, 0, 2, a);
	job->target_schema = ledger_get_text(r, 0, 3, a);
	job->target_prefix = ledger_get_text(r, 0, 4, a);
	job->types = ledger_get_text(r, 0, 5, a);
	job->chunk_us = (int64_t)pg_count(r, 0, 6);
	job->since = ledger_get_time(r, 0, 7);
	job->cutoff = ledger_get_time(r, 0, 8);
	job->encoding = pg_is_null(r, 0, 9) ? NULL : ledger_get_text(r, 0, 9, a);
	job->columns = pg_is_null(r, 0, 10) ? NULL : ledger_get_text(r, 0, 10, a);
	job->planned = ledger_get_time(r, 0, 11);
}

/* Takes the only row, if there is one; frees the result. */
static bool take_only(struct pg_result *r, struct ledger_job *job, struct arena *a)
{
	bool found = pg_rows(r) > 0;

	if (pg_rows(r) > 1)
		die_hint(EX_CONFIGURATION, "--job says which", "target: %zu jobs fit, of %s and %s",
			pg_rows(r), pg_valuez(r, 0, 1), pg_valuez(r, 1, 1));
	if (found)
		take_job(r, job, a);
	pg_clear(r);
	return found;
}

bool ledger_job_find(struct pg *target, struct ledger_job *job, struct arena *a)
{
	return take_only(pg_ask(target, find_sql, job->source, job->source_table,
		job->target_schema, job->target_prefix), job, a);
}

bool ledger_job_get(struct pg *target, uint64_t id, struct ledger_job *job, struct arena *a)
{
	return take_only(ledger_ask(target, job_sql, id), job, a);
}

size_t ledger_jobs(struct pg *target, struct arena *a, uint64_t **out)
{
	AUTO_RESULT *r = NULL;
	size_t n;

	if (!ledger_exists(target))
		return 0;
	r = pg_query(target, "SELECT job_id FROM ferry.job ORDER BY job_id", 0, NULL);
	n = pg_rows(r);
	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = pg_count(r, i, 0);
	return n;
}

/* Another length is taken once nothing is open, so that no two chunks can overlap. */
static void change_chunk(struct pg *target, struct ledger_job *job, int64_t wanted)
{
	char old[CLOCK_TEXT_MAX], new[CLOCK_TEXT_MAX];
	AUTO_RESULT *r = pg_ask(target, chunk_length_sql, ledger_u64(job->id),
		ledger_u64((uint64_t)wanted));

	if (pg_affected(r) == 0)
		die_hint(EX_CONFIGURATION, "finish them first, or roll back",
			"job %llu has open chunks of %.*s, not %.*s", (unsigned long long)job->id,
			(int)clock_put_duration(old, job->chunk_us), old,
			(int)clock_put_duration(new, wanted), new);
	job->chunk_us = wanted;
}

void ledger_job_open(struct pg *target, struct ledger_job *job, struct arena *a)
{
	int64_t chunk = job->chunk_us;
	const char *types = job->types;

	pg_run(target, create_sql, job->source, job->source_table, job->target_schema,
		job->target_prefix, types, ledger_u64((uint64_t)(chunk ? chunk : CLOCK_US_PER_DAY)),
		ledger_time(job->since), job->encoding, job->columns);
	if (!ledger_job_find(target, job, a))
		die(EX_TEMP, "target: the job was removed at this moment");
	if (strcmp(job->types, types) != 0)
		die_hint(EX_CONFIGURATION, "roll back first to change them",
			"job %llu makes columns of types %s, not %s", (unsigned long long)job->id,
			job->types, types);
	if (chunk && chunk != job->chunk_us)
		change_chunk(target, job, chunk);
}

/* ---- plan ------------------------------------------------------------------------------------ */

/* The ships as JSON for jsonb_to_recordset(). */
static void put_ships(struct str *s, const struct ledger_ship *ships, size_t n)
{
	str_addc(s, '[');
	for (size_t i = 0; i < n; i++) {
		str_addz(s, i ? ",{\"ship\":" : "{\"ship\":");
		str_add_json(s, ships[i].ship);
		str_addf(s, ",\"first\":\"%s\",\"last\":\"%s\",\"weight\":%llu,\"gaps\":\"%s\"}",
			ledger_time(ships[i].first), ledger_time(ships[i].last),
			(unsigned long long)ships[i].weight, ships[i].gaps);
	}
	str_addc(s, ']');
}

/* `planned`: what is before it is, now; as is what was before. */
static void keep_cutoff(struct pg *target, struct ledger_job *job, int64_t cutoff, int64_t planned)
{
	AUTO_RESULT *r = pg_ask(target, keep_cutoff_sql, ledger_u64(job->id), ledger_time(cutoff),
		ledger_time(planned));

	if (pg_rows(r) != 1)
		die(EX_TEMP, "target: job %s was removed at this moment", ledger_u64(job->id));
	job->cutoff = ledger_get_time(r, 0, 0);
}

static void say_planned(
	struct pg *target, const struct ledger_job *job, const struct ledger_plan *plan)
{
	char text[200];

	(void)snprintf(text, sizeof text, "planned %llu chunks of %llu ships, %s to %s",
		(unsigned long long)plan->added, (unsigned long long)plan->ships,
		ledger_time(plan->from), ledger_time(plan->to));
	ledger_event(target, LEDGER_INFO, job->id, SL(""), LEDGER_NO_TIME, text);
}

void ledger_plan_outcasts(struct pg *target, const struct ledger_job *job)
{
	pg_run(target, whole_sql, ledger_u64(job->id));
}

void ledger_plan(struct pg *target, struct ledger_job *job, int64_t cutoff, int64_t until,
	const struct ledger_ship *ships, size_t n, struct ledger_plan *out)
{
	AUTO_STR list = { 0 };
	AUTO_RESULT *r = NULL;
	uint64_t cut;
	int64_t end, now = clock_floor(clock_now(), CLOCK_US_PER_SEC);

	keep_cutoff(target, job, cutoff, until != LEDGER_NO_TIME && until < now ? until : now);
	end = cutoff == LEDGER_NO_TIME ? LEDGER_NO_TIME : job->cutoff < now ? job->cutoff : now;
	if (until != LEDGER_NO_TIME && (end == LEDGER_NO_TIME || until < end))
		end = until;
	put_ships(&list, ships, n);
	r = pg_ask(target, plan_sql, ledger_u64(job->id), str_z(&list),
		ledger_interval(job->chunk_us), ledger_time(job->since), ledger_time(end),
		ledger_u64(LEDGER_MAX_CHUNKS));
	cut = pg_count(r, 0, 4);
	if (cut > LEDGER_MAX_CHUNKS)
		die_hint(EX_CONFIGURATION, "take a longer --chunk",
			"too many chunks: at most %d are planned", LEDGER_MAX_CHUNKS);
	out->added = pg_count(r, 0, 0);
	out->ships = pg_count(r, 0, 1);
	out->from = ledger_get_time(r, 0, 2);
	out->to = ledger_get_time(r, 0, 3);
	if (out->added)
		say_planned(target, job, out);
	if (cut > out->added) /* a worker met a ship at this moment: its chunk is seen by now */
		ledger_plan(target, job, cutoff, until, ships, n, out);
	else
		pg_exec(target, "COMMIT");
}
