/* SageMaker's control plane: describing, listing, tagging and deleting feature groups. */
#include "sagemaker.h"
#include "core/clock.h"
#include "core/num.h"
#include "group.h"
#include "online.h"
#include "service.h"

static const char *const type_names[] = { "Integral", "Fractional", "String" };

struct group *sagemaker_group(struct exchange *x, const struct json *in)
{
	struct sl name;
	struct group *g;

	if (!json_get_str(in, "FeatureGroupName", &name)) {
		(void)exchange_invalid(x, "Value null at 'featureGroupName' failed to satisfy "
					  "constraint: Member must not be null");
		return NULL;
	}
	g = group_find(x, name);
	if (!g)
		(void)exchange_fail(x, 400, "ResourceNotFound",
			"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name "
			"%.*s",
			(int)name.n, name.p);
	return g;
}

static void put_features(struct str *s, const struct group *g)
{
	put_key(s, "FeatureDefinitions");
	str_addc(s, '[');
	for (size_t i = 0; i < g->n_features; i++) {
		const struct feature *f = &g->features[i];

		str_addz(s, i ? ",{" : "{");
		put_member(s, "FeatureName", f->name);
		put_member(s, "FeatureType", sl_of(type_names[f->type]));
		if (f->collection.n)
			put_member(s, "CollectionType", f->collection);
		if (f->dimension) {
			put_key(s, "CollectionConfig");
			str_addf(s, "{\"VectorConfig\":{\"Dimension\":%lld}}",
				(long long)f->dimension);
		}
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

static void put_online_config(struct str *s, const struct group *g)
{
	put_key(s, "OnlineStoreConfig");
	str_addc(s, '{');
	if (g->online_kms.n) {
		put_key(s, "SecurityConfig");
		str_addc(s, '{');
		put_member(s, "KmsKeyId", g->online_kms);
		str_addc(s, '}');
	}
	put_key(s, "EnableOnlineStore");
	str_addz(s, "true");
	if (g->ttl.unit.n) {
		put_key(s, "TtlDuration");
		str_addc(s, '{');
		put_member(s, "Unit", g->ttl.unit);
		put_memberi(s, "Value", g->ttl.value);
		str_addc(s, '}');
	}
	put_member(s, "StorageType", g->storage_type);
	str_addc(s, '}');
}

static void put_offline_config(struct str *s, const struct group *g)
{
	put_key(s, "OfflineStoreConfig");
	str_addc(s, '{');
	put_key(s, "S3StorageConfig");
	str_addc(s, '{');
	put_member(s, "S3Uri", g->s3_uri);
	if (g->offline_kms.n)
		put_member(s, "KmsKeyId", g->offline_kms);
	put_member(s, "ResolvedOutputS3Uri", g->resolved_uri);
	str_addc(s, '}');
	put_key(s, "DisableGlueTableCreation");
	str_addz(s, g->no_glue_table ? "true" : "false");
	if (g->table.n) {
		put_key(s, "DataCatalogConfig");
		str_addc(s, '{');
		put_member(s, "TableName", g->table);
		put_member(s, "Catalog", g->catalog);
		put_member(s, "Database", g->database);
		str_addc(s, '}');
	}
	if (g->format_name.n)
		put_member(s, "TableFormat", g->format_name);
	str_addc(s, '}');
}

static void put_offline_status(struct str *s, const struct group *g)
{
	put_key(s, "OfflineStoreStatus");
	str_addc(s, '{');
	put_member(s, "Status", g->blocked.n ? SL("Blocked") : SL("Active"));
	if (g->blocked.n)
		put_member(s, "BlockedReason", g->blocked);
	str_addc(s, '}');
}

static void describe_group(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = in ? sagemaker_group(x, in) : NULL;
	struct str *s = &x->out;

	if (!g)
		return;
	put_member(s, "FeatureGroupArn", g->arn);
	put_member(s, "FeatureGroupName", g->name);
	put_member(s, "RecordIdentifierFeatureName", g->features[g->id].name);
	put_member(s, "EventTimeFeatureName", g->features[g->event_time].name);
	put_features(s, g);
	put_seconds(s, "CreationTime", g->created);
	put_seconds(s, "LastModifiedTime", g->changed);
	if (g->has_online)
		put_online_config(s, g);
	if (g->has_offline)
		put_offline_config(s, g);
	if (g->throughput.n) {
		put_key(s, "ThroughputConfig");
		str_add(s, g->throughput);
	}
	if (g->role.n)
		put_member(s, "RoleArn", g->role);
	put_member(s, "FeatureGroupStatus", sl_of(group_status(g)));
	if (g->failure.n && strcmp(group_status(g), "CreateFailed") == 0)
		put_member(s, "FailureReason", g->failure);
	if (g->has_offline)
		put_offline_status(s, g);
	if (g->update_done) {
		put_key(s, "LastUpdateStatus");
		str_addf(s, "{\"Status\":\"%s\"}", group_update_status(g));
	}
	if (g->description.p)
		put_member(s, "Description", g->description);
	if (g->has_online)
		put_memberi(s, "OnlineStoreTotalSizeBytes", (int64_t)online_bytes(g->online));
	put_key(s, "NextToken");
	str_addz(s, "\"\"}");
}

static void delete_group(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = in ? sagemaker_group(x, in) : NULL;

	if (!g)
		return;
	if (!g->gone)
		g->gone = unix_now() + group_delete_delay();
	str_addz(&x->out, "{}");
}

/* The group of a request for tags, by ARN. */
static struct group *tagged_group(struct exchange *x, const struct json *in)
{
	struct sl arn = SL("");
	struct group *g;

	(void)json_get_str(in, "ResourceArn", &arn);
	g = group_find(x, arn);
	if (!g)
		(void)exchange_fail(x, 400, "ValidationException",
			"The resource with ARN %.*s does not exist", (int)arn.n, arn.p);
	return g;
}

static void list_tags(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = in ? tagged_group(x, in) : NULL;

	if (!g)
		return;
	put_key(&x->out, "Tags");
	str_addc(&x->out, '[');
	for (size_t i = 0; i < g->tags.n; i++) {
		str_addz(&x->out, i ? ",{" : "{");
		put_member(&x->out, "Key", g->tags.v[i].name);
		put_member(&x->out, "Value", g->tags.v[i].value);
		str_addc(&x->out, '}');
	}
	str_addz(&x->out, "]}");
}

static void add_tags(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = in ? tagged_group(x, in) : NULL;

	if (!g)
		return;
	sagemaker_take_tags(g, json_get(in, "Tags"));
	str_addz(&x->out, "{\"Tags\":[]}");
}

/* Feature metadata: descriptions of single features. */
static struct feature *metadata_feature(struct exchange *x, const struct json *in, struct group **g)
{
	struct sl name = SL("");
	size_t at;

	*g = sagemaker_group(x, in);
	if (!*g)
		return NULL;
	(void)json_get_str(in, "FeatureName", &name);
	at = names_find(&(*g)->feature_names, name);
	if (at != NAMES_NONE)
		return &(*g)->features[at];
	(void)exchange_fail(x, 400, "ResourceNotFound",
		"Resource Not Found: Amazon SageMaker can't find a Feature with name %.*s in "
		"FeatureGroup %.*s",
		(int)name.n, name.p, (int)(*g)->name.n, (*g)->name.p);
	return NULL;
}

static void update_metadata(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = NULL;
	struct feature *f = in ? metadata_feature(x, in, &g) : NULL;
	struct sl description;

	if (!f)
		return;
	if (json_get_str(in, "Description", &description))
		f->description = group_keep(g, description);
	f->changed = unix_now();
}

static void describe_metadata(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct group *g = NULL;
	struct feature *f = in ? metadata_feature(x, in, &g) : NULL;

	if (!f)
		return;
	put_member(&x->out, "FeatureGroupArn", g->arn);
	put_member(&x->out, "FeatureGroupName", g->name);
	put_member(&x->out, "FeatureName", f->name);
	put_member(&x->out, "FeatureType", sl_of(type_names[f->type]));
	put_seconds(&x->out, "CreationTime", f->created);
	put_seconds(&x->out, "LastModifiedTime", f->changed);
	if (f->description.p)
		put_member(&x->out, "Description", f->description);
	str_addc(&x->out, '}');
}

const struct operation sagemaker_operations[] = {
	{ "CreateFeatureGroup", sagemaker_create_group },
	{ "DescribeFeatureGroup", describe_group },
	{ "UpdateFeatureGroup", sagemaker_update_group },
	{ "DeleteFeatureGroup", delete_group },
	{ "ListFeatureGroups", sagemaker_list_groups },
	{ "ListTags", list_tags },
	{ "AddTags", add_tags },
	{ "UpdateFeatureMetadata", update_metadata },
	{ "DescribeFeatureMetadata", describe_metadata },
	OPERATION_END,
};
