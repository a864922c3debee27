#include "ledger/ledger_follow.h"

#include "core/kp.h"
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
	struct ledger_text number;

	pg_clear(pg_query(target, doubt_sql, 4,
		(const char *[]){ ledger_u64(&number, job), why, level, next }));
}

void ledger_follower_set(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	const char *slot, const char *publication, const char *point, const char *doubt)
{
	struct ledger_text number;

	pg_exec(target, "BEGIN");
	pg_clear(pg_query(target, start_sql, 5,
		(const char *[]){ ledger_u64(&number, job), ledger_follow_text(kind), slot,
			publication, point }));
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

void ledger_follower_become(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	struct ledger_follower *out, struct arena *a)
{
	struct ledger_text number, lease;
	struct ledger_follower now;
	AUTO_RESULT *r = NULL;

	if (!ledger_follower_get(target, job, &now, a) || now.kind != kind)
		lacks(job, kind);
	r = pg_query(target, claim_sql, 5,
		(const char *[]){ ledger_u64(&number, job), ledger_worker(),
			ledger_follow_text(kind), ledger_interval(&lease, LEDGER_LEASE),
			ledger_worker_is_dead(sl_of(now.worker)) ? now.worker : NULL });
	if (pg_rows(r) == 0)
		die_hint(EX_TEMP, "it ends with its process, or two minutes after it was last seen",
			"another follower of job %llu is at work", (unsigned long long)job);
	take_follower(r, out, a);
}

bool ledger_follower_upto(struct pg *target, uint64_t job, uint64_t attempt, struct str *upto)
{
	struct ledger_text number, which;
	AUTO_RESULT *r = pg_query(target,
		"SELECT upto FROM ferry.follower WHERE job_id = $1 AND worker = $2"
		" AND attempt = $3",
		3,
		(const char *[]){
			ledger_u64(&number, job), ledger_worker(), ledger_u64(&which, attempt) });
	bool ours = pg_rows(r) > 0;

	if (ours)
		str_add(upto, pg_value(r, 0, 0));
	return ours;
}

/* Passed over while a loader holds the row: the next one will do. */
void ledger_follower_watch(struct pg *target, uint64_t job, const struct ledger_watch *w)
{
	struct ledger_text number, lag, safe, held;

	pg_clear(pg_query(target, watch_sql, 6,
		(const char *[]){ ledger_u64(&number, job), ledger_worker(),
			w->lag_bytes < 0 ? NULL : ledger_u64(&lag, (uint64_t)w->lag_bytes),
			w->wal_status,
			w->safe_wal_bytes < 0
				? NULL
				: ledger_u64(&safe, (uint64_t)w->safe_wal_bytes),
			w->held_bytes < 0 ? NULL : ledger_u64(&held, (uint64_t)w->held_bytes) }));
}

void ledger_follower_held(
	struct pg *target, uint64_t job, int64_t held_bytes, const char *wal_status)
{
	struct ledger_text number, held;

	if (held_bytes >= 0)
		pg_clear(pg_query(target, held_sql, 3,
			(const char *[]){ ledger_u64(&number, job),
				ledger_u64(&held, (uint64_t)held_bytes), wal_status }));
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
	struct ledger_text number, which;

	/* the attempt stays: what is still on its way to the loader is to be committed */
	pg_clear(pg_query(target,
		"UPDATE ferry.follower SET lease_until = clock_timestamp()"
		" WHERE job_id = $1 AND worker = $2 AND attempt = $3",
		3,
		(const char *[]){
			ledger_u64(&number, job), ledger_worker(), ledger_u64(&which, attempt) }));
}

/* The lease stays: the pipeline may be the same, and start its stages anew. */
static void fail(struct pg *target, uint64_t job, const char *worker, uint64_t attempt,
	const char *error, const char *level)
{
	struct ledger_text number, which;

	pg_clear(pg_query(target, fail_sql, 5,
		(const char *[]){ ledger_u64(&number, job), worker, ledger_u64(&which, attempt),
			error, level }));
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
	struct ledger_text number, which;
	AUTO_FREE char *worker = mem_sldup(f->follow.worker);

	return pg_is_yes(pg_query(target,
		"SELECT FROM ferry.follower WHERE job_id = $1 AND kind = $2 AND worker = $3"
		" AND attempt = $4 FOR NO KEY UPDATE",
		4,
		(const char *[]){ ledger_u64(&number, f->job), ledger_follow_text(f->follow.kind),
			worker, ledger_u64(&which, f->follow.attempt) }));
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
	struct ledger_text number, commit, lease;
	AUTO_FREE char *upto = mem_sldup(f->follow.upto);
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = NULL;

	ledger_put_ships(&ships, f);
	r = pg_query(target, advance_sql, 5,
		(const char *[]){ ledger_u64(&number, f->job), upto, str_z(&ships),
			ledger_time(&commit, f->follow.commit),
			ledger_interval(&lease, LEDGER_LEASE) });
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
