/* Queries: what is asked, what is understood of the answers, and that a cut answer is none. */
#include "aws/athena.h"
#include "core/clock.h"

#include "calls.h"
#include "tap.h"

#define ID "1234-abcd"

static const struct athena_query query = { .sql = SL_INIT("SELECT \"a\" FROM t\n"),
	.database = SL_INIT("db"),
	.catalog = SL_INIT("AwsDataCatalog"),
	.workgroup = SL_INIT("w"),
	.output = SL_INIT("s3://b/p/"),
	.token = SL_INIT("0123456789abcdef0123456789abcdef") };

static const char started[] = "{\"QueryExecutionId\":\"" ID "\"}";
static const char succeeded[] =
	"{\"QueryExecution\":{\"QueryExecutionId\":\"" ID "\",\"StatementType\":\"DML\","
	"\"WorkGroup\":\"w\",\"Status\":{\"State\":\"SUCCEEDED\"},"
	"\"ResultConfiguration\":{\"OutputLocation\":\"s3://b/p/" ID ".csv\"},\"Statistics\":{"
	"\"DataScannedInBytes\":18446744073709551615,\"QueryQueueTimeInMillis\":1,"
	"\"EngineExecutionTimeInMillis\":2,\"TotalExecutionTimeInMillis\":3,"
	"\"DataManifestLocation\":\"s3://b/p/m\",\"News\":[{\"x\":null}]}}}";
static const char failed_state[] =
	"{\"QueryExecution\":{\"Status\":{\"State\":\"FAILED\",\"AthenaError\":{"
	"\"ErrorMessage\":\"no luck\",\"Retryable\":true}}}}";
static const char running[] = "{\"QueryExecution\":{\"Status\":{\"State\":\"RUNNING\"}}}";
static const char counted[] = "{\"QueryRuntimeStatistics\":{\"Rows\":{\"OutputRows\":42}}}";
static const char workgroup[] =
	"{\"WorkGroup\":{\"Name\":\"w\",\"Configuration\":{\"EnforceWorkGroupConfiguration\":true,"
	"\"ResultConfiguration\":{\"OutputLocation\":\"s3://w/\"}}}}";

/* param 0: what GetQueryExecution answers; 1: bytes of the answer (0: all); 2: stops asked for */
enum { SUCCEEDED, FAILED, RUNNING_TWICE, RUNNING, STRANGE, STATES };

static const char *state_answer(struct server_shared *s)
{
	static const char *const fixed[STATES] = { [SUCCEEDED] = succeeded,
		[FAILED] = failed_state,
		[RUNNING] = running,
		[STRANGE] = "{\"QueryExecution\":{\"Status\":{\"State\":\"DREAMING\"}}}" };

	if (s->param[0] == RUNNING_TWICE)
		return s->param[3]++ < 2 ? running : succeeded;
	return fixed[s->param[0]];
}

static enum server_then athena(struct server_shared *s, int fd, unsigned n, const char *request)
{
	const char *body = "{}";

	(void)n;
	if (strcasestr(request, "AmazonAthena.StartQueryExecution"))
		body = started;
	else if (strcasestr(request, "AmazonAthena.GetQueryExecution"))
		body = state_answer(s);
	else if (strcasestr(request, "AmazonAthena.GetQueryRuntimeStatistics"))
		body = counted;
	else if (strcasestr(request, "AmazonAthena.GetWorkGroup"))
		body = workgroup;
	else
		s->param[2]++;
	if (s->param[1] == 0) {
		server_answer(fd, 200, "", body);
		return SERVER_KEEP;
	}
	server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", strlen(body),
		s->param[1] - 1, body);
	return SERVER_CLOSE;
}

static void test_token(void)
{
	struct athena_query other = query;
	char one[65], two[65];

	athena_token(&query, SL("run"), one);
	athena_token(&query, SL("run"), two);
	tap(strlen(one) == 64 && strcmp(one, two) == 0, "the same query in the same run: a token");
	athena_token(&query, SL("run2"), two);
	tap(strcmp(one, two) != 0, "another run, another token");
	other.sql = SL("SELECT \"b\" FROM t\n");
	athena_token(&other, SL("run"), two);
	tap(strcmp(one, two) != 0, "another query, another token");
	other = query;
	other.database = SL("d");
	other.catalog = SL("bAwsDataCatalog");
	athena_token(&other, SL("run"), two);
	tap(strcmp(one, two) != 0, "no two lists of parts look the same");
}

static void test_good(struct server *s, struct aws *a)
{
	struct athena_execution x;
	struct arena mem = { 0 };
	struct str place = { 0 };
	struct aws_error e = { 0 };
	char id[80];
	uint64_t rows = 0;
	bool known = false, enforced = false;

	tap(athena_start(a, &query, id, &e) && strcmp(id, ID) == 0, "a query is started");
	tap(strstr(s->shared->last,
		    "{\"QueryString\":\"SELECT \\\"a\\\" FROM t\\n\",\"ClientRequestToken\":"
		    "\"0123456789abcdef0123456789abcdef\",\"QueryExecutionContext\":{\"Database\":"
		    "\"db\",\"Catalog\":\"AwsDataCatalog\"},\"WorkGroup\":\"w\","
		    "\"ResultConfiguration\":{\"OutputLocation\":\"s3://b/p/\"}}") != NULL,
		"with all that was asked for");
	s->shared->param[0] = RUNNING_TWICE;
	tap(athena_wait(a, ID, 0, NULL, NULL, &mem, &x, &e) && x.state == ATHENA_SUCCEEDED &&
			s->shared->param[3] == 3,
		"and waited for");
	tap_same(x.output, SL("s3://b/p/" ID ".csv"), "the place of its result");
	tap_same(x.manifest, SL("s3://b/p/m"), "that of its manifest");
	tap(x.scanned_bytes == UINT64_MAX && x.queue_ms == 1 && x.engine_ms == 2 && x.total_ms == 3,
		"its figures");
	tap(athena_rows(a, ID, &rows, &known, &e) && known && rows == 42, "its rows");
	tap(athena_workgroup_output(a, SL("w"), &place, &enforced, &e) && enforced &&
			sl_eq(str_sl(&place), SL("s3://w/")),
		"the place of a workgroup");
	s->shared->param[0] = FAILED;
	tap(athena_wait(a, ID, 0, NULL, NULL, &mem, &x, &e) && x.state == ATHENA_FAILED &&
			x.retryable && sl_eq(x.reason, SL("no luck")),
		"a failure, and whether to try again");
	str_free(&place);
	arena_free(&mem);
}

static void test_ends(struct server *s, struct aws *a)
{
	struct athena_execution x;
	struct arena mem = { 0 };
	struct aws_error e = { 0 };

	s->shared->param[0] = STRANGE;
	tap(!athena_wait(a, ID, 0, NULL, NULL, &mem, &x, &e) && e.class == AWS_PROTOCOL &&
			s->shared->param[2] == 1,
		"a state nobody knows is none, and the query is stopped");
	s->shared->param[0] = RUNNING;
	tap(!athena_wait(a, ID, 300000, NULL, NULL, &mem, &x, &e) && e.class == AWS_STOPPED &&
			s->shared->param[2] == 2,
		"one that takes too long is stopped");
	aws_stop(a);
	tap(!athena_wait(a, ID, 0, NULL, NULL, &mem, &x, &e) && e.class == AWS_STOPPED &&
			s->shared->param[2] == 3,
		"one that nobody waits for, too");
	arena_free(&mem);
}

/* Every answer, cut behind every byte: never taken for a good one. */
static void test_cuts(struct server *s, struct aws *a)
{
	struct athena_execution x;
	struct arena mem = { 0 };
	struct str place = { 0 };
	struct aws_error e = { 0 };
	unsigned good = 0, tried = 0;
	char id[80];
	uint64_t rows;
	bool known, enforced;

	s->shared->param[0] = SUCCEEDED;
	for (int n = 0; n < (int)sizeof started - 1; n++, tried++) {
		s->shared->param[1] = n + 1;
		good += athena_start(a, &query, id, &e);
	}
	for (int n = 0; n < (int)sizeof succeeded - 1; n++, tried++) {
		s->shared->param[1] = n + 1;
		good += athena_wait(a, ID, 0, NULL, NULL, &mem, &x, &e);
	}
	for (int n = 0; n < (int)sizeof counted - 1; n++, tried++) {
		s->shared->param[1] = n + 1;
		good += athena_rows(a, ID, &rows, &known, &e);
	}
	for (int n = 0; n < (int)sizeof workgroup - 1; n++, tried++) {
		s->shared->param[1] = n + 1;
		good += athena_workgroup_output(a, SL("w"), &place, &enforced, &e);
	}
	tap(good == 0 && tried > 600, "%u answers cut at every byte: none passes", tried);
	str_free(&place);
	arena_free(&mem);
}

int main(void)
{
	struct server s;
	struct aws *a;

	calls_begin();
	msg_set_verbosity(-1);
	test_token();
	s = server_start(athena);
	a = open_client(&s, 1);
	test_good(&s, a);
	test_ends(&s, a);
	aws_close(a);
	server_stop(&s);
	s = server_start(athena);
	a = open_client(&s, 1);
	test_cuts(&s, a);
	aws_close(a);
	server_stop(&s);
	return tap_done();
}
