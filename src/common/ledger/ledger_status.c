#include "ledger/ledger_internal.h"
#include "ledger/ledger_live.h"
#include "ledger/ledger_status.sql.h"

static const struct ledger_status nothing = { .first = LEDGER_NO_TIME,
	.last = LEDGER_NO_TIME,
	.live_last = LEDGER_NO_TIME,
	.delay_us = -1 };

static void take_status(
	const struct pg_result *r, size_t row, struct ledger_status *s, struct arena *a)
{
	*s = (struct ledger_status){
		.ship = arena_dup(a, pg_value(r, row, 0)),
		.done = pg_count(r, row, 1),
		.running = pg_count(r, row, 2),
		.pending = pg_count(r, row, 3),
		.failed = pg_count(r, row, 4),
		.rows = pg_count(r, row, 5),
		.cells = pg_count(r, row, 6),
		.wide_rows = pg_count(r, row, 7),
		.dropped = pg_count(r, row, 8),
		.rejects = pg_count(r, row, 9),
		.first = ledger_get_time(r, row, 10),
		.last = ledger_get_time(r, row, 11),
		.busy_us = (int64_t)pg_count(r, row, 12),
		.last_error = arena_dup(a, pg_value(r, row, 13)),
		.again = pg_count(r, row, 14),
		.live_last = LEDGER_NO_TIME,
		.delay_us = -1,
	};
}

static void add_live(struct ledger_status *s, const struct ledger_live_ship *l)
{
	s->live_rows += l->rows;
	s->live_cells += l->cells;
	s->live_wide_rows += l->wide_rows;
	s->live_deleted += l->deleted;
	s->rejects += l->rejects;
	s->waits = l->waits;
	if (l->last > s->live_last)
		s->live_last = l->last;
	if (l->delay_us > s->delay_us)
		s->delay_us = l->delay_us;
}

struct ledger_status *ledger_status(struct pg *target, uint64_t job, const struct sl *only,
	size_t n_only, struct arena *a, size_t *n_out)
{
	AUTO_RESULT *r = ledger_ask_ships(target, status_sql, job, only, n_only);
	size_t n = pg_rows(r), n_live, i = 0, k = 0;
	struct ledger_live_ship *live = ledger_live_ships(target, job, only, n_only, a, &n_live);
	struct ledger_status *list = arena_alloc(a, mem_mul(n + n_live + 1, sizeof *list));

	/* both are in order; a ship may have come live only */
	for (*n_out = 0; i < n || k < n_live; (*n_out)++) {
		struct ledger_status *s = &list[*n_out];
		int c = i == n ? 1 : k == n_live ? -1 : sl_cmp(pg_value(r, i, 0), live[k].ship);

		if (c <= 0)
			take_status(r, i++, s, a);
		else
			*s = nothing;
		if (c > 0)
			s->ship = live[k].ship;
		if (c >= 0)
			add_live(s, &live[k++]);
	}
	return list;
}

struct ledger_status ledger_sum(const struct ledger_status *list, size_t n)
{
	struct ledger_status sum = nothing;

	for (size_t i = 0; i < n; i++) {
		sum.done += list[i].done;
		sum.running += list[i].running;
		sum.pending += list[i].pending;
		sum.failed += list[i].failed;
		sum.again += list[i].again;
		sum.waits |= list[i].waits;
		sum.rows += list[i].rows;
		sum.cells += list[i].cells;
		sum.wide_rows += list[i].wide_rows;
		sum.dropped += list[i].dropped;
		sum.rejects += list[i].rejects;
		sum.busy_us += list[i].busy_us;
		if (sum.first == LEDGER_NO_TIME ||
			(list[i].first != LEDGER_NO_TIME && list[i].first < sum.first))
			sum.first = list[i].first;
		if (list[i].last > sum.last)
			sum.last = list[i].last;
		sum.live_rows += list[i].live_rows;
		sum.live_cells += list[i].live_cells;
		sum.live_wide_rows += list[i].live_wide_rows;
		sum.live_deleted += list[i].live_deleted;
		if (list[i].live_last > sum.live_last)
			sum.live_last = list[i].live_last;
		if (list[i].delay_us > sum.delay_us)
			sum.delay_us = list[i].delay_us;
	}
	return sum;
}

struct ledger_status ledger_total(
	struct pg *target, uint64_t job, const struct sl *only, size_t n_only)
{
	AUTO_ARENA arena = { 0 };
	size_t n;
	struct ledger_status *list = ledger_status(target, job, only, n_only, &arena, &n);

	return ledger_sum(list, n);
}

struct ledger_pace ledger_pace(struct pg *target, uint64_t job, const struct sl *only,
	size_t n_only, const struct ledger_status *total)
{
	AUTO_RESULT *r = ledger_ask_ships(target, pace_sql, job, only, n_only);
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

void ledger_recount(struct pg *target, uint64_t job, const struct ledger_recount *c)
{
	AUTO_FREE char *ship = mem_sldup(c->ship);

	/* the digest was of what was read then */
	pg_run(target, recount_sql, ledger_u64(job), ship, ledger_time(c->from), ledger_time(c->to),
		ledger_u64(c->rows), ledger_u64(c->cells), ledger_u64(c->dropped),
		ledger_u64(c->wide_rows), c->whole ? "t" : "f", ledger_time(c->first),
		ledger_time(c->last));
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
	AUTO_RESULT *r = pg_ask(target,
		"UPDATE ferry.chunk SET state = 'pending', failures = 0 WHERE job_id = $1"
		" AND state = 'failed' AND ($2::text IS NULL OR ship = $2)",
		ledger_u64(job), name);

	return pg_affected(r);
}

#define JOBS_OF_TARGET \
	"(SELECT job_id FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2)"

void ledger_forget(struct pg *target, const char *schema, const char *prefix, const char *table,
	struct sl ship)
{
	static const char *const of_ship[] = {
		"DELETE FROM ferry.chunk WHERE ship = $3 AND job_id IN " JOBS_OF_TARGET,
		"DELETE FROM ferry.reject WHERE ship = $3 AND job_id IN " JOBS_OF_TARGET,
		"DELETE FROM ferry.event WHERE ship = $3 AND job_id IN " JOBS_OF_TARGET,
		"DELETE FROM ferry.follow_ship WHERE ship = $3 AND job_id IN " JOBS_OF_TARGET,
		"DELETE FROM ferry.doubt WHERE ship = $3 AND job_id IN " JOBS_OF_TARGET,
		/* when rows of it come again, what it had before is missing */
		"INSERT INTO ferry.doubt (job_id, ship, why, held) SELECT job_id, $3,"
		" 'rolled back while it was followed', true FROM ferry.follower"
		" WHERE job_id IN " JOBS_OF_TARGET,
	};
	AUTO_FREE char *name = mem_sldup(ship);

	pg_exec(target, "BEGIN");
	if (ship.n == 0)
		pg_run(target,
			"DELETE FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2"
			" AND ($3::text IS NULL OR source_table = $3)",
			schema, prefix, table);
	for (size_t i = 0; ship.n > 0 && i < ARRAY_LEN(of_ship); i++)
		pg_run(target, of_ship[i], schema, prefix, name);
	pg_exec(target, "COMMIT");
}

const char *const ledger_levels[] = { "INFO", "WARNING", "CRITICAL" };

void ledger_event(struct pg *target, enum ledger_level level, uint64_t job, struct sl ship,
	int64_t chunk_from, const char *message)
{
	AUTO_FREE char *name = ship.n > 0 ? mem_sldup(ship) : NULL;

	pg_run(target,
		"INSERT INTO ferry.event (level, job_id, ship, chunk_from, message)"
		" VALUES ($1, $2, $3, $4, $5)",
		ledger_levels[level], job ? ledger_u64(job) : NULL, name, ledger_time(chunk_from),
		message);
}
