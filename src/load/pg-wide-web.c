/*
 * pg-wide-web - the ledger as a page: live on this machine, or in a file to keep, mail and print.
 *
 * All it knows is what the ledger in the target says (web/page.h). It changes nothing there.
 */
#include "core/tmpf.h"
#include "ledger/ledger_opts.h"
#include "stream/out.h"
#include "web/page.h"
#include "web/serve.h"

struct conf {
	struct target_opts target;
	struct narrow_opts narrow;
	uint64_t job;
	bool report;
	const char *output;
	struct gate_opts gate;
};

static const struct opt options[] = {
	{ .name = "report", CONF(report), .help = "write the page of the job as a file, and end" },
	{ .name = "output", .letter = 'O', CONF(output), .arg = "FILE", .needs = "report",
	  .file = OPT_WRITES, .help = "the file (default: standard output)" },
	{ .name = "listen", CONF(gate.listen), .arg = "ADDRESS:PORT", .not_with = "report",
	  .help = "where the page is (default 127.0.0.1:8420)" },
	{ .name = "token-file", CONF(gate.token_file), .arg = "FILE", .not_with = "report",
	  .file = OPT_READS,
	  .help = "a password in it is asked for; needed where others reach the page" },
	{ .name = "host", CONF(gate.hosts), .arg = "NAME", .not_with = "report",
	  .help = "a name the page is called by; may be given several times" },
	LEDGER_JOB_OPT(struct conf, job),
	NARROW_OPTS(struct conf, narrow),
	TARGET_OPTS(struct conf, target),
	OPT_END,
};

static void add_section(void *ctx, unsigned part, struct sl text)
{
	if (part < PAGE_SECTIONS)
		str_add(ctx, text);
}

static void report(struct pg *target, const struct ledger_job *job, const char *path)
{
	AUTO_STR sections = { 0 }, page = { 0 }, title = { 0 };

	page_parts(target, job, add_section, &sections);
	str_addf(&title, "ferry: %s", job->source_table);
	page_whole(&page, false, str_sl(&title), str_sl(&sections));
	if (!path)
		out_print(str_sl(&page));
	else if (!tmpf_replace(path, str_sl(&page), 0666))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(path)));
}

static const struct opt_program program = {
	.name = "pg-wide-web",
	.summary = "show the ledger of a migration as a page",
	.synopsis = "[options]\n--report [-O FILE] [options]",
	.examples = "  pg-wide-web --report -O report.html\n"
		    "  pg-wide-web --listen 127.0.0.1:8420\n",
	.opts = options,
};

int main(int argc, char **argv)
{
	struct conf conf = { .gate.listen = "127.0.0.1:8420" };
	AUTO_ARENA arena = { 0 };
	struct ledger_job job;
	struct pg *target;
	bool found;

	opt_parse(&program, &conf, &argc, &argv);
	if (argc > 0)
		opt_usage("not an option: %s", msg_q(sl_of(argv[0])));
	target_defaults(&conf.target);
	target = pg_connect(conf.target.conninfo, "target");
	found = ledger_job_seek(target, conf.job, &conf.narrow, &conf.target, &job, &arena);
	if (!found && (conf.report || conf.job || conf.narrow.table))
		die_hint(EX_CONFIGURATION, "narrow-to-wide --mode migration-only plans one",
			"no job in the ledger, target: nothing was planned for this table and "
			"target");
	if (conf.report)
		report(target, &job, conf.output);
	pg_close(target);
	if (!conf.report)
		serve_run(&conf.gate, conf.target.conninfo, found ? job.id : 0);
	return EX_DONE;
}
