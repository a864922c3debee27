/*
 * pg-copy-load - records into PostgreSQL: the only program that commits.
 *
 * Two jobs: --table loads any CSV or NDJSON into any table, --wide a wide stream into the tables of
 * its ships. Either way a sealed stream is committed at each of its seals, rows and ledger in one
 * transaction, and an unsealed file at its end; whatever goes wrong before that leaves nothing.
 */
#include "core/kp.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/stop.h"
#include "pg/table.h"
#include "pg/wide_chunk.h"
#include "pg/wide_coverage.h"
#include "stream/in.h"
#include "stream/io.h"
#include "stream/out.h"

#include <signal.h>

#define DEFAULT_BUFFER (UINT64_C(4) << 20)

struct conf {
	struct io_opts io;
	struct wide_chunk_opts wide; /* its `key` and `buffer` are those of --table, too */
	const char *table;
	struct opt_list types;
	int format; /* enum report_format */
	bool is_wide, create, ignore_unknown, accept_unsealed;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What" },
	{ .name = "wide", .letter = 'w', .kind = OPT_FLAG, .offset = offsetof(struct conf, is_wide),
	  .help = "a wide stream into the tables of its ships" },
	{ .name = "table", .letter = 't', .kind = OPT_STR, .offset = offsetof(struct conf, table),
	  .arg = "SCHEMA.TABLE", .help = "any records into this table" },
	{ .name = "key", .letter = 'k', .kind = OPT_STR, .offset = offsetof(struct conf, wide.key),
	  .arg = "NAME[,NAME]",
	  .help = "replace rows with the same key; --wide: the time (default created_time)" },
	{ .name = "accept-unsealed", .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, accept_unsealed),
	  .help = "load a pipe although nothing tells whether it is whole" },
	{ .name = "buffer", .kind = OPT_SIZE, .offset = offsetof(struct conf, wide.buffer),
	  .arg = "SIZE", .min = 1024, .max = UINT64_C(1) << 28,
	  .help = "gather so much per table before it is sent (default 4M)" },
	{ .kind = OPT_GROUP, .help = "With --table" },
	{ .name = "create", .letter = 'c', .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, create),
	  .help = "make the table when there is none: all columns text" },
	{ .name = "column-type", .letter = 'T', .kind = OPT_LIST,
	  .offset = offsetof(struct conf, types), .arg = "NAME=TYPE",
	  .help = "type of a column for --create; may be given several times" },
	{ .name = "ignore-unknown", .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, ignore_unknown),
	  .help = "leave out columns that the table does not have" },
	{ .kind = OPT_GROUP, .help = "With --wide" },
	{ .name = "by", .letter = 'b', .kind = OPT_STR, .offset = offsetof(struct conf, wide.by),
	  .arg = "NAME", .help = "column that names the ship (default ship_id)" },
	{ .name = "live", .kind = OPT_FLAG, .offset = offsetof(struct conf, wide.live),
	  .help = "replace values that are there, whatever a seal says" },
	{ .name = "ack", .kind = OPT_STR, .offset = offsetof(struct conf, wide.ack),
	  .arg = "FILE", .help = "live chunks: write here what of the source is committed" },
	{ .name = "keep-rejects", .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, wide.keep_rejects),
	  .help = "keep values that do not fit their column in ferry.reject and go on" },
	{ .name = "on-unknown", .kind = OPT_ENUM, .offset = offsetof(struct conf, wide.on_unknown),
	  .choices = "add|ignore|error",
	  .help = "what to do with channels that a ship does not have" },
	{ .name = "dry-run", .letter = 'n', .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, wide.dry_run),
	  .help = "print what would change in each table, and change nothing" },
	REPORT_FORMAT_OPT(struct conf, format, "--dry-run"),
	TARGET_OPTS(struct conf, wide.target),
	IO_IN_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-copy-load",
	.summary = "load records into PostgreSQL",
	.synopsis = "--table SCHEMA.TABLE [options] [FILE]\n--wide [options] [FILE]",
	.examples = "  pg-copy-load --table public.rates --key day,currency rates.csv\n"
		    "  pg-copy-load --table public.log --create log.ndjson.gz\n"
		    "  pg-narrow-dump | pivot-wide | pg-copy-load --wide\n",
	.opts = options,
};

struct load {
	struct conf conf;
	struct pg *pg;
	struct io *io;
	bool reading;             /* waiting for input: nothing is to be put in order */
	bool committing;          /* between sending COMMIT and the answer */
	struct wide_chunk *chunk; /* --wide */
	struct table *table;      /* --table */
	bool in_transaction;      /* of --table */
};

/* ---- ending --------------------------------------------------------------------------------- */

/*
 * A connection that ends takes the open transaction with it, so while waiting for input the signal
 * may do its work; a statement is cancelled; a COMMIT is waited for.
 */
static void wake(void *ctx)
{
	struct load *ld = ctx;

	if (ld->reading) {
		(void)signal(stop_signal, SIG_DFL);
		(void)raise(stop_signal);
	} else if (!ld->committing) {
		pg_cancel(ld->pg);
	}
}

/* The program is failing: says what is to be said, and tells the ledger. */
static void on_failure(void *ctx, int code, const char *message)
{
	struct load *ld = ctx;

	if (ld->committing)
		msg_warn("it is not known whether the last chunk was committed; %s",
			ld->chunk || ld->conf.wide.key
				? "running the same command again is safe"
				: "without --key, running again may add rows twice: look first");
	else if (stop_asked())
		leave(128 + stop_signal);
	else if (ld->chunk)
		wide_chunk_failed(ld->chunk, code, message);
}

static void commit(void *ctx)
{
	struct load *ld = ctx;

	stop_check();
	KP("before_commit");
	ld->committing = true;
	if (ld->chunk)
		wide_commit(wide_chunk_wide(ld->chunk));
	else
		pg_exec(ld->pg, "COMMIT");
	ld->committing = false;
	KP("after_commit");
}

/* ---- any table ------------------------------------------------------------------------------ */

static void table_bad(void *ctx, const struct fault *fault, struct sl raw)
{
	struct load *ld = ctx;

	io_reject(ld->io, &(struct rec){ .record = fault->record, .line = fault->line, .raw = raw },
		fault);
}

static void begin_table(struct load *ld)
{
	if (!ld->in_transaction)
		pg_exec(ld->pg, "BEGIN");
	ld->in_transaction = true;
}

static void open_table(struct load *ld)
{
	struct table_conf c = {
		.name = ld->conf.table,
		.keys = ld->conf.wide.key,
		.create = ld->conf.create,
		.ignore_unknown = ld->conf.ignore_unknown,
		.types = ld->conf.types,
		.buffer = ld->conf.wide.buffer,
		.keep_raw = ld->conf.io.rejects != NULL,
		.bad = table_bad,
		.ctx = ld,
	};

	ld->table = table_open(ld->pg, &c);
}

static void finish_table(struct load *ld, const struct seal *seal)
{
	table_flush(ld->table);
	io_seal(ld->io, seal);
	KP("before_finish");
	if (ld->in_transaction)
		commit(ld);
	ld->in_transaction = false;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void check_options(const struct conf *c, int argc)
{
	const struct wide_chunk_opts *w = &c->wide;

	if (argc > 1)
		opt_usage("at most one FILE");
	if (c->is_wide == (c->table != NULL))
		opt_usage("say --table SCHEMA.TABLE or --wide");
	if (c->is_wide && (c->create || c->ignore_unknown || c->types.n > 0))
		opt_usage("--create, --column-type and --ignore-unknown are for --table");
	if (!c->is_wide && (w->by || w->live || w->ack || w->keep_rejects || w->on_unknown ||
				   w->dry_run))
		opt_usage("--by, --live, --ack, --keep-rejects, --on-unknown and --dry-run "
			  "are for --wide");
	if (w->dry_run && w->ack)
		opt_usage("--dry-run and --ack exclude each other");
	if (w->dry_run && w->keep_rejects)
		opt_usage("--dry-run and --keep-rejects exclude each other");
	if (c->format && !w->dry_run)
		opt_usage("--format is for --dry-run");
	if (w->keep_rejects && c->io.rejects)
		opt_usage("--rejects and --keep-rejects exclude each other");
	if (c->types.n > 0 && !c->create)
		opt_usage("--column-type needs --create");
}

/* A pipe may end because the program before it died; only a seal tells. */
static void check_trust(struct load *ld)
{
	struct rd *rd = ld->io->rd;

	if (rd_is_sealed(rd) || in_is_regular(rd_in(rd)) || ld->conf.accept_unsealed)
		return;
	die_hint(EX_STREAM,
		"'via --source -- CMD' seals what a foreign program writes, 'via -- CMD' leads a "
		"sealed stream through one; --accept-unsealed takes the risk",
		"%s is a pipe without seals: were it cut short nobody would know, "
		"so nothing is loaded",
		in_name(rd_in(rd)));
}

static enum rd_event next(struct load *ld, struct rec *rec)
{
	enum rd_event ev;

	ld->reading = true; /* first: a signal from here on ends the wait, an earlier one is seen */
	stop_check();
	ev = io_next(ld->io, rec);
	ld->reading = false;
	return ev;
}

static void finish(struct load *ld, const struct seal *seal)
{
	if (ld->chunk)
		wide_chunk_finish(ld->chunk, seal);
	else
		finish_table(ld, seal);
}

static void take_columns(struct load *ld)
{
	const struct names *cols = rd_cols(ld->io->rd);

	if (ld->chunk) {
		wide_cols(wide_chunk_wide(ld->chunk), cols,
			rd_format(ld->io->rd) == FMT_NDJSON);
	} else {
		begin_table(ld);
		table_cols(ld->table, cols);
	}
}

static void take_record(struct load *ld, const struct rec *rec)
{
	if (ld->chunk) {
		wide_row(wide_chunk_wide(ld->chunk), rec);
	} else {
		begin_table(ld);
		table_row(ld->table, rec);
	}
}

static void run(struct load *ld)
{
	static const struct seal end = { .chunk = SL_INIT("end"),
		.src = SL_INIT(""),
		.final = true };
	enum rd_event ev;
	struct rec rec;

	ev = next(ld, &rec);
	check_trust(ld);
	for (; ev != RD_END; ev = next(ld, &rec)) {
		if (ev == RD_ROW)
			take_record(ld, &rec);
		else if (ev == RD_COLS)
			take_columns(ld);
		else if (ev == RD_SEAL)
			finish(ld, rd_seal(ld->io->rd));
	}
	if (!rd_is_sealed(ld->io->rd))
		finish(ld, &end);
}

/* Nothing is committed: the transaction ends with the connection. */
static void print_coverage(struct load *ld)
{
	struct out *out = out_open(NULL, 0);
	struct str text = { 0 };

	wide_coverage_put(wide_chunk_wide(ld->chunk), (enum report_format)ld->conf.format, &text);
	out_put(out, str_sl(&text));
	out_close(out);
	str_free(&text);
}

static void say_ignored(struct load *ld)
{
	uint64_t n = wide_ignored(wide_chunk_wide(ld->chunk));

	if (n > 0)
		msg_note("%llu values of channels that the ships do not have are left out",
			 (unsigned long long)n);
}

int main(int argc, char **argv)
{
	struct load ld = { .conf.wide.buffer = DEFAULT_BUFFER };
	int code;

	opt_parse(&program, &ld.conf, &argc, &argv);
	check_options(&ld.conf, argc);
	(void)signal(SIGPIPE, SIG_IGN);
	ld.pg = pg_connect(ld.conf.wide.target.conninfo, "target");
	stop_catch(wake, &ld);
	ld.io = io_open(&ld.conf.io, argc > 0 ? argv[0] : NULL);
	if (ld.conf.is_wide)
		ld.chunk = wide_chunk_open(ld.pg, ld.io, &ld.conf.wide, commit, &ld);
	else
		open_table(&ld);
	msg_on_exit(on_failure, &ld);
	run(&ld);
	if (ld.conf.wide.dry_run)
		print_coverage(&ld);
	else if (ld.chunk)
		say_ignored(&ld);
	code = io_close(ld.io);
	msg_off_exit(on_failure, &ld);
	wide_chunk_close(ld.chunk);
	table_close(ld.table);
	mem_free(ld.conf.types.v);
	pg_close(ld.pg);
	return code;
}
