/*
 * exchange.h - one request and its answer, and the helpers every service needs for them.
 *
 * Slices of a request live as long as the exchange; memory taken from `mem` goes away with it.
 */
#ifndef SANDBOX_EXCHANGE_H
#define SANDBOX_EXCHANGE_H

#include "core/base.h"
#include "core/mem.h"
#include "core/str.h"
#include "stream/json.h"

struct field {
	struct sl name, value;
};

struct fields {
	struct field *v;
	size_t n, cap;
};

/* How an answer leaves; all but the first are faults on demand. */
enum fate {
	FATE_ANSWER,
	FATE_CUT,   /* the body ends early and the connection is closed */
	FATE_RESET, /* the connection is reset instead of an answer */
};

/* How a service writes its errors. */
enum protocol { PROTO_JSON, PROTO_REST, PROTO_S3, PROTO_QUERY };

struct exchange {
	struct arena mem;

	/* the request, as it came on the wire */
	const char *method;
	struct sl target;      /* path and query */
	struct sl path, query; /* neither is decoded; query without its "?" */
	struct fields headers; /* names in lower case, repeated ones in order */
	struct str body;
	struct fields params; /* of the query, decoded */

	/* who asks for what, known after routing and authentication */
	enum protocol protocol;
	const char *service;   /* name in the signing scope: "sagemaker", "s3" … */
	const char *operation; /* "PutRecord" … */
	struct sl region, account, arn, user_id;
	const char *request_id;

	/* the answer */
	int status;
	struct str out;
	struct fields answer; /* headers */
	int fd; /* the body is this file's part instead of `out`; -1: none. Closed at the end */
	uint64_t fd_at, fd_len;
	struct sl detail;  /* further XML elements of an S3 error */
	const char *error; /* code of the error answered, for counters */
	int64_t delay_us;
	enum fate fate;
	uint64_t cut_at; /* FATE_CUT: body bytes sent before the end */
	bool close;      /* ask the client to close the connection */
};

struct exchange *exchange_new(void) NODISCARD;
void exchange_free(struct exchange *x);

/* First value of a header (name in lower case), or of a decoded query parameter; .p NULL if absent.
 */
struct sl exchange_header(const struct exchange *x, const char *name);
struct sl exchange_param(const struct exchange *x, const char *name);
bool exchange_has_param(const struct exchange *x, const char *name);

void fields_add(struct fields *f, struct sl name, struct sl value);
void exchange_add_header(struct exchange *x, const char *name, struct sl value);
void exchange_add_headerf(struct exchange *x, const char *name, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Formats into the arena of the exchange. */
struct sl exchange_printf(struct exchange *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Answers an error in the form of the service's protocol; what was written to the answer before is
 * dropped. Always returns false, so that a check can be written `return exchange_fail(…)`.
 */
bool exchange_fail(struct exchange *x, int status, const char *code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* The usual one: 400 ValidationException, "1 validation error detected: Value …". */
bool exchange_invalid(struct exchange *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The body as a JSON object ({} when empty), or NULL after an answer 400 SerializationException. */
const struct json *exchange_json(struct exchange *x);

/* JSON writing: `"key":` with a comma before it where one is due, and members with values. */
void put_key(struct str *s, const char *key);
void put_member(struct str *s, const char *key, struct sl value); /* a string */
void put_memberi(struct str *s, const char *key, int64_t v);
void put_seconds(struct str *s, const char *key, int64_t unix_us); /* a time as AWS JSON has it */

/* XML text with & < > " ' and control bytes as references. */
void put_xml(struct str *s, struct sl text);
void put_element(struct str *s, const char *name, struct sl text);

/* The current time in microseconds since 1970. */
int64_t unix_now(void);

/* `2024-01-01T00:00:15.250Z` and `Mon, 01 Jan 2024 00:00:15 GMT` of a Unix time; CLOCK_TEXT_MAX
 * bytes. */
size_t put_iso(char *dst, int64_t unix_us);
size_t put_http_date(char *dst, int64_t unix_us);

#endif
