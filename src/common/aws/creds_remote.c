/* Keys that a service hands out: STS for a role, the agent of a container, the instance itself. */
#include "aws/creds_internal.h"
#include "aws/crypto.h"
#include "aws/fetch.h"
#include "aws/sigv4.h"
#include "aws/uri.h"
#include "aws/xml.h"
#include "core/clock.h"

#include <errno.h>
#include <unistd.h>

#define STS_TRIES 3
#define STS_LIMIT (20 * CLOCK_US_PER_SEC)
#define CONTAINER_TRIES 3
#define CONTAINER_LIMIT (2 * CLOCK_US_PER_SEC)
#define CONTAINER_HOST "169.254.170.2"

/* Appends a small file without its last line end; `what` names it in the message. */
static bool read_file(const char *path, const char *what, struct str *dst, struct aws_error *e)
{
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "re");

	if (!f)
		return aws_error_set(e, AWS_CONFIG, what, "%s: %s", path, strerror(errno));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0 && dst->n < FETCH_MAX_BODY)
		str_add(dst, (struct sl){piece, n});
	fclose(f);
	crypto_wipe(piece, sizeof piece);
	while (dst->n && (dst->p[dst->n - 1] == '\n' || dst->p[dst->n - 1] == '\r'))
		dst->p[--dst->n] = '\0';
	return true;
}

/* ---- STS ----------------------------------------------------------------------------------- */

static bool sts_keys(
	const struct answer *a, struct aws_keys *k, const char *source, struct aws_error *e)
{
	struct arena mem = {0};
	const struct xml *doc = xml_parse(str_sl(&a->body), &mem);
	const struct xml *cred = xml_find(doc, "Credentials");
	bool good = false;

	if (a->status == 200 && cred) {
		keys_set(k, xml_text(cred, "AccessKeyId"), xml_text(cred, "SecretAccessKey"),
			xml_text(cred, "SessionToken"), source);
		good = *k->id && *k->secret &&
		       clock_parse(xml_text(cred, "Expiration"), &k->expires);
		if (!good)
			aws_error_set(e, AWS_PROTOCOL, "bad answer", "no keys in it");
	} else {
		struct sl text = xml_text(doc, "Message"), code = xml_text(doc, "Code");

		aws_error_set(e, aws_classify(a->status, code), "", "%.*s", (int)text.n, text.p);
		snprintf(e->code, sizeof e->code, "%.*s", (int)code.n, code.p);
		e->status = a->status;
		if (e->class == AWS_FINE)
			e->class = AWS_PROTOCOL;
	}
	arena_wipe(&mem);
	return good;
}

/* The headers of a call that is signed at `now`; `by` NULL: unsigned. */
static void sts_headers(struct str *dst, const struct aws_endpoint *to, struct sl path,
	const char *region, struct sl body, const struct aws_keys *by, int64_t now)
{
	static const char type[] = "application/x-www-form-urlencoded; charset=utf-8";
	struct sigv4_header h[4] = {
		{SL("host"), sl_of(to->host)}, {SL("content-type"), {type, sizeof type - 1}}};
	struct sigv4_request r = {SL("POST"), path, SL(""), h, 3, {NULL, 0}, true, true};
	struct sigv4 *s = sigv4_new();
	char date[17] = "", hash[CRYPTO_HEX_LEN];

	str_addf(dst, "Content-Type: %s\r\n", type);
	if (by) {
		struct sigv4_keys keys = {
			sl_of(by->id), sl_of(by->secret), sl_of(by->token ? by->token : "")};

		sigv4_date(date, now);
		h[2] = (struct sigv4_header){SL("x-amz-date"), {date, 16}};
		str_addf(dst, "X-Amz-Date: %s\r\n", date);
		if (by->token) {
			h[r.n_headers++] =
				(struct sigv4_header){SL("x-amz-security-token"), keys.token};
			str_addf(dst, "X-Amz-Security-Token: %s\r\n", by->token);
		}
		crypto_sha256_hex(body, hash);
		r.payload = (struct sl){hash, sizeof hash};
		sigv4_scope(s, &keys, date, sl_of(region), sl_of(to->signing));
		str_addz(dst, "Authorization: ");
		sigv4_sign(s, &r, dst);
		str_addz(dst, "\r\n");
	}
	sigv4_free(s);
}

static bool sts_call(struct aws_config *c, struct sl body, const struct aws_keys *by,
	struct aws_keys *k, const char *source, struct aws_error *e)
{
	struct aws_endpoint to;
	AUTO_SECRET headers = {0};
	AUTO_STR path = {0};
	struct fetch f = {.method = "POST",
		.body = body,
		.limits = {.wire = {.ca_bundle = c->ca_bundle,
				   .connect_us = 10 * CLOCK_US_PER_SEC},
			.stall_us = STS_LIMIT}};
	int64_t ahead = 0; /* the service's clock before ours, once it refused for that */
	bool good = false, skewed;

	if (!aws_config_endpoint(c, AWS_STS, &to, e))
		return false;
	str_addf(&path, "%s/", to.path);
	f.scheme = to.scheme;
	f.host = to.host;
	f.target = str_sl(&path);
	for (unsigned i = 1; !good && i <= STS_TRIES; i++) {
		str_clear(&headers);
		sts_headers(&headers, &to, f.target, aws_config_region(c, e), body, by,
			clock_now() + ahead);
		f.headers = str_sl(&headers);
		good = fetch_run(&f, e) && sts_keys(&f.answer, k, source, e);
		skewed = by && !good && !ahead && f.answer.status == 403 &&
			 answer_date(&f.answer, "date", &ahead);
		ahead -= skewed ? clock_now() : 0;
		fetch_forget(&f);
		e->attempts = i;
		if (skewed && (ahead > SIGV4_SKEW_US || ahead < -SIGV4_SKEW_US))
			continue;
		if (good || !aws_error_is_temporary(e))
			break;
		clock_sleep(clock_backoff(i - 1, CLOCK_US_PER_SEC / 2, 5 * CLOCK_US_PER_SEC));
	}
	return good;
}

static void sts_form(struct str *form, const char *action, const struct creds_role *r)
{
	char session[40];

	snprintf(session, sizeof session, "ferry-%lld-%ld",
		(long long)(clock_now() / CLOCK_US_PER_SEC), (long)getpid());
	uri_query(form, SL("Action"), sl_of(action));
	uri_query(form, SL("Version"), SL("2011-06-15"));
	uri_query(form, SL("RoleArn"), sl_of(r->arn));
	uri_query(form, SL("RoleSessionName"), sl_of(r->session ? r->session : session));
	if (r->seconds)
		uri_query(form, SL("DurationSeconds"), sl_of(r->seconds));
	if (r->external_id)
		uri_query(form, SL("ExternalId"), sl_of(r->external_id));
}

bool creds_assume_role(struct aws_config *c, const struct creds_role *r, const struct aws_keys *by,
	struct aws_keys *k, struct aws_error *e)
{
	AUTO_STR form = {0};
	bool good;

	sts_form(&form, "AssumeRole", r);
	good = sts_call(c, str_sl(&form), by, k, "role", e);
	if (!good)
		snprintf(e->operation, sizeof e->operation, "AssumeRole");
	return good;
}

bool creds_web_identity(struct aws_config *c, const struct creds_role *r, const char *token_file,
	struct aws_keys *k, struct aws_error *e)
{
	AUTO_SECRET form = {0}, token = {0};
	bool good = read_file(token_file, "web_identity_token_file", &token, e);

	if (good) {
		(void)str_room(&form, 3 * token.n + 2048);
		sts_form(&form, "AssumeRoleWithWebIdentity", r);
		uri_query(&form, SL("WebIdentityToken"), str_sl(&token));
		good = sts_call(c, str_sl(&form), NULL, k, "web identity", e);
		if (!good)
			snprintf(e->operation, sizeof e->operation, "AssumeRoleWithWebIdentity");
	}
	return good;
}

/* ---- containers ---------------------------------------------------------------------------- */

/* Keys may travel without TLS only where the network is this machine's own. Source: botocore. */
static bool is_near(const char *host)
{
	static const char *const near[] = {"localhost", "127.0.0.1", "[::1]", CONTAINER_HOST,
		"169.254.170.23", "[fd00:ec2::23]"};

	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		size_t n = strlen(near[i]);

		if (strncmp(host, near[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
			return true;
	}
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.:") == strlen(host);
}

static bool container_token(struct str *headers, struct aws_error *e)
{
	const char *file = aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	AUTO_SECRET token = {0};
	bool good = true;

	if (file)
		good = read_file(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token, e);
	else if (text)
		str_addz(&token, text);
	if (good && (strchr(str_z(&token), '\r') || strchr(str_z(&token), '\n'))) {
		aws_error_set(
			e, AWS_CONFIG, "container credentials", "the token has a line end in it");
		good = false;
	}
	if (good && token.n) {
		(void)str_room(headers, token.n + 64);
		str_addf(headers, "Authorization: %s\r\n", str_z(&token));
	}
	return good;
}

static bool container_fetch(struct fetch *f, struct aws_keys *k, struct aws_error *e)
{
	for (int i = 0; i < CONTAINER_TRIES; i++) {
		bool answered = fetch_run(f, e), fine = answered && f->answer.status == 200;
		bool good = fine && keys_from_json(k, str_sl(&f->answer.body), "Token",
					    "container", e);

		if (answered && !fine)
			aws_error_set(e, AWS_CREDENTIALS, "container credentials", "%s: HTTP %d",
				f->host, f->answer.status);
		fetch_forget(f);
		if (fine)
			return good;
	}
	return false;
}

bool creds_from_container(struct aws_keys *k, struct aws_error *e)
{
	const char *relative = aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct fetch f = {.method = "GET",
		.limits = {.wire = {.connect_us = CONTAINER_LIMIT, .no_proxy = true},
			.stall_us = CONTAINER_LIMIT}};
	AUTO_FREE char *scheme = NULL, *host = NULL, *path = NULL;
	AUTO_SECRET headers = {0};
	AUTO_STR url = {0};
	bool good = false;

	if (relative)
		str_addf(&url, "http://" CONTAINER_HOST "%s", relative);
	else
		str_addz(&url, full ? full : "");
	if (!fetch_parse_url(str_z(&url), &scheme, &host, &path) ||
		(strcmp(scheme, "https") != 0 && !is_near(host)))
		aws_error_set(e, AWS_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"neither https nor on this machine");
	else if (container_token(&headers, e)) {
		f.scheme = scheme;
		f.host = host;
		f.target = *path ? sl_of(path) : SL("/");
		f.headers = str_sl(&headers);
		good = container_fetch(&f, k, e);
	}
	return good;
}

/* ---- the instance -------------------------------------------------------------------------- */

bool creds_from_instance(struct aws_keys *k, struct aws_error *e)
{
	AUTO_SECRET text = {0};
	AUTO_STR role = {0}, path = {0};
	bool good = imds_get("meta-data/iam/security-credentials/", &role, e);

	if (good) {
		str_add(&path, SL("meta-data/iam/security-credentials/"));
		uri_encode(&path, (struct sl){str_z(&role), strcspn(str_z(&role), "\r\n")}, false);
		(void)str_room(&text, FETCH_MAX_BODY);
		good = imds_get(str_z(&path), &text, e) &&
		       keys_from_json(k, str_sl(&text), "Token", "instance", e);
	}
	return good;
}
