#include "ledger/ledger_ranges.h"

#include "ledger/ledger_internal.h"
#include "ledger/ledger_ranges.sql.h"

struct chunk {
	size_t ship;
	int64_t from, to;
	bool done, wanted;
};

static bool is_of(const struct sl *only, size_t n_only, struct sl ship)
{
	for (size_t i = 0; i < n_only; i++)
		if (sl_eq(only[i], ship))
			return true;
	return n_only == 0;
}

static struct chunk *read_chunks(struct pg *target, uint64_t job,
	const struct ledger_ranges_opts *o, struct names *ships, size_t *n_out)
{
	AUTO_RESULT *r = pg_ask(target, chunks_sql, ledger_u64(job),
		ledger_time(o->finished_before), o->due_us ? ledger_interval(o->due_us) : NULL);
	struct chunk *chunk = mem_alloc(mem_mul(pg_rows(r) + 1, sizeof *chunk));
	size_t n = 0;

	for (size_t i = 0; i < pg_rows(r); i++)
		if (is_of(o->only, o->n_only, pg_value(r, i, 0)))
			chunk[n++] = (struct chunk){ names_add(ships, pg_value(r, i, 0), NULL),
				ledger_get_time(r, i, 1), ledger_get_time(r, i, 2),
				pg_true(r, i, 3), pg_true(r, i, 4) };
	*n_out = n;
	return chunk;
}

/* Ships that nobody planned, but that came live. */
static void add_live_ships(struct pg *target, uint64_t job, const struct ledger_ranges_opts *o,
	struct names *ships)
{
	AUTO_RESULT *r = ledger_ask(target, live_ships_sql, job);

	for (size_t i = 0; i < pg_rows(r); i++)
		if (is_of(o->only, o->n_only, pg_value(r, i, 0)))
			(void)names_add(ships, pg_value(r, i, 0), NULL);
}

/* ---- borders -------------------------------------------------------------------------------- */

#define END_OF_TIME (INT64_C(2921940) * CLOCK_US_PER_DAY) /* 10000-01-01 */
#define LIVE_STEPS_MAX 400

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Behind the chunks a follower works on: up to now in pieces as long as chunks, and the future. */
static size_t add_live_borders(const struct ledger_job *job, int64_t last, int64_t *t, size_t n)
{
	int64_t now = clock_now(), step = job->chunk_us, at;

	if ((now - last) / step > LIVE_STEPS_MAX)
		step *= (now - last) / step / LIVE_STEPS_MAX + 1;
	for (at = clock_floor(last, step) + step; at < now + step; at += step)
		if (at > last)
			t[n++] = at;
	t[n++] = END_OF_TIME;
	return n;
}

/* All ends of chunks in order, each once, between the ends of what is to be carried over. */
static int64_t *borders(const struct ledger_job *job, bool live, const struct chunk *chunk,
	size_t n, size_t *n_out)
{
	int64_t *t = mem_alloc(mem_mul(2 * n + 8 + LIVE_STEPS_MAX, sizeof *t));
	size_t all = 0, kept = 1;

	t[all++] = job->since; /* LEDGER_NO_TIME is before all */
	for (size_t i = 0; i < n; i++) {
		t[all++] = chunk[i].from;
		t[all++] = chunk[i].to;
	}
	if ((n > 0 || live) && job->cutoff != LEDGER_NO_TIME)
		t[all++] = job->cutoff;
	qsort(t, all, sizeof *t, by_time);
	if (live)
		all = add_live_borders(job,
			t[all - 1] == LEDGER_NO_TIME ? clock_now() : t[all - 1], t, all);
	for (size_t i = 1; i < all; i++)
		if (t[i] != t[kept - 1])
			t[kept++] = t[i];
	*n_out = kept;
	return t;
}

/* ---- cover ---------------------------------------------------------------------------------- */

static size_t range_at(const struct ledger_range *range, size_t n, int64_t from)
{
	size_t low = 0, high = n;

	while (low + 1 < high) {
		size_t mid = low + (high - low) / 2;

		if (range[mid].from <= from)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Only chunks carry the times by which they are chosen; what is live is due like a new one. */
static uint8_t cover_of(const struct chunk *c)
{
	if (!c->done)
		return LEDGER_COVER_OPEN;
	return c->wanted ? LEDGER_COVER_DONE : LEDGER_COVER_SKIP;
}

static void leave_to_doubts(struct ledger_range *r, const struct names *ships,
	const struct ledger_ranges_opts *o)
{
	for (size_t s = 0; s < ships->n; s++) {
		bool any = false, named = false;

		for (size_t i = 0; i < o->n_doubts; i++)
			if (ledger_doubt_meets(
				    &o->doubt_list[i], ships->name[s], r->from, r->to)) {
				any = true;
				named |= o->doubt_list[i].ship.p != NULL;
			}
		if (!any)
			r->cover[s] = LEDGER_COVER_SKIP;
		else if (named && ledger_cover_counts(r->cover[s]))
			r->cover[s] = LEDGER_COVER_DOUBT;
	}
}

/* Whoever still reads the range of others may meet a ship that has no chunk there. */
static void leave_open(struct ledger_range *r, const struct names *ships,
	const struct ledger_ranges_opts *o)
{
	bool open = memchr(r->cover, LEDGER_COVER_OPEN, ships->n);

	for (size_t s = 0; open && s < ships->n; s++)
		for (size_t i = 0; i < o->n_doubts; i++)
			if ((r->cover[s] == LEDGER_COVER_LIVE ||
				    r->cover[s] == LEDGER_COVER_NONE) &&
				o->doubt_list[i].ship.p &&
				ledger_doubt_meets(
					&o->doubt_list[i], ships->name[s], r->from, r->to))
				r->cover[s] = LEDGER_COVER_OPEN;
}

static bool has_counting(const struct ledger_range *r, size_t n_ships, uint8_t except)
{
	for (size_t s = 0; s < n_ships; s++)
		if (ledger_cover_counts(r->cover[s]) && r->cover[s] != except)
			return true;
	return false;
}

static void choose(const struct ledger_ranges_opts *o, const struct names *ships,
	struct ledger_range *range, size_t n)
{
	bool part = o->doubt || o->due_us || o->finished_before != LEDGER_NO_TIME;

	for (size_t i = 0; i < n; i++) {
		leave_open(&range[i], ships, o);
		for (size_t s = 0; s < ships->n && part && !o->doubt; s++)
			if (range[i].cover[s] == LEDGER_COVER_NONE ||
				(range[i].cover[s] == LEDGER_COVER_LIVE && !o->due_us))
				range[i].cover[s] = LEDGER_COVER_SKIP;
		if (o->doubt)
			leave_to_doubts(&range[i], ships, o);
		range[i].counts = has_counting(&range[i], ships->n, LEDGER_COVER_NONE) ||
				  (!part && (i == 0 || i + 1 == n)) ||
				  (o->doubt && has_counting(&range[i], ships->n, UINT8_MAX));
	}
}

size_t ledger_ranges(struct pg *target, const struct ledger_job *job,
	const struct ledger_ranges_opts *opts, struct names *ships, struct arena *a,
	struct ledger_range **out)
{
	size_t n, n_borders, n_ranges;
	AUTO_FREE struct chunk *chunk = read_chunks(target, job->id, opts, ships, &n);
	AUTO_FREE int64_t *border = borders(job, opts->live, chunk, n, &n_borders);
	struct ledger_range *range = arena_alloc(a, mem_mul(n_borders, sizeof *range));

	if (opts->live || opts->n_doubts > 0)
		add_live_ships(target, job->id, opts, ships);
	n_ranges = n_borders - 1;
	for (size_t i = 0; i < n_ranges; i++) {
		range[i] = (struct ledger_range){ border[i], border[i + 1],
			arena_alloc(a, ships->n + 1), false };
		memset(range[i].cover, opts->live ? LEDGER_COVER_LIVE : LEDGER_COVER_NONE,
			ships->n + 1);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = range_at(range, n_ranges, chunk[i].from);
			k < n_ranges && range[k].from < chunk[i].to; k++)
			range[k].cover[chunk[i].ship] = cover_of(&chunk[i]);
	choose(opts, ships, range, n_ranges);
	*out = range;
	return n_ranges;
}

size_t ledger_ranges_join(struct ledger_range *range, size_t n, size_t n_ships)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++) {
		if (memcmp(range[i].cover, range[kept].cover, n_ships) == 0) {
			range[kept].to = range[i].to;
			range[kept].counts |= range[i].counts;
		} else {
			range[++kept] = range[i];
		}
	}
	return n ? kept + 1 : 0;
}

void ledger_range_checked(struct pg *target, uint64_t job, const struct ledger_range *range,
	const struct sl *ships, size_t n)
{
	AUTO_STR list = { 0 };

	if (n > 0)
		pg_run(target, checked_sql, ledger_u64(job), ledger_time(range->from),
			ledger_time(range->to), ledger_array(&list, ships, n));
}

/* ---- doubts --------------------------------------------------------------------------------- */

size_t ledger_doubts(struct pg *target, uint64_t job, bool free_only, struct arena *a,
	struct ledger_doubt **out)
{
	AUTO_RESULT *r = pg_ask(target, doubts_sql, ledger_u64(job), free_only ? "t" : "f");
	size_t n = pg_rows(r);

	*out = arena_alloc(a, mem_mul(n + 1, sizeof **out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct ledger_doubt){ .id = pg_count(r, i, 0),
			.ship = pg_is_null(r, i, 1) ? (struct sl){ NULL, 0 }
						    : arena_dup(a, pg_value(r, i, 1)),
			.from = ledger_get_time(r, i, 2),
			.to = pg_is_null(r, i, 3) ? LEDGER_TIME_END : ledger_get_time(r, i, 3),
			.at = ledger_get_text(r, i, 4, a) };
	return n;
}

bool ledger_doubt_meets(const struct ledger_doubt *d, struct sl ship, int64_t from, int64_t to)
{
	return (!d->ship.p || sl_eq(d->ship, ship)) && from < d->to && to > d->from;
}

uint64_t ledger_doubt_put(
	struct pg *target, uint64_t job, struct sl ship, int64_t from, int64_t to)
{
	AUTO_FREE char *name = mem_sldup(ship);
	AUTO_RESULT *r = pg_ask(target, doubt_put_sql, ledger_u64(job), name, ledger_time(from),
		ledger_time(to));

	return pg_count(r, 0, 0);
}

void ledger_doubt_settle(struct pg *target, uint64_t id, const char *at)
{
	pg_run(target, "DELETE FROM ferry.doubt WHERE id = $1 AND at = coalesce($2, at)",
		ledger_u64(id), at);
}
