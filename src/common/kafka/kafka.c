#include "kafka/kafka.h"

#include "core/clock.h"
#include "core/stop.h"

#include <librdkafka/rdkafka.h>
#include <regex.h>
#include <sys/stat.h>

#define KAFKA_PATIENCE_MS 10000 /* of a question */
#define WAIT_MS 100		/* how soon a signal is seen */

struct kafka {
	rd_kafka_t *rk;
	/* reading */
	rd_kafka_message_t *at_hand;
	struct kafka_part *parts, *last;
	size_t n;
	char *cluster;
	const struct opt_list *topics;
	regex_t *patterns;   /* of those of `topics` that are patterns */
	struct arena names;  /* of topics */
	rd_kafka_topic_partition_list_t *share; /* what the group has given us, NULL: nothing */
	bool rebalance; /* the program is still to be told of it */
	bool closing;
	/* writing */
	rd_kafka_topic_t *topic;
	const struct kafka_writer_conf *to;
	size_t largest; /* message */
	bool stopped;	/* nothing more is sent */
};

/* What is always so; the last has no name. */
struct kafka_setting {
	const char *name, *value;
};

/* ---- errors ---------------------------------------------------------------------------------- */

static enum exit_code code_of(rd_kafka_resp_err_t e)
{
	static const struct {
		enum exit_code code;
		rd_kafka_resp_err_t errors[4];
	} table[] = { { EX_NOINPUT_, { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
			RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
			RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
			RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION /* no possible name */ } },
		{ EX_STREAM, { RD_KAFKA_RESP_ERR__BAD_MSG } },
		{ EX_CONFIGURATION, { RD_KAFKA_RESP_ERR__INVALID_ARG } },
		{ EX_NOTALLOWED, { RD_KAFKA_RESP_ERR__AUTHENTICATION,
			RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
			RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
			RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED } },
		{ EX_AWAY, { RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
			RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
			RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE } } };

	for (size_t i = 0; e && i < 4 * ARRAY_LEN(table); i++)
		if (table[i / 4].errors[i % 4] == e)
			return table[i / 4].code;
	return EX_REFUSED;
}

/* Dies of an error. */
static void check(rd_kafka_resp_err_t e, const char *topic)
{
	if (e)
		die(code_of(e), "Kafka: %s%s%s", topic, *topic ? ": " : "", rd_kafka_err2str(e));
}

/* Of the connection: what no waiting mends, and what is worth a word. */
static void on_error(rd_kafka_t *rk UNUSED, int e, const char *text, void *ctx UNUSED)
{
	if (e == RD_KAFKA_RESP_ERR__FATAL || code_of((rd_kafka_resp_err_t)e) == EX_NOTALLOWED)
		die(code_of((rd_kafka_resp_err_t)e), "Kafka: %s", msg_q(sl_of(text)));
	if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		msg_warn("Kafka: no broker can be reached; waiting");
}

static void on_log(const rd_kafka_t *rk UNUSED, int level UNUSED, const char *facility,
	const char *text)
{
	msg_detail("Kafka: %s: %s", facility, msg_q(sl_of(text)));
}

/* ---- settings -------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *where)
{
	char why[256]; /* may hold the value */
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof why);

	if (res == RD_KAFKA_CONF_INVALID)
		die(EX_CONFIGURATION, "%s: %s is a setting of librdkafka, but not with this value",
			where, msg_q(sl_of(name)));
	if (res != RD_KAFKA_CONF_OK)
		die(EX_CONFIGURATION, "%s: %s is no setting of librdkafka", where,
			msg_q(sl_of(name)));
}

static bool is_secret(const char *name)
{
	return strstr(name, "password") || strstr(name, "secret") || strstr(name, ".pem") ||
	       strcmp(name, "sasl.oauthbearer.config") == 0;
}

/* NAME=VALUE, but not what ferry's promises rest on; nor a secret where everybody can read it. */
static void set_line(
	rd_kafka_conf_t *conf, struct sl line, const struct kafka_setting *ours, const char *where,
	bool open)
{
	AUTO_FREE char *name = mem_sldup(line);
	char *value = strchr(name, '=');

	if (!value)
		die(EX_CONFIGURATION, "%s: not NAME=VALUE", where);
	*value++ = '\0';
	if (open && is_secret(name))
		opt_usage("%s: %s belongs in the file of --client-config", where,
			msg_q(sl_of(name)));
	for (; ours->name; ours++)
		if (strcmp(ours->name, name) == 0)
			die(EX_CONFIGURATION, "%s: %s is always %s here", where, name, ours->value);
	set(conf, name, value, where);
	explicit_bzero(value, strlen(value));
}

static void read_config(rd_kafka_conf_t *conf, const char *path, const struct kafka_setting *ours)
{
	FILE *f = fopen(path, "re");
	struct stat st = { .st_mode = 0 };
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));
	while (getline(&line, &cap, f) >= 0) {
		struct sl text = sl_trim(sl_of(line), " \t\r\n");

		if (text.n == 0 || text.p[0] == '#')
			continue;
		set_line(conf, text, ours, path, false);
		if (is_secret(text.p) && !st.st_mode && fstat(fileno(f), &st) == 0 &&
			(st.st_mode & S_IROTH))
			msg_warn("%s: everybody can read this file, and it has a secret",
				msg_q(sl_of(path)));
	}
	if (ferror(f))
		die_errno(EX_IO, "cannot read %s", msg_q(sl_of(path)));
	if (line)
		explicit_bzero(line, cap);
	free(line);
	(void)fclose(f);
}

/* Makes the client, of the user's settings, and of ours, which he may not change. */
static void open_client(struct kafka *k, rd_kafka_type_t type, const struct kafka_opts *opts,
	rd_kafka_conf_t *conf, const struct kafka_setting *ours)
{
	char why[512];

	for (const struct kafka_setting *s = ours; s->name; s++)
		set(conf, s->name, s->value, "ferry");
	set(conf, "client.id", msg_prog(), "ferry");
	set(conf, "bootstrap.servers", opts->brokers, "--brokers");
	if (opts->config)
		read_config(conf, opts->config, ours);
	for (size_t i = 0; i < opts->settings.n; i++)
		set_line(conf, opts->settings.v[i], ours, "--setting", true);
	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	k->rk = rd_kafka_new(type, conf, why, sizeof why);
	if (!k->rk)
		die(EX_CONFIGURATION, "Kafka: %s", msg_q(sl_of(why)));
}

/* Partitions of a topic, NULL: of all; to be destroyed. Dies where there is no such topic. */
static const struct rd_kafka_metadata *ask_partitions(struct kafka *k, rd_kafka_topic_t *topic)
{
	const struct rd_kafka_metadata *m;
	rd_kafka_resp_err_t e = rd_kafka_metadata(k->rk, !topic, topic, &m, KAFKA_PATIENCE_MS);

	if (e)
		(void)rd_kafka_poll(k->rk, 0); /* on_error() may know better */
	check(e, topic ? rd_kafka_topic_name(topic) : "");
	if (topic)
		check(m->topics[0].err, rd_kafka_topic_name(topic));
	return m;
}

static bool is_pattern(struct sl topic)
{
	return topic.n > 0 && *topic.p == '^';
}

void kafka_close(struct kafka *k)
{
	if (k->at_hand)
		rd_kafka_message_destroy(k->at_hand);
	k->closing = true;
	if (k->topic)
		rd_kafka_topic_destroy(k->topic);
	else
		(void)rd_kafka_consumer_close(k->rk);
	rd_kafka_destroy(k->rk);
	for (size_t i = 0; k->topics && i < k->topics->n; i++)
		if (is_pattern(k->topics->v[i]))
			regfree(&k->patterns[i]);
	if (k->share)
		rd_kafka_topic_partition_list_destroy(k->share);
	mem_free(k->patterns);
	arena_free(&k->names);
	free(k->cluster);
	mem_free(k);
}

/* ---- what there is to be read ---------------------------------------------------------------- */

/* The members of the group divide the partitions anew: kafka_next() tells the program. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e,
	rd_kafka_topic_partition_list_t *parts, void *ctx)
{
	struct kafka *k = ctx;

	if (k->closing) {
		(void)rd_kafka_assign(rk, NULL);
		return;
	}
	if (k->share)
		rd_kafka_topic_partition_list_destroy(k->share);
	k->share = e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
			   ? rd_kafka_topic_partition_list_copy(parts)
			   : NULL;
	k->rebalance = true;
	rd_kafka_yield(rk);
}

static void compile(struct kafka *k, const struct opt_list *topics)
{
	k->topics = topics;
	k->patterns = mem_zalloc(mem_mul(topics->n, sizeof *k->patterns));
	for (size_t i = 0; i < topics->n; i++)
		if (is_pattern(topics->v[i]) &&
			regcomp(&k->patterns[i], topics->v[i].p, REG_EXTENDED | REG_NOSUB))
			opt_usage("--topics: not a regular expression: %s", msg_q(topics->v[i]));
}

struct kafka *kafka_reader(const struct kafka_opts *opts, const char *group,
	const struct opt_list *topics, bool shared)
{
	const struct kafka_setting ours[] = { { "group.id", group ? group : "ferry" },
		{ "enable.auto.commit", "false" }, { "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" }, { "isolation.level", "read_committed" },
		{ "enable.partition.eof", "true" }, { "check.crcs", "true" }, { NULL, NULL } };
	struct kafka *k = mem_zalloc(sizeof *k);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	compile(k, topics);
	if (shared)
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	open_client(k, RD_KAFKA_CONSUMER, opts, conf, ours);
	(void)rd_kafka_poll_set_consumer(k->rk);
	return k;
}

const char *kafka_cluster(struct kafka *k)
{
	if (!k->cluster)
		k->cluster = rd_kafka_clusterid(k->rk, KAFKA_PATIENCE_MS);
	return k->cluster ? k->cluster : "";
}

size_t kafka_asked(const struct kafka *k, const char *topic)
{
	size_t i = 0;

	for (; i < k->topics->n; i++)
		if (is_pattern(k->topics->v[i])
				? regexec(&k->patterns[i], topic, 0, NULL, 0) == 0
				: sl_eq_str(k->topics->v[i], topic))
			break;
	return i;
}

static void add_topic(struct kafka *k, const rd_kafka_metadata_topic_t *t,
	struct kafka_part **parts, size_t *n)
{
	const char *name = arena_dup(&k->names, sl_of(t->topic)).p;

	check(t->err, t->topic);
	*parts = mem_realloc(*parts, mem_mul(*n + (size_t)t->partition_cnt + 1, sizeof **parts));
	for (int i = 0; i < t->partition_cnt; i++)
		(*parts)[(*n)++] =
			(struct kafka_part){ .topic = name, .number = t->partitions[i].id };
}

void kafka_partitions(struct kafka *k, struct kafka_part **parts, size_t *n)
{
	const struct opt_list *asked = k->topics;

	for (size_t i = *n = 0; i < asked->n; i++) {
		rd_kafka_topic_t *one = is_pattern(asked->v[i])
						? NULL
						: rd_kafka_topic_new(k->rk, asked->v[i].p, NULL);
		const struct rd_kafka_metadata *m = ask_partitions(k, one);
		bool any = one != NULL;

		for (int j = 0; j < m->topic_cnt; j++) {
			any |= one || regexec(&k->patterns[i], m->topics[j].topic, 0, NULL, 0) == 0;
			if (kafka_asked(k, m->topics[j].topic) == i)
				add_topic(k, &m->topics[j], parts, n);
		}
		if (!any)
			die(EX_NOINPUT_, "Kafka: no topic matches %s", msg_q(asked->v[i]));
		rd_kafka_metadata_destroy(m);
		if (one)
			rd_kafka_topic_destroy(one);
	}
}

void kafka_range(struct kafka *k, const struct kafka_part *p, int64_t *low, int64_t *high)
{
	check(rd_kafka_query_watermark_offsets(
		      k->rk, p->topic, p->number, low, high, KAFKA_PATIENCE_MS),
		p->topic);
}

static rd_kafka_topic_partition_list_t *list_of(
	const struct kafka_part *parts, size_t n, bool committed)
{
	rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new((int)n);

	for (size_t i = 0; i < n; i++)
		rd_kafka_topic_partition_list_add(l, parts[i].topic, parts[i].number)->offset =
			committed ? parts[i].from : parts[i].next;
	return l;
}

int64_t kafka_time(int64_t at)
{
	int64_t us = at - CLOCK_UNIX_EPOCH, ms = us / 1000;

	return ms < 0 ? 0 : ms + (us % 1000 > 0); /* below 0 it would be another question */
}

int64_t kafka_offset(int64_t found, int64_t low, int64_t high)
{
	return found < 0 || found > high ? high : found < low ? low : found;
}

int64_t kafka_offset_at(
	struct kafka *k, const struct kafka_part *p, int64_t at, int64_t low, int64_t high)
{
	rd_kafka_topic_partition_list_t *l = list_of(p, 1, false);
	rd_kafka_resp_err_t e;
	int64_t found;

	l->elems[0].offset = kafka_time(at);
	e = rd_kafka_offsets_for_times(k->rk, l, KAFKA_PATIENCE_MS);
	if (!e)
		e = l->elems[0].err;
	found = l->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(l);
	check(e, p->topic);
	return kafka_offset(found, low, high);
}

int64_t kafka_committed(struct kafka *k, const struct kafka_part *p)
{
	rd_kafka_topic_partition_list_t *l = list_of(p, 1, true);
	rd_kafka_resp_err_t e = rd_kafka_committed(k->rk, l, KAFKA_PATIENCE_MS);
	int64_t offset = l->elems[0].offset;

	rd_kafka_topic_partition_list_destroy(l);
	check(e, p->topic);
	return offset < 0 ? -1 : offset;
}

void kafka_commit(struct kafka *k, const struct kafka_part *parts, size_t n, bool wait)
{
	rd_kafka_topic_partition_list_t *l = list_of(parts, n, true);

	(void)rd_kafka_commit(k->rk, l, !wait);
	rd_kafka_topic_partition_list_destroy(l);
}

/* ---- reading --------------------------------------------------------------------------------- */

void kafka_read(struct kafka *k, struct kafka_part *parts, size_t n)
{
	rd_kafka_topic_partition_list_t *l = list_of(parts, n, false);
	/* nothing of nothing gives back what we had; a share of nothing is one, too */
	rd_kafka_resp_err_t e = rd_kafka_assign(k->rk, n > 0 || k->share ? l : NULL);

	rd_kafka_topic_partition_list_destroy(l);
	check(e, "");
	k->parts = k->last = parts;
	k->n = n;
}

void kafka_join(struct kafka *k)
{
	rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new((int)k->topics->n);
	rd_kafka_resp_err_t e;

	for (size_t i = 0; i < k->topics->n; i++)
		(void)rd_kafka_topic_partition_list_add(
			l, k->topics->v[i].p, RD_KAFKA_PARTITION_UA);
	e = rd_kafka_subscribe(k->rk, l);
	rd_kafka_topic_partition_list_destroy(l);
	check(e, "");
}

void kafka_share(struct kafka *k, struct kafka_part **parts, size_t *n)
{
	const rd_kafka_topic_partition_list_t *l = k->share;

	*n = l ? (size_t)l->cnt : 0;
	*parts = mem_alloc(mem_mul(*n + 1, sizeof **parts));
	for (size_t i = 0; i < *n; i++)
		(*parts)[i] = (struct kafka_part){
			.topic = arena_dup(&k->names, sl_of(l->elems[i].topic)).p,
			.number = l->elems[i].partition,
		};
}

static struct kafka_part *part_of(struct kafka *k, const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);

	for (size_t i = 0, at = (size_t)(k->last - k->parts); i < k->n; i++) {
		struct kafka_part *p = &k->parts[(at + i) % k->n];

		if (p->number == m->partition && strcmp(p->topic, topic) == 0)
			return k->last = p;
	}
	return NULL; /* of before kafka_read() */
}

static enum kafka_event event_of(const rd_kafka_message_t *m)
{
	enum exit_code code = code_of(m->err);

	if (!m->err)
		return KAFKA_MESSAGE;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return KAFKA_END;
	if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
		return KAFKA_OVERTAKEN;
	/* a batch that is not as it was written would be passed over */
	if (code == EX_NOINPUT_ || code == EX_NOTALLOWED || code == EX_STREAM)
		check(m->err, m->rkt ? rd_kafka_topic_name(m->rkt) : "");
	msg_detail("Kafka: %s", msg_q(sl_of(rd_kafka_message_errstr(m))));
	return KAFKA_NOTHING;
}

enum kafka_event kafka_next(struct kafka *k, int64_t wait_us, struct kafka_message *m)
{
	rd_kafka_message_t *got;
	enum kafka_event ev;

	if (k->at_hand)
		rd_kafka_message_destroy(k->at_hand);
	k->at_hand = got = rd_kafka_consumer_poll(k->rk, (int)(wait_us / 1000));
	if (k->rebalance) {
		k->rebalance = false;
		return KAFKA_REBALANCE; /* a message is read again, from the ledger's offset */
	}
	ev = got ? event_of(got) : KAFKA_NOTHING;
	if (ev == KAFKA_NOTHING)
		return ev;
	*m = (struct kafka_message){ .part = part_of(k, got), .offset = got->offset };
	if (ev == KAFKA_MESSAGE) {
		m->key = (struct sl){ got->key, got->key_len };
		m->value = (struct sl){ got->payload, got->len };
	}
	return m->part ? ev : KAFKA_NOTHING;
}

/* ---- writing --------------------------------------------------------------------------------- */

#define TOO_LARGE                                                                                  \
	N_("the message is too large (-X message.max.bytes=N allows more, where the topic does)")

/* Tells the program, and takes back what still waits if it wants no more to be sent. */
static void settle(struct kafka *k, rd_kafka_resp_err_t e, struct kafka_settled s)
{
	bool large = e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;

	s.why = !e ? "" : large ? TOO_LARGE : rd_kafka_err2str(e);
	s.for_itself = s.outcome == KAFKA_REJECTED &&
		       (large || e == RD_KAFKA_RESP_ERR_INVALID_RECORD);
	s.away = e == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
	if (k->to->settled(k->to->ctx, &s))
		return;
	k->stopped = true;
	(void)rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static void on_delivery(rd_kafka_t *rk UNUSED, const rd_kafka_message_t *m, void *ctx)
{
	bool never = rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
	struct kafka_settled s = { .number = (uint64_t)(uintptr_t)m->_private,
		.outcome = never ? KAFKA_REJECTED : KAFKA_UNKNOWN,
		.value = { m->payload, m->len } };

	if (!m->err)
		s.outcome = KAFKA_ACKNOWLEDGED;
	else if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE)
		s.outcome = KAFKA_UNSENT;
	settle(ctx, m->err, s);
}

static size_t largest(const struct kafka *k)
{
	char text[32];
	size_t n = sizeof text;
	uint64_t bytes;

	return rd_kafka_conf_get(rd_kafka_conf(k->rk), "message.max.bytes", text, &n) ||
			       !num_u64(sl_of(text), &bytes)
		       ? SIZE_MAX /* then librdkafka itself refuses it */
		       : (size_t)bytes;
}

const char *kafka_too_large(const struct kafka *k, size_t bytes)
{
	return bytes > k->largest ? TOO_LARGE : NULL;
}

struct kafka *kafka_writer(const struct kafka_opts *opts, const struct kafka_writer_conf *to)
{
	const struct kafka_setting ours[] = { { "enable.idempotence", "true" },
		{ "partitioner", "murmur2_random" }, { "compression.type", to->compression },
		{ NULL, NULL } };
	struct kafka *k = mem_zalloc(sizeof *k);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	k->to = to;
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	open_client(k, RD_KAFKA_PRODUCER, opts, conf, ours);
	k->topic = rd_kafka_topic_new(k->rk, to->topic, NULL);
	k->largest = largest(k);
	check(k->topic ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error(), to->topic);
	rd_kafka_metadata_destroy(ask_partitions(k, k->topic));
	return k;
}

void kafka_send(struct kafka *k, struct sl key, struct sl value, uint64_t number)
{
	union {
		const char *in;
		void *out; /* librdkafka's interface has no const */
	} text = { .in = value.p };

	while (k->stopped ||
		rd_kafka_produce(k->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, text.out,
			value.n, key.p, key.n, (void *)(uintptr_t)number)) {
		rd_kafka_resp_err_t e = k->stopped ? RD_KAFKA_RESP_ERR__PURGE_QUEUE
						   : rd_kafka_last_error();

		if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			settle(k, e, (struct kafka_settled){ .number = number, .value = value,
				.outcome = k->stopped ? KAFKA_UNSENT : KAFKA_REJECTED });
			return;
		}
		stop_check();
		(void)rd_kafka_poll(k->rk, WAIT_MS);
	}
	(void)rd_kafka_poll(k->rk, 0);
}

void kafka_drain(struct kafka *k)
{
	while (rd_kafka_flush(k->rk, WAIT_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
		stop_check();
}
