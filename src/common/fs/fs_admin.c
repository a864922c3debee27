#include "fs/fs_admin.h"

#include "aws/athena.h"
#include "core/clock.h"
#include "core/fd.h"
#include "core/hash.h"
#include "fs/fs_offline.h"
#include "fs/fs_wait.h"
#include "stream/out.h"

#include <unistd.h>

#define MAX_ADDITIONS 100 /* features of one UpdateFeatureGroup */

static void check_time_feature(const struct fs_schema *s, const struct fs_admin *o)
{
	size_t time = fs_schema_find(s, sl_of(o->time_name));
	size_t id = fs_schema_find(s, sl_of(o->id_name));

	if (id == SIZE_MAX)
		die_hint(EX_DATA, "--record-identifier-name names another",
			"the schema has no feature %s for the record identifier",
			msg_q(sl_of(o->id_name)));
	if (time == SIZE_MAX)
		die_hint(EX_DATA, "--event-time-feature-name names another",
			"the schema has no feature %s for the event time",
			msg_q(sl_of(o->time_name)));
	if (s->features[time].type == FS_INTEGRAL)
		die(EX_DATA, "feature %s: an event time is a String or Fractional, not Integral",
			msg_q(sl_of(o->time_name)));
	if (s->features[id].collection != FS_SCALAR || s->features[time].collection != FS_SCALAR)
		die(EX_DATA, "record identifier and event time cannot be collections");
}

static void check_create(const char *name, const struct fs_schema *s, const struct fs_admin *o)
{
	const char *why = fs_name_check(sl_of(name));

	if (why)
		die(EX_USAGE_, "feature group %s: %s", msg_q(sl_of(name)), why);
	if (strncmp(o->role, "arn:", 4) != 0)
		opt_usage("--role-arn: not an ARN: %s", msg_q(sl_of(o->role)));
	if (!o->online && !o->offline)
		opt_usage("--no-online-store and --no-offline-store together leave no store");
	if (o->offline && strncmp(o->s3_uri, "s3://", 5) != 0)
		opt_usage("--s3-uri: not like s3://BUCKET/PREFIX: %s", msg_q(sl_of(o->s3_uri)));
	if (o->throughput == FS_PROVISIONED && (!o->read_units || !o->write_units))
		opt_usage("--throughput-mode Provisioned needs --read-capacity-units and "
			  "--write-capacity-units");
	check_time_feature(s, o);
	for (size_t i = 0; i < s->n; i++)
		if (s->features[i].collection != FS_SCALAR &&
			(!o->online || !o->storage_type ||
				strcmp(o->storage_type, "InMemory") != 0))
			die_hint(EX_DATA, "--storage-type InMemory",
				"feature %s: collections need an online store of type InMemory",
				msg_q(s->features[i].name));
}

static void put_online(struct str *b, const struct fs_admin *o)
{
	str_addz(b, ",\"OnlineStoreConfig\":{\"EnableOnlineStore\":true");
	if (o->storage_type)
		str_add_member(b, "StorageType", sl_of(o->storage_type));
	if (o->kms_key) {
		str_addz(b, ",\"SecurityConfig\":{\"KmsKeyId\":");
		str_add_json(b, sl_of(o->kms_key));
		str_addc(b, '}');
	}
	if (o->ttl_days)
		str_addf(b, ",\"TtlDuration\":{\"Unit\":\"Days\",\"Value\":%llu}",
			(unsigned long long)o->ttl_days);
	str_addc(b, '}');
}

static void put_offline(struct str *b, const struct fs_admin *o)
{
	str_addz(b, ",\"OfflineStoreConfig\":{\"S3StorageConfig\":{\"S3Uri\":");
	str_add_json(b, sl_of(o->s3_uri));
	if (o->kms_key)
		str_add_member(b, "KmsKeyId", sl_of(o->kms_key));
	str_addf(b, "},\"TableFormat\":\"%s\"}",
		o->table_kind == FS_KIND_ICEBERG ? "Iceberg" : "Glue");
}

static void put_tags(struct str *b, const struct opt_list *tags)
{
	for (size_t i = 0; i < tags->n; i++) {
		const char *name = tags->v[i].p, *eq = strchr(name, '=');

		if (!eq || eq == name)
			opt_usage("--tags: not like NAME=VALUE: %s", msg_q(tags->v[i]));
		str_addz(b, i ? ",{\"Key\":" : ",\"Tags\":[{\"Key\":");
		str_add_json(b, (struct sl){ name, (size_t)(eq - name) });
		str_add_member(b, "Value", sl_of(eq + 1));
		str_addz(b, i + 1 == tags->n ? "}]" : "}");
	}
}

static void put_create(
	struct str *b, const char *name, const struct fs_schema *s, const struct fs_admin *o)
{
	str_addc(b, '{');
	str_add_member(b, "FeatureGroupName", sl_of(name));
	str_add_member(b, "RecordIdentifierFeatureName", sl_of(o->id_name));
	str_add_member(b, "EventTimeFeatureName", sl_of(o->time_name));
	str_addz(b, ",\"FeatureDefinitions\":");
	fs_schema_put(s, 0, s->n, b);
	if (o->online)
		put_online(b, o);
	if (o->offline)
		put_offline(b, o);
	if (o->throughput == FS_PROVISIONED)
		str_addf(b,
			",\"ThroughputConfig\":{\"ThroughputMode\":\"Provisioned\","
			"\"ProvisionedReadCapacityUnits\":%llu,\"ProvisionedWriteCapacityUnits\":%"
			"llu}",
			(unsigned long long)o->read_units, (unsigned long long)o->write_units);
	str_add_member(b, "RoleArn", sl_of(o->role));
	if (o->description)
		str_add_member(b, "Description", sl_of(o->description));
	put_tags(b, &o->tags);
	str_addc(b, '}');
}

static void call(struct aws *a, const char *operation, const struct str *body, const char *what)
{
	AUTO_ARENA mem = { 0 };
	struct aws_error e;

	if (!fs_control(a, operation, str_sl(body), &mem, &e))
		aws_die(&e, what);
}

static bool same_feature(const struct fs_feature *a, const struct fs_feature *b)
{
	return sl_eq(a->name, b->name) && a->type == b->type && a->collection == b->collection &&
	       a->dimension == b->dimension;
}

/* Is the group one that an earlier try began to make of this schema, and did not finish? */
static bool is_unfinished(
	struct aws *a, const char *name, const struct fs_schema *s, const struct fs_admin *o)
{
	AUTO_FS_GROUP g = { 0 };
	struct aws_error e;
	bool there = fs_describe(a, sl_of(name), &g, &e);
	bool same = there && g.n == s->n &&
		    sl_eq_str(g.features[g.id].name, o->id_name) &&
		    sl_eq_str(g.features[g.time].name, o->time_name);
	bool unfinished = same && sl_eq(g.status, SL("Creating"));

	if (there && sl_eq(g.status, SL("CreateFailed")))
		die_hint(EX_EXISTS, "'fs delete' removes it",
			"feature group %s is there, but CreateFailed: %.*s", msg_q(g.name),
			(int)g.failure.n, g.failure.p);
	for (size_t i = 0; i < s->n && same; i++)
		same = same_feature(&g.features[i], &s->features[i]);
	for (size_t i = 0; i < s->n && same && !unfinished; i++) {
		AUTO_ARENA mem = { 0 };

		unfinished = s->descriptions[i].n &&
			     sl_eq(g.status, SL("Created")) &&
			     !fs_feature_description(a, g.name, s->features[i].name, &mem, &e).n &&
			     e.class == AWS_FINE;
	}
	return same && unfinished;
}

/* Makes it, or goes on where an earlier try broke off. */
static void make(struct aws *a, const char *name, const struct fs_schema *s,
	const struct fs_admin *o, const struct str *body)
{
	AUTO_ARENA mem = { 0 };
	struct aws_error e;

	if (fs_control(a, "CreateFeatureGroup", str_sl(body), &mem, &e))
		return;
	if (strcmp(e.code, "ResourceInUse") != 0 || !is_unfinished(a, name, s, o))
		aws_die(&e, N_("cannot create the feature group"));
	msg_note("an earlier try began to create %s: going on from there", msg_q(sl_of(name)));
}

/* Descriptions are metadata of the features of a group that exists; `only`: of those it has. */
static void describe_features(
	struct aws *a, const char *name, const struct fs_schema *s, const struct fs_group *only)
{
	AUTO_STR body = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		if (!s->descriptions[i].n ||
			(only && fs_group_feature(only, s->features[i].name) == SIZE_MAX))
			continue;
		str_clear(&body);
		str_addc(&body, '{');
		str_add_member(&body, "FeatureGroupName", sl_of(name));
		str_add_member(&body, "FeatureName", s->features[i].name);
		str_add_member(&body, "Description", s->descriptions[i]);
		str_addc(&body, '}');
		call(a, "UpdateFeatureMetadata", &body, "cannot describe a feature");
	}
}

void fs_admin_create(
	struct aws *a, const char *name, const struct fs_schema *s, const struct fs_admin *o)
{
	AUTO_STR body = { 0 }, line = { 0 };

	check_create(name, s, o);
	if (o->encryption && !o->kms_key)
		msg_note("without --kms-key-id the stores are encrypted with a key of AWS");
	put_create(&body, name, s, o);
	if (o->dry_run) {
		str_addf(&line, tr("would create feature group %s: %s\n"), name, str_z(&body));
	} else {
		make(a, name, s, o, &body);
		if (o->wait) {
			fs_wait(a, sl_of(name), FS_CREATED, o->wait_timeout);
			describe_features(a, name, s, NULL);
		}
		str_addf(&line, o->wait ? tr("created feature group %s with %zu features\n")
					: tr("is creating feature group %s with %zu features\n"),
			name, s->n);
	}
	out_print(str_sl(&line));
}

/* Features the group has already, just so, are left out: a run that broke off is run again. */
static void leave_out(const struct fs_group *g, struct fs_schema *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t there = fs_group_feature(g, s->features[i].name);

		if (there != SIZE_MAX && same_feature(&g->features[there], &s->features[i])) {
			msg_warn("feature %s is there already", msg_q(s->features[i].name));
			continue;
		}
		s->features[n] = s->features[i];
		s->descriptions[n++] = s->descriptions[i];
	}
	s->n = n;
}

static void check_additions(const struct fs_group *g, const struct fs_schema *s)
{
	size_t vectors = 0;

	if (!sl_eq(g->status, SL("Created")))
		die(EX_REFUSED, "feature group %s is %.*s, not Created", msg_q(g->name),
			(int)g->status.n, g->status.p);
	for (size_t i = 0; i < s->n; i++) {
		size_t there = fs_group_feature(g, s->features[i].name);

		if (there != SIZE_MAX)
			die(EX_DATA, "feature %s: the group has %s already",
				msg_q(s->features[i].name), msg_q(g->features[there].name));
		if (s->features[i].collection != FS_SCALAR &&
			!sl_eq(g->storage_type, SL("InMemory")))
			die(EX_DATA,
				"feature %s: collections need an online store of type InMemory",
				msg_q(s->features[i].name));
	}
	for (size_t i = 0; i < g->n; i++)
		vectors += g->features[i].collection == FS_VECTOR;
	for (size_t i = 0; i < s->n; i++)
		if (s->features[i].collection == FS_VECTOR && vectors++)
			die(EX_DATA, "feature %s: a group has one Vector at most",
				msg_q(s->features[i].name));
	if (g->n + s->n > FS_MAX_FEATURES)
		die(EX_DATA, "feature group %s would have %zu features; %d is the most",
			msg_q(g->name), g->n + s->n, FS_MAX_FEATURES);
}

static void add_some(
	struct aws *a, const char *name, const struct fs_schema *s, size_t from, size_t to)
{
	AUTO_STR body = { 0 };

	str_addz(&body, "{\"FeatureGroupName\":");
	str_add_json(&body, sl_of(name));
	str_addz(&body, ",\"FeatureAdditions\":");
	fs_schema_put(s, from, to, &body);
	str_addc(&body, '}');
	call(a, "UpdateFeatureGroup", &body, "cannot add features");
}

void fs_admin_add(
	struct aws *a, const char *name, struct fs_schema *s, const struct fs_admin *o)
{
	AUTO_FS_GROUP g = { 0 };
	AUTO_STR line = { 0 };

	fs_need_group(a, name, &g);
	if (!o->dry_run && o->wait)
		describe_features(a, name, s, &g);
	leave_out(&g, s);
	check_additions(&g, s);
	for (size_t i = 0; i < s->n; i += MAX_ADDITIONS) {
		size_t to = i + MAX_ADDITIONS < s->n ? i + MAX_ADDITIONS : s->n;

		if (o->dry_run)
			continue;
		add_some(a, name, s, i, to);
		if (o->wait || to < s->n)
			fs_wait(a, sl_of(name), FS_UPDATED, o->wait_timeout);
	}
	if (!o->dry_run && o->wait)
		describe_features(a, name, s, NULL);
	for (size_t i = 0; i < s->n; i++) {
		str_addz(&line, tr(o->dry_run ? N_("would add ") : o->wait ? N_("added ")
				: N_("is adding ")));
		fs_feature_put(&s->features[i], SL(""), SL(""), &line);
		str_addc(&line, '\n');
	}
	out_print(str_sl(&line));
}

void fs_admin_tags(struct aws *a, const char *arn, const struct fs_admin *o)
{
	AUTO_ARENA mem = { 0 };
	AUTO_STR body = { 0 }, text = { 0 };
	struct aws_error e;
	const struct json *got;

	str_addz(&body, "{\"ResourceArn\":");
	str_add_json(&body, sl_of(arn));
	if (o->tags.n) {
		size_t n = body.n;

		put_tags(&body, &o->tags);
		str_addc(&body, '}');
		call(a, "AddTags", &body, N_("cannot set tags"));
		body.n = n;
	}
	str_addc(&body, '}');
	got = fs_control(a, "ListTags", str_sl(&body), &mem, &e);
	if (!got)
		aws_die(&e, N_("cannot read tags"));
	for (got = json_first(got, "Tags"); got; got = got->next) {
		str_add(&text, json_text(got, "Key"));
		str_addc(&text, '=');
		str_add(&text, json_text(got, "Value"));
		str_addc(&text, '\n');
	}
	out_print(str_sl(&text));
}

/* ---- deleting groups, and emptying offline stores ------------------------------------------ */

static bool is_iceberg(const struct fs_group *g)
{
	return sl_eq(g->table_format, SL("Iceberg"));
}

/* True when it succeeded; else `why` says what happened. */
static bool run_statement(struct aws *a, const struct fs_group *g, const struct str *sql,
	const struct fs_admin *o, struct str *why)
{
	struct athena_query q = { .sql = str_sl(sql),
		.database = g->database,
		.catalog = g->catalog,
		.workgroup = sl_of(o->workgroup) };
	struct athena_execution x;
	AUTO_ARENA mem = { 0 };
	AUTO_STR place = { 0 };
	struct aws_error e;
	char id[80], token[65], now[32];
	bool ok;

	fs_result_location(a, g, o->athena_output, q.workgroup, &place);
	q.output = str_sl(&place);
	/* a statement that changes data is a new one each time */
	(void)snprintf(now, sizeof now, "%lld", (long long)clock_now());
	athena_token(&q, sl_of(now), token);
	q.token = (struct sl){ token, 64 };
	ok = athena_start(a, &q, id, &e) &&
	     athena_wait(a, id, o->wait_timeout, NULL, NULL, &mem, &x, &e);
	if (!ok)
		str_addz(why, aws_error_text(&e));
	else if (x.state != ATHENA_SUCCEEDED)
		str_addf(why, "%s: %.*s", sql->p, (int)x.reason.n, x.reason.p);
	return why->n == 0;
}

/* s3://BUCKET/PREFIX/GROUP/TIME/: two backups never meet. */
static struct fs_place backup_place(struct fs_group *g, const char *uri)
{
	struct fs_place p;
	struct sl key;
	AUTO_STR prefix = { 0 };
	char now[CLOCK_TEXT_MAX];

	if (!s3_parse(sl_of(uri), &p.bucket, &key))
		opt_usage("--backup-s3: not like s3://BUCKET/PREFIX: %s", msg_q(sl_of(uri)));
	while (key.n && key.p[key.n - 1] == '/')
		key.n--;
	str_addf(&prefix, "%.*s%s%.*s/%.*s/", (int)key.n, key.p, key.n ? "/" : "",
		(int)g->name.n, g->name.p,
		(int)clock_put_basic(now, clock_floor(clock_now(), CLOCK_US_PER_SEC)), now);
	p.prefix = arena_dup(&g->arena, str_sl(&prefix));
	return p;
}

static void back_up(struct aws *a, struct fs_place from, struct fs_place to, struct str *text)
{
	struct aws_error e;
	uint64_t n;

	if (!fs_offline_copy(a, from, to, &n, &e))
		aws_die(&e, "backup failed, nothing was cleared");
	str_addf(text, tr("copied %llu objects to s3://%.*s/%.*s\n"), (unsigned long long)n,
		(int)to.bucket.n, to.bucket.p, (int)to.prefix.n, to.prefix.p);
}

struct copied {
	struct names names;
	size_t prefix;
};

static bool add_copied(void *ctx, const struct s3_object *o)
{
	struct copied *c = ctx;
	struct sl name = o->key;

	sl_skip(&name, c->prefix);
	(void)names_add(&c->names, name, NULL);
	return true;
}

static void list_copied(struct aws *a, const char *uri, const char *otherwise, struct copied *c)
{
	struct sl bucket, prefix;
	struct aws_error e;

	if (!s3_parse(sl_of(uri), &bucket, &prefix))
		opt_usage("--copied: not like s3://BUCKET/PREFIX: %s", msg_q(sl_of(uri)));
	c->prefix = prefix.n;
	if (!s3_list(a, bucket, prefix, add_copied, c, &e))
		aws_die(&e, otherwise);
}

/* What came since the backup in `copied` was made is in no copy, and stays; NULL: all goes. */
static void delete_objects(struct aws *a, struct fs_place at, const char *copied,
	const char *otherwise, struct str *text)
{
	struct copied c = { .prefix = 0 };
	struct aws_error e;
	uint64_t n = 0;

	if (copied)
		list_copied(a, copied, otherwise, &c);
	if (!s3_delete_prefix(a, at.bucket, at.prefix, copied ? &c.names : NULL, &n, &e) &&
		e.class != AWS_NOT_FOUND)
		aws_die(&e, otherwise);
	str_addf(text, tr("deleted %llu objects under s3://%.*s/%.*s\n"), (unsigned long long)n,
		(int)at.bucket.n, at.bucket.p, (int)at.prefix.n, at.prefix.p);
	names_free(&c.names);
}

static void empty_offline(struct aws *a, struct fs_group *g, struct fs_place at,
	const struct fs_admin *o, struct str *text)
{
	struct str why = { 0 };
	AUTO_STR sql = { 0 };

	if (is_iceberg(g)) {
		if (!g->table.n)
			die(EX_REFUSED,
				"feature group %s has no table in the data catalog, so "
				"its Iceberg data cannot be deleted",
				msg_q(g->name));
		str_addz(&sql, "DELETE FROM ");
		str_add_quoted(&sql, g->database, '"');
		str_addc(&sql, '.');
		str_add_quoted(&sql, g->table, '"');
		if (o->where)
			str_addf(&sql, " WHERE %s", o->where);
		if (!run_statement(a, g, &sql, o, &why))
			die(EX_REFUSED, "the offline store is not cleared: %s", why.p);
		str_addf(text, tr("deleted %s rows of the Iceberg table %.*s\n"),
			o->where ? tr("those") : tr("all"), (int)g->table.n, g->table.p);
		return;
	}
	if (o->where)
		die_hint(EX_REFUSED, "an Iceberg table can",
			"the offline store of %s is no Iceberg table, so rows cannot be taken out "
			"of it",
			msg_q(g->name));
	delete_objects(a, at, o->copied, N_("the offline store is not empty yet; run it again"),
		text);
}

/* What is deleted behind something else is tried before it, by an object that is not there, and so
 * is listing the copy. A table of Iceberg is left to Athena. */
static void try_deleting(
	struct aws *a, const struct fs_group *g, struct fs_place at, const char *copied)
{
	struct copied c = { .prefix = 0 };
	AUTO_STR key = { 0 };
	struct aws_error e;

	if (copied && !is_iceberg(g))
		list_copied(a, copied, N_("the copy cannot be listed, so nothing is deleted"), &c);
	names_free(&c.names);
	str_addf(&key, "%.*sferry-may-delete", (int)at.prefix.n, at.prefix.p);
	if (!is_iceberg(g) && !s3_delete(a, at.bucket, str_sl(&key), &e) &&
		e.class != AWS_NOT_FOUND)
		aws_die(&e, "the offline store cannot be emptied, so nothing is deleted");
}

static void size_text(struct aws *a, struct fs_place at, const char *verb, struct str *text)
{
	struct fs_size size;
	struct aws_error e;

	if (!fs_offline_size(a, at, &size, &e))
		aws_die(&e, "cannot list the offline store");
	str_addf(text, tr("%s %llu objects, %llu bytes, under s3://%.*s/%.*s\n"), tr(verb),
		(unsigned long long)size.objects, (unsigned long long)size.bytes, (int)at.bucket.n,
		at.bucket.p, (int)at.prefix.n, at.prefix.p);
}

void fs_admin_clear(struct aws *a, const char *name, const struct fs_admin *o)
{
	AUTO_FS_GROUP g = { 0 };
	struct fs_place at, to = { SL(""), SL("") };
	AUTO_STR text = { 0 };

	fs_need_group(a, name, &g);
	at = fs_offline_place(&g);
	if (o->backup)
		to = backup_place(&g, o->backup);
	if (o->dry_run) {
		if (o->backup)
			str_addf(&text, tr("would copy the offline store to s3://%.*s/%.*s\n"),
				(int)to.bucket.n, to.bucket.p, (int)to.prefix.n, to.prefix.p);
		if (o->try_deleting)
			try_deleting(a, &g, at, o->copied);
		size_text(a, at,
			is_iceberg(&g) ? N_("would delete all rows of the Iceberg table:")
				       : N_("would delete"),
			&text);
	} else {
		if (o->backup)
			back_up(a, at, to, &text);
		empty_offline(a, &g, at, o, &text);
	}
	out_print(str_sl(&text));
}

void fs_admin_backup(struct aws *a, const char *name, const struct fs_admin *o)
{
	AUTO_FS_GROUP g = { 0 };
	AUTO_STR text = { 0 };

	if (!o->backup)
		opt_usage("--backup-s3 is needed");
	fs_need_group(a, name, &g);
	back_up(a, fs_offline_place(&g), backup_place(&g, o->backup), &text);
	out_print(str_sl(&text));
}

static void drop_table(struct aws *a, const struct fs_group *g, struct str *text)
{
	AUTO_STR body = { 0 };
	AUTO_ARENA mem = { 0 };
	struct aws_error e;

	str_addc(&body, '{');
	str_add_member(&body, "DatabaseName", g->database);
	str_add_member(&body, "Name", g->table);
	str_addc(&body, '}');
	if (aws_do_json(a, AWS_GLUE, "DeleteTable", str_sl(&body), &mem, &e))
		str_addf(text, tr("dropped table %.*s\n"), (int)g->table.n, g->table.p);
	else if (e.class != AWS_NOT_FOUND && strcmp(e.code, "EntityNotFoundException") != 0)
		msg_warn("the table is still in the data catalog: %s", aws_error_text(&e));
}

/* Iceberg keeps metadata beside the data. */
static struct fs_place data_place(struct fs_group *g)
{
	struct fs_place at = fs_offline_place(g);

	if (is_iceberg(g))
		at.prefix.n -= strlen("data/");
	return at;
}

/*
 * The data of a group that is gone. The table goes first, so
 * that no query meets half a table; where that is not allowed, an empty table is left behind.
 */
static void delete_data(struct aws *a, struct fs_group *g, struct str *text)
{
	struct fs_place at = data_place(g);

	if (g->own_table)
		str_addf(text, tr("kept table %.*s, which is not the group's own\n"),
			(int)g->table.n, g->table.p);
	else if (g->table.n)
		drop_table(a, g, text);
	delete_objects(
		a, at, NULL, N_("the group is deleted, but not all of its offline data"), text);
}

/* Nobody can ask for them when the group has gone. */
static void tell_data(struct fs_group *g)
{
	struct fs_place at = data_place(g);
	AUTO_STR text = { 0 };

	if (g->table.n && !g->own_table)
		str_addf(&text, tr("if this ends early, 'aws s3 rm --recursive s3://%.*s/%.*s' and "
			 "'aws glue delete-table --database-name %.*s --name %.*s' "
			 "delete the offline data"),
			(int)at.bucket.n, at.bucket.p, (int)at.prefix.n, at.prefix.p,
			(int)g->database.n, g->database.p, (int)g->table.n, g->table.p);
	else
		str_addf(&text, tr("if this ends early, 'aws s3 rm --recursive s3://%.*s/%.*s' "
			 "deletes the offline data"),
			(int)at.bucket.n, at.bucket.p, (int)at.prefix.n, at.prefix.p);
	str_addc(&text, '\n');
	if (!fd_write(STDOUT_FILENO, str_sl(&text)))
		die_errno(EX_IO, "cannot write to standard output");
}

static void delete_group(struct aws *a, const char *name, struct fs_group *g,
	const struct fs_admin *o, struct str *text)
{
	AUTO_STR body = { 0 };
	AUTO_ARENA mem = { 0 };
	struct aws_error e;

	if (g->offline && !o->keep_data)
		try_deleting(a, g, fs_offline_place(g), NULL);
	if (g->offline && !o->keep_data)
		tell_data(g);
	str_addz(&body, "{\"FeatureGroupName\":");
	str_add_json(&body, sl_of(name));
	str_addc(&body, '}');
	if (!fs_control(a, "DeleteFeatureGroup", str_sl(&body), &mem, &e))
		aws_die(&e, "cannot delete the feature group");
	if (o->wait)
		fs_wait(a, sl_of(name), FS_DELETED, o->wait_timeout);
	str_addf(text, o->wait ? tr("deleted feature group %s\n")
			       : tr("is deleting feature group %s\n"), name);
	if (g->offline && !o->keep_data)
		delete_data(a, g, text);
}

void fs_admin_delete(struct aws *a, const char *name, const struct fs_admin *o)
{
	AUTO_FS_GROUP g = { 0 };
	AUTO_STR text = { 0 };

	fs_need_group(a, name, &g);
	if (o->dry_run) {
		str_addf(&text,
			g.online ? tr("would delete feature group %s with its online store\n")
				 : tr("would delete feature group %s\n"), name);
		if (g.offline)
			size_text(a, fs_offline_place(&g),
				o->keep_data ? N_("would keep") : N_("would delete"), &text);
		if (g.table.n)
			str_addf(&text, g.own_table || o->keep_data
					? tr("would keep table %.*s\n")
					: tr("would drop table %.*s\n"), (int)g.table.n, g.table.p);
	} else {
		delete_group(a, name, &g, o, &text);
	}
	out_print(str_sl(&text));
}
