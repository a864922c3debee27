/*
 * fs-plan - may one feature group be moved into another, and what would that be?
 *
 * Describes both, checks that features, types, identifier and event time go together, counts the
 * records by Athena, and prints the plan. Changes nothing.
 */
#include "core/clock.h"
#include "core/stop.h"
#include "core/tmpf.h"
#include "fs/fs_move.h"
#include "stream/out.h"

struct conf {
	struct fs_move move;
	const char *facts;
};

static const struct opt options[] = {
	FS_MOVE_OPTS(struct conf, move),
	{.kind = OPT_GROUP, .help = "The plan"},
	{ .name = "clear-target", CONF(move.clear),
	  .help = "say that the target is emptied first" },
	{ .name = "try-writing", .needs = "clear-target", CONF(move.try_writing),
	  .help = "and find out whether it may be written, by a record without a value (default)" },
	{ .name = "allow-empty", CONF(move.allow_empty),
	  .help = "also when nothing is to be moved into it" },
	{ .name = "batch-size", CONF(move.batch), .arg = "N", .min = 1, .max = 1000000,
	  .help = "to be shown (default 100)" },
	{ .name = "max-workers", CONF(move.workers), .arg = "N", .min = 1, .max = 1024,
	  .help = "to be shown (default 4)" },
	{ .name = "facts", CONF(facts), .arg = "FILE", .file = OPT_WRITES,
	  .help = "write what scripts have to know here: names and values, each ended by NUL" },
	AWS_OPTS(struct conf, move.source.opts),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-plan",
	.summary = "check and plan the migration of a feature group into another",
	.synopsis = "[options] SOURCE TARGET",
	.examples = "  fs-plan customers customers-2\n"
		    "  fs-plan --where \"price > 100\" orders big-orders\n",
	.opts = options,
};

static void print(const struct fs_move *m)
{
	AUTO_STR s = {0};

	fs_move_print(m, &s);
	out_print(str_sl(&s));
}

static void write_facts(const struct fs_move *m, const char *path)
{
	AUTO_STR s = {0};

	fs_move_facts(m, &s);
	if (!tmpf_replace(path, str_sl(&s), 0600))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(path)));
}

int main(int argc, char **argv)
{
	struct conf conf = {.move = {FS_MOVE_DEFAULTS}};

	opt_parse(&program, &conf, &argc, &argv);
	if (argc != 2)
		opt_usage("a SOURCE and a TARGET");
	fs_where_check("where", conf.move.filter);
	fs_move_open(&conf.move, argv[0], argv[1]);
	stop_catch(fs_move_stop, &conf.move);
	fs_move_count(&conf.move);
	fs_move_check_clear(&conf.move);
	if (conf.facts)
		write_facts(&conf.move, conf.facts);
	print(&conf.move);
	fs_move_close(&conf.move);
	return EX_DONE;
}
