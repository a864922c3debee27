#include "fs/featurestore.h"

#include "aws/uri.h"
#include "fs/fs_group.h"

static const char json_type[] = "application/json";

/* ---- control plane ------------------------------------------------------------------------- */

const struct json *fs_control(struct aws *a, const char *operation, struct sl body,
	struct arena *mem, struct aws_error *e)
{
	return aws_do_json(a, AWS_SAGEMAKER, operation, body, mem, e);
}

struct sl fs_feature_description(struct aws *a, struct sl group, struct sl feature,
	struct arena *mem, struct aws_error *e)
{
	AUTO_STR body = {0};
	const struct json *answer;

	*e = (struct aws_error){0};
	str_addc(&body, '{');
	str_add_member(&body, "FeatureGroupName", group);
	str_add_member(&body, "FeatureName", feature);
	str_addc(&body, '}');
	answer = fs_control(a, "DescribeFeatureMetadata", str_sl(&body), mem, e);
	return answer ? json_text(answer, "Description") : SL("");
}

bool fs_next_page(const char *operation, const struct json *page, struct str *token,
	struct aws_error *e)
{
	const struct json *member = json_get(page, "NextToken");
	struct sl next = SL("");
	bool odd = member && member->kind != J_NULL && !json_get_str(page, "NextToken", &next);

	if (odd || (next.n && sl_eq(next, str_sl(token))))
		return aws_error_bad(e, operation, "%s",
			odd ? "its NextToken is no text" : "behind a page is the same page");
	str_set(token, next);
	return true;
}

/* The first page's text with the features of all pages in place of its own. */
static void merge_pages(struct str *doc, const struct json *first, const struct str *features)
{
	static const char *const all[] = { NULL };

	str_clear(doc);
	str_addc(doc, '{');
	for (const struct json *m = first->child; m; m = m->next) {
		if (sl_eq_str(m->key, "FeatureDefinitions") || sl_eq_str(m->key, "NextToken"))
			continue;
		str_add_json(doc, m->key);
		str_addc(doc, ':');
		if (m->raw.n)
			str_add(doc, m->raw);
		else
			json_put_without(doc, m, all);
		str_addc(doc, ',');
	}
	str_addf(doc, "\"FeatureDefinitions\":[%s]}", str_z(features));
}

static void add_features(struct str *list, const struct json *page)
{
	for (const struct json *d = json_first(page, "FeatureDefinitions"); d; d = d->next) {
		if (list->n)
			str_addc(list, ',');
		str_add(list, d->raw);
	}
}

/* The text of the whole description; false with *e set. */
static bool describe_pages(struct aws *a, struct sl group, struct str *doc, struct aws_error *e)
{
	AUTO_STR body = {0}, features = {0}, token = {0};
	AUTO_ARENA mem = {0};
	const struct json *first = NULL, *page;

	do {
		str_clear(&body);
		str_addc(&body, '{');
		str_add_member(&body, "FeatureGroupName", group);
		if (token.n)
			str_add_member(&body, "NextToken", str_sl(&token));
		str_addc(&body, '}');
		page = fs_control(a, "DescribeFeatureGroup", str_sl(&body), &mem, e);
		if (page && !fs_next_page("DescribeFeatureGroup", page, &token, e))
			page = NULL;
		if (!page)
			break;
		if (!first)
			first = page;
		add_features(&features, page);
	} while (token.n);
	if (page)
		merge_pages(doc, first, &features);
	return page != NULL;
}

/* The group that was asked for, by its name or its ARN? */
static bool is_asked(struct sl asked, struct sl name)
{
	const char *slash = memrchr(asked.p, '/', asked.n);

	if (slash)
		asked = (struct sl){slash + 1, (size_t)(asked.p + asked.n - slash) - 1};
	return sl_alike(asked, name);
}

bool fs_describe(struct aws *a, struct sl group, struct fs_group *g, struct aws_error *e)
{
	AUTO_STR doc = {0};
	const char *why = NULL;
	bool good = describe_pages(a, group, &doc, e);

	if (good)
		why = fs_group_parse(g, str_sl(&doc));
	if (good && !why && !is_asked(group, g->name))
		why = "it describes another group";
	if (why)
		aws_error_bad(e, "DescribeFeatureGroup", "%s", why);
	return good && !why;
}

bool fs_list(struct aws *a, struct sl contains, fs_summary_fn *each, void *ctx, struct aws_error *e)
{
	AUTO_STR body = {0}, token = {0};
	AUTO_ARENA mem = {0};
	const struct json *page, *s;
	bool more = true;

	do {
		str_clear(&body);
		arena_reset(&mem);
		str_addz(&body, "{\"MaxResults\":100");
		if (contains.n)
			str_add_member(&body, "NameContains", contains);
		if (token.n)
			str_add_member(&body, "NextToken", str_sl(&token));
		str_addc(&body, '}');
		page = fs_control(a, "ListFeatureGroups", str_sl(&body), &mem, e);
		for (s = json_first(page, "FeatureGroupSummaries"); s && more; s = s->next)
			more = each(ctx, s);
		if (page && !fs_next_page("ListFeatureGroups", page, &token, e))
			page = NULL;
	} while (page && more && token.n);
	return page != NULL;
}

/* ---- bodies -------------------------------------------------------------------------------- */

void fs_target_init(struct fs_target *t, struct sl group)
{
	t->group = group;
	str_clear(&t->path);
	str_addz(&t->path, "/FeatureGroup/");
	uri_encode(&t->path, group, false);
}

void fs_target_free(struct fs_target *t)
{
	str_free(&t->path);
}

void fs_put_begin(struct str *body)
{
	str_set(body, SL("{\"Record\":["));
}

static void put_how(struct str *body, const struct fs_how *how)
{
	if (how && (how->online_only || how->offline_only))
		str_addf(body, ",\"TargetStores\":[\"%s\"]",
			how->online_only ? "OnlineStore" : "OfflineStore");
	if (how && how->ttl) {
		str_add(body, SL(",\"TtlDuration\":{\"Unit\":"));
		str_add_json(body, how->ttl_unit);
		str_addf(body, ",\"Value\":%llu}", (unsigned long long)how->ttl);
	}
}

void fs_put_end(struct str *body, const struct fs_how *how)
{
	str_addc(body, ']');
	put_how(body, how);
	str_addc(body, '}');
}

void fs_entry_begin(struct str *body, struct sl group)
{
	str_add(body, body->n ? SL(",{\"FeatureGroupName\":")
			      : SL("{\"Entries\":[{\"FeatureGroupName\":"));
	str_add_json(body, group);
	str_add(body, SL(",\"Record\":["));
}

/* ---- calls --------------------------------------------------------------------------------- */

static void runtime_call(struct aws_call *c, const char *operation, const char *method,
	struct sl path, struct sl body)
{
	*c = (struct aws_call){.service = AWS_FEATURESTORE,
		.operation = operation,
		.method = method,
		.path = path,
		.body = body,
		.repeatable = true};
	if (body.n)
		c->content_type = sl_of(json_type);
}

void fs_put_call(struct aws_call *c, const struct fs_target *t, struct sl body)
{
	runtime_call(c, "PutRecord", "PUT", str_sl(&t->path), body);
}

void fs_batch_write_call(struct aws_call *c, struct str *entries)
{
	str_add(entries, SL("]}"));
	runtime_call(c, "BatchWriteRecord", "POST", SL("/BatchWriteRecord"), str_sl(entries));
}

void fs_delete_call(struct aws_call *c, const struct fs_target *t, struct sl id,
	struct sl event_time, const struct fs_how *how, bool hard, struct str *query)
{
	str_clear(query);
	uri_query(query, SL("RecordIdentifierValueAsString"), id);
	uri_query(query, SL("EventTime"), event_time);
	if (how && how->online_only)
		uri_query(query, SL("TargetStores"), SL("OnlineStore"));
	if (how && how->offline_only)
		uri_query(query, SL("TargetStores"), SL("OfflineStore"));
	if (hard)
		uri_query(query, SL("DeletionMode"), SL("HardDelete"));
	runtime_call(c, "DeleteRecord", "DELETE", str_sl(&t->path), SL(""));
	c->query = str_sl(query);
}

void fs_get_call(struct aws_call *c, const struct fs_target *t, struct sl id,
	const struct sl *names, size_t n_names, struct str *query)
{
	str_clear(query);
	uri_query(query, SL("RecordIdentifierValueAsString"), id);
	for (size_t i = 0; i < n_names; i++)
		uri_query(query, SL("FeatureName"), names[i]);
	runtime_call(c, "GetRecord", "GET", str_sl(&t->path), SL(""));
	c->query = str_sl(query);
}

static void add_list(struct str *body, const char *member, const struct sl *v, size_t n)
{
	str_addf(body, ",\"%s\":", member);
	for (size_t i = 0; i < n; i++) {
		str_addc(body, i ? ',' : '[');
		str_add_json(body, v[i]);
	}
	str_addc(body, ']');
}

void fs_batch_get_call(struct aws_call *c, struct sl group, const struct sl *ids, size_t n_ids,
	const struct sl *names, size_t n_names, struct str *body)
{
	str_set(body, SL("{\"Identifiers\":[{\"FeatureGroupName\":"));
	str_add_json(body, group);
	add_list(body, "RecordIdentifiersValueAsString", ids, n_ids);
	if (n_names)
		add_list(body, "FeatureNames", names, n_names);
	str_add(body, SL("}]}"));
	runtime_call(c, "BatchGetRecord", "POST", SL("/BatchGetRecord"), str_sl(body));
}

void fs_list_records_call(struct aws_call *c, const struct fs_target *t, struct sl token,
	bool soft_deleted, struct str *path, struct str *body)
{
	str_clear(path);
	str_clear(body);
	str_add(path, str_sl(&t->path));
	str_addz(path, "/ListRecords");
	str_addf(body, "{\"MaxResults\":%d", FS_LIST_MAX);
	if (token.n)
		str_add_member(body, "NextToken", token);
	if (soft_deleted)
		str_addz(body, ",\"IncludeSoftDeletedRecords\":true");
	str_addc(body, '}');
	runtime_call(c, "ListRecords", "POST", str_sl(path), str_sl(body));
}

/* ---- answers ------------------------------------------------------------------------------- */

bool fs_call_is_missing(const struct aws_error *e)
{
	return e->class == AWS_FORBIDDEN || strstr(e->code, "UnknownOperation") ||
	       strstr(e->code, "MissingAuthentication") || strstr(e->code, "Unsupported") ||
	       (e->class == AWS_NOT_FOUND && strcmp(e->code, "ResourceNotFound") != 0) ||
	       e->status == 405 || e->status == 501;
}

bool fs_feature_value(
	const struct json *fv, struct sl *name, struct sl *value, const struct json **list)
{
	const struct json *v = json_get(fv, "ValueAsString");

	*value = SL("");
	*list = NULL;
	if (!json_get_str(fv, "FeatureName", name))
		return false;
	if (v && v->kind == J_STR) {
		*value = v->text;
		return true;
	}
	*list = json_get(fv, "ValueAsStringList");
	return *list && (*list)->kind == J_ARR;
}

bool fs_record_value(const struct json *record, struct sl name, struct sl *value)
{
	const struct json *list;
	struct sl got;

	for (const struct json *fv = record ? record->child : NULL; fv; fv = fv->next)
		if (fs_feature_value(fv, &got, value, &list) && sl_eq(got, name))
			return list == NULL;
	return false;
}
