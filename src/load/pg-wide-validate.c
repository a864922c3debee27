/*
 * pg-wide-validate - compare a narrow table with the wide tables made of it, cell by cell, and
 * repair what differs.
 *
 * The work is done by compare/verify.h; this is the command line and the report.
 */
#include "compare/verify.h"
#include "core/stop.h"
#include "ledger/ledger_opts.h"
#include "stream/out.h"

#include <unistd.h>

struct conf {
	const char *source;
	struct target_opts target;
	struct narrow_opts narrow;
	struct opt_list ships;
	uint64_t job, max_differences;
	int format;
	bool repair, remove, doubt, followed, new_ship;
	struct opt_time before;
	int64_t settle, every;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Input" },
	LEDGER_JOB_OPT(struct conf, job),
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "new-ship", CONF(new_ship), .needs = "ship-id",
	  .help = "a ship that was never carried over counts as left" },
	{ .name = "max-differences", CONF(max_differences), .arg = "N", .min = 1,
	  .help = "look for so many differing cells (default 20)" },
	REPORT_FORMAT_OPT(struct conf, format, "the report"),
	{ .name = "followed", CONF(followed),
	  .help = "also what only a follower brings, while none is at work" },
	{ .kind = OPT_GROUP, .help = "Repair" },
	{ .name = "repair", .letter = 'r', CONF(repair),
	  .help = "make the wide tables equal, also while they are written to" },
	{ .name = "delete", .needs = "repair", .weakens = true, CONF(remove),
	  .help = "repair: also remove what the narrow table has no more" },
	{ .name = "settle", CONF(settle), .arg = "DURATION", .unit = CLOCK_US_PER_SEC,
	  .help = "a difference counts when it is there so much later, too" },
	{ .name = "doubt", CONF(doubt), .help = "only what is in doubt" },
	{ .name = "done-before", CONF(before), .arg = "TIME",
	  .help = "only chunks that were done before (UTC)" },
	{ .name = "every", .needs = "repair", .not_with = "done-before", CONF(every),
	  .arg = "DURATION", .unit = CLOCK_US_PER_SEC,
	  .help = "repair again and again, recent chunks so often" },
	LEDGER_SIDES_OPTS(struct conf),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-wide-validate",
	.summary = "compare a narrow table with the wide tables made of it",
	.synopsis = "[options]",
	.examples = "  pg-wide-validate\n"
		    "  pg-wide-validate --ship-id IMO9999993 -f json\n"
		    "  pg-wide-validate --repair\n",
	.opts = options,
};

struct check {
	struct conf conf;
	struct verify verify;
	struct report differing;
};

/* ---- differences ----------------------------------------------------------------------------- */

static const struct report_column differing_columns[] = {
	{ N_("ship"), false }, { N_("time"), false }, { N_("channel"), false },
	{ N_("source"), false }, { N_("wide"), false }, { N_("what"), REPORT_WORDS },
};

static void on_difference(void *ctx, size_t ship, const struct celldiff_cell *cell)
{
	struct check *c = ctx;

	report_text(&c->differing, c->verify.ships.name[ship]);
	report_text(&c->differing, cell->instant);
	report_text(&c->differing, cell->channel.n ? cell->channel : (struct sl){ NULL, 0 });
	report_text(&c->differing, cell->narrow);
	report_text(&c->differing, cell->wide);
	report_textz(&c->differing, celldiff_text(cell->what));
}

/* ---- report ---------------------------------------------------------------------------------- */

static const struct report_column ship_columns[] = {
	{ N_("ship"), false }, { N_("ranges"), true }, { N_("left"), true }, { N_("rows"), true },
	{ N_("cells"), true }, { N_("wide_rows"), true }, { N_("repeated"), true },
	{ N_("empty"), true }, { N_("unreadable"), true }, { N_("differences"), true },
};

static void add_tally(struct report *r, struct sl ship, const struct verify_tally *t)
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

static struct verify_tally add_tallies(struct check *c, struct report *r)
{
	const struct names *ships = &c->verify.ships;
	AUTO_FREE const struct sl **sorted = mem_alloc(mem_mul(ships->n + 1, sizeof *sorted));
	struct verify_tally total = { .ranges = 0 };

	for (size_t i = 0; i < ships->n; i++)
		sorted[i] = &ships->name[i];
	qsort(sorted, ships->n, sizeof *sorted, by_name);
	for (size_t i = 0; i < ships->n; i++) {
		const struct verify_tally *t = &c->verify.tally[sorted[i] - ships->name];

		add_tally(r, *sorted[i], t);
		cellsum_add(&total.sum, &t->sum);
		total.ranges += t->ranges;
		total.left += t->left;
		total.differences += t->differences;
	}
	return total;
}

static void put_json(
	struct check *c, const struct report *ships, const struct verify_tally *t, struct str *out)
{
	const struct verify *v = &c->verify;

	str_addf(out,
		"{\"job\":%llu,\"rows\":%llu,\"cells\":%llu,\"wide_rows\":%llu,\"unreadable\":%llu,"
		"\"differences\":%llu,\"all_found\":%s,\"ranges\":%llu,\"left\":%llu,",
		(unsigned long long)v->job.id, (unsigned long long)t->sum.rows,
		(unsigned long long)t->sum.cells, (unsigned long long)t->sum.instants,
		(unsigned long long)t->sum.bad, (unsigned long long)t->differences,
		verify_has_more(v) ? "false" : "true", (unsigned long long)t->ranges,
		(unsigned long long)t->left);
	if (c->conf.repair)
		str_addf(out, "\"repaired\":%llu,\"ships\":",
			(unsigned long long)(v->repair.filled + v->repair.set + v->repair.removed));
	else
		str_addz(out, "\"ships\":");
	report_put(ships, REPORT_JSON, out);
	str_addz(out, ",\"differing\":");
	report_put(&c->differing, REPORT_JSON, out);
	str_addz(out, "}\n");
}

/* For people: the ships, the differing cells, and in one line what they add up to. */
static void put_text(struct check *c, enum report_format format, const struct report *ships,
	const struct verify_tally *t, struct str *out)
{
	const struct verify *v = &c->verify;

	report_put(ships, format, out);
	if (c->differing.n > 0) {
		str_addc(out, '\n');
		report_put(&c->differing, format, out);
	}
	str_addf(out, tr("\n%llu rows, %llu cells, "), (unsigned long long)t->sum.rows,
		(unsigned long long)t->sum.cells);
	if (verify_has_more(v))
		str_addf(out, tr("%llu or more differences in %zu or more ranges\n"),
			(unsigned long long)v->differences, v->bad_ranges);
	else
		str_addf(out, tr("%llu differences\n"), (unsigned long long)t->differences);
	if (c->conf.repair)
		str_addf(out,
			tr("repaired: %llu values and rows missing, %llu changed, "
			   "%llu rows too many\n"),
			(unsigned long long)v->repair.filled, (unsigned long long)v->repair.set,
			(unsigned long long)v->repair.removed);
	if (t->left)
		str_addf(out,
			tr("%llu chunks or ranges are not carried over yet, and not compared\n"),
			(unsigned long long)t->left);
}

/* Returns the exit code. */
static int put_report(struct check *c)
{
	enum report_format format = (enum report_format)c->conf.format;
	AUTO_REPORT ships = { .columns = ship_columns, .n_columns = ARRAY_LEN(ship_columns) };
	struct verify_tally total = add_tallies(c, &ships);
	AUTO_STR text = { 0 };

	if (format == REPORT_JSON)
		put_json(c, &ships, &total, &text);
	else if (format == REPORT_CSV)
		report_put(&ships, format, &text);
	else
		put_text(c, format, &ships, &total, &text);
	out_print(str_sl(&text));
	/* equal because there is nothing on either side */
	if (!total.differences && !total.left && total.sum.cells == 0 && total.sum.bad > 0)
		die_hint(EX_DATA, "narrow-to-wide --mode failed has the reasons",
			"nothing was compared: none of the %llu rows can be carried over",
			(unsigned long long)total.sum.bad);
	return total.differences || total.left ? EX_DIFFERS : EX_DONE;
}

/* ---- main ------------------------------------------------------------------------------------ */

static struct verify_opts options_of(struct check *c)
{
	struct conf *o = &c->conf;

	return (struct verify_opts){ .source = o->source,
		.target = &o->target,
		.narrow = &o->narrow,
		.job = o->job,
		.only = o->ships.v,
		.n_only = o->ships.n,
		.new_ship = o->new_ship,
		.max_differences = o->max_differences,
		.settle = o->settle,
		.repair = o->repair,
		.remove = o->remove,
		.doubt = o->doubt,
		.followed = o->followed,
		.finished_before = o->before.given ? o->before.instant : LEDGER_NO_TIME,
		.found = on_difference,
		.ctx = c };
}

static pid_t parent;

static bool go_on(void)
{
	return !stop_asked() && getppid() == parent;
}

/* Until SIGTERM, or until whoever started it has gone. */
static void reconcile(const struct check *c, struct verify_opts *opts)
{
	opts->found = NULL;
	parent = getppid();
	stop_catch(NULL, NULL);
	verify_watch(opts, c->conf.every, go_on);
}

int main(int argc, char **argv)
{
	struct check c = { .conf = { .max_differences = 20, .settle = VERIFY_SETTLE_AUTO } };
	struct verify_opts opts;
	int code = EX_DONE;

	opt_parse(&program, &c.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("no operand is expected: %s", msg_q(sl_of(argv[0])));
	target_defaults(&c.conf.target);
	report_init(&c.differing, differing_columns, ARRAY_LEN(differing_columns));
	opts = options_of(&c);
	if (c.conf.every) {
		reconcile(&c, &opts);
	} else {
		verify_run(&c.verify, &opts);
		code = put_report(&c);
		verify_free(&c.verify);
	}
	report_free(&c.differing);
	return code;
}
