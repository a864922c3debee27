/*
 * null_server [CSV PART PARTS ROWS] - an HTTP server that says yes to everything, as fast as it
 * can: what is measured against it is the client. Prints its port, ends with its standard input.
 *
 * DescribeFeatureGroup is answered with a group of `id`, `event_time` and f1 to f8, so that fs-put
 * and boto3 can load into it. With operands every query of Athena has the file CSV as its result,
 * and every UNLOAD PARTS times the file PART; the result is said to have ROWS rows. NULL_DELAY_MS
 * in the environment is how long it keeps each answer back, as a network would.
 */
#include "core/base.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/str.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FD 65536
#define BUFFER (256u << 10)
#define HEAD                                                    \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
	"x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\nContent-Length: "

/* clang-format off */
#define FEATURE(name, type) "{\"FeatureName\":\"" name "\",\"FeatureType\":\"" type "\"}"
static const char group[] =
	"{\"FeatureGroupName\":\"bench\",\"FeatureGroupArn\":"
	"\"arn:aws:sagemaker:eu-west-1:123456789012:feature-group/bench\","
	"\"RecordIdentifierFeatureName\":\"id\",\"EventTimeFeatureName\":\"event_time\","
	"\"FeatureDefinitions\":[" FEATURE("id", "String") "," FEATURE("event_time", "String") ","
	FEATURE("f1", "Fractional") "," FEATURE("f2", "String") "," FEATURE("f3", "String") ","
	FEATURE("f4", "Integral") "," FEATURE("f5", "Fractional") "," FEATURE("f6", "String") ","
	FEATURE("f7", "String") "," FEATURE("f8", "String") "],\"CreationTime\":1700000000.0,"
	"\"OnlineStoreConfig\":{\"EnableOnlineStore\":true},\"OfflineStoreConfig\":{"
	"\"S3StorageConfig\":{\"S3Uri\":\"s3://bench/\",\"ResolvedOutputS3Uri\":"
	"\"s3://bench/123456789012/sagemaker/eu-west-1/offline-store/bench-1700000000/data\"},"
	"\"DataCatalogConfig\":{\"TableName\":\"bench\",\"Catalog\":\"AwsDataCatalog\","
	"\"Database\":\"sagemaker_featurestore\"}},\"FeatureGroupStatus\":\"Created\"}";
/* clang-format on */

/* Results of Athena. */
static const char *csv, *part;
static uint64_t parts, rows;
static char unloaded[1024]; /* where the newest UNLOAD went: s3://…/ */

struct conn {
	char *buf;
	size_t n;
};
static struct conn conns[MAX_FD];

/* Answers that are kept back, in a ring: all for as long, so the first is the next one due. */
static uint64_t delay_us;
static struct {
	int64_t due;
	int fd;
} later[MAX_FD];
static size_t later_from, later_to;

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

/* ---- answers ------------------------------------------------------------------------------- */

/* The text behind `before` and up to `end`, cut to fit. */
static void take_between(char *dst, size_t cap, const char *in, const char *before, char end)
{
	const char *from = strstr(in, before), *to;

	*dst = '\0';
	if (!from)
		return;
	from += strlen(before);
	to = strchr(from, end);
	(void)snprintf(dst, cap, "%.*s", to ? (int)(to - from) : 0, from);
}

static void answer_athena(struct str *body, const char *request)
{
	if (strstr(request, "AmazonAthena.StartQueryExecution")) {
		take_between(unloaded, sizeof unloaded, request, " TO '", '\'');
		str_addz(body, "{\"QueryExecutionId\":\"00000000-0000-4000-8000-000000000000\"}");
	} else if (strstr(request, "AmazonAthena.GetQueryExecution")) {
		str_addf(body,
			"{\"QueryExecution\":{\"Status\":{\"State\":\"SUCCEEDED\"},"
			"\"ResultConfiguration\":{\"OutputLocation\":\"s3://bench/csv\"},"
			"\"Statistics\":{\"DataManifestLocation\":\"s3://bench/manifest\"}}}");
	} else {
		str_addf(body, "{\"QueryRuntimeStatistics\":{\"Rows\":{\"OutputRows\":%llu}}}",
			(unsigned long long)rows);
	}
}

static void answer(struct str *body, const char *request)
{
	if (strstr(request, "\r\nX-Amz-Target: AmazonAthena.") ||
		strstr(request, "\r\nx-amz-target: AmazonAthena."))
		answer_athena(body, request);
	else if (strncmp(request, "POST / ", 7) == 0)
		str_addz(body, strstr(request, "DescribeFeatureGroup") ? group : "{}");
	else if (strncmp(request, "POST /BatchWriteRecord ", 23) == 0)
		str_addz(body, "{\"Errors\":[],\"UnprocessedEntries\":[]}");
	else if (strncmp(request, "GET /bench/manifest ", 20) == 0)
		for (uint64_t i = 0; i < parts; i++)
			str_addf(body, "%spart-%llu\n", unloaded, (unsigned long long)i);
	else if (strncmp(request, "GET /bench?", 11) == 0)
		str_addz(body, "<ListBucketResult><IsTruncated>false</IsTruncated>"
			       "</ListBucketResult>");
}

static void say(int fd, const char *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) < (ssize_t)n)
		msg_detail("a client does not read its answers"); /* the next read finds out why */
}

static void reply(int fd, const struct conn *c)
{
	struct str body = { 0 }, text = { 0 };

	answer(&body, c->buf);
	str_addf(&text, HEAD "%zu\r\n\r\n", body.n);
	str_add(&text, str_sl(&body));
	say(fd, text.p, text.n);
	str_free(&body);
	str_free(&text);
}

/* A large object goes out in a thread of its own, which then closes the connection. */
struct sending {
	int fd;
	const char *file;
};

static void *send_object(void *arg)
{
	struct sending *s = arg;
	int in = open(s->file, O_RDONLY | O_CLOEXEC);
	struct str head = { 0 };
	struct stat st;
	off_t at = 0;

	if (in < 0 || fstat(in, &st) != 0 || fcntl(s->fd, F_SETFL, 0) != 0)
		die_errno(EX_NOINPUT_, "%s", s->file);
	str_addf(&head, HEAD "%lld\r\nETag: \"e\"\r\nConnection: close\r\n\r\n",
		(long long)st.st_size);
	say(s->fd, head.p, head.n);
	while (at < st.st_size && sendfile(s->fd, in, &at, (size_t)(st.st_size - at)) > 0) {
	}
	(void)close(in);
	(void)close(s->fd);
	str_free(&head);
	mem_free(s);
	return NULL;
}

static const char *object_asked(const char *request)
{
	if (strncmp(request, "GET /bench/csv ", 15) == 0)
		return csv;
	return strncmp(request, "GET /bench/", 11) == 0 && strstr(request, "/part-") ? part : NULL;
}

/* True when a thread has the connection now. */
static bool send_apart(int epoll, int fd, struct conn *c)
{
	const char *file = csv ? object_asked(c->buf) : NULL;
	struct sending *s;
	pthread_t t;

	if (!file)
		return false;
	s = mem_alloc(sizeof *s);
	*s = (struct sending){ fd, file };
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	mem_free(c->buf);
	*c = (struct conn){ NULL, 0 };
	if (pthread_create(&t, NULL, send_object, s) != 0 || pthread_detach(t) != 0)
		die(EX_TEMP, "no thread");
	return true;
}

/* ---- connections --------------------------------------------------------------------------- */

static void on_readable(int epoll, int fd)
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
	if (delay_us > 0 && request_length(c) > 0) {
		later[later_to].due = clock_monotonic() + (int64_t)delay_us;
		later[later_to].fd = fd;
		later_to = (later_to + 1) % MAX_FD;
		return;
	}
	while ((len = request_length(c))) {
		if (send_apart(epoll, fd, c))
			return;
		reply(fd, c);
		memmove(c->buf, c->buf + len, c->n - len);
		c->n -= len;
	}
}

/* Answers what is due; NULL, or how long it takes until something is. */
static const struct timespec *answer_late(struct timespec *wait)
{
	int64_t now = clock_monotonic(), rest;

	while (later_from != later_to && later[later_from].due <= now) {
		int fd = later[later_from].fd;

		later_from = (later_from + 1) % MAX_FD;
		if (!conns[fd].buf)
			continue;
		reply(fd, &conns[fd]);
		conns[fd].n = 0;
	}
	if (later_from == later_to)
		return NULL;
	rest = later[later_from].due - now;
	*wait = (struct timespec){ rest / 1000000, rest % 1000000 * 1000 };
	return wait;
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
	const char *delay = getenv("NULL_DELAY_MS");
	struct timespec wait;

	msg_init(argv[0]);
	if (argc == 5) {
		csv = argv[1];
		part = argv[2];
		if (!num_u64(sl_of(argv[3]), &parts) || !num_u64(sl_of(argv[4]), &rows))
			die(EX_USAGE_, "usage: null_server [CSV PART PARTS ROWS]");
	}
	if (delay && !num_u64(sl_of(delay), &delay_us))
		die(EX_USAGE_, "NULL_DELAY_MS is a number of milliseconds");
	delay_us *= 1000;
	listener = listen_anywhere();
	e[0].data.fd = listener;
	e[1] = (struct epoll_event){.events = EPOLLIN, .data.fd = STDIN_FILENO};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e[0]) < 0 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e[1]) < 0)
		die_errno(EX_TEMP, "watching");
	for (;;) {
		n = epoll_pwait2(epoll, e, ARRAY_LEN(e), answer_late(&wait), NULL);
		for (int i = 0; i < n; i++) {
			if (e[i].data.fd == STDIN_FILENO)
				return EX_DONE;
			if (e[i].data.fd == listener)
				on_connection(epoll, listener);
			else
				on_readable(epoll, e[i].data.fd);
		}
	}
}
