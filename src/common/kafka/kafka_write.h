/* kafka_write.h - messages into a topic of Kafka, each accounted for. */
#pragma once

#include "kafka/kafka.h"

enum kafka_outcome {
	KAFKA_ACKNOWLEDGED,
	KAFKA_REJECTED, /* it is not there */
	KAFKA_UNKNOWN,	/* nobody knows */
	KAFKA_UNSENT,	/* it waited behind one that ended the sending */
};

struct kafka_settled {
	uint64_t number;
	enum kafka_outcome outcome;
	const char *why; /* static, to be translated; "" where acknowledged */
	bool for_itself; /* rejected for what it is: another message may pass */
	struct sl value;
};

struct kafka_writer_conf {
	const char *topic, *compression;
	/*
	 * Of each message, in any order. False: nothing more is to be sent, so those that still
	 * wait are settled as unsent.
	 */
	bool (*settled)(void *ctx, const struct kafka_settled *s);
	void *ctx;
};

/*
 * One that writes each message once as long as it runs, and in order within a partition; keys go
 * where those of Java's clients go. `to` is kept.
 */
struct kafka *kafka_writer(
	const struct kafka_opts *opts, const struct kafka_writer_conf *to) NODISCARD;

/* Both are copied; waits while too many are under way. `key.p` NULL: none. */
void kafka_send(struct kafka *k, struct sl key, struct sl value, uint64_t number);

/* NULL, or why one of so many bytes, with its key, would be rejected by the client itself. */
const char *kafka_too_large(const struct kafka *k, size_t bytes);

void kafka_drain(struct kafka *k); /* until all are settled */
