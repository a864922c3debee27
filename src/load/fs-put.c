/*
 * fs-put - records into a feature group: put or delete them, many at once, each accounted for.
 *
 * Values are checked against the feature types before they are sent. Every record ends as
 * acknowledged, rejected or unknown. What was acknowledged is in the journal, so that a run after
 * kill -9 sends the rest only. Nothing can be taken back: records of a sealed stream are sent as
 * they come, and a seal that never comes ends the program with 76 and the exact counts.
 */
#include "aws/client.h"
#include "aws/fs_failed.h"
#include "aws/fs_journal.h"
#include "aws/fs_load.h"
#include "aws/fs_tally.h"
#include "aws/fs_wait.h"
#include "core/clock.h"
#include "core/msg.h"
#include "core/stop.h"
#include "core/tr.h"
#include "stream/in.h"
#include "stream/io.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum stores { STORES_ALL, STORES_ONLINE, STORES_OFFLINE };
enum deletion { DELETE_NONE, DELETE_SOFT, DELETE_HARD };

#define STOP_TIMEOUT (20 * CLOCK_US_PER_SEC)

struct conf {
	struct aws_opts aws;
	struct io_opts io;
	int stores, deletion, when;
	int64_t ttl, patience;
	uint64_t workers, batch_size, max_failed, expect;
	bool batch_write, resume, accept_unsealed, ignore_unknown, dry_run;
	const char *failed, *journal, *stats;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What is written" },
	{ .name = "target-stores", .kind = OPT_ENUM, .offset = offsetof(struct conf, stores),
	  .choices = "all|online|offline", .help = "of those the group has" },
	{ .name = "ttl", .kind = OPT_DURATION, .offset = offsetof(struct conf, ttl), .arg = "TIME",
	  .help = "records leave the online store this long after their event time" },
	{ .name = "delete", .kind = OPT_ENUM, .offset = offsetof(struct conf, deletion),
	  .choices = "no|soft|hard",
	  .help = "delete the records instead; hard frees the identifier" },
	{ .name = "event-time", .kind = OPT_ENUM, .offset = offsetof(struct conf, when),
	  .choices = "keep|missing|now|later|next",
	  .help = "missing: now where there is none; later: now, but after the record's own; "
		  "next: just behind that" },
	{ .name = "ignore-unknown", .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, ignore_unknown),
	  .help = "leave out columns that are no features (default: refuse)" },
	{ .name = "dry-run", .letter = 'n', .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, dry_run),
	  .help = "check every record, send none" },
	{ .kind = OPT_GROUP, .help = "How" },
	{ .name = "max-workers", .letter = 'w', .kind = OPT_UINT,
	  .offset = offsetof(struct conf, workers),
	  .arg = "N", .min = 1, .max = 1024, .help = "requests at once (default 16)" },
	{ .name = "batch-size", .kind = OPT_UINT, .offset = offsetof(struct conf, batch_size),
	  .arg = "N", .min = 1, .max = 1000000,
	  .help = "records after which the journal is synced (default 100)" },
	{ .name = "batch-write", .kind = OPT_FLAG, .offset = offsetof(struct conf, batch_write),
	  .help = "use BatchWriteRecord where it is to be had (default)" },
	{ .name = "retry-for", .kind = OPT_DURATION, .offset = offsetof(struct conf, patience),
	  .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "wait out throttling and temporary failures for that long (default 10m)" },
	{ .name = "failed", .kind = OPT_STR, .offset = offsetof(struct conf, failed), .arg = "FILE",
	  .help = "keep records that failed, to be loaded again, and go on (default: stop)" },
	{ .name = "max-failed", .kind = OPT_UINT, .offset = offsetof(struct conf, max_failed),
	  .arg = "N", .help = "stop when there are more" },
	{ .name = "journal", .kind = OPT_STR, .offset = offsetof(struct conf, journal),
	  .arg = "FILE",
	  .help = "what was acknowledged (default: follows from the job)" },
	{ .name = "resume", .kind = OPT_FLAG, .offset = offsetof(struct conf, resume),
	  .help = "pass over what an earlier run's journal has (default)" },
	{ .name = "accept-unsealed", .kind = OPT_FLAG,
	  .offset = offsetof(struct conf, accept_unsealed),
	  .help = "read a pipe that has no seal" },
	IO_IN_OPTS_OF(struct conf, io, "auto|csv|ndjson|json"),
	IO_REJECT_OPTS(struct conf, io),
	{ .kind = OPT_GROUP, .help = "Report" },
	{ .name = "progress", .kind = OPT_ENUM, .offset = offsetof(struct conf, io.progress),
	  .choices = "auto|bar|json|none", .help = "on standard error" },
	{ .name = "progress-every", .kind = OPT_DURATION, .offset = offsetof(struct conf, io.every),
	  .arg = "TIME", .unit = CLOCK_US_PER_SEC, .help = "or a line that often, for logs" },
	{ .name = "expect", .kind = OPT_UINT, .offset = offsetof(struct conf, expect), .arg = "N",
	  .help = "so many records are to come: how long will it take?" },
	{ .name = "stats", .kind = OPT_STR, .offset = offsetof(struct conf, stats), .arg = "FILE",
	  .help = "write a JSON summary here" },
	AWS_OPTS(struct conf, aws),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-put",
	.summary = "put records into a feature group, or delete them",
	.synopsis = "[options] GROUP [FILE]",
	.examples = "  fs-put customers customers.csv\n"
		    "  fs-extract-athena old | fs-put new --failed bad.ndjson\n"
		    "  fs-extract-online -c id,event_time g |\n"
		    "    fs-put g --delete hard --event-time later\n",
	.opts = options,
};

struct prog {
	struct conf conf;
	const char *group_name;
	struct aws *aws;
	struct fs_group group;
	struct fs_coder coder;
	struct fs_load *load;
	struct fs_journal *journal;
	struct io *io;
	struct out *failed;
	struct fs_tally n;
	uint64_t unsynced; /* acknowledged since the journal was synced */
	uint64_t header;   /* hash of a CSV header: part of what a record is known by */
	int64_t ttl_us, started;
	struct str first; /* what the first failure was, for the last message */
	bool stop, closed;
};

/* ---- outcomes ------------------------------------------------------------------------------ */

static void settled(
	void *ctx, const struct fs_item *item, enum fs_outcome outcome, const struct aws_error *e)
{
	struct prog *p = ctx;

	if (outcome == FS_ACKNOWLEDGED) {
		p->n.acknowledged++;
		fs_journal_note(p->journal, item->key);
		p->unsynced++;
		return;
	}
	p->n.rejected += outcome == FS_REJECTED;
	p->n.unknown += outcome == FS_UNKNOWN;
	if (p->first.n == 0)
		str_addf(&p->first, "record %llu, %s %s: %s", (unsigned long long)item->record,
			msg_q(p->group.features[p->group.id].name), msg_q(str_sl(&item->id)),
			aws_error_text(e));
	if (p->failed)
		fs_failed_item(p->failed, &p->group, item, outcome, e);
	p->stop |= !p->failed || fs_tally_failed(&p->n) > p->conf.max_failed;
}

/* Before the next answer is looked at: kill -9 must not lose what this one acknowledged. */
static void answered(void *ctx)
{
	struct prog *p = ctx;

	io_show(p->io, p->n.records - p->n.acknowledged - p->n.skipped - fs_tally_failed(&p->n),
		p->conf.expect);
	if (p->unsynced < p->conf.batch_size) {
		fs_journal_flush(p->journal);
		return;
	}
	fs_journal_sync(p->journal);
	p->unsynced = 0;
}

static void write_stats(const struct prog *p)
{
	struct fs_load_stats l = fs_load_stats(p->load);

	if (p->conf.stats && !fs_tally_write(&p->n, p->conf.stats, p->group.name, l.resent,
				     l.requests, (double)(clock_monotonic() - p->started) / 1e6))
		msg_warn("cannot write %s: %s", msg_q(sl_of(p->conf.stats)), strerror(errno));
}

/* However the program ends, what is under way is waited for and everything is counted. */
static void account(void *ctx, int code, const char *message)
{
	struct prog *p = ctx;
	struct str s = { 0 };

	(void)code;
	(void)message;
	if (p->closed)
		return;
	p->closed = true;
	(void)alarm(0); /* a signal was noted: the answers to come have a limit of their own */
	fs_load_stop(p->load, STOP_TIMEOUT);
	fs_tally_put(&p->n, &s);
	msg_note("%s", s.p);
	write_stats(p);
	if (p->failed)
		out_flush(p->failed);
	if (p->journal && p->n.acknowledged + p->n.skipped)
		msg_note("the same command goes on from there");
	fs_journal_close(p->journal, false);
	p->journal = NULL;
	str_free(&s);
}

/* ---- records ------------------------------------------------------------------------------- */

static void refuse_record(struct prog *p, const struct rec *rec, size_t column, const char *why)
{
	if (!p->failed)
		io_reject_field(
			p->io, rec, column, why); /* ends the program, or --rejects keeps it */
	else
		fs_failed_record(p->failed, p->group.name, rd_cols(p->io->rd), rec, column, why);
	p->n.rejected++;
	if (p->first.n == 0)
		str_addf(&p->first, "record %llu: %s", (unsigned long long)rec->record, why);
	p->stop |= p->failed && fs_tally_failed(&p->n) > p->conf.max_failed;
}

static void count_expiry(struct prog *p, const struct fs_item *item)
{
	enum fs_type type = p->group.features[p->group.time].type;
	int64_t t;

	if (p->ttl_us && fs_event_time_parse(type, str_sl(&item->time), &t))
		p->n.expired += t < clock_now() - p->ttl_us;
}

static void take_row(struct prog *p, const struct rec *rec)
{
	struct fs_item *item = fs_load_item(p->load);
	const char *why;
	size_t column;

	p->n.records++;
	item->key[0] = hash64(rec->raw, p->header) & ~UINT64_C(1);
	item->key[1] = hash64(rec->raw, p->header ^ UINT64_C(0x9e3779b97f4a7c15));
	if (p->journal && fs_journal_take(p->journal, item->key)) {
		p->n.skipped++;
		fs_load_drop(p->load, item);
		return;
	}
	why = fs_coder_put(&p->coder, rec, item, &column);
	if (why || p->conf.dry_run)
		fs_load_drop(p->load, item);
	if (why) {
		refuse_record(p, rec, column, why);
		return;
	}
	p->n.write_units += p->coder.bytes / 1024 + 1;
	count_expiry(p, item);
	if (!p->conf.dry_run)
		fs_load_add(p->load, item);
}

static void take_columns(struct prog *p)
{
	const struct names *cols = rd_cols(p->io->rd);
	bool csv = rd_format(p->io->rd) == FMT_CSV;
	struct sl column;
	const char *why = fs_coder_cols(&p->coder, cols, csv, &column);

	if (why && column.n)
		die_hint(EX_DATA,
			"--ignore-unknown leaves such columns out; 'fs schema' shows the features",
			"%s: column %s %s", in_name(rd_in(p->io->rd)), msg_q(column), why);
	if (why)
		die(EX_DATA, "%s: %s", in_name(rd_in(p->io->rd)), why);
	for (size_t i = 0; csv && i < cols->n; i++)
		p->header = hash64(cols->name[i], p->header + 1);
}

/* Before the input is read: while it has nothing at hand, requests go on. */
static void wait_for_input(struct prog *p)
{
	struct in *in = rd_in(p->io->rd);
	struct pollfd fd = { .fd = in_fd(in), .events = POLLIN };

	if (in_is_regular(in) || in_window(in).n)
		return;
	while (!stop_asked() && !p->stop &&
		poll(&fd, 1, fs_load_stats(p->load).under_way ? 0 : 1000) == 0)
		fs_load_push(p->load);
}

static void check_seal(struct prog *p)
{
	if (rd_is_sealed(p->io->rd) || in_is_regular(rd_in(p->io->rd)) || p->conf.accept_unsealed)
		return;
	die_hint(EX_STREAM,
		"'via --source -- COMMAND' seals what a command prints; --accept-unsealed "
		"takes it as it is",
		"the input is a pipe without a seal, nobody knows whether it is whole");
}

static void read_all(struct prog *p)
{
	enum rd_event ev = RD_COLS;
	bool first = true;
	struct rec rec;

	while (ev != RD_END && !p->stop) {
		wait_for_input(p);
		stop_check();
		if (p->stop)
			return;
		ev = io_next(p->io, &rec);
		if (first)
			check_seal(p);
		first = false;
		if (ev == RD_COLS)
			take_columns(p);
		else if (ev == RD_ROW)
			take_row(p, &rec);
	}
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void check_group(struct prog *p)
{
	const struct fs_group *g = &p->group;

	if (!sl_eq(g->status, SL("Created")))
		die(EX_REFUSED, "feature group %s is %.*s, not Created", msg_q(g->name),
			(int)g->status.n, g->status.p);
	if (p->conf.stores == STORES_ONLINE && !g->online)
		die(EX_REFUSED, "feature group %s has no online store", msg_q(g->name));
	if (p->conf.stores == STORES_OFFLINE && !g->offline)
		die(EX_REFUSED, "feature group %s has no offline store", msg_q(g->name));
	/* PutRecord goes on answering 200 while nothing arrives */
	if (g->offline && p->conf.stores != STORES_ONLINE &&
		sl_eq(g->offline_status, SL("Blocked")))
		die_hint(EX_REFUSED, "--target-stores online writes to the online store only",
			"feature group %s: the offline store is blocked: %.*s", msg_q(g->name),
			(int)g->offline_blocked.n, g->offline_blocked.p);
	if (p->conf.ttl && !g->online)
		die(EX_REFUSED, "--ttl: feature group %s has no online store", msg_q(g->name));
	p->ttl_us = p->conf.ttl ? p->conf.ttl
				: (int64_t)fs_ttl_seconds(g->ttl_unit, g->ttl) * CLOCK_US_PER_SEC;
	if (!g->online || p->conf.stores == STORES_OFFLINE)
		p->ttl_us = 0;
}

/* What the job is: another group, or another way to write, has another journal. */
static uint64_t job_of(const struct prog *p)
{
	const struct conf *c = &p->conf;
	struct str s = { 0 };
	uint64_t job;

	str_addf(&s, "%.*s %f %d %d %lld", (int)p->group.arn.n, p->group.arn.p, p->group.created,
		c->stores, c->deletion, (long long)c->ttl);
	job = hash64(str_sl(&s), 4);
	str_free(&s);
	return job;
}

static void open_journal(struct prog *p, const char *input)
{
	uint64_t job = job_of(p);
	char *real = input ? realpath(input, NULL) : NULL;
	char *path = p->conf.journal ? mem_strdup(p->conf.journal)
				     : fs_journal_path(p->group.name,
					       hash64(sl_of(real ? real : "-"), job));

	p->journal = fs_journal_open(path, job, !p->conf.resume);
	if (fs_journal_known(p->journal))
		msg_note("%llu records were acknowledged by an earlier run and are not sent again "
			 "(--no-resume sends them)",
			(unsigned long long)fs_journal_known(p->journal));
	free(real);
	mem_free(path);
}

static void open_failed(struct prog *p, const char *input)
{
	struct stat a, b;

	if (!p->conf.failed)
		return;
	if (input && stat(input, &a) == 0 && stat(p->conf.failed, &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		opt_usage("--failed: this is the input itself: %s", msg_q(sl_of(input)));
	p->failed = out_open(p->conf.failed, 0);
}

static void start(struct prog *p, const char *input)
{
	const struct conf *c = &p->conf;
	struct fs_load_conf load = { .group = sl_of(p->group_name),
		.description = &p->group,
		.how = { .online_only = c->stores == STORES_ONLINE,
			.offline_only = c->stores == STORES_OFFLINE,
			.ttl_unit = SL("Seconds"),
			.ttl = (uint64_t)(c->ttl / CLOCK_US_PER_SEC) },
		.hard = c->deletion == DELETE_HARD,
		.single = !c->batch_write,
		.workers = (unsigned)c->workers,
		.patience_us = c->patience,
		.settled = settled,
		.answered = answered,
		.ctx = p };
	struct aws_error e;

	p->started = clock_monotonic();
	p->aws = aws_open(&c->aws, &e);
	if (!p->aws)
		aws_die(&e, "cannot talk to AWS");
	fs_need_group(p->aws, p->group_name, &p->group);
	check_group(p);
	p->io = io_open(&c->io, input);
	p->io->own_progress = !c->dry_run;
	open_failed(p, input);
	if (!c->dry_run)
		open_journal(p, input);
	fs_coder_init(&p->coder, &p->group, (enum fs_when)c->when, c->deletion != DELETE_NONE);
	p->coder.pass_unknown = c->ignore_unknown;
	p->load = fs_load_new(p->aws, &load);
	msg_on_exit(account, p);
	stop_catch(NULL, NULL);
}

static void report(struct prog *p)
{
	uint64_t resent = fs_load_stats(p->load).resent;
	struct str s = { 0 };

	if (p->conf.dry_run) {
		/* on-demand price of us-east-1: 1.25 USD for a million write units */
		msg_note("%llu records are valid, %llu are not; %llu write units, about %.2f USD",
			(unsigned long long)(p->n.records - p->n.rejected),
			(unsigned long long)p->n.rejected, (unsigned long long)p->n.write_units,
			(double)p->n.write_units * 1.25e-6);
		return;
	}
	fs_tally_put(&p->n, &s);
	msg_detail("%s", s.p);
	if (p->journal && fs_journal_known(p->journal) && p->group.offline)
		msg_note("an earlier run of this load was cut short: if it was killed, the offline "
			 "store may have up to %llu records twice that were under way then",
			(unsigned long long)(p->conf.workers * FS_BATCH_WRITE_MAX));
	if (resent && p->group.offline)
		msg_note(
			"up to %llu records were sent again after a lost answer: the offline store "
			"may have them twice",
			(unsigned long long)resent);
	if (p->n.expired)
		msg_warn(
			"%llu records are older than their time to live: the online store does not "
			"keep them",
			(unsigned long long)p->n.expired);
	str_free(&s);
}

static int finish(struct prog *p)
{
	enum exit_code code = p->n.unknown ? EX_TEMP : p->n.rejected ? EX_DATA : EX_DONE;

	if (fs_tally_failed(&p->n) && (p->stop || !p->conf.dry_run))
		die_hint(code,
			p->failed
				? N_("they are in the file of --failed, which can be loaded again")
				: N_("--failed FILE keeps such records and goes on"),
			"%llu records failed; the first: %s",
			(unsigned long long)fs_tally_failed(&p->n), p->first.p);
	report(p);
	write_stats(p);
	msg_off_exit(account, p);
	fs_load_free(p->load);
	fs_journal_close(p->journal, true);
	if (p->failed)
		out_close(p->failed);
	(void)io_close(p->io);
	fs_coder_free(&p->coder);
	fs_group_free(&p->group);
	aws_close(p->aws);
	str_free(&p->first);
	return (int)code;
}

int main(int argc, char **argv)
{
	struct prog p = { .conf = { .workers = 16,
				  .batch_size = 100,
				  .max_failed = UINT64_MAX,
				  .batch_write = true,
				  .resume = true,
				  .patience = 600 * CLOCK_US_PER_SEC } };

	opt_parse(&program, &p.conf, &argc, &argv);
	if (argc < 1 || argc > 2)
		opt_usage("one GROUP and at most one FILE");
	p.group_name = argv[0];
	start(&p, argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL);
	read_all(&p);
	if (!p.stop)
		fs_load_drain(p.load);
	return finish(&p);
}
