/* kafka_write.h - messages into a topic of Kafka, each accounted for. */
#pragma once

#include "kafka/kafka.h"

enum kafka_outcome {
	KAFKA_ACKNOWLEDGED,
	KAFKA_REJECTED, /* it is not there */
	KAFKA_UNKNOWN,	/* nobody knows */
};

struct kafka_writer_conf {
	const char *topic, *compression;
	/* Of each message, in any order; `why` is static. */
	void (*settled)(void *ctx, uint64_t number, enum kafka_outcome outcome, const char *why);
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

void kafka_drain(struct kafka *k); /* until all are settled */
