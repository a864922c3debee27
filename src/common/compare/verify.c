#include "compare/verify.h"

#include "compare/recount.h"
#include "core/kp.h"
#include "core/stop.h"
#include "ledger/ledger_follow.h"
#include "ledger/ledger_opts.h"
#include "ledger/ledger_origin.h"

#define NOTE_EVERY (INT64_C(10) * CLOCK_US_PER_SEC)
#define ROUNDS_MAX 20   /* of repairing a range */
#define LIST_MAX 200000 /* differences gathered in one round */

/* ---- a range that differs ------------------------------------------------------------------- */

struct place {
	struct ship *ship;
	size_t number; /* of the ship */
	int64_t from, to;
};

/* Both sums once more: a source in use may have changed between the two looks. */
static bool equal_now(struct verify *v, const struct place *p)
{
	AUTO_ARENA arena = { 0 };
	struct cellsum_of *list;

	registry_read(v->target.r, p->ship);
	v->now = (struct cellsum){ .rows = 0 };
	if (cellsum_narrow(&v->source, p->from, p->to, &p->ship->id, 1, &arena, &list) > 0)
		v->now = list[0].sum;
	cellsum_wide(&v->target, p->ship, p->from, p->to, &v->wide);
	return cellsum_same(&v->now, &v->wide);
}

static void look(
	struct verify *v, const struct place *p, struct cell_list *list, size_t max, bool values)
{
	cell_list_find(list, &v->source, &v->target, p->ship, p->from, p->to, max, values);
}

#define FOLLOWER_TURNS 3
#define SETTLE_MAX (INT64_C(15) * CLOCK_US_PER_SEC) /* an idle follower reports every ten seconds */

/* Waits until what was on its way has come: all that the source has written by now. */
static void settle(struct verify *v)
{
	int64_t deadline = clock_monotonic() + SETTLE_MAX;
	struct pg *pg = registry_pg(v->target.r);
	AUTO_RESULT *lsn = NULL;
	uint64_t before;

	if (v->opts.settle > 0) {
		clock_sleep(v->opts.settle);
		return;
	}
	before = ledger_live_turns(pg, v->job.id);
	if (v->live.slot)
		lsn = pg_try_query(v->source.pg, "SELECT pg_current_wal_lsn()", 0, NULL);
	while (clock_monotonic() < deadline &&
		!(lsn ? ledger_live_has(pg, v->job.id, pg_valuez(lsn, 0, 0))
		      : ledger_live_turns(pg, v->job.id) >= before + FOLLOWER_TURNS))
		clock_sleep(CLOCK_US_PER_SEC / 20);
}

/* Gathers the differences, those that are still there after a while. */
static void gather(struct verify *v, const struct place *p, size_t max, bool values)
{
	if (v->opts.settle == 0 || (v->opts.settle < 0 && !v->live.alive)) {
		look(v, p, &v->list, max, values);
		return;
	}
	look(v, p, &v->again, LIST_MAX, false);
	v->list.n = 0;
	v->list.left_out = v->again.left_out;
	v->list.more = false;
	if (v->again.n == 0)
		return;
	settle(v);
	registry_read(v->target.r, p->ship);
	look(v, p, &v->list, LIST_MAX, values);
	cell_list_keep(&v->list, &v->again);
}

/* Is all that is left not ours to remove? */
static bool is_spared(const struct verify *v)
{
	bool all = v->repair.job && !v->opts.remove && v->list.n > 0 && !v->list.more;

	for (size_t i = 0; i < v->list.n && all; i++)
		all = v->list.cell[i].what == CELL_EXTRA || v->list.cell[i].what == ROW_EXTRA;
	return all;
}

/* What was counted is not there. Beside a follower say_left() tells how much differs. */
static void take_back(struct verify *v, const struct place *p, const struct repair *before)
{
	v->repair.filled = before->filled;
	v->repair.set = before->set;
	v->repair.removed = before->removed;
	if (!v->opts.watch && !is_spared(v))
		msg_warn("ship %s: %zu cells or rows differ as before although they were "
			 "repaired: does a trigger or rule on its wide tables change what is "
			 "written?",
			msg_q(p->ship->id), v->list.n);
}

/* A round that nobody was in the way of, and that left both sums as they were, was in vain. */
static bool mend_in_rounds(struct verify *v, const struct place *p)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct cellsum narrow = v->now, wide = v->wide;
		struct repair before = v->repair;

		gather(v, p, LIST_MAX, false);
		if (v->list.n == 0)
			return true;
		if (!repair_round(&v->repair, p->ship, p->from, p->to, &v->list))
			return false;
		if (equal_now(v, p))
			return true;
		if (v->repair.busy == before.busy && memcmp(&narrow, &v->now, sizeof narrow) == 0 &&
			memcmp(&wide, &v->wide, sizeof wide) == 0) {
			take_back(v, p, &before);
			return false;
		}
	}
	return false;
}

/* Says what was done, and keeps the chunk's counts true. */
static void note_mended(
	struct verify *v, const struct place *p, const struct repair *before, bool whole)
{
	uint64_t filled = v->repair.filled - before->filled, set = v->repair.set - before->set,
		 removed = v->repair.removed - before->removed;
	uint64_t out = v->list.left_out < v->now.cells ? v->list.left_out : v->now.cells;
	char from[CLOCK_TEXT_MAX];
	AUTO_STR text = { 0 };

	if (filled + set + removed == 0 && !v->spared)
		return;
	str_addf(&text, "repaired: %llu values and rows missing, %llu changed, %llu rows too many",
		(unsigned long long)filled, (unsigned long long)set, (unsigned long long)removed);
	if (v->spared)
		str_addf(&text, "; what else the source has no more stays until validate "
				"--repair --delete");
	msg_note("ship %s, from %.*s: %s", msg_q(p->ship->id),
		p->from == CELLSUM_ALWAYS ? 1 : (int)clock_put(from, p->from, false),
		p->from == CELLSUM_ALWAYS ? "-" : from, str_z(&text));
	ledger_event(registry_pg(v->target.r),
		set + removed + v->spared ? LEDGER_WARNING : LEDGER_INFO, v->job.id,
		p->ship->id, p->from == CELLSUM_ALWAYS ? LEDGER_NO_TIME : p->from, str_z(&text));
	recount_mended(&(struct recount){ &v->source, &v->target, v->job.id, p->ship, p->from,
			       p->to, &v->now },
		out, whole);
}

/* Mends the range; true when nothing differs any more. */
static bool mend(struct verify *v, const struct place *p)
{
	struct repair before = v->repair;
	bool whole = mend_in_rounds(v, p);

	/* what could not be written is not spared: its doubts are needed for another try */
	v->spared = !whole && v->repair.busy == before.busy && !v->repair.broken && is_spared(v);
	note_mended(v, p, &before, whole);
	v->mended_ranges += whole;
	return whole;
}

static void report(struct verify *v, const struct place *p)
{
	uint64_t left = v->opts.max_differences - v->differences, found;

	gather(v, p, left, true);
	found = v->list.n < left ? v->list.n : left;
	for (size_t i = 0; i < found && v->opts.found; i++)
		v->opts.found(v->opts.ctx, p->number, &v->list.cell[i]);
	v->tally[p->number].differences += found;
	v->differences += found;
	v->bad_ranges += found > 0;
}

static void add_unclean(struct verify *v, const struct ledger_range *r, size_t s, bool open)
{
	mem_grow(&v->unclean, &v->unclean_cap, v->n_unclean + 1, sizeof *v->unclean);
	v->unclean[v->n_unclean++] = (struct unclean){
		.ship = s, .from = r->from, .to = r->to, .open = open };
}

static void look_closer(struct verify *v, const struct ledger_range *r, size_t s)
{
	struct place p = { registry_ship(v->target.r, v->ships.name[s]), s, r->from, r->to };

	v->spared = v->repair.locked = false;
	if (equal_now(v, &p))
		return;
	/* a deletion that was seen, but came too early for its chunk, is to be made up for */
	v->repair.job = r->cover[s] == LEDGER_COVER_DOUBT ? v->job.id : 0;
	v->list.left_out = 0;
	if (v->opts.repair && mend(v, &p)) {
		cellsum_leave_out(&v->tally[s].sum, v->list.left_out);
		return;
	}
	if (v->differences < v->opts.max_differences) {
		uint64_t before = v->differences;

		report(v, &p);
		cellsum_leave_out(&v->tally[s].sum, v->list.left_out);
		if (v->differences == before)
			return;
	} else {
		v->bad_ranges++;
	}
	add_unclean(v, r, s, v->repair.locked); /* another try is worth it soon */
	v->unclean[v->n_unclean - 1].spared = v->spared;
}

/* ---- all ranges ----------------------------------------------------------------------------- */

/* Ships that have no chunks come behind those that have. */
static size_t number_of(struct verify *v, struct sl ship)
{
	bool added;
	size_t i = names_add(&v->ships, ship, &added);

	mem_grow(&v->tally, &v->tally_cap, i + 1, sizeof *v->tally);
	if (added)
		v->tally[i] = (struct verify_tally){ .left = v->opts.new_ship };
	return i;
}

/* A ship that nobody planned: beside a follower, and in doubt, it is for the next pass. */
static void meet(struct verify *v, struct sl ship)
{
	if (v->opts.watch && v->n_doubts > 0)
		(void)ledger_doubt_ship(registry_pg(v->target.r), v->job.id, LEDGER_INFO, ship,
			"met for the first time in what was in doubt");
}

/* Is only a part of the job asked for? What is not done is then nobody's concern. */
static bool is_part(const struct verify *v)
{
	return v->opts.doubt || v->opts.watch || v->opts.finished_before != LEDGER_NO_TIME;
}

/* Not carried over yet, or not to be looked at: a doubt stays. */
static void count_left(struct verify *v, const struct ledger_range *r, size_t s)
{
	v->tally[s].left += !is_part(v);
	add_unclean(v, r, s, true);
}

/* Others are compared meanwhile. */
static void pass_over(struct verify *v, const struct ledger_range *r, size_t s)
{
	if (!v->opts.watch)
		msg_warn("ship %s is not compared: others have locked its tables",
			msg_q(v->ships.name[s]));
	count_left(v, r, s);
}

/* Whoever repairs may write to the ledger, too. */
static void keep_checked(struct verify *v, const struct ledger_range *r, size_t n)
{
	AUTO_FREE struct sl *ships = mem_alloc(mem_mul(n + 1, sizeof *ships));
	size_t n_checked = 0;

	for (size_t s = 0; s < n && v->opts.repair; s++) {
		bool bad = !ledger_cover_counts(r->cover[s]);

		for (size_t i = 0; i < v->n_unclean; i++)
			bad |= v->unclean[i].ship == s && v->unclean[i].from == r->from;
		if (!bad)
			ships[n_checked++] = v->ships.name[s];
	}
	ledger_range_checked(registry_pg(v->target.r), v->job.id, r, ships, n_checked);
}

static void count_late(
	struct verify *v, const struct ledger_range *r, size_t s, const struct cellsum *now)
{
	recount_late(&(struct recount){ &v->source, &v->target, v->job.id,
		registry_ship(v->target.r, v->ships.name[s]), r->from, r->to, now });
}

/* Both servers are at work meanwhile: the child was started before, and runs ahead. */
static void compare_range(struct verify *v, const struct ledger_range *r,
	struct cellsum_child *side, struct cellsum *wide, size_t n_wide)
{
	static const struct cellsum none;
	AUTO_ARENA arena = { 0 };
	struct cellsum_of *list;
	size_t n = cellsum_narrow(&v->source, r->from, r->to, v->read, v->n_read, &arena, &list);
	AUTO_FREE bool *seen = mem_zalloc(v->ships.n + n + 1);

	cellsum_child_read(side, wide);
	for (size_t i = 0; i < n; i++) {
		size_t s = number_of(v, list[i].name);

		seen[s] = true;
		/* a ship or a range that nobody planned yet, or a chunk that is not done */
		if (s >= n_wide ||
			(r->cover[s] == LEDGER_COVER_NONE && cellsum_same(&none, &wide[s]))) {
			count_left(v, r, s);
			if (s >= n_wide)
				meet(v, list[i].name);
			continue;
		}
		if (!ledger_cover_counts(r->cover[s]) || wide[s].locked)
			continue;
		cellsum_add(&v->tally[s].sum, &list[i].sum);
		if (!cellsum_same(&list[i].sum, &wide[s])) {
			look_closer(v, r, s);
			list[i].sum = v->now;
		}
		/* behind the repair, for a row that was mended makes room for another */
		if (v->opts.repair && list[i].sum.bad > 0 && r->cover[s] == LEDGER_COVER_DONE)
			count_late(v, r, s, &list[i].sum);
	}
	for (size_t s = 0; s < n_wide; s++) {
		if (wide[s].locked)
			pass_over(v, r, s);
		else if (!seen[s] && ledger_cover_counts(r->cover[s]) &&
			!cellsum_same(&none, &wide[s]))
			look_closer(v, r, s);
		if (r->cover[s] == LEDGER_COVER_OPEN)
			count_left(v, r, s);
		v->tally[s].ranges += !wide[s].locked && (r->cover[s] == LEDGER_COVER_DONE ||
				r->cover[s] == LEDGER_COVER_LIVE ||
				r->cover[s] == LEDGER_COVER_DOUBT);
	}
	keep_checked(v, r, n_wide);
}

/* The first n_wide of the ships are those that the child was started with. */
static void compare(struct verify *v, struct cellsum_child *side, size_t n_wide)
{
	AUTO_FREE struct cellsum *wide = mem_alloc(mem_mul(n_wide + 1, sizeof *wide));
	int64_t next = clock_monotonic() + NOTE_EVERY;

	for (size_t i = 0; i < v->n_ranges; i++) {
		if (v->opts.watch && stop_asked())
			leave(EX_DONE); /* nothing is half done */
		if (v->range[i].counts)
			compare_range(v, &v->range[i], side, wide, n_wide);
		else
			for (size_t s = 0; s < n_wide; s++)
				if (v->range[i].cover[s] == LEDGER_COVER_OPEN)
					count_left(v, &v->range[i], s);
		if (clock_monotonic() > next) {
			msg_note("%zu of %zu ranges compared", i + 1, v->n_ranges);
			next = clock_monotonic() + NOTE_EVERY;
		}
	}
}

/* ---- what a watch looks at ------------------------------------------------------------------- */

/*
 * Chunks remember in the ledger when they were compared; what only the follower brings has no chunk
 * and is remembered here.
 */
struct verify_watch {
	int64_t every;
	bool doubts; /* this pass is for those */
	bool repeats; /* a cell may have several rows, of which a follower may take another */
	struct names tried; /* doubts, by number, of this hour */
	int64_t next_hour;
	struct names live;  /* ranges, by their beginning */
	int64_t *looked;    /* when, by number in `live`; of clock_monotonic() */
	size_t looked_cap;
	uint64_t said; /* ranges that differed at the last pass */
};

static void choose_due(const struct verify_watch *w, struct ledger_ranges_opts *what)
{
	what->due_us = w->doubts ? 0 : w->every;
}

static bool was_tried(const struct verify_watch *w, uint64_t doubt)
{
	return names_find(&w->tried, (struct sl){ (char *)&doubt, sizeof doubt }) != NAMES_NONE;
}

static void keep_tried(struct verify_watch *w, uint64_t doubt)
{
	(void)names_add(&w->tried, (struct sl){ (char *)&doubt, sizeof doubt }, NULL);
}

/* As the ledger has it for chunks: the older, the longer it may wait. */
static bool is_due(struct verify_watch *w, const struct ledger_range *r)
{
	int64_t now = clock_monotonic(), age = clock_now() - r->to, wait = age / 8;
	bool added;
	size_t i = names_add(
		&w->live, (struct sl){ (const char *)&r->from, sizeof r->from }, &added);

	mem_grow(&w->looked, &w->looked_cap, w->live.n, sizeof *w->looked);
	if (wait < w->every)
		wait = w->every;
	if (!added && now - w->looked[i] < wait)
		return false;
	w->looked[i] = now;
	return true;
}

static void thin_out(struct verify_watch *w, struct verify *v)
{
	for (size_t i = 0; i < v->n_ranges && !w->doubts; i++) {
		struct ledger_range *r = &v->range[i];
		bool due = memchr(r->cover, LEDGER_COVER_LIVE, v->ships.n) && is_due(w, r);

		r->counts = false;
		for (size_t s = 0; s < v->ships.n; s++) {
			if (r->cover[s] == LEDGER_COVER_LIVE && !due)
				r->cover[s] = LEDGER_COVER_SKIP;
			r->counts |= ledger_cover_counts(r->cover[s]);
		}
	}
}

/* ---- beginning and end ---------------------------------------------------------------------- */

/* Those that this pass is about. */
static void find_doubts(struct verify *v, struct pg *target)
{
	size_t n = ledger_doubts(
		target, v->job.id, v->opts.watch != NULL, &v->arena, &v->doubt_list);

	for (size_t i = 0; i < n; i++)
		if (!v->opts.watch ||
			!was_tried(v->opts.watch, v->doubt_list[i].id))
			v->doubt_list[v->n_doubts++] = v->doubt_list[i];
}

static void find_ranges(struct verify *v, struct pg *target)
{
	const struct verify_opts *o = &v->opts;
	struct ledger_ranges_opts what = { .only = o->only,
		.n_only = o->n_only,
		.live = v->live.alive,
		.doubt = o->doubt,
		.finished_before = o->finished_before };

	/* who compares everything settles them, too */
	if (o->doubt || (o->repair && !is_part(v)))
		find_doubts(v, target);
	what.doubt_list = v->doubt_list;
	what.n_doubts = v->n_doubts;
	/* what followers brought may be in doubt while none is at work: those tell only of later */
	what.live |= v->live.any && v->n_doubts > 0;
	what.live |= o->followed && (v->live.any || ledger_live_had(target, v->job.id));
	if (o->watch)
		choose_due(o->watch, &what);
	v->n_ranges = ledger_ranges(target, &v->job, &what, &v->ships, &v->arena, &v->range);
	if (o->watch)
		thin_out(o->watch, v);
	for (size_t i = 0; i < o->n_only && !is_part(v) && !o->new_ship; i++)
		if (names_find(&v->ships, o->only[i]) == NAMES_NONE)
			die(EX_CONFIGURATION, "job %llu has no chunks of ship %s",
				(unsigned long long)v->job.id, msg_q(o->only[i]));
	if (v->ships.n == 0 && !is_part(v))
		die(EX_CONFIGURATION, "job %llu has no chunks", (unsigned long long)v->job.id);
}

/* Asks the ledger what there is, and both servers how to hash; nothing stays open behind the fork.
 */
static enum cellsum_hash prepare(struct verify *v)
{
	const struct verify_opts *o = &v->opts;
	struct pg *target = pg_connect(o->target->conninfo, "target");
	struct pg *source;
	enum cellsum_hash hash;

	v->reads = *o->narrow;
	if (!ledger_job_seek(target, o->job, &v->reads, o->target, &v->job, &v->arena))
		die(EX_CONFIGURATION, "no job in the ledger, target: nothing was carried over yet");
	ledger_job_reads(&v->job, &v->reads, &v->arena);
	source = narrow_connect(o->source, &v->reads);
	hash = cellsum_choose(source, target);
	v->narrow = narrow_detect(source, &v->reads);
	if (o->watch)
		o->watch->repeats = !v->narrow->unique;
	ledger_origin_check(source, target, v->job.id, v->narrow);
	v->tables = *o->target;
	v->tables.schema = v->job.target_schema;
	v->tables.prefix = v->job.target_prefix;
	v->tables.types = strcmp(v->job.types, "native") == 0 ? TARGET_NATIVE : TARGET_TEXT;
	ledger_live_get(target, v->job.id, &v->live, &v->arena);
	find_ranges(v, target);
	v->tally = mem_zalloc(mem_mul(v->ships.n + 1, sizeof *v->tally));
	v->tally_cap = v->ships.n;
	/* without an index by time every range would cost a look at all rows */
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
	size_t n, s, planned = v->ships.n;

	v->read = v->opts.only;
	v->n_read = v->opts.n_only;
	for (size_t i = 0; i < v->n_read && v->opts.new_ship; i++)
		(void)number_of(v, v->read[i]);
	if (v->n_read > 0 || v->narrow->by_time || !v->narrow->by_ship_time)
		return;
	v->n_read = planned;
	named = arena_alloc(&v->arena, mem_mul(planned, sizeof *named));
	v->read = memcpy(named, v->ships.name, planned * sizeof *named);
	n = narrow_ships(v->narrow, v->source.pg, &all);
	for (size_t i = 0; i < n; i++) {
		s = number_of(v, all[i]);
		v->tally[s].left += s >= planned;
		if (s >= planned)
			meet(v, all[i]);
	}
	mem_free(all);
}

static void open_both(struct verify *v, enum cellsum_hash hash)
{
	struct pg *source = narrow_connect(v->opts.source, &v->reads);

	cellsum_source_open(&v->source, source, v->narrow, hash);
	v->target = (struct cellsum_target){ .hash = hash };
	v->target.r = registry_open(
		pg_connect(v->tables.conninfo, "target"), &v->tables, "created_time");
	v->repair = (struct repair){
		.source = &v->source, .target = &v->target, .remove = v->opts.remove,
		.followed = v->live.slot ? v->job.id : 0 };
	narrow_goes_to(v->narrow, registry_pg(v->target.r));
	choose_ships(v);
	if (hash == CELLSUM_PORTABLE)
		msg_note("the servers' own hashes differ, so md5 is used: slower");
}

/* Was it asked for, all of it? Then all is compared that it is about: see find_ranges(). */
static bool was_looked_at(const struct verify *v, const struct ledger_doubt *d)
{
	bool named = v->opts.n_only == 0;

	for (size_t i = 0; i < v->opts.n_only && d->ship.p; i++)
		named |= sl_eq(v->opts.only[i], d->ship);
	return named && v->opts.finished_before == LEDGER_NO_TIME;
}

/* A doubt is none any more when all of it is equal; one of a ship also when the rest is spared. */
static void settle_doubts(struct verify *v)
{
	for (size_t i = 0; i < v->n_doubts; i++) {
		const struct ledger_doubt *d = &v->doubt_list[i];
		bool waits = !was_looked_at(v, d), clean = v->opts.repair && !waits;

		for (size_t k = 0; k < v->n_unclean; k++) {
			const struct unclean *u = &v->unclean[k];
			bool met = ledger_doubt_meets(d, v->ships.name[u->ship], u->from, u->to);

			clean &= !met || (u->spared && d->ship.p);
			waits |= met && u->open;
		}
		if (clean)
			ledger_doubt_settle(registry_pg(v->target.r), d->id, d->at);
		else if (v->opts.watch && !waits)
			keep_tried(v->opts.watch, d->id);
	}
}

static void close_both(struct verify *v)
{
	struct pg *target = registry_pg(v->target.r);

	repair_free(&v->repair);
	pg_close(v->source.pg);
	cellsum_source_close(&v->source);
	narrow_free(v->narrow);
	registry_close(v->target.r);
	pg_close(target);
}

static bool anything(const struct verify *v)
{
	for (size_t i = 0; i < v->n_ranges; i++)
		if (v->range[i].counts)
			return true;
	return v->n_doubts > 0; /* a doubt of nothing is settled */
}

void verify_run(struct verify *v, const struct verify_opts *opts)
{
	struct cellsum_child *side;
	enum cellsum_hash hash;
	size_t planned;

	*v = (struct verify){ .opts = *opts };
	hash = prepare(v);
	if (is_part(v) && !anything(v)) {
		narrow_free(v->narrow);
		return;
	}
	planned = v->ships.n;
	side = cellsum_child_start(&v->tables, hash, v->range, v->n_ranges, &v->ships);
	open_both(v, hash);
	compare(v, side, planned);
	cellsum_child_end(side);
	KP("verify_compared");
	settle_doubts(v);
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
	mem_free(v->unclean);
	arena_free(&v->arena);
}

/* ---- again and again, beside a follower ------------------------------------------------------ */

static void say_left(struct verify_watch *w, struct verify *v, const char *conninfo)
{
	AUTO_STR text = { 0 };
	struct pg *target;

	if (v->bad_ranges > 0 && v->bad_ranges != w->said) {
		str_addf(&text,
			"%zu ranges differ from the source and were not repaired: "
			"validate shows them",
			v->bad_ranges);
		msg_warn("%s", str_z(&text));
		target = pg_connect(conninfo, "target");
		ledger_event(target, LEDGER_WARNING, v->job.id, SL(""), LEDGER_NO_TIME,
			str_z(&text));
		pg_close(target);
	}
	w->said = v->bad_ranges;
}

static void pass(struct verify_watch *w, struct verify_opts *opts, bool doubts)
{
	struct verify v;

	w->doubts = opts->doubt = doubts;
	verify_run(&v, opts);
	if (!doubts)
		say_left(w, &v, opts->target->conninfo);
	verify_free(&v);
}

void verify_watch(const struct verify_opts *given, int64_t every, bool (*go_on)(void))
{
	struct verify_watch w = { .every = every };
	struct verify_opts opts = *given;
	unsigned rounds = 0; /* of those that look at more than doubts, which are more costly */

	opts.watch = &w;
	while (go_on()) {
		int64_t began = clock_monotonic();

		if (began >= w.next_hour) {
			names_clear(&w.tried);
			w.next_hour = began + 3600 * CLOCK_US_PER_SEC;
		}
		pass(&w, &opts, true);
		if (go_on() && (!given->doubt || (w.repeats && rounds++ % 6 == 0)))
			pass(&w, &opts, false);
		while (go_on() && clock_monotonic() < began + every)
			clock_sleep(CLOCK_US_PER_SEC / 5);
	}
	names_free(&w.tried);
	names_free(&w.live);
	mem_free(w.looked);
}
