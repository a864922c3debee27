/* BatchGetRecord and BatchWriteRecord: many records in one request, each with a fate of its own. */
#include "faults.h"
#include "runtime.h"

#define MAX_BATCH_GET 100
#define MAX_BATCH_WRITE 25

/* One record asked for: group, identifier, and the features wanted. */
struct wanted {
	struct sl group, id;
	struct sl *features;
	size_t n_features;
};

static struct sl *string_list(struct exchange *x, const struct json *list, size_t *n)
{
	struct sl *v = arena_alloc(&x->mem, mem_mul((list ? list->n : 0) + 1, sizeof *v));

	*n = 0;
	for (const struct json *e = list ? list->child : NULL; e; e = e->next)
		if (e->kind == J_STR)
			v[(*n)++] = e->text;
	return v;
}

static bool check_get(struct exchange *x, const struct json *in, size_t *n_records)
{
	const struct json *list = json_get(in, "Identifiers");

	*n_records = 0;
	if (!list || list->kind != J_ARR || list->n < 1)
		return exchange_invalid(x,
			"Value null at 'identifiers' failed to satisfy constraint: "
			"Member must not be null");
	for (const struct json *i = list->child; i; i = i->next) {
		const struct json *ids = json_get(i, "RecordIdentifiersValueAsString");
		struct sl name = SL("");

		(void)json_get_str(i, "FeatureGroupName", &name);
		if (!runtime_group(x, name, true))
			return false;
		if (!ids || ids->kind != J_ARR || ids->n < 1)
			return exchange_invalid(x,
				"Value null at 'identifiers.1.member."
				"recordIdentifiersValueAsString' failed to satisfy constraint: "
				"Member must not be null");
		*n_records += ids->n;
	}
	if (list->n > MAX_BATCH_GET || *n_records > MAX_BATCH_GET)
		return exchange_invalid(x,
			"Value at 'identifiers' failed to satisfy constraint: Member "
			"must have length less than or equal to %d",
			MAX_BATCH_GET);
	return true;
}

static void put_found(
	struct exchange *x, const struct wanted *w, const struct online_record *r, bool expiry)
{
	if (x->out.p[x->out.n - 1] != '[')
		str_addc(&x->out, ',');
	str_addc(&x->out, '{');
	put_member(&x->out, "FeatureGroupName", w->group);
	put_member(&x->out, "RecordIdentifierValueAsString", w->id);
	runtime_put_record(x, r, w->features, w->n_features);
	if (expiry)
		runtime_put_expiry(x, r);
	str_addc(&x->out, '}');
}

static void put_unprocessed(struct str *s, const struct wanted *w)
{
	if (s->n)
		str_addc(s, ',');
	str_addc(s, '{');
	put_member(s, "FeatureGroupName", w->group);
	put_key(s, "RecordIdentifiersValueAsString");
	str_addc(s, '[');
	str_add_json(s, w->id);
	str_addc(s, ']');
	for (size_t i = 0; i < w->n_features; i++) {
		if (i == 0) {
			put_key(s, "FeatureNames");
			str_addc(s, '[');
		} else {
			str_addc(s, ',');
		}
		str_add_json(s, w->features[i]);
	}
	str_addz(s, w->n_features ? "]}" : "}");
}

static void put_get_error(struct str *s, const struct wanted *w, const char *why)
{
	if (s->n)
		str_addc(s, ',');
	str_addc(s, '{');
	put_member(s, "FeatureGroupName", w->group);
	put_member(s, "RecordIdentifierValueAsString", w->id);
	put_member(s, "ErrorCode", SL("ValidationError"));
	put_member(s, "ErrorMessage", sl_of(why));
	str_addc(s, '}');
}

static void get_one(struct exchange *x, struct wanted *w, bool expiry, struct str *errors,
	struct str *unprocessed)
{
	struct group *g = runtime_group(x, w->group, true);
	const struct online_record *r;

	if (fault_happens(FAULT_UNPROCESSED)) {
		put_unprocessed(unprocessed, w);
		return;
	}
	if (!g->has_online) {
		put_get_error(errors, w, "Validation Error: OnlineStore is not enabled");
		return;
	}
	for (size_t i = 0; i < w->n_features; i++)
		if (names_find(&g->feature_names, w->features[i]) == NAMES_NONE) {
			put_get_error(errors, w, "Validation Error: a feature does not exist");
			return;
		}
	r = online_get(g->online, w->id);
	if (r && !r->soft_deleted)
		put_found(x, w, r, expiry);
}

void runtime_batch_get(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl expiration = SL("");
	struct str errors = { 0 }, unprocessed = { 0 };
	size_t n;

	if (!in || !check_get(x, in, &n))
		return;
	(void)json_get_str(in, "ExpirationTimeResponse", &expiration);
	put_key(&x->out, "Records");
	str_addc(&x->out, '[');
	for (const struct json *i = json_get(in, "Identifiers")->child; i; i = i->next) {
		struct wanted w = { 0 };
		const struct json *ids = json_get(i, "RecordIdentifiersValueAsString");

		(void)json_get_str(i, "FeatureGroupName", &w.group);
		w.features = string_list(x, json_get(i, "FeatureNames"), &w.n_features);
		for (const struct json *id = ids->child; id; id = id->next) {
			w.id = id->text;
			if (id->kind == J_STR)
				get_one(x, &w, sl_eq(expiration, SL("Enabled")), &errors,
					&unprocessed);
		}
	}
	str_addf(&x->out, "],\"Errors\":[%s],\"UnprocessedIdentifiers\":[%s]}", str_z(&errors),
		str_z(&unprocessed));
	str_free(&errors);
	str_free(&unprocessed);
}

static void put_write_error(
	struct str *s, const struct json *entry, const char *code, struct sl why)
{
	if (s->n)
		str_addc(s, ',');
	str_addz(s, "{\"Entry\":");
	str_add(s, entry->raw);
	put_member(s, "ErrorCode", sl_of(code));
	put_member(s, "ErrorMessage", why);
	str_addc(s, '}');
}

/* The service applies entries in any order; here it is theirs. */
static void write_one(struct exchange *x, const struct json *entry, const struct json *ttl,
	struct str *errors, struct str *unprocessed)
{
	struct sl name = SL("");
	struct put p;

	(void)json_get_str(entry, "FeatureGroupName", &name);
	if (fault_happens(FAULT_UNPROCESSED) || !fault_write_allowed()) {
		if (unprocessed->n)
			str_addc(unprocessed, ',');
		str_add(unprocessed, entry->raw);
	} else if (fault_happens(FAULT_ENTRY_ERROR)) {
		put_write_error(errors, entry, "InternalFailure", SL("Internal Failure"));
	} else if (runtime_check_put(x, group_find(x, name), entry, ttl, &p)) {
		runtime_store(&p);
	} else {
		put_write_error(errors, entry, p.code, p.why);
	}
}

/* The identifier an entry is for; nothing when it has none. */
static struct sl entry_id(const struct group *g, const struct json *entry)
{
	const struct json *record = json_get(entry, "Record");
	struct sl name, value = SL("");

	for (const struct json *v = record ? record->child : NULL; v; v = v->next)
		if (json_get_str(v, "FeatureName", &name) && sl_eq(name, g->features[g->id].name))
			(void)json_get_str(v, "ValueAsString", &value);
	return value;
}

/*
 * Every group must exist, and no record may come twice: what the service does with that nobody has
 * said, the database behind it refuses such a batch, and a client does well not to find out.
 */
static bool check_entries(struct exchange *x, const struct json *entries)
{
	struct group *group[MAX_BATCH_WRITE];
	struct sl id[MAX_BATCH_WRITE], name;
	size_t n = 0;

	for (const struct json *e = entries->child; e; e = e->next, n++) {
		name = SL("");
		(void)json_get_str(e, "FeatureGroupName", &name);
		group[n] = runtime_group(x, name, false);
		if (!group[n])
			return false;
		id[n] = entry_id(group[n], e);
		for (size_t i = 0; i < n && id[n].n; i++)
			if (group[i] == group[n] && sl_eq(id[i], id[n]))
				return exchange_fail(x, 400, "ValidationError",
					"Validation Error: Entries contains duplicates");
	}
	return true;
}

void runtime_batch_write(struct exchange *x)
{
	const struct json *in = exchange_json(x), *entries = json_get(in, "Entries");
	struct str errors = { 0 }, unprocessed = { 0 };

	if (!in)
		return;
	if (!entries || entries->kind != J_ARR || entries->n < 1 || entries->n > MAX_BATCH_WRITE) {
		(void)exchange_invalid(x,
			"Value at 'entries' failed to satisfy constraint: Member must "
			"have length %s",
			entries && entries->n ? "less than or equal to 25"
					      : "greater than or equal to 1");
		return;
	}
	if (!check_entries(x, entries))
		return;
	for (const struct json *e = entries->child; e; e = e->next)
		write_one(x, e, json_get(in, "TtlDuration"), &errors, &unprocessed);
	str_addf(&x->out, "{\"Errors\":[%s],\"UnprocessedEntries\":[%s]}", str_z(&errors),
		str_z(&unprocessed));
	str_free(&errors);
	str_free(&unprocessed);
}
