#include "ledger/ledger_progress.h"

#include "core/hash.h"
#include "ledger/ledger_internal.h"
#include "ledger/ledger_live.h"
#include "ledger/ledger_progress.sql.h"

struct progress {
	struct pg *target;
	uint64_t job;
	const struct sl *only;
	size_t n_only;
	bool begun;
	struct names told; /* chunks of the last look */
	struct ledger_status now, before;
	struct ledger_live live;
};

static void say_chunk(const struct pg_result *r, size_t i)
{
	double s = (double)pg_count(r, i, 5) / 1e6;
	uint64_t rows = pg_count(r, i, 3);

	msg_note("ship %s, chunk %s to %s: %llu rows, %llu wide, %.0f rows/s",
		msg_q(pg_value(r, i, 0)), pg_valuez(r, i, 1), pg_valuez(r, i, 2),
		(unsigned long long)rows, (unsigned long long)pg_count(r, i, 4),
		s > 0 ? (double)rows / s : 0.0);
}

static void say_chunks(struct progress *p)
{
	struct ledger_text number;
	AUTO_STR ships = { 0 }, name = { 0 };
	struct names seen = { 0 };
	AUTO_RESULT *r = pg_query(p->target, tail_sql, 2,
		(const char *[]){
			ledger_u64(&number, p->job), ledger_array(&ships, p->only, p->n_only)});

	for (size_t i = 0; i < pg_rows(r); i++) {
		str_clear(&name);
		str_addf(&name, "%s %s ", pg_valuez(r, i, 6), pg_valuez(r, i, 1));
		str_add(&name, pg_value(r, i, 0));
		(void)names_add(&seen, str_sl(&name), NULL);
		if (p->begun && names_find(&p->told, str_sl(&name)) == NAMES_NONE)
			say_chunk(r, i);
	}
	names_free(&p->told);
	p->told = seen;
	p->begun = true;
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

	if (now->pending + now->running == 0 && now->rows == p->before.rows)
		return;
	msg_note("%llu of %llu chunks done, %llu at work, %llu failed, %llu rows, %.0f rows/s",
		(unsigned long long)now->done, (unsigned long long)all,
		(unsigned long long)now->running, (unsigned long long)now->failed,
		(unsigned long long)now->rows, pace_of(now->rows, p->before.rows, s));
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
	struct arena arena = { 0 };

	p->now = ledger_total(p->target, p->job, p->only, p->n_only);
	ledger_live_get(p->target, p->job, &p->live, &arena);
	arena_free(&arena); /* of its texts nothing is said */
}

void ledger_progress(struct pg *target, uint64_t job, const struct sl *only, size_t n_only,
	int64_t every_us, bool (*go_on)(void))
{
	struct progress p = { .target = target, .job = job, .only = only, .n_only = n_only };

	say_chunks(&p);
	look(&p);
	while (go_on() && (p.now.pending + p.now.running > 0 || p.live.alive)) {
		int64_t began = clock_monotonic();

		p.before = p.now;
		clock_sleep(every_us);
		say_chunks(&p);
		look(&p);
		say_totals(&p, (double)(clock_monotonic() - began + 1) / 1e6);
		say_live(&p, (double)(clock_monotonic() - began + 1) / 1e6);
	}
	names_free(&p.told);
}
