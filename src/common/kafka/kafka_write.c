#include "kafka/kafka_write.h"

#include "core/mem.h"
#include "core/num.h"
#include "core/stop.h"
#include "kafka/kafka_internal.h"

#define WAIT_MS 100 /* how soon a signal is seen */

#define TOO_LARGE                                                                                  \
	N_("the message is too large (-X message.max.bytes=N allows more, where the topic does)")

/* Tells the program, and takes back what still waits if it wants no more to be sent. */
static void settle(struct kafka *k, rd_kafka_resp_err_t e, struct kafka_settled s)
{
	bool large = e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;

	s.why = !e ? "" : large ? TOO_LARGE : rd_kafka_err2str(e);
	s.for_itself = s.outcome == KAFKA_REJECTED &&
		       (large || e == RD_KAFKA_RESP_ERR_INVALID_RECORD);
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
	kafka_open(k, RD_KAFKA_PRODUCER, opts, conf, ours);
	k->topic = rd_kafka_topic_new(k->rk, to->topic, NULL);
	k->largest = largest(k);
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
