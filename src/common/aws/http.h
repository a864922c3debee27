/*
 * http.h - HTTP/1.1 exchanges over kept connections, many at once, from one thread.
 *
 * libcurl connects (aws/wire.h); from then on the bytes of an exchange are written and read here,
 * with one send and one receive a request.
 *
 * Certificates and host names are verified. Redirects are not followed: a signature is for one
 * host.
 */
#pragma once

#include "aws/answer.h"
#include "aws/wire.h"

#include <sys/queue.h>

enum http_end {
	HTTP_ANSWERED,    /* a whole answer, of any status */
	HTTP_UNCONNECTED, /* no name, refused, connect timeout: nothing was sent */
	HTTP_UNTRUSTED,   /* certificate or host name: nothing was sent */
	HTTP_LOST,        /* reset or closed before the answer began; may have been carried out */
	HTTP_CUT,         /* reset or closed within the answer */
	HTTP_STALLED,     /* no byte either way for the stall limit; may have been carried out */
	HTTP_BAD,         /* the answer is not HTTP/1.1, or contradicts itself */
	HTTP_REFUSED,     /* the sink said no */
	HTTP_TOO_BIG,     /* body over answer.max_body */
};

struct http_opts {
	struct wire_opts wire;
	int64_t stall_us; /* longest silence */
};

/* One exchange; the caller owns it and keeps it in place until done(). */
struct http_request {
	const char *scheme, *host; /* "https", "host[:port]" */
	struct sl head;            /* request line and headers with the blank line at their end */
	struct sl body;
	int64_t stall_us;     /* from here on no longer silence than that; 0: as in http_opts */
	bool careful;         /* must not be sent twice: no connection that may be dying */
	struct answer answer; /* answer_reset() by the caller, who may give it a sink */
	void (*done)(struct http_request *r);
	void *ctx;

	enum http_end end;
	char why[256]; /* of an end without answer; empty: nothing more to say */
	bool reused;   /* went over a connection that had served others */

	struct http_conn *conn; /* private */
	TAILQ_ENTRY(http_request) others;
};

struct http;
struct http *http_new(const struct http_opts *o) NODISCARD;
void http_free(struct http *h); /* no exchange may be under way */

/* Starts an exchange on an idle connection to the same host, or a new one. */
void http_start(struct http *h, struct http_request *r);

/* Lets things happen, for `timeout_us` at most, and returns after the first batch of them. done()
 * is called from here only; it may start and cancel exchanges. */
void http_run(struct http *h, int64_t timeout_us);

/* Ends an exchange without a call of done(); its connection is closed. */
void http_cancel(struct http *h, struct http_request *r);

uint64_t http_connections(const struct http *h); /* opened so far */
