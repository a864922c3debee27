#include "ledger/ledger_follow.h"

#include "core/kp.h"
#include "core/stop.h"
#include "ledger/ledger_follow.sql.h"
#include "ledger/ledger_internal.h"

void ledger_follow_init(struct pg *target)
{
	if (!ledger_has_table(target, "doubt"))
		pg_exec(target, follow_schema_sql);
}

/* ---- the follower ---------------------------------------------------------------------------- */

static const char *get_text(const struct pg_result *r, int col, struct arena *a)
{
	AUTO_STR s = { 0 };

	str_addz(&s, pg_valuez(r, 0, col));
	return arena_dup(a, (struct sl){ str_z(&s), s.n + 1 }).p;
}

static void take_follower(const struct pg_result *r, struct ledger_follower *f, struct arena *a)
{
	*f = (struct ledger_follower){ .kind = sl_eq_str(pg_value(r, 0, 0), "slot")
						       ? LEDGER_FOLLOW_SLOT
						       : LEDGER_FOLLOW_POLL,
		.slot = get_text(r, 1, a),
		.publication = get_text(r, 2, a),
		.consistent_point = get_text(r, 3, a),
		.worker = get_text(r, 4, a),
		.upto = get_text(r, 5, a),
		.attempt = pg_count(r, 0, 6) };
}

bool ledger_follower_get(
	struct pg *target, uint64_t job, struct ledger_follower *out, struct arena *a)
{
	AUTO_RESULT *r = NULL;
	bool found;

	if (!ledger_has_table(target, "follower"))
		return false;
	r = ledger_ask(target, follower_sql, job);
	found = pg_rows(r) > 0;
	if (found)
		take_follower(r, out, a);
	return found;
}

/* All of the job is; the event also says what to do. */
static void put_in_doubt(
	struct pg *target, uint64_t job, const char *level, const char *why, const char *next)
{
	pg_run(target, doubt_sql, ledger_u64(job), why, level, next);
}

void ledger_follower_set(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	const char *slot, const char *publication, const char *point, const char *doubt)
{
	pg_exec(target, "BEGIN");
	pg_run(target, start_sql, ledger_u64(job), ledger_follow_text(kind), slot, publication,
		point);
	KP("follower_set");
	if (doubt)
		put_in_doubt(target, job, "WARNING", doubt,
			"validate --repair tells what is missing");
	pg_exec(target, "COMMIT");
}

void ledger_follower_drop(struct pg *target, uint64_t job)
{
	pg_clear(ledger_ask(target, "DELETE FROM ferry.follower WHERE job_id = $1", job));
}

/* Of which there is none in the job. */
static NORETURN void lacks(uint64_t job, enum ledger_follow_kind kind)
{
	static const struct {
		const char *what, *hint;
	} none[] = {
		[LEDGER_FOLLOW_SLOT] = { "slot", "pg-wide-ledger follow --follow slot makes one" },
		[LEDGER_FOLLOW_POLL] = { "follower that polls",
			"pg-wide-ledger follow --follow poll sets one up" },
	};

	die_hint(EX_CONFIGURATION, none[kind].hint, "job %llu has no %s", (unsigned long long)job,
		none[kind].what);
}

/* False while it is another. */
static bool try_become(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	struct ledger_follower *out, struct arena *a)
{
	struct ledger_follower now;
	AUTO_ARENA arena = { 0 };
	AUTO_RESULT *r = NULL;

	if (!ledger_follower_get(target, job, &now, &arena) || now.kind != kind)
		lacks(job, kind);
	r = pg_ask(target, claim_sql, ledger_u64(job), ledger_worker(), ledger_follow_text(kind),
		ledger_interval(LEDGER_LEASE),
		ledger_worker_is_dead(sl_of(now.worker)) ? now.worker : NULL);
	if (pg_rows(r) == 0)
		return false;
	take_follower(r, out, a);
	return true;
}

void ledger_follower_become(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	bool standby, struct ledger_follower *out, struct arena *a)
{
	for (bool said = false; !try_become(target, job, kind, out, a); said = true) {
		if (!standby)
			die_hint(EX_BUSY,
				"it ends with its process, or two minutes after it was last seen",
				"another follower of job %llu is at work", (unsigned long long)job);
		if (!said)
			msg_note("another follower of job %llu is at work: this one waits for its "
				 "end",
				(unsigned long long)job);
		stop_check();
		clock_sleep(CLOCK_US_PER_SEC);
	}
}

bool ledger_follower_upto(struct pg *target, uint64_t job, uint64_t attempt, struct str *upto)
{
	AUTO_RESULT *r = pg_ask(target,
		"SELECT upto FROM ferry.follower WHERE job_id = $1 AND worker = $2"
		" AND attempt = $3",
		ledger_u64(job), ledger_worker(), ledger_u64(attempt));
	bool ours = pg_rows(r) > 0;

	if (ours)
		str_add(upto, pg_value(r, 0, 0));
	return ours;
}

/* Passed over while a loader holds the row: the next one will do. */
void ledger_follower_watch(struct pg *target, uint64_t job, const struct ledger_watch *w)
{
	pg_run(target, watch_sql, ledger_u64(job), ledger_worker(),
		w->lag_bytes < 0 ? NULL : ledger_u64((uint64_t)w->lag_bytes), w->wal_status,
		w->safe_wal_bytes < 0 ? NULL : ledger_u64((uint64_t)w->safe_wal_bytes),
		w->held_bytes < 0 ? NULL : ledger_u64((uint64_t)w->held_bytes));
}

void ledger_follower_held(
	struct pg *target, uint64_t job, int64_t held_bytes, const char *wal_status)
{
	if (held_bytes >= 0)
		pg_run(target, held_sql, ledger_u64(job), ledger_u64((uint64_t)held_bytes),
			wal_status);
}

int64_t ledger_lag(struct pg *target, uint64_t job)
{
	AUTO_RESULT *r = ledger_ask(target, lag_sql, job);
	int64_t lag = 0;

	if (pg_rows(r) > 0)
		lag = (int64_t)pg_count(r, 0, 0);
	return lag;
}

void ledger_follower_release(struct pg *target, uint64_t job, uint64_t attempt)
{
	/* the attempt stays: what is still on its way to the loader is to be committed */
	pg_run(target,
		"UPDATE ferry.follower SET lease_until = clock_timestamp()"
		" WHERE job_id = $1 AND worker = $2 AND attempt = $3",
		ledger_u64(job), ledger_worker(), ledger_u64(attempt));
}

/* The lease stays: the pipeline may be the same, and start its stages anew. */
static void fail(struct pg *target, uint64_t job, const char *worker, uint64_t attempt,
	const char *error, const char *level)
{
	pg_run(target, fail_sql, ledger_u64(job), worker, ledger_u64(attempt), error, level);
}

void ledger_follower_fail(
	struct pg *target, uint64_t job, uint64_t attempt, const char *error, bool for_good)
{
	fail(target, job, ledger_worker(), attempt, error, for_good ? "CRITICAL" : "WARNING");
	ledger_follower_release(target, job, attempt);
}

/* ---- in the loader's transaction ------------------------------------------------------------- */

bool ledger_follow_hold(struct pg *target, const struct ledger_facts *f)
{
	AUTO_FREE char *worker = mem_sldup(f->follow.worker);

	return pg_knows(target,
		"SELECT FROM ferry.follower WHERE job_id = $1 AND kind = $2 AND worker = $3"
		" AND attempt = $4 FOR NO KEY UPDATE",
		ledger_u64(f->job), ledger_follow_text(f->follow.kind), worker,
		ledger_u64(f->follow.attempt));
}

#define ERASED "pg_temp.ferry_erased"

static void put_erased(struct pg *target, uint64_t job, struct spool *erased)
{
	struct sl line;

	if (!pg_is_yes(pg_query(target, "SELECT to_regclass('" ERASED "') IS NOT NULL", 0, NULL)))
		pg_exec(target, "CREATE TEMP TABLE ferry_erased (ship text COLLATE \"C\","
				" at timestamp) ON COMMIT DELETE ROWS");
	if (!pg_copy_in(target, "COPY " ERASED " FROM STDIN"))
		pg_die(target, "cannot clear cells");
	spool_rewind(erased);
	while (spool_next(erased, &line))
		pg_copy_put(target, line);
	if (!pg_copy_end(target, NULL))
		pg_die(target, "cannot clear cells");
	pg_clear(ledger_ask(target, erased_sql, job));
}

void ledger_follow_advance(struct pg *target, const struct ledger_facts *f, struct spool *erased)
{
	AUTO_FREE char *upto = mem_sldup(f->follow.upto);
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = NULL;

	ledger_put_ships(&ships, f);
	r = pg_ask(target, advance_sql, ledger_u64(f->job), upto, str_z(&ships),
		ledger_time(f->follow.commit), ledger_interval(LEDGER_LEASE));
	if (pg_affected(r) != 1)
		bug("no follower to advance");
	if (erased->n > 0)
		put_erased(target, f->job, erased);
	if (f->follow.truncated)
		put_in_doubt(target, f->job, "CRITICAL",
			f->follow.truncated == LEDGER_TRUNCATED
				? "the source table was truncated"
				: "rows came of a partition that is gone by now",
			"its rows stay in the wide tables until validate --repair --delete");
}

void ledger_follow_fail(struct pg *target, const struct ledger_facts *f, const char *error)
{
	AUTO_FREE char *worker = mem_sldup(f->follow.worker);

	fail(target, f->job, worker, f->follow.attempt, error, "WARNING");
}
