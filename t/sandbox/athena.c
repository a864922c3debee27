/* Athena: the life of queries, and StartQueryExecution and StopQueryExecution. */
#include "athena.h"

#include "athena_api.h"
#include "core/clock.h"
#include "core/msg.h"
#include "core/num.h"
#include "core/tmpf.h"
#include "core/utf8.h"
#include "crypt.h"
#include "offline.h"
#include "pg/conn_internal.h"
#include "s3_store.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_QUERY 262144

static struct {
	struct athena_query **v;
	size_t n, cap, open; /* open: queued or running */
	int64_t delay;
	const char *conninfo;
	struct pg **idle; /* connections, for queries to come */
	size_t n_idle, idle_cap;
} athena;

void athena_set_delay(int64_t us)
{
	athena.delay = us;
}

void athena_start(const char *conninfo)
{
	athena.conninfo = conninfo;
}

struct athena_query *athena_find(struct exchange *x, struct sl id)
{
	for (size_t i = 0; i < athena.n; i++)
		if (sl_eq(athena.v[i]->id, id) && sl_eq(athena.v[i]->account, x->account) &&
			sl_eq(athena.v[i]->region, x->region))
			return athena.v[i];
	(void)exchange_fail(x, 400, "InvalidRequestException", "QueryExecution %.*s was not found",
		(int)id.n, id.p);
	return NULL;
}

/* In the new process: nothing of the server's is kept but the folder of objects, the report and the
   connection. */
static void run_in_child(const struct athena_query *q) NORETURN;
static void run_in_child(const struct athena_query *q)
{
	int report = fcntl(q->report, F_DUPFD, 100); /* out of the way of 3 and 4 */
	unsigned keep = (unsigned)PQsocket(q->pg->conn);

	s3_store_move_dir(4);
	report = dup2(report, 3);
	if (keep > 5)
		(void)close_range(5, keep - 1, 0);
	(void)close_range(keep + 1, ~0U, 0);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_DFL);
	athena_run(q, report);
}

/* A connection that an earlier query is through with, or a new one: to make one takes longer than
   most queries. One that has something to say was ended by the server. */
static struct pg *connection(void)
{
	while (athena.n_idle) {
		struct pg *pg = athena.idle[--athena.n_idle];
		struct pollfd fd = { .fd = PQsocket(pg->conn), .events = POLLIN };

		if (poll(&fd, 1, 0) == 0)
			return pg;
		pg_close(pg);
	}
	return pg_connect(athena.conninfo, "query");
}

static void begin(struct athena_query *q)
{
	offline_settle();
	q->pg = connection();
	q->report = tmpf_scratch();
	q->started = unix_now();
	q->state = ATHENA_RUNNING;
	q->pid = fork();
	if (q->pid < 0)
		die_errno(EX_TEMP, "cannot start a process for a query");
	if (q->pid == 0)
		run_in_child(q);
}

static struct sl keep(struct athena_query *q, struct sl s)
{
	return arena_dup(&q->mem, s);
}

/* Registers an object the query wrote; the names tell what it is. */
static void take_file(struct athena_query *q, uint64_t file, struct sl location, struct sl name)
{
	struct str key = { 0 }, url = { 0 };
	const char *slash = memchr(location.p + 5, '/', location.n - 5);
	struct sl bucket = { location.p + 5, (size_t)(slash - location.p - 5) };
	unsigned char digest[64];
	struct str etag = { 0 };
	struct s3_bucket *b = s3_bucket_get(bucket, q->account, q->region);

	str_add(&key, (struct sl){ slash + 1, location.n - (size_t)(slash + 1 - location.p) });
	str_add(&key, name);
	str_add(&url, location);
	str_add(&url, name);
	/* an entity tag says no more than which content it is */
	crypt_add_hex(&etag, digest, crypt_digest("MD5", digest, str_sl(&url)));
	(void)s3_store_put_file(b, str_sl(&key), file, str_z(&etag));
	str_free(&etag);
	if (name.n > 13 && memcmp(name.p + name.n - 13, "-manifest.csv", 13) == 0) {
		q->manifest = keep(q, str_sl(&url));
	} else if (name.n > 4 && memcmp(name.p + name.n - 4, ".csv", 4) == 0) {
		q->result_file = file;
		str_addz(&key, ".metadata");
		(void)s3_store_put(b, str_sl(&key), q->id);
	}
	str_free(&key);
	str_free(&url);
}

static void take_report(struct athena_query *q, struct sl text)
{
	const char *why;
	size_t at;
	struct json *j = json_parse(&q->mem, text, &why, &at);
	struct sl statement = SL("");
	char *name;

	if (!j || json_get_str(j, "error", &q->reason)) {
		q->state = ATHENA_FAILED;
		if (!j)
			q->reason = SL("GENERIC_INTERNAL_ERROR: the query's process died");
		return;
	}
	(void)json_get_str(j, "statement", &statement);
	(void)json_get_u64(j, "rows", &q->rows);
	(void)json_get_u64(j, "scanned", &q->scanned);
	name = arena_alloc(&q->mem, statement.n + 1);
	memcpy(name, statement.p, statement.n);
	name[statement.n] = '\0';
	q->statement = name;
	for (const struct json *c = json_get(j, "columns")->child; c; c = c->next)
		fields_add(&q->columns, c->child->text, c->child->next->text);
	for (const struct json *f = json_get(j, "files")->child; f; f = f->next) {
		uint64_t file = 0;

		if (num_u64(f->child->text, &file))
			take_file(q, file, f->child->next->text, f->child->next->next->text);
	}
	q->state = ATHENA_SUCCEEDED;
}

static void finish(struct athena_query *q, int status)
{
	struct str text = { 0 };
	ssize_t got;

	athena.open--;
	q->pid = 0;
	q->completed = unix_now();
	(void)lseek(q->report, 0, SEEK_SET);
	while ((got = read(q->report, str_room(&text, 65536), 65536)) > 0)
		text.n += (size_t)got;
	(void)close(q->report);
	if (q->state != ATHENA_CANCELLED)
		take_report(q, WIFEXITED(status) && WEXITSTATUS(status) == 0
				       ? arena_dup(&q->mem, str_sl(&text))
				       : SL(""));
	str_free(&text);
	/* After anything else nobody knows where the new process had got to in it. */
	if (q->state == ATHENA_SUCCEEDED) {
		mem_grow(&athena.idle, &athena.idle_cap, athena.n_idle + 1, sizeof(struct pg *));
		athena.idle[athena.n_idle++] = q->pg;
	} else {
		pg_close(q->pg);
	}
	q->pg = NULL;
}

void athena_poll(void)
{
	int status;

	for (size_t i = athena.n; athena.open && i-- > 0;) {
		struct athena_query *q = athena.v[i];

		if (q->state == ATHENA_QUEUED && q->submitted + athena.delay <= unix_now())
			begin(q);
		else if (q->pid && waitpid(q->pid, &status, WNOHANG) == q->pid)
			finish(q, status);
	}
}

void athena_stop_all(void)
{
	int status;

	for (size_t i = 0; i < athena.n; i++)
		if (athena.v[i]->pid) {
			(void)kill(athena.v[i]->pid, SIGKILL);
			(void)waitpid(athena.v[i]->pid, &status, 0);
		}
}

static size_t characters(struct sl s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool check_token(struct exchange *x, struct sl token)
{
	if (!token.p)
		return exchange_fail(
			x, 400, "InvalidRequestException", "clientRequestToken is null or empty");
	if (characters(token) < 32 || characters(token) > 128)
		return exchange_fail(x, 400, "InvalidRequestException",
			"1 validation error detected: Value at 'clientRequestToken' failed to "
			"satisfy "
			"constraint: Member must have length %s",
			characters(token) < 32 ? "greater than or equal to 32"
					       : "less than or equal to 128");
	return true;
}

static bool check_query(struct exchange *x, struct sl sql)
{
	if (!sql.n)
		return exchange_fail(x, 400, "InvalidRequestException",
			"1 validation error detected: Value at 'queryString' failed to satisfy "
			"constraint: "
			"Member must have length greater than or equal to 1");
	if (sql.n > MAX_QUERY)
		return exchange_fail(x, 400, "InvalidRequestException",
			"1 validation error detected: Value at 'queryString' failed to satisfy "
			"constraint: "
			"Member must have length less than or equal to 262144");
	return true;
}

/* Where results go: what the workgroup enforces, else what the request says, else the workgroup's.
 */
static bool find_location(struct exchange *x, struct athena_query *q, const struct json *in)
{
	const struct work_group *w = athena_work_group(q->work_group);
	struct sl location = SL("");

	if (!w)
		return exchange_fail(x, 400, "InvalidRequestException", "WorkGroup is not found.");
	(void)json_get_str(json_get(in, "ResultConfiguration"), "OutputLocation", &location);
	q->asked_location = keep(q, location);
	if (w->location && (w->enforced || !location.n))
		location = sl_of(w->location);
	if (!location.n)
		return exchange_fail(x, 400, "InvalidRequestException",
			"No output location provided. You did not provide an output location for  "
			"your "
			"query results. Either specify an S3 bucket location or enable Athena "
			"managed "
			"query results in your workgroup settings.");
	if (location.n < 6 || memcmp(location.p, "s3://", 5) != 0 || location.p[5] == '/')
		return exchange_fail(x, 400, "InvalidRequestException",
			"outputLocation is not a valid S3 path.");
	q->location = keep(q, exchange_printf(x, "%.*s%s", (int)location.n, location.p,
				      location.p[location.n - 1] == '/' ? "" : "/"));
	return true;
}

static void take_parameters(struct athena_query *q, const struct json *list)
{
	if (!list)
		return;
	q->parameters = arena_alloc(&q->mem, mem_mul(list->n + 1, sizeof *q->parameters));
	for (const struct json *p = list->child; p; p = p->next)
		if (p->kind == J_STR)
			q->parameters[q->n_parameters++] = keep(q, p->text);
}

static bool same_request(const struct athena_query *a, const struct athena_query *b)
{
	return sl_eq(a->sql, b->sql) && sl_eq(a->database, b->database) &&
	       sl_eq(a->catalog, b->catalog) && sl_eq(a->asked_location, b->asked_location);
}

/* The query a token stands for already; NULL: none. */
static struct athena_query *by_token(const struct athena_query *q)
{
	for (size_t i = 0; i < athena.n; i++)
		if (sl_eq(athena.v[i]->token, q->token) &&
			sl_eq(athena.v[i]->account, q->account) &&
			sl_eq(athena.v[i]->region, q->region))
			return athena.v[i];
	return NULL;
}

static void query_free(struct athena_query *q)
{
	arena_free(&q->mem);
	mem_free(q);
}

static struct athena_query *read_query(struct exchange *x, const struct json *in)
{
	struct athena_query *q = mem_zalloc(sizeof *q);
	const struct json *context = json_get(in, "QueryExecutionContext");
	struct sl token = { NULL, 0 }, sql = SL(""), database = SL(""), catalog = SL("");
	struct sl work_group = SL("primary");
	char id[UUID_TEXT];

	(void)json_get_str(in, "ClientRequestToken", &token);
	(void)json_get_str(in, "QueryString", &sql);
	(void)json_get_str(in, "WorkGroup", &work_group);
	(void)json_get_str(context, "Database", &database);
	(void)json_get_str(context, "Catalog", &catalog);
	crypt_uuid(id);
	*q = (struct athena_query){ .submitted = unix_now(), .kind = "DML", .statement = "SELECT" };
	q->id = keep(q, (struct sl){ id, UUID_TEXT - 1 });
	q->account = keep(q, x->account);
	q->region = keep(q, x->region);
	q->sql = keep(q, sql);
	q->database = keep(q, database);
	q->catalog = keep(q, catalog);
	q->work_group = keep(q, work_group);
	take_parameters(q, json_get(in, "ExecutionParameters"));
	if (check_token(x, token) && check_query(x, sql) && find_location(x, q, in)) {
		q->token = keep(q, token);
		return q;
	}
	query_free(q);
	return NULL;
}

void athena_start_query(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct athena_query *q = in ? read_query(x, in) : NULL, *before;

	if (!q)
		return;
	before = by_token(q);
	if (before && !same_request(before, q)) {
		(void)exchange_fail(
			x, 400, "InvalidRequestException", "Idempotent parameters do not match");
		query_free(q);
		return;
	}
	put_member(&x->out, "QueryExecutionId", before ? before->id : q->id);
	str_addc(&x->out, '}');
	if (before) {
		query_free(q);
		return;
	}
	mem_grow(&athena.v, &athena.cap, athena.n + 1, sizeof(struct athena_query *));
	athena.v[athena.n++] = q;
	athena.open++;
	if (athena.delay == 0)
		begin(q);
}

void athena_stop_query(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl id = SL("");
	struct athena_query *q;
	int status;

	(void)json_get_str(in, "QueryExecutionId", &id);
	q = in ? athena_find(x, id) : NULL;
	if (!q)
		return;
	str_addz(&x->out, "{}");
	if (q->state != ATHENA_QUEUED && q->state != ATHENA_RUNNING)
		return;
	q->state = ATHENA_CANCELLED;
	q->completed = unix_now();
	q->reason = SL("Query cancelled by user");
	if (!q->pid) {
		athena.open--;
		return;
	}
	(void)kill(q->pid, SIGKILL);
	while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR)
		;
	finish(q, status);
}
