#include "fs/fs_group.h"

static const char *parse_feature(const struct json *o, struct fs_feature *f)
{
	const struct json *vector = json_get(json_get(o, "CollectionConfig"), "VectorConfig");
	struct sl collection = json_text(o, "CollectionType");

	*f = (struct fs_feature){ .name = json_text(o, "FeatureName") };
	if (!f->name.n || !fs_type_parse(json_text(o, "FeatureType"), &f->type))
		return "a feature has no name or a type this program does not know";
	if (collection.n && !fs_collection_parse(collection, &f->collection))
		return "a feature has a collection type this program does not know";
	(void)json_get_u64(vector, "Dimension", &f->dimension);
	return NULL;
}

static const char *parse_features(struct fs_group *g, const struct json *list)
{
	struct sl id = json_text(g->doc, "RecordIdentifierFeatureName");
	struct sl time = json_text(g->doc, "EventTimeFeatureName");

	if (!list || list->kind != J_ARR || list->n == 0)
		return "the group has no features";
	g->features = arena_alloc(&g->arena, mem_mul(list->n, sizeof *g->features));
	g->id = g->time = SIZE_MAX;
	for (const struct json *o = list->child; o; o = o->next, g->n++) {
		const char *why = parse_feature(o, &g->features[g->n]);

		if (why)
			return why;
		if (sl_eq(g->features[g->n].name, id))
			g->id = g->n;
		if (sl_eq(g->features[g->n].name, time))
			g->time = g->n;
	}
	if (g->id == SIZE_MAX || g->time == SIZE_MAX)
		return "the record identifier or the event time is not among the features";
	return NULL;
}

/* Absent, and present with EnableOnlineStore false, both mean that there is no online store. */
static void parse_online(struct fs_group *g)
{
	const struct json *o = json_get(g->doc, "OnlineStoreConfig"), *ttl;

	g->online = json_is_true(o, "EnableOnlineStore");
	g->storage_type = json_text(o, "StorageType");
	if (g->online && !g->storage_type.n)
		g->storage_type = SL("Standard");
	ttl = json_get(o, "TtlDuration");
	g->ttl_unit = json_text(ttl, "Unit");
	(void)json_get_u64(ttl, "Value", &g->ttl);
}

static void parse_offline(struct fs_group *g)
{
	const struct json *o = json_get(g->doc, "OfflineStoreConfig");
	const struct json *s3 = json_get(o, "S3StorageConfig");
	const struct json *glue = json_get(o, "DataCatalogConfig");
	const struct json *status = json_get(g->doc, "OfflineStoreStatus");

	g->offline = o && o->kind == J_OBJ;
	g->offline_status = json_text(status, "Status");
	g->offline_blocked = json_text(status, "BlockedReason");
	g->table_format = json_text(o, "TableFormat");
	if (sl_eq(g->table_format, SL("Default")) || (g->offline && !g->table_format.n))
		g->table_format = SL("Glue");
	g->s3_uri = json_text(s3, "S3Uri");
	g->resolved_uri = json_text(s3, "ResolvedOutputS3Uri");
	g->catalog = json_text(glue, "Catalog");
	g->database = json_text(glue, "Database");
	g->table = json_text(glue, "TableName");
	g->own_table = json_is_true(o, "DisableGlueTableCreation");
}

const char *fs_group_parse(struct fs_group *g, struct sl answer)
{
	const struct json *update, *created;
	const char *why = NULL;
	size_t at;

	g->doc = json_parse(&g->arena, arena_dup(&g->arena, answer), &why, &at);
	if (!g->doc)
		return why;
	g->name = json_text(g->doc, "FeatureGroupName");
	if (g->doc->kind != J_OBJ || !g->name.n)
		return "the answer is not a description of a feature group";
	g->arn = json_text(g->doc, "FeatureGroupArn");
	g->status = json_text(g->doc, "FeatureGroupStatus");
	g->failure = json_text(g->doc, "FailureReason");
	g->description = json_text(g->doc, "Description");
	g->role = json_text(g->doc, "RoleArn");
	update = json_get(g->doc, "LastUpdateStatus");
	g->update_status = json_text(update, "Status");
	g->update_failure = json_text(update, "FailureReason");
	created = json_get(g->doc, "CreationTime");
	if (!created || created->kind != J_NUM || !num_double(created->text, &g->created))
		g->created = 0;
	parse_online(g);
	parse_offline(g);
	return parse_features(g, json_get(g->doc, "FeatureDefinitions"));
}

void fs_group_free(struct fs_group *g)
{
	arena_free(&g->arena);
	*g = (struct fs_group){ 0 };
}

size_t fs_group_feature(const struct fs_group *g, struct sl name)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < g->n; i++)
		if (sl_eq(g->features[i].name, name))
			return i;
	for (size_t i = 0; i < g->n; i++) {
		if (!sl_alike(g->features[i].name, name))
			continue;
		if (found != SIZE_MAX)
			return SIZE_MAX;
		found = i;
	}
	return found;
}
