/*
 * Athena: asking after queries, and workgroups. "primary" has no place for results; "enforced" has
 * one and insists on it; "located" has one for requests that name none.
 */
#include "athena_api.h"
#include "service.h"

static const struct work_group groups[] = {
	{ "primary", "", NULL, false },
	{ "located", "results go to a place of its own unless a request names one",
		"s3://sandbox-athena-results/located/", false },
	{ "enforced", "results always go to a place of its own",
		"s3://sandbox-athena-results/enforced/", true },
};

const struct work_group *athena_work_group(struct sl name)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (sl_eq_str(name, groups[i].name))
			return &groups[i];
	return NULL;
}

static const char *state_name(enum athena_state state)
{
	static const char *const names[] = { "QUEUED", "RUNNING", "SUCCEEDED", "FAILED",
		"CANCELLED" };

	return names[state];
}

static void put_status(struct str *s, const struct athena_query *q)
{
	put_key(s, "Status");
	str_addc(s, '{');
	put_member(s, "State", sl_of(state_name(q->state)));
	if (q->reason.n)
		put_member(s, "StateChangeReason", q->reason);
	put_seconds(s, "SubmissionDateTime", q->submitted);
	if (q->completed)
		put_seconds(s, "CompletionDateTime", q->completed);
	if (q->state == ATHENA_FAILED) {
		put_key(s, "AthenaError");
		str_addz(s, "{\"ErrorCategory\":2,\"ErrorType\":1006,\"Retryable\":false");
		put_member(s, "ErrorMessage", q->reason);
		str_addc(s, '}');
	}
	str_addc(s, '}');
}

static void put_statistics(struct str *s, const struct athena_query *q)
{
	int64_t end = q->completed ? q->completed : unix_now();
	int64_t start = q->started ? q->started : end;

	put_key(s, "Statistics");
	str_addc(s, '{');
	if (q->started)
		put_memberi(s, "EngineExecutionTimeInMillis", (end - start) / 1000);
	put_memberi(s, "DataScannedInBytes", (int64_t)q->scanned);
	if (q->manifest.n)
		put_member(s, "DataManifestLocation", q->manifest);
	put_memberi(s, "TotalExecutionTimeInMillis", (end - q->submitted) / 1000);
	put_memberi(s, "QueryQueueTimeInMillis", (start - q->submitted) / 1000);
	put_memberi(s, "ServiceProcessingTimeInMillis", 0);
	put_key(s, "ResultReuseInformation");
	str_addz(s, "{\"ReusedPreviousResult\":false}}");
}

static void put_query(struct exchange *x, const struct athena_query *q)
{
	struct str *s = &x->out;
	bool csv = strcmp(q->statement, "SELECT") == 0;

	put_member(s, "QueryExecutionId", q->id);
	put_member(s, "Query", q->sql);
	put_member(s, "StatementType",
		strcmp(q->statement, "UTILITY") == 0 ? SL("UTILITY") : SL("DML"));
	put_member(s, "SubstatementType", sl_of(q->statement));
	put_key(s, "ResultConfiguration");
	str_addc(s, '{');
	put_member(s, "OutputLocation",
		exchange_printf(x, "%.*s%.*s%s", (int)q->location.n, q->location.p, (int)q->id.n,
			q->id.p, csv ? ".csv" : ""));
	str_addc(s, '}');
	put_key(s, "QueryExecutionContext");
	str_addc(s, '{');
	if (q->database.n)
		put_member(s, "Database", q->database);
	if (q->catalog.n)
		put_member(s, "Catalog", q->catalog);
	str_addc(s, '}');
	put_status(s, q);
	put_statistics(s, q);
	put_member(s, "WorkGroup", q->work_group);
	put_key(s, "EngineVersion");
	str_addz(s, "{\"SelectedEngineVersion\":\"AUTO\",\"EffectiveEngineVersion\":"
		    "\"Athena engine version 3\"}}");
}

static struct athena_query *asked_query(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl id = SL("");

	(void)json_get_str(in, "QueryExecutionId", &id);
	return in ? athena_find(x, id) : NULL;
}

static void get_query(struct exchange *x)
{
	const struct athena_query *q = asked_query(x);

	if (!q)
		return;
	put_key(&x->out, "QueryExecution");
	str_addc(&x->out, '{');
	put_query(x, q);
	str_addc(&x->out, '}');
}

static void batch_get_query(struct exchange *x)
{
	const struct json *in = exchange_json(x), *ids = json_get(in, "QueryExecutionIds");
	bool first = true;

	if (!in)
		return;
	put_key(&x->out, "QueryExecutions");
	str_addc(&x->out, '[');
	for (const struct json *i = ids ? ids->child : NULL; i; i = i->next) {
		const struct athena_query *q = i->kind == J_STR ? athena_find(x, i->text) : NULL;

		if (!q)
			return;
		if (!first)
			str_addc(&x->out, ',');
		first = false;
		str_addc(&x->out, '{');
		put_query(x, q);
	}
	str_addz(&x->out, "],\"UnprocessedQueryExecutionIds\":[]}");
}

static void get_statistics(struct exchange *x)
{
	const struct athena_query *q = asked_query(x);
	int64_t end;

	if (!q)
		return;
	end = q->completed ? q->completed : unix_now();
	put_key(&x->out, "QueryRuntimeStatistics");
	str_addc(&x->out, '{');
	put_key(&x->out, "Timeline");
	str_addc(&x->out, '{');
	put_memberi(&x->out, "TotalExecutionTimeInMillis", (end - q->submitted) / 1000);
	str_addc(&x->out, '}');
	if (q->state == ATHENA_SUCCEEDED) {
		put_key(&x->out, "Rows");
		str_addc(&x->out, '{');
		put_memberi(&x->out, "InputBytes", (int64_t)q->scanned);
		put_memberi(&x->out, "OutputRows", (int64_t)q->rows);
		str_addc(&x->out, '}');
	}
	str_addz(&x->out, "}}");
}

static void put_work_group(struct str *s, const struct work_group *w)
{
	put_member(s, "Name", sl_of(w->name));
	put_member(s, "State", SL("ENABLED"));
	put_member(s, "Description", sl_of(w->description));
	put_key(s, "EngineVersion");
	str_addz(s, "{\"SelectedEngineVersion\":\"AUTO\",\"EffectiveEngineVersion\":"
		    "\"Athena engine version 3\"}");
}

static void list_work_groups(struct exchange *x)
{
	if (!exchange_json(x))
		return;
	put_key(&x->out, "WorkGroups");
	str_addc(&x->out, '[');
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		str_addz(&x->out, i ? ",{" : "{");
		put_work_group(&x->out, &groups[i]);
		str_addc(&x->out, '}');
	}
	str_addz(&x->out, "]}");
}

static void get_work_group(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl name = SL("");
	const struct work_group *w;

	(void)json_get_str(in, "WorkGroup", &name);
	w = athena_work_group(name);
	if (in && !w)
		(void)exchange_fail(x, 400, "InvalidRequestException", "WorkGroup is not found.");
	if (!in || !w)
		return;
	put_key(&x->out, "WorkGroup");
	str_addc(&x->out, '{');
	put_work_group(&x->out, w);
	put_key(&x->out, "Configuration");
	str_addc(&x->out, '{');
	put_key(&x->out, "ResultConfiguration");
	str_addc(&x->out, '{');
	if (w->location)
		put_member(&x->out, "OutputLocation", sl_of(w->location));
	str_addf(&x->out, "},\"EnforceWorkGroupConfiguration\":%s}}}",
		w->enforced ? "true" : "false");
}

const struct operation athena_operations[] = {
	{ "StartQueryExecution", athena_start_query },
	{ "StopQueryExecution", athena_stop_query },
	{ "GetQueryExecution", get_query },
	{ "BatchGetQueryExecution", batch_get_query },
	{ "GetQueryResults", athena_get_results },
	{ "GetQueryRuntimeStatistics", get_statistics },
	{ "ListWorkGroups", list_work_groups },
	{ "GetWorkGroup", get_work_group },
	OPERATION_END,
};
