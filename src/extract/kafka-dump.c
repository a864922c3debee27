/*
 * kafka-dump - read topics of Kafka as a narrow stream, chunk by chunk.
 *
 * A chunk is what came until nothing more came, or it was old or large enough; its rows are sorted
 * by time. With --group its seal says which offsets it holds, from the first that the target does
 * not have; the loader moves the ledger on from exactly there, in the transaction of the rows. So
 * each message is in the target once, whoever is killed, and whoever reads the same beside us.
 * Members that --share the partitions need nothing else: who has lost his cannot commit.
 *
 * Memory: one message, and the sorter of live_chunk.h.
 */
#include "core/kp.h"
#include "core/stop.h"
#include "follow/live_chunk.h"
#include "follow/message_rows.h"
#include "kafka/kafka.h"
#include "ledger/ledger_offsets.h"

#define TICK (CLOCK_US_PER_SEC / 10) /* how soon a signal is seen */
#define WAIT_FOR_TARGET (2 * CLOCK_US_PER_SEC)
#define WAIT_TO_SHARE (30 * CLOCK_US_PER_SEC) /* the other members wait for us meanwhile */
#define TELL_EVERY (60 * CLOCK_US_PER_SEC)

enum { FROM_BEGINNING, FROM_END, FROM_COMMITTED, FROM_TIME };
enum { UNTIL_STOPPED, UNTIL_END };

struct conf {
	struct kafka_opts kafka;
	struct message_opts message;
	struct io_opts io;
	struct opt_list topics;
	const char *group, *target, *from;
	int until;
	int64_t idle, interval;
	uint64_t size;
	bool accept_loss, share;
};

struct dump {
	struct conf conf;
	struct kafka *kafka;
	int from;
	int64_t from_time;
	struct pg *target; /* NULL: no ledger */
	struct extract *x;
	struct narrow_chunk facts;
	struct live_chunk *chunk;
	struct kafka_part *parts;
	size_t n;
	struct ledger_offset *known;
	size_t n_known;
	struct arena arena, message_arena;
	uint64_t bytes;	       /* of messages in the chunk */
	int64_t began, latest; /* clock_monotonic() of its messages; began 0: none yet */
	int64_t looked;	       /* when the target was last asked how far it is */
	uint64_t untold, nulls; /* cells left alone, and not cleared */
	int64_t told; /* when the ledger was told of bad messages; 0: never */
};

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What to read" },
	{ .name = "topics", .letter = 't', CONF(topics), .required = true, .arg = "NAME|REGEX",
	  .help = "a topic, or all that match ^x; may be given several times" },
	{ .name = "group", .letter = 'g', CONF(group), .arg = "NAME",
	  .help = "go on where the target has come to; the ledger knows it so" },
	{ .name = "target", .needs = "group", CONF(target), .arg = "CONNINFO",
	  .env = "FERRY_TARGET", .help = "with --group: where the ledger is" },
	{ .name = "share", .needs = "group", .not_with = "until=end", CONF(share),
	  .help = "divide the partitions with others of the group" },
	{ .name = "from", CONF(from), .arg = "beginning|end|committed|TIME",
	  .help = "where the ledger has nothing" },
	{ .name = "until", CONF(until), .choices = "stopped|end",
	  .help = "end: of what there is now" },
	{ .name = "accept-loss", .weakens = true, CONF(accept_loss),
	  .help = "go on where messages are gone that nobody has read" },
	{ .kind = OPT_GROUP, .help = "Chunks" },
	{ .name = "idle", CONF(idle), .arg = "DURATION",
	  .help = "end one when nothing comes for so long (default 100ms)" },
	{ .name = "interval", CONF(interval), .arg = "DURATION",
	  .help = "or at this age (default 1s)" },
	{ .name = "chunk-size", .kind = OPT_SIZE, .offset = offsetof(struct conf, size),
	  .arg = "SIZE", .min = 1, .help = "or with so many bytes of messages (default 64M)" },
	{ .kind = OPT_GROUP, .help = "Messages" },
	{ .name = "shape", CONF(message.shape), .choices = "flat|wide|debezium",
	  .help = "a value, an object of values, or a change" },
	{ .name = "at", CONF(message.at), .arg = "NAME.NAME",
	  .help = "where in the message the object or array is" },
	{ .name = "ship", CONF(message.ship), .arg = "NAME",
	  .help = "its member that names the ship" },
	{ .name = "time", CONF(message.time), .arg = "NAME", .help = "the time" },
	{ .name = "channel", .not_with = "shape=wide", CONF(message.channel), .arg = "NAME",
	  .help = "the channel" },
	{ .name = "value", CONF(message.value), .arg = "NAME,...",
	  .help = "the value, or the object of values" },
	{ .name = "time-unit", CONF(message.unit), .choices = "auto|s|ms|us|ns",
	  .help = "of times that are numbers since 1970" },
	KAFKA_OPTS(struct conf, kafka),
	EXTRACT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "kafka-dump",
	.summary = "read topics of Kafka as a narrow stream",
	.synopsis = "--brokers HOST:PORT --topics NAME [options]",
	.examples = "  kafka-dump -b localhost:9092 -t telemetry --until end > narrow.csv\n"
		    "  kafka-dump -b localhost:9092 -t telemetry -g ferry |\n"
		    "    pivot-wide | pg-copy-load --wide\n",
	.opts = options,
};

/* ---- the ledger ------------------------------------------------------------------------------ */

/* As ledger_offsets.h has them: of the partitions that have moved, or of all; false: of none. */
static bool put_offsets(struct dump *d, struct str *s, bool moved)
{
	bool any = false;

	str_addc(s, '{');
	if (d->target) {
		str_add_member(s, "group", sl_of(d->conf.group));
		str_add_member(s, "cluster", sl_of(kafka_cluster(d->kafka)));
		str_addc(s, ',');
	}
	str_addz(s, "\"parts\":[");
	for (const struct kafka_part *p = d->parts; p < d->parts + d->n; p++) {
		if (moved && !p->moved)
			continue;
		str_addz(s, any ? ",{\"topic\":" : "{\"topic\":");
		str_add_json(s, sl_of(p->topic));
		str_addf(s, ",\"partition\":%d,\"from\":%lld,\"to\":%lld,\"mark\":\"%016llx\"}",
			p->number, (long long)p->from, (long long)p->next,
			(unsigned long long)p->mark);
		any = true;
	}
	str_addz(s, "]}");
	return any;
}

/*
 * Messages are gone that nobody has read, or all are others (`anew`), which begins at their first:
 * a person has to say that it may be.
 */
static void lose(struct dump *d, struct kafka_part *p, bool anew, const char *why, int64_t n)
{
	AUTO_STR s = { 0 };

	str_addf(&s, tr("Kafka: topic %s, partition %d: %s"), msg_q(sl_of(p->topic)), p->number,
		tr(why));
	if (n > 0)
		str_addf(&s, tr(": %lld messages are lost"), (long long)n);
	if (!d->conf.accept_loss)
		die_hint(EX_CONFIGURATION,
			anew ? N_("--accept-loss reads all that there is, from the first message: "
				  "what --table has of it will be there twice")
			     : N_("--accept-loss goes on from what there is"),
			"%s", s.p);
	if (anew)
		str_addz(&s, tr("; all that there is is read, from the first message"));
	msg_warn("%s", s.p);
	p->moved = true;
	if (d->target)
		ledger_event(d->target, LEDGER_WARNING, 0, SL(""), LEDGER_NO_TIME, s.p);
}

/* Where the partition has nothing that is next to be read: loses that, and goes on behind it. */
static bool find_gap(struct dump *d, struct kafka_part *p, int64_t low, int64_t high)
{
	bool gap = p->next > high || p->next < low;

	if (p->next > high)
		lose(d, p, true, N_("it was made anew, or has lost its end"), p->next - high);
	else if (gap)
		lose(d, p, false, N_("they were deleted before they were read"), low - p->next);
	if (gap)
		p->next = low;
	return gap;
}

static const struct ledger_offset *known_of(const struct dump *d, const struct kafka_part *p)
{
	for (size_t i = 0; i < d->n_known; i++)
		if (d->known[i].partition == p->number && strcmp(d->known[i].topic, p->topic) == 0)
			return &d->known[i];
	return NULL;
}

static void read_ledger(struct dump *d)
{
	arena_reset(&d->arena);
	d->n_known = ledger_offsets_get(d->target, d->conf.group, &d->arena, &d->known);
	d->looked = clock_monotonic();
}

/* Has the target what was sealed? What it has is told to the group, for those who watch its lag. */
static bool look_at_target(struct dump *d, bool last)
{
	bool all = true;

	if (!d->target)
		return true;
	read_ledger(d);
	for (size_t i = 0; i < d->n && all; i++) {
		const struct ledger_offset *known = known_of(d, &d->parts[i]);

		all = known && known->next == d->parts[i].from;
	}
	if (all)
		kafka_commit(d->kafka, d->parts, d->n, last);
	return all;
}

/* ---- where to begin -------------------------------------------------------------------------- */

/* The next message after what the target has; behind a gap, if that is accepted. */
static void go_on(struct dump *d, struct kafka_part *p, const struct ledger_offset *known,
	int64_t low, int64_t high)
{
	const char *cluster = kafka_cluster(d->kafka);

	p->from = p->next = known->next;
	p->mark = strtoull(known->mark, NULL, 16);
	if (known->cluster[0] && strcmp(known->cluster, cluster) != 0) {
		lose(d, p, true, N_("this is another cluster than the ledger knows"), 0);
		p->next = low;
	} else if (!find_gap(d, p, low, high) && p->next > low && known->mark[0]) {
		p->looks_back = true;
		p->next--;
	}
}

static void start_part(struct dump *d, struct kafka_part *p)
{
	const struct ledger_offset *known = known_of(d, p);
	struct ledger_offset committed = { .mark = "", .cluster = "" };
	size_t asked = kafka_asked(d->kafka, p->topic);
	int64_t low, high;
	bool newer = false; /* than the rest of what was asked for: nobody has had any of it */

	kafka_range(d->kafka, p, &low, &high);
	p->end = high;
	for (size_t i = 0; i < d->n_known && !known; i++)
		newer |= kafka_asked(d->kafka, d->known[i].topic) == asked;
	if (!known && d->from == FROM_COMMITTED && !newer) {
		committed.next = kafka_committed(d->kafka, p);
		if (committed.next < 0)
			die_hint(EX_CONFIGURATION, "--from beginning or end",
				"Kafka: topic %s, partition %d: the group has committed nothing",
				msg_q(sl_of(p->topic)), p->number);
		known = &committed;
	}
	p->next = low;
	if (known)
		go_on(d, p, known, low, high);
	else if (d->from == FROM_END && !newer)
		p->next = high;
	else if (d->from == FROM_TIME && !newer)
		p->next = kafka_offset_at(d->kafka, p, d->from_time, low, high);
	if (newer && low > 0)
		lose(d, p, false, N_("they were deleted before they were read"), low);
	if (!known)
		p->from = p->next;
}

/* Is each partition that the ledger knows still there? */
static void find_missing(struct dump *d)
{
	for (size_t i = 0; i < d->n_known; i++) {
		struct kafka_part gone = { .topic = d->known[i].topic,
			.number = d->known[i].partition };
		bool there = kafka_asked(d->kafka, gone.topic) == d->conf.topics.n;

		for (size_t j = 0; j < d->n && !there; j++)
			there = d->parts[j].number == gone.number &&
				strcmp(d->parts[j].topic, gone.topic) == 0;
		if (there) /* or not asked for */
			continue;
		lose(d, &gone, false, N_("there is no such partition any more"), 0);
		ledger_offsets_forget(d->target, d->conf.group, gone.topic, gone.number);
	}
}

/* Begins with d->parts, of which the ledger has been read; some may be new to it. */
static void start_parts(struct dump *d)
{
	AUTO_STR offsets = { 0 };

	for (size_t i = 0; i < d->n; i++)
		start_part(d, &d->parts[i]);
	if (!d->target)
		return;
	(void)put_offsets(d, &offsets, false);
	ledger_offsets_begin(d->target, str_z(&offsets));
	kafka_commit(d->kafka, d->parts, d->n, false);
}

/* With --share, too, all partitions are begun: the first member says where, for all of them. */
static void begin(struct dump *d)
{
	kafka_partitions(d->kafka, &d->parts, &d->n);
	if (d->target) {
		ledger_init(d->target);
		read_ledger(d);
		find_missing(d);
	}
	start_parts(d);
	if (d->conf.share) {
		d->n = 0;
		kafka_join(d->kafka);
	} else {
		kafka_read(d->kafka, d->parts, d->n);
	}
}

/* ---- chunks ---------------------------------------------------------------------------------- */

/* Also one without messages, if it is a `probe`: who writes to a loader that is dead is told. */
static void seal(struct dump *d, bool probe)
{
	const struct ledger_follow follow = { .kind = LEDGER_FOLLOW_KAFKA,
		.upto = SL(""),
		.commit = LEDGER_NO_TIME };
	AUTO_STR offsets = { 0 };

	d->began = 0;
	d->bytes = 0;
	if (!put_offsets(d, &offsets, true) && !probe)
		return;
	KP("kafka_seal");
	live_chunk_commit(d->chunk);
	d->facts.facts.offsets = str_sl(&offsets);
	live_chunk_seal(d->chunk, &follow, clock_now());
	for (size_t i = 0; i < d->n; i++)
		if (d->parts[i].moved) {
			d->parts[i].from = d->parts[i].next;
			d->parts[i].moved = false;
		}
	KP("kafka_sealed");
}

static bool is_due(const struct dump *d, int64_t now)
{
	return d->began && (now - d->latest >= d->conf.idle || now - d->began >= d->conf.interval ||
				   d->bytes >= d->conf.size);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void put_place(const struct kafka_message *m, struct str *s)
{
	str_addf(s, tr("Kafka: topic %s, partition %d, offset %lld: "),
		msg_q(sl_of(m->part->topic)), m->part->number, (long long)m->offset);
}

/* Once here, and once a minute in the ledger: nobody may be looking at the file. */
static void tell_reject(
	struct dump *d, const struct kafka_message *m, struct sl field, const char *why)
{
	int64_t now = clock_monotonic();
	AUTO_STR s = { 0 };

	if (d->told && (!d->target || now - d->told < TELL_EVERY))
		return;
	put_place(m, &s);
	str_addf(&s, tr("a bad message: %s: %s (%llu so far, in %s)"), msg_q(field), tr(why),
		(unsigned long long)d->x->meter.n_rejects, d->conf.io.rejects);
	if (!d->told)
		msg_warn("%s", s.p);
	if (d->target)
		ledger_event(d->target, LEDGER_WARNING, 0, SL(""), LEDGER_NO_TIME, s.p);
	d->told = now;
}

static void reject(struct dump *d, const struct kafka_message *m, struct sl field, const char *why)
{
	struct narrow_row row = { .bad = NARROW_SHIP };
	AUTO_STR json = { 0 };

	str_addz(&json, "{\"topic\":");
	str_add_json(&json, sl_of(m->part->topic));
	str_addf(&json, ",\"partition\":%d,\"offset\":%lld,\"message\":", m->part->number,
		(long long)m->offset);
	io_add_text(&json, m->value);
	str_addc(&json, '}');
	(void)narrow_chunk_reject(&d->facts, &row);
	extract_tick(d->x);
	extract_reject(d->x, field, (struct sl){ NULL, 0 }, why, str_sl(&json), false);
	tell_reject(d, m, field, why);
}

/* A message that was read before, looked at again: is it the one that the ledger knows? */
static bool is_known(struct dump *d, const struct kafka_message *m, uint64_t mark)
{
	struct kafka_part *p = m->part;
	int64_t low, high;

	p->looks_back = false;
	p->next = p->from;
	if (mark == p->mark)
		return true;
	kafka_range(d->kafka, p, &low, &high);
	lose(d, p, true,
		N_("it was made anew: its messages are others than those that were read"), 0);
	p->next = low;
	kafka_read(d->kafka, d->parts, d->n);
	return true;
}

/*
 * The messages before this one are not there, and need not be: compaction and transactions leave
 * gaps. True when it is not to be read itself.
 */
static bool skip_to(const struct dump *d, const struct kafka_message *m)
{
	struct kafka_part *p = m->part;
	bool behind = d->conf.until == UNTIL_END && m->offset >= p->end;
	int64_t to = behind ? p->end : m->offset;

	if (to < p->next)
		return true; /* of before kafka_read() */
	if (to > p->next)
		p->looks_back = false;
	p->moved |= to > p->next && to != p->from;
	p->next = to;
	return behind;
}

/* The first time. */
static void warn_once(uint64_t *n, const struct kafka_message *m, const char *what)
{
	AUTO_STR s = { 0 };

	put_place(m, &s);
	str_addz(&s, tr(what));
	if ((*n)++ == 0)
		msg_warn("%s", s.p);
}

static void take_row(
	struct dump *d, const struct kafka_message *m, const struct message_row *row)
{
	if (row->kept) {
		warn_once(&d->untold, m, N_("a long value that was not changed, which Debezium "
					    "does not tell: the cell is left as it is"));
		return;
	}
	if (row->erased && d->facts.ops) {
		live_chunk_erase(d->chunk, &row->row);
		return;
	}
	if (row->erased)
		warn_once(&d->nulls, m, N_("null clears the cell only with -o ndjson"));
	live_chunk_put(d->chunk, NULL, &row->row);
}

static void take(struct dump *d, const struct kafka_message *m)
{
	const struct message_opts *shape = &d->conf.message;
	uint64_t mark = hash64(m->value, hash64(m->key, 7));
	struct message_row *rows = NULL;
	struct sl field = SL("");
	const char *why = NULL;
	size_t n = 0;

	if (skip_to(d, m) || (m->part->looks_back && is_known(d, m, mark)))
		return;
	if (m->value.p || shape->shape != MESSAGE_DEBEZIUM) /* which has one for compaction */
		why = message_rows(shape, &d->message_arena, m->value, &rows, &n, &field);
	if (why)
		reject(d, m, field, why);
	for (size_t i = 0; i < n && !why; i++)
		take_row(d, m, &rows[i]);
	arena_reset(&d->message_arena);
	m->part->next = m->offset + 1;
	m->part->moved = true;
	m->part->mark = mark;
	d->bytes += m->value.n;
	d->latest = clock_monotonic();
	if (!d->began)
		d->began = d->latest;
	KP("kafka_message");
}

/* Deleted while we were reading: what is in the chunk is whole, and the gap begins behind it. */
static void overtaken(struct dump *d, struct kafka_part *p)
{
	int64_t low, high;

	kafka_range(d->kafka, p, &low, &high);
	if (p->looks_back) /* that one may be gone */
		p->next = p->from;
	p->looks_back = false;
	(void)find_gap(d, p, low, high);
	kafka_read(d->kafka, d->parts, d->n);
}

static bool is_finished(const struct dump *d)
{
	bool all = d->conf.until == UNTIL_END;

	for (size_t i = 0; i < d->n && all; i++)
		all = d->parts[i].next >= d->parts[i].end && !d->parts[i].looks_back;
	return all;
}

static bool target_takes(struct dump *d, int64_t wait)
{
	int64_t until = clock_monotonic() + wait;

	while (!look_at_target(d, true) && io_writes_pipe(&d->conf.io)) {
		if (clock_monotonic() > until)
			return false;
		wr_check(d->x->wr);
		clock_sleep(CLOCK_US_PER_SEC / 50);
	}
	return true;
}

/*
 * Other partitions are ours. Who reads next what was ours begins where the target is, so it is
 * given time to take what is on its way; what comes too late there is refused, and lost to nobody.
 */
static void rebalance(struct dump *d)
{
	seal(d, false);
	(void)target_takes(d, WAIT_TO_SHARE);
	mem_free(d->parts);
	kafka_share(d->kafka, &d->parts, &d->n);
	msg_detail("Kafka: %zu partitions are ours", d->n);
	read_ledger(d);
	start_parts(d);
	kafka_read(d->kafka, d->parts, d->n);
}

static void take_event(struct dump *d, enum kafka_event event, const struct kafka_message *m)
{
	switch (event) {
	case KAFKA_MESSAGE:
		take(d, m);
		break;
	case KAFKA_END:
		(void)skip_to(d, m);
		break;
	case KAFKA_OVERTAKEN:
		overtaken(d, m->part);
		break;
	case KAFKA_REBALANCE:
		rebalance(d);
		break;
	case KAFKA_NOTHING:
		break;
	}
}

static void read_all(struct dump *d)
{
	struct kafka_message m;

	while (!stop_asked() && !is_finished(d)) {
		int64_t now, wait = d->began && d->conf.idle < TICK ? d->conf.idle : TICK;

		take_event(d, kafka_next(d->kafka, wait, &m), &m);
		now = clock_monotonic();
		if (is_due(d, now))
			seal(d, false);
		if (now - d->looked >= CLOCK_US_PER_SEC) {
			wr_check(d->x->wr);
			if (!look_at_target(d, false) && !d->began)
				seal(d, true);
			d->looked = now;
		}
	}
	seal(d, false);
	if (!target_takes(d, WAIT_FOR_TARGET))
		msg_note("the target has not taken the last chunk yet: the next run tells "
			 "the group how far it is");
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void take_from(struct dump *d)
{
	static const char choices[] = "beginning|end|committed";
	struct sl from = sl_of(d->conf.from);
	int i = opt_choice_index(choices, from);

	d->from = i < 0 ? FROM_TIME : i;
	if (i < 0 && !clock_parse_when(from, &d->from_time))
		opt_usage("--from: neither a time nor one of %s: %s", choices, msg_q(from));
	if (i == FROM_COMMITTED && !d->conf.group)
		opt_usage("--from=committed needs --group");
}

static void check_topics(const struct opt_list *topics)
{
	for (size_t i = 0; i < topics->n; i++) {
		if (*topics->v[i].p != '^' && strpbrk(topics->v[i].p, ", "))
			opt_usage("--topics: not one name of a topic: %s", msg_q(topics->v[i]));
		for (size_t j = 0; j < i; j++)
			if (sl_eq(topics->v[j], topics->v[i]))
				opt_usage("--topics: %s is named twice", msg_q(topics->v[i]));
	}
}

static void open_all(struct dump *d)
{
	static const struct sl columns[] = { SL_INIT("ship_id"), SL_INIT("created_time"),
		SL_INIT("data_channel_id"), SL_INIT("value"), SL_INIT("op") };
	const struct conf *c = &d->conf;

	extract_check(&c->io);
	check_topics(&c->topics);
	if (c->group && !io_wants_seal(&c->io))
		die_hint(EX_USAGE_, "pipe it into pivot-wide and pg-copy-load, or say --seal",
			"--group: without a seal nothing tells the target how far it is");
	if (c->share && !io_writes_pipe(&c->io))
		opt_usage("--share needs a pipe: of a file nobody knows when the target takes it");
	take_from(d);
	d->kafka = kafka_reader(&c->kafka, c->group, &c->topics, c->share);
	if (c->group)
		d->target = pg_connect(c->target, "target");
	d->x = extract_open(&c->io, io_wants_seal(&c->io));
	d->x->meter.keeps_rest = true;
	d->facts.rare_ops = c->message.shape == MESSAGE_FLAT;
	d->facts.ops = c->message.shape == MESSAGE_DEBEZIUM ||
		       (d->facts.rare_ops && c->io.out_format == FMT_NDJSON);
	d->chunk = live_chunk_open(&d->facts, d->x, NULL, 0);
	wr_cols(d->x->wr, columns, ARRAY_LEN(columns) - !d->facts.ops);
	begin(d);
	stop_catch_patiently();
}

int main(int argc, char **argv)
{
	struct dump d = { .conf = { .idle = TICK,
				  .from = "beginning",
				  .interval = CLOCK_US_PER_SEC,
				  .size = UINT64_C(64) << 20 } };
	int code;

	opt_parse(&program, &d.conf, &argc, &argv);
	if (argc > 0)
		opt_usage("unexpected operand %s", msg_q(sl_of(argv[0])));
	open_all(&d);
	read_all(&d);
	if (d.untold)
		msg_note("%llu values were not told by Debezium: their cells are as they were",
			(unsigned long long)d.untold);
	extract_seal(d.x, &SEAL_END);
	code = extract_close(d.x);
	live_chunk_close(d.chunk);
	narrow_chunk_free(&d.facts);
	kafka_close(d.kafka);
	pg_close(d.target);
	mem_free(d.parts);
	arena_free(&d.arena);
	arena_free(&d.message_arena);
	return code;
}
