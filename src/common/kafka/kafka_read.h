/* kafka_read.h - topics of Kafka read, from offsets that the caller keeps. */
#pragma once

#include "kafka/kafka.h"

/* A partition. All but the first three are the owner's. */
struct kafka_part {
	const char *topic;
	int32_t number;
	int64_t next;  /* offset of the next message to be read */
	int64_t from;  /* of the first that is in no sealed chunk */
	int64_t end;   /* where to stop */
	uint64_t mark; /* hash of the message before `next`, */
	bool looks_back; /* with which the next one, read again, is to be compared */
	bool moved;	 /* the open chunk has something of it */
};

/*
 * One that reads: nothing is committed by itself, messages of aborted transactions are left out,
 * and an offset that is gone is told. `group` may be NULL.
 */
struct kafka *kafka_reader(const struct kafka_opts *opts, const char *group) NODISCARD;

/* The identifier of the cluster, "" where it has none. */
const char *kafka_cluster(struct kafka *k);

/* The partitions of these topics; the array is the caller's to free, the names those given. */
void kafka_partitions(
	struct kafka *k, const struct opt_list *topics, struct kafka_part **parts, size_t *n);

/* The offsets there are: [low, high). */
void kafka_range(struct kafka *k, const struct kafka_part *p, int64_t *low, int64_t *high);

/* From here on these are read, each from its `next`; kept until the next call. */
void kafka_read(struct kafka *k, struct kafka_part *parts, size_t n);

/* Lets lag monitors know how far the group is: `from` of each; and what it has said, or -1. */
void kafka_commit(struct kafka *k, const struct kafka_part *parts, size_t n, bool wait);
int64_t kafka_committed(struct kafka *k, const struct kafka_part *p) NODISCARD;

enum kafka_event {
	KAFKA_NOTHING,
	KAFKA_MESSAGE,
	KAFKA_END,	 /* of the partition, for now: `offset` is the next one there will be */
	KAFKA_OVERTAKEN, /* the partition's next message is not there any more */
};

/* Lives until the next call. */
struct kafka_message {
	struct kafka_part *part;
	int64_t offset;
	struct sl key, value; /* .p NULL: none */
};

enum kafka_event kafka_next(struct kafka *k, int64_t wait_us, struct kafka_message *m) NODISCARD;
