/* From a request to the operation it asks for, through authentication. */
#include "athena.h"
#include "control.h"
#include "crypt.h"
#include "faults.h"
#include "service.h"
#include "sigv4.h"
#include "sigv4_refuse.h"
#include "uri.h"

static const struct {
	const char *prefix; /* of X-Amz-Target */
	const char *service;
	const struct operation *operations;
} targets[] = {
	{ "SageMaker.", "sagemaker", sagemaker_operations },
	{ "AmazonAthena.", "athena", athena_operations },
	{ "AWSGlue.", "glue", glue_operations },
};

static const struct operation *by_name(const struct operation *table, struct sl name)
{
	for (; table->name; table++)
		if (sl_eq_str(name, table->name))
			return table;
	return NULL;
}

static const struct operation *by_target(struct exchange *x, struct sl target)
{
	x->protocol = PROTO_JSON;
	x->service = "sagemaker";
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		size_t n = strlen(targets[i].prefix);

		if (target.n < n || memcmp(target.p, targets[i].prefix, n) != 0)
			continue;
		x->service = targets[i].service;
		return by_name(targets[i].operations, (struct sl){ target.p + n, target.n - n });
	}
	return NULL;
}

static bool begins(struct sl s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static struct sl form_action(struct exchange *x)
{
	struct fields f = { 0 };
	struct sl action = SL("");

	uri_parse_query(&x->mem, str_sl(&x->body), &f);
	for (size_t i = 0; i < f.n; i++)
		if (sl_eq(f.v[i].name, SL("Action")))
			action = f.v[i].value;
	mem_free(f.v);
	return action;
}

/*
 * One port serves all: the target header names a service, or else the scope of the signature does;
 * what is not signed is told by its form.
 */
static const struct operation *find_operation(struct exchange *x, const struct sigv4 *s)
{
	struct sl target = exchange_header(x, "x-amz-target");
	bool is_form =
		begins(exchange_header(x, "content-type"), "application/x-www-form-urlencoded");

	if (target.p)
		return by_target(x, target);
	if (sl_eq(s->service, SL("sts")) || (!s->service.p && is_form)) {
		x->service = "sts";
		x->protocol = PROTO_QUERY;
		return by_name(sts_operations, form_action(x));
	}
	if (sl_eq(s->service, SL("sagemaker")) || begins(x->path, "/FeatureGroup/") ||
		begins(x->path, "/Batch")) {
		x->service = "sagemaker";
		x->protocol = PROTO_REST;
		return runtime_route(x);
	}
	x->service = "s3";
	x->protocol = PROTO_S3;
	return s3_route(x);
}

static void add_common_headers(struct exchange *x)
{
	static const char *const types[] = { "application/x-amz-json-1.1", "application/json",
		"application/xml", "text/xml" };

	if (x->protocol == PROTO_S3) {
		exchange_add_header(x, "x-amz-request-id", sl_of(x->request_id));
		exchange_add_header(x, "x-amz-id-2", SL("sandbox"));
	} else {
		exchange_add_header(x, "x-amzn-RequestId", sl_of(x->request_id));
	}
	if (x->protocol != PROTO_S3 || x->error || (x->out.n && x->fd < 0))
		exchange_add_header(x, "Content-Type", sl_of(types[x->protocol]));
}

static void no_operation(struct exchange *x)
{
	if (x->protocol == PROTO_S3)
		(void)exchange_fail(x, 501, "NotImplemented",
			"A header or query you provided implies functionality that is not "
			"implemented");
	else if (x->protocol == PROTO_QUERY)
		(void)exchange_fail(
			x, 400, "InvalidAction", "Could not find operation for version 2011-06-15");
	else
		(void)exchange_fail(x, x->protocol == PROTO_JSON ? 400 : 404,
			"UnknownOperationException", "%s", "");
}

static bool authenticated(struct exchange *x, struct sigv4 *s, bool has_signature)
{
	if (x->operation && strcmp(x->operation, "AssumeRoleWithWebIdentity") == 0) {
		x->account = SL("");
		x->arn = SL("web identity");
		return true;
	}
	if (!has_signature)
		return refuse_missing(x);
	return sigv4_check(x, s, x->service, unix_now());
}

static void serve(struct exchange *x)
{
	struct sigv4 s;
	bool has_signature = sigv4_parse(x, &s);
	const struct operation *op = find_operation(x, &s);

	x->operation = op ? op->name : "unknown";
	if (authenticated(x, &s, has_signature)) {
		if (!op)
			no_operation(x);
		else if (!faults_before(x))
			op->run(x);
		faults_after(x);
	}
	sigv4_free(&s);
	add_common_headers(x);
}

void route(struct exchange *x)
{
	char uuid[UUID_TEXT];

	athena_poll();
	crypt_uuid(uuid);
	x->request_id = arena_dup(&x->mem, (struct sl){ uuid, sizeof uuid }).p;
	uri_parse_query(&x->mem, x->query, &x->params);
	if (metadata_serve(x))
		;
	else if (begins(x->path, "/_sandbox/"))
		control_serve(x);
	else
		serve(x);
	if (strcmp(x->operation, "control") != 0)
		counters_add(x);
	control_record(x);
}
