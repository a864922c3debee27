/*
 * pg-copy-load - records into PostgreSQL: the only program that commits.
 *
 * Two jobs: --table loads any CSV or NDJSON into any table, --wide a wide stream into the tables of
 * its ships. Either way a sealed stream is committed at each of its seals, rows and ledger in one
 * transaction, and an unsealed file at its end; whatever goes wrong before that leaves nothing.
 */
#include "core/kp.h"
#include "core/stop.h"
#include "follow/wide_sink.h"
#include "ledger/ledger_offsets.h"
#include "pg/table_sink.h"

#include <signal.h>

struct conf {
	struct io_opts io;
	struct wide_sink_opts wide; /* its `key` and `buffer` are those of --table, too */
	const char *table;
	struct opt_list types;
	const char *time_zone;
	int format;	 /* enum report_format */
	int on_conflict; /* enum table_conflict */
	bool is_wide, create, infer, truncate, ignore_unknown, advance_sequences, accept_unsealed;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "Input" },
	{ .name = "wide", .letter = 'w', CONF(is_wide),
	  .help = "a wide stream into the tables of its ships" },
	{ .name = "table", .required = true, .not_with = "wide", .letter = 't', CONF(table),
	  .arg = "SCHEMA.TABLE", .help = "any records into this table" },
	{ .name = "key", .letter = 'k', CONF(wide.key), .arg = "NAME[,NAME]", .min = 1,
	  .help = "replace rows with the same key; --wide: the time (default created_time)" },
	{ .name = "accept-unsealed", .weakens = true, CONF(accept_unsealed),
	  .help = "load a pipe although nothing tells whether it is whole" },
	{ .name = "buffer", .kind = OPT_SIZE, .offset = offsetof(struct conf, wide.buffer),
	  .arg = "SIZE", .min = 1024, .max = UINT64_C(1) << 28,
	  .help = "buffer this much per table before sending (default 4M)" },
	{ .name = "dry-run", .letter = 'n', CONF(wide.dry_run),
	  .help = "print what would change, and change nothing" },
	REPORT_FORMAT_OPT(struct conf, format, "--dry-run", .needs = "dry-run"),
	{ .kind = OPT_GROUP, .help = "With --table" },
	{ .name = "create", .needs = "table", .letter = 'c', CONF(create),
	  .help = "make the table when there is none: all columns text" },
	{ .name = "infer", .needs = "create", CONF(infer),
	  .help = "--create reads everything first and gives columns types that hold it" },
	{ .name = "column-type", .needs = "create", .letter = 'T', CONF(types), .arg = "NAME=TYPE",
	  .help = "type of a column for --create; may be given several times" },
	{ .name = "ignore-unknown", .needs = "table", CONF(ignore_unknown),
	  .help = "leave out columns that the table does not have" },
	{ .name = "on-conflict", .needs = "table key", CONF(on_conflict),
	  .choices = "replace|ignore|update-only|error",
	  .help = "what becomes of a record whose key is there (default replace)" },
	{ .name = "truncate", .needs = "table", .weakens = true, CONF(truncate),
	  .help = "replace all rows of the table, in one transaction" },
	{ .name = "advance-sequences", .needs = "table", CONF(advance_sequences),
	  .help = "let sequences of the table go on behind what was loaded" },
	{ .name = "time-zone", .needs = "table", CONF(time_zone), .arg = "ZONE",
	  .help = "of times without one (default: the database's)" },
	{ .kind = OPT_GROUP, .help = "With --wide" },
	{ .name = "by", .needs = "wide", .letter = 'b', CONF(wide.by), .arg = "NAME",
	  .help = "column that names the ship (default ship_id)" },
	{ .name = "live", .needs = "wide", CONF(wide.live),
	  .help = "replace values that are there, whatever a seal says" },
	{ .name = "ack", .needs = "wide", .not_with = "dry-run", CONF(wide.ack), .file = OPT_WRITES,
	  .arg = "FILE", .help = "live chunks: write here what of the source is committed" },
	{ .name = "keep-rejects", .needs = "wide", .not_with = "dry-run rejects",
	  CONF(wide.keep_rejects),
	  .help = "keep values that do not fit their column in ferry.reject and go on" },
	{ .name = "on-unknown", .needs = "wide", CONF(wide.on_unknown),
	  .choices = "add|ignore|error|channels",
	  .help = "what to do with channels, and ships, that are not there (default add)" },
	TARGET_OPTS(struct conf, wide.target),
	IO_IN_OPTS(struct conf, io),
	IO_KEEP_REJECT_OPTS(struct conf, io, "rejects|keep-rejects"),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-copy-load",
	.summary = "load records into PostgreSQL",
	.synopsis = "--table SCHEMA.TABLE [options] [FILE...]\n--wide [options] [FILE...]",
	.examples = "  pg-copy-load --table public.rates --key day,currency rates.csv\n"
		    "  pg-copy-load --table public.log --create log.ndjson.gz\n"
		    "  pg-narrow-dump | pivot-wide | pg-copy-load --wide\n",
	.opts = options,
};

struct load {
	struct conf conf;
	struct sink_env env;
	const struct sink_ops *sink;
	void *ctx;       /* of the sink */
	bool reading;    /* waiting for input: nothing is to be put in order */
	bool committing; /* between sending COMMIT and the answer */
	struct arena arena;
	const char **offsets; /* --table: of topics, of the chunks that are not committed yet */
	size_t n_offsets, offsets_cap;
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
		pg_cancel(ld->env.pg);
	}
}

/* The program is failing: says what is to be said, and tells the ledger. */
static void on_failure(void *ctx, int code, const char *message)
{
	struct load *ld = ctx;

	if (ld->committing)
		msg_warn("it is not known whether the last chunk was committed; %s",
			ld->sink->repeatable(ld->ctx)
				? "running the same command again is safe"
				: "without --key, running again may add rows twice: look first");
	else if (stop_asked())
		leave(128 + stop_signal);
	else
		ld->sink->failed(ld->ctx, code, message);
}

/* Where messages have become rows, their offsets are committed with them. */
static void move_offsets(struct load *ld)
{
	for (size_t i = 0; i < ld->n_offsets; i++)
		if (!ledger_offsets_move(ld->env.pg, ld->offsets[i], true))
			die(EX_BUSY, "another reader of the group has taken these messages; "
				     "nothing of the chunk is loaded here");
	ld->n_offsets = 0;
	arena_reset(&ld->arena);
}

static void commit(void *ctx)
{
	struct load *ld = ctx;

	move_offsets(ld);
	stop_check();
	KP("before_commit");
	ld->committing = true;
	ld->sink->commit(ld->ctx);
	ld->committing = false;
	KP("after_commit");
}

/* ---- all of it ------------------------------------------------------------------------------ */

static enum rd_event next(struct load *ld, struct rec *rec)
{
	enum rd_event ev;

	ld->reading = true; /* first: a signal from here on ends the wait, an earlier one is seen */
	stop_check();
	ev = io_next(ld->env.io, rec);
	ld->reading = false;
	return ev;
}

static void take_seal(struct load *ld, const struct seal *seal)
{
	const struct conf *c = &ld->conf;
	const char *offsets = "";

	if (!c->is_wide && !c->wide.dry_run)
		offsets = ledger_offsets_of(&ld->arena, seal->src);
	if (offsets[0]) {
		mem_grow(&ld->offsets, &ld->offsets_cap, ld->n_offsets + 1, sizeof *ld->offsets);
		ld->offsets[ld->n_offsets++] = offsets;
	}
	ld->sink->seal(ld->ctx, seal);
	if (seal->final || (!c->truncate && !c->infer))
		move_offsets(ld); /* of a chunk without rows, which commits nothing */
}

static void run(struct load *ld)
{
	struct rd *rd = ld->env.io->rd;
	enum rd_event ev;
	struct rec rec;

	ev = next(ld, &rec);
	io_need_whole(ld->env.io, ld->conf.accept_unsealed);
	for (; ev != RD_END; ev = next(ld, &rec)) {
		if (ev == RD_ROW)
			ld->sink->record(ld->ctx, &rec);
		else if (ev == RD_COLS)
			ld->sink->columns(ld->ctx, rd_cols(rd));
		else if (ev == RD_SEAL)
			take_seal(ld, rd_seal(rd));
	}
	if (!rd_is_sealed(rd))
		ld->sink->seal(ld->ctx, &SEAL_END);
}

static void open_sink(struct load *ld)
{
	struct conf *c = &ld->conf;
	struct table_sink_opts table = {
		.table = { .name = c->table,
			.keys = c->wide.key,
			.create = c->create,
			.infer = c->infer,
			.truncate = c->truncate,
			.ignore_unknown = c->ignore_unknown,
			.on_conflict = c->on_conflict,
			.types = c->types,
			.buffer = c->wide.buffer,
			.keep_raw = c->io.rejects != NULL },
		.dry_run = c->wide.dry_run,
		.advance_sequences = c->advance_sequences,
		.stop_at_first = !c->io.rejects,
	};

	ld->sink = c->is_wide ? &wide_sink_ops : &table_sink_ops;
	ld->ctx = c->is_wide ? wide_sink_open(&ld->env, &c->wide)
			     : table_sink_open(&ld->env, &table);
}

/*
 * Into a table of the user's own, values mean what they mean to the user: triggers, checks and
 * defaults find what they need, and times and dates are read as with psql. What ferry itself asks
 * is qualified.
 */
static void set_session(const struct load *ld)
{
	static const char *const own[] = { "search_path", "timezone", "datestyle",
		"intervalstyle", "extra_float_digits", "bytea_output" };
	const char *zone = ld->conf.time_zone;
	AUTO_RESULT *r = NULL;

	for (size_t i = 0; !ld->conf.is_wide && i < ARRAY_LEN(own); i++)
		pg_set(ld->env.pg, own[i], NULL);
	if (!zone)
		return;
	r = pg_try_query(ld->env.pg, "SELECT pg_catalog.set_config('timezone', $1, true)", 1,
		&zone);
	if (!r)
		opt_usage("--time-zone: %s", pg_error(ld->env.pg));
	pg_set(ld->env.pg, "timezone", zone);
}

int main(int argc, char **argv)
{
	struct load ld = { .conf.wide.buffer = UINT64_C(4) << 20 };
	const struct target_opts *of = &ld.conf.wide.target;
	int code, closed;

	opt_parse(&program, &ld.conf, &argc, &argv);
	if (!ld.conf.is_wide && (of->schema || of->prefix || of->types || of->groups ||
					of->group_columns))
		opt_usage("of the options of the target only --target goes with --table");
	if (ld.conf.wide.dry_run && ld.conf.io.rejects && strcmp(ld.conf.io.rejects, "-") == 0)
		opt_usage("--rejects -: standard output has what --dry-run prints");
	if (!ld.conf.is_wide)
		table_check_conf(&(struct table_conf){ .name = ld.conf.table,
			.keys = ld.conf.wide.key, .types = ld.conf.types });
	(void)signal(SIGPIPE, SIG_IGN);
	ld.env = (struct sink_env){ .commit = commit, .ctx = &ld };
	ld.env.io = io_open_all(&ld.conf.io, argv, argc);
	ld.env.pg = pg_connect(ld.conf.wide.target.conninfo, "target");
	set_session(&ld);
	stop_catch(wake, &ld);
	ld.env.io->asks_whole = !ld.conf.accept_unsealed;
	open_sink(&ld);
	msg_on_exit(on_failure, &ld);
	run(&ld);
	if (ld.env.io->meter.rows == 0 && !ld.conf.truncate &&
		(!rd_is_sealed(ld.env.io->rd) || ld.conf.wide.live))
		msg_note("the input has no records"); /* a chunk may have none every night */
	code = (int)ld.sink->done(ld.ctx, (enum report_format)ld.conf.format);
	closed = io_close(ld.env.io);
	code = code ? code : closed;
	msg_off_exit(on_failure, &ld);
	ld.sink->close(ld.ctx);
	mem_free(ld.offsets);
	arena_free(&ld.arena);
	pg_close(ld.env.pg);
	return code;
}
