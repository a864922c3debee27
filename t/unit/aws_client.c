/* Calls: what is tried again and what is not, clocks, keys, many at once. */
#include "aws/pool.h"
#include "core/clock.h"

#include <sys/stat.h>
#include <time.h>

#include "calls.h"
#include "tap.h"

/* ---- retries ------------------------------------------------------------------------------- */

/* param: 0 which failure, 1 how often */
static enum server_then fail_first(struct server_shared *s, int fd, unsigned n, const char *request)
{
	static const struct {
		int status;
		const char *headers, *body;
	} failure[] = {
		{503, "", ""},
		{400, "x-amzn-ErrorType: ThrottlingException:http://x\r\n",
			"{\"message\":\"slow\"}"},
		{500, "", "{\"__type\":\"aws#InternalFailure\"}"},
		{400, "", "{\"__type\":\"ValidationError\",\"Message\":\"bad value\"}"},
		{404, "x-amzn-RequestId: 11-22\r\n", "{\"__type\":\"x#ResourceNotFound\"}"},
		{502, "", "<html>proxy says no</html>"},
		{503, "x-amz-retry-after: 700\r\n", ""},
	};

	(void)request;
	if (n >= (unsigned)s->param[1])
		server_answer(fd, 200, "", "{}");
	else if (s->param[0] == 99)
		return SERVER_RESET;
	else
		server_answer(fd, failure[s->param[0]].status, failure[s->param[0]].headers,
			failure[s->param[0]].body);
	return SERVER_KEEP;
}

static void test_retries(void)
{
	static const struct {
		const char *what;
		int failure, times;
		bool repeatable, good;
		unsigned requests;
		const char *code;
	} want[] = {
		{"503 twice", 0, 2, false, true, 3, ""},
		{"503 for ever", 0, 99, false, false, 4, ""},
		{"throttling twice", 1, 2, false, true, 3, ""},
		{"500, may be repeated", 2, 1, true, true, 2, ""},
		{"500, may not be repeated", 2, 1, false, false, 1, "InternalFailure"},
		{"a mistake of ours", 3, 1, true, false, 1, "ValidationError"},
		{"not there", 4, 1, true, false, 1, "ResourceNotFound"},
		{"502 of a proxy", 5, 1, true, true, 2, ""},
		{"a reset, may be repeated", 99, 1, true, true, 2, ""},
		{"a reset, may not be repeated", 99, 1, false, false, 1, "connection lost"},
	};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct server s = server_start(fail_first);
		struct aws *a = open_client(&s, 4);
		struct aws_call c = put_call(want[i].repeatable);
		struct aws_error e = {0};
		struct aws_reply r;
		bool good;

		s.shared->param[0] = want[i].failure;
		s.shared->param[1] = want[i].times;
		good = aws_do(a, &c, &r, &e);
		tap(good == want[i].good && s.shared->requests == want[i].requests &&
				strcmp(e.code, want[i].code) == 0,
			"%s: %u requests, %s", want[i].what, s.shared->requests,
			good ? "passes" : aws_error_text(&e));
		aws_close(a);
		server_stop(&s);
	}
}

static void test_retry_after(void)
{
	struct server s = server_start(fail_first);
	struct aws *a = open_client(&s, 3);
	struct aws_call c = put_call(true);
	int64_t began = clock_monotonic();
	struct aws_error e = {0};
	struct aws_reply r;

	s.shared->param[0] = 6;
	s.shared->param[1] = 1;
	tap(aws_do(a, &c, &r, &e) && clock_monotonic() - began >= 700000,
		"x-amz-retry-after is waited for");
	aws_close(a);
	server_stop(&s);
}

static void test_patience(void)
{
	struct server s = server_start(fail_first);
	struct aws *a = open_client(&s, 2);
	struct aws_call c = put_call(true);
	struct aws_error e = {0};
	struct aws_reply r;

	c.patient = true;
	c.patience_us = 30 * CLOCK_US_PER_SEC;
	s.shared->param[0] = 0;
	s.shared->param[1] = 5;
	tap(aws_do(a, &c, &r, &e) && r.attempts == 6, "a patient call outlasts its attempts");
	c.patience_us = 100000;
	s.shared->param[1] = 1000;
	tap(!aws_do(a, &c, &r, &e) && e.class == AWS_RETRY, "but not for ever");
	c.patience_us = CLOCK_US_PER_SEC;
	tap(!aws_do(a, &c, &r, &e) && e.attempts > 1, "another one has patience of its own,");
	tap(!aws_do(a, &c, &r, &e) && e.attempts == 1, "but not the next, while none passes");
	s.shared->param[1] = 0;
	tap(aws_do(a, &c, &r, &e), "one passes");
	s.shared->param[1] = 1000;
	tap(!aws_do(a, &c, &r, &e) && e.attempts > 1, "and there is patience again");
	aws_close(a);
	server_stop(&s);
}

static enum server_then never(struct server_shared *s, int fd, unsigned n, const char *request);

/* A silent server costs what is left of the patience, not the longest silence of all. */
static void test_patience_with_silence(void)
{
	struct server s = server_start(never);
	struct aws *a = open_client(&s, 2);
	struct aws_call c = put_call(true);
	struct aws_error e = {0};
	struct aws_reply r;
	int64_t began = clock_monotonic();

	c.patient = true;
	c.patience_us = 100000;
	tap(!aws_do(a, &c, &r, &e) && clock_monotonic() - began < 40 * CLOCK_US_PER_SEC,
		"a silent server is given up long before a minute (%s)", e.message);
	aws_close(a);
	server_stop(&s);
}

/* What calls have in common is kept for a second: but only what they have in common. */
static enum server_then echo_head(struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *target = strcasestr(request, "x-amz-target: ");
	const char *line = target ? target : request;
	char body[600];

	(void)s;
	(void)n;
	snprintf(body, sizeof body, "%.*s\n", (int)strcspn(line, "\r\n"), line);
	server_answer(fd, 200, "", body);
	return SERVER_KEEP;
}

static void test_different_calls(void)
{
	struct server s = server_start(echo_head);
	struct aws *a = open_client(&s, 1);
	struct aws_call c = put_call(true);
	struct aws_error e = {0};
	struct aws_reply r;
	char target[40];

	c.operation = "GetObject"; /* whose answer may be anything */
	for (int i = 0; i < 3; i++) {
		char want[60];

		snprintf(target, sizeof target, "SageMaker.Operation%d", i);
		snprintf(want, sizeof want, "X-Amz-Target: %s\n", target);
		c.target = target;
		tap(aws_do(a, &c, &r, &e), "an operation by target");
		tap_same(r.body, sl_of(want), "the same buffer, another operation");
	}
	c.target = NULL;
	for (int i = 0; i < 3; i++) {
		char want[60];

		snprintf(want, sizeof want, "%s /p?q=%d HTTP/1.1", i % 2 ? "PUT" : "DELETE", i);
		snprintf(target, sizeof target, "q=%d", i);
		c.method = i % 2 ? "PUT" : "DELETE";
		c.path = SL("/p");
		c.query = sl_of(target);
		tap(aws_do(a, &c, &r, &e) && r.body.n > strlen(want) &&
				memcmp(r.body.p, want, strlen(want)) == 0,
			"%s", want);
	}
	aws_close(a);
	server_stop(&s);
}

/* ---- clock, keys, regions ------------------------------------------------------------------ */

/* Its clock is an hour ahead of ours. */
static enum server_then other_time(struct server_shared *s, int fd, unsigned n, const char *request)
{
	time_t now = time(NULL) + 3600;
	const char *stamp = strcasestr(request, "\r\nx-amz-date: ");
	char date[64], http[128], hour[16];
	struct tm tm;

	(void)n;
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	strftime(hour, sizeof hour, "%Y%m%dT%H", &tm);
	snprintf(http, sizeof http, "%s%s",
		s->param[0] ? "x-amzn-ErrorType: InvalidSignatureException\r\n"
			    : "x-amzn-ErrorType: RequestTimeTooSkewed\r\n",
		date);
	if (stamp && strncmp(stamp + 14, hour, 11) == 0)
		server_answer(fd, 200, date, "{}");
	else
		server_answer(fd, 403, http, "{\"message\":\"too skewed\"}");
	return SERVER_KEEP;
}

static void test_clock(void)
{
	for (int i = 0; i < 2; i++) {
		struct server s = server_start(other_time);
		struct aws *a = open_client(&s, 1);
		struct aws_call c = put_call(false);
		struct aws_error e = {0};
		struct aws_reply r;
		int64_t off;

		s.shared->param[0] = i;
		tap(aws_do(a, &c, &r, &e) && s.shared->requests == 2,
			"a wrong clock is corrected once");
		off = aws_stats(a).clock_offset_us / CLOCK_US_PER_SEC;
		tap(off >= 3598 && off <= 3602, "by what the server says (%d s)", (int)off);
		tap(aws_do(a, &c, &r, &e) && s.shared->requests == 3, "and stays so");
		aws_close(a);
		server_stop(&s);
	}
}

static enum server_then wrong_signature(
	struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)s;
	(void)n;
	(void)request;
	server_answer(fd, 403, "x-amzn-ErrorType: SignatureDoesNotMatch\r\n", "{}");
	return SERVER_KEEP;
}

static void test_wrong_signature(void)
{
	struct server s = server_start(wrong_signature);
	struct aws *a = open_client(&s, 3);
	struct aws_call c = put_call(true);
	struct aws_error e = {0};
	struct aws_reply r;

	tap(!aws_do(a, &c, &r, &e) && s.shared->requests == 1 && e.class == AWS_CREDENTIALS,
		"a wrong signature is not tried again");
	aws_close(a);
	server_stop(&s);
}

/* Quotes the request it refuses, as SageMaker does. */
static enum server_then quoting(struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *token = strcasestr(request, "x-amz-security-token: ");
	char body[600];

	(void)s;
	(void)n;
	snprintf(body, sizeof body,
		"{\"__type\":\"InvalidSignatureException\",\"message\":\"should have been "
		"'%.*s'\"}",
		token ? (int)strcspn(token, "\r\n") : 0, token);
	server_answer(fd, 403, "", body);
	return SERVER_KEEP;
}

static void test_quoted_token(void)
{
	struct server s = server_start(quoting);
	struct aws_call c = put_call(true);
	struct aws_error e = {0};
	struct aws_reply r;
	struct aws *a;

	setenv("AWS_SESSION_TOKEN", "token-nobody-may-see", 1);
	a = open_client(&s, 1);
	tap(!aws_do(a, &c, &r, &e) && strstr(s.shared->last, "token-nobody-may-see"),
		"a token is sent");
	tap(strcasestr(e.message, "x-amz-security-token") && !strstr(e.message, "token-nobody") &&
			strstr(e.message, "*****"),
		"and not shown where the service quotes it: %s", e.message);
	unsetenv("AWS_SESSION_TOKEN");
	aws_close(a);
	server_stop(&s);
}

/* Takes keys of that number only (param 0), or later ones. */
static enum server_then later_keys(
	struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *key = strstr(request, "Credential=KEY");

	(void)n;
	if (key && key[14] - '0' >= s->param[0])
		server_answer(fd, 200, "", "{}");
	else
		server_answer(fd, 400, "x-amzn-ErrorType: ExpiredTokenException\r\n", "{}");
	return SERVER_KEEP;
}

static void write_file(const char *path, unsigned mode, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) != 0)
		die_errno(EX_BUG, "%s", path);
}

static void test_expired_keys(void)
{
	struct server s = server_start(later_keys);
	struct aws_call c = put_call(false);
	char dir[] = "/tmp/ferry-keys.XXXXXX", path[100], text[500];
	struct aws_error e = {0};
	struct aws_reply r;
	struct aws *a;

	if (!mkdtemp(dir))
		die_errno(EX_BUG, "mkdtemp");
	snprintf(path, sizeof path, "%s/give", dir);
	snprintf(text, sizeof text,
		"#!/bin/sh\necho x >>%s/n\nn=$(wc -l <%s/n)\n"
		"printf '{\"Version\":1,\"AccessKeyId\":\"KEY%%d\",\"SecretAccessKey\":\"s\"}' "
		"$n\n",
		dir, dir);
	write_file(path, 0755, text);
	snprintf(path, sizeof path, "%s/config", dir);
	snprintf(text, sizeof text, "[default]\ncredential_process = %s/give\n", dir);
	write_file(path, 0644, text);
	setenv("AWS_CONFIG_FILE", path, 1);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	a = open_client(&s, 1);
	s.shared->param[0] = 2;
	tap(aws_do(a, &c, &r, &e) && s.shared->requests == 2, "expired keys are fetched anew");
	tap(aws_do(a, &c, &r, &e) && s.shared->requests == 3, "and kept");
	s.shared->param[0] = 5;
	tap(aws_do(a, &c, &r, &e) && s.shared->requests == 7, "also where they end at once");
	s.shared->param[0] = 9;
	tap(!aws_do(a, &c, &r, &e) && s.shared->requests == 11 && e.class == AWS_CREDENTIALS,
		"but not for ever");
	s.shared->requests = 3;
	aws_close(a);
	setenv("AWS_ACCESS_KEY_ID", "KEY1", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
	a = open_client(&s, 3);
	tap(!aws_do(a, &c, &r, &e) && s.shared->requests == 4 && e.class == AWS_CREDENTIALS,
		"keys that cannot change are not tried again");
	aws_close(a);
	unsetenv("AWS_CONFIG_FILE");
	server_stop(&s);
	snprintf(text, sizeof text, "%s/give", dir);
	unlink(text);
	snprintf(text, sizeof text, "%s/n", dir);
	unlink(text);
	unlink(path);
	rmdir(dir);
}

/* ---- many at once -------------------------------------------------------------------------- */

struct tally {
	struct aws_pool *pool;
	unsigned good, bad, stopped, more;
	char seen[1000];
};

static void count_done(
	void *pool_ctx, void *call_ctx, const struct aws_reply *reply, const struct aws_error *e)
{
	struct tally *t = pool_ctx;
	char *mine = call_ctx;
	struct aws_call c = put_call(true);

	(void)reply;
	++*mine;
	t->good += !e;
	t->bad += e && e->class != AWS_STOPPED;
	t->stopped += e && e->class == AWS_STOPPED;
	if (t->more) {
		t->more--;
		aws_pool_submit(t->pool, &c, &t->seen[500 + t->more]);
	}
}

/* Now and then 503, a reset, a closed connection, a throttled answer. */
static enum server_then flaky(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)s;
	(void)request;
	if (n % 17 == 3)
		return SERVER_RESET;
	if (n % 13 == 5)
		server_answer(fd, 503, "", "");
	else if (n % 29 == 7)
		server_answer(fd, 400, "x-amzn-ErrorType: ThrottlingException\r\n", "{}");
	else
		server_answer(fd, 200, "", "{}");
	return n % 11 ? SERVER_KEEP : SERVER_CLOSE;
}

static void test_pool(void)
{
	struct server s = server_start(flaky);
	struct aws *a = open_client(&s, 3);
	struct tally t = {.more = 100};
	struct aws_call c = put_call(true);
	bool once = true;

	c.patient = true;
	c.patience_us = 60 * CLOCK_US_PER_SEC;
	t.pool = aws_pool_new(a, 16, count_done, &t);
	tap(aws_pool_room(t.pool) == 16, "a new pool has room");
	for (int i = 0; i < 400; i++)
		aws_pool_submit(t.pool, &c, &t.seen[i % 500]);
	aws_pool_drain(t.pool);
	for (int i = 0; i < 400; i++)
		once = once && t.seen[i] == 1;
	tap(once, "every call ends exactly once");
	tap(t.good + t.bad == 500 && t.good >= 450, "%u passed, %u failed", t.good, t.bad);
	tap(aws_stats(a).calls == 500 && aws_stats(a).attempts >= s.shared->requests,
		"and all are accounted for");
	aws_pool_free(t.pool);
	aws_close(a);
	server_stop(&s);
}

static enum server_then never(struct server_shared *s, int fd, unsigned n, const char *request)
{
	(void)s;
	(void)fd;
	(void)n;
	(void)request;
	pause();
	return SERVER_CLOSE;
}

static struct aws *to_stop;

static void on_alarm(int sig)
{
	(void)sig;
	aws_stop(to_stop);
}

static void test_stop(void)
{
	struct server s = server_start(never);
	struct aws *a = open_client(&s, 3);
	struct aws_call c = put_call(true);
	struct tally t = {0};
	struct aws_error e = {0};
	struct aws_reply r;

	to_stop = a;
	signal(SIGALRM, on_alarm);
	alarm(1);
	tap(!aws_do(a, &c, &r, &e) && e.class == AWS_STOPPED, "a signal ends a wait");
	aws_resume(a);
	t.pool = aws_pool_new(a, 4, count_done, &t);
	for (int i = 0; i < 4; i++)
		aws_pool_submit(t.pool, &c, &t.seen[i]);
	aws_pool_wait(t.pool, 100000);
	aws_pool_free(t.pool);
	tap(t.stopped == 4, "freeing a pool ends what is under way, and says so");
	aws_close(a);
	server_stop(&s);
}

int main(void)
{
	calls_begin();
	test_retries();
	test_retry_after();
	test_patience();
	test_patience_with_silence();
	test_different_calls();
	test_clock();
	test_wrong_signature();
	test_quoted_token();
	test_expired_keys();
	test_pool();
	test_stop();
	return tap_done();
}
