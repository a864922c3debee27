/*
 * kafka BROKERS TOPIC[:PARTITIONS]... - a Kafka on loopback, which librdkafka has for tests.
 *
 * Prints the addresses of its brokers, then takes commands, a line each, and answers `ok`:
 *
 *	down N, up N               a broker
 *	error API COUNT CODE       so many requests of this number are answered with this error
 *	topic TOPIC CODE           so is everything about a topic, until 0
 *
 * It ends with its standard input. It keeps some 80,000 messages of a partition, and knows nothing
 * of transactions and of offsets by time.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_topic(rd_kafka_mock_cluster_t *m, char *topic, int brokers)
{
	char *colon = strchr(topic, ':');

	if (colon)
		*colon++ = '\0';
	if (rd_kafka_mock_topic_create(
		    m, topic, colon ? atoi(colon) : 1, brokers < 3 ? brokers : 3)) {
		fprintf(stderr, "no topic %s\n", topic);
		exit(70);
	}
}

static void obey(rd_kafka_mock_cluster_t *m, const char *line)
{
	char word[256] = "";
	int n = 0, count = 0, code = 0;

	if (sscanf(line, "down %d", &n) == 1)
		rd_kafka_mock_broker_set_down(m, n);
	else if (sscanf(line, "up %d", &n) == 1)
		rd_kafka_mock_broker_set_up(m, n);
	else if (sscanf(line, "error %d %d %d", &n, &count, &code) == 3)
		for (int i = 0; i < count; i++)
			rd_kafka_mock_push_request_errors(m, (int16_t)n, 1, code);
	else if (sscanf(line, "topic %255s %d", word, &code) == 2)
		rd_kafka_mock_topic_set_error(m, word, (rd_kafka_resp_err_t)code);
	else
		return;
	puts("ok");
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int brokers = argc > 1 ? atoi(argv[1]) : 1;
	rd_kafka_mock_cluster_t *m;
	char why[256], line[512];
	rd_kafka_t *rk;

	setvbuf(stdout, NULL, _IOLBF, 0);
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
	m = rd_kafka_mock_cluster_new(rk, brokers);
	if (!m)
		return 70;
	for (int i = 2; i < argc; i++)
		make_topic(m, argv[i], brokers);
	puts(rd_kafka_mock_cluster_bootstraps(m));
	while (fgets(line, sizeof line, stdin))
		obey(m, line);
	rd_kafka_mock_cluster_destroy(m);
	rd_kafka_destroy(rk);
	return 0;
}
