#include "http.h"

#include "core/clock.h"
#include "core/msg.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct MHD_Daemon *daemon;
	http_handler *handler;
	size_t max_body;
	struct waiting *waiting; /* answers that are held back, in no order */
} server;

/* One request on its way through libmicrohttpd. */
struct call {
	struct exchange *x;
	bool begun; /* headers were taken over */
	bool too_large;
	bool handled; /* the answer is there */
};

struct waiting {
	struct waiting *next;
	struct MHD_Connection *connection;
	int64_t due; /* clock_monotonic() */
};

/* Called with the request target as it came, before it is decoded: signatures are made over that.
 */
static void *begin(void *ctx, const char *target, struct MHD_Connection *connection)
{
	struct call *c = mem_zalloc(sizeof *c);
	const char *mark;

	(void)ctx;
	(void)connection;
	c->x = exchange_new();
	c->x->target = arena_dup(&c->x->mem, sl_of(target));
	mark = memchr(c->x->target.p, '?', c->x->target.n);
	c->x->path = c->x->target;
	if (mark) {
		c->x->path.n = (size_t)(mark - c->x->target.p);
		c->x->query = (struct sl){ mark + 1, c->x->target.n - c->x->path.n - 1 };
	} else {
		c->x->query = SL("");
	}
	return c;
}

static void end(void *ctx, struct MHD_Connection *connection, void **call,
	enum MHD_RequestTerminationCode how)
{
	struct call *c = *call;

	(void)ctx;
	(void)connection;
	(void)how;
	if (!c)
		return;
	exchange_free(c->x);
	mem_free(c);
	*call = NULL;
}

static enum MHD_Result add_header(
	void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct exchange *x = ctx;
	struct sl copy = arena_dup(&x->mem, sl_of(name));
	char *lower = arena_alloc(&x->mem, copy.n + 1);

	(void)kind;
	for (size_t i = 0; i < copy.n; i++)
		lower[i] = (char)tolower((unsigned char)copy.p[i]);
	lower[copy.n] = '\0';
	fields_add(&x->headers, (struct sl){ lower, copy.n },
		arena_dup(&x->mem, sl_of(value ? value : "")));
	return MHD_YES;
}

/* Sends what is left of the body up to the cut, then ends the connection with an error. */
static ssize_t read_cut_body(void *ctx, uint64_t at, char *buf, size_t max)
{
	struct exchange *x = ctx;
	uint64_t left = x->cut_at - at;
	ssize_t got;

	if (at >= x->cut_at)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (left < max)
		max = (size_t)left;
	if (x->fd < 0) {
		memcpy(buf, x->out.p + at, max);
		return (ssize_t)max;
	}
	got = pread(x->fd, buf, max, (off_t)(x->fd_at + at));
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_of(struct exchange *x)
{
	struct MHD_Response *r;
	int fd = x->fd;

	if (x->fate == FATE_CUT)
		return MHD_create_response_from_callback(
			fd >= 0 ? x->fd_len : x->out.n, 65536, read_cut_body, x, NULL);
	if (fd < 0)
		return MHD_create_response_from_buffer(x->out.n, x->out.p, MHD_RESPMEM_MUST_COPY);
	x->fd = -1;
	r = MHD_create_response_from_fd_at_offset64(x->fd_len, fd, x->fd_at);
	if (!r)
		(void)close(fd);
	return r;
}

/* Closing a socket with SO_LINGER and no time sends RST. */
static enum MHD_Result reset(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct linger linger = { .l_onoff = 1 };

	if (info)
		(void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	return MHD_NO;
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct exchange *x)
{
	struct MHD_Response *r;
	enum MHD_Result done;

	if (x->fate == FATE_RESET)
		return reset(connection);
	r = response_of(x);
	if (!r)
		return MHD_NO;
	for (size_t i = 0; i < x->answer.n; i++)
		(void)MHD_add_response_header(r, x->answer.v[i].name.p, x->answer.v[i].value.p);
	if (x->close)
		(void)MHD_add_response_header(r, "Connection", "close");
	done = MHD_queue_response(connection, (unsigned)x->status, r);
	MHD_destroy_response(r);
	return done;
}

static void hold(struct MHD_Connection *connection, int64_t delay_us)
{
	struct waiting *w = mem_alloc(sizeof *w);

	*w = (struct waiting){ server.waiting, connection, clock_monotonic() + delay_us };
	server.waiting = w;
	MHD_suspend_connection(connection);
}

static enum MHD_Result serve(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **call)
{
	struct call *c = *call;

	(void)ctx;
	(void)url;
	(void)version;
	if (!c->begun) {
		c->begun = true;
		c->x->method = arena_dup(&c->x->mem, (struct sl){ method, strlen(method) + 1 }).p;
		(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, c->x);
		return MHD_YES;
	}
	if (*size) {
		if (c->x->body.n + *size > server.max_body)
			c->too_large = true;
		else
			str_add(&c->x->body, (struct sl){ data, *size });
		*size = 0;
		return MHD_YES;
	}
	if (!c->handled) {
		c->handled = true;
		if (c->too_large)
			c->x->status = 413;
		else
			server.handler(c->x);
		if (c->x->delay_us > 0) {
			hold(connection, c->x->delay_us);
			return MHD_YES;
		}
	}
	return answer(connection, c->x);
}

void http_start(unsigned port, size_t max_body, http_handler *handler)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	server.handler = handler;
	server.max_body = max_body;
	server.daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)port,
		NULL, NULL, serve, NULL, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_URI_LOG_CALLBACK, begin, NULL, MHD_OPTION_NOTIFY_COMPLETED, end, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64 << 10),
		MHD_OPTION_CONNECTION_LIMIT, 1000U, MHD_OPTION_CONNECTION_TIMEOUT, 120U,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
	if (!server.daemon)
		die(EX_REFUSED, "cannot listen, 127.0.0.1:%u", port);
}

unsigned http_port(void)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

/* Lets go of the answers whose time has come; milliseconds until the next one, -1: none waits. */
static int release(void)
{
	int64_t now = clock_monotonic(), next = INT64_MAX;

	for (struct waiting **at = &server.waiting; *at;) {
		struct waiting *w = *at;

		if (w->due > now) {
			next = w->due < next ? w->due : next;
			at = &w->next;
			continue;
		}
		*at = w->next;
		MHD_resume_connection(w->connection);
		mem_free(w);
	}
	return next == INT64_MAX ? -1 : (int)((next - now + 999) / 1000);
}

void http_run(const volatile bool *stop)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd poll_fd = { .fd = info->epoll_fd, .events = POLLIN };

	while (!*stop) {
		int held = release();
		MHD_UNSIGNED_LONG_LONG mhd = 0;
		int wait =
			200; /* a signal between the test and poll() is noticed soon all the same */

		if (held >= 0 && held < wait)
			wait = held;
		if (MHD_get_timeout(server.daemon, &mhd) == MHD_YES && mhd < (unsigned)wait)
			wait = (int)mhd;
		(void)poll(&poll_fd, 1, wait);
		(void)MHD_run(server.daemon);
	}
}

void http_stop(void)
{
	for (struct waiting *w = server.waiting, *next; w; w = next) {
		next = w->next;
		MHD_resume_connection(w->connection);
		mem_free(w);
	}
	server.waiting = NULL;
	MHD_stop_daemon(server.daemon);
}
