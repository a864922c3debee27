/*
 * fs-put - records into a feature group: put or delete them, many at once, each accounted for.
 *
 * Values are checked against the feature types before they are sent. Every record ends as
 * acknowledged, rejected or unknown. What was acknowledged is in the journal, so that a run after
 * kill -9 sends the rest only. Nothing can be taken back: records of a sealed stream are sent as
 * they come, and a seal that never comes ends the program with 76 and the exact counts.
 */
#include "core/clock.h"
#include "core/stats.h"
#include "core/stop.h"
#include "fs/fs_failed.h"
#include "fs/fs_journal.h"
#include "fs/fs_online.h"
#include "fs/fs_there.h"
#include "fs/fs_wait.h"
#include "stream/in.h"
#include "stream/namelist.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum stores { STORES_ALL, STORES_ONLINE, STORES_OFFLINE };
enum deletion { DELETE_NONE, DELETE_SOFT, DELETE_HARD };

#define STOP_TIMEOUT (10 * CLOCK_US_PER_SEC)
#define SKEW (300 * CLOCK_US_PER_SEC) /* event times may be so far ahead of our clock */

struct conf {
	struct aws_opts aws;
	struct io_opts io;
	int stores, deletion, when;
	int64_t ttl, patience;
	uint64_t workers, batch_size, max_failed, expect;
	bool batch_write, resume, keep_journal, accept_unsealed, ignore_unknown, dry_run;
	const char *failed, *journal, *stats;
	const char *there_online, *there_offline, *there_but, *there_past;
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What is written" },
	{ .name = "target-stores", CONF(stores), .choices = "all|online|offline",
	  .help = "of those the group has" },
	{ .name = "ttl", CONF(ttl), .arg = "TIME",
	  .help = "records leave the online store this long after their event time" },
	{ .name = "delete", .weakens = true, CONF(deletion), .choices = "no|soft|hard",
	  .help = "delete the records instead; hard frees the identifier" },
	{ .name = "event-time", CONF(when), .choices = "keep|missing|now|later|next",
	  .help = "missing: now where there is none; later: now, but after the record's own; next: "
		  "just behind that" },
	{ .name = "ignore-unknown", CONF(ignore_unknown),
	  .help = "leave out columns that are no features (default: refuse)" },
	{ .name = "there-online", CONF(there_online), .arg = "FILE", .file = OPT_READS,
	  .help = "records of the online store: what is there just so is not sent" },
	{ .name = "there-offline", CONF(there_offline), .arg = "FILE", .file = OPT_READS,
	  .help = "the same of the offline store, with is_deleted" },
	{ .name = "there-past", CONF(there_past), .arg = "FILE", .file = OPT_READS,
	  .help = "identifiers of which the online store rightly has less than the history" },
	{ .name = "there-but", CONF(there_but), .arg = "NAME,…",
	  .help = "features that may be otherwise there, such as a timestamp" },
	{ .name = "dry-run", .letter = 'n', CONF(dry_run),
	  .help = "check every record, send none" },
	{ .kind = OPT_GROUP, .help = "Tuning" },
	{ .name = "max-workers", .letter = 'w', CONF(workers), .arg = "N", .min = 1, .max = 1024,
	  .help = "requests at once (default 16)" },
	{ .name = "batch-size", CONF(batch_size), .arg = "N", .min = 1, .max = 1000000,
	  .help = "records after which the journal is synced (default 100)" },
	{ .name = "batch-write", CONF(batch_write),
	  .help = "use BatchWriteRecord where it is to be had (default)" },
	{ .name = "retry-for", CONF(patience), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "wait out throttling and temporary failures for that long (default 10m)" },
	{ .name = "failed", CONF(failed), .arg = "FILE", .file = OPT_WRITES,
	  .help = "keep records that failed, to be loaded again, and go on (default: stop)" },
	{ .name = "max-failed", .needs = "failed", CONF(max_failed), .arg = "N",
	  .help = "stop when there are more" },
	{ .name = "journal", CONF(journal), .arg = "FILE", .file = OPT_APPENDS,
	  .help = "what was acknowledged (default: follows from the job)" },
	{ .name = "resume", CONF(resume),
	  .help = "pass over what an earlier run's journal has (default)" },
	{ .name = "keep-journal", CONF(keep_journal),
	  .help = "leave it when all is done: whoever looks the load over removes it" },
	{ .name = "accept-unsealed", .weakens = true, CONF(accept_unsealed),
	  .help = "read a pipe that has no seal" },
	IO_IN_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	{ .kind = OPT_GROUP, .help = "Report" },
	{ .name = "progress", CONF(io.progress), .choices = "auto|bar|json|none",
	  .help = "on standard error" },
	{ .name = "progress-every", CONF(io.every), .arg = "TIME", .unit = CLOCK_US_PER_SEC,
	  .help = "or a line that often, for logs" },
	{ .name = "expect", CONF(expect), .arg = "N",
	  .help = "so many records are to come: how long will it take?" },
	{ .name = "stats", CONF(stats), .arg = "FILE", .file = OPT_WRITES,
	  .help = "write a JSON summary here" },
	AWS_OPTS(struct conf, aws),
	OPT_END,
};

static const struct opt_program program = {
	.name = "fs-put",
	.summary = "put records into a feature group, or delete them",
	.synopsis = "[options] GROUP [FILE...]",
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
	struct fs_there there;
	struct names but; /* --there-but */
	size_t n_columns; /* that were looked at */
	uint64_t unsynced; /* acknowledged since the journal was synced */
	uint64_t header;   /* hash of a CSV header: part of what a record is known by */
	int64_t ttl_us, started;
	struct str first; /* what the first failure was, for the last message */
	bool stop, closed;
	bool odd;     /* an identifier is another spelling of a number, which was said */
	bool trusted; /* what the journal says was looked up, or cannot be */
	struct aws *asker; /* looks it up, while that of the load is at work */
	struct {
		struct fs_item *item;
		bool last, absent;
	} held[FS_BATCH_GET_MAX];
	size_t n_held, n_there;
	bool lost; /* one of them is absent behind which nothing was acknowledged */
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

	io_show(p->io, fs_tally_rest(&p->n), p->conf.expect);
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

	if (stats_wanted(p->conf.stats) &&
		!fs_tally_write(&p->n, p->conf.stats, p->group.name, l.resent, l.requests,
			(double)(clock_monotonic() - p->started) / 1e6))
		msg_warn("cannot write --stats: %s", strerror(errno));
}

/* However the program ends, what is under way is waited for and everything is counted. */
static void account(void *ctx, int code, const char *message)
{
	struct prog *p = ctx;
	AUTO_STR s = { 0 };

	if (p->closed)
		return;
	p->closed = true;
	p->n.exit = code;
	p->n.error = message;
	stop_grace(0); /* the answers to come have a limit of their own */
	fs_load_stop(p->load, STOP_TIMEOUT);
	p->n.unknown += fs_load_stats(p->load).under_way; /* where that could not wait */
	fs_tally_put(&p->n, &s);
	msg_note("%s", s.p);
	write_stats(p);
	if (p->failed)
		out_flush(p->failed);
	if (p->journal && p->n.acknowledged + p->n.skipped)
		msg_note("the same command goes on from there");
	/* one that says nothing would be kept for good */
	fs_journal_close(p->journal,
		p->journal && !fs_journal_known(p->journal) && !p->n.acknowledged && !p->n.unknown,
		p->n.unknown > 0);
	p->journal = NULL;
}

/* ---- records ------------------------------------------------------------------------------- */

static void refuse_record(struct prog *p, const struct rec *rec, size_t column, const char *why)
{
	if (!p->failed) /* ends the program, or --rejects keeps it */
		io_reject_field(p->io, rec, column, why);
	else
		fs_failed_record(p->failed, p->group.name, rd_cols(p->io->rd), rec, column, why);
	p->n.rejected++;
	if (p->first.n == 0 && column < rec->n)
		str_addf(&p->first, tr("record %llu: field %s: %s: %s"),
			(unsigned long long)rec->record, msg_q(rd_cols(p->io->rd)->name[column]),
			tr(why), msg_q(field_sl(&rec->f[column])));
	else if (p->first.n == 0)
		str_addf(&p->first, "record %llu: %s", (unsigned long long)rec->record, tr(why));
	p->stop |= p->failed && fs_tally_failed(&p->n) > p->conf.max_failed;
}

/* Is anything of it to be sent? Counts what the service takes without a word: what its online store
 * does not keep, and what nothing of the present takes the place of. */
static bool is_due(struct prog *p, struct fs_item *item)
{
	enum fs_need need = fs_there_needs(&p->there, item);
	int64_t t, now = clock_now();

	if (need == FS_NEED_ONLINE && p->conf.stores == STORES_OFFLINE)
		need = FS_NEED_NOTHING;
	item->online_only = need == FS_NEED_ONLINE;
	p->n.there += need == FS_NEED_NOTHING;
	if (!item->deletion && fs_event_time_parse(fs_time_type(&p->group),
				       str_sl(&item->time), &t)) {
		p->n.expired += p->ttl_us && t < now - p->ttl_us;
		p->n.future += t > now + SKEW;
		p->n.older += fs_there_has_newer(&p->there, item);
	}
	return need != FS_NEED_NOTHING;
}

static void send_item(struct prog *p, struct fs_item *item)
{
	if (is_due(p, item))
		fs_load_add(p->load, item);
	else
		fs_load_drop(p->load, item);
}

/* Event times follow from when records are sent, not from what they say. */
static bool by_arrival(const struct prog *p)
{
	return p->conf.when == FS_WHEN_NOW || p->conf.when == FS_WHEN_MISSING ||
	       p->conf.when == FS_WHEN_LATER;
}

static void is_absent(void *ctx, struct sl id)
{
	struct prog *p = ctx;

	for (size_t i = 0; i < p->n_held; i++)
		if (sl_eq(str_sl(&p->held[i].item->id), id)) {
			p->held[i].absent = true;
			p->lost |= p->held[i].last && !p->held[i].item->deletion;
		}
}

/* Asks the store for all but deletions. Where nobody may ask, the journal is all there is. */
static void ask_for_held(struct prog *p)
{
	struct aws_error e = { 0 };
	struct fs_online *o;

	if (!p->asker) {
		p->asker = aws_open(&p->conf.aws, &e);
		p->trusted = !p->asker || (!fs_online_probe(p->asker, &p->group, &e) &&
						  !aws_error_is_temporary(&e));
	}
	if (p->trusted)
		return;
	o = fs_online_new(p->asker, &(struct fs_online_conf){ .group = &p->group,
					    .features = &p->group.id,
					    .n = 1,
					    .workers = 1,
					    .patience_us = p->conf.patience,
					    .missing = is_absent,
					    .ctx = p });
	for (size_t i = 0; i < p->n_held; i++)
		if (!p->held[i].item->deletion)
			fs_online_get(o, str_sl(&p->held[i].item->id));
	fs_online_drain(o);
	fs_online_free(o);
	for (size_t i = 0; i < p->n_held; i++)
		p->n_there += !p->held[i].absent && !p->held[i].item->deletion;
	p->trusted = p->n_there && !p->lost;
}

/*
 * The first records that the journal has are held back until the store was asked for them: somebody
 * else may have emptied it since, or a part of it. What is not there is sent, and the next are
 * looked at, too; if none is, the journal means nothing. One that is not there because of a
 * deletion that was acknowledged behind it is no sign of that. Behind what is sent goes all else of
 * its identifier, deletions, too: it ends as it did.
 */
static void look_at_held(struct prog *p)
{
	p->n_there = 0;
	p->lost = false;
	if (p->n_held)
		ask_for_held(p);
	if (p->lost && !p->n_there && !p->n.skipped) {
		msg_warn("%s has none of the records that an earlier run is said to have put "
			 "there: all are sent again",
			msg_q(p->group.name));
		fs_journal_forget(p->journal, 0);
	}
	for (size_t i = 0; i < p->n_held; i++) {
		struct fs_item *item = p->held[i].item;
		bool due = p->lost && (p->held[i].absent || !p->n_there);

		p->n.skipped += !due;
		if (due) {
			fs_journal_forget(p->journal, item->key[1]);
			send_item(p, item);
		} else {
			fs_load_drop(p->load, item);
		}
	}
	p->n_held = 0;
}

static void hold(struct prog *p, struct fs_item *item, bool last)
{
	p->held[p->n_held].item = item;
	p->held[p->n_held].last = last;
	p->held[p->n_held++].absent = false;
	if (p->n_held == FS_BATCH_GET_MAX)
		look_at_held(p);
}

static bool is_held(const struct prog *p, const struct fs_item *item)
{
	for (size_t i = 0; i < p->n_held; i++)
		if (p->held[i].item->hash == item->hash)
			return true;
	return false;
}

/* The online store knows identifiers by their text, the offline store by their value. */
static void look_at_spelling(struct prog *p, struct sl id)
{
	enum fs_type type = p->group.features[p->group.id].type;
	char plain[24];
	size_t n = id.n;
	int64_t i;
	double d;

	if (type == FS_INTEGRAL && num_i64(id, &i))
		n = num_put_i64(plain, i);
	else if (type == FS_FRACTIONAL && num_double(id, &d))
		n = num_put_double(plain, d);
	p->odd = type != FS_STRING && (n != id.n || memcmp(plain, id.p, n) != 0);
	if (p->odd)
		msg_warn("identifier %s is %.*s for the offline store, and another record for the "
			 "online store: is that meant?", msg_q(id), (int)n, plain);
}

static void take_row(struct prog *p, const struct rec *rec)
{
	struct fs_item *item = fs_load_item(p->load);
	enum fs_journal_said said;
	const char *why;
	size_t column;

	p->n.records++;
	why = fs_coder_put(&p->coder, rec, item, &column);
	if (!why && !p->odd)
		look_at_spelling(p, str_sl(&item->id));
	if (!why && (!p->conf.dry_run || is_due(p, item)))
		p->n.write_units += p->coder.bytes / 1024 + 1;
	if (why || p->conf.dry_run)
		fs_load_drop(p->load, item);
	if (why)
		refuse_record(p, rec, column, why);
	if (why || p->conf.dry_run)
		return;
	item->key[0] = hash64(rec->raw, p->header);
	item->key[1] = item->hash | 1;
	said = fs_journal_take(p->journal, item->key, by_arrival(p));
	if (said == FS_JOURNAL_NOT) {
		if (is_held(p, item))
			look_at_held(p); /* it may have to come before this one */
		send_item(p, item);
	} else if (p->trusted) {
		p->n.skipped++;
		fs_load_drop(p->load, item);
	} else {
		hold(p, item, said == FS_JOURNAL_LAST);
	}
}

/* With --failed: what is no record at all is one that failed. Its text cannot be kept as one. */
static void take_malformed(struct prog *p)
{
	const struct fault *f = rd_fault(p->io->rd);
	struct rec none = { .record = f->record };

	p->n.records++;
	refuse_record(p, &none, SIZE_MAX, f->why);
}

/* Columns that are left out are named, once each. */
static void warn_of_unknown(struct prog *p, const struct names *cols)
{
	for (; p->n_columns < cols->n; p->n_columns++) {
		struct sl name = cols->name[p->n_columns];

		if (p->conf.ignore_unknown && !p->coder.deletions &&
			fs_group_feature(&p->group, name) == SIZE_MAX &&
			!fs_is_store_column(name) && !sl_eq(name, SL(FS_FAILED_COLUMN)))
			msg_warn("column %s is no feature of %s and is left out", msg_q(name),
				msg_q(p->group.name));
	}
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
			"%s: column %s %s", in_name(rd_in(p->io->rd)), msg_q(column), tr(why));
	if (why)
		die(EX_DATA, "%s: %s", in_name(rd_in(p->io->rd)), tr(why));
	warn_of_unknown(p, cols);
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

static void read_all(struct prog *p)
{
	enum rd_event ev = RD_COLS;
	bool first = true;
	struct rec rec;

	while (ev != RD_END && !p->stop) {
		if (first || ev != RD_COLS) /* the record that brought columns is at hand */
			wait_for_input(p);
		stop_check();
		if (p->stop)
			return;
		ev = p->failed ? io_next_any(p->io, &rec) : io_next(p->io, &rec);
		if (first)
			io_need_whole(p->io, p->conf.accept_unsealed);
		first = false;
		if (ev == RD_COLS)
			take_columns(p);
		else if (ev == RD_ROW)
			take_row(p, &rec);
		else if (ev == RD_BAD)
			take_malformed(p);
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
	AUTO_STR s = { 0 };

	str_addf(&s, "%.*s %f %d %d %lld", (int)p->group.arn.n, p->group.arn.p, p->group.created,
		c->stores, c->deletion, (long long)c->ttl);
	return hash64(str_sl(&s), 5);
}

/* One hash for all of the input: its files, in their order. */
static uint64_t input_hash(char *const *input, int n, uint64_t hash)
{
	for (int i = 0; i < n || i == 0; i++) {
		AUTO_FREE char *real = i < n ? realpath(input[i], NULL) : NULL;

		hash = hash64(sl_of(real ? real : "-"), hash);
	}
	return hash;
}

static void open_journal(struct prog *p, char *const *input, int n)
{
	uint64_t job = job_of(p);
	AUTO_FREE char *path = p->conf.journal ? mem_strdup(p->conf.journal)
				     : fs_journal_path(p->group.arn, p->group.name,
					       input_hash(input, n, job));

	p->journal = fs_journal_open(path, job, !p->conf.resume);
	if (fs_journal_known(p->journal))
		msg_note("%llu records were acknowledged by an earlier run and are not sent again "
			 "(--no-resume sends them)",
			(unsigned long long)fs_journal_known(p->journal));
}

static void open_failed(struct prog *p)
{
	if (!p->conf.failed)
		return;
	p->failed = out_open(p->conf.failed, 0);
	out_show(p->failed); /* it is for what goes wrong: whatever ends the program, it is there */
}

static void start(struct prog *p, char *const *input, int n)
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

	p->started = clock_monotonic();
	p->io = io_open_all(&c->io, input, n); /* first: what it is costs no request */
	p->io->reject_hint = "--failed FILE keeps such records and goes on";
	p->io->asks_whole = !p->conf.accept_unsealed;
	p->io->own_progress = !c->dry_run;
	p->aws = aws_need(&c->aws);
	fs_need_group(p->aws, p->group_name, &p->group);
	check_group(p);
	open_failed(p);
	if (!c->dry_run)
		open_journal(p, input, n);
	fs_coder_init(&p->coder, &p->group, (enum fs_when)c->when, c->deletion != DELETE_NONE);
	p->coder.pass_unknown = c->ignore_unknown;
	p->coder.sums = c->there_online || c->there_offline;
	fs_there_init(&p->there, &p->group);
	if (c->there_but)
		namelist_split(&p->but, c->there_but, "there-but");
	p->coder.but = p->there.but = &p->but;
	if (c->there_online)
		fs_there_read(&p->there, c->there_online, true);
	if (c->there_offline)
		fs_there_read(&p->there, c->there_offline, false);
	if (c->there_past)
		fs_there_past(&p->there, c->there_past);
	p->trusted = !p->group.online || c->stores == STORES_OFFLINE || p->ttl_us ||
		     c->deletion != DELETE_NONE || c->keep_journal; /* that is verified */
	p->load = fs_load_new(p->aws, &load);
	msg_on_exit(account, p);
	stop_catch(NULL, NULL);
}

static void report(struct prog *p)
{
	uint64_t resent = fs_load_stats(p->load).resent;
	AUTO_STR s = { 0 };

	if (p->n.older && !p->conf.keep_journal) /* behind a migration it is no news */
		msg_warn("%llu records are older than what the online store has, and do not get "
			 "there", (unsigned long long)p->n.older);
	if (p->n.future)
		msg_warn("%llu records are of the future: until then nothing newer takes their "
			 "place online", (unsigned long long)p->n.future);
	if (p->n.expired)
		msg_warn("%llu records are older than their time to live: the online store does "
			 "not keep them", (unsigned long long)p->n.expired);
	if (p->conf.dry_run) {
		msg_note("%llu records are valid, %llu are not; %llu write units",
			(unsigned long long)(p->n.records - p->n.rejected),
			(unsigned long long)p->n.rejected, (unsigned long long)p->n.write_units);
		return;
	}
	fs_tally_put(&p->n, &s);
	msg_detail("%s", s.p);
	if (p->journal && fs_journal_was_cut(p->journal) && p->group.offline)
		msg_note("an earlier run of this load was cut short: the offline store may have up "
			 "to %llu records twice that were under way then",
			(unsigned long long)(p->conf.workers * FS_BATCH_WRITE_MAX));
	if (resent && p->group.offline)
		msg_note("up to %llu records were sent again after a lost answer: the offline "
			 "store may have them twice", (unsigned long long)resent);
}

static int finish(struct prog *p)
{
	enum exit_code code = p->n.unknown ? EX_TEMP : p->n.rejected ? EX_DATA : EX_DONE;

	meter_show_rejects(&p->io->meter);
	if (fs_tally_failed(&p->n) && (p->stop || !p->conf.dry_run))
		die_hint(code,
			p->failed
				? N_("they are in the file of --failed, which can be loaded again")
			: p->conf.io.rejects
				? N_("--rejects has what was not sent; --failed keeps all")
				: N_("--failed FILE keeps such records and goes on"),
			"%llu records failed; the first: %s",
			(unsigned long long)fs_tally_failed(&p->n), p->first.p);
	report(p);
	msg_off_exit(account, p);
	if (p->failed)
		out_close(p->failed);
	write_stats(p);
	fs_load_free(p->load);
	fs_journal_close(p->journal, !p->conf.keep_journal, false);
	(void)io_close(p->io);
	fs_coder_free(&p->coder);
	fs_there_free(&p->there);
	names_free(&p->but);
	fs_group_free(&p->group);
	if (p->asker)
		aws_close(p->asker);
	aws_close(p->aws);
	str_free(&p->first);
	return (int)code;
}

int main(int argc, char **argv)
{
	struct prog p = { .conf = { .workers = 16,
				  .batch_size = 100,
				  .max_failed = UINT64_MAX,
				  .io.own_stats = true,
				  .batch_write = true,
				  .resume = true,
				  .patience = 600 * CLOCK_US_PER_SEC } };

	opt_parse(&program, &p.conf, &argc, &argv);
	if (argc < 1)
		opt_usage("one GROUP");
	p.group_name = argv[0];
	start(&p, argv + 1, argc - 1);
	read_all(&p);
	if (!p.stop) {
		look_at_held(&p);
		fs_load_drain(p.load);
	}
	return finish(&p);
}
