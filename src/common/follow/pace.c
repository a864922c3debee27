#include "follow/pace.h"

#include "core/clock.h"
#include "core/msg.h"
#include "core/stop.h"

#define SLOW_ANSWER (CLOCK_US_PER_SEC / 10)
#define MAX_LAG (INT64_C(30) * CLOCK_US_PER_SEC)
#define FIRST_SHARE 16 /* of a chunk that nothing is known of */
#define MIN_SPAN CLOCK_US_PER_SEC

static bool source_is_slow(struct pace *p)
{
	int64_t began = clock_monotonic();

	pg_exec(p->source, "SELECT 1");
	return clock_monotonic() - began > SLOW_ANSWER;
}

void pace_wait(struct pace *p)
{
	int64_t began = clock_monotonic();
	const char *why = NULL;

	while (p->wanted && !stop_asked() && clock_monotonic() - began < 4 * p->wanted) {
		const char *now = NULL;

		if (source_is_slow(p))
			now = "the source is slow to answer";
		else if (ledger_lag(p->target, p->job) > MAX_LAG + 2 * p->interval)
			now = "what is live is behind";
		if (!now)
			break;
		if (!why)
			msg_note("the past waits: %s", now);
		why = now;
		clock_sleep(CLOCK_US_PER_SEC);
	}
}

/* Whole hours, minutes or seconds, so that borders stay where people expect them. */
static int64_t grid_of(int64_t span)
{
	static const int64_t grid[] = { INT64_C(3600) * CLOCK_US_PER_SEC,
		INT64_C(60) * CLOCK_US_PER_SEC };

	for (size_t i = 0; i < ARRAY_LEN(grid); i++)
		if (span >= grid[i])
			return grid[i];
	return CLOCK_US_PER_SEC;
}

void pace_begin(struct pace *p, struct ledger_claim *claim)
{
	int64_t span = p->span ? p->span : (claim->to - claim->from) / FIRST_SHARE, to;

	p->began = clock_monotonic();
	if (!p->wanted)
		return;
	if (span < MIN_SPAN)
		span = MIN_SPAN;
	to = clock_floor(claim->from + span, grid_of(span));
	/* a rest of less than half as much is not worth a chunk */
	if (to <= claim->from || to + span / 2 >= claim->to)
		return;
	if (ledger_split(p->target, claim, to))
		claim->to = to;
}

void pace_end(struct pace *p, const struct ledger_claim *claim)
{
	int64_t took = clock_monotonic() - p->began, span = claim->to - claim->from;
	double factor = (double)p->wanted / (double)(took > 1000 ? took : 1000);

	/* four times at most: the next one may hold more */
	if (p->wanted)
		p->span = (int64_t)((double)span * (factor > 4 ? 4 : factor)) + 1;
}
