/* kafka_internal.h - what the files of the room share; nobody else includes it. */
#pragma once

#include "core/msg.h"
#include "kafka/kafka.h"

#include <librdkafka/rdkafka.h>

#define KAFKA_PATIENCE_MS 10000 /* of a question */

struct kafka {
	rd_kafka_t *rk;
	/* reading */
	rd_kafka_message_t *at_hand;
	struct kafka_part *parts, *last;
	size_t n;
	char *cluster;
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

/* Makes the client, of the user's settings, and of ours, which he may not change. */
void kafka_open(struct kafka *k, rd_kafka_type_t type, const struct kafka_opts *opts,
	rd_kafka_conf_t *conf, const struct kafka_setting *ours);

enum exit_code kafka_code(rd_kafka_resp_err_t e);
void kafka_check(rd_kafka_resp_err_t e, const char *topic); /* dies of an error */

/*
 * Partitions of a topic; to be destroyed. Dies where there is no such topic.
 */
const struct rd_kafka_metadata *kafka_ask(struct kafka *k, rd_kafka_topic_t *topic) NODISCARD;
