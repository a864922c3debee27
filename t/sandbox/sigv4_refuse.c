#include "sigv4_refuse.h"

#include "core/clock.h"

#include <time.h>

/* JSON services answer 400 from their front end, REST and query services 403. */
static int denied(const struct exchange *x)
{
	return x->protocol == PROTO_JSON ? 400 : 403;
}

/* The code of a signature that is not right, which differs by protocol. */
static const char *mismatch(const struct exchange *x)
{
	return x->protocol == PROTO_QUERY || x->protocol == PROTO_S3 ? "SignatureDoesNotMatch"
								     : "InvalidSignatureException";
}

bool refuse_missing(struct exchange *x)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 403, "AccessDenied", "Access Denied");
	if (x->protocol == PROTO_QUERY)
		return exchange_fail(x, 403, "MissingAuthenticationToken",
			"Request is missing Authentication Token");
	return exchange_fail(x, denied(x), "MissingAuthenticationTokenException",
		"Missing Authentication Token");
}

bool refuse_incomplete(struct exchange *x, const struct sigv4 *s)
{
	struct str text = { 0 };
	bool r;

	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 400, "AuthorizationHeaderMalformed",
			"The authorization header is malformed; the authorization component is "
			"invalid.");
	if (!s->key.n)
		str_addz(&text, "Authorization header requires 'Credential' parameter. ");
	if (!s->signature.n)
		str_addz(&text, "Authorization header requires 'Signature' parameter. ");
	if (!s->signed_headers.n)
		str_addz(&text, "Authorization header requires 'SignedHeaders' parameter. ");
	if (!text.n)
		str_addz(&text, "'SignedHeaders' must be sorted and in lower case. ");
	r = exchange_fail(x, denied(x),
		x->protocol == PROTO_QUERY ? "IncompleteSignature" : "IncompleteSignatureException",
		"%s", str_z(&text));
	str_free(&text);
	return r;
}

bool refuse_key(struct exchange *x, const struct sigv4 *s)
{
	struct str more = { 0 };

	if (x->protocol == PROTO_S3) {
		put_element(&more, "AWSAccessKeyId", s->key);
		x->detail = arena_dup(&x->mem, str_sl(&more));
		str_free(&more);
		return exchange_fail(x, 403, "InvalidAccessKeyId",
			"The AWS Access Key Id you provided does not exist in our records.");
	}
	return exchange_fail(x, denied(x),
		x->protocol == PROTO_QUERY ? "InvalidClientTokenId" : "UnrecognizedClientException",
		"The security token included in the request is invalid%s",
		x->protocol == PROTO_QUERY ? "" : ".");
}

bool refuse_token(struct exchange *x)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 400, "InvalidToken",
			"The provided token is malformed or otherwise invalid.");
	return exchange_fail(x, denied(x),
		x->protocol == PROTO_QUERY ? "InvalidClientTokenId" : "UnrecognizedClientException",
		"The security token included in the request is invalid%s",
		x->protocol == PROTO_QUERY ? "" : ".");
}

bool refuse_expired(struct exchange *x)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 400, "ExpiredToken", "The provided token has expired.");
	return exchange_fail(x, denied(x),
		x->protocol == PROTO_QUERY ? "ExpiredToken" : "ExpiredTokenException",
		"The security token included in the request is expired");
}

bool refuse_service(struct exchange *x, const char *service)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 400, "AuthorizationHeaderMalformed",
			"The authorization header is malformed; incorrect service. "
			"This endpoint belongs to \"%s\".",
			service);
	return exchange_fail(x, denied(x), mismatch(x),
		"Credential should be scoped to correct service: '%s'. ", service);
}

bool refuse_date(struct exchange *x, struct sl date)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 403, "AccessDenied",
			"AWS authentication requires a valid Date or x-amz-date header");
	if (!date.p)
		return exchange_fail(x, denied(x),
			x->protocol == PROTO_QUERY ? "IncompleteSignature"
						   : "IncompleteSignatureException",
			"Authorization header requires existence of either a 'X-Amz-Date' or a "
			"'Date' header.");
	return exchange_fail(x, denied(x),
		x->protocol == PROTO_QUERY ? "IncompleteSignature" : "IncompleteSignatureException",
		"Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
		"http://en.wikipedia.org/wiki/ISO_8601",
		(int)date.n, date.p);
}

bool refuse_scope_date(struct exchange *x, const struct sigv4 *s, struct sl date)
{
	if (x->protocol == PROTO_S3)
		return exchange_fail(x, 400, "AuthorizationHeaderMalformed",
			"The authorization header is malformed; Invalid credential date \"%.*s\". "
			"This date is not the same as X-Amz-Date: \"%.8s\".",
			(int)s->date.n, s->date.p, date.p);
	return exchange_fail(x, denied(x), mismatch(x),
		"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
		"from HTTP: '%.*s' != '%.8s', from '%.*s'.",
		(int)s->date.n, s->date.p, date.p, (int)date.n, date.p);
}

static void basic(char *dst, size_t cap, int64_t t)
{
	time_t seconds = (time_t)(t / CLOCK_US_PER_SEC);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(dst, cap, "%Y%m%dT%H%M%SZ", &tm);
}

bool refuse_skew(struct exchange *x, int64_t signed_at, int64_t now, int64_t allowed)
{
	char then[20], here[20], edge[20], iso[CLOCK_TEXT_MAX];
	struct str more = { 0 };

	basic(then, sizeof then, signed_at);
	basic(here, sizeof here, now);
	if (x->protocol == PROTO_S3) {
		put_element(&more, "RequestTime", sl_of(then));
		put_element(&more, "ServerTime", (struct sl){ iso, put_iso(iso, now) });
		put_element(&more, "MaxAllowedSkewMilliseconds", SL("900000"));
		x->detail = arena_dup(&x->mem, str_sl(&more));
		str_free(&more);
		return exchange_fail(x, 403, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too "
			"large.");
	}
	if (signed_at < now) {
		basic(edge, sizeof edge, now - allowed);
		return exchange_fail(x, denied(x), mismatch(x),
			"Signature expired: %s is now earlier than %s (%s - 5 min.)", then, edge,
			here);
	}
	basic(edge, sizeof edge, now + allowed);
	return exchange_fail(x, denied(x), mismatch(x),
		"Signature not yet current: %s is still later than %s (%s + 5 min.)", then, edge,
		here);
}

bool refuse_unsigned(struct exchange *x, struct sl header)
{
	struct str more = { 0 };

	if (x->protocol == PROTO_S3) {
		put_element(&more, "HeadersNotSigned", header);
		x->detail = arena_dup(&x->mem, str_sl(&more));
		str_free(&more);
		return exchange_fail(x, 403, "AccessDenied",
			"There were headers present in the request which were not signed");
	}
	if (sl_eq(header, SL("host")))
		return exchange_fail(x, denied(x), mismatch(x),
			"'Host' or ':authority' must be a 'SignedHeader' in the AWS "
			"Authorization.");
	return exchange_fail(x, denied(x), mismatch(x),
		"'%.*s' must be a 'SignedHeader' in the AWS Authorization.", (int)header.n,
		header.p);
}

bool refuse_no_payload_hash(struct exchange *x)
{
	return exchange_fail(x, 400, "InvalidRequest",
		"Missing required header for this request: x-amz-content-sha256");
}

bool refuse_payload_hash(struct exchange *x, struct sl claimed, struct sl computed)
{
	struct str more = { 0 };

	put_element(&more, "ClientComputedContentSHA256", claimed);
	put_element(&more, "S3ComputedContentSHA256", computed);
	x->detail = arena_dup(&x->mem, str_sl(&more));
	str_free(&more);
	return exchange_fail(x, 400, "XAmzContentSHA256Mismatch",
		"The provided 'x-amz-content-sha256' header does not match what was computed.");
}

bool refuse_signature(struct exchange *x, const struct sigv4 *s)
{
	struct str more = { 0 };

	if (x->protocol != PROTO_S3)
		return exchange_fail(x, denied(x), mismatch(x),
			"The request signature we calculated does not match the signature you "
			"provided. Check your AWS Secret Access Key and signing method. Consult "
			"the "
			"service documentation for details.");
	put_element(&more, "AWSAccessKeyId", s->key);
	put_element(&more, "StringToSign", str_sl(&s->to_sign));
	put_element(&more, "SignatureProvided", s->signature);
	put_element(&more, "CanonicalRequest", str_sl(&s->canonical));
	x->detail = arena_dup(&x->mem, str_sl(&more));
	str_free(&more);
	return exchange_fail(x, 403, "SignatureDoesNotMatch",
		"The request signature we calculated does not match the signature you provided. "
		"Check your key and signing method.");
}
