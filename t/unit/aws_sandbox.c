/*
 * The room against the sandbox, whose verifier of signatures is strict and not made from ours:
 * paths, queries and keys that are hard to sign, pages, and what S3 and the Feature Store do with
 * them.
 */
#include "aws/pool.h"
#include "aws/s3.h"
#include "core/clock.h"
#include "fs/featurestore.h"
#include "fs/fs_group.h"

#include "tap.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ROLE "arn:aws:iam::123456789012:role/x"

static char dir[] = "/tmp/ferry-sandbox.XXXXXX";
static const char *const nasty[] = {"plain", "a b", "a/b", "a//b", "100%", "a%20b", "a+b", "*",
	"a=b&c=d", "a:b", "2024-01-01T00:00:00.5Z", "\xed\x95\x9c\xea\xb8\x80", "~",
	"'\"<>;,@!$()?#[]{}|\\^`", "\xf0\x9f\x9a\xa2", "./a", "a/../b", "a\tb"};

/* Takes "export NAME=value" lines into the environment; false while the file is not there yet. */
static bool take_environment(const char *path)
{
	char line[1000], *eq;
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		eq = strchr(line, '=');
		if (strncmp(line, "export ", 7) != 0 || !eq)
			continue;
		*eq = '\0';
		setenv(line + 7, eq + 1, 1);
	}
	fclose(f);
	return getenv("AWS_ENDPOINT_URL") != NULL;
}

/* 0 when there is no sandbox, else its process. */
static pid_t start_sandbox(const char *self)
{
	char program[600], env[100], state[100];
	char *argv[] = {program, (char[]){"--port"}, (char[]){"0"}, (char[]){"--quiet"},
		(char[]){"--env"}, env, (char[]){"--state"}, state, (char[]){"--set"},
		(char[]){"group-delay=0"}, NULL};
	const char *slash = strrchr(self, '/');
	pid_t pid;

	snprintf(program, sizeof program, "%.*s../ferry-sandbox",
		(int)(slash ? slash + 1 - self : 0), self);
	snprintf(env, sizeof env, "%s/env", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	if (access(program, X_OK) != 0 || !getenv("PGHOST"))
		return 0;
	unsetenv("AWS_ENDPOINT_URL");
	if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0)
		return 0;
	for (int i = 0; i < 200 && !take_environment(env); i++)
		clock_sleep(50000);
	return pid;
}

/* ---- the Feature Store
 * --------------------------------------------------------------------------- */

static void create_group(struct aws *a, const char *name)
{
	struct arena mem = {0};
	struct aws_error e = {0};
	struct str body = {0};
	const struct json *o;

	str_addf(&body,
		"{\"FeatureGroupName\":\"%s\",\"RecordIdentifierFeatureName\":\"id\","
		"\"EventTimeFeatureName\":\"t\",\"FeatureDefinitions\":[{\"FeatureName\":\"id\","
		"\"FeatureType\":\"String\"},{\"FeatureName\":\"t\",\"FeatureType\":\"String\"},"
		"{\"FeatureName\":\"v\",\"FeatureType\":\"Fractional\"}],\"OnlineStoreConfig\":"
		"{\"EnableOnlineStore\":true},\"RoleArn\":\"" ROLE "\"}",
		name);
	o = fs_control(a, "CreateFeatureGroup", str_sl(&body), &mem, &e);
	tap(json_get(o, "FeatureGroupArn"), "a group is created%s%s", o ? "" : ": ",
		o ? "" : aws_error_text(&e));
	arena_free(&mem);
	str_free(&body);
}

static bool count_one(void *ctx, const struct json *summary)
{
	*(int *)ctx += json_get(summary, "FeatureGroupName") != NULL;
	return true;
}

static void test_groups(struct aws *a, struct str *arn)
{
	struct aws_error e = {0};
	struct fs_group g = {0};
	int n = 0;

	create_group(a, "group-0");
	create_group(a, "group-1");
	tap(fs_list(a, SL("group-"), count_one, &n, &e) && n == 2, "they are listed");
	if (tap(fs_describe(a, SL("group-0"), &g, &e), "one is described")) {
		tap(g.online && !g.offline && g.n == 3, "as it was made");
		str_add(arn, g.arn);
	}
	fs_group_free(&g);
	g = (struct fs_group){.n = 0};
	tap(!fs_describe(a, SL("none"), &g, &e) && e.class == AWS_NOT_FOUND,
		"one that is not there");
}

static void add_value(struct str *body, const char *name, struct sl value)
{
	str_addf(body, "%s{\"FeatureName\":\"%s\",\"ValueAsString\":",
		body->p[body->n - 1] == '}' ? "," : "", name);
	str_add_json(body, value);
	str_addc(body, '}');
}

static bool put(struct aws *a, const struct fs_target *t, struct sl id, struct aws_error *e)
{
	struct str body = {0};
	struct aws_reply r;
	struct aws_call c;
	bool good;

	fs_put_begin(&body);
	add_value(&body, "id", id);
	add_value(&body, "t", SL("2024-01-01T00:00:00Z"));
	add_value(&body, "v", SL("1.5"));
	fs_put_end(&body, NULL);
	fs_put_call(&c, t, str_sl(&body));
	good = aws_do(a, &c, &r, e);
	str_free(&body);
	return good;
}

/* Put, get, get two features, delete, get: by name and by ARN. */
static void test_record(struct aws *a, const struct fs_target *t, struct sl id)
{
	const struct sl two[] = {SL("v"), SL("id")};
	struct arena mem = {0};
	struct aws_error e = {0};
	struct str query = {0};
	struct sl value = SL("");
	struct aws_reply r;
	struct aws_call c;
	bool good;

	good = put(a, t, id, &e);
	fs_get_call(&c, t, id, two, ARRAY_LEN(two), &query);
	good = good && aws_do(a, &c, &r, &e) &&
	       fs_record_value(
		       json_get(aws_answer(c.operation, r.body, &mem, &e), "Record"),
		       SL("id"), &value) &&
	       sl_eq(value, id);
	fs_delete_call(&c, t, id, SL("2024-01-02T00:00:00.000Z"), NULL, true, &query);
	good = good && aws_do(a, &c, &r, &e);
	fs_get_call(&c, t, id, NULL, 0, &query);
	good = good && aws_do(a, &c, &r, &e) &&
	       !json_get(aws_answer(c.operation, r.body, &mem, &e), "Record");
	tap(good, "%s in %s%s%s", msg_q(id), t->group.p[0] == 'a' ? "an ARN" : "a name",
		good ? "" : ": ", good ? "" : aws_error_text(&e));
	arena_free(&mem);
	str_free(&query);
}

static void test_records(struct aws *a, struct sl arn)
{
	struct fs_target by_name = {0}, by_arn = {0};

	fs_target_init(&by_name, SL("group-0"));
	fs_target_init(&by_arn, arn);
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++) {
		test_record(a, &by_name, sl_of(nasty[i]));
		test_record(a, &by_arn, sl_of(nasty[i]));
	}
	fs_target_free(&by_name);
	fs_target_free(&by_arn);
}

static void test_batches(struct aws *a)
{
	struct str body = {0}, path = {0};
	struct fs_target t = {0};
	struct arena mem = {0};
	struct aws_error e = {0};
	struct aws_reply r;
	struct aws_call c;
	const struct json *o;
	struct sl ids[FS_BATCH_WRITE_MAX];
	char text[FS_BATCH_WRITE_MAX][16];

	fs_target_init(&t, SL("group-1"));
	for (size_t i = 0; i < FS_BATCH_WRITE_MAX; i++) {
		snprintf(text[i], sizeof text[i], "id \"%zu\"", i);
		ids[i] = sl_of(text[i]);
		fs_entry_begin(&body, t.group);
		add_value(&body, "id", ids[i]);
		add_value(&body, "t", SL("2024-01-01T00:00:00Z"));
		fs_put_end(&body, &(struct fs_how){.online_only = true});
	}
	fs_batch_write_call(&c, &body);
	tap(aws_do(a, &c, &r, &e), "25 records in one request");
	fs_batch_get_call(&c, t.group, ids, FS_BATCH_WRITE_MAX, NULL, 0, &body);
	o = aws_do(a, &c, &r, &e) ? aws_answer(c.operation, r.body, &mem, &e) : NULL;
	tap(json_get(o, "Records") && json_get(o, "Records")->n == FS_BATCH_WRITE_MAX,
		"come back in one");
	fs_list_records_call(&c, &t, SL(""), false, &path, &body);
	o = aws_do(a, &c, &r, &e) ? aws_answer(c.operation, r.body, &mem, &e) : NULL;
	tap(json_get(o, "RecordIdentifiers") &&
			json_get(o, "RecordIdentifiers")->n == FS_BATCH_WRITE_MAX,
		"and are listed");
	fs_target_free(&t);
	arena_free(&mem);
	str_free(&body);
	str_free(&path);
}

/* ---- S3 ------------------------------------------------------------------------------------ */

static void create_bucket(struct aws *a)
{
	const struct aws_call c = {.service = AWS_S3,
		.operation = "PutObject", /* answered alike: with nothing */
		.method = "PUT",
		.path = SL("/"),
		.bucket = SL("bucket")};
	struct aws_error e = {0};
	struct aws_reply r;
	bool good = aws_do(a, &c, &r, &e);

	tap(good, "a bucket is created%s%s", good ? "" : ": ", good ? "" : aws_error_text(&e));
}

static bool add_piece(void *ctx, struct sl piece)
{
	str_add(ctx, piece);
	return true;
}

static bool add_key(void *ctx, const struct s3_object *o)
{
	str_add(ctx, o->key);
	str_addf(ctx, "=%d\n", (int)o->size);
	return true;
}

static void test_object(struct aws *a, struct sl key)
{
	struct str got = {0}, listed = {0}, want = {0};
	struct s3_object o = {.size = 0};
	struct aws_error e = {0};
	uint64_t size = 0;
	bool good;

	good = s3_put(a, SL("bucket"), key, SL("hello"), SL("text/plain"), &e) &&
	       s3_head(a, SL("bucket"), key, &o, &e) && o.size == 5 &&
	       s3_get(a, SL("bucket"), key, add_piece, &got, &size, &e) && size == 5 &&
	       sl_eq_str(str_sl(&got), "hello") &&
	       s3_list(a, SL("bucket"), key, add_key, &listed, &e);
	str_add(&want, key);
	str_addz(&want, "=5\n");
	tap(good, "object %s%s%s", msg_q(key), good ? "" : ": ", good ? "" : aws_error_text(&e));
	tap_same(str_sl(&listed), str_sl(&want), "is listed");
	tap(s3_delete(a, SL("bucket"), key, &e) && !s3_head(a, SL("bucket"), key, &o, &e) &&
			e.class == AWS_NOT_FOUND,
		"and deleted");
	str_free(&got);
	str_free(&listed);
	str_free(&want);
}

static bool count_key(void *ctx, const struct s3_object *o)
{
	(void)o;
	++*(uint64_t *)ctx;
	return true;
}

static void ignore_done(
	void *pool_ctx, void *call_ctx, const struct aws_reply *r, const struct aws_error *e)
{
	(void)call_ctx;
	(void)r;
	*(int *)pool_ctx += e == NULL;
}

static void test_pages(struct aws *a)
{
	static struct str path[2100];
	struct aws_error e = {0};
	uint64_t n = 0;
	int good = 0;
	struct aws_pool *p = aws_pool_new(a, 8, ignore_done, &good);

	for (int i = 0; i < 2100; i++) {
		struct aws_call c = {.service = AWS_S3,
			.operation = "PutObject",
			.method = "PUT",
			.bucket = SL("bucket"),
			.repeatable = true};

		str_addf(&path[i], "/many/%d%%26%%3C%%25", i); /* a key that XML and URLs escape */
		c.path = str_sl(&path[i]);
		aws_pool_submit(p, &c, NULL);
	}
	aws_pool_drain(p);
	aws_pool_free(p);
	tap(good == 2100, "2,100 objects");
	tap(s3_list(a, SL("bucket"), SL("many/"), count_key, &n, &e) && n == 2100,
		"are listed, page by page");
	tap(s3_delete_prefix(a, SL("bucket"), SL("many/"), NULL, &n, &e) && n == 2100,
		"and deleted, a thousand at a time");
	n = 0;
	tap(s3_list(a, SL("bucket"), SL("many/"), count_key, &n, &e) && n == 0, "none is left");
	for (int i = 0; i < 2100; i++)
		str_free(&path[i]);
}

static void test_refused(void)
{
	struct aws_error e = {0};
	struct fs_group g = {0};
	char secret[100];
	const char *text;
	struct aws *a;

	snprintf(secret, sizeof secret, "%s", getenv("AWS_SECRET_ACCESS_KEY"));
	setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-of-the-test", 1);
	a = aws_open(&(struct aws_opts){.max_attempts = 2}, &e);
	tap(a && !fs_describe(a, SL("group-0"), &g, &e) && e.class == AWS_CREDENTIALS &&
			aws_error_exit(&e) == EX_NOTALLOWED,
		"a wrong key is refused");
	text = aws_error_text(&e);
	tap(!strstr(text, secret) && !strstr(text, "wrong-secret"), "and not shown: %s", text);
	aws_close(a);
}

int main(int argc, char **argv)
{
	char *rm[] = {(char[]){"rm"}, (char[]){"-rf"}, dir, NULL};
	struct aws_error e = {0};
	struct str arn = {0};
	struct aws *a;
	pid_t pid, cleaner;

	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		die_errno(EX_BUG, "mkdtemp");
	setenv("HOME", dir, 1);
	pid = start_sandbox(argv[0]);
	if (!pid) {
		rmdir(dir);
		printf("1..0 # skip the sandbox is not built, or there is no database\n");
		return 0;
	}
	a = aws_open(&(struct aws_opts){.max_attempts = 2}, &e);
	if (!a)
		aws_die(&e, "open");
	test_groups(a, &arn);
	test_records(a, str_sl(&arn));
	test_batches(a);
	create_bucket(a);
	for (size_t i = 0; i < ARRAY_LEN(nasty); i++)
		test_object(a, sl_of(nasty[i]));
	test_pages(a);
	aws_close(a);
	test_refused();
	str_free(&arn);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	if (posix_spawnp(&cleaner, "rm", NULL, NULL, rm, environ) == 0)
		waitpid(cleaner, NULL, 0);
	return tap_done();
}
