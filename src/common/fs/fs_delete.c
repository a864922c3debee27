/* fs_delete.c - deleting groups, and emptying offline stores. */
#include "aws/athena.h"
#include "core/clock.h"
#include "fs/fs_admin.h"
#include "fs/fs_offline.h"
#include "fs/fs_wait.h"
#include "stream/out.h"

static bool is_iceberg(const struct fs_group *g)
{
	return sl_eq(g->table_format, SL("Iceberg"));
}

static void add_double_quoted(struct str *s, struct sl name)
{
	str_addc(s, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			str_addc(s, '"');
		str_addc(s, name.p[i]);
	}
	str_addc(s, '"');
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

static void delete_objects(
	struct aws *a, struct fs_place at, const char *otherwise, struct str *text)
{
	struct aws_error e;
	uint64_t n = 0;

	if (!s3_delete_prefix(a, at.bucket, at.prefix, &n, &e) && e.class != AWS_NOT_FOUND)
		aws_die(&e, otherwise);
	str_addf(text, tr("deleted %llu objects under s3://%.*s/%.*s\n"), (unsigned long long)n,
		(int)at.bucket.n, at.bucket.p, (int)at.prefix.n, at.prefix.p);
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
		add_double_quoted(&sql, g->database);
		str_addc(&sql, '.');
		add_double_quoted(&sql, g->table);
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
	delete_objects(a, at, N_("the offline store is not empty yet; run it again"), text);
}

/* What is deleted behind something else is tried before it, by an object that is not there. A table
 * of Iceberg is left to Athena. */
static void try_deleting(struct aws *a, const struct fs_group *g, struct fs_place at)
{
	AUTO_STR key = { 0 };
	struct aws_error e;

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
		size_text(a, at,
			is_iceberg(&g) ? N_("would delete all rows of the Iceberg table:")
				       : N_("would delete"),
			&text);
		if (o->try_deleting)
			try_deleting(a, &g, at);
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
	struct aws_error e;
	struct aws_reply r;
	struct aws_call c = { .service = AWS_GLUE,
		.operation = "DeleteTable",
		.method = "POST",
		.path = SL("/"),
		.content_type = SL("application/x-amz-json-1.1"),
		.target = "AWSGlue.DeleteTable",
		.repeatable = true };

	str_addc(&body, '{');
	str_add_member(&body, "DatabaseName", g->database);
	str_add_member(&body, "Name", g->table);
	str_addc(&body, '}');
	c.body = str_sl(&body);
	if (aws_do(a, &c, &r, &e))
		str_addf(text, tr("dropped table %.*s\n"), (int)g->table.n, g->table.p);
	else if (e.class != AWS_NOT_FOUND && strcmp(e.code, "EntityNotFoundException") != 0)
		msg_warn("the table is still in the data catalog: %s", aws_error_text(&e));
}

/*
 * The data of a group that is gone: Iceberg keeps metadata beside them. The table goes first, so
 * that no query meets half a table; where that is not allowed, an empty table is left behind.
 */
static void delete_data(struct aws *a, struct fs_group *g, struct str *text)
{
	struct fs_place at = fs_offline_place(g);

	if (is_iceberg(g))
		at.prefix.n -= strlen("data/");
	if (g->own_table)
		str_addf(text, tr("kept table %.*s, which is not the group's own\n"),
			(int)g->table.n, g->table.p);
	else if (g->table.n)
		drop_table(a, g, text);
	delete_objects(
		a, at, N_("the group is deleted, but not all of its offline data"), text);
}

static void delete_group(struct aws *a, const char *name, struct fs_group *g,
	const struct fs_admin *o, struct str *text)
{
	AUTO_STR body = { 0 };
	AUTO_ARENA mem = { 0 };
	struct aws_error e;

	if (g->offline && !o->keep_data)
		try_deleting(a, g, fs_offline_place(g));
	str_addz(&body, "{\"FeatureGroupName\":");
	str_add_json(&body, sl_of(name));
	str_addc(&body, '}');
	if (!fs_control(a, "DeleteFeatureGroup", str_sl(&body), &mem, &e))
		aws_die(&e, "cannot delete the feature group");
	if (o->wait)
		fs_wait_deleted(a, sl_of(name), o->wait_timeout);
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
