/*
 * pg-dual-load - narrow records into the narrow table and the wide ones, in one transaction.
 *
 * The rows of a chunk are gathered (on disk, if they are many) until it ends: at a seal, at the end
 * of a file, or in a feed without seals after a time or number of rows. Then columns that are
 * missing are made, in a short transaction of their own, which changes nothing that anybody reads;
 * the rows go to the narrow table as they are and to the wide ones pivoted; both are read back and
 * compared; and all is committed.
 */
#include "core/kp.h"
#include "core/stop.h"
#include "dual/dual.h"
#include "ledger/ledger_opts.h"
#include "ledger/ledger_ships.h"
#include "pg/relation.h"
#include "stream/in.h"
#include "stream/io.h"

#include <poll.h>
#include <signal.h>

struct conf {
	struct io_opts io;
	struct narrow_opts narrow;
	struct target_opts target;
	const char *source;
	uint64_t rows, check;
	bool accept_unsealed, keep_rejects;
	int64_t interval;
};

static const struct opt options[] = {
	{.kind = OPT_GROUP, .help = "Input"},
	{ .name = "accept-unsealed", CONF(accept_unsealed),
	  .help = "take a feed that has no seals, and commit it bit by bit" },
	{ .name = "interval", CONF(interval), .arg = "DURATION", .unit = 60 * CLOCK_US_PER_SEC,
	  .help = "without seals: commit so often (a bare number: minutes; default 1s)" },
	{ .name = "rows", CONF(rows), .arg = "N", .min = 1,
	  .help = "a feed without seals: and after so many (default 100000)" },
	{ .name = "check", CONF(check), .arg = "N", .min = 0,
	  .help = "read back so many values of each chunk (default 20000)" },
	{ .name = "keep-rejects", CONF(keep_rejects),
	  .help = "keep records that cannot be taken in the ledger, and go on" },
	LEDGER_SIDES_OPTS(struct conf),
	IO_IN_OPTS(struct conf, io),
	IO_KEEP_REJECT_OPTS(struct conf, io, "rejects|keep-rejects"),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "pg-dual-load",
	.summary = "load narrow records into narrow and wide tables at once",
	.synopsis = "[options] [FILE...]",
	.examples = "  pg-dual-load late-rows.csv\n"
		    "  pg-dual-load --accept-unsealed --interval 500ms\n",
	.opts = options,
};

struct load {
	struct conf conf;
	struct pg *pg;
	struct io *io;
	struct narrow *narrow;
	struct dual *dual;
	int64_t deadline; /* of a chunk without a seal */
	bool reading, writing, committing, bit_by_bit;
	uint64_t chunks, checked;
	struct meter_count counts[1];

	struct ledger_job job;
	size_t unshared; /* of the ships met, those that no other job has */

	/* with --keep-rejects; of the job, which is made for the first of them */
	struct ledger_rejects rejects;
	struct arena arena;
};

/* ---- ending --------------------------------------------------------------------------------- */

static void wake(void *ctx)
{
	struct load *ld = ctx;

	if (ld->bit_by_bit) /* what was read of a feed is nowhere else: it is written first */
		return;
	if (ld->reading) {
		(void)signal(stop_signal, SIG_DFL);
		(void)raise(stop_signal);
	} else if (!ld->committing) {
		pg_cancel(ld->pg);
	}
}

static void write_chunk(struct load *ld, const struct seal *seal);
static void on_failure(void *ctx, int code, const char *message);

/* Of a feed what came before that which ends it is nowhere else. */
static void keep_what_came_before(struct load *ld)
{
	msg_on_exit(on_failure, ld); /* this may fail, too */
	write_chunk(ld, NULL);
	msg_off_exit(on_failure, ld);
	if (ld->io->rows_out > 0)
		msg_note("what came before it is committed: %llu rows",
			(unsigned long long)ld->io->rows_out);
}

static void on_failure(void *ctx, int code, const char *message UNUSED)
{
	struct load *ld = ctx;

	if ((code == EX_DATA || code == EX_STREAM || code == EX_IO) && ld->bit_by_bit &&
		!ld->writing)
		keep_what_came_before(ld);
	else if (ld->committing)
		msg_warn("it is not known whether the last chunk was committed; "
			 "sending it again is safe where the narrow table has a key");
	else if (stop_asked() && !ld->bit_by_bit)
		leave(128 + stop_signal);
}

/* ---- rejects -------------------------------------------------------------------------------- */

static void open_job(struct load *ld)
{
	ledger_job_open(ld->pg, &ld->job, &ld->arena);
	ld->rejects = (struct ledger_rejects){.target = ld->pg, .job = ld->job.id, .once = true,
		.counted = true };
}

static void keep(void *ctx, const struct rec *rec, const struct fault *fault, struct sl json)
{
	struct load *ld = ctx;
	int64_t time;
	struct sl ship = dual_place(ld->dual, rec, &time);

	if (ld->rejects.job == 0)
		open_job(ld);
	ledger_reject(&ld->rejects, ship, time, 0, json, sl_of(fault->why));
}

static void refuse(void *ctx, const struct rec *rec, const struct fault *fault)
{
	io_reject(((struct load *)ctx)->io, rec, fault);
}

/* ---- chunks --------------------------------------------------------------------------------- */

/* Is there anything to be committed? */
static bool waits(const struct load *ld)
{
	return dual_rows(ld->dual) > 0 || ld->rejects.n > 0;
}

static void take_record(struct load *ld, const struct rec *rec)
{
	bool first = !waits(ld);
	size_t bad;
	const char *why = dual_take(ld->dual, rec, &bad);

	if (why)
		io_reject_field(ld->io, rec, bad, why);
	if (first)
		ld->deadline = clock_monotonic() + ld->conf.interval;
}

static void write_chunk(struct load *ld, const struct seal *seal)
{
	bool any = dual_rows(ld->dual) > 0;

	ld->writing = true;
	if (any) {
		ledger_refuse_met(ld->pg, &ld->job, dual_ships(ld->dual), &ld->unshared);
		ld->checked += dual_write(ld->dual);
	}
	ledger_reject_flush(&ld->rejects); /* with the rows of the chunk, if it has any */
	if (seal)
		io_seal(ld->io, seal);
	else
		meter_show_rejects(&ld->io->meter);
	if (any) {
		stop_check();
		KP("before_commit");
		ld->committing = true;
		ld->io->rows_out += dual_rows(ld->dual);
		dual_commit(ld->dual);
		ld->committing = false;
		KP("after_commit");
		ld->chunks++;
	}
	ld->writing = false;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* What became of the input, also of a feed that is told to end; the exit code. */
static int finish(struct load *ld)
{
	int code;

	msg_note("%llu rows in %llu transactions, %llu values read back",
		(unsigned long long)(ld->io->meter.rows - ld->io->meter.n_rejects),
		(unsigned long long)ld->chunks,
		(unsigned long long)ld->checked);
	ld->counts[0] = (struct meter_count){ "checked", ld->checked };
	ld->io->meter.counts = ld->counts;
	ld->io->meter.n_counts = ARRAY_LEN(ld->counts);
	code = io_close(ld->io);
	msg_off_exit(on_failure, ld);
	return code;
}

/* ---- the feed ------------------------------------------------------------------------------- */

/*
 * Called before a read that may wait, where there are no seals: what was read in whole is committed
 * when its time has come, and when the program is to stop.
 */
static void wait_for_feed(void *ctx)
{
	struct load *ld = ctx;
	struct pollfd p = {.fd = in_fd(rd_in(ld->io->rd)), .events = POLLIN};

	for (;;) {
		int64_t left = waits(ld) ? ld->deadline - clock_monotonic() : CLOCK_US_PER_SEC;

		if (stop_asked()) {
			ld->reading = false;
			write_chunk(ld, NULL);
			leave(finish(ld));
		}
		if (waits(ld) && left <= 0) {
			ld->reading = false;
			write_chunk(ld, NULL);
			ld->reading = true;
			continue;
		}
		if (left > CLOCK_US_PER_SEC)
			left = CLOCK_US_PER_SEC; /* a signal may come just before it */
		if (poll(&p, 1, (int)(left / 1000) + 1) > 0)
			return;
	}
}

static void check_trust(struct load *ld)
{
	struct in *in = rd_in(ld->io->rd);

	ld->bit_by_bit = !rd_is_sealed(ld->io->rd) && !rd_is_regular(ld->io->rd);
	if (!ld->bit_by_bit)
		return;
	io_need_whole(ld->io, ld->conf.accept_unsealed);
	stop_grace(0);
	in_on_wait(in, wait_for_feed, ld);
}

static enum rd_event next(struct load *ld, struct rec *rec)
{
	enum rd_event ev;

	if (!ld->bit_by_bit)
		stop_check();
	ld->reading = true;
	ev = io_next(ld->io, rec);
	ld->reading = false;
	return ev;
}

static void run(struct load *ld)
{
	enum rd_event ev;
	struct rec rec;

	ev = next(ld, &rec);
	check_trust(ld);
	for (; ev != RD_END; ev = next(ld, &rec)) {
		if (ev == RD_COLS)
			dual_cols(ld->dual, rd_cols(ld->io->rd));
		else if (ev == RD_ROW)
			take_record(ld, &rec);
		else if (ev == RD_SEAL)
			write_chunk(ld, rd_seal(ld->io->rd));
		if (ld->bit_by_bit &&
			(dual_rows(ld->dual) >= ld->conf.rows ||
				(waits(ld) && dual_rows(ld->dual) % 64 == 0 &&
					clock_monotonic() >= ld->deadline)))
			write_chunk(ld, NULL);
	}
	if (!rd_is_sealed(ld->io->rd))
		write_chunk(ld, &SEAL_END);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Rows are written as they come, in UTF-8, which a server of SQL_ASCII does not convert. */
static void check_encoding(struct load *ld)
{
	struct conf *c = &ld->conf;
	struct ledger_job job;
	AUTO_STR source = {0};
	const char *name;
	const struct encoding *e;

	if (ledger_job_seek(ld->pg, 0, &c->narrow, &c->target, &job, &ld->arena))
		ledger_job_reads(&job, &c->narrow, &ld->arena);
	ledger_source_name(ld->pg, &source);
	ld->job = ledger_job_named(&c->narrow, &c->target, &ld->arena);
	ld->job.source = arena_dup(&ld->arena, str_sl(&source)).p;
	name = c->narrow.encoding;
	e = name ? encoding_find(name) : NULL;
	if (name && (!e || (pg_is_ascii(ld->pg) && strcmp(e->name, "UTF8") != 0)))
		die_hint(EX_CONFIGURATION, "write to the source, and let narrow-to-wide follow it",
			"rows are written in UTF-8, not in %s", msg_q(sl_of(name)));
}

/* Two databases cannot commit as one. */
static void check_same_database(struct load *ld)
{
	AUTO_STR a = {0}, b = {0};
	struct pg *source;

	if (!ld->conf.source)
		return;
	source = pg_connect(ld->conf.source, "source");
	ledger_source_name(source, &a);
	ledger_source_name(ld->pg, &b);
	if (!sl_eq(str_sl(&a), str_sl(&b)))
		die_hint(EX_CONFIGURATION,
			"with two databases, write to the source and let narrow-to-wide follow it",
			"source and target are not the same database: both tables must be "
			"written in one transaction");
	pg_close(source);
}

int main(int argc, char **argv)
{
	struct load ld = {.conf = {.rows = 100000, .check = 20000, .interval = CLOCK_US_PER_SEC}};
	int code;

	opt_parse(&program, &ld.conf, &argc, &argv);
	relation_check(ld.conf.narrow.table);
	(void)signal(SIGPIPE, SIG_IGN);
	ld.io = io_open_all(&ld.conf.io, argv, argc);
	ld.pg = pg_connect(ld.conf.target.conninfo, "target");
	check_same_database(&ld);
	target_defaults(&ld.conf.target);
	check_encoding(&ld);
	ld.narrow = narrow_detect(ld.pg, &ld.conf.narrow);
	if (narrow_is_computed(ld.narrow))
		die(EX_CONFIGURATION,
			"no row can be written to %s: an expression stands for a column",
			ld.narrow->table);
	ld.dual = dual_open(ld.pg, ld.narrow, &ld.conf.target, ld.conf.check, refuse, &ld);
	stop_catch(wake, &ld);
	ld.io->asks_whole = !ld.conf.accept_unsealed;
	if (ld.conf.keep_rejects) {
		ld.io->keep = keep;
		ld.io->keep_ctx = &ld;
		ld.io->meter.keeps_rest = true;
	}
	msg_on_exit(on_failure, &ld);
	run(&ld);
	code = finish(&ld);
	dual_close(ld.dual);
	str_free(&ld.rejects.rows);
	arena_free(&ld.arena);
	narrow_free(ld.narrow);
	pg_close(ld.pg);
	return code;
}
