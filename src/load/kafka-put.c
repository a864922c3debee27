/*
 * kafka-put - records into a topic of Kafka, each as a JSON object, each accounted for.
 *
 * Every message ends as acknowledged, rejected or unknown. Of a sealed stream nothing is sent
 * before the seal of its chunk has come. What was sent cannot be taken back: a chunk that is
 * delivered and not acknowledged to its source, because we were killed in between, is sent again.
 */
#include "core/kp.h"
#include "core/spool.h"
#include "core/stop.h"
#include "core/tmpf.h"
#include "kafka/kafka.h"
#include "ledger/ledger.h"
#include "stream/io.h"
#include "stream/namelist.h"

struct conf {
	struct kafka_opts kafka;
	struct io_opts io;
	const char *topic, *key, *ack;
	int compression;
	bool accept_unsealed;
};

#define COMPRESSIONS "lz4|zstd|gzip|snappy|none"

static const struct opt options[] = {
	{ .kind = OPT_GROUP, .help = "What is written" },
	{ .name = "topic", .letter = 't', CONF(topic), .required = true, .arg = "NAME",
	  .help = "into this topic" },
	{ .name = "key", .letter = 'k', CONF(key), .arg = "NAME,...",
	  .help = "columns that make the key (default: messages have none)" },
	{ .name = "compression", CONF(compression), .choices = COMPRESSIONS,
	  .help = "of batches (default lz4)" },
	{ .name = "ack", CONF(ack), .arg = "FILE", .file = OPT_WRITES,
	  .help = "live chunks: write here what of the source is delivered" },
	{ .name = "accept-unsealed", .weakens = true, CONF(accept_unsealed),
	  .help = "read a pipe although nothing tells whether it is whole" },
	KAFKA_OPTS(struct conf, kafka),
	IO_IN_OPTS(struct conf, io),
	IO_REJECT_OPTS(struct conf, io),
	IO_REPORT_OPTS(struct conf, io),
	OPT_END,
};

static const struct opt_program program = {
	.name = "kafka-put",
	.summary = "write records to a topic of Kafka",
	.synopsis = "--brokers HOST:PORT --topic NAME [options] [FILE...]",
	.examples = "  kafka-put -b localhost:9092 -t telemetry -k ship_id narrow.csv\n"
		    "  pg-narrow-dump --follow slot --slot s --ack ack |\n"
		    "    kafka-put -b localhost:9092 -t changes -k ship_id --ack ack\n",
	.opts = options,
};

struct put {
	struct conf conf;
	struct kafka_writer_conf to;
	struct kafka *kafka;
	struct io *io;
	struct wr *json; /* makes a message of a record */
	struct names keys;
	struct spool held; /* messages of the chunk */
	struct str key, packed;
	uint64_t sent;
	struct meter_count counts[3]; /* by outcome */
	struct str first;	      /* what the failure was that ended the sending */
	bool for_itself;	      /* it was of that record alone */
	bool away;		      /* nobody took it: another run may be luckier */
};

/* ---- outcomes -------------------------------------------------------------------------------- */

/*
 * What the cluster refuses ends the sending, so that nothing overtakes it; where it was refused for
 * what it is, it may be kept as a reject instead.
 */
static bool settled(void *ctx, const struct kafka_settled *s)
{
	struct put *p = ctx;

	if (s->outcome == KAFKA_UNSENT) {
		p->sent--;
		return true;
	}
	p->counts[s->outcome].n++;
	p->io->rows_out = p->counts[KAFKA_ACKNOWLEDGED].n;
	if (s->outcome == KAFKA_ACKNOWLEDGED)
		return true;
	if (s->for_itself && p->conf.io.rejects) {
		io_reject(p->io, &(struct rec){ .record = s->number, .raw = s->value },
			&(struct fault){ .record = s->number, .why = s->why });
		return true;
	}
	if (p->first.n == 0) {
		str_addf(&p->first, "record %llu: %s", (unsigned long long)s->number, tr(s->why));
		p->for_itself = s->for_itself;
		p->away = s->away;
	}
	return false;
}

/* The program is failing: what is under way is unknown. */
static void account(void *ctx, int code UNUSED, const char *message UNUSED)
{
	struct put *p = ctx;

	p->counts[KAFKA_UNKNOWN].n = p->sent - p->counts[KAFKA_ACKNOWLEDGED].n -
				     p->counts[KAFKA_REJECTED].n;
	msg_note("%llu messages are acknowledged, %llu rejected, %llu unknown",
		(unsigned long long)p->counts[KAFKA_ACKNOWLEDGED].n,
		(unsigned long long)p->counts[KAFKA_REJECTED].n,
		(unsigned long long)p->counts[KAFKA_UNKNOWN].n);
}

static void deliver(struct put *p)
{
	kafka_drain(p->kafka);
	KP("kafka_delivered");
	if (p->first.n > 0)
		die_hint(p->counts[KAFKA_UNKNOWN].n ? EX_TEMP
			: p->away		    ? EX_AWAY
						    : EX_REFUSED,
			p->for_itself ? "--rejects FILE keeps bad records and goes on" : NULL,
			"Kafka: topic %s: %s", msg_q(sl_of(p->conf.topic)), str_z(&p->first));
}

/* ---- records --------------------------------------------------------------------------------- */

static void send(struct put *p, struct sl key, struct sl value, uint64_t number)
{
	p->sent++;
	kafka_send(p->kafka, p->keys.n ? key : (struct sl){ NULL, 0 }, value, number);
	KP("kafka_sent");
	if (p->first.n > 0)
		deliver(p);
}

/* One that ends the program comes behind those before it, so that their fate is known. */
static void reject(struct put *p, const struct rec *rec, struct sl field, const char *why)
{
	if (!p->conf.io.rejects)
		deliver(p);
	io_reject(p->io, rec, &(struct fault){ .record = rec->record, .line = rec->line,
		.field = field, .why = why });
}

/* One column as it is, several as an array; false where a record has not all of them. */
static bool make_key(struct put *p, const struct rec *rec)
{
	const struct names *cols = rd_cols(p->io->rd);

	str_clear(&p->key);
	for (size_t i = 0; i < p->keys.n; i++) {
		size_t at = names_find(cols, p->keys.name[i]);

		if (at >= rec->n || field_is_null(&rec->f[at])) {
			reject(p, rec, p->keys.name[i],
				N_("NULL, or not there, and part of the key"));
			return false;
		}
		if (p->keys.n == 1) {
			str_add(&p->key, field_sl(&rec->f[at]));
			return true;
		}
		str_addc(&p->key, i == 0 ? '[' : ',');
		str_add_json(&p->key, field_sl(&rec->f[at]));
	}
	if (p->keys.n > 0)
		str_addc(&p->key, ']');
	return true;
}

static void take_row(struct put *p, const struct rec *rec)
{
	uint64_t head[] = { rec->record, 0 };
	struct sl text;
	const char *why;

	if (!make_key(p, rec))
		return;
	wr_row(p->json, rec->f, rec->n);
	text = wr_waiting(p->json);
	text.n--; /* the end of line */
	head[1] = p->key.n;
	why = kafka_too_large(p->kafka, p->key.n + text.n);
	if (why) {
		reject(p, rec, SL(""), why);
	} else if (rd_is_sealed(p->io->rd)) {
		str_clear(&p->packed);
		str_add(&p->packed, (struct sl){ (const char *)head, sizeof head });
		str_add(&p->packed, str_sl(&p->key));
		str_add(&p->packed, text);
		spool_put(&p->held, str_sl(&p->packed));
	} else {
		send(p, str_sl(&p->key), text, rec->record);
	}
	wr_forget(p->json);
}

static void take_columns(struct put *p)
{
	const struct names *cols = rd_cols(p->io->rd);

	namelist_resolve_all(&p->keys, cols);
	for (size_t i = 0; format_traits(rd_format(p->io->rd))->header && i < p->keys.n; i++)
		if (names_find(cols, p->keys.name[i]) == NAMES_NONE)
			opt_usage("--key: there is no column %s", msg_q(p->keys.name[i]));
	if (p->json)
		wr_close(p->json);
	p->json = wr_to_memory(FMT_NDJSON, cols->name, cols->n);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static void acknowledge(const struct put *p, const struct seal *seal)
{
	AUTO_ARENA a = { 0 };
	struct ledger_facts facts;
	AUTO_STR line = { 0 };

	if (!p->conf.ack || ledger_parse_facts(&a, seal->src, &facts) ||
		facts.follow.kind == LEDGER_FOLLOW_NONE)
		return;
	str_add(&line, facts.follow.upto);
	str_addc(&line, '\n');
	if (!tmpf_replace(p->conf.ack, str_sl(&line), 0644))
		die_errno(EX_CANTCREATE, "cannot write %s", msg_q(sl_of(p->conf.ack)));
}

static void take_seal(struct put *p, const struct seal *seal)
{
	struct sl record;

	spool_rewind(&p->held);
	while (spool_next(&p->held, &record)) {
		uint64_t head[2];
		const char *key = record.p + sizeof head;

		memcpy(head, record.p, sizeof head);
		send(p, (struct sl){ key, head[1] },
			(struct sl){ key + head[1], record.n - sizeof head - head[1] }, head[0]);
	}
	spool_clear(&p->held);
	deliver(p);
	io_seal(p->io, seal); /* what was rejected is on the disk before the source forgets it */
	acknowledge(p, seal);
}

static void read_all(struct put *p)
{
	struct rec rec;
	enum rd_event ev = io_next(p->io, &rec);

	io_need_whole(p->io, p->conf.accept_unsealed);
	for (; ev != RD_END; ev = io_next(p->io, &rec)) {
		stop_check();
		if (ev == RD_COLS)
			take_columns(p);
		else if (ev == RD_ROW)
			take_row(p, &rec);
		else if (ev == RD_SEAL)
			take_seal(p, rd_seal(p->io->rd));
	}
	deliver(p);
}

int main(int argc, char **argv)
{
	static const char *const compressions[] = { "lz4", "zstd", "gzip", "snappy", "none" };
	struct put p = { .counts = { { "acknowledged", 0 }, { "rejected", 0 }, { "unknown", 0 } } };
	int code;

	opt_parse(&program, &p.conf, &argc, &argv);
	if (p.conf.key)
		namelist_split(&p.keys, p.conf.key, "key");
	p.to = (struct kafka_writer_conf){ .topic = p.conf.topic,
		.compression = compressions[p.conf.compression],
		.settled = settled,
		.ctx = &p };
	p.io = io_open_all(&p.conf.io, argv, argc);
	p.io->asks_whole = !p.conf.accept_unsealed;
	p.io->meter.counts = p.counts;
	p.io->meter.n_counts = ARRAY_LEN(p.counts);
	p.kafka = kafka_writer(&p.conf.kafka, &p.to);
	msg_on_exit(account, &p);
	stop_catch(NULL, NULL);
	read_all(&p);
	msg_off_exit(account, &p);
	code = io_close(p.io);
	if (p.json)
		wr_close(p.json);
	kafka_close(p.kafka);
	names_free(&p.keys);
	spool_free(&p.held);
	str_free(&p.key);
	str_free(&p.packed);
	return code;
}
