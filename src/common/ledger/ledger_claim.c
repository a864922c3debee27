#include "ledger/ledger_internal.h"

#include "core/hash.h"
#include "ledger/ledger_claim.sql.h"

static void take_claim(
	const struct pg_result *r, uint64_t job, struct ledger_claim *out, struct arena *a)
{
	*out = (struct ledger_claim){ .job = job,
		.worker = ledger_worker(),
		.from = ledger_get_time(r, 0, 2),
		.to = ledger_get_time(r, 0, 3),
		.n = pg_rows(r) };
	out->ships = arena_alloc(a, mem_mul(out->n, sizeof *out->ships));
	for (size_t i = 0; i < out->n; i++)
		out->ships[i] = (struct ledger_claim_ship){ arena_dup(a, pg_value(r, i, 0)),
			pg_count(r, i, 1) };
}

/* Also those this worker has claimed before and that are still on their way. */
static void take_skip(struct pg *target, struct ledger_claim *claim, struct arena *a)
{
	AUTO_RESULT *r = pg_ask(target, skip_sql, ledger_u64(claim->job), ledger_time(claim->from),
		ledger_time(claim->to));
	AUTO_NAMES claimed = { 0 };

	for (size_t i = 0; i < claim->n; i++)
		(void)names_add(&claimed, claim->ships[i].ship, NULL);
	claim->skip = arena_alloc(a, mem_mul(pg_rows(r), sizeof *claim->skip));
	for (size_t i = 0; i < pg_rows(r); i++)
		if (names_find(&claimed, pg_value(r, i, 0)) == NAMES_NONE)
			claim->skip[claim->n_skip++] = arena_dup(a, pg_value(r, i, 0));
}

/* One try; `params` are those of {claimable} and {take}. */
static bool try_claim(struct pg *target, uint64_t job, bool whole_range, const char *const *params,
	struct ledger_claim *out, struct arena *a)
{
	AUTO_RESULT *r = NULL;
	bool found;

	if (whole_range) {
		/* one at a time: otherwise two workers would share a range, and both read it */
		pg_execf(target,
			"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended("
			"'ferry.claim', %llu))",
			(unsigned long long)job);
	}
	r = pg_query(target, whole_range ? claim_range_sql : claim_one_sql, 5, params);
	found = pg_rows(r) > 0;
	if (found)
		take_claim(r, job, out, a);
	if (whole_range) {
		if (found)
			take_skip(target, out, a);
		pg_exec(target, "COMMIT");
	}
	return found;
}

/* Appends the names of those at work who are known to be dead, as an array; how many. */
static size_t find_dead(struct pg *target, uint64_t job, struct str *names)
{
	AUTO_RESULT *r = ledger_ask(target, workers_sql, job);
	size_t n = 0;

	str_addc(names, '{');
	for (size_t i = 0; i < pg_rows(r); i++)
		if (ledger_worker_is_dead(pg_value(r, i, 0))) {
			pg_add_element(names, pg_value(r, i, 0));
			n++;
		}
	str_addc(names, '}');
	return n;
}

/* Appends its ships as JSON. */
static void put_claim(struct str *s, const struct ledger_claim *claim)
{
	str_addc(s, '[');
	for (size_t i = 0; i < claim->n; i++) {
		ledger_put_claimed(s, i > 0, claim->ships[i].ship, claim->ships[i].attempt);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

bool ledger_split(struct pg *target, const struct ledger_claim *claim, int64_t to)
{
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = NULL;
	bool all;

	put_claim(&ships, claim);
	pg_exec(target, "BEGIN");
	r = pg_ask(target, split_sql, ledger_u64(claim->job), ledger_time(claim->from),
		str_z(&ships), claim->worker, ledger_time(to));
	all = pg_affected(r) == claim->n;
	pg_exec(target, all ? "COMMIT" : "ROLLBACK");
	return all;
}

/*
 * Whoever takes them dies, and leaves no word: that must have an end. Numbers of attempts go on
 * behind `retry`, since they tell workers apart: it gives a hundred more, and so does a claim that
 * was given back.
 */
static bool is_hopeless(const struct ledger_claim *claim)
{
	_Static_assert(LEDGER_MAX_ATTEMPTS + 1 == 101, "parts.sql has it, too");
	for (size_t i = 0; i < claim->n; i++)
		if (claim->ships[i].attempt % (LEDGER_MAX_ATTEMPTS + 1) == 0)
			return true;
	return false;
}

static enum ledger_claimed claim_any(const struct ledger_part *of, bool whole_range,
	int64_t lease_us, struct ledger_claim *out, struct arena *a)
{
	AUTO_STR ships = { 0 }, dead = { 0 };
	const char *params[] = { ledger_u64(of->job), ledger_worker(), "{}",
		ledger_array(&ships, of->only, of->n_only), ledger_interval(lease_us) };

	if (try_claim(of->target, of->job, whole_range, params, out, a))
		return LEDGER_CLAIMED;
	/* the dead are looked for last: it costs a statement and a look into /proc for each */
	if (find_dead(of->target, of->job, &dead) > 0) {
		params[2] = str_z(&dead);
		if (try_claim(of->target, of->job, whole_range, params, out, a))
			return LEDGER_CLAIMED;
	}
	return pg_knows(of->target, busy_sql, params[0], params[3]) ? LEDGER_BUSY : LEDGER_EMPTY;
}

enum ledger_claimed ledger_claim(const struct ledger_part *of, bool whole_range, int64_t lease_us,
	struct ledger_claim *out, struct arena *a)
{
	enum ledger_claimed got;

	while ((got = claim_any(of, whole_range, lease_us, out, a)) == LEDGER_CLAIMED &&
		is_hopeless(out))
		ledger_fail(of->target, out, true,
			"given up: whoever took it has died each time, a hundred times");
	return got;
}

bool ledger_claimable(const struct ledger_part *of)
{
	AUTO_STR dead = { 0 }, ships = { 0 };

	(void)find_dead(of->target, of->job, &dead);
	/* locked for a moment, since a claim would pass over what somebody else has locked */
	return pg_knows(of->target, claimable_sql, ledger_u64(of->job), ledger_worker(),
		str_z(&dead), ledger_array(&ships, of->only, of->n_only));
}

void ledger_release(struct pg *target, uint64_t job, const char *worker)
{
	pg_run(target, release_sql, ledger_u64(job), worker);
}

/* ---- failing --------------------------------------------------------------------------------- */

void ledger_fail(
	struct pg *target, const struct ledger_claim *claim, bool permanent, const char *error)
{
	AUTO_STR ships = { 0 }, text = { 0 };

	put_claim(&ships, claim);
	pg_run(target, fail_sql, ledger_u64(claim->job), ledger_time(claim->from), str_z(&ships),
		claim->worker, ledger_storable(target, &text, error), permanent ? "t" : "f",
		ledger_u64(LEDGER_MAX_FAILURES));
}

/* ---- control --------------------------------------------------------------------------------- */

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
