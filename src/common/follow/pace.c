#include "follow/pace.h"

#include "core/stats.h"
#include "core/stop.h"

#include <math.h>

#define SLOW_ANSWER (CLOCK_US_PER_SEC / 10)
#define MAX_LAG (INT64_C(30) * CLOCK_US_PER_SEC)
#define FIRST_SHARE 16 /* of a chunk that nothing is known of */
#define MIN_SPAN CLOCK_US_PER_SEC
#define LOOK_EVERY (5 * CLOCK_US_PER_SEC)
#define ROWS_MAX 256 /* between two looks at the clock */

static bool source_is_slow(struct pace *p)
{
	int64_t began = clock_monotonic();

	pg_exec(p->source, "SELECT 1");
	return clock_monotonic() - began > SLOW_ANSWER;
}

static int64_t wanted(const struct pace *p)
{
	return p->control.pace_us ? (int64_t)p->control.pace_us : p->wanted;
}

/* What keeps a chunk from being claimed, or NULL; after `waited` not every reason counts. */
static const char *why_wait(struct pace *p, int64_t waited)
{
	const char *why = NULL;

	ledger_control_get(p->target, p->job, &p->control);
	if (p->control.paused)
		why = N_("an operator has paused it");
	else if (!ledger_seat(p->target, p->job, p->control.workers, &p->seat))
		why = N_("as many as may work on it do");
	if (why)
		return ledger_claimable(&(struct ledger_part){ p->target, p->job, NULL, 0 })
			? why : NULL;
	if (waited >= 4 * wanted(p))
		return NULL;
	if (source_is_slow(p))
		return "the source is slow to answer";
	if (ledger_lag(p->target, p->job) > MAX_LAG + 2 * p->interval)
		return "what is live is behind";
	return NULL;
}

void pace_wait(struct pace *p)
{
	int64_t began = clock_monotonic(), said = 0;
	bool paused = false;

	while (!stop_asked()) {
		const char *now = why_wait(p, clock_monotonic() - began);

		if (!now)
			break;
		if (said == 0 || clock_monotonic() - said >= 60 * CLOCK_US_PER_SEC) {
			/* whoever wants silence would wait without an end, and not know why */
			if (p->control.paused && !paused && msg_verbosity() < 0)
				msg_insist("the past waits: %s", tr(now));
			msg_note("the past waits: %s", tr(now));
			said = clock_monotonic();
		}
		if (p->control.paused && !paused)
			stats_waits(now);
		paused |= p->control.paused == 1;
		clock_sleep(CLOCK_US_PER_SEC);
	}
	if (paused && !stop_asked())
		stats_waits(NULL);
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
	p->read = 0;
	if (!wanted(p) && !p->wanted_rows)
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
	double factor = 4; /* at most: the next one may hold more */

	if (wanted(p))
		factor = fmin(factor, (double)wanted(p) / (double)(took > 1000 ? took : 1000));
	if (p->wanted_rows)
		factor = fmin(factor, (double)p->wanted_rows / (double)(p->read ? p->read : 1));
	p->span = (int64_t)((double)span * factor) + 1;
}

void pace_row(struct pace *p)
{
	uint64_t rate = p->control.rate ? p->control.rate / p->control.busy + 1 : p->rate;
	int64_t now;

	p->read++;
	/* about a hundred times a second, when there is a rate */
	if ((!rate && !p->target) || ++p->rows < (rate ? rate / 100 : ROWS_MAX))
		return;
	now = clock_monotonic();
	if (p->target && now - p->looked > LOOK_EVERY) {
		ledger_control_get(p->target, p->job, &p->control);
		p->looked = now;
	}
	/* who was held up catches up by a second at most */
	if (p->due < now - CLOCK_US_PER_SEC)
		p->due = now - CLOCK_US_PER_SEC;
	p->due += rate ? (int64_t)(p->rows * CLOCK_US_PER_SEC / rate) : 0;
	p->rows = 0;
	while (rate && p->due > clock_monotonic() && !stop_asked())
		clock_sleep(p->due - clock_monotonic());
}
