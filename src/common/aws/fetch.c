#include "aws/fetch.h"

#include "aws/crypto.h"
#include "core/clock.h"

static void on_done(struct http_request *r)
{
	*(bool *)r->ctx = true;
}

void fetch_error(struct aws_error *e, enum http_end end, const char *host, const char *why)
{
	static const struct {
		enum aws_class class;
		const char *code;
	} of[] = {
		[HTTP_ANSWERED] = {AWS_PROTOCOL, "no answer"},
		[HTTP_UNCONNECTED] = {AWS_RETRY, "no connection"},
		[HTTP_UNTRUSTED] = {AWS_CONFIG, "certificate refused"},
		[HTTP_LOST] = {AWS_UNKNOWN, "connection lost"},
		[HTTP_CUT] = {AWS_UNKNOWN, "answer cut off"},
		[HTTP_STALLED] = {AWS_UNKNOWN, "timeout"},
		[HTTP_BAD] = {AWS_PROTOCOL, "bad answer"},
		[HTTP_REFUSED] = {AWS_STOPPED, "stopped"},
		[HTTP_TOO_BIG] = {AWS_PROTOCOL, "answer too large"},
	};

	aws_error_set(e, of[end].class, of[end].code, "%s%s%s", host, *why ? ": " : "", why);
}

bool fetch_run(struct fetch *f, struct aws_error *e)
{
	struct http *h = http_new(&f->limits);
	AUTO_SECRET head = {0};
	bool done = false;
	struct http_request r = {.scheme = f->scheme,
		.host = f->host,
		.body = f->body,
		.done = on_done,
		.ctx = &done};

	(void)str_room(&head, f->headers.n + f->target.n + 512); /* at once: nothing stays behind */
	str_addf(&head, "%s %.*s HTTP/1.1\r\nHost: %s\r\n", f->method, (int)f->target.n,
		f->target.p, f->host);
	str_add(&head, f->headers);
	if (f->body.n || strcmp(f->method, "GET") != 0)
		str_addf(&head, "Content-Length: %zu\r\n", f->body.n);
	str_addz(&head, "User-Agent: ferry/" FERRY_VERSION "\r\n\r\n");
	r.head = str_sl(&head);
	answer_reset(&r.answer, false);
	r.answer.max_body = FETCH_MAX_BODY;
	http_start(h, &r);
	while (!done)
		http_run(h, INT64_MAX);
	http_free(h);
	f->answer = r.answer;
	if (r.end == HTTP_ANSWERED)
		return true;
	fetch_error(e, r.end, f->host, r.why);
	return false;
}

void fetch_forget(struct fetch *f)
{
	crypto_str_free(&f->answer.body);
	answer_free(&f->answer);
	f->answer = (struct answer){0};
}

static bool is_host(struct sl s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    strchr("-._:[]", c)))
			return false;
	}
	return s.n > 0 && s.n < 256;
}

bool fetch_parse_url(const char *url, char **scheme, char **host, char **path)
{
	bool tls = strncasecmp(url, "https://", 8) == 0;
	const char *from = url + (tls ? 8 : 7), *slash;
	const char *own_port = tls ? ":443" : ":80";
	struct sl name, rest;

	if (!tls && strncasecmp(url, "http://", 7) != 0)
		return false;
	slash = strchr(from, '/');
	name = (struct sl){from, slash ? (size_t)(slash - from) : strlen(from)};
	rest = slash ? sl_of(slash) : SL("");
	if (!is_host(name) || memchr(rest.p, '?', rest.n) || memchr(rest.p, '#', rest.n) ||
		memchr(rest.p, ' ', rest.n))
		return false;
	if (name.n > strlen(own_port) &&
		memcmp(name.p + name.n - strlen(own_port), own_port, strlen(own_port)) == 0)
		name.n -= strlen(own_port);
	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	*scheme = mem_strdup(tls ? "https" : "http");
	*host = mem_sldup(name);
	*path = mem_sldup(rest);
	return true;
}

/* ---- the metadata service ------------------------------------------------------------------- */

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

	if (!imds_enabled() || !fetch_parse_url(endpoint(), &scheme, &host, &prefix))
		return aws_error_set(e, AWS_CONFIG, "metadata service", "%s",
			imds_enabled() ? "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL"
				       : "switched off by AWS_EC2_METADATA_DISABLED");
	f.scheme = scheme;
	f.host = host;
	return get_with_token(&f, prefix, path, dst, e);
}
