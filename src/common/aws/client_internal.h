/*
 * client_internal.h - one call on its way, shared by the client's own files: request.c builds and
 * signs it, reply.c reads what came back, client.c schedules and decides what next.
 */
#pragma once

#include "aws/client.h"
#include "aws/creds.h"
#include "aws/http.h"
#include "aws/retry.h"
#include "aws/sigv4.h"

#include <signal.h>

enum flight_state { FLIGHT_IDLE, FLIGHT_READY, FLIGHT_UP, FLIGHT_WAITING };
TAILQ_HEAD(flight_list, flight);

struct flight {
	struct aws *a;
	struct aws_call call;
	enum flight_state state;
	TAILQ_ENTRY(flight) others;                                /* in the same state */
	void (*done)(struct flight *f, const struct aws_error *e); /* e NULL: succeeded */
	void *ctx, *call_ctx;

	unsigned attempts, retries;
	unsigned lost; /* attempts that the service may have carried out; no answer says so */
	int taken;                             /* from the quota, by the last retry */
	bool moved, resent; /* each is done once per call */
	unsigned skewed;    /* a clock that is set back is wrong twice */
	unsigned renewals;          /* of credentials */
	unsigned keys;              /* creds_serial() of those it was signed with */
	int64_t wake_at, trouble; /* trouble: since when it does not pass; -1: it does */
	int64_t departed, signed_at;     /* the latest attempt, and as of when it said it was */
	uint64_t delivered, at_start;    /* bytes the sink has had: now, when this attempt began */
	struct str etag;                 /* of the object whose body is being resumed */
	struct str region;               /* of the bucket, as an error says */
	bool mixed;                      /* the answer to a Range was not that range */

	struct str host, head;
	struct http_request http;
	struct aws_reply reply;
	struct aws_error error;
};

/* What requests of one kind have in common, within one second. */
struct quick {
	int64_t second; /* INT64_MIN: nothing prepared */
	enum aws_service service;
	const char *scheme; /* the configuration's */
	struct str method, target, path, query, content_type, host;
	struct str prefix; /* of the head, up to the value of Authorization */
	struct sigv4_template *sign;
};

struct bucket_region {
	char *bucket, *region;
};

struct aws {
	struct aws_config *config;
	struct creds *creds;
	struct http *http;
	struct sigv4 *signer;
	struct quick quick;
	struct retry_quota quota;
	struct retry_rate rate;
	bool limiting; /* adaptive mode, or a pool */
	int64_t clock_offset;
	int64_t trouble, failed_at; /* of patient calls: since when none has passed, 0: they do;
				       the latest attempt that did not */
	volatile sig_atomic_t stopped;
	struct flight_list flights[FLIGHT_WAITING + 1]; /* by state; none of those idle */
	int64_t next_wake;
	struct bucket_region *regions;
	size_t n_regions, cap_regions;
	struct flight own; /* of aws_do() */
	struct aws_stats stats;
	bool pooled;
};

/* request.c: writes f->head and f->host, signed as of now. False with f->error set. */
bool request_build(struct flight *f) NODISCARD;
void request_forget(struct aws *a); /* keys or clock changed: nothing prepared is right any more */
const char *request_region(struct aws *a, const struct aws_call *c, struct aws_error *e);
void request_set_region(struct aws *a, struct sl bucket, struct sl region);

/* reply.c */
void reply_read(struct flight *f);  /* fills f->reply from the answer, if any */
void reply_error(struct flight *f); /* fills f->error from an answer that is one */
bool reply_fits(struct flight *f) NODISCARD; /* of 2xx, without a sink; false: f->error is set */
int64_t reply_retry_after(const struct flight *f); /* microseconds, -1: does not say */

/* client.c */
void flight_init(struct flight *f, struct aws *a);
void flight_free(struct flight *f);
void client_submit(struct flight *f); /* f->call is set: queues it */
void client_run(struct aws *a, int64_t timeout_us);
