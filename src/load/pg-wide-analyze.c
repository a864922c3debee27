/*
 * pg-wide-analyze - before a migration what it will take, behind it what it has brought.
 *
 * Both are reports: `migration` looks at the narrow table and the servers (compare/analysis.h),
 * `queries` asks the narrow table and the wide ones the same things (compare/query_race.h).
 * Nothing is written, and nothing reads a large table as a whole.
 */
#include "compare/analysis.h"
#include "compare/query_race.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/opt.h"
#include "ledger/ledger_ships.h"
#include "stream/out.h"
#include "ledger/ledger_opts.h"

struct conf {
	const char *source;
	struct target_opts target;
	struct narrow_opts narrow;
	struct opt_list ships;
	uint64_t disk_free, runs;
	int format;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Input" },
	NARROW_SHIPS_OPT(struct conf, ships),
	{ .name = "disk-free",
		.kind = OPT_SIZE,
		.offset = offsetof(struct conf, disk_free),
		.arg = "SIZE",
		.help = "migration: room the target has (default: seen where it is local)" },
	{ .name = "runs",
		.verbs = "queries",
		.kind = OPT_UINT,
		.offset = offsetof(struct conf, runs),
		.arg = "N",
		.min = 1,
		.max = 1000,
		.help = "how often each is run (default 5)" },
	REPORT_FORMAT_OPT(struct conf, format, "the report"),
	LEDGER_SIDES_OPTS(struct conf),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-wide-analyze",
	.summary = "tell what a migration to wide tables takes, and what it brings",
	.synopsis = "migration|queries [options]",
	.examples = "  pg-wide-analyze migration --format markdown\n"
		    "  pg-wide-analyze queries --ship-id IMO9999993 --runs 9\n",
	.opts = options,
};

struct run {
	struct conf conf;
	struct pg *source, *target;
	struct narrow *n;
	struct report report;
};

static void analyze_migration(struct run *run)
{
	struct analysis_conf c = { .source = run->source,
		.target = run->target,
		.n = run->n,
		.opts = &run->conf.target,
		.ships = run->conf.ships.v,
		.n_ships = run->conf.ships.n,
		.disk_free = run->conf.disk_free };

	report_init(&run->report, analysis_columns, ARRAY_LEN(analysis_columns));
	analysis_run(&c, &run->report);
}

static int compare_queries(struct run *run)
{
	struct query_race race = { .source = run->source,
		.target = run->target,
		.n = run->n,
		.runs = run->conf.runs };
	bool same;

	if (run->conf.ships.n > 1)
		opt_usage("queries: one --ship-id at most");
	if (run->conf.ships.n > 0)
		race.ship = run->conf.ships.v[0];
	if (!ledger_exists(run->target))
		die_hint(EX_CONFIGURATION, "narrow-to-wide --mode migration-only makes some",
			"there are no wide tables, target");
	race.registry = registry_open(run->target, &run->conf.target, "created_time");
	report_init(&run->report, query_race_columns, ARRAY_LEN(query_race_columns));
	same = query_race_run(&race, &run->report);
	registry_close(race.registry);
	if (!same)
		msg_warn("both sides do not say the same: is the migration done? "
			 "pg-wide-validate tells");
	return same ? EX_DONE : EX_DIFFERS;
}

static void print(struct run *run)
{
	AUTO_STR text = { 0 };

	report_put(&run->report, (enum report_format)run->conf.format, &text);
	if (run->conf.format == REPORT_JSON)
		str_addc(&text, '\n');
	out_print(str_sl(&text));
}

int main(int argc, char **argv)
{
	struct run run = { .conf.runs = 5 };
	int code = EX_DONE;
	size_t verb;

	opt_parse(&program, &run.conf, &argc, &argv);
	verb = opt_verb("migration|queries", argc, argv);
	target_defaults(&run.conf.target);
	run.source = narrow_connect(run.conf.source, &run.conf.narrow);
	run.target = pg_connect(run.conf.target.conninfo, "target");
	run.n = narrow_detect(run.source, &run.conf.narrow);
	ledger_want_ships(run.n, run.source, NULL, NULL, &run.conf.ships);
	if (verb == 0)
		analyze_migration(&run);
	else
		code = compare_queries(&run);
	print(&run);
	report_free(&run.report);
	narrow_free(run.n);
	pg_close(run.source);
	pg_close(run.target);
	return code;
}
