/*
 * client.h - calls to AWS: signed, retried, one at a time or many at once.
 *
 * A client belongs to one thread; a program may open several. All connections are kept alive and
 * shared by its calls, and so are the retry quota and the measured clock offset.
 *
 * Retries: standard or adaptive mode (AWS_RETRY_MODE), attempts of AWS_MAX_ATTEMPTS, full jitter,
 * Retry-After and x-amz-retry-after; a wrong clock is corrected once per call, credentials that
 * expired are fetched anew, three times at most. A call whose outcome is unknown is sent again only
 * if `repeatable`. A connection that is silent for 60 s (FERRY_AWS_TIMEOUT, a duration) is given
 * up.
 */
#pragma once

#include "aws/config.h"

#define AWS_MAX_HEADERS 8

struct aws_header {
	struct sl name, value;
};

/* Takes a piece of an answer's body; false stops the call (AWS_STOPPED). */
typedef bool aws_sink_fn(void *ctx, struct sl piece);

/* One call. Everything it points to must stay as it is until the call is done. */
struct aws_call {
	enum aws_service service;
	const char *operation;  /* static text, "PutRecord" */
	const char *method;     /* "GET", "PUT", "POST", "DELETE", "HEAD" */
	struct sl path;         /* encoded, from "/" on */
	struct sl query;        /* encoded, without "?" */
	struct sl content_type; /* empty: none */
	struct sl body;
	const char *target;                         /* X-Amz-Target, or NULL */
	struct sl bucket;                           /* S3: the bucket, not part of path */
	struct aws_header headers[AWS_MAX_HEADERS]; /* x-amz-* and others to be sent; all signed */
	size_t n_headers;
	bool repeatable; /* sending it twice does no harm */
	bool patient;    /* throttling and temporary errors are waited out for `patience_us`
			    instead of AWS_MAX_ATTEMPTS: for bulk loads. All attempts together last
			    so long; the last one has at least 5 s. */
	int64_t patience_us;
	aws_sink_fn *sink; /* body of a 2xx answer, piece by piece; NULL: into reply.body */
	void *sink_ctx;
	bool resume;     /* GET of S3 with a sink: a cut body goes on with Range and
			    If-Match, so the sink sees every byte once */
	size_t max_body; /* of an answer kept in memory; 0: 64 MiB */
};

struct aws_reply {
	int status;
	struct sl body;     /* empty when a sink took it */
	uint64_t body_size; /* bytes of the body, also of one a sink took */
	unsigned attempts;
	unsigned lost; /* attempts before this answer that may have been carried out, too */
	struct sl etag, bucket_region; /* empty when not there */
	struct sl request_id;
	uint64_t content_length; /* UINT64_MAX: not said */
};

struct aws;

/* Loads the configuration and protects the process (creds_protect_process()). NULL with *e set. */
struct aws *aws_open(const struct aws_opts *opts, struct aws_error *e) NODISCARD;
struct aws *aws_need(const struct aws_opts *opts) NODISCARD; /* never NULL: ends the program */
void aws_close(struct aws *a);

/* The region in force, from the configuration; dies with 78 when there is none. */
const char *aws_region(struct aws *a);

/*
 * Makes the call and waits. True: *r is the answer (2xx), which lives until the next call on `a`.
 * False: *e says why, and *r holds status and headers of the last answer, if any.
 */
bool aws_do(struct aws *a, const struct aws_call *c, struct aws_reply *r,
	struct aws_error *e) NODISCARD;

/*
 * The same of a service that speaks JSON, such as SageMaker: the answer, an object that lives in
 * `mem`; NULL with *e set. What creates, updates or adds is not repeatable: done twice the second
 * fails although the first was good.
 */
struct arena;
const struct json *aws_do_json(struct aws *a, enum aws_service service, const char *operation,
	struct sl body, struct arena *mem, struct aws_error *e) NODISCARD;

/* Parses an answer's JSON body; NULL with *e set (AWS_PROTOCOL) when it is none. */
const struct json *aws_answer(
	const char *operation, struct sl body, struct arena *mem, struct aws_error *e) NODISCARD;

/* Asks every wait of this client to end soon with AWS_STOPPED; may be called in a signal handler.
 * aws_resume() lets calls pass again, to clean up. */
void aws_stop(struct aws *a);
void aws_resume(struct aws *a);

/* Since aws_open(). */
struct aws_stats {
	uint64_t calls, attempts;
	uint64_t connections;    /* opened */
	int64_t clock_offset_us; /* server minus ours, as corrected */
};
struct aws_stats aws_stats(const struct aws *a);
