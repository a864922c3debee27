/* Calls against a server that cuts, resets, stalls, lies and is not there. */
#include "core/clock.h"

#include "calls.h"
#include "tap.h"

/* ---- cut answers --------------------------------------------------------------------------- */

static const char plain[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"Record\":1";
static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "6\r\n{\"Reco\r\n5\r\nrd\":1\r\n0\r\n\r\n";

/* param: 0 which answer, 1 bytes of it, 2 how it ends */
static enum server_then cut(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)n;
	(void)request;
	server_say(fd, "%.*s", s->param[1], s->param[0] ? chunked : plain);
	return (enum server_then)s->param[2];
}

static void test_cuts(void)
{
	struct server s = server_start(cut);
	struct aws *a = open_client(&s, 1);
	struct aws_call c = get_call();
	struct str got = {0};

	for (int which = 0; which < 2; which++)
		for (int then = SERVER_CLOSE; then <= SERVER_RESET; then++)
			for (int sink = 0; sink < 2; sink++) {
				int all = (int)strlen(which ? chunked : plain), passed = 0, odd = 0;

				c.sink = sink ? add_piece : NULL;
				c.sink_ctx = &got;
				for (int n = 0; n < all; n++) {
					struct aws_reply r;
					struct aws_error e = {0};

					s.shared->param[0] = which;
					s.shared->param[1] = n;
					s.shared->param[2] = then;
					passed += aws_do(a, &c, &r, &e);
					odd += e.class != AWS_UNKNOWN;
				}
				tap(passed == 0 && odd == 0,
					"%s answer, %s after each of %d bytes, %s: never a success",
					which ? "chunked" : "plain",
					then == SERVER_RESET ? "reset" : "closed", all,
					sink ? "to a sink" : "kept");
			}
	str_free(&got);
	aws_close(a);
	server_stop(&s);
}

/* ---- lies, silence, closed connections ----------------------------------------------------- */

static enum server_then lie(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)n;
	(void)request;
	switch (s->param[0]) {
	case 0: /* more promised than sent */
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
		return SERVER_CLOSE;
	case 1: /* less promised than sent */
		server_say(fd,
			"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{}  HTTP/1.1 500 evil\r\n");
		return SERVER_KEEP;
	case 2: /* nobody can tell whether this is whole */
		server_say(fd, "HTTP/1.1 200 OK\r\n\r\nwho knows");
		return SERVER_CLOSE;
	case 3:
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
		sleep(3);
		return SERVER_CLOSE;
	case 4:
		sleep(3);
		return SERVER_CLOSE;
	default:
		server_answer(fd, 302, "Location: http://127.0.0.1:1/\r\n", "");
		return SERVER_KEEP;
	}
}

static void test_lies(void)
{
	static const struct {
		const char *what;
		bool good;
		enum aws_class class;
	} want[] = {
		{"a length beyond the end", false, AWS_UNKNOWN},
		{"bytes beyond the length", true, AWS_FINE},
		{"no length", false, AWS_PROTOCOL},
		{"silence within the answer", false, AWS_UNKNOWN},
		{"silence instead of an answer", false, AWS_UNKNOWN},
		{"a redirect", false, AWS_PROTOCOL},
	};
	struct server s = server_start(lie);
	struct aws_call c = get_call();
	struct aws *a;

	setenv("FERRY_AWS_TIMEOUT", "1s", 1);
	a = open_client(&s, 1);
	for (int i = 0; i < (int)ARRAY_LEN(want); i++) {
		struct aws_error e = {0};
		struct aws_reply r;
		bool good;

		s.shared->param[0] = i;
		good = aws_do(a, &c, &r, &e);
		tap(good == want[i].good && e.class == want[i].class, "%s: %s", want[i].what,
			good ? "passes" : aws_error_text(&e));
		if (i == 1)
			tap_same(r.body, SL("{}  "), "as much as was promised");
	}
	unsetenv("FERRY_AWS_TIMEOUT");
	aws_close(a);
	server_stop(&s);
}

/* Closes the connection after each answer, without a word; param 0: after how many. */
static enum server_then close_after(
	struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)request;
	server_answer(fd, 200, "", "{}");
	return (n + 1) % (unsigned)s->param[0] ? SERVER_KEEP : SERVER_CLOSE;
}

static void test_closed_connections(void)
{
	struct server s = server_start(close_after);
	struct aws *a = open_client(&s, 1);
	struct aws_call c = put_call(true);
	int passed = 0;

	s.shared->param[0] = 3;
	for (int i = 0; i < 60; i++) {
		struct aws_error e;
		struct aws_reply r;

		passed += aws_do(a, &c, &r, &e);
	}
	tap(passed == 60, "connections closed between requests: nobody notices");
	tap(aws_stats(a).connections >= 20 && aws_stats(a).connections < 60,
		"and those that live are kept (%d)", (int)aws_stats(a).connections);
	s.shared->param[0] = 1;
	c.repeatable = false;
	for (passed = 0; passed < 3; passed++) {
		struct aws_error e;
		struct aws_reply r;

		clock_sleep(20000); /* the end of a connection takes its time to get here */
		if (!aws_do(a, &c, &r, &e))
			break;
	}
	tap(passed == 3, "one that died while idle is not used for what must not be sent twice");
	aws_close(a);
	server_stop(&s);
}

/* Nobody listens: a port that was just given back. */
static void test_no_server(void)
{
	struct server s = server_start(cut);
	struct aws_call c = put_call(false);
	struct aws_error e = {0};
	struct aws_reply r;
	struct aws *a;

	server_stop(&s);
	a = open_client(&s, 2);
	tap(!aws_do(a, &c, &r, &e) && e.class == AWS_RETRY && e.attempts == 2 &&
			(aws_error_exit(&e) & 0xff) == EX_TEMP,
		"nobody there is temporary");
	aws_close(a);
}

int main(void)
{
	calls_begin();
	test_cuts();
	test_lies();
	test_closed_connections();
	test_no_server();
	return tap_done();
}
