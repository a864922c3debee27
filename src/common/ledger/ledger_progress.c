#include "ledger/ledger_progress.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_live.h"

struct progress {
	struct pg *target;
	uint64_t job;
	const struct sl *only;
	size_t n_only;
	struct ledger_status now, before;
	struct ledger_live live;
};

/* Appends which chunk was the last that was done. */
static void add_last(const struct progress *p, struct str *s)
{
	AUTO_RESULT *r = ledger_ask_ships(p->target,
		"SELECT ship, chunk_from, chunk_to FROM ferry.chunk WHERE job_id = $1"
		" AND state = 'done' AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))"
		" ORDER BY finished_at DESC NULLS LAST LIMIT 1",
		p->job, p->only, p->n_only);

	if (pg_rows(r) > 0)
		str_addf(s, tr("; last ship %s, %s to %s"), msg_q(pg_value(r, 0, 0)),
			pg_valuez(r, 0, 1), pg_valuez(r, 0, 2));
}

/* Less than before: it was rolled back meanwhile. */
static double pace_of(uint64_t now, uint64_t before, double s)
{
	return now > before ? (double)(now - before) / s : 0.0;
}

static void say_totals(const struct progress *p, double s)
{
	const struct ledger_status *now = &p->now;
	uint64_t all = now->done + now->failed + now->pending + now->running;
	AUTO_STR last = { 0 };

	if (now->pending + now->running == 0 && now->rows == p->before.rows)
		return;
	add_last(p, &last);
	msg_note("%llu of %llu chunks done, %llu at work, %llu failed, %llu rows, %.0f rows/s%s",
		(unsigned long long)now->done, (unsigned long long)all,
		(unsigned long long)now->running, (unsigned long long)now->failed,
		(unsigned long long)now->rows, pace_of(now->rows, p->before.rows, s),
		str_z(&last));
}

static void say_live(const struct progress *p, double s)
{
	const struct ledger_live *l = &p->live;
	double came = pace_of(p->now.live_rows, p->before.live_rows, s);

	if (!l->any || (!l->alive && came <= 0))
		return;
	msg_note("live: %llu rows, %.0f rows/s, %.3f s behind%s",
		(unsigned long long)p->now.live_rows, came,
		l->lag_us < 0 ? 0.0 : (double)l->lag_us / 1e6, l->alive ? "" : "; nobody follows");
}

static void look(struct progress *p)
{
	AUTO_ARENA arena = { 0 }; /* of its texts nothing is said */

	p->now = ledger_total(p->target, p->job, p->only, p->n_only);
	ledger_live_get(p->target, p->job, &p->live, &arena);
}

void ledger_progress(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	int64_t every_us, bool (*go_on)(void))
{
	struct progress p = { .target = target, .job = job, .only = only, .n_only = n_only };

	look(&p);
	while (go_on() && (p.now.pending + p.now.running > 0 || p.live.alive)) {
		int64_t began = clock_monotonic();

		p.before = p.now;
		clock_sleep(every_us);
		look(&p);
		say_totals(&p, (double)(clock_monotonic() - began + 1) / 1e6);
		say_live(&p, (double)(clock_monotonic() - began + 1) / 1e6);
	}
}
