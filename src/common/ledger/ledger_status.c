#include "ledger/ledger_report.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_status.sql.h"

#define COUNTS ((int)ARRAY_LEN(((struct ledger_status *)0)->count))

static int64_t get_known(const struct pg_result *r, size_t row, int col)
{
	return pg_is_null(r, row, col) ? -1 : (int64_t)pg_count(r, row, col);
}

struct ledger_status *ledger_status(const struct ledger_part *of, struct arena *a, size_t *n_out)
{
	AUTO_RESULT *r = ledger_ask_part(of, status_sql);
	struct ledger_status *list = arena_alloc(a, mem_mul(pg_rows(r) + 1, sizeof *list));

	*n_out = pg_rows(r);
	for (size_t i = 0; i < *n_out; i++) {
		list[i] = (struct ledger_status){ .ship = arena_dup(a, pg_value(r, i, 0)),
			.first = ledger_get_time(r, i, COUNTS + 1),
			.last = ledger_get_time(r, i, COUNTS + 2),
			.busy_us = (int64_t)pg_count(r, i, COUNTS + 3),
			.last_error = arena_dup(a, pg_value(r, i, COUNTS + 4)),
			.live_last = ledger_get_time(r, i, COUNTS + 5),
			.delay_us = get_known(r, i, COUNTS + 6),
			.waits = pg_true(r, i, COUNTS + 7),
			.away = pg_true(r, i, COUNTS + 8) };
		for (int k = 0; k < COUNTS; k++)
			list[i].count[k] = pg_count(r, i, k + 1);
	}
	return list;
}

struct ledger_status ledger_sum(const struct ledger_status *list, size_t n)
{
	struct ledger_status sum = { .first = LEDGER_NO_TIME,
		.last = LEDGER_NO_TIME,
		.live_last = LEDGER_NO_TIME,
		.delay_us = -1,
		.away = n > 0 };

	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < COUNTS; k++)
			sum.count[k] += list[i].count[k];
		sum.waits |= list[i].waits;
		sum.away &= list[i].away;
		sum.busy_us += list[i].busy_us;
		if (sum.first == LEDGER_NO_TIME ||
			(list[i].first != LEDGER_NO_TIME && list[i].first < sum.first))
			sum.first = list[i].first;
		if (list[i].last > sum.last)
			sum.last = list[i].last;
		if (list[i].live_last > sum.live_last)
			sum.live_last = list[i].live_last;
		if (list[i].delay_us > sum.delay_us)
			sum.delay_us = list[i].delay_us;
	}
	return sum;
}

struct ledger_status ledger_total(const struct ledger_part *of)
{
	AUTO_ARENA arena = { 0 };
	size_t n;
	struct ledger_status *list = ledger_status(of, &arena, &n);

	return ledger_sum(list, n);
}

struct ledger_pace ledger_pace(const struct ledger_part *of, const struct ledger_status *total)
{
	AUTO_RESULT *r = ledger_ask_part(of, pace_sql);
	uint64_t left = total->pending + total->running;
	double rows = (double)pg_count(r, 0, 0), cells = (double)pg_count(r, 0, 1);
	double chunks = (double)pg_count(r, 0, 2), us = (double)pg_count(r, 0, 3);
	struct ledger_pace pace = { .eta_us = left ? -1 : 0 };

	if (chunks == 0)
		return pace;
	pace.rows_per_s = rows * 1e6 / us;
	pace.bytes_per_s = (double)pg_count(r, 0, 4) * 1e6 / us;
	pace.cells_per_s = cells * 1e6 / us;
	if (left > 0 && rows > 0 && total->rows > 0)
		pace.eta_us = (int64_t)((double)left * (double)total->rows / (double)total->done *
					us / rows);
	else if (left > 0)
		pace.eta_us = (int64_t)((double)left * us / chunks);
	return pace;
}

size_t ledger_done_chunks(struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to,
	struct arena *a, struct ledger_done **out)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_RESULT *r = pg_ask(target, done_chunks_sql, ledger_u64(job), name, ledger_time(from),
		ledger_time(to));
	size_t n = pg_rows(r);

	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct ledger_done){ ledger_get_time(r, i, 0),
			ledger_get_time(r, i, 1), pg_count(r, i, 2) };
	return n;
}

void ledger_recount(struct pg *target, uint64_t job, const struct ledger_recount *c)
{
	AUTO_FREE char *ship = mem_sldup(c->ship);

	/* the digest was of what was read then */
	pg_run(target, recount_sql, ledger_u64(job), ship, ledger_time(c->from), ledger_time(c->to),
		ledger_u64(c->rows), ledger_u64(c->cells), ledger_u64(c->dropped),
		ledger_u64(c->wide_rows), c->whole ? "t" : "f", ledger_time(c->first),
		ledger_time(c->last), ledger_u64(c->left_out));
}

void ledger_late_rejects(struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to,
	uint64_t bad)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_STR text = { 0 };
	AUTO_RESULT *r = pg_ask(target, late_rejects_sql, ledger_u64(job), name, ledger_time(from),
		ledger_time(to), ledger_u64(bad));

	if (pg_affected(r) == 0)
		return;
	str_addf(&text, "%llu rows cannot be carried over, some of which came when this was done",
		(unsigned long long)bad);
	ledger_event(target, LEDGER_WARNING, job, ship, from, str_z(&text));
}

uint64_t ledger_retry(struct pg *target, uint64_t job, struct sl ship)
{
	AUTO_FREE char *name = ship.n > 0 ? mem_sldup(ship) : NULL;
	AUTO_RESULT *r = pg_ask(target, retry_sql, ledger_u64(job), name);

	return pg_affected(r);
}

void ledger_forget(struct pg *target, const char *schema, const char *prefix, const char *table,
	struct sl ship)
{
	static const char *const of_ship[] = { forget_chunks_sql, forget_rejects_sql,
		forget_events_sql, forget_live_sql, forget_doubts_sql, forgotten_sql };
	AUTO_FREE char *name = mem_sldup(ship);

	pg_exec(target, "BEGIN");
	if (ship.n == 0)
		pg_run(target, forget_jobs_sql, schema, prefix, table);
	for (size_t i = 0; ship.n > 0 && i < ARRAY_LEN(of_ship); i++)
		pg_run(target, of_ship[i], schema, prefix, name);
	pg_exec(target, "COMMIT");
}

/* ---- live ------------------------------------------------------------------------------------ */

/*
 * A follower with nothing to do says so every ten seconds; one that is silent for longer may have
 * lost touch, and the target is then as old as its last word.
 */
#define SILENCE_MAX (INT64_C(15) * CLOCK_US_PER_SEC)

static void take_live(const struct pg_result *r, struct ledger_live *l, struct arena *a)
{
	*l = (struct ledger_live){ .any = true,
		.slot = pg_true(r, 0, 0),
		.alive = pg_true(r, 0, 1),
		.rows = pg_count(r, 0, 2),
		.cells = pg_count(r, 0, 3),
		.wide_rows = pg_count(r, 0, 4),
		.deleted = pg_count(r, 0, 5),
		.rejects = pg_count(r, 0, 6),
		.chunks = pg_count(r, 0, 7),
		.newest_commit = ledger_get_time(r, 0, 8),
		.silent_us = get_known(r, 0, 9),
		.lag_bytes = get_known(r, 0, 10),
		.safe_wal_bytes = get_known(r, 0, 11),
		.wal_status = arena_dup(a, pg_value(r, 0, 12)),
		.upto = arena_dup(a, pg_value(r, 0, 13)),
		.error = arena_dup(a, pg_value(r, 0, 14)),
		.doubts = pg_count(r, 0, 15),
		.delay_us = get_known(r, 0, 16),
		.held_bytes = get_known(r, 0, 17),
		.gap = arena_dup(a, pg_value(r, 0, 18)).p,
		.unseen_us = get_known(r, 0, 19),
		.expected = pg_true(r, 0, 20) };
	l->lag_us = l->silent_us < 0 || l->silent_us > SILENCE_MAX ? l->silent_us : l->delay_us;
}

void ledger_live_get(struct pg *target, uint64_t job, struct ledger_live *out, struct arena *a)
{
	AUTO_RESULT *r = ledger_ask(target, live_sql, job);

	*out = (struct ledger_live){ .any = false };
	if (pg_rows(r) > 0)
		take_live(r, out, a);
}

bool ledger_live_had(struct pg *target, uint64_t job)
{
	return pg_knows(target,
		"SELECT true FROM ferry.follow_ship WHERE job_id = $1 AND ship <> '' LIMIT 1",
		ledger_u64(job));
}

uint64_t ledger_live_turns(struct pg *target, uint64_t job)
{
	AUTO_RESULT *r = ledger_ask(target, turns_sql, job);

	return pg_count(r, 0, 0);
}

bool ledger_live_has(struct pg *target, uint64_t job, const char *lsn)
{
	return pg_knows(target, live_has_sql, ledger_u64(job), lsn);
}
