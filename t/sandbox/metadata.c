/*
 * The sources of credentials that ask for no signature: the instance metadata service, version 2
 * only, and the endpoint containers have (/_sandbox/container, with the header
 * `Authorization: sandbox-container-token`).
 */
#include "core/clock.h"
#include "core/hash.h"
#include "core/num.h"
#include "creds.h"
#include "crypt.h"
#include "service.h"

#define ROLE "sandbox-instance"
#define ROLE_ARN "arn:aws:iam::123456789012:role/" ROLE
#define SECURITY_PATH "/latest/meta-data/iam/security-credentials/"

static struct {
	struct names tokens;
	int64_t *expires; /* by number of the token */
	size_t cap;
} imds;

static void plain(struct exchange *x, int status, struct sl text)
{
	x->status = status;
	if (status >= 400)
		x->error = "refused";
	str_add(&x->out, text);
	exchange_add_header(x, "Content-Type", SL("text/plain"));
}

static void new_token(struct exchange *x)
{
	struct sl ttl = exchange_header(x, "x-aws-ec2-metadata-token-ttl-seconds");
	char token[56];
	int64_t seconds;
	size_t at;

	if (!num_i64(ttl.p ? ttl : SL(""), &seconds) || seconds < 1 || seconds > 21600) {
		plain(x, 400, SL("400 - Bad Request"));
		return;
	}
	if (exchange_header(x, "x-forwarded-for").p) {
		plain(x, 403, SL("403 - Forbidden"));
		return;
	}
	crypt_random_name(token, sizeof token);
	at = names_add(&imds.tokens, (struct sl){ token, sizeof token }, NULL);
	mem_grow(&imds.expires, &imds.cap, at + 1, sizeof *imds.expires);
	imds.expires[at] = unix_now() + seconds * CLOCK_US_PER_SEC;
	exchange_add_header(x, "x-aws-ec2-metadata-token-ttl-seconds", ttl);
	plain(x, 200, (struct sl){ token, sizeof token });
}

static bool has_token(const struct exchange *x)
{
	struct sl token = exchange_header(x, "x-aws-ec2-metadata-token");
	size_t at = token.p ? names_find(&imds.tokens, token) : NAMES_NONE;

	return at != NAMES_NONE && imds.expires[at] > unix_now();
}

static void put_credentials(struct exchange *x, const char *token_name, bool imds_form)
{
	const struct creds *c = creds_assume(SL(ROLE_ARN), SL("i-0123456789abcdef0"), 21600);
	char iso[CLOCK_TEXT_MAX];

	if (imds_form) {
		put_member(&x->out, "Code", SL("Success"));
		put_member(&x->out, "LastUpdated", (struct sl){ iso, put_iso(iso, unix_now()) });
		put_member(&x->out, "Type", SL("AWS-HMAC"));
	} else {
		put_member(&x->out, "RoleArn", SL(ROLE_ARN));
	}
	put_member(&x->out, "AccessKeyId", sl_of(c->key));
	put_member(&x->out, "SecretAccessKey", sl_of(c->secret));
	put_member(&x->out, token_name, sl_of(c->token));
	put_member(&x->out, "Expiration", (struct sl){ iso, put_iso(iso, c->expires) });
	str_addc(&x->out, '}');
	exchange_add_header(x, "Content-Type", SL("application/json"));
}

static void instance(struct exchange *x)
{
	bool get = strcmp(x->method, "GET") == 0;

	x->operation = "InstanceMetadata";
	if (sl_eq(x->path, SL("/latest/api/token")) && strcmp(x->method, "PUT") == 0)
		new_token(x);
	else if (!has_token(x))
		plain(x, 401, SL("401 - Unauthorized"));
	else if (get && sl_eq(x->path, SL(SECURITY_PATH)))
		plain(x, 200, SL(ROLE));
	else if (get && sl_eq(x->path, SL(SECURITY_PATH ROLE)))
		put_credentials(x, "Token", true);
	else if (get && sl_eq(x->path, SL("/latest/meta-data/placement/region")))
		plain(x, 200, SL("us-east-1"));
	else
		plain(x, 404, SL("404 - Not Found"));
}

bool metadata_serve(struct exchange *x)
{
	if (sl_eq(x->path, SL("/_sandbox/container"))) {
		x->operation = "ContainerCredentials";
		if (sl_eq(exchange_header(x, "authorization"), SL("sandbox-container-token")))
			put_credentials(x, "Token", false);
		else
			plain(x, 403, SL("{\"code\":\"AccessDenied\",\"message\":\"\"}"));
		return true;
	}
	if (exchange_header(x, "authorization").p || x->path.n < 8 ||
		memcmp(x->path.p, "/latest/", 8) != 0)
		return false;
	instance(x);
	return true;
}
