/*
 * pg-wide-validate - compare a narrow table with the wide tables made of it, cell by cell.
 *
 * Both servers count and hash their own cells at the same time (pg/cellsum.h): this process asks
 * the source, a child asks the target and hands over its sums. Only where they differ are cells
 * read and compared (pg/celldiff.h). Ranges of time are those of the ledger's chunks, and in
 * addition what lies before the first; a ship's chunks that are not done are left out, and said.
 */
#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/opt.h"
#include "core/report.h"
#include "pg/celldiff.h"
#include "pg/cellsum_child.h"
#include "pg/ledger_opts.h"
#include "stream/out.h"

#define NOTE_EVERY (INT64_C(10) * CLOCK_US_PER_SEC)

struct conf {
	const char *source;
	struct target_opts target;
	struct narrow_opts narrow;
	struct opt_list ships;
	uint64_t job, max_differences;
	int format;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What" },
	LEDGER_JOB_OPT(struct conf, job),
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "max-differences",
		.kind = OPT_UINT,
		.offset = offsetof(struct conf, max_differences),
		.arg = "N",
		.min = 1,
		.help = "look for so many differing cells (default 20)" },
	REPORT_FORMAT_OPT(struct conf, format, "the report"),
	{ .kind = OPT_GROUP, .help = "Source" },
	NARROW_SOURCE_OPT(struct conf, source),
	NARROW_OPTS(struct conf, narrow),
	TARGET_OPTS(struct conf, target),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-wide-validate",
	.summary = "compare a narrow table with the wide tables made of it",
	.synopsis = "[options]",
	.examples = "  pg-wide-validate\n"
		    "  pg-wide-validate --ship-id IMO9999993 -f json\n",
	.opts = options,
};

struct tally {
	struct cellsum sum; /* of the narrow side */
	uint64_t ranges, left, differences;
};

struct check {
	struct conf conf;
	struct ledger_job job;
	struct arena arena;
	const struct sl *read; /* ships to ask the source for; n_read 0: all */
	size_t n_read;

	struct names ships;
	struct ledger_range *range;
	size_t n_ranges;
	struct tally *tally; /* by number of the ship */
	size_t tally_cap;
	size_t bad_ranges;

	struct narrow *narrow;
	struct cellsum_source source;
	struct cellsum_target target;
	struct celldiff diff;
	struct report differing;
};

/* ---- what to compare --------------------------------------------------------------------------
 */

static void find_job(struct check *c, struct pg *target)
{
	const struct conf *o = &c->conf;

	if (!ledger_job_seek(target, o->job, &o->narrow, &o->target, &c->job, &c->arena))
		die(EX_CONFIGURATION, "no job in the ledger, target: nothing was carried over yet");
	c->conf.target.schema = c->job.target_schema;
	c->conf.target.prefix = c->job.target_prefix;
}

/* ---- comparing --------------------------------------------------------------------------------
 */

static const struct report_column differing_columns[] = {
	{ "ship", false },
	{ "time", false },
	{ "channel", false },
	{ "source", false },
	{ "wide", false },
	{ "what", false },
};

static void on_difference(void *ctx, const struct celldiff_cell *cell)
{
	struct check *c = ctx;
	size_t i = names_find(&c->ships, cell->ship);

	report_text(&c->differing, cell->ship);
	report_text(&c->differing, cell->instant);
	report_text(&c->differing, cell->channel.n ? cell->channel : (struct sl){ NULL, 0 });
	report_text(&c->differing, cell->narrow);
	report_text(&c->differing, cell->wide);
	report_textz(&c->differing, cell->what);
	c->tally[i].differences++;
}

static bool same(const struct cellsum *narrow, const struct cellsum *wide)
{
	return narrow->cells == wide->cells && narrow->cell_sum == wide->cell_sum &&
	       narrow->instants == wide->instants && narrow->instant_sum == wide->instant_sum &&
	       wide->orphans == 0;
}

/* A source in use may have changed between the two looks, so both are taken again before the
 * search. */
static void look_closer(struct check *c, const struct ledger_range *r, size_t s)
{
	struct ship *ship = registry_ship(c->target.r, c->ships.name[s]);
	struct cellsum_of *again;
	struct cellsum wide, narrow = { .rows = 0 };
	struct arena arena = { 0 };
	uint64_t before = c->diff.n;

	registry_read(c->target.r, ship);
	if (cellsum_narrow(&c->source, r->from, r->to, &ship->id, 1, &arena, &again) > 0)
		narrow = again[0].sum;
	cellsum_wide(&c->target, ship, r->from, r->to, &wide);
	arena_free(&arena);
	if (same(&narrow, &wide))
		return;
	if (c->diff.n < c->diff.limit)
		celldiff_find(&c->diff, ship, r->from, r->to);
	if (c->diff.n > before || c->diff.n >= c->diff.limit)
		c->bad_ranges++;
}

static void add_sum(struct cellsum *to, const struct cellsum *s)
{
	to->rows += s->rows;
	to->bad += s->bad;
	to->values += s->values;
	to->cells += s->cells;
	to->instants += s->instants;
}

/* Ships that have no chunks come behind those that have. */
static size_t number_of(struct check *c, struct sl ship)
{
	bool added;
	size_t i = names_add(&c->ships, ship, &added);

	mem_grow(&c->tally, &c->tally_cap, i + 1, sizeof *c->tally);
	if (added)
		c->tally[i] = (struct tally){ .ranges = 0 };
	return i;
}

/* Both servers are at work meanwhile: the child was started before, and runs ahead. */
static void compare_range(struct check *c, const struct ledger_range *r, struct cellsum_child *side,
	struct cellsum *wide, size_t n_wide)
{
	static const struct cellsum none;
	struct arena arena = { 0 };
	struct cellsum_of *list;
	size_t n = cellsum_narrow(&c->source, r->from, r->to, c->read, c->n_read, &arena, &list);
	bool *seen = mem_zalloc(c->ships.n + n + 1);

	cellsum_child_read(side, wide);
	for (size_t i = 0; i < n; i++) {
		size_t s = number_of(c, list[i].name);

		seen[s] = true;
		/* a ship or a range that nobody planned yet, or a chunk that is not done */
		if (s >= n_wide || (r->cover[s] == LEDGER_COVER_NONE && same(&none, &wide[s]))) {
			c->tally[s].left++;
			continue;
		}
		if (r->cover[s] == LEDGER_COVER_OPEN)
			continue;
		add_sum(&c->tally[s].sum, &list[i].sum);
		if (!same(&list[i].sum, &wide[s]))
			look_closer(c, r, s);
	}
	for (size_t s = 0; s < n_wide; s++) {
		if (!seen[s] && r->cover[s] != LEDGER_COVER_OPEN && !same(&none, &wide[s]))
			look_closer(c, r, s);
		c->tally[s].ranges += r->cover[s] == LEDGER_COVER_DONE;
		c->tally[s].left += r->cover[s] == LEDGER_COVER_OPEN;
	}
	mem_free(seen);
	arena_free(&arena);
}

static void compare(struct check *c, struct cellsum_child *side)
{
	size_t n_wide = c->ships.n;
	struct cellsum *wide = mem_alloc(mem_mul(n_wide + 1, sizeof *wide));
	int64_t next = clock_monotonic() + NOTE_EVERY;

	for (size_t i = 0; i < c->n_ranges; i++) {
		if (ledger_range_counts(c->range, c->n_ranges, i, n_wide))
			compare_range(c, &c->range[i], side, wide, n_wide);
		else
			for (size_t s = 0; s < n_wide; s++)
				c->tally[s].left += c->range[i].cover[s] == LEDGER_COVER_OPEN;
		if (clock_monotonic() > next) {
			msg_note("%zu of %zu ranges compared", i + 1, c->n_ranges);
			next = clock_monotonic() + NOTE_EVERY;
		}
	}
	cellsum_child_end(side);
	mem_free(wide);
}

/* ---- report ------------------------------------------------------------------------------------
 */

static const struct report_column ship_columns[] = {
	{ "ship", false },
	{ "ranges", true },
	{ "left", true },
	{ "rows", true },
	{ "cells", true },
	{ "wide_rows", true },
	{ "repeated", true },
	{ "empty", true },
	{ "rejected", true },
	{ "differences", true },
};

static void add_tally(struct report *r, struct sl ship, const struct tally *t)
{
	const struct cellsum *s = &t->sum;

	report_text(r, ship);
	report_count(r, t->ranges);
	report_count(r, t->left);
	report_count(r, s->rows);
	report_count(r, s->cells);
	report_count(r, s->instants);
	report_count(r, s->values - s->cells);
	report_count(r, s->rows - s->bad - s->values);
	report_count(r, s->bad);
	report_count(r, t->differences);
}

static int by_name(const void *a, const void *b)
{
	return sl_cmp(**(const struct sl *const *)a, **(const struct sl *const *)b);
}

static struct tally add_tallies(struct check *c, struct report *r)
{
	const struct sl **sorted = mem_alloc(mem_mul(c->ships.n + 1, sizeof *sorted));
	struct tally total = { .ranges = 0 };

	for (size_t i = 0; i < c->ships.n; i++)
		sorted[i] = &c->ships.name[i];
	qsort(sorted, c->ships.n, sizeof *sorted, by_name);
	for (size_t i = 0; i < c->ships.n; i++) {
		const struct tally *t = &c->tally[sorted[i] - c->ships.name];

		add_tally(r, *sorted[i], t);
		add_sum(&total.sum, &t->sum);
		total.ranges += t->ranges;
		total.left += t->left;
		total.differences += t->differences;
	}
	mem_free(sorted);
	return total;
}

static void put_json(
	struct check *c, const struct report *ships, const struct tally *t, struct str *out)
{
	str_addf(out,
		"{\"job\":%llu,\"rows\":%llu,\"cells\":%llu,\"wide_rows\":%llu,\"rejected\":%llu,"
		"\"differences\":%llu,\"all_found\":%s,\"ranges\":%llu,\"left\":%llu,\"ships\":",
		(unsigned long long)c->job.id, (unsigned long long)t->sum.rows,
		(unsigned long long)t->sum.cells, (unsigned long long)t->sum.instants,
		(unsigned long long)t->sum.bad, (unsigned long long)t->differences,
		c->diff.n < c->diff.limit ? "true" : "false", (unsigned long long)t->ranges,
		(unsigned long long)t->left);
	report_put(ships, REPORT_JSON, out);
	str_addz(out, ",\"differing\":");
	report_put(&c->differing, REPORT_JSON, out);
	str_addz(out, "}\n");
}

/* For people: the ships, the differing cells, and in one line what they add up to. */
static void put_text(struct check *c, enum report_format format, const struct report *ships,
	const struct tally *t, struct str *out)
{
	report_put(ships, format, out);
	if (c->differing.n > 0) {
		str_addc(out, '\n');
		report_put(&c->differing, format, out);
	}
	str_addf(out, "\n%llu rows, %llu cells, ", (unsigned long long)t->sum.rows,
		(unsigned long long)t->sum.cells);
	if (c->diff.n >= c->diff.limit)
		str_addf(out, "%llu or more differences in %zu or more ranges\n",
			(unsigned long long)c->diff.limit, c->bad_ranges);
	else
		str_addf(out, "%llu differences\n", (unsigned long long)t->differences);
	if (t->left)
		str_addf(out, "%llu chunks or ranges are not carried over yet, and not compared\n",
			(unsigned long long)t->left);
}

/* Returns the exit code. */
static int put_report(struct check *c)
{
	enum report_format format = (enum report_format)c->conf.format;
	struct report ships;
	struct str text = { 0 };
	struct tally total;
	struct out *out;

	report_init(&ships, ship_columns, ARRAY_LEN(ship_columns));
	total = add_tallies(c, &ships);
	if (format == REPORT_JSON)
		put_json(c, &ships, &total, &text);
	else if (format == REPORT_CSV)
		report_put(&ships, format, &text);
	else
		put_text(c, format, &ships, &total, &text);
	out = out_open(NULL, 0);
	out_put(out, str_sl(&text));
	out_close(out);
	report_free(&ships);
	str_free(&text);
	return total.differences || total.left ? EX_DIFFERS : EX_DONE;
}

/* ---- main --------------------------------------------------------------------------------------
 */

/* Asks the ledger what there is, and both servers how to hash; nothing stays open behind the fork.
 */
static enum cellsum_hash prepare(struct check *c)
{
	struct pg *target = pg_connect(c->conf.target.conninfo, "target");
	struct pg *source = pg_connect(c->conf.source, "source");
	enum cellsum_hash hash = cellsum_choose(source, target);
	const struct opt_list *only = &c->conf.ships;

	find_job(c, target);
	c->n_ranges = ledger_ranges(
		target, &c->job, only->v, only->n, &c->ships, &c->arena, &c->range);
	if (c->ships.n == 0)
		die(EX_CONFIGURATION, "job %llu has no chunks%s", (unsigned long long)c->job.id,
			only->n ? " of this ship" : "");
	c->tally = mem_zalloc(mem_mul(c->ships.n, sizeof *c->tally));
	c->tally_cap = c->ships.n;
	/* without an index by time every range would cost a look at all rows */
	c->narrow = narrow_detect(source, &c->conf.narrow);
	if (!c->narrow->by_time && !c->narrow->by_ship_time)
		c->n_ranges = ledger_ranges_join(c->range, c->n_ranges, c->ships.n);
	pg_close(source);
	pg_close(target);
	return hash;
}

/*
 * Which ships the source is asked for. With an index by ship and time only, they must be named;
 * then those that nobody planned are looked for here.
 */
static void choose_ships(struct check *c)
{
	struct sl *all, *named;
	size_t n, planned = c->ships.n;

	c->read = c->conf.ships.v;
	c->n_read = c->conf.ships.n;
	if (c->conf.ships.n > 0 || c->narrow->by_time || !c->narrow->by_ship_time)
		return;
	c->n_read = planned;
	named = arena_alloc(&c->arena, mem_mul(planned, sizeof *named));
	memcpy(named, c->ships.name, planned * sizeof *named);
	c->read = named;
	n = narrow_ships(c->narrow, c->source.pg, &all);
	for (size_t i = 0; i < n; i++) {
		size_t s = number_of(c, all[i]);

		c->tally[s].left += s >= planned;
	}
	mem_free(all);
}

static void open_both(struct check *c, enum cellsum_hash hash)
{
	struct pg *source = pg_connect(c->conf.source, "source");

	cellsum_source_open(&c->source, source, c->narrow, hash);
	c->target = (struct cellsum_target){ .hash = hash };
	c->target.r = registry_open(
		pg_connect(c->conf.target.conninfo, "target"), &c->conf.target, "created_time");
	c->diff = (struct celldiff){ .source = &c->source,
		.target = &c->target,
		.found = on_difference,
		.ctx = c,
		.limit = c->conf.max_differences };
	choose_ships(c);
	report_init(&c->differing, differing_columns, ARRAY_LEN(differing_columns));
	if (hash == CELLSUM_PORTABLE)
		msg_note("the servers' own hashes differ, so md5 is used: slower");
}

static void close_both(struct check *c)
{
	struct pg *target = registry_pg(c->target.r);

	pg_close(c->source.pg);
	cellsum_source_close(&c->source);
	narrow_free(c->narrow);
	cellsum_target_close(&c->target);
	pg_close(target);
	report_free(&c->differing);
	names_free(&c->ships);
	mem_free(c->tally);
	mem_free(c->conf.ships.v);
	arena_free(&c->arena);
}

int main(int argc, char **argv)
{
	struct check c = { .conf = { .max_differences = 20 } };
	struct cellsum_child *side;
	enum cellsum_hash hash;
	int code;

	opt_parse(&program, &c.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("no operand is expected: %s", msg_q(sl_of(argv[0])));
	target_defaults(&c.conf.target);
	hash = prepare(&c);
	side = cellsum_child_start(&c.conf.target, hash, c.range, c.n_ranges, &c.ships);
	open_both(&c, hash);
	compare(&c, side);
	code = put_report(&c);
	close_both(&c);
	return code;
}
