/*
 * kafka.h - topics of Kafka. The only module that includes librdkafka.
 *
 * Faults that pass are waited out by librdkafka; those that do not end the program: 66 no such
 * topic, 75 no broker, 77 not allowed, 78 a wrong setting, 69 otherwise refused. One thread.
 */
#pragma once

#include "core/opt.h"

struct kafka_opts {
	const char *brokers, *config;
	struct opt_list settings;
};

#define KAFKA_OPTS(T, m)                                                                           \
	{ .kind = OPT_GROUP, .help = "Cluster" },                                                  \
	{ .name = "brokers", .letter = 'b', OPT_INTO(T, m.brokers), .required = true,              \
	  .arg = "HOST:PORT,...", .env = "FERRY_KAFKA", .help = "where to begin asking" },         \
	{ .name = "setting", .letter = 'X', OPT_INTO(T, m.settings), .arg = "NAME=VALUE",          \
	  .help = "of librdkafka; may be given several times" },                                   \
	{ .name = "client-config", OPT_INTO(T, m.config), .arg = "FILE", .file = OPT_READS,        \
	  .env = "FERRY_KAFKA_CONFIG", .help = "lines NAME=VALUE; the place for passwords" }

struct kafka; /* a client: kafka_write.h, kafka_read.h */

void kafka_close(struct kafka *k);
