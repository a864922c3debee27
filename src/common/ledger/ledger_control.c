/* ledger_control.c - what an operator asks of a job while it runs. */
#include "ledger/ledger_internal.h"

void ledger_control_get(struct pg *target, uint64_t job, struct ledger_control *out)
{
	struct ledger_text number;
	AUTO_RESULT *r = pg_query(target,
		"SELECT (control->>'paused')::int, control->>'workers', control->>'rate',"
		" control->>'pace_us', (SELECT greatest(count(DISTINCT worker), 1)"
		"  FROM ferry.chunk c WHERE c.job_id = $1 AND state <> 'done' AND state = 'running'"
		"  AND lease_until > clock_timestamp()) FROM ferry.job WHERE job_id = $1",
		1, (const char *[]){ ledger_u64(&number, job) });

	*out = (struct ledger_control){ .busy = 1 };
	if (pg_rows(r) > 0) /* NULL counts as 0 */
		*out = (struct ledger_control){ .paused = (int)pg_count(r, 0, 0),
			.workers = pg_count(r, 0, 1),
			.rate = pg_count(r, 0, 2),
			.pace_us = pg_count(r, 0, 3),
			.busy = pg_count(r, 0, 4) };
}

void ledger_control_set(
	struct pg *target, uint64_t job, const struct ledger_control *c, struct str *now)
{
	struct ledger_text number;
	AUTO_STR json = { 0 }, event = { 0 };
	AUTO_RESULT *r = NULL;

	str_addf(&json, "{\"paused\":%d,\"workers\":%llu,\"rate\":%llu,\"pace_us\":%llu}",
		c->paused, (unsigned long long)c->workers, (unsigned long long)c->rate,
		(unsigned long long)c->pace_us);
	r = pg_query(target,
		"UPDATE ferry.job j SET control = (SELECT jsonb_object_agg(key, value)"
		"  FROM jsonb_each(coalesce(j.control, '{}') || coalesce((SELECT"
		"   jsonb_object_agg(key, value) FROM jsonb_each($2::jsonb)"
		"   WHERE value NOT IN ('-1', '18446744073709551615')), '{}'))"
		"  WHERE value <> '0') FROM ferry.job was WHERE j.job_id = $1 AND was.job_id = $1"
		" RETURNING coalesce(j.control, '{}'), was.control IS DISTINCT FROM j.control",
		2, (const char *[]){ ledger_u64(&number, job), str_z(&json) });
	str_add(now, pg_value(r, 0, 0));
	str_addf(&event, "control: %s", str_z(now));
	if (pg_true(r, 0, 1))
		ledger_event(target, LEDGER_INFO, job, SL(""), LEDGER_NO_TIME, str_z(&event));
}

#define SEAT(number) "hashtextextended('ferry.seat ' || " number ", $1::bigint)"

bool ledger_seat(struct pg *target, uint64_t job, uint64_t workers, uint64_t *seat)
{
	struct ledger_text number, most, mine;
	AUTO_RESULT *r = NULL;

	if (workers == 0 || (*seat > 0 && *seat <= workers))
		return true;
	r = pg_query(target,
		"SELECT i, CASE WHEN $3 > 0 THEN pg_advisory_unlock(" SEAT("$3::bigint") ") END"
		" FROM generate_series(1, $2::bigint) AS i"
		" WHERE pg_try_advisory_lock(" SEAT("i") ") LIMIT 1",
		3, (const char *[]){ ledger_u64(&number, job), ledger_u64(&most, workers),
			ledger_u64(&mine, *seat) });
	if (pg_rows(r) > 0)
		*seat = pg_count(r, 0, 0);
	return pg_rows(r) > 0;
}
