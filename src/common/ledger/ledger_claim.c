#include "core/hash.h"
#include "ledger/ledger_claim.sql.h"
#include "ledger/ledger_internal.h"

static const char skip_sql[] =
	"SELECT DISTINCT ship FROM ferry.chunk WHERE job_id = $1 AND chunk_from < $3::timestamp"
	" AND chunk_to > $2::timestamp ORDER BY ship";

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
	AUTO_RESULT *r = ledger_ask(target,
		"SELECT DISTINCT worker FROM ferry.chunk WHERE job_id = $1 AND state <> 'done'"
		" AND state = 'running'", job);
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

bool ledger_split(struct pg *target, const struct ledger_claim *claim, int64_t to)
{
	AUTO_STR ships = { 0 }, attempts = { 0 };
	AUTO_RESULT *r = NULL;
	bool all;

	str_addc(&ships, '{');
	for (size_t i = 0; i < claim->n; i++) {
		pg_add_element(&ships, claim->ships[i].ship);
		str_addf(&attempts, "%c%llu", i ? ',' : '{',
			(unsigned long long)claim->ships[i].attempt);
	}
	str_addc(&ships, '}');
	str_addc(&attempts, '}');
	pg_exec(target, "BEGIN");
	r = pg_ask(target, split_sql, ledger_u64(claim->job), ledger_time(claim->from),
		str_z(&ships), str_z(&attempts), claim->worker, ledger_time(to));
	all = pg_affected(r) == claim->n;
	pg_exec(target, all ? "COMMIT" : "ROLLBACK");
	return all;
}

static enum ledger_claimed busy_or_empty(struct pg *target, uint64_t job, const char *only)
{
	return pg_knows(target,
		"SELECT EXISTS (SELECT FROM ferry.chunk WHERE job_id = $1 AND state <> 'done'"
		" AND state <> 'failed' AND ($2::text[] IS NULL OR ship = ANY ($2::text[])))",
		ledger_u64(job), only)
		? LEDGER_BUSY : LEDGER_EMPTY;
}

/*
 * Whoever takes them dies, and leaves no word: that must have an end. Numbers of attempts go on
 * behind `retry`, since they tell workers apart: it gives a hundred more.
 */
static bool is_hopeless(const struct ledger_claim *claim)
{
	for (size_t i = 0; i < claim->n; i++)
		if (claim->ships[i].attempt % (LEDGER_MAX_ATTEMPTS + 1) == 0)
			return true;
	return false;
}

static enum ledger_claimed claim_any(struct pg *target, uint64_t job, bool whole_range,
	const struct sl *only, size_t n_only, int64_t lease_us, struct ledger_claim *out,
	struct arena *a)
{
	AUTO_STR ships = { 0 }, dead = { 0 };
	const char *params[] = { ledger_u64(job), ledger_worker(), "{}", NULL,
		ledger_interval(lease_us) };
	enum ledger_claimed outcome = LEDGER_CLAIMED;

	params[3] = ledger_array(&ships, only, n_only);
	/* the dead are looked for last: it costs a statement and a look into /proc for each */
	if (!try_claim(target, job, whole_range, params, out, a)) {
		bool found = find_dead(target, job, &dead) > 0;

		params[2] = str_z(&dead);
		if (!found || !try_claim(target, job, whole_range, params, out, a))
			outcome = busy_or_empty(target, job, params[3]);
	}
	return outcome;
}

enum ledger_claimed ledger_claim(struct pg *target, uint64_t job, bool whole_range,
	const struct sl *only, size_t n_only, int64_t lease_us, struct ledger_claim *out,
	struct arena *a)
{
	enum ledger_claimed got;

	while ((got = claim_any(target, job, whole_range, only, n_only, lease_us, out, a)) ==
			LEDGER_CLAIMED &&
		is_hopeless(out))
		ledger_fail(target, out, true,
			"given up: whoever took it has died each time, a hundred times");
	return got;
}

bool ledger_claimable(struct pg *target, uint64_t job, const struct sl *only, size_t n_only)
{
	AUTO_STR dead = { 0 }, ships = { 0 };

	(void)find_dead(target, job, &dead);
	/* locked for a moment, since a claim would pass over what somebody else has locked */
	return pg_knows(target, claimable_sql, ledger_u64(job), ledger_worker(), str_z(&dead),
		ledger_array(&ships, only, n_only));
}

void ledger_release(struct pg *target, uint64_t job, const char *worker)
{
	pg_run(target, release_sql, ledger_u64(job), worker);
}

/* ---- failing --------------------------------------------------------------------------------- */

void ledger_fail(
	struct pg *target, const struct ledger_claim *claim, bool permanent, const char *error)
{
	AUTO_STR ships = { 0 };

	str_addc(&ships, '[');
	for (size_t i = 0; i < claim->n; i++) {
		str_addz(&ships, i ? ",{\"ship\":" : "{\"ship\":");
		str_add_json(&ships, claim->ships[i].ship);
		str_addf(&ships, ",\"attempt\":%llu}", (unsigned long long)claim->ships[i].attempt);
	}
	str_addc(&ships, ']');
	pg_run(target, fail_sql, ledger_u64(claim->job), ledger_time(claim->from), str_z(&ships),
		claim->worker, error, permanent ? "t" : "f", ledger_u64(LEDGER_MAX_FAILURES));
}
