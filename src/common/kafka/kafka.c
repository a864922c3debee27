#include "kafka/kafka_internal.h"

#include "core/mem.h"

#include <sys/stat.h>

/* ---- errors ---------------------------------------------------------------------------------- */

enum exit_code kafka_code(rd_kafka_resp_err_t e)
{
	static const struct {
		enum exit_code code;
		rd_kafka_resp_err_t errors[4];
	} table[] = { { EX_NOINPUT_, { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
			RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
			RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
			RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION /* no possible name */ } },
		{ EX_STREAM, { RD_KAFKA_RESP_ERR__BAD_MSG } },
		{ EX_CONFIGURATION, { RD_KAFKA_RESP_ERR__INVALID_ARG } },
		{ EX_NOTALLOWED, { RD_KAFKA_RESP_ERR__AUTHENTICATION,
			RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
			RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
			RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED } },
		{ EX_AWAY, { RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TIMED_OUT,
			RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
			RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE } } };

	for (size_t i = 0; e && i < 4 * ARRAY_LEN(table); i++)
		if (table[i / 4].errors[i % 4] == e)
			return table[i / 4].code;
	return EX_REFUSED;
}

void kafka_check(rd_kafka_resp_err_t e, const char *topic)
{
	if (e)
		die(kafka_code(e), "Kafka: %s%s%s", topic, *topic ? ": " : "", rd_kafka_err2str(e));
}

/* Of the connection: what no waiting mends, and what is worth a word. */
static void on_error(rd_kafka_t *rk UNUSED, int e, const char *text, void *ctx UNUSED)
{
	if (e == RD_KAFKA_RESP_ERR__FATAL || kafka_code((rd_kafka_resp_err_t)e) == EX_NOTALLOWED)
		die(kafka_code((rd_kafka_resp_err_t)e), "Kafka: %s", msg_q(sl_of(text)));
	if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		msg_warn("Kafka: no broker can be reached; waiting");
}

static void on_log(const rd_kafka_t *rk UNUSED, int level UNUSED, const char *facility,
	const char *text)
{
	msg_detail("Kafka: %s: %s", facility, msg_q(sl_of(text)));
}

/* ---- settings -------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *where)
{
	char why[256]; /* may hold the value */
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof why);

	if (res == RD_KAFKA_CONF_INVALID)
		die(EX_CONFIGURATION, "%s: %s is a setting of librdkafka, but not with this value",
			where, msg_q(sl_of(name)));
	if (res != RD_KAFKA_CONF_OK)
		die(EX_CONFIGURATION, "%s: %s is no setting of librdkafka", where,
			msg_q(sl_of(name)));
}

static bool is_secret(const char *name)
{
	return strstr(name, "password") || strstr(name, "secret") || strstr(name, ".pem") ||
	       strcmp(name, "sasl.oauthbearer.config") == 0;
}

/* NAME=VALUE, but not what ferry's promises rest on; nor a secret where everybody can read it. */
static void set_line(
	rd_kafka_conf_t *conf, struct sl line, const struct kafka_setting *ours, const char *where,
	bool open)
{
	AUTO_FREE char *name = mem_sldup(line);
	char *value = strchr(name, '=');

	if (!value)
		die(EX_CONFIGURATION, "%s: not NAME=VALUE", where);
	*value++ = '\0';
	if (open && is_secret(name))
		opt_usage("%s: %s belongs in the file of --client-config", where,
			msg_q(sl_of(name)));
	for (; ours->name; ours++)
		if (strcmp(ours->name, name) == 0)
			die(EX_CONFIGURATION, "%s: %s is always %s here", where, name, ours->value);
	set(conf, name, value, where);
	explicit_bzero(value, strlen(value));
}

static void read_config(rd_kafka_conf_t *conf, const char *path, const struct kafka_setting *ours)
{
	FILE *f = fopen(path, "re");
	struct stat st = { .st_mode = 0 };
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		die_errno(EX_NOINPUT_, "cannot open %s", msg_q(sl_of(path)));
	while (getline(&line, &cap, f) >= 0) {
		struct sl text = sl_trim(sl_of(line), " \t\r\n");

		if (text.n == 0 || text.p[0] == '#')
			continue;
		set_line(conf, text, ours, path, false);
		if (is_secret(text.p) && !st.st_mode && fstat(fileno(f), &st) == 0 &&
			(st.st_mode & S_IROTH))
			msg_warn("%s: everybody can read this file, and it has a secret",
				msg_q(sl_of(path)));
	}
	if (ferror(f))
		die_errno(EX_IO, "cannot read %s", msg_q(sl_of(path)));
	if (line)
		explicit_bzero(line, cap);
	free(line);
	(void)fclose(f);
}

void kafka_open(struct kafka *k, rd_kafka_type_t type, const struct kafka_opts *opts,
	rd_kafka_conf_t *conf, const struct kafka_setting *ours)
{
	char why[512];

	for (const struct kafka_setting *s = ours; s->name; s++)
		set(conf, s->name, s->value, "ferry");
	set(conf, "client.id", msg_prog(), "ferry");
	set(conf, "bootstrap.servers", opts->brokers, "--brokers");
	if (opts->config)
		read_config(conf, opts->config, ours);
	for (size_t i = 0; i < opts->settings.n; i++)
		set_line(conf, opts->settings.v[i], ours, "--setting", true);
	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	k->rk = rd_kafka_new(type, conf, why, sizeof why);
	if (!k->rk)
		die(EX_CONFIGURATION, "Kafka: %s", msg_q(sl_of(why)));
}

const struct rd_kafka_metadata *kafka_ask(struct kafka *k, rd_kafka_topic_t *topic)
{
	const struct rd_kafka_metadata *m;
	rd_kafka_resp_err_t e = rd_kafka_metadata(k->rk, 0, topic, &m, KAFKA_PATIENCE_MS);

	if (e)
		(void)rd_kafka_poll(k->rk, 0); /* on_error() may know better */
	kafka_check(e, rd_kafka_topic_name(topic));
	kafka_check(m->topics[0].err, rd_kafka_topic_name(topic));
	return m;
}

void kafka_close(struct kafka *k)
{
	if (k->at_hand)
		rd_kafka_message_destroy(k->at_hand);
	if (k->topic)
		rd_kafka_topic_destroy(k->topic);
	else
		(void)rd_kafka_consumer_close(k->rk);
	rd_kafka_destroy(k->rk);
	free(k->cluster);
	mem_free(k);
}
