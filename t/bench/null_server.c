/*
 * null_server - an HTTP server that says yes to everything, as fast as it can: what is measured
 * against it is the client. Prints its port, ends with its standard input.
 *
 * DescribeFeatureGroup is answered with a group of `id`, `event_time` and f1 to f8, all String, so
 * that fs-put and boto3 can load into it.
 */
#include "core/base.h"
#include "core/mem.h"
#include "core/msg.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536
#define BUFFER (256u << 10)
#define HEAD                                                    \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
	"x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\nContent-Length: "

/* clang-format off */
#define FEATURE(name) "{\"FeatureName\":\"" name "\",\"FeatureType\":\"String\"}"
static const char group[] =
	"{\"FeatureGroupName\":\"bench\",\"FeatureGroupArn\":"
	"\"arn:aws:sagemaker:eu-west-1:123456789012:feature-group/bench\","
	"\"RecordIdentifierFeatureName\":\"id\",\"EventTimeFeatureName\":\"event_time\","
	"\"FeatureDefinitions\":[" FEATURE("id") "," FEATURE("event_time") "," FEATURE("f1") ","
	FEATURE("f2") "," FEATURE("f3") "," FEATURE("f4") "," FEATURE("f5") "," FEATURE("f6") ","
	FEATURE("f7") "," FEATURE("f8") "],\"CreationTime\":1700000000.0,"
	"\"OnlineStoreConfig\":{\"EnableOnlineStore\":true},\"FeatureGroupStatus\":\"Created\"}";
/* clang-format on */

struct conn {
	char *buf;
	size_t n;
};
static struct conn conns[MAX_FD];

/* Length of the whole request at the beginning of the buffer, 0 while it is not there. */
static size_t request_length(struct conn *c)
{
	char *end, *length;
	size_t n;

	c->buf[c->n] = '\0';
	end = strstr(c->buf, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(c->buf, "\r\ncontent-length:");
	n = (size_t)(end + 4 - c->buf) +
	    (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
	return n <= c->n ? n : 0;
}

static void reply(int fd, const struct conn *c)
{
	const char *body = "";
	char text[4096];
	int n;

	if (strncmp(c->buf, "POST / ", 7) == 0)
		body = strstr(c->buf, "DescribeFeatureGroup") ? group : "{}";
	else if (strncmp(c->buf, "POST /BatchWriteRecord ", 23) == 0)
		body = "{\"Errors\":[],\"UnprocessedEntries\":[]}";
	n = snprintf(text, sizeof text, HEAD "%zu\r\n\r\n%s", strlen(body), body);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < n)
		msg_detail("a client does not read its answers"); /* the next read finds out why */
}

static void on_readable(int fd)
{
	struct conn *c = &conns[fd];
	ssize_t n = recv(fd, c->buf + c->n, BUFFER - 1 - c->n, 0);
	size_t len;

	if (n <= 0) {
		close(fd);
		mem_free(c->buf);
		*c = (struct conn){NULL, 0};
		return;
	}
	c->n += (size_t)n;
	while ((len = request_length(c))) {
		reply(fd, c);
		memmove(c->buf, c->buf + len, c->n - len);
		c->n -= len;
	}
}

static void on_connection(int epoll, int listener)
{
	struct epoll_event e = {.events = EPOLLIN};
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	int one = 1, fd;

	while ((fd = accept4(listener, (struct sockaddr *)&from, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= MAX_FD)
			die(EX_TEMP, "too many connections");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		conns[fd] = (struct conn){mem_alloc(BUFFER), 0};
		e.data.fd = fd;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
			die_errno(EX_TEMP, "watching a connection");
	}
}

static int listen_anywhere(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die_errno(EX_TEMP, "listening");
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event e[256] = {{.events = EPOLLIN}};
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener, n;

	(void)argc;
	msg_init(argv[0]);
	listener = listen_anywhere();
	e[0].data.fd = listener;
	e[1] = (struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e[0]) < 0 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e[1]) < 0)
		die_errno(EX_TEMP, "watching");
	for (;;) {
		n = epoll_wait(epoll, e, ARRAY_LEN(e), -1);
		for (int i = 0; i < n; i++) {
			if (e[i].data.fd == STDIN_FILENO)
				return EX_DONE;
			if (e[i].data.fd == listener)
				on_connection(epoll, listener);
			else
				on_readable(e[i].data.fd);
		}
	}
}
