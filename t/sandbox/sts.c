/*
 * STS, in the query protocol. Any user may assume any role of the form
 * arn:aws:iam::ACCOUNT:role/NAME, except: a role named "denied" refuses, and "needs-external-id"
 * wants ExternalId=sandbox.
 */
#include "core/clock.h"
#include "core/num.h"
#include "creds.h"
#include "service.h"
#include "uri.h"

#define NAMESPACE "https://sts.amazonaws.com/doc/2011-06-15/"

static struct sl form(struct exchange *x, const char *name)
{
	struct fields f = { 0 };
	struct sl value = { NULL, 0 };

	uri_parse_query(&x->mem, str_sl(&x->body), &f);
	for (size_t i = 0; i < f.n && !value.p; i++)
		if (sl_eq_str(f.v[i].name, name))
			value = f.v[i].value;
	mem_free(f.v);
	return value;
}

static void begin(struct exchange *x, const char *operation)
{
	str_addf(&x->out, "<%sResponse xmlns=\"" NAMESPACE "\">\n  <%sResult>\n", operation,
		operation);
}

static void end(struct exchange *x, const char *operation)
{
	str_addf(&x->out, "  </%sResult>\n  <ResponseMetadata>\n    ", operation);
	put_element(&x->out, "RequestId", sl_of(x->request_id));
	str_addf(&x->out, "\n  </ResponseMetadata>\n</%sResponse>\n", operation);
}

static void caller_identity(struct exchange *x)
{
	begin(x, "GetCallerIdentity");
	put_element(&x->out, "Arn", x->arn);
	put_element(&x->out, "UserId", x->user_id);
	put_element(&x->out, "Account", x->account);
	end(x, "GetCallerIdentity");
}

static bool read_duration(struct exchange *x, int64_t *seconds)
{
	struct sl text = form(x, "DurationSeconds");

	*seconds = 3600;
	if (!text.p || (num_i64(text, seconds) && *seconds >= 900 && *seconds <= 43200))
		return true;
	return exchange_invalid(x,
		"Value '%.*s' at 'durationSeconds' failed to satisfy constraint: "
		"Member must have value %s",
		(int)text.n, text.p,
		*seconds > 43200 ? "less than or equal to 43200" : "greater than or equal to 900");
}

static bool ends_with(struct sl s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static void assume(struct exchange *x, const char *operation)
{
	struct sl role = form(x, "RoleArn"), session = form(x, "RoleSessionName");
	const struct creds *c;
	char iso[CLOCK_TEXT_MAX];
	int64_t seconds;

	if (!role.p || !session.n) {
		(void)exchange_invalid(x,
			"Value null at '%s' failed to satisfy constraint: Member must "
			"not be null",
			role.p ? "roleSessionName" : "roleArn");
		return;
	}
	if (!read_duration(x, &seconds))
		return;
	if (ends_with(role, ":role/denied") ||
		(ends_with(role, ":role/needs-external-id") &&
			!sl_eq(form(x, "ExternalId"), SL("sandbox")))) {
		(void)exchange_fail(x, 403, "AccessDenied",
			"User: %.*s is not authorized to perform: sts:%s on resource: %.*s",
			(int)x->arn.n, x->arn.p, operation, (int)role.n, role.p);
		return;
	}
	c = creds_assume(role, session, seconds);
	if (!c) {
		(void)exchange_fail(
			x, 400, "ValidationError", "%.*s is invalid", (int)role.n, role.p);
		return;
	}
	begin(x, operation);
	str_addz(&x->out, "    <AssumedRoleUser>");
	put_element(&x->out, "AssumedRoleId", sl_of(c->user_id));
	put_element(&x->out, "Arn", sl_of(c->arn));
	str_addz(&x->out, "</AssumedRoleUser>\n    <Credentials>");
	put_element(&x->out, "AccessKeyId", sl_of(c->key));
	put_element(&x->out, "SecretAccessKey", sl_of(c->secret));
	put_element(&x->out, "SessionToken", sl_of(c->token));
	put_element(&x->out, "Expiration", (struct sl){ iso, put_iso(iso, c->expires) });
	str_addz(&x->out, "</Credentials>\n");
	end(x, operation);
}

static void assume_role(struct exchange *x)
{
	assume(x, "AssumeRole");
}

/* Whoever shows a token is believed; the token "expired" has. */
static void assume_web_identity(struct exchange *x)
{
	struct sl token = form(x, "WebIdentityToken");

	if (token.n < 4)
		(void)exchange_invalid(x,
			"Value '%.*s' at 'webIdentityToken' failed to satisfy "
			"constraint: Member must have length greater than or equal to 4",
			(int)token.n, token.p ? token.p : "");
	else if (sl_eq(token, SL("expired")))
		(void)exchange_fail(x, 400, "ExpiredTokenException",
			"Token expired: current date/time must be before the expiration date/time");
	else
		assume(x, "AssumeRoleWithWebIdentity");
}

const struct operation sts_operations[] = {
	{ "GetCallerIdentity", caller_identity },
	{ "AssumeRole", assume_role },
	{ "AssumeRoleWithWebIdentity", assume_web_identity },
	OPERATION_END,
};
