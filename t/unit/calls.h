/* calls.h - what the tests of calls have in common: a client, two calls, a sink. */
#ifndef FERRY_CALLS_H
#define FERRY_CALLS_H

#include "aws/client.h"
#include "core/str.h"

#include "server.h"

static inline struct aws *open_client(const struct server *s, unsigned attempts)
{
	const struct aws_opts o = {
		.region = "eu-west-1", .endpoint = s->url, .max_attempts = attempts};
	struct aws_error e;
	struct aws *a = aws_open(&o, &e);

	if (!a)
		aws_die(&e, "open");
	return a;
}

static inline struct aws_call put_call(bool repeatable)
{
	return (struct aws_call){.service = AWS_FEATURESTORE,
		.operation = "PutRecord",
		.method = "PUT",
		.path = SL("/FeatureGroup/g"),
		.content_type = SL("application/json"),
		.body = SL("{\"Record\":[]}"),
		.repeatable = repeatable};
}

static inline struct aws_call get_call(void)
{
	return (struct aws_call){.service = AWS_FEATURESTORE,
		.operation = "GetRecord",
		.method = "GET",
		.path = SL("/FeatureGroup/g"),
		.repeatable = true};
}

static inline bool add_piece(void *ctx, struct sl piece)
{
	str_add(ctx, piece);
	return true;
}

/* Keys, and nothing of the surroundings. */
static inline void calls_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	setenv("AWS_ACCESS_KEY_ID", "KEY1", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("HOME", "/dev/null", 1);
	unsetenv("AWS_PROFILE");
	unsetenv("AWS_CONFIG_FILE");
	unsetenv("AWS_RETRY_MODE");
}

#endif
