/* ledger_control.c - what an operator asks of a job while it runs. */
#include "ledger/ledger_control.sql.h"
#include "ledger/ledger_internal.h"

void ledger_control_get(struct pg *target, uint64_t job, struct ledger_control *out)
{
	AUTO_RESULT *r = ledger_ask(target, get_sql, job);

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
	AUTO_STR json = { 0 }, event = { 0 };
	AUTO_RESULT *r = NULL;

	str_addf(&json, "{\"paused\":%d,\"workers\":%llu,\"rate\":%llu,\"pace_us\":%llu}",
		c->paused, (unsigned long long)c->workers, (unsigned long long)c->rate,
		(unsigned long long)c->pace_us);
	r = pg_ask(target, set_sql, ledger_u64(job), str_z(&json));
	str_add(now, pg_value(r, 0, 0));
	str_addf(&event, "control: %s", str_z(now));
	if (pg_true(r, 0, 1))
		ledger_event(target, LEDGER_INFO, job, SL(""), LEDGER_NO_TIME, str_z(&event));
}

void ledger_run_rate(struct pg *target, uint64_t job, uint64_t rate)
{
	pg_run(target, run_rate_sql, ledger_u64(job), rate ? ledger_u64(rate) : NULL);
}

bool ledger_seat(struct pg *target, uint64_t job, uint64_t workers, uint64_t *seat)
{
	AUTO_RESULT *r = NULL;

	if (workers == 0 || (*seat > 0 && *seat <= workers))
		return true;
	r = pg_ask(target, seat_sql, ledger_u64(job), ledger_u64(workers), ledger_u64(*seat));
	if (pg_rows(r) > 0)
		*seat = pg_count(r, 0, 0);
	return pg_rows(r) > 0;
}
