#include "ledger/ledger_live.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_live.sql.h"

/*
 * A follower with nothing to do says so every ten seconds; one that is silent for longer may have
 * lost touch, and the target is then as old as its last word.
 */
#define SILENCE_MAX (INT64_C(15) * CLOCK_US_PER_SEC)

static int64_t get_known(const struct pg_result *r, size_t row, int col)
{
	return pg_is_null(r, row, col) ? -1 : (int64_t)pg_count(r, row, col);
}

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
		.up_us = get_known(r, 0, 12),
		.wal_status = arena_dup(a, pg_value(r, 0, 13)),
		.upto = arena_dup(a, pg_value(r, 0, 14)),
		.error = arena_dup(a, pg_value(r, 0, 15)),
		.doubts = pg_count(r, 0, 16),
		.delay_us = get_known(r, 0, 17),
		.held_bytes = get_known(r, 0, 18),
		.gap = arena_dup(a, pg_value(r, 0, 19)).p,
		.unseen_us = get_known(r, 0, 20) };
	l->lag_us = l->silent_us < 0 || l->silent_us > SILENCE_MAX ? l->silent_us : l->delay_us;
}

void ledger_live_get(struct pg *target, uint64_t job, struct ledger_live *out, struct arena *a)
{
	AUTO_RESULT *r = NULL;

	*out = (struct ledger_live){ .any = false };
	if (!ledger_has_table(target, "doubt"))
		return;
	r = ledger_ask(target, live_sql, job);
	if (pg_rows(r) > 0)
		take_live(r, out, a);
}

uint64_t ledger_live_turns(struct pg *target, uint64_t job)
{
	AUTO_RESULT *r = ledger_ask(target,
		"SELECT sum(chunks) FROM ferry.follower WHERE job_id = $1", job);

	return pg_count(r, 0, 0);
}

bool ledger_live_has(struct pg *target, uint64_t job, const char *lsn)
{
	return pg_knows(target,
		"SELECT bool_and(upto::pg_lsn >= $2::pg_lsn) FROM ferry.follower"
		" WHERE job_id = $1",
		ledger_u64(job), lsn);
}

struct ledger_live_ship *ledger_live_ships(struct pg *target, uint64_t job, const struct sl *only,
	size_t n_only, struct arena *a, size_t *n_out)
{
	struct ledger_live_ship *list;
	AUTO_RESULT *r = NULL;

	*n_out = 0;
	if (!ledger_has_table(target, "follow_ship"))
		return NULL;
	r = ledger_ask_ships(target, ships_sql, job, only, n_only);
	*n_out = pg_rows(r);
	list = arena_alloc(a, mem_mul(*n_out + 1, sizeof *list));
	for (size_t i = 0; i < *n_out; i++)
		list[i] = (struct ledger_live_ship){ .ship = arena_dup(a, pg_value(r, i, 0)),
			.rows = pg_count(r, i, 1),
			.cells = pg_count(r, i, 2),
			.wide_rows = pg_count(r, i, 3),
			.deleted = pg_count(r, i, 4),
			.rejects = pg_count(r, i, 5),
			.first = ledger_get_time(r, i, 6),
			.last = ledger_get_time(r, i, 7),
			.delay_us = get_known(r, i, 8),
			.waits = pg_true(r, i, 9) };
	return list;
}

const char *ledger_live_guarantee(const struct ledger_live *live)
{
	if (!live->any)
		return NULL;
	if (*live->gap)
		return live->gap;
	if (live->slot && live->rejects)
		return live->doubts
			? N_("slot: nothing that was committed is lost but what was rejected, once "
			     "what is in doubt is compared; ferry.reject has it")
			: N_("slot: nothing that was committed is lost but what was rejected; "
			     "ferry.reject has it");
	if (live->slot)
		return live->doubts
			? N_("slot: nothing that was committed is lost, whenever and for "
			     "whatever time, once what is in doubt is compared")
			: N_("slot: nothing that was committed is lost, whenever and for "
			     "whatever time");
	return live->doubts
		? N_("poll: rows older than the window wait for the next comparison of both "
		     "sides, and so does what is in doubt")
		: N_("poll: rows older than the window wait for the next comparison of both "
		     "sides");
}
