/*
 * server.h - an HTTP server in a process of its own whose every byte a test decides: for faults
 * that no honest server makes. One thread a connection; requests are read whole and handed to a
 * function of the test, which writes what it likes and says what becomes of the connection.
 */
#ifndef FERRY_SERVER_H
#define FERRY_SERVER_H

#include "core/base.h"
#include "core/mem.h"
#include "core/msg.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum server_then { SERVER_KEEP, SERVER_CLOSE, SERVER_RESET };

/* What test and server share. */
struct server_shared {
	unsigned requests, connections; /* so far */
	int param[4];                   /* the test's own */
	char last[65536];               /* the newest request */
};

/* `n` counts the requests from 0. */
typedef enum server_then server_fn(
	struct server_shared *s, int fd, unsigned n, const char *request);

struct server {
	struct server_shared *shared;
	pid_t pid;
	int port;
	char url[64];
};

struct server_conn {
	struct server_shared *shared;
	server_fn *fn;
	int fd;
};

static inline void PRINTF_LIKE(2, 3) server_say(int fd, const char *fmt, ...)
{
	char text[70000];
	size_t done = 0;
	ssize_t n = 1;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	while (n > 0 && done < (size_t)len) {
		n = send(fd, text + done, (size_t)len - done, MSG_NOSIGNAL);
		done += n > 0 ? (size_t)n : 0;
	}
}

/* A plain answer with its length. */
static inline void server_answer(int fd, int status, const char *headers, const char *body)
{
	server_say(fd, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
		strlen(body), body);
}

/* Reads one request whole into buf; its length, 0 at the end of the connection. */
static inline size_t server_read(int fd, char *buf, size_t cap)
{
	size_t n = 0, want = SIZE_MAX;

	while (n < want && n < cap - 1) {
		ssize_t got = recv(fd, buf + n, cap - 1 - n, 0);
		char *end, *length;

		if (got <= 0)
			return 0;
		n += (size_t)got;
		buf[n] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(buf, "\r\ncontent-length:");
		want = (size_t)(end + 4 - buf) +
		       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return n;
}

static inline void *server_serve(void *arg)
{
	struct server_conn *c = arg;
	enum server_then then = SERVER_KEEP;
	char *buf = mem_alloc(1 << 20);

	while (then == SERVER_KEEP && server_read(c->fd, buf, 1 << 20)) {
		unsigned n = __atomic_fetch_add(&c->shared->requests, 1, __ATOMIC_SEQ_CST);

		snprintf(c->shared->last, sizeof c->shared->last, "%s", buf);
		then = c->fn(c->shared, c->fd, n, buf);
	}
	if (then == SERVER_RESET) {
		const struct linger now = {1, 0};

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	}
	close(c->fd);
	mem_free(buf);
	mem_free(c);
	return NULL;
}

static inline NORETURN void server_loop(int listener, struct server_shared *shared, server_fn *fn)
{
	for (;;) {
		struct server_conn *c = mem_alloc(sizeof *c);
		pthread_t t;

		*c = (struct server_conn){shared, fn, accept(listener, NULL, NULL)};
		__atomic_fetch_add(&shared->connections, 1, __ATOMIC_SEQ_CST);
		pthread_create(&t, NULL, server_serve, c);
		pthread_detach(t);
	}
}

static inline struct server server_start(server_fn *fn)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct server s;

	s.shared = mmap(
		NULL, sizeof *s.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.shared == MAP_FAILED || bind(listener, (struct sockaddr *)&a, sizeof a) < 0 ||
		listen(listener, 128) < 0 || getsockname(listener, (struct sockaddr *)&a, &len) < 0)
		die_errno(EX_BUG, "starting the test server");
	s.port = ntohs(a.sin_port);
	snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d", s.port);
	fflush(stdout);
	s.pid = fork();
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		server_loop(listener, s.shared, fn);
	}
	close(listener);
	return s;
}

static inline void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->shared, sizeof *s->shared);
}

#endif
