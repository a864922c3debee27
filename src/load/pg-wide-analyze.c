/*
 * pg-wide-analyze - before a migration what it will take, behind it what it has brought.
 *
 * Both are reports: `migration` looks at the narrow table and the servers (compare/analysis.h),
 * `queries` asks the narrow table and the wide ones the same things (compare/query_race.h), and
 * `source` and `target` say what only a client of that server can tell.
 * Nothing is written, and nothing reads a large table as a whole.
 */
#include "compare/analysis.h"
#include "compare/query_race.h"
#include "ledger/ledger_disk.h"
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
	{ .name = "disk-free", .kind = OPT_SIZE, .offset = offsetof(struct conf, disk_free),
	  .arg = "SIZE",
	  .help = "migration: room the target has (default: seen where it is local)" },
	{ .name = "runs", .verbs = "queries", CONF(runs), .arg = "N", .min = 1, .max = 1000,
	  .help = "how often each is run (default 5)" },
	REPORT_FORMAT_OPT(struct conf, format, "the report"),
	LEDGER_SIDES_OPTS(struct conf),
	OPT_END,
};

#define VERBS "migration|queries|source|target"

static const struct opt_program program = {
	.name = "pg-wide-analyze",
	.summary = "tell what a migration to wide tables takes, and what it brings",
	.synopsis = VERBS " [options]",
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
		.disk_free = run->conf.disk_free,
		.brief = run->conf.format == REPORT_TABLE || run->conf.format == REPORT_MARKDOWN };

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

/* ---- the way to a server --------------------------------------------------------------------- */

#define PROBES 5

static void fact(struct run *run, const char *name, double value, int decimals)
{
	report_textz(&run->report, name);
	report_real(&run->report, value, decimals);
}

/* The shortest of some answers, and how far the server's clock is ahead in the middle of it. */
static void probe_clock(struct run *run, struct pg *pg)
{
	int64_t best = INT64_MAX, ahead = 0;

	for (int i = 0; i < PROBES; i++) {
		int64_t began = clock_monotonic(), took, server;
		AUTO_RESULT *r = pg_query(pg,
			"SELECT (extract(epoch FROM clock_timestamp()"
			" - timestamptz '2000-01-01 UTC') * 1000000)::bigint",
			0, NULL);

		took = clock_monotonic() - began;
		if (took >= best || !num_i64(pg_value(r, 0, 0), &server))
			continue;
		best = took;
		ahead = server - (clock_now() - took / 2);
	}
	fact(run, "round_trip_ms", (double)best / 1e3, 3);
	fact(run, "clock_ahead_s", (double)ahead / 1e6, 3);
}

static void probe_disks(struct run *run, struct pg *pg)
{
	struct ledger_disk disks[LEDGER_DISKS_MAX];
	size_t n = ledger_disks(pg, run->conf.target.schema, run->conf.target.prefix, disks);

	for (size_t i = 0; i < n; i++) {
		AUTO_STR name = { 0 };

		str_addf(&name, "free_percent of %s", disks[i].what);
		fact(run, str_z(&name), disks[i].bytes_free * 100 / disks[i].bytes, 1);
	}
}

static void probe(struct run *run, bool source)
{
	static const struct report_column columns[] = { { .name = "figure" },
		{ .name = "value", .kind = REPORT_NUMBER } };
	struct pg *pg = source ? pg_connect(run->conf.source, "source")
			       : pg_connect(run->conf.target.conninfo, "target");

	report_init(&run->report, columns, ARRAY_LEN(columns));
	fact(run, "server_version", pg_server_version(pg), 0);
	fact(run, "pooled", pg_is_pooled(pg), 0);
	probe_clock(run, pg);
	if (!source)
		probe_disks(run, pg);
	pg_close(pg);
}

/* ---- main ------------------------------------------------------------------------------------ */

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
	verb = opt_verb(VERBS, argc, argv);
	if (verb == 1 && run.conf.ships.n > 1)
		opt_usage("queries: one --ship-id at most");
	target_defaults(&run.conf.target);
	if (verb >= 2) {
		probe(&run, verb == 2);
		print(&run);
		report_free(&run.report);
		return EX_DONE;
	}
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
