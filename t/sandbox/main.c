/*
 * ferry-sandbox - a stand-in for the AWS services ferry uses, on one port of 127.0.0.1.
 *
 * One thread serves all requests, so a request sees the state its predecessors left and nothing
 * needs locks; queries of Athena run in processes of their own. README.md says more.
 */
#include "athena.h"
#include "control.h"
#include "core/msg.h"
#include "core/opt.h"
#include "core/tmpf.h"
#include "creds.h"
#include "faults.h"
#include "http.h"
#include "offline.h"
#include "s3_store.h"
#include "service.h"

#include <signal.h>

#define MAX_BODY ((size_t)256 << 20)

struct conf {
	uint64_t port, seed;
	const char *state, *database, *region, *env, *record;
	struct opt_list set;
};

static const struct opt options[] = {
	{ .name = "port",
		.letter = 'p',
		.kind = OPT_UINT,
		.offset = offsetof(struct conf, port),
		.arg = "N",
		.max = 65535,
		.help = "listen here (default 4566; 0 takes a free one)" },
	{ .name = "state",
		.letter = 's',
		.kind = OPT_STR,
		.offset = offsetof(struct conf, state),
		.arg = "DIR",
		.help = "where contents of S3 objects go (default ./sandbox.state)" },
	{ .name = "database",
		.letter = 'd',
		.kind = OPT_STR,
		.offset = offsetof(struct conf, database),
		.arg = "CONNINFO",
		.help = "PostgreSQL for offline stores (default: the PG* variables)" },
	{ .name = "region",
		.letter = 'r',
		.kind = OPT_STR,
		.offset = offsetof(struct conf, region),
		.arg = "NAME",
		.help = "region in the environment that is printed (default us-east-1)" },
	{ .name = "env",
		.letter = 'e',
		.kind = OPT_STR,
		.offset = offsetof(struct conf, env),
		.arg = "FILE",
		.help = "write the environment here once requests are served" },
	{ .name = "set",
		.kind = OPT_LIST,
		.offset = offsetof(struct conf, set),
		.arg = "NAME=VALUE",
		.help = "a delay or fault: --set throttle=5 --set latency=20" },
	{ .name = "seed",
		.kind = OPT_UINT,
		.offset = offsetof(struct conf, seed),
		.arg = "N",
		.help = "makes faults come in the same order" },
	{ .name = "record",
		.kind = OPT_STR,
		.offset = offsetof(struct conf, record),
		.arg = "FILE",
		.help = "describe every request here, as NDJSON" },
	OPT_END,
};

static const struct opt_program program = {
	.name = "ferry-sandbox",
	.summary = "a local stand-in for SageMaker Feature Store, Athena, S3, STS",
	.synopsis = "[options]",
	.examples = "  ferry-sandbox --port 0 --env env --set group-delay=0 --set throttle=5\n",
	.opts = options,
};

static volatile bool stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = true;
}

static void apply_settings(const struct opt_list *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const char *word = set->v[i].p, *equals = strchr(word, '=');
		char *name = NULL;

		if (equals)
			name = mem_sldup((struct sl){ word, (size_t)(equals - word) });
		if (!name || !control_set(name, sl_of(equals + 1)))
			opt_usage("no such setting, or not a value for it: --set %s", word);
		mem_free(name);
	}
}

static void put_environment(struct str *s, const struct conf *conf)
{
	const struct creds *user = creds_user(0);

	str_addf(s, "export AWS_ENDPOINT_URL=http://127.0.0.1:%u\n", http_port());
	str_addf(s, "export AWS_ACCESS_KEY_ID=%s\n", user->key);
	str_addf(s, "export AWS_SECRET_ACCESS_KEY=%s\n", user->secret);
	str_addf(s, "export AWS_REGION=%s\n", conf->region);
	str_addf(s, "export AWS_DEFAULT_REGION=%s\n", conf->region);
	str_addf(s, "export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%u/\n", http_port());
}

int main(int argc, char **argv)
{
	struct conf conf = { .port = 4566, .state = "sandbox.state", .region = "us-east-1" };
	struct sigaction action = { .sa_handler = on_signal };
	struct str env = { 0 };

	msg_init(argv[0]);
	opt_parse(&program, &conf, &argc, &argv);
	if (argc > 0)
		opt_usage("no operands are taken: %s", argv[0]);
	if (conf.seed)
		faults_seed(conf.seed);
	apply_settings(&conf.set);
	if (conf.record)
		control_record_to(conf.record);
	s3_store_start(conf.state);
	offline_start(conf.database);
	athena_start(conf.database);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	http_start((unsigned)conf.port, MAX_BODY, route);
	put_environment(&env, &conf);
	if (conf.env && !tmpf_replace(conf.env, str_sl(&env), 0600))
		die_errno(EX_CANTCREATE, "cannot write, %s", conf.env);
	if (!conf.env) {
		(void)fputs(str_z(&env), stdout);
		(void)fflush(stdout);
	}
	str_free(&env);
	http_run(&stop);
	http_stop();
	athena_stop_all();
	return EX_DONE;
}
