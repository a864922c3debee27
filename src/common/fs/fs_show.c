#include "fs/fs_show.h"

#include "core/clock.h"
#include "fs/fs_schema.h"
#include "fs/fs_stock.h"
#include "fs/fs_wait.h"
#include "stream/out.h"

#include <math.h>

#define NOTHING SL("N/A")
#define MAX_DESCRIBED 300 /* features whose descriptions are asked for */

static void print(const char *path, struct str *text)
{
	struct out *out = out_open(path, 0);

	out_put(out, str_sl(text));
	out_close(out);
	str_free(text);
}

static void print_table(struct report *t, enum report_format format)
{
	struct str text = { 0 };

	report_put(t, format, &text);
	str_addz(&text, format == REPORT_JSON ? "\n" : "");
	print(NULL, &text);
	report_free(t);
}

static struct sl or_nothing(struct sl s)
{
	return s.n ? s : NOTHING;
}

/* Unix seconds as YYYY-MM-DD HH:MM:SS, UTC. */
static struct sl when(double seconds, char text[CLOCK_TEXT_MAX])
{
	int64_t t = CLOCK_UNIX_EPOCH + (int64_t)floor(seconds) * CLOCK_US_PER_SEC;

	return (struct sl){ text, clock_put(text, t, false) };
}

static struct sl mode(const struct fs_group *g)
{
	return g->online && g->offline ? SL("Online + Offline")
	       : g->online             ? SL("Online")
	       : g->offline            ? SL("Offline")
				       : NOTHING;
}

/* ---- list ---------------------------------------------------------------------------------- */

static const struct report_column list_columns[] = {
	{ "FeatureGroupName", false },
	{ "Status", false },
	{ "IngestMode", false },
	{ "StorageType", false },
	{ "TTL", false },
	{ "EventTimeFeature", false },
	{ "RecordIdFeature", false },
	{ "TableFormat", false },
	{ "AthenaTable", false },
	{ "CreationTime", false },
	{ NULL, false },
	{ NULL, true },
	{ NULL, true },
};
static const char *const list_keys[] = { "FeatureGroupName", "FeatureGroupStatus", "IngestMode",
	"StorageType", "TTLValue", "EventTimeFeatureName", "RecordIdentifierFeatureName",
	"TableFormat", "AthenaTable", "CreationTime", "OfflineS3Uri", "OnlineStoreConfig",
	"OfflineStoreConfig" };

static void add_config(struct report *t, const struct fs_group *g, const char *key)
{
	const struct json *o = json_get(g->doc, key);

	report_text(t, o ? o->raw : SL("null"));
}

static void add_ttl(struct report *t, const struct fs_group *g)
{
	char text[80];

	(void)snprintf(text, sizeof text, "%llu %.*s", (unsigned long long)g->ttl,
		(int)g->ttl_unit.n, g->ttl_unit.p);
	report_text(t, g->ttl ? sl_of(text) : NOTHING);
}

static void add_group(struct report *t, const struct fs_group *g)
{
	char text[CLOCK_TEXT_MAX];

	report_text(t, g->name);
	report_text(t, g->status);
	report_text(t, mode(g));
	report_text(t, or_nothing(g->storage_type));
	add_ttl(t, g);
	report_text(t, g->features[g->time].name);
	report_text(t, g->features[g->id].name);
	report_text(t, or_nothing(g->table_format));
	report_text(t, or_nothing(g->table));
	report_text(t, when(g->created, text));
	report_text(t, or_nothing(g->s3_uri));
	add_config(t, g, "OnlineStoreConfig");
	add_config(t, g, "OfflineStoreConfig");
}

struct listing {
	struct aws *a;
	struct report table;
	uint64_t n;
};

/* A group that was deleted since the page was made is left out. */
static bool list_one(void *ctx, const struct json *summary)
{
	struct listing *l = ctx;
	AUTO_FS_GROUP g = { 0 };
	struct aws_error e;
	struct sl name;

	if (!json_get_str(summary, "FeatureGroupName", &name))
		return true;
	l->n++;
	if (fs_describe(l->a, name, &g, &e))
		add_group(&l->table, &g);
	else if (e.class != AWS_NOT_FOUND)
		aws_die(&e, "cannot describe a feature group");
	return true;
}

static bool name_one(void *ctx, const struct json *summary)
{
	struct sl name;

	if (json_get_str(summary, "FeatureGroupName", &name))
		str_addf(ctx, "%.*s\n", (int)name.n, name.p);
	return true;
}

void fs_show_names(struct aws *a, const char *contains)
{
	AUTO_STR names = { 0 };
	struct aws_error e;

	if (!fs_list(a, sl_of(contains), name_one, &names, &e))
		aws_die(&e, "cannot list feature groups");
	out_print(str_sl(&names));
}

void fs_show_list(struct aws *a, const char *contains, enum report_format format)
{
	struct listing l = { .a = a,
		.table = { .columns = list_columns, .n_columns = ARRAY_LEN(list_columns),
			.keys = list_keys, .empty = "-" } };
	struct aws_error e;

	if (!fs_list(a, sl_of(contains), list_one, &l, &e))
		aws_die(&e, "cannot list feature groups");
	if (l.n == 0 && *contains) /* the wrong region or account looks the same */
		msg_note("there is no feature group with a name like %s in %s",
			msg_q(sl_of(contains)), aws_region(a));
	else if (l.n == 0)
		msg_note("there is no feature group in %s", aws_region(a));
	print_table(&l.table, format);
}

/* ---- one group ----------------------------------------------------------------------------- */

static const struct report_column fact_columns[] = { { "Property", false },
	{ "Value", false } };
static const struct report_column feature_columns[] = { { "FeatureName", false },
	{ "FeatureType", false }, { "Collection", false }, { "Role", false },
	{ "Description", false } };
#define PLAIN_COLUMNS (ARRAY_LEN(feature_columns) - 1) /* without the description */

static void add_fact(struct report *t, const char *name, struct sl value)
{
	report_text(t, sl_of(name));
	report_text(t, or_nothing(value));
}

static void add_facts(struct report *t, const struct fs_group *g)
{
	char text[CLOCK_TEXT_MAX];

	add_fact(t, "FeatureGroupName", g->name);
	add_fact(t, "FeatureGroupArn", g->arn);
	add_fact(t, "Status", g->status);
	if (g->failure.n)
		add_fact(t, "FailureReason", g->failure);
	if (g->update_status.n)
		add_fact(t, "LastUpdateStatus", g->update_status);
	add_fact(t, "Description", g->description);
	add_fact(t, "CreationTime", when(g->created, text));
	add_fact(t, "IngestMode", mode(g));
	add_fact(t, "StorageType", g->storage_type);
	report_text(t, SL("TTL"));
	add_ttl(t, g);
	add_fact(t, "OfflineStoreStatus", g->offline_status);
	add_fact(t, "TableFormat", g->table_format);
	add_fact(t, "Database", g->database);
	add_fact(t, "AthenaTable", g->table);
	add_fact(t, "OfflineS3Uri", g->resolved_uri);
	add_fact(t, "RoleArn", g->role);
}

/*
 * Descriptions of all features, one request each, in `mem`; NULL where nobody may ask. More than
 * some hundred would take minutes: they are left out, with a note.
 */
static struct sl *describe_all(struct aws *a, const struct fs_group *g, struct arena *mem)
{
	struct sl *v = arena_alloc(mem, mem_mul(g->n, sizeof *v));
	struct aws_error e;

	if (g->n > MAX_DESCRIBED) {
		msg_note("descriptions of %zu features would take as many requests, and are left "
			 "out",
			g->n);
		return NULL;
	}
	for (size_t i = 0; i < g->n; i++) {
		v[i] = fs_feature_description(a, g->name, g->features[i].name, mem, &e);
		if (e.class == AWS_FINE)
			continue;
		msg_note("descriptions are left out: %s", aws_error_text(&e));
		return NULL;
	}
	return v;
}

static void add_features(struct report *t, const struct fs_group *g, const struct sl *described)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct fs_feature *f = &g->features[i];
		char text[48] = "";

		if (f->collection == FS_VECTOR)
			(void)snprintf(text, sizeof text, "Vector(%llu)",
				(unsigned long long)f->dimension);
		else if (f->collection != FS_SCALAR)
			(void)snprintf(text, sizeof text, "%s", fs_collection_name(f->collection));
		report_text(t, f->name);
		report_text(t, sl_of(fs_type_name(f->type)));
		report_text(t, sl_of(text));
		report_text(t, i == g->id     ? SL("record identifier")
				 : i == g->time ? SL("event time")
						: SL(""));
		if (described)
			report_text(t, described[i]);
	}
}

/* What 'create' would not know by itself. */
static struct sl told_role(const struct fs_group *g, size_t i)
{
	if (i == g->id && !sl_eq_str(g->features[i].name, FS_ID_NAME))
		return SL("record identifier");
	if (i == g->time && !sl_eq_str(g->features[i].name, FS_TIME_NAME))
		return SL("event time");
	return SL("");
}

static void show_group(
	struct aws *a, const char *name, enum report_format format, bool describe)
{
	AUTO_REPORT facts = { .columns = fact_columns, .n_columns = ARRAY_LEN(fact_columns) };
	AUTO_REPORT features = { .columns = feature_columns, .empty = "-" };
	const struct sl *described = NULL;
	AUTO_ARENA mem = { 0 };
	AUTO_FS_GROUP g = { 0 };
	struct str text = { 0 };

	fs_need_group(a, name, &g);
	if (format == REPORT_JSON || format == REPORT_NDJSON) {
		str_add(&text, g.doc->raw);
		str_addc(&text, '\n');
	} else {
		add_facts(&facts, &g);
		report_put(&facts, format, &text);
		str_addc(&text, '\n');
		if (describe)
			described = describe_all(a, &g, &mem);
		features.n_columns = PLAIN_COLUMNS + (described != NULL);
		add_features(&features, &g, described);
		report_put(&features, format, &text);
	}
	print(NULL, &text);
}

void fs_show_group(struct aws *a, const char *name, enum report_format format)
{
	show_group(a, name, format, false);
}

void fs_show_schema(struct aws *a, const char *name, enum report_format format)
{
	AUTO_REPORT features = { .columns = feature_columns, .n_columns = PLAIN_COLUMNS };
	bool lines = format == REPORT_NDJSON;
	const struct sl *described;
	AUTO_ARENA mem = { 0 };
	AUTO_FS_GROUP g = { 0 };
	struct str text = { 0 };

	if (format == REPORT_TABLE) {
		show_group(a, name, format, true);
		return;
	}
	fs_need_group(a, name, &g);
	if (format == REPORT_JSON || lines) {
		described = describe_all(a, &g, &mem);
		str_addz(&text, lines ? "" : "[");
		for (size_t i = 0; i < g.n; i++) {
			str_addz(&text, lines ? "" : i ? ",\n " : "\n ");
			fs_feature_put(&g.features[i], described ? described[i] : SL(""),
				told_role(&g, i), &text);
			str_addz(&text, lines ? "\n" : "");
		}
		str_addz(&text, lines ? "" : "\n]\n");
	} else {
		add_features(&features, &g, NULL);
		report_put(&features, format, &text);
	}
	print(NULL, &text);
}

/* ---- size ---------------------------------------------------------------------------------- */

static const struct report_column size_columns[] = {
	{ "Name", false },
	{ "Files", true },
	{ "Bytes", true },
	{ "GiB", true },
	{ "USDPerMonth", true },
	{ "Newest", false },
	{ "Location", false },
	{ "USDPerYear", true },
};

static void add_size(
	struct report *t, struct sl name, const struct fs_size *size, struct sl location)
{
	char text[CLOCK_TEXT_MAX];

	report_text(t, name);
	report_count(t, size->objects);
	report_count(t, size->bytes);
	report_real(t, (double)size->bytes / (1 << 30), 3);
	report_real(t, size->usd, 4);
	report_text(t, size->newest == INT64_MIN
				 ? NOTHING
				 : (struct sl){ text, clock_put(text, size->newest, false) });
	report_text(t, location);
	report_real(t, 12 * size->usd, 4);
}

/* Beside NAME.csv, NAME-monthly.csv. */
static void export_months(const struct fs_stock *stock, const char *export)
{
	struct str text = { 0 };
	AUTO_STR path = { 0 };
	size_t n = strlen(export);

	if (n > 4 && strcmp(export + n - 4, ".csv") == 0)
		n -= 4;
	str_addf(&path, "%.*s-monthly.csv", (int)n, export);
	fs_stock_months(stock, REPORT_CSV, &text);
	print(path.p, &text);
}

/* People are shown more than programs have a place for. */
static void print_sizes(struct report *t, struct fs_stock *stock, enum report_format format,
	const char *export)
{
	struct str text = { 0 };

	if (export) {
		report_put(t, REPORT_CSV, &text);
		print(export, &text);
		export_months(stock, export);
	}
	report_put(t, format, &text);
	if (format == REPORT_TABLE || format == REPORT_MARKDOWN)
		fs_stock_put(stock, format, &text);
	str_addz(&text, format == REPORT_JSON ? "\n" : "");
	print(NULL, &text);
	report_free(t);
	fs_stock_free(stock);
}

struct sized {
	struct fs_stock stock;
	struct fs_size all;
};

static bool take_one(void *ctx, const struct s3_object *o)
{
	struct sized *s = ctx;

	fs_size_add(&s->all, o, fs_stock_add(&s->stock, o));
	return true;
}

void fs_show_size(struct aws *a, const char *name, double price, enum report_format format,
	const char *export)
{
	struct report t = { .columns = size_columns, .n_columns = ARRAY_LEN(size_columns) };
	AUTO_FS_GROUP g = { 0 };
	struct sized s = { .stock.price = price, .all = FS_NO_SIZE };
	struct fs_place at;
	struct aws_error e;

	fs_need_group(a, name, &g);
	at = fs_offline_place(&g);
	if (!s3_list(a, at.bucket, at.prefix, take_one, &s, &e) && e.class != AWS_NOT_FOUND)
		aws_die(&e, "cannot list the offline store");
	add_size(&t, g.name, &s.all, g.resolved_uri);
	print_sizes(&t, &s.stock, format, export);
}

/* Sizes by the level below the prefix: of …/offline-store/, the groups. */
struct levels {
	size_t prefix;
	struct names names;
	struct fs_size *each;
	size_t cap;
	struct sized all;
};

static bool count_object(void *ctx, const struct s3_object *o)
{
	struct levels *l = ctx;
	struct sl rest = { o->key.p + l->prefix, o->key.n - l->prefix };
	const char *slash = memchr(rest.p, '/', rest.n);
	double usd = fs_stock_add(&l->all.stock, o);
	bool added;
	size_t i;

	if (slash)
		rest.n = (size_t)(slash - rest.p);
	i = names_add(&l->names, rest.n ? rest : SL("."), &added);
	mem_grow(&l->each, &l->cap, i + 1, sizeof *l->each);
	if (added)
		l->each[i] = (struct fs_size)FS_NO_SIZE;
	fs_size_add(&l->each[i], o, usd);
	fs_size_add(&l->all.all, o, usd);
	return true;
}

void fs_show_prefix(struct aws *a, const char *bucket, const char *prefix, double price,
	enum report_format format, const char *export)
{
	struct report t = { .columns = size_columns, .n_columns = ARRAY_LEN(size_columns) };
	struct levels l = { .all = { .stock.price = price, .all = FS_NO_SIZE } };
	AUTO_STR key = { 0 };
	struct aws_error e;

	while (*prefix == '/')
		prefix++;
	str_addz(&key, prefix);
	if (key.n && key.p[key.n - 1] != '/')
		str_addc(&key, '/');
	l.prefix = key.n;
	if (!s3_list(a, sl_of(bucket), str_sl(&key), count_object, &l, &e))
		aws_die(&e, "cannot list the bucket");
	for (size_t i = 0; i < l.names.n; i++) {
		AUTO_STR location = { 0 };

		str_addf(&location, "s3://%s/%s", bucket, str_z(&key));
		str_add(&location, l.names.name[i]);
		add_size(&t, l.names.name[i], &l.each[i], str_sl(&location));
	}
	add_size(&t, SL("total"), &l.all.all, SL(""));
	print_sizes(&t, &l.all.stock, format, export);
	names_free(&l.names);
	mem_free(l.each);
}
