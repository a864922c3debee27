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

struct kafka; /* a client, which reads or writes */

void kafka_close(struct kafka *k);

/* ---- reading, from offsets that the caller keeps --------------------------------------------- */

/* A partition. All but the first three are the owner's; the topic's name is the reader's. */
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
 * One that reads `topics`, which are kept: names, or regular expressions (POSIX, extended) that
 * begin with ^; 64 where one is none. Nothing is committed by itself, messages of aborted
 * transactions are left out, and an offset that is gone is told. `group` may be NULL; with `shared`
 * its members may divide the partitions, see kafka_join().
 */
struct kafka *kafka_reader(const struct kafka_opts *opts, const char *group,
	const struct opt_list *topics, bool shared) NODISCARD;

/* The identifier of the cluster, "" where it has none. */
const char *kafka_cluster(struct kafka *k);

/* All partitions of the topics there are; the array is the caller's to free. */
void kafka_partitions(struct kafka *k, struct kafka_part **parts, size_t *n);

/* Which of `topics`, the first if several, means this one; their number: none does. */
size_t kafka_asked(const struct kafka *k, const char *topic) NODISCARD;

/* The offsets there are: [low, high). */
void kafka_range(struct kafka *k, const struct kafka_part *p, int64_t *low, int64_t *high);

/*
 * The first message of `at`, microseconds as in core/clock.h, or later, out of [low, high): `high`
 * where there is none.
 */
int64_t kafka_offset_at(struct kafka *k, const struct kafka_part *p, int64_t at, int64_t low,
	int64_t high) NODISCARD;

/* Its arithmetic: what Kafka is asked, and what an answer, -1 for none, means. */
int64_t kafka_time(int64_t at) NODISCARD;
int64_t kafka_offset(int64_t found, int64_t low, int64_t high) NODISCARD;

/* From here on these are read, each from its `next`; kept until the next call. */
void kafka_read(struct kafka *k, struct kafka_part *parts, size_t n);

/* Lets lag monitors know how far the group is: `from` of each; and what it has said, or -1. */
void kafka_commit(struct kafka *k, const struct kafka_part *parts, size_t n, bool wait);
int64_t kafka_committed(struct kafka *k, const struct kafka_part *p) NODISCARD;

/*
 * Joins the group. From then on kafka_next() may say KAFKA_REBALANCE: the members divide the
 * partitions anew. What is read now may be finished first; then kafka_share() says which are ours,
 * none at first, as an array that is the caller's to free, and kafka_read() begins with them.
 */
void kafka_join(struct kafka *k);
void kafka_share(struct kafka *k, struct kafka_part **parts, size_t *n);

enum kafka_event {
	KAFKA_NOTHING,
	KAFKA_MESSAGE,
	KAFKA_END,	 /* of the partition, for now: `offset` is the next one there will be */
	KAFKA_OVERTAKEN, /* the partition's next message is not there any more */
	KAFKA_REBALANCE, /* see kafka_join(); nothing more comes before kafka_read() */
};

/* Lives until the next call. */
struct kafka_message {
	struct kafka_part *part;
	int64_t offset;
	struct sl key, value; /* .p NULL: none */
};

enum kafka_event kafka_next(struct kafka *k, int64_t wait_us, struct kafka_message *m) NODISCARD;

/* ---- writing, each message accounted for ----------------------------------------------------- */

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
	bool away;	 /* no broker took it in time */
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
