/* SageMaker Feature Store Runtime: routes and the operations on one record. */
#include "runtime.h"
#include "core/clock.h"
#include "core/num.h"
#include "offline.h"
#include "service.h"
#include "uri.h"

/* Second part of the path, decoded: the name of the group. */
static struct sl path_group(struct exchange *x)
{
	struct sl rest = x->path, part = SL("");

	for (int i = 0; i < 3; i++)
		if (!uri_next(&rest, '/', &part))
			return SL("");
	return uri_decode(&x->mem, part, false);
}

static void put_record(struct exchange *x)
{
	struct group *g = runtime_group(x, path_group(x), true);
	const struct json *in = g ? exchange_json(x) : NULL;
	struct put p;

	if (!in)
		return;
	if (runtime_check_put(x, g, in, NULL, &p))
		runtime_store(&p);
	else
		(void)exchange_fail(x, p.status, p.code, "%s", p.why.p);
}

static bool wanted(struct sl name, const struct sl *only, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sl_eq(name, only[i]))
			return true;
	return n == 0;
}

void runtime_put_record(
	struct exchange *x, const struct online_record *r, const struct sl *only, size_t n_only)
{
	struct sl text = arena_dup(&x->mem, (struct sl){ r->values, r->bytes });
	const char *why;
	size_t at;
	const struct json *list = n_only ? json_parse(&x->mem, text, &why, &at) : NULL;
	bool first = true;

	put_key(&x->out, "Record");
	if (!list) {
		str_add(&x->out, text);
		return;
	}
	str_addc(&x->out, '[');
	for (const struct json *v = list->child; v; v = v->next) {
		if (!wanted(json_get(v, "FeatureName")->text, only, n_only))
			continue;
		if (!first)
			str_addc(&x->out, ',');
		first = false;
		str_add(&x->out, v->raw);
	}
	str_addc(&x->out, ']');
}

void runtime_put_expiry(struct exchange *x, const struct online_record *r)
{
	char iso[CLOCK_TEXT_MAX];

	if (r->expires)
		put_member(&x->out, "ExpiresAt", (struct sl){ iso, put_iso(iso, r->expires) });
}

/* Repeated parameters of the query, at most `max`; how many there were. */
static size_t param_list(const struct exchange *x, const char *name, struct sl *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < x->params.n; i++)
		if (sl_eq_str(x->params.v[i].name, name) && n < max)
			out[n++] = x->params.v[i].value;
	return n;
}

static bool check_names(struct exchange *x, const struct group *g, const struct sl *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (names_find(&g->feature_names, names[i]) == NAMES_NONE)
			return exchange_fail(x, 400, "ValidationError",
				"Validation Error: Feature '%.*s' does not exist in FeatureGroup "
				"%.*s",
				(int)names[i].n, names[i].p, (int)g->name.n, g->name.p);
	return true;
}

static void get_record(struct exchange *x)
{
	struct group *g = runtime_group(x, path_group(x), false);
	struct sl id = exchange_param(x, "RecordIdentifierValueAsString");
	const struct online_record *r;
	struct sl *only;
	size_t n;

	if (!g)
		return;
	if (!id.n) {
		(void)exchange_invalid(x, "Value null at 'recordIdentifierValueAsString' failed to "
					  "satisfy constraint: Member must not be null");
		return;
	}
	if (!g->has_online) {
		(void)exchange_fail(x, 400, "ValidationError",
			"Validation Error: OnlineStore is not enabled for FeatureGroup %.*s",
			(int)g->name.n, g->name.p);
		return;
	}
	only = arena_alloc(&x->mem, mem_mul(x->params.n + 1, sizeof *only));
	n = param_list(x, "FeatureName", only, x->params.n);
	if (!check_names(x, g, only, n))
		return;
	r = online_get(g->online, id);
	str_addc(&x->out, '{');
	if (r && !r->soft_deleted) {
		runtime_put_record(x, r, only, n);
		if (sl_eq(exchange_param(x, "ExpirationTimeResponse"), SL("Enabled")))
			runtime_put_expiry(x, r);
	}
	str_addc(&x->out, '}');
}

/* The row a deletion leaves offline: identifier and event time, the rest null. */
static void append_marker(struct exchange *x, const struct put *p, struct sl event_time)
{
	struct sl *values = arena_alloc(&x->mem, mem_mul(p->g->n_features, sizeof *values));

	memset(values, 0, p->g->n_features * sizeof *values);
	values[p->g->id] = p->id;
	values[p->g->event_time] = event_time;
	if (!p->g->blocked.n)
		offline_append(p->g->offline, values, p->time, true);
}

static bool read_delete(struct exchange *x, struct put *p, struct sl event_time, bool *hard)
{
	struct sl mode = exchange_param(x, "DeletionMode"), targets[3];
	size_t n = param_list(x, "TargetStores", targets, ARRAY_LEN(targets));
	int64_t i;

	*hard = sl_eq(mode, SL("HardDelete"));
	if (mode.p && !*hard && !sl_eq(mode, SL("SoftDelete")))
		return runtime_refuse(x, p,
			"Value '%.*s' at 'deletionMode' failed to satisfy constraint: "
			"Member must satisfy enum value set: [SoftDelete, HardDelete]",
			(int)mode.n, mode.p);
	if (!p->id.n || !event_time.n)
		return runtime_refuse(x, p,
			"Value null at '%s' failed to satisfy constraint: Member must "
			"not be null",
			p->id.n ? "eventTime" : "recordIdentifierValueAsString");
	if (p->g->features[p->g->id].type == FEATURE_INTEGRAL && !num_i64(p->id, &i))
		return runtime_refuse(
			x, p, "RecordIdentifierValueAsString is not of type Integral");
	return runtime_event_time(x, p->g, event_time, p) &&
	       runtime_targets(x, p->g, targets, n, p);
}

static void delete_record(struct exchange *x)
{
	struct put p = { .g = runtime_group(x, path_group(x), true),
		.id = exchange_param(x, "RecordIdentifierValueAsString") };
	struct sl event_time = exchange_param(x, "EventTime");
	const struct online_record *r;
	bool hard;

	if (!p.g)
		return;
	if (!read_delete(x, &p, event_time, &hard)) {
		(void)exchange_fail(x, p.status, p.code, "%s", p.why.p);
		return;
	}
	r = p.online ? online_get(p.g->online, p.id) : NULL;
	if (hard && r && event_time_cmp(p.time, r->time) <= 0) {
		(void)exchange_fail(x, 400, "ValidationError",
			"Validation Error: EventTime must be later than the EventTime of the "
			"existing record "
			"to hard delete it");
		return;
	}
	if (r && hard)
		online_remove(p.g->online, p.id);
	else if (r && event_time_cmp(p.time, r->time) > 0)
		(void)online_put(p.g->online, p.id, p.time, 0, true, SL("[]"));
	if (p.offline)
		append_marker(x, &p, event_time);
}

static bool read_list(struct exchange *x, const struct json *in, uint64_t *max, size_t *at)
{
	struct sl token = SL("");
	uint64_t place = 0;

	*max = 100;
	if (json_get(in, "MaxResults") &&
		(!json_get_u64(in, "MaxResults", max) || *max < 1 || *max > 100))
		return exchange_invalid(x,
			"Value '%llu' at 'maxResults' failed to satisfy constraint: "
			"Member must have value %s",
			(unsigned long long)*max,
			*max > 100 ? "less than or equal to 100" : "greater than or equal to 1");
	(void)json_get_str(in, "NextToken", &token);
	if (token.n > 3 && memcmp(token.p, "lr-", 3) == 0 &&
		num_u64((struct sl){ token.p + 3, token.n - 3 }, &place))
		*at = (size_t)place;
	else if (token.n)
		return exchange_fail(
			x, 400, "ValidationError", "Validation Error: Invalid NextToken");
	return true;
}

static void list_records(struct exchange *x)
{
	struct group *g = runtime_group(x, path_group(x), false);
	const struct json *in = g ? exchange_json(x) : NULL;
	const struct json *deleted = json_get(in, "IncludeSoftDeletedRecords");
	bool all = deleted && deleted->kind == J_TRUE;
	uint64_t max;
	size_t at = 0, more;
	struct sl id;

	if (!in || !read_list(x, in, &max, &at))
		return;
	if (!g->has_online) {
		(void)exchange_fail(x, 400, "ValidationError",
			"Validation Error: OnlineStore is not enabled for FeatureGroup %.*s",
			(int)g->name.n, g->name.p);
		return;
	}
	put_key(&x->out, "RecordIdentifiers");
	str_addc(&x->out, '[');
	for (uint64_t i = 0; i < max && online_next(g->online, &at, all, &id); i++) {
		if (i)
			str_addc(&x->out, ',');
		str_add_json(&x->out, id);
	}
	str_addc(&x->out, ']');
	more = at;
	if (online_next(g->online, &more, all, &id))
		put_member(&x->out, "NextToken", exchange_printf(x, "lr-%zu", at));
	str_addc(&x->out, '}');
}

const struct operation *runtime_route(struct exchange *x)
{
	static const struct {
		const char *method, *path; /* `path` may hold one * for the group */
		struct operation op;
	} routes[] = {
		{ "PUT", "/FeatureGroup/*", { "PutRecord", put_record } },
		{ "GET", "/FeatureGroup/*", { "GetRecord", get_record } },
		{ "DELETE", "/FeatureGroup/*", { "DeleteRecord", delete_record } },
		{ "POST", "/FeatureGroup/*/ListRecords", { "ListRecords", list_records } },
		{ "POST", "/BatchGetRecord", { "BatchGetRecord", runtime_batch_get } },
		{ "POST", "/BatchWriteRecord", { "BatchWriteRecord", runtime_batch_write } },
	};

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct sl want = sl_of(routes[i].path), path = x->path, w = SL(""), p = SL("");
		bool same = strcmp(x->method, routes[i].method) == 0;

		while (same && want.p)
			same = uri_next(&want, '/', &w) && uri_next(&path, '/', &p) &&
			       (sl_eq(w, SL("*")) ? p.n > 0 : sl_eq(w, p));
		if (same && !path.p)
			return &routes[i].op;
	}
	return NULL;
}
