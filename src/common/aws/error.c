#include "aws/error.h"

#include "core/str.h"

#include <stdarg.h>

/*
 * Sources: botocore retries/standard.py (throttle and transient codes), AWS "Common errors", the
 * lists of error codes of S3 and STS, and the SDK for Java (clock skew). Case matters.
 */
static const struct row {
	enum aws_class class;
	const char *codes; /* between blanks */
} rows[] = {
	{AWS_THROTTLE,
		" Throttling ThrottlingException ThrottledException RequestThrottledException"
		" RequestThrottled TooManyRequestsException ProvisionedThroughputExceededException"
		" TransactionInProgressException RequestLimitExceeded BandwidthLimitExceeded"
		" LimitExceededException SlowDown EC2ThrottledException "},
	{AWS_RETRY,
		" RequestTimeout RequestTimeoutException PriorRequestNotComplete ServiceUnavailable"
		" ServiceUnavailableException IDPCommunicationError 503 "},
	{AWS_UNKNOWN, " InternalFailure InternalError InternalServerError InternalServerException"
		      " InternalServiceException "},
	{AWS_CREDENTIALS,
		" ExpiredToken ExpiredTokenException TokenRefreshRequired InvalidClientTokenId"
		" UnrecognizedClientException InvalidAccessKeyId InvalidToken "
		"MissingAuthenticationToken"
		" MissingAuthenticationTokenException SignatureDoesNotMatch "
		"InvalidSignatureException"
		" IncompleteSignature AuthFailure RequestTimeTooSkewed RequestExpired "
		"RequestInTheFuture"
		" ExpiredIdentityToken InvalidIdentityToken "},
	{AWS_FORBIDDEN, " AccessDenied AccessDeniedException AccessForbidden NotAuthorized"
			" UnauthorizedOperation OptInRequired AllAccessDisabled "},
	{AWS_NOT_FOUND, " ResourceNotFound ResourceNotFoundException NoSuchKey NoSuchBucket"
			" NotFound EntityNotFoundException "},
};

bool aws_code_among(struct sl code, const char *codes)
{
	const char *at = code.n ? memmem(codes, strlen(codes), code.p, code.n) : NULL;

	while (at && (at == codes || at[-1] != ' ' || at[code.n] != ' '))
		at = memmem(at + 1, strlen(at + 1), code.p, code.n);
	return at != NULL;
}

static enum aws_class of_status(int status)
{
	switch (status) {
	case 429:
	case 509: /* bandwidth limit, as botocore's legacy mode has it */
		return AWS_THROTTLE;
	case 408:
	case 503:
		return AWS_RETRY;
	case 401:
	case 403:
		return AWS_FORBIDDEN;
	case 404:
		return AWS_NOT_FOUND;
	case 501: /* it does not know how: nor will it next time */
		return AWS_INVALID;
	default:
		if (status >= 500)
			return AWS_UNKNOWN;
		return status >= 300 ? AWS_INVALID : AWS_FINE;
	}
}

enum aws_class aws_classify(int status, struct sl code)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (aws_code_among(code, rows[i].codes))
			return rows[i].class;
	if (code.n && status < 300)
		return AWS_INVALID; /* an error inside a good answer that we do not know */
	return of_status(status);
}

bool aws_error_set(
	struct aws_error *e, enum aws_class class, const char *code, const char *fmt, ...)
{
	va_list ap;

	e->class = class;
	e->status = 0;
	e->request_id[0] = '\0';
	snprintf(e->code, sizeof e->code, "%s", code);
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	return false;
}

bool aws_error_bad(struct aws_error *e, const char *operation, const char *fmt, ...)
{
	va_list ap;

	*e = (struct aws_error){.class = AWS_PROTOCOL, .code = "bad answer"};
	snprintf(e->operation, sizeof e->operation, "%s", operation);
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	return false;
}

bool aws_error_is_temporary(const struct aws_error *e)
{
	return e->class == AWS_RETRY || e->class == AWS_THROTTLE || e->class == AWS_UNKNOWN;
}

enum exit_code aws_error_exit(const struct aws_error *e)
{
	static const enum exit_code codes[] = { [AWS_FINE] = EX_DONE, [AWS_RETRY] = EX_AWAY,
		[AWS_THROTTLE] = EX_THROTTLED, [AWS_UNKNOWN] = EX_AWAY,
		[AWS_CREDENTIALS] = EX_NOTALLOWED, [AWS_FORBIDDEN] = EX_NOTALLOWED,
		[AWS_NOT_FOUND] = EX_MISSING, [AWS_INVALID] = EX_REFUSED,
		[AWS_CONFIG] = EX_CONFIGURATION, [AWS_PROTOCOL] = EX_STREAM,
		[AWS_STOPPED] = EX_REFUSED };

	return strcmp(e->code, "ResourceInUse") == 0 ? EX_EXISTS : codes[e->class];
}

/* What came over the wire, fit for a terminal and for one line. */
static void put_shown(struct str *s, const char *text)
{
	bool gap = false;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '\n' || *p == '\r' || *p == '\t' || *p == ' ') {
			gap = s->n > 0;
			continue;
		}
		if (gap)
			str_addc(s, ' ');
		gap = false;
		if (*p < 0x20 || *p == 0x7f)
			str_addf(s, "\\x%02X", *p);
		else
			str_addc(s, (char)*p);
	}
	while (s->n && s->p[s->n - 1] == '.')
		s->p[--s->n] = '\0';
}

static void put_facts(struct str *s, const struct aws_error *e)
{
	const char *open = " (";

	if (e->status) {
		str_addf(s, "%sHTTP %d", open, e->status);
		open = ", ";
	}
	if (e->request_id[0]) {
		str_addf(s, "%srequest ", open);
		put_shown(s, e->request_id);
		open = ", ";
	}
	if (e->attempts > 1) {
		str_addf(s, "%s%u attempts", open, e->attempts);
		open = ", ";
	}
	if (*open == ',')
		str_addc(s, ')');
}

const char *aws_error_text(const struct aws_error *e)
{
	static _Thread_local char ring[4][1800];
	static _Thread_local unsigned turn;
	char *out = ring[turn++ % ARRAY_LEN(ring)];
	AUTO_STR s = {0}, part = {0};

	if (e->operation[0])
		str_addf(&s, "%s: ", e->operation);
	put_shown(&part, e->code);
	str_add(&s, str_sl(&part));
	str_clear(&part);
	put_shown(&part, e->message);
	if (part.n)
		str_addf(&s, "%s%s", e->code[0] ? ": " : "", str_z(&part));
	put_facts(&s, e);
	snprintf(out, sizeof ring[0], "%s", str_z(&s));
	return out;
}

/* Something the user can do about it, or NULL. */
static const char *hint(const struct aws_error *e)
{
	if (strstr(e->code, "Expired"))
		return N_("sign in again, or check the clock of this machine");
	if (strstr(e->code, "TimeTooSkewed") || strstr(e->code, "InTheFuture"))
		return N_("the clock of this machine is wrong");
	switch (e->class) {
	case AWS_CREDENTIALS:
		return N_("see the keys in force with 'aws sts get-caller-identity'");
	case AWS_FORBIDDEN:
		return N_("the role or user in force lacks a permission for this");
	case AWS_THROTTLE:
		return N_("run again, with fewer workers");
	case AWS_RETRY:
	case AWS_UNKNOWN:
		return N_("run again");
	default:
		return NULL;
	}
}

void aws_die(const struct aws_error *e, const char *what)
{
	die_aws(aws_error_exit(e), hint(e), what, aws_error_text(e));
}
