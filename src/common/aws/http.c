#include "aws/http.h"

#include "core/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RECEIVE (256u << 10)
#define JOIN_MAX (64u << 10)          /* a body up to this goes out in one piece with its head */
#define MAX_WAIT_US INT64_C(250000)   /* a signal must be noticed in time */
#define PEEK_AFTER_US INT64_C(200000) /* idle for so long: ask whether it is still there */
#define MAX_EVENTS 128

enum conn_state { CONNECTING, IDLE, SENDING, READING, DEAD };

struct http_conn {
	struct http *http;
	enum conn_state state;
	uint32_t slot; /* in http.conns */
	bool wants_out, served;
	struct wire *wire;
	int64_t active; /* last byte either way */
	char *scheme, *host;
	struct http_request *r;
	struct str out; /* head, and body when small */
	size_t sent;    /* of head and body */
	TAILQ_ENTRY(http_conn) others; /* in h->busy, h->idle */
};
TAILQ_HEAD(conn_list, http_conn);

struct http {
	int64_t usual_stall_us, stall_us; /* stall_us: of the latest request, for all under way */
	struct wire_env *env;
	int epoll;
	struct http_conn **conns;
	size_t n_conns, cap_conns, n_connecting;
	struct conn_list busy, idle; /* in the order of their last use */
	TAILQ_HEAD(, http_request) waiting; /* started, not yet given to a connection */
	bool any_dead;
	uint64_t connections; /* opened so far */
	char *buf;
};

static void touch(struct http_conn *c)
{
	c->active = clock_monotonic();
	TAILQ_REMOVE(&c->http->busy, c, others);
	TAILQ_INSERT_TAIL(&c->http->busy, c, others);
}

/* ---- connections --------------------------------------------------------------------------- */

static void watch(struct http_conn *c, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events};

	e.data.u64 = (uint64_t)c->slot << 32 | (uint32_t)fd;
	if (epoll_ctl(c->http->epoll, EPOLL_CTL_MOD, fd, &e) < 0 &&
		epoll_ctl(c->http->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die_errno(EX_TEMP, "watching a connection");
}

static void want_out(struct http_conn *c, bool on)
{
	if (c->wants_out == on)
		return;
	c->wants_out = on;
	watch(c, wire_fd(c->wire), EPOLLIN | (on ? EPOLLOUT : 0u));
}

static void on_watch(void *ctx, int fd, bool in, bool out)
{
	struct http_conn *c = ctx;

	if (in || out)
		watch(c, fd, (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u));
	else
		(void)epoll_ctl(
			c->http->epoll, EPOLL_CTL_DEL, fd, NULL); /* may be closed already */
}

static struct http_conn *conn_new(struct http *h, const char *scheme, const char *host)
{
	struct http_conn *c = mem_zalloc(sizeof *c);

	c->http = h;
	c->scheme = mem_strdup(scheme);
	c->host = mem_strdup(host);
	c->wire = wire_new(h->env, scheme, host, on_watch, c); /* may die: it is in no list yet */
	for (c->slot = 0; c->slot < h->n_conns && h->conns[c->slot];)
		c->slot++;
	if (c->slot == h->n_conns) {
		mem_grow(&h->conns, &h->cap_conns, h->n_conns + 1, sizeof *h->conns);
		h->n_conns++;
	}
	h->conns[c->slot] = c;
	c->state = CONNECTING;
	h->n_connecting++;
	h->connections++;
	return c;
}

/* Memory goes at the end of http_run(): events of this round may still name the connection. */
static void conn_close(struct http_conn *c)
{
	if (c->state == CONNECTING)
		c->http->n_connecting--;
	else if (c->state == IDLE)
		TAILQ_REMOVE(&c->http->idle, c, others);
	else if (c->state != DEAD)
		TAILQ_REMOVE(&c->http->busy, c, others);
	c->state = DEAD;
	c->http->any_dead = true;
	wire_free(c->wire);
	c->wire = NULL;
}

static void bury(struct http *h)
{
	if (!h->any_dead)
		return;
	h->any_dead = false;
	for (size_t i = 0; i < h->n_conns; i++) {
		struct http_conn *c = h->conns[i];

		if (!c || c->state != DEAD)
			continue;
		h->conns[i] = NULL;
		mem_free(c->scheme);
		mem_free(c->host);
		str_free(&c->out);
		mem_free(c);
	}
}

/* ---- the end of an exchange ---------------------------------------------------------------- */

static void finish(struct http_conn *c, enum http_end end, const char *why, bool keep)
{
	struct http_request *r = c->r;

	snprintf(r->why, sizeof r->why, "%s", why ? why : ""); /* may be the wire's own text */
	c->r = NULL;
	if (keep) {
		TAILQ_REMOVE(&c->http->busy, c, others);
		c->served = true;
		c->state = IDLE;
		TAILQ_INSERT_TAIL(&c->http->idle, c, others);
	} else {
		conn_close(c);
	}
	r->conn = NULL;
	r->end = end;
	r->done(r);
}

/* The other side is gone. A head that announced no body length was refused long before. */
static void lost(struct http_conn *c, const char *why)
{
	finish(c, c->r->answer.began ? HTTP_CUT : HTTP_LOST, why, false);
}

/* ---- sending and receiving ----------------------------------------------------------------- */

static void end_by(struct http_conn *c, enum answer_state s, bool clean)
{
	const struct answer *a = &c->r->answer;

	if (s == ANSWER_WHOLE)
		finish(c, HTTP_ANSWERED, NULL, clean && a->keep_alive && c->state == READING);
	else if (s == ANSWER_BAD)
		finish(c, HTTP_BAD, a->why, false);
	else
		finish(c, s == ANSWER_REFUSED ? HTTP_REFUSED : HTTP_TOO_BIG, NULL, false);
}

static void receive(struct http_conn *c)
{
	struct http *h = c->http;

	for (;;) {
		ssize_t n = wire_receive(c->wire, h->buf, RECEIVE);
		struct sl in = {h->buf, n > 0 ? (size_t)n : 0};
		enum answer_state s;

		if (n == -1)
			return;
		if (n <= 0) {
			lost(c, n == 0 ? "the server closed the connection" : wire_error(c->wire));
			return;
		}
		touch(c);
		s = answer_feed(&c->r->answer, &in);
		if (s != ANSWER_MORE) {
			end_by(c, s, in.n == 0);
			return;
		}
		if (!wire_buffers(c->wire) && (size_t)n < RECEIVE)
			return;
	}
}

/* What is still to be sent: the joined piece, or the rest of a large body. */
static struct sl unsent(const struct http_conn *c)
{
	const struct http_request *r = c->r;

	if (c->sent < c->out.n)
		return (struct sl){c->out.p + c->sent, c->out.n - c->sent};
	if (c->out.n == r->head.n && r->body.n)
		return (struct sl){
			r->body.p + (c->sent - c->out.n), r->body.n - (c->sent - c->out.n)};
	return SL("");
}

static void send_some(struct http_conn *c)
{
	struct sl rest;

	while ((rest = unsent(c)).n) {
		ssize_t n = wire_send(c->wire, rest);

		if (n < 0) {
			/* An answer may be waiting that says why the server hung up. */
			struct http_request *r = c->r;

			receive(c);
			if (c->r == r && c->state == SENDING)
				lost(c, wire_error(c->wire));
			return;
		}
		if (n == 0) {
			want_out(c, true);
			return;
		}
		c->sent += (size_t)n;
		touch(c);
	}
	want_out(c, false);
	c->state = READING;
}

/* Gives a connected connection its request. */
static void begin(struct http_conn *c)
{
	struct http_request *r = c->r;

	c->state = SENDING;
	c->active = clock_monotonic();
	TAILQ_INSERT_TAIL(&c->http->busy, c, others);
	r->reused = c->served;
	c->sent = 0;
	str_set(&c->out, r->head);
	if (r->body.n && r->body.n <= JOIN_MAX)
		str_add(&c->out, r->body);
	send_some(c);
}

/* ---- connecting ---------------------------------------------------------------------------- */

static void connect_step(struct http_conn *c, int fd, uint32_t events)
{
	enum wire_state s = wire_step(
		c->wire, fd, events & EPOLLIN, events & EPOLLOUT, events & (EPOLLERR | EPOLLHUP));

	if (s == WIRE_CONNECTING)
		return;
	if (s != WIRE_UP) {
		finish(c, s == WIRE_UNTRUSTED ? HTTP_UNTRUSTED : HTTP_UNCONNECTED,
			wire_error(c->wire), false);
		return;
	}
	c->http->n_connecting--;
	watch(c, wire_fd(c->wire), EPOLLIN);
	begin(c);
}

static struct http_conn *take_idle(struct http *h, const struct http_request *r)
{
	struct http_conn *c, *before;

	for (c = TAILQ_LAST(&h->idle, conn_list); c; c = before) {
		before = TAILQ_PREV(c, conn_list, others);
		if (strcmp(c->host, r->host) != 0 || strcmp(c->scheme, r->scheme) != 0)
			continue;
		if ((!r->careful && clock_monotonic() - c->active < PEEK_AFTER_US) ||
			wire_is_quiet(c->wire)) {
			TAILQ_REMOVE(&h->idle, c, others);
			return c;
		}
		conn_close(c);
	}
	return NULL;
}

static void serve(struct http *h, struct http_request *r)
{
	struct http_conn *idle = take_idle(h, r), *c = idle;

	if (!c)
		c = conn_new(h, r->scheme, r->host);
	c->r = r;
	r->conn = c;
	if (idle)
		begin(c);
	else
		connect_step(c, -1, 0);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void on_event(struct http *h, uint64_t id, uint32_t events)
{
	struct http_conn *c = h->conns[id >> 32];

	if (!c || c->state == DEAD)
		return;
	switch (c->state) {
	case CONNECTING:
		connect_step(c, (int)(uint32_t)id, events);
		break;
	case IDLE:
		conn_close(c);
		break;
	case SENDING:
		if (events & EPOLLOUT)
			send_some(c);
		else
			receive(c); /* an answer before the request was out: mostly a refusal */
		break;
	case READING:
		receive(c);
		break;
	case DEAD:
		break;
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool is_due(const struct http_conn *c, int64_t now)
{
	return c && c->state == CONNECTING && wire_due(c->wire) >= 0 && wire_due(c->wire) <= now;
}

static int64_t next_deadline(const struct http *h, int64_t now, int64_t timeout)
{
	if (!TAILQ_EMPTY(&h->busy))
		timeout = sooner(timeout, TAILQ_FIRST(&h->busy)->active + h->stall_us - now);
	if (h->n_connecting)
		for (size_t i = 0; i < h->n_conns; i++)
			if (is_due(h->conns[i], INT64_MAX))
				timeout = sooner(timeout, wire_due(h->conns[i]->wire) - now);
	return timeout < 0 ? 0 : sooner(timeout, MAX_WAIT_US);
}

static void run_timers(struct http *h)
{
	int64_t now = clock_monotonic();
	struct http_conn *first;

	while ((first = TAILQ_FIRST(&h->busy)) && now - first->active >= h->stall_us)
		finish(first, HTTP_STALLED, "the server fell silent", false);
	for (size_t i = 0; h->n_connecting && i < h->n_conns; i++) {
		struct http_conn *c = h->conns[i];

		if (is_due(c, now))
			connect_step(c, -1, 0);
	}
}

void http_run(struct http *h, int64_t timeout_us)
{
	struct epoll_event e[MAX_EVENTS];
	struct http_request *r;
	int64_t wait;
	int n;

	while ((r = TAILQ_FIRST(&h->waiting))) {
		TAILQ_REMOVE(&h->waiting, r, others);
		serve(h, r);
	}
	wait = next_deadline(h, clock_monotonic(), timeout_us);
	n = epoll_wait(h->epoll, e, MAX_EVENTS, (int)((wait + 999) / 1000));
	for (int i = 0; i < n; i++)
		on_event(h, e[i].data.u64, e[i].events);
	run_timers(h);
	bury(h);
}

void http_start(struct http *h, struct http_request *r)
{
	r->conn = NULL;
	r->reused = false;
	r->why[0] = '\0';
	h->stall_us = sooner(r->stall_us ? r->stall_us : INT64_MAX, h->usual_stall_us);
	TAILQ_INSERT_TAIL(&h->waiting, r, others);
}

void http_cancel(struct http *h, struct http_request *r)
{
	if (!r->conn) {
		TAILQ_REMOVE(&h->waiting, r, others);
		return;
	}
	r->conn->r = NULL;
	conn_close(r->conn);
	r->conn = NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

struct http *http_new(const struct http_opts *o)
{
	struct http *h = mem_zalloc(sizeof *h);

	h->usual_stall_us = o->stall_us;
	h->env = wire_env_new(&o->wire);
	TAILQ_INIT(&h->waiting);
	TAILQ_INIT(&h->busy);
	TAILQ_INIT(&h->idle);
	h->buf = mem_alloc(RECEIVE);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		die_errno(EX_TEMP, "preparing for connections");
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_conns; i++)
		if (h->conns[i] && h->conns[i]->state != DEAD)
			conn_close(h->conns[i]);
	bury(h);
	wire_env_free(h->env);
	close(h->epoll);
	mem_free(h->conns);
	mem_free(h->buf);
	mem_free(h);
}

uint64_t http_connections(const struct http *h)
{
	return h->connections;
}
