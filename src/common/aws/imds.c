#include "aws/imds.h"

#include "aws/fetch.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/num.h"

#define TOKEN_SECONDS "21600"

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t v;

	return text && num_u64(sl_of(text), &v) && v > 0 && v < 3600 ? v : otherwise;
}

bool imds_enabled(void)
{
	const char *off = getenv("AWS_EC2_METADATA_DISABLED");

	return !(off && strcasecmp(off, "true") == 0);
}

static const char *endpoint(void)
{
	const char *url = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (url && *url)
		return url;
	return mode && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]"
						     : "http://169.254.169.254";
}

/* One exchange, tried as often as the environment allows; the body is appended to dst. */
static bool ask(struct fetch *f, struct str *dst, struct aws_error *e)
{
	uint64_t tries = env_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1);
	bool good = false;

	while (!good && tries-- > 0) {
		answer_free(&f->answer);
		if (!fetch_run(f, e))
			continue;
		good = f->answer.status == 200;
		if (good)
			str_add(dst, str_sl(&f->answer.body));
		else
			aws_error_set(e, AWS_CREDENTIALS, "metadata service", "%s: HTTP %d",
				f->host, f->answer.status);
	}
	fetch_forget(f);
	return good;
}

static bool get_with_token(
	struct fetch *f, const char *prefix, const char *path, struct str *dst, struct aws_error *e)
{
	AUTO_STR headers = {0}, token = {0}, target = {0};
	bool good;

	str_addf(&target, "%s/latest/api/token", prefix);
	f->method = "PUT";
	f->target = str_sl(&target);
	f->headers = SL("X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_SECONDS "\r\n");
	good = ask(f, &token, e) && !memchr(token.p, '\n', token.n) &&
	       !memchr(token.p, '\r', token.n);
	if (good) {
		str_clear(&target);
		str_addf(&target, "%s/latest/%s", prefix, path);
		str_addf(&headers, "X-aws-ec2-metadata-token: %s\r\n", str_z(&token));
		f->method = "GET";
		f->target = str_sl(&target);
		f->headers = str_sl(&headers);
		good = ask(f, dst, e);
	}
	return good;
}

bool imds_get(const char *path, struct str *dst, struct aws_error *e)
{
	int64_t limit = (int64_t)env_number("AWS_METADATA_SERVICE_TIMEOUT", 1) * CLOCK_US_PER_SEC;
	struct fetch f = {
		.limits = {.wire = {.connect_us = limit, .no_proxy = true}, .stall_us = limit}};
	AUTO_FREE char *scheme = NULL, *host = NULL, *prefix = NULL;

	if (!imds_enabled() || !fetch_parse_url(endpoint(), &scheme, &host, &prefix)) {
		aws_error_set(e, AWS_CONFIG, "metadata service", "%s",
			imds_enabled() ? "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL"
				       : "switched off by AWS_EC2_METADATA_DISABLED");
		return false;
	}
	f.scheme = scheme;
	f.host = host;
	return get_with_token(&f, prefix, path, dst, e);
}
