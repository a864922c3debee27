/* CreateFeatureGroup and UpdateFeatureGroup. */
#include "core/clock.h"
#include "core/num.h"
#include "offline.h"
#include "online.h"
#include "sagemaker.h"

#include <ctype.h>
#include <stdarg.h>
#include <strings.h>

#define MAX_FEATURES 2500

static bool invalid(struct exchange *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool invalid(struct exchange *x, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return exchange_fail(x, 400, "ValidationException", "Validation Error: %s", text);
}

/* `[a-zA-Z0-9]([_-]*[a-zA-Z0-9]){0,63}` */
static bool is_name(struct sl s)
{
	if (s.n < 1 || s.n > 64 || !isalnum((unsigned char)s.p[0]) ||
		!isalnum((unsigned char)s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static bool required(struct exchange *x, const struct json *in, const char *key, struct sl *out)
{
	if (json_get_str(in, key, out))
		return true;
	return exchange_invalid(x,
		"Value null at '%c%s' failed to satisfy constraint: Member must not "
		"be null",
		tolower((unsigned char)key[0]), key + 1);
}

void sagemaker_take_tags(struct group *g, const struct json *tags)
{
	for (const struct json *t = tags ? tags->child : NULL; t; t = t->next) {
		struct sl key, value;
		size_t i;

		if (!json_get_str(t, "Key", &key) || !json_get_str(t, "Value", &value))
			continue;
		for (i = 0; i < g->tags.n; i++)
			if (sl_eq(g->tags.v[i].name, key))
				break;
		if (i == g->tags.n)
			fields_add(&g->tags, group_keep(g, key), group_keep(g, value));
		else
			g->tags.v[i].value = group_keep(g, value);
	}
}

static bool is_reserved(struct sl name)
{
	static const char *const reserved[] = { "is_deleted", "write_time", "api_invocation_time" };

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (name.n == strlen(reserved[i]) && strncasecmp(name.p, reserved[i], name.n) == 0)
			return true;
	return false;
}

static bool read_collection(
	struct exchange *x, const struct group *g, const struct json *d, struct feature *f)
{
	uint64_t dimension = 0;

	if (!json_get_str(d, "CollectionType", &f->collection))
		return true;
	if (!sl_eq(f->collection, SL("List")) && !sl_eq(f->collection, SL("Set")) &&
		!sl_eq(f->collection, SL("Vector")))
		return exchange_invalid(x,
			"Value '%.*s' at 'featureDefinitions.1.member.collectionType' "
			"failed to satisfy constraint: Member must satisfy enum value set: "
			"[List, Set, Vector]",
			(int)f->collection.n, f->collection.p);
	if (!sl_eq(g->storage_type, SL("InMemory")))
		return invalid(x,
			"Collection type features are supported for the InMemory storage "
			"type only: %.*s",
			(int)f->name.n, f->name.p);
	if (!sl_eq(f->collection, SL("Vector")))
		return true;
	(void)json_get_u64(
		json_get(json_get(d, "CollectionConfig"), "VectorConfig"), "Dimension", &dimension);
	if (dimension < 1 || dimension > 8192 || f->type != FEATURE_FRACTIONAL)
		return invalid(x,
			"A Vector needs the type Fractional and a dimension from 1 to 8192: "
			"%.*s",
			(int)f->name.n, f->name.p);
	for (size_t i = 0; i < g->n_features; i++)
		if (&g->features[i] != f && sl_eq(g->features[i].collection, SL("Vector")))
			return invalid(x,
				"A FeatureGroup can have at most one Vector feature: %.*s",
				(int)f->name.n, f->name.p);
	f->dimension = (int64_t)dimension;
	return true;
}

static bool read_type(struct exchange *x, struct sl type, size_t at, enum feature_type *out)
{
	static const char *const names[] = { "Integral", "Fractional", "String" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!sl_eq_str(type, names[i]))
			continue;
		*out = (enum feature_type)i;
		return true;
	}
	return exchange_invalid(x,
		"Value '%.*s' at 'featureDefinitions.%zu.member.featureType' failed "
		"to satisfy constraint: Member must satisfy enum value set: "
		"[Integral, Fractional, String]",
		(int)type.n, type.p, at);
}

static bool read_feature(struct exchange *x, const struct group *g, const struct json *d, size_t at,
	struct feature *f)
{
	struct sl type = SL("");

	*f = (struct feature){ .name = SL("") };
	(void)json_get_str(d, "FeatureName", &f->name);
	(void)json_get_str(d, "FeatureType", &type);
	if (!is_name(f->name))
		return exchange_invalid(x,
			"Value '%.*s' at 'featureDefinitions.%zu.member.featureName' "
			"failed to satisfy constraint: Member must satisfy regular expression "
			"pattern: "
			"^[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}",
			(int)f->name.n, f->name.p, at);
	if (is_reserved(f->name))
		return invalid(x, "Feature name %.*s is reserved", (int)f->name.n, f->name.p);
	if (names_find(&g->feature_names, f->name) != NAMES_NONE)
		return invalid(x, "Feature name %.*s already exists", (int)f->name.n, f->name.p);
	return read_type(x, type, at, &f->type) && read_collection(x, g, d, f);
}

/* Reads an array of FeatureDefinition into the group: all of it or, after an error, nothing. */
static bool read_features(struct exchange *x, struct group *g, const struct json *defs)
{
	size_t n = defs && defs->kind == J_ARR ? defs->n : 0, at = 0;
	struct feature *f = arena_alloc(&x->mem, mem_mul(n + 1, sizeof *f));
	struct names seen = { 0 };
	bool good = true;

	if (g->n_features + n > MAX_FEATURES)
		return exchange_fail(x, 400, "ResourceLimitExceeded",
			"The account-level service limit 'Number of features per feature group' is "
			"%d",
			MAX_FEATURES);
	for (const struct json *d = n ? defs->child : NULL; d && good; d = d->next, at++) {
		bool added = true;

		good = read_feature(x, g, d, at + 1, &f[at]);
		if (good)
			(void)names_add(&seen, f[at].name, &added);
		if (!added)
			good = invalid(
				x, "Duplicate feature name: %.*s", (int)f[at].name.n, f[at].name.p);
	}
	names_free(&seen);
	for (size_t i = 0; good && i < n; i++)
		group_add_feature(g, f[i]);
	return good;
}

static bool read_ttl(struct exchange *x, struct group *g, const struct json *ttl)
{
	static const char *const units[] = { "Seconds", "Minutes", "Hours", "Days", "Weeks" };
	struct sl unit = SL("");
	uint64_t value = 0;

	if (!ttl)
		return true;
	(void)json_get_str(ttl, "Unit", &unit);
	(void)json_get_u64(ttl, "Value", &value);
	for (size_t i = 0; i < ARRAY_LEN(units) && value >= 1; i++) {
		if (!sl_eq_str(unit, units[i]))
			continue;
		g->ttl = (struct ttl){ group_keep(g, unit), (int64_t)value };
		return true;
	}
	return exchange_invalid(x, "Value at 'onlineStoreConfig.ttlDuration' failed to satisfy "
				   "constraint: Unit must be one of [Seconds, Minutes, Hours, "
				   "Days, Weeks] and Value must "
				   "be greater than or equal to 1");
}

static bool read_online(struct exchange *x, struct group *g, const struct json *c)
{
	const struct json *enabled = json_get(c, "EnableOnlineStore");
	struct sl storage = SL("Standard");

	if (!c || !enabled || enabled->kind != J_TRUE)
		return true;
	g->has_online = true;
	(void)json_get_str(c, "StorageType", &storage);
	if (!sl_eq(storage, SL("Standard")) && !sl_eq(storage, SL("InMemory")) &&
		!sl_eq(storage, SL("Standard_V2")))
		return exchange_invalid(x,
			"Value '%.*s' at 'onlineStoreConfig.storageType' failed to "
			"satisfy constraint: Member must satisfy enum value set: [Standard, "
			"InMemory]",
			(int)storage.n, storage.p);
	g->storage_type = group_keep(g, storage);
	if (json_get_str(json_get(c, "SecurityConfig"), "KmsKeyId", &g->online_kms))
		g->online_kms = group_keep(g, g->online_kms);
	return read_ttl(x, g, json_get(c, "TtlDuration"));
}

static bool read_offline(struct exchange *x, struct group *g, const struct json *c)
{
	const struct json *s3 = json_get(c, "S3StorageConfig");
	const struct json *catalog = json_get(c, "DataCatalogConfig");
	const struct json *no_table = json_get(c, "DisableGlueTableCreation");
	struct sl uri = SL(""), format = { NULL, 0 };

	if (!c)
		return true;
	g->has_offline = true;
	(void)json_get_str(s3, "S3Uri", &uri);
	if (uri.n < 6 || memcmp(uri.p, "s3://", 5) != 0)
		return exchange_invalid(x,
			"Value '%.*s' at 'offlineStoreConfig.s3StorageConfig.s3Uri' "
			"failed to satisfy constraint: Member must satisfy regular expression "
			"pattern: "
			"^(https|s3)://([^/]+)/?(.*)$",
			(int)uri.n, uri.p);
	while (uri.n > 6 && uri.p[uri.n - 1] == '/')
		uri.n--;
	g->s3_uri = group_keep(g, uri);
	if (json_get_str(s3, "KmsKeyId", &g->offline_kms))
		g->offline_kms = group_keep(g, g->offline_kms);
	g->no_glue_table = no_table && no_table->kind == J_TRUE;
	(void)json_get_str(c, "TableFormat", &format);
	if (format.p && !sl_eq(format, SL("Glue")) && !sl_eq(format, SL("Iceberg")) &&
		!sl_eq(format, SL("Default")))
		return exchange_invalid(x,
			"Value '%.*s' at 'offlineStoreConfig.tableFormat' failed to "
			"satisfy constraint: Member must satisfy enum value set: "
			"[Default, Glue, Iceberg]",
			(int)format.n, format.p);
	g->format_name = group_keep(g, format);
	g->format = sl_eq(format, SL("Iceberg")) ? TABLE_ICEBERG : TABLE_GLUE;
	if (g->format == TABLE_ICEBERG && g->no_glue_table)
		return invalid(x, "TableFormat Iceberg needs DisableGlueTableCreation to be false");
	if (json_get_str(catalog, "TableName", &g->table))
		g->table = group_keep(g, g->table);
	if (json_get_str(catalog, "Database", &g->database))
		g->database = group_keep(g, g->database);
	if (!g->role.n)
		return invalid(x, "RoleArn is required with an OfflineStoreConfig");
	return true;
}

/* `name_epoch` as the service makes it, in the arena of the group. */
static struct sl table_name(struct group *g, int64_t epoch)
{
	char *t = arena_alloc(&g->mem, g->name.n + 24);
	int n;

	for (size_t i = 0; i < g->name.n; i++)
		t[i] = g->name.p[i] == '-' ? '_' : (char)tolower((unsigned char)g->name.p[i]);
	n = snprintf(t + g->name.n, 24, "_%lld", (long long)epoch);
	return (struct sl){ t, g->name.n + (size_t)n };
}

/* The name is in lower case there. */
static struct sl make_arn(struct exchange *x, struct group *g)
{
	char *low = arena_alloc(&g->mem, g->name.n);

	for (size_t i = 0; i < g->name.n; i++)
		low[i] = (char)tolower((unsigned char)g->name.p[i]);
	return group_keep(g, exchange_printf(x, "arn:aws:sagemaker:%.*s:%.*s:feature-group/%.*s",
				     (int)g->region.n, g->region.p, (int)g->account.n,
				     g->account.p, (int)g->name.n, low));
}

/* Names and places the service makes up, and the store itself. */
static void make_offline(struct exchange *x, struct group *g)
{
	struct offline *o = mem_zalloc(sizeof *o);
	struct sl rest = { g->s3_uri.p + 5, g->s3_uri.n - 5 };
	const char *slash = memchr(rest.p, '/', rest.n);
	int64_t epoch = g->created / CLOCK_US_PER_SEC;
	struct sl table = table_name(g, epoch);

	g->catalog = SL("AwsDataCatalog");
	if (!g->database.n)
		g->database = SL("sagemaker_featurestore");
	while (offline_find(g->account, g->region, g->database, table))
		table = table_name(g, ++epoch);
	if (!g->table.n && !g->no_glue_table)
		g->table = table;
	g->resolved_uri = group_keep(
		g, exchange_printf(x, "%.*s/%.*s/sagemaker/%.*s/offline-store/%.*s-%lld/data",
			   (int)g->s3_uri.n, g->s3_uri.p, (int)g->account.n, g->account.p,
			   (int)g->region.n, g->region.p, (int)g->name.n, g->name.p,
			   (long long)epoch));
	o->account = arena_dup(&o->mem, g->account);
	o->region = arena_dup(&o->mem, g->region);
	o->database = arena_dup(&o->mem, g->database);
	o->table = arena_dup(&o->mem, g->table);
	o->bucket =
		arena_dup(&o->mem, slash ? (struct sl){ rest.p, (size_t)(slash - rest.p) } : rest);
	o->prefix = arena_dup(&o->mem, (struct sl){ g->resolved_uri.p + 5 + o->bucket.n + 1,
					       g->resolved_uri.n - 5 - o->bucket.n - 1 });
	o->iceberg = g->format == TABLE_ICEBERG;
	o->event_time = arena_dup(&o->mem, g->features[g->event_time].name);
	o->created = g->created;
	offline_add(o);
	g->offline = o;
}

static void add_columns(struct group *g, size_t from)
{
	static const enum column_type types[] = { COLUMN_BIGINT, COLUMN_DOUBLE, COLUMN_VARCHAR };

	for (size_t i = from; g->offline && i < g->n_features; i++)
		offline_add_column(g->offline, g->features[i].name, types[g->features[i].type]);
}

static bool read_key_features(struct exchange *x, struct group *g, struct sl id, struct sl time)
{
	g->id = names_find(&g->feature_names, id);
	g->event_time = names_find(&g->feature_names, time);
	if (g->id == NAMES_NONE)
		return invalid(x,
			"RecordIdentifierFeatureName %.*s is not one of the "
			"FeatureDefinitions",
			(int)id.n, id.p);
	if (g->event_time == NAMES_NONE)
		return invalid(x, "EventTimeFeatureName %.*s is not one of the FeatureDefinitions",
			(int)time.n, time.p);
	if (g->features[g->event_time].type == FEATURE_INTEGRAL)
		return invalid(x,
			"The event time feature must be of type String or Fractional: %.*s",
			(int)time.n, time.p);
	return true;
}

static bool read_group(struct exchange *x, struct group *g, const struct json *in)
{
	struct sl id, time;

	if (!required(x, in, "RecordIdentifierFeatureName", &id) ||
		!required(x, in, "EventTimeFeatureName", &time))
		return false;
	if (json_get_str(in, "RoleArn", &g->role))
		g->role = group_keep(g, g->role);
	if (json_get_str(in, "Description", &g->description))
		g->description = group_keep(g, g->description);
	if (g->description.n > 128)
		return exchange_invalid(x,
			"Value at 'description' failed to satisfy constraint: Member "
			"must have length less than or equal to 128");
	if (json_get(in, "ThroughputConfig"))
		g->throughput = group_keep(g, json_get(in, "ThroughputConfig")->raw);
	if (!read_online(x, g, json_get(in, "OnlineStoreConfig")) ||
		!read_features(x, g, json_get(in, "FeatureDefinitions")) ||
		!read_key_features(x, g, id, time) ||
		!read_offline(x, g, json_get(in, "OfflineStoreConfig")))
		return false;
	if (!g->has_online && !g->has_offline)
		return invalid(x,
			"At least one of OnlineStoreConfig and OfflineStoreConfig must be "
			"enabled");
	sagemaker_take_tags(g, json_get(in, "Tags"));
	return true;
}

void sagemaker_create_group(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g;
	struct sl name;

	if (!in || !required(x, in, "FeatureGroupName", &name))
		return;
	if (!is_name(name)) {
		(void)exchange_invalid(x,
			"Value '%.*s' at 'featureGroupName' failed to satisfy "
			"constraint: Member must satisfy regular expression pattern: "
			"^[a-zA-Z0-9]([_-]*[a-zA-Z0-9]){0,63}",
			(int)name.n, name.p);
		return;
	}
	g = group_new(x->account, x->region, name);
	if (!g) {
		(void)exchange_fail(x, 400, "ResourceInUse",
			"Resource Already Exists: FeatureGroup with name %.*s already exists. "
			"Choose a "
			"different name.\nInfo: Feature Group '%.*s' already exists.",
			(int)name.n, name.p, (int)name.n, name.p);
		return;
	}
	if (!read_group(x, g, in)) {
		group_discard(g);
		return;
	}
	g->arn = make_arn(x, g);
	g->online = online_new();
	if (g->has_offline)
		make_offline(x, g);
	add_columns(g, 0);
	put_member(&x->out, "FeatureGroupArn", g->arn);
	str_addc(&x->out, '}');
}

void sagemaker_update_group(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = in ? sagemaker_group(x, in) : NULL;
	size_t before;

	if (!g)
		return;
	before = g->n_features;
	if (strcmp(group_status(g), "Created") != 0 || unix_now() < g->update_done) {
		(void)exchange_fail(x, 400, "ValidationException",
			"Validation Error: FeatureGroup %.*s cannot be updated while it is %s",
			(int)g->name.n, g->name.p,
			unix_now() < g->update_done ? "being updated" : group_status(g));
		return;
	}
	if (!read_ttl(x, g, json_get(json_get(in, "OnlineStoreConfig"), "TtlDuration")) ||
		!read_features(x, g, json_get(in, "FeatureAdditions"))) {
		return;
	}
	if (json_get(in, "ThroughputConfig"))
		g->throughput = group_keep(g, json_get(in, "ThroughputConfig")->raw);
	add_columns(g, before);
	g->changed = unix_now();
	g->update_done = g->changed + group_update_delay();
	put_member(&x->out, "FeatureGroupArn", g->arn);
	str_addc(&x->out, '}');
}
