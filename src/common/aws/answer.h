/*
 * answer.h - the answer of an HTTP/1.1 server, taken apart as it arrives (RFC 9112). Knows nothing
 * of sockets, so that every cut, delay and lie of a server can be tried in memory.
 *
 * Fails closed: a body whose end nobody announced, two lengths that differ, a length and chunks, or
 * a line that is no header is refused; an answer is whole only when answer_feed() says
 * ANSWER_WHOLE.
 */
#pragma once

#include "core/str.h"

#define ANSWER_MAX_HEAD 65536

enum answer_state {
	ANSWER_MORE, /* not whole yet */
	ANSWER_WHOLE,
	ANSWER_BAD,     /* not HTTP, or it contradicts itself: see why */
	ANSWER_REFUSED, /* the sink said no */
	ANSWER_TOO_BIG, /* body over the limit */
};

typedef bool answer_sink_fn(void *ctx, struct sl piece);

struct answer {
	/* set by the caller after answer_reset(): */
	answer_sink_fn *sink; /* takes the body of a 2xx answer; NULL: into body */
	void *sink_ctx;
	size_t max_body; /* of what is kept in body */

	int status;
	struct str head; /* status line and headers, lines ended by "\n" */
	struct str body;
	uint64_t body_size; /* bytes of it so far, also of what a sink took */
	uint64_t length;    /* Content-Length; UINT64_MAX: not said */
	bool keep_alive;    /* the connection may be used again after this */
	bool began;         /* a byte of it has arrived */
	const char *why;    /* static text, for ANSWER_BAD */

	/* private */
	int step;
	bool is_head, chunked;
	uint64_t left; /* bytes of the body or of the chunk */
	struct str line;
};

/* Forgets what was read, keeping memory; `is_head`: the answer to HEAD, which has no body. */
void answer_reset(struct answer *a, bool is_head);
void answer_free(struct answer *a);

/* Takes bytes from *in, advancing it; what is left behind a whole answer is not of it. */
enum answer_state answer_feed(struct answer *a, struct sl *in);

/* The value of a header, trimmed, or an empty slice; `name` in lower case. Of several the first. */
struct sl answer_header(const struct answer *a, const char *name);

/* A header that is a time (RFC 9110, 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT), as an instant. */
bool answer_date(const struct answer *a, const char *name, int64_t *instant) NODISCARD;
