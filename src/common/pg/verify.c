#include "pg/verify.h"

#include "core/clock.h"
#include "core/msg.h"
#include "pg/ledger_opts.h"

#define NOTE_EVERY (INT64_C(10) * CLOCK_US_PER_SEC)
#define ROUNDS_MAX 20   /* of repairing a range */
#define LIST_MAX 200000 /* differences gathered in one round */

static bool same(const struct cellsum *narrow, const struct cellsum *wide)
{
	return narrow->cells == wide->cells && narrow->cell_sum == wide->cell_sum &&
	       narrow->instants == wide->instants && narrow->instant_sum == wide->instant_sum &&
	       wide->orphans == 0;
}

/* ---- a range that differs -------------------------------------------------------------------- */

struct place {
	struct ship *ship;
	size_t number; /* of the ship */
	int64_t from, to;
};

/* Both sums once more: a source in use may have changed between the two looks. */
static bool equal_now(struct verify *v, const struct place *p)
{
	struct arena arena = {0};
	struct cellsum_of *list;
	struct cellsum wide;

	registry_read(v->target.r, p->ship);
	v->now = (struct cellsum){.rows = 0};
	if (cellsum_narrow(&v->source, p->from, p->to, &p->ship->id, 1, &arena, &list) > 0)
		v->now = list[0].sum;
	cellsum_wide(&v->target, p->ship, p->from, p->to, &wide);
	arena_free(&arena);
	return same(&v->now, &wide);
}

static void look(
	struct verify *v, const struct place *p, struct cell_list *list, size_t max, bool values)
{
	cell_list_find(list, &v->source, &v->target, p->ship, p->from, p->to, max, values);
}

/* Gathers the differences, those that are still there after a while. */
static void gather(struct verify *v, const struct place *p, size_t max, bool values)
{
	if (v->opts.settle == 0) {
		look(v, p, &v->list, max, values);
		return;
	}
	look(v, p, &v->again, LIST_MAX, false);
	v->list.n = 0;
	v->list.more = false;
	if (v->again.n == 0)
		return;
	clock_sleep(v->opts.settle);
	registry_read(v->target.r, p->ship);
	look(v, p, &v->list, LIST_MAX, values);
	cell_list_keep(&v->list, &v->again);
}

static bool mend_in_rounds(struct verify *v, const struct place *p)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		gather(v, p, LIST_MAX, false);
		if (v->list.n == 0)
			return true;
		if (!repair_round(&v->repair, p->ship, p->from, p->to, &v->list))
			return false;
		if (equal_now(v, p))
			return true;
	}
	return false;
}

/* Says what was done, and keeps the chunk's counts true. */
static void note_mended(struct verify *v, const struct place *p, const struct repair *before)
{
	uint64_t filled = v->repair.filled - before->filled, set = v->repair.set - before->set,
		 removed = v->repair.removed - before->removed;
	char from[CLOCK_TEXT_MAX];
	struct str text = {0};

	if (filled + set + removed == 0)
		return;
	str_addf(&text, "repaired: %llu missing, %llu changed, %llu rows too many",
		(unsigned long long)filled, (unsigned long long)set, (unsigned long long)removed);
	msg_note("ship %s, from %.*s: %s", msg_q(p->ship->id),
		p->from == CELLSUM_ALWAYS ? 1 : (int)clock_put(from, p->from, false),
		p->from == CELLSUM_ALWAYS ? "-" : from, str_z(&text));
	ledger_event(registry_pg(v->target.r), set + removed ? LEDGER_WARNING : LEDGER_INFO,
		v->job.id, p->ship->id, p->from == CELLSUM_ALWAYS ? LEDGER_NO_TIME : p->from,
		str_z(&text));
	ledger_recount(registry_pg(v->target.r), v->job.id,
		&(struct ledger_recount){.ship = p->ship->id,
			.from = p->from,
			.to = p->to,
			.rows = v->now.rows - v->now.bad,
			.cells = v->now.values,
			.dropped = v->now.values - v->now.cells,
			.wide_rows = v->now.instants});
	str_free(&text);
}

/* Mends the range; true when nothing differs any more. */
static bool mend(struct verify *v, const struct place *p)
{
	struct repair before = v->repair;
	bool whole = mend_in_rounds(v, p);

	note_mended(v, p, &before);
	v->mended_ranges += whole;
	return whole;
}

static void report(struct verify *v, const struct place *p)
{
	uint64_t left = v->opts.max_differences - v->differences, found;

	gather(v, p, left, true);
	found = v->list.n < left ? v->list.n : left;
	for (size_t i = 0; i < found; i++)
		v->opts.found(v->opts.ctx, p->number, &v->list.cell[i]);
	v->tally[p->number].differences += found;
	v->differences += found;
	v->bad_ranges += found > 0;
}

static void look_closer(struct verify *v, const struct ledger_range *r, size_t s)
{
	struct place p = {registry_ship(v->target.r, v->ships.name[s]), s, r->from, r->to};

	if (equal_now(v, &p))
		return;
	if (v->opts.repair && mend(v, &p))
		return;
	if (v->differences < v->opts.max_differences)
		report(v, &p);
	else
		v->bad_ranges++;
}

/* ---- all ranges ------------------------------------------------------------------------------ */

/* Ships that have no chunks come behind those that have. */
static size_t number_of(struct verify *v, struct sl ship)
{
	bool added;
	size_t i = names_add(&v->ships, ship, &added);

	mem_grow(&v->tally, &v->tally_cap, i + 1, sizeof *v->tally);
	if (added)
		v->tally[i] = (struct verify_tally){.ranges = 0};
	return i;
}

/* Both servers are at work meanwhile: the child was started before, and runs ahead. */
static void compare_range(struct verify *v, const struct ledger_range *r,
	struct cellsum_child *side, struct cellsum *wide, size_t n_wide)
{
	static const struct cellsum none;
	struct arena arena = {0};
	struct cellsum_of *list;
	size_t n = cellsum_narrow(&v->source, r->from, r->to, v->read, v->n_read, &arena, &list);
	bool *seen = mem_zalloc(v->ships.n + n + 1);

	cellsum_child_read(side, wide);
	for (size_t i = 0; i < n; i++) {
		size_t s = number_of(v, list[i].name);

		seen[s] = true;
		/* a ship or a range that nobody planned yet, or a chunk that is not done */
		if (s >= n_wide || (r->cover[s] == LEDGER_COVER_NONE && same(&none, &wide[s]))) {
			v->tally[s].left++;
			continue;
		}
		if (r->cover[s] == LEDGER_COVER_OPEN)
			continue;
		cellsum_add(&v->tally[s].sum, &list[i].sum);
		if (!same(&list[i].sum, &wide[s]))
			look_closer(v, r, s);
	}
	for (size_t s = 0; s < n_wide; s++) {
		if (!seen[s] && r->cover[s] != LEDGER_COVER_OPEN && !same(&none, &wide[s]))
			look_closer(v, r, s);
		v->tally[s].ranges += r->cover[s] == LEDGER_COVER_DONE;
		v->tally[s].left += r->cover[s] == LEDGER_COVER_OPEN;
	}
	mem_free(seen);
	arena_free(&arena);
}

static void compare(struct verify *v, struct cellsum_child *side)
{
	size_t n_wide = v->ships.n;
	struct cellsum *wide = mem_alloc(mem_mul(n_wide + 1, sizeof *wide));
	int64_t next = clock_monotonic() + NOTE_EVERY;

	for (size_t i = 0; i < v->n_ranges; i++) {
		if (ledger_range_counts(v->range, v->n_ranges, i, n_wide))
			compare_range(v, &v->range[i], side, wide, n_wide);
		else
			for (size_t s = 0; s < n_wide; s++)
				v->tally[s].left += v->range[i].cover[s] == LEDGER_COVER_OPEN;
		if (clock_monotonic() > next) {
			msg_note("%zu of %zu ranges compared", i + 1, v->n_ranges);
			next = clock_monotonic() + NOTE_EVERY;
		}
	}
	mem_free(wide);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

/* Asks the ledger what there is, and both servers how to hash; nothing stays open behind the fork.
 */
static enum cellsum_hash prepare(struct verify *v)
{
	const struct verify_opts *o = &v->opts;
	struct pg *target = pg_connect(o->target->conninfo, "target");
	struct pg *source = pg_connect(o->source, "source");
	enum cellsum_hash hash = cellsum_choose(source, target);

	if (!ledger_job_seek(target, o->job, o->narrow, o->target, &v->job, &v->arena))
		die(EX_CONFIGURATION, "no job in the ledger, target: nothing was carried over yet");
	o->target->schema = v->job.target_schema;
	o->target->prefix = v->job.target_prefix;
	o->target->types = strcmp(v->job.types, "native") == 0 ? TARGET_NATIVE : TARGET_TEXT;
	v->n_ranges =
		ledger_ranges(target, &v->job, o->only, o->n_only, &v->ships, &v->arena, &v->range);
	if (v->ships.n == 0)
		die(EX_CONFIGURATION, "job %llu has no chunks%s", (unsigned long long)v->job.id,
			o->n_only ? " of this ship" : "");
	v->tally = mem_zalloc(mem_mul(v->ships.n, sizeof *v->tally));
	v->tally_cap = v->ships.n;
	/* without an index by time every range would cost a look at all rows */
	v->narrow = narrow_detect(source, o->narrow);
	if (!v->narrow->by_time && !v->narrow->by_ship_time)
		v->n_ranges = ledger_ranges_join(v->range, v->n_ranges, v->ships.n);
	pg_close(source);
	pg_close(target);
	return hash;
}

/*
 * Which ships the source is asked for. With an index by ship and time only, they must be named;
 * then those that nobody planned are looked for here.
 */
static void choose_ships(struct verify *v)
{
	struct sl *all, *named;
	size_t n, planned = v->ships.n;

	v->read = v->opts.only;
	v->n_read = v->opts.n_only;
	if (v->n_read > 0 || v->narrow->by_time || !v->narrow->by_ship_time)
		return;
	v->n_read = planned;
	named = arena_alloc(&v->arena, mem_mul(planned, sizeof *named));
	memcpy(named, v->ships.name, planned * sizeof *named);
	v->read = named;
	n = narrow_ships(v->narrow, v->source.pg, &all);
	for (size_t i = 0; i < n; i++) {
		size_t s = number_of(v, all[i]);

		v->tally[s].left += s >= planned;
	}
	mem_free(all);
}

static void open_both(struct verify *v, enum cellsum_hash hash)
{
	struct pg *source = pg_connect(v->opts.source, "source");

	cellsum_source_open(&v->source, source, v->narrow, hash);
	v->target = (struct cellsum_target){.hash = hash};
	v->target.r = registry_open(
		pg_connect(v->opts.target->conninfo, "target"), v->opts.target, "created_time");
	v->repair = (struct repair){
		.source = &v->source, .target = &v->target, .remove = v->opts.remove};
	choose_ships(v);
	if (hash == CELLSUM_PORTABLE)
		msg_note("the servers' own hashes differ, so md5 is used: slower");
}

static void close_both(struct verify *v)
{
	struct pg *target = registry_pg(v->target.r);

	repair_free(&v->repair);
	pg_close(v->source.pg);
	cellsum_source_close(&v->source);
	narrow_free(v->narrow);
	cellsum_target_close(&v->target);
	pg_close(target);
}

void verify_run(struct verify *v, const struct verify_opts *opts)
{
	struct cellsum_child *side;
	enum cellsum_hash hash;

	*v = (struct verify){.opts = *opts};
	hash = prepare(v);
	side = cellsum_child_start(v->opts.target, hash, v->range, v->n_ranges, &v->ships);
	open_both(v, hash);
	compare(v, side);
	cellsum_child_end(side);
	close_both(v);
}

bool verify_has_more(const struct verify *v)
{
	return v->differences >= v->opts.max_differences;
}

void verify_free(struct verify *v)
{
	cell_list_free(&v->list);
	cell_list_free(&v->again);
	names_free(&v->ships);
	mem_free(v->tally);
	arena_free(&v->arena);
}
