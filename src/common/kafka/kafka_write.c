#include "kafka/kafka_write.h"

#include "core/mem.h"
#include "core/stop.h"
#include "kafka/kafka_internal.h"

#define WAIT_MS 100 /* how soon a signal is seen */

static const char *reason(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
		       ? tr("the message is too large (-X message.max.bytes=N allows more, where "
			    "the topic does)")
		       : rd_kafka_err2str(e);
}

static void on_delivery(rd_kafka_t *rk UNUSED, const rd_kafka_message_t *m, void *ctx)
{
	const struct kafka_writer_conf *to = ((struct kafka *)ctx)->to;
	bool never = rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;

	to->settled(to->ctx, (uint64_t)(uintptr_t)m->_private,
		!m->err ? KAFKA_ACKNOWLEDGED : never ? KAFKA_REJECTED : KAFKA_UNKNOWN,
		reason(m->err));
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
	kafka_open(k, RD_KAFKA_PRODUCER, opts, conf, ours);
	k->topic = rd_kafka_topic_new(k->rk, to->topic, NULL);
	kafka_check(k->topic ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error(), to->topic);
	rd_kafka_metadata_destroy(kafka_ask(k, k->topic));
	return k;
}

void kafka_send(struct kafka *k, struct sl key, struct sl value, uint64_t number)
{
	union {
		const char *in;
		void *out; /* librdkafka's interface has no const */
	} text = { .in = value.p };

	while (rd_kafka_produce(k->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, text.out,
		       value.n, key.p, key.n, (void *)(uintptr_t)number)) {
		rd_kafka_resp_err_t e = rd_kafka_last_error();

		if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			k->to->settled(k->to->ctx, number, KAFKA_REJECTED, reason(e));
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
