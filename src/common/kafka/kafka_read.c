#include "kafka/kafka_read.h"

#include "core/mem.h"
#include "kafka/kafka_internal.h"

/* ---- what there is --------------------------------------------------------------------------- */

struct kafka *kafka_reader(const struct kafka_opts *opts, const char *group)
{
	const struct kafka_setting ours[] = { { "group.id", group ? group : "ferry" },
		{ "enable.auto.commit", "false" }, { "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" }, { "isolation.level", "read_committed" },
		{ "enable.partition.eof", "true" }, { "check.crcs", "true" }, { NULL, NULL } };
	struct kafka *k = mem_zalloc(sizeof *k);

	kafka_open(k, RD_KAFKA_CONSUMER, opts, rd_kafka_conf_new(), ours);
	(void)rd_kafka_poll_set_consumer(k->rk);
	return k;
}

const char *kafka_cluster(struct kafka *k)
{
	if (!k->cluster)
		k->cluster = rd_kafka_clusterid(k->rk, KAFKA_PATIENCE_MS);
	return k->cluster ? k->cluster : "";
}

void kafka_partitions(
	struct kafka *k, const struct opt_list *topics, struct kafka_part **parts, size_t *n)
{
	size_t cap = 0;

	for (size_t i = *n = 0; i < topics->n; i++) {
		const char *name = topics->v[i].p;
		rd_kafka_topic_t *topic = rd_kafka_topic_new(k->rk, name, NULL);
		const struct rd_kafka_metadata *m = kafka_ask(k, topic);

		for (int j = 0; j < m->topics[0].partition_cnt; j++) {
			mem_grow(parts, &cap, *n + 1, sizeof **parts);
			(*parts)[(*n)++] = (struct kafka_part){ .topic = name,
				.number = m->topics[0].partitions[j].id };
		}
		rd_kafka_metadata_destroy(m);
		rd_kafka_topic_destroy(topic);
	}
}

void kafka_range(struct kafka *k, const struct kafka_part *p, int64_t *low, int64_t *high)
{
	kafka_check(rd_kafka_query_watermark_offsets(
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

int64_t kafka_committed(struct kafka *k, const struct kafka_part *p)
{
	rd_kafka_topic_partition_list_t *l = list_of(p, 1, true);
	rd_kafka_resp_err_t e = rd_kafka_committed(k->rk, l, KAFKA_PATIENCE_MS);
	int64_t offset = l->elems[0].offset;

	rd_kafka_topic_partition_list_destroy(l);
	kafka_check(e, p->topic);
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
	rd_kafka_resp_err_t e = rd_kafka_assign(k->rk, l);

	rd_kafka_topic_partition_list_destroy(l);
	kafka_check(e, "");
	k->parts = k->last = parts;
	k->n = n;
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
	enum exit_code code = kafka_code(m->err);

	if (!m->err)
		return KAFKA_MESSAGE;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return KAFKA_END;
	if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
		return KAFKA_OVERTAKEN;
	/* a batch that is not as it was written would be passed over */
	if (code == EX_NOINPUT_ || code == EX_NOTALLOWED || code == EX_STREAM)
		kafka_check(m->err, m->rkt ? rd_kafka_topic_name(m->rkt) : "");
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
