#include "aws/athena.h"

#include "aws/crypto.h"
#include "core/clock.h"
#include "stream/json.h"

#define POLL_FIRST_US INT64_C(50000)
#define POLL_MOST_US INT64_C(2000000)

void athena_token(const struct athena_query *q, struct sl run, char token[65])
{
	const struct sl part[] = {run, q->sql, q->database, q->catalog, q->workgroup, q->output};
	AUTO_STR all = {0};

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		str_addu(&all, part[i].n); /* so that no two lists of parts look the same */
		str_addc(&all, ':');
		str_add(&all, part[i]);
	}
	crypto_sha256_hex(str_sl(&all), token);
	token[CRYPTO_HEX_LEN] = '\0';
}

static const struct json *call(struct aws *a, const char *operation, const struct str *body,
	struct arena *mem, struct aws_error *e)
{
	return aws_do_json(a, AWS_ATHENA, operation, str_sl(body), mem, e);
}

static void add_member(struct str *s, const char *name, struct sl text)
{
	if (text.n > 0)
		str_add_member(s, name, text);
}

static void start_body(struct str *s, const struct athena_query *q)
{
	str_addc(s, '{');
	add_member(s, "QueryString", q->sql);
	add_member(s, "ClientRequestToken", q->token);
	if (q->database.n || q->catalog.n) {
		str_addz(s, ",\"QueryExecutionContext\":{");
		add_member(s, "Database", q->database);
		add_member(s, "Catalog", q->catalog);
		str_addc(s, '}');
	}
	add_member(s, "WorkGroup", q->workgroup);
	if (q->output.n) {
		str_addz(s, ",\"ResultConfiguration\":{");
		add_member(s, "OutputLocation", q->output);
		str_addc(s, '}');
	}
	str_addc(s, '}');
}

bool athena_start(struct aws *a, const struct athena_query *q, char id[80], struct aws_error *e)
{
	AUTO_STR body = {0};
	AUTO_ARENA mem = {0};
	const struct json *o;
	struct sl got;
	bool good;

	start_body(&body, q);
	o = call(a, "StartQueryExecution", &body, &mem, e);
	good = o && json_get_str(o, "QueryExecutionId", &got) && got.n > 0 && got.n < 80;
	if (good) {
		memcpy(id, got.p, got.n);
		id[got.n] = '\0';
	} else if (o) {
		aws_error_bad(e, "StartQueryExecution", "no QueryExecutionId in it");
	}
	return good;
}

/* ---- state --------------------------------------------------------------------------------- */

static bool parse_state(struct sl text, enum athena_state *state)
{
	static const char *const name[] = {[ATHENA_QUEUED] = "QUEUED",
		[ATHENA_RUNNING] = "RUNNING",
		[ATHENA_SUCCEEDED] = "SUCCEEDED",
		[ATHENA_FAILED] = "FAILED",
		[ATHENA_CANCELLED] = "CANCELLED"};

	int i = sl_index(text, name, ARRAY_LEN(name));

	if (i >= 0)
		*state = (enum athena_state)i;
	return i >= 0;
}

static bool read_execution(const struct json *x, struct athena_execution *out)
{
	const struct json *status = json_get(x, "Status"), *stat = json_get(x, "Statistics");
	const struct json *error = json_get(status, "AthenaError");

	*out = (struct athena_execution){.id = json_text(x, "QueryExecutionId"),
		.reason = json_text(status, "StateChangeReason"),
		.output = json_text(json_get(x, "ResultConfiguration"), "OutputLocation"),
		.manifest = json_text(stat, "DataManifestLocation"),
		.workgroup = json_text(x, "WorkGroup")};
	if (out->reason.n == 0)
		out->reason = json_text(error, "ErrorMessage");
	out->retryable = json_is_true(error, "Retryable");
	(void)json_get_u64(stat, "DataScannedInBytes", &out->scanned_bytes);
	(void)json_get_i64(stat, "QueryQueueTimeInMillis", &out->queue_ms);
	(void)json_get_i64(stat, "EngineExecutionTimeInMillis", &out->engine_ms);
	(void)json_get_i64(stat, "TotalExecutionTimeInMillis", &out->total_ms);
	return parse_state(json_text(status, "State"), &out->state);
}

static void id_body(struct str *s, const char *id)
{
	str_addz(s, "{\"QueryExecutionId\":");
	str_add_json(s, sl_of(id));
	str_addc(s, '}');
}

static bool get(struct aws *a, const char *id, struct arena *mem, struct athena_execution *x,
	struct aws_error *e)
{
	AUTO_STR body = {0};
	const struct json *o;
	bool good;

	id_body(&body, id);
	o = call(a, "GetQueryExecution", &body, mem, e);
	good = o && read_execution(json_get(o, "QueryExecution"), x);
	if (good && x->id.n && !sl_eq_str(x->id, id)) {
		aws_error_bad(e, "GetQueryExecution", "no state of this query in it");
		good = false;
	} else if (o && !good)
		aws_error_bad(e, "GetQueryExecution", "no known State in it");
	return good;
}

bool athena_stop(struct aws *a, const char *id, struct aws_error *e)
{
	AUTO_STR body = {0};
	AUTO_ARENA mem = {0};

	aws_resume(a);
	id_body(&body, id);
	return call(a, "StopQueryExecution", &body, &mem, e) != NULL;
}

bool athena_wait(struct aws *a, const char *id, int64_t timeout_us, athena_tick_fn *tick, void *ctx,
	struct arena *mem, struct athena_execution *x, struct aws_error *e)
{
	int64_t began = clock_monotonic(), pause = POLL_FIRST_US;
	struct aws_error ignored = {0};

	for (;;) {
		arena_reset(mem);
		if (!get(a, id, mem, x, e))
			break;
		if (tick)
			tick(ctx, x);
		if (x->state != ATHENA_QUEUED && x->state != ATHENA_RUNNING)
			return true;
		if (timeout_us && clock_monotonic() - began >= timeout_us) {
			*e = (struct aws_error){.operation = "GetQueryExecution"};
			aws_error_set(e, AWS_STOPPED, "timeout", "query %s was stopped", id);
			break;
		}
		clock_sleep(pause); /* a signal ends it early; the next call then ends as stopped */
		pause = 2 * pause < POLL_MOST_US ? 2 * pause : POLL_MOST_US;
	}
	if (!athena_stop(a, id, &ignored)) /* what nobody waits for shall not cost */
		msg_warn("query %s may still be running: %s", id, aws_error_text(&ignored));
	return false;
}

bool athena_rows(struct aws *a, const char *id, uint64_t *rows, bool *known, struct aws_error *e)
{
	AUTO_STR body = {0};
	AUTO_ARENA mem = {0};
	const struct json *o;

	id_body(&body, id);
	o = call(a, "GetQueryRuntimeStatistics", &body, &mem, e);
	*known = json_get_u64(
		json_get(json_get(o, "QueryRuntimeStatistics"), "Rows"), "OutputRows", rows);
	return o != NULL;
}

bool athena_workgroup_output(
	struct aws *a, struct sl workgroup, struct str *dst, bool *enforced, struct aws_error *e)
{
	AUTO_STR body = {0};
	AUTO_ARENA mem = {0};
	const struct json *o, *conf;

	str_addc(&body, '{');
	add_member(&body, "WorkGroup", workgroup.n ? workgroup : SL("primary"));
	str_addc(&body, '}');
	o = call(a, "GetWorkGroup", &body, &mem, e);
	conf = json_get(json_get(o, "WorkGroup"), "Configuration");
	*enforced = json_is_true(conf, "EnforceWorkGroupConfiguration");
	str_add(dst, json_text(json_get(conf, "ResultConfiguration"), "OutputLocation"));
	return o != NULL;
}
