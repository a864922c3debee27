/*
 * wire.h - one connection to a server, through libcurl: names, proxies (http_proxy, https_proxy,
 * no_proxy), TLS. The only module that includes libcurl. Nothing here blocks.
 *
 * Each connection has a libcurl multi handle of its own, because libcurl prunes the idle
 * connections of a multi handle when it opens another there.
 */
#pragma once

#include "core/base.h"

#include <sys/types.h>

struct wire_opts {
	const char *ca_bundle; /* file with certificates, NULL: the system's */
	int64_t connect_us;    /* limit of resolving, connecting and TLS together */
	bool no_proxy;
};

/* What the connections of one thread share: resolved names, TLS sessions. */
struct wire_env;
struct wire_env *wire_env_new(const struct wire_opts *o) NODISCARD; /* copies *o */
void wire_env_free(struct wire_env *env);

enum wire_state {
	WIRE_CONNECTING,
	WIRE_UP,
	WIRE_DOWN,      /* no connection: see wire_error() */
	WIRE_UNTRUSTED, /* the certificate or the host name was not right */
};

/* While connecting: tell of these events on fd (neither: not any more). */
typedef void wire_watch_fn(void *ctx, int fd, bool in, bool out);

/* Begins to connect to "https" or "http", "host[:port]"; wire_step() it at once. */
struct wire;
struct wire *wire_new(struct wire_env *env, const char *scheme, const char *host,
	wire_watch_fn *watch, void *ctx) NODISCARD;
void wire_free(struct wire *w); /* closes it */

/* Goes on connecting: an event on fd, or (fd -1) the time of wire_due() has come. */
enum wire_state wire_step(struct wire *w, int fd, bool in, bool out, bool failed);

int64_t wire_due(const struct wire *w);       /* clock_monotonic(); -1: no time */
const char *wire_error(const struct wire *w); /* of the last failure */

/* Once up: */
int wire_fd(const struct wire *w);
ssize_t wire_send(struct wire *w, struct sl s) NODISCARD; /* bytes; 0: not now; -1: failed */
ssize_t wire_receive(struct wire *w, char *buf, size_t cap) NODISCARD; /* bytes; 0: closed by the
			other side; -1: not now; -2: failed */

/* May the wire hold bytes that no event on the socket tells of? Then receive until "not now". */
bool wire_buffers(const struct wire *w);

/* Neither closed nor spoken on since it fell idle? */
bool wire_is_quiet(const struct wire *w) NODISCARD;
