/* Trust: certificates, host names, cut connections; large bodies over TLS; proxies. */
#include "aws/client.h"
#include "aws/pool.h"
#include "core/mem.h"
#include "core/str.h"

#include "tap.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { GOOD, OTHER, OLD, CUT, PROXY, N_PORTS };

static char dir[] = "/tmp/ferry-tls.XXXXXX";
static int port[N_PORTS];

/* The server ends when this descriptor is closed. */
static int start_server(pid_t *pid)
{
	char program[] = "t/aws/tls-server", *argv[] = {program, dir, NULL}, line[200];
	posix_spawn_file_actions_t fa;
	int in[2], out[2], n;
	FILE *f;

	if (pipe(in) < 0 || pipe(out) < 0)
		die_errno(EX_BUG, "pipe");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	posix_spawn_file_actions_addclose(&fa, in[1]);
	if (posix_spawn(pid, program, &fa, NULL, argv, environ) != 0)
		return -1;
	posix_spawn_file_actions_destroy(&fa);
	close(in[0]);
	close(out[1]);
	f = fdopen(out[0], "r");
	if (!f)
		die_errno(EX_BUG, "pipe");
	n = fgets(line, sizeof line, f) ? sscanf(line, "%d %d %d %d %d", &port[GOOD], &port[OTHER],
						  &port[OLD], &port[CUT], &port[PROXY])
					: 0;
	fclose(f);
	if (n != N_PORTS)
		return -1;
	return in[1];
}

static struct aws *open_client(int which, const char *ca)
{
	char url[100];
	struct aws_opts o = {
		.region = "eu-west-1", .endpoint = url, .ca_bundle = ca, .max_attempts = 1};
	struct aws_error e;
	struct aws *a;

	snprintf(url, sizeof url, "https://localhost:%d", port[which]);
	a = aws_open(&o, &e);
	if (!a)
		aws_die(&e, "open");
	return a;
}

static struct aws_call list_call(struct sl body)
{
	return (struct aws_call){.service = AWS_SAGEMAKER,
		.operation = "ListFeatureGroups",
		.method = "POST",
		.path = SL("/"),
		.target = "SageMaker.ListFeatureGroups",
		.content_type = SL("application/x-amz-json-1.1"),
		.body = body,
		.repeatable = true};
}

static void check(int which, const char *ca, bool want, enum aws_class class, const char *what)
{
	struct aws *a = open_client(which, ca);
	struct aws_call c = list_call(SL("{}"));
	struct aws_error e = {0};
	struct aws_reply r;
	bool good = aws_do(a, &c, &r, &e);

	tap(good == want && e.class == class, "%s: %s", what, good ? "passes" : aws_error_text(&e));
	aws_close(a);
}

static void test_trust(const char *ca)
{
	check(GOOD, ca, true, AWS_FINE, "a certificate of a root that was given");
	check(GOOD, NULL, false, AWS_CONFIG, "of an unknown root");
	check(GOOD, "/dev/null/none.pem", false, AWS_CONFIG, "a bundle that is not there");
	check(OTHER, ca, false, AWS_CONFIG, "for another host");
	check(OLD, ca, false, AWS_CONFIG, "that has expired");
	check(CUT, ca, false, AWS_UNKNOWN, "an answer cut within TLS");
}

/* Many records of TLS each way, partial writes, and what the layer buffers. */
static void test_large(const char *ca)
{
	struct aws *a = open_client(GOOD, ca);
	struct str body = {0};
	struct aws_error e = {0};
	struct aws_reply r;
	int wrong = 0;

	for (size_t n = 4; n < 3000000; n = n * 3 + 1) {
		struct aws_call c;

		str_clear(&body);
		str_addz(&body, "echo");
		while (body.n < n)
			str_addc(&body, (char)('a' + tap_random() % 26));
		c = list_call(str_sl(&body));
		c.operation = "GetObject"; /* whose answer may be anything */
		if (!aws_do(a, &c, &r, &e) || !sl_eq(r.body, str_sl(&body))) {
			printf("# %zu bytes: %s\n", n, aws_error_text(&e));
			wrong++;
		}
	}
	tap(wrong == 0 && aws_stats(a).connections == 1,
		"bodies up to 2 MB, there and back, on one "
		"connection");
	str_free(&body);
	aws_close(a);
}

static void on_done(
	void *pool_ctx, void *call_ctx, const struct aws_reply *r, const struct aws_error *e)
{
	(void)call_ctx;
	(void)r;
	*(int *)pool_ctx += e == NULL;
}

static void test_many(const char *ca)
{
	struct aws *a = open_client(GOOD, ca);
	struct aws_call c = list_call(SL("{}"));
	int good = 0;
	struct aws_pool *p = aws_pool_new(a, 8, on_done, &good);

	for (int i = 0; i < 200; i++)
		aws_pool_submit(p, &c, NULL);
	aws_pool_drain(p);
	tap(good == 200 && aws_stats(a).connections == 8, "200 calls over 8 connections");
	aws_pool_free(p);
	aws_close(a);
}

static void test_proxy(const char *ca)
{
	char url[100], path[200], line[200] = "", want[200];
	FILE *f;

	snprintf(url, sizeof url, "http://127.0.0.1:%d", port[PROXY]);
	setenv("https_proxy", url, 1);
	check(GOOD, ca, true, AWS_FINE, "through a proxy");
	snprintf(path, sizeof path, "%s/proxy.log", dir);
	f = fopen(path, "r");
	tap(f && fgets(line, sizeof line, f), "the proxy was asked");
	if (f)
		fclose(f);
	snprintf(want, sizeof want, "CONNECT localhost:%d HTTP/1.1\n", port[GOOD]);
	tap_same(sl_of(line), sl_of(want), "for a tunnel");
	unlink(path);
	setenv("no_proxy", "localhost", 1);
	check(GOOD, ca, true, AWS_FINE, "not through it where no_proxy says so");
	tap(access(path, F_OK) != 0, "the proxy was not asked");
	unsetenv("no_proxy");
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	check(GOOD, ca, false, AWS_RETRY, "through a proxy that is not there");
	unsetenv("https_proxy");
}

int main(void)
{
	char ca[100], *rm[] = {(char[]){"rm"}, (char[]){"-rf"}, dir, NULL};
	pid_t pid, cleaner;
	int hold;

	signal(SIGPIPE, SIG_IGN);
	setenv("AWS_ACCESS_KEY_ID", "KEY", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("HOME", "/dev/null", 1);
	unsetenv("AWS_CA_BUNDLE");
	if (!mkdtemp(dir))
		die_errno(EX_BUG, "mkdtemp");
	hold = start_server(&pid);
	if (!tap(hold >= 0, "the server is there"))
		return tap_done();
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	test_trust(ca);
	test_large(ca);
	test_many(ca);
	test_proxy(ca);
	close(hold);
	waitpid(pid, NULL, 0);
	if (posix_spawnp(&cleaner, "rm", NULL, NULL, rm, environ) == 0)
		waitpid(cleaner, NULL, 0);
	return tap_done();
}
