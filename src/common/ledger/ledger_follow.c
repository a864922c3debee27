#include "ledger/ledger_follow.h"

#include "core/kp.h"
#include "core/stop.h"
#include "ledger/ledger_follow.sql.h"
#include "ledger/ledger_internal.h"

/* ---- the follower ---------------------------------------------------------------------------- */

static void take_follower(const struct pg_result *r, struct ledger_follower *f, struct arena *a)
{
	*f = (struct ledger_follower){ .kind = sl_eq_str(pg_value(r, 0, 0), "slot")
						       ? LEDGER_FOLLOW_SLOT
						       : LEDGER_FOLLOW_POLL,
		.slot = ledger_get_text(r, 0, 1, a),
		.publication = ledger_get_text(r, 0, 2, a),
		.worker = ledger_get_text(r, 0, 3, a),
		.upto = ledger_get_text(r, 0, 4, a),
		.attempt = pg_count(r, 0, 5) };
}

bool ledger_follower_get(
	struct pg *target, uint64_t job, struct ledger_follower *out, struct arena *a)
{
	AUTO_RESULT *r = ledger_ask(target, follower_sql, job);

	if (pg_rows(r) > 0)
		take_follower(r, out, a);
	return pg_rows(r) > 0;
}

bool ledger_follower_reads(struct pg *target, uint64_t job, const char *slot)
{
	return pg_knows(target, reads_sql, ledger_u64(job), slot);
}

/* All of the job is; the event also says what to do. */
static void put_in_doubt(
	struct pg *target, uint64_t job, const char *level, const char *why, const char *next)
{
	pg_run(target, doubt_sql, ledger_u64(job), why, level, next);
}

#define SET_UP_LOCK "hashtextextended('ferry.follow', $1::bigint)"

void ledger_follower_want_slot(struct pg *target, uint64_t job)
{
	/* asked in this order: who has just ended has made it */
	bool free = pg_knows(
		target, "SELECT pg_try_advisory_xact_lock(" SET_UP_LOCK ")", ledger_u64(job));

	if (pg_knows(target, unmade_sql, ledger_u64(job)))
		die_hint(free ? EX_NOINPUT_ : EX_BUSY,
			"pg-wide-ledger follow makes it, unless that is at work",
			"job %llu has no slot yet", (unsigned long long)job);
}

void ledger_follower_begin(
	struct pg *target, uint64_t job, const char *slot, const char *publication)
{
	/* until the session ends: so others know whether anybody is still at it */
	pg_run(target, "SELECT pg_advisory_lock_shared(" SET_UP_LOCK ")", ledger_u64(job));
	if (!pg_knows(target, name_sql, ledger_u64(job), slot, publication))
		pg_run(target, start_sql, ledger_u64(job), ledger_follow_kinds[LEDGER_FOLLOW_SLOT],
			slot, publication, LEDGER_FOLLOW_BEGUN);
}

void ledger_follower_forget(struct pg *target, uint64_t job, const char *slot)
{
	pg_run(target, forget_slot_sql, ledger_u64(job), slot);
}

bool ledger_follower_may_set(struct pg *target, uint64_t job)
{
	pg_exec(target, "BEGIN");
	if (pg_knows(target, "SELECT FROM ferry.job WHERE job_id = $1 FOR KEY SHARE",
		    ledger_u64(job)))
		return true;
	pg_exec(target, "ROLLBACK");
	return false;
}

void ledger_follower_set(struct pg *target, uint64_t job, enum ledger_follow_kind kind,
	const char *slot, const char *publication, const char *point, const char *doubt)
{
	pg_run(target, start_sql, ledger_u64(job), ledger_follow_kinds[kind], slot, publication,
		point);
	KP("follower_set");
	if (!doubt && pg_knows(target, begun_sql, ledger_u64(job)))
		doubt = "rows may have come late for chunks that were done before";
	if (doubt)
		put_in_doubt(target, job, "WARNING", doubt,
			"validate --repair tells what is missing");
	pg_exec(target, "COMMIT");
}

void ledger_follower_drop(struct pg *target, uint64_t job)
{
	pg_run(target, drop_sql, ledger_u64(job));
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
static bool try_become(const struct ledger_part *of, enum ledger_follow_kind kind,
	struct ledger_follower *out, struct arena *a)
{
	struct ledger_follower now;
	AUTO_ARENA arena = { 0 };
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = NULL;

	if (!ledger_follower_get(of->target, of->job, &now, &arena) || now.kind != kind)
		lacks(of->job, kind);
	r = pg_ask(of->target, claim_sql, ledger_u64(of->job), ledger_worker(),
		ledger_follow_kinds[kind], ledger_interval(LEDGER_LEASE),
		ledger_worker_is_dead(sl_of(now.worker)) ? now.worker : NULL,
		ledger_array(&ships, of->only, of->n_only));
	if (pg_rows(r) == 0)
		return false;
	take_follower(r, out, a);
	return true;
}

void ledger_follower_become(const struct ledger_part *of, enum ledger_follow_kind kind,
	bool standby, struct ledger_follower *out, struct arena *a)
{
	unsigned long long job = of->job;

	for (bool said = false; !try_become(of, kind, out, a); said = true) {
		ledger_follower_want_slot(of->target, job);
		if (!standby)
			die_hint(EX_BUSY,
				"it ends with its process, or two minutes after it was last seen",
				"another follower of job %llu is at work", job);
		if (!said)
			msg_note("another follower of job %llu is at work: this one waits for its "
				 "end",
				job);
		stop_check();
		clock_sleep(CLOCK_US_PER_SEC);
	}
	/* from here on our own loader holds the row, for as long as a chunk takes */
	pg_set(of->target, "lock_timeout", "0");
}

bool ledger_follower_upto(struct pg *target, uint64_t job, uint64_t attempt, struct str *upto)
{
	AUTO_RESULT *r = pg_ask(
		target, upto_sql, ledger_u64(job), ledger_worker(), ledger_u64(attempt));

	if (pg_rows(r) > 0)
		str_add(upto, pg_value(r, 0, 0));
	return pg_rows(r) > 0;
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

	return pg_rows(r) > 0 ? (int64_t)pg_count(r, 0, 0) : 0;
}

void ledger_follower_release(struct pg *target, uint64_t job, uint64_t attempt)
{
	/* the attempt stays: what is still on its way to the loader is to be committed */
	pg_run(target, release_sql, ledger_u64(job), ledger_worker(), ledger_u64(attempt));
}

/* The lease stays: the pipeline may be the same, and start its stages anew. */
static void fail(struct pg *target, uint64_t job, const char *worker, uint64_t attempt,
	const char *error, int code)
{
	AUTO_STR text = { 0 };

	pg_run(target, fail_sql, ledger_u64(job), worker, ledger_u64(attempt),
		ledger_storable(target, &text, error),
		code == EX_CONFIGURATION ? "CRITICAL" : "WARNING",
		code == EX_CONFIGURATION || code == EX_NOINPUT_ ? "t" : "f");
}

void ledger_follower_fail(
	struct pg *target, uint64_t job, uint64_t attempt, const char *error, int code)
{
	fail(target, job, ledger_worker(), attempt, error, code);
	ledger_follower_release(target, job, attempt);
}

/* ---- in the loader's transaction ------------------------------------------------------------- */

bool ledger_follow_hold(struct pg *target, const struct ledger_facts *f)
{
	AUTO_FREE char *worker = mem_sldup(f->follow.worker);

	return pg_knows(target, hold_sql, ledger_u64(f->job), ledger_follow_kinds[f->follow.kind],
		worker, ledger_u64(f->follow.attempt));
}

#define ERASED "pg_temp.ferry_erased"

static void put_erased(struct pg *target, uint64_t job, struct spool *erased, bool rows)
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
	pg_run(target, erased_sql, ledger_u64(job), rows ? "t" : "f");
}

void ledger_follow_advance(
	struct pg *target, const struct ledger_facts *f, struct spool *erased, bool rows)
{
	AUTO_FREE char *upto = mem_sldup(f->follow.upto);
	AUTO_STR ships = { 0 };
	AUTO_RESULT *r = NULL;

	ledger_put_ships(&ships, f, true);
	r = pg_ask(target, advance_sql, ledger_u64(f->job), upto, str_z(&ships),
		ledger_time(f->follow.commit), ledger_interval(LEDGER_LEASE));
	if (pg_affected(r) != 1)
		bug("no follower to advance");
	if (erased->n > 0)
		put_erased(target, f->job, erased, rows);
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

	fail(target, f->job, worker, f->follow.attempt, error, EX_TEMP);
}

/* ---- what feeds it, and doubts --------------------------------------------------------------- */

void ledger_feeds_get(struct pg *target, uint64_t job, struct ledger_feeds *out, struct arena *a)
{
	AUTO_RESULT *r = ledger_ask(target, feeds_sql, job);
	AUTO_RESULT *follower = ledger_ask(target, feeds_seen_sql, job);

	*out = (struct ledger_feeds){ .n = pg_rows(r) };
	out->feed = arena_alloc(a, mem_mul(out->n + 1, sizeof *out->feed));
	for (size_t i = 0; i < out->n; i++)
		out->feed[i] = (struct ledger_feed){ .relation = pg_count(r, i, 0),
			.file = pg_count(r, i, 1),
			.name = arena_dup(a, pg_value(r, i, 2)),
			.stamp = arena_dup(a, pg_value(r, i, 3)),
			.covered = pg_true(r, i, 4) };
	if (pg_rows(follower) > 0) {
		out->publication = pg_count(follower, 0, 0);
		out->changes = pg_count(follower, 0, 1);
		out->gap = arena_dup(a, pg_value(follower, 0, 2));
	}
}

static void put_feeds(struct str *s, const struct ledger_feeds *f)
{
	str_addc(s, '[');
	for (size_t i = 0; i < f->n; i++) {
		const struct ledger_feed *v = &f->feed[i];

		str_addf(s, "%s{\"relation\":%llu,\"file\":%llu,\"covered\":%s,\"name\":",
			i ? "," : "", (unsigned long long)v->relation,
			(unsigned long long)v->file, v->covered ? "true" : "false");
		str_add_json(s, v->name);
		str_add_member(s, "stamp", v->stamp);
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

void ledger_feeds_set(struct pg *target, uint64_t job, const struct ledger_feeds *f)
{
	AUTO_STR feeds = { 0 }, json = { 0 }, gap = { 0 };

	put_feeds(&feeds, f);
	encoding_add_storable(pg_stores(target), &json, str_sl(&feeds));
	encoding_add_storable(pg_stores(target), &gap, f->gap);
	pg_run(target, "DELETE FROM ferry.feed WHERE job_id = $1", ledger_u64(job));
	pg_run(target, feed_sql, ledger_u64(job), str_z(&json));
	pg_run(target, see_feeds_sql, ledger_u64(job), ledger_u64(f->publication),
		ledger_u64(f->changes), gap.n > 0 ? str_z(&gap) : NULL);
}

void ledger_doubt_add(
	struct pg *target, uint64_t job, uint64_t relation, bool held, const char *why)
{
	AUTO_STR text = { 0 };

	pg_run(target, doubt_add_sql, ledger_u64(job), ledger_storable(target, &text, why),
		relation ? ledger_u64(relation) : NULL,
		held ? "t" : "f");
}

size_t ledger_doubts_held(
	struct pg *target, uint64_t job, struct arena *a, struct ledger_held **out)
{
	AUTO_RESULT *r = ledger_ask(target, doubts_held_sql, job);
	size_t n = pg_rows(r);

	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct ledger_held){ .id = pg_count(r, i, 0),
			.relation = pg_count(r, i, 1),
			.why = arena_dup(a, pg_value(r, i, 2)) };
	return n;
}

bool ledger_doubt_ship(
	struct pg *target, uint64_t job, enum ledger_level level, struct sl ship, const char *why)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_STR text = { 0 };
	AUTO_RESULT *r = pg_ask(target, doubt_ship_sql, ledger_u64(job), name,
		ledger_storable(target, &text, why), ledger_levels[level]);

	return pg_affected(r) > 0;
}

bool ledger_had_rows(struct pg *target, uint64_t job, struct sl ship, const struct names *channels,
	bool live)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_STR list = { 0 };

	return pg_knows(target, live ? had_live_sql : had_rows_sql, ledger_u64(job), name,
		ledger_array(&list, channels->name, channels->n));
}

void ledger_doubt_release(struct pg *target, uint64_t id, const char *from, const char *to)
{
	pg_run(target, doubt_release_sql, ledger_u64(id), from, to);
}
