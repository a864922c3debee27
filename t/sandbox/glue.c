/* Glue: the tables and databases of offline stores. */
#include "offline.h"
#include "service.h"

static const char *const types[] = { "bigint", "double", "string" };

static void put_columns(struct str *s, const struct offline *o)
{
	static const char *const own[][2] = { { "write_time", "timestamp" },
		{ "api_invocation_time", "timestamp" }, { "is_deleted", "boolean" } };

	put_key(s, "Columns");
	str_addc(s, '[');
	for (size_t i = 0; i < o->n_columns + ARRAY_LEN(own); i++) {
		bool feature = i < o->n_columns;

		str_addz(s, i ? ",{" : "{");
		put_member(
			s, "Name", feature ? o->columns[i].name : sl_of(own[i - o->n_columns][0]));
		put_member(s, "Type",
			sl_of(feature ? types[o->columns[i].type] : own[i - o->n_columns][1]));
		str_addc(s, '}');
	}
	str_addc(s, ']');
}

static bool read_names(struct exchange *x, const struct json *in, const char *table_key,
	struct sl *database, struct sl *table)
{
	*database = *table = SL("");
	(void)json_get_str(in, "DatabaseName", database);
	if (json_get_str(in, table_key, table) && database->n)
		return true;
	return exchange_fail(
		x, 400, "InvalidInputException", "DatabaseName and %s are needed", table_key);
}

static struct offline *asked_table(struct exchange *x, struct sl database, struct sl table)
{
	struct offline *o = offline_find(x->account, x->region, database, table);

	if (!o)
		(void)exchange_fail(x, 400, "EntityNotFoundException",
			"Entity Not Found (Table %.*s not found.)", (int)table.n, table.p);
	return o;
}

static void get_table(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl database, table;
	struct offline *o;
	struct str *s = &x->out;

	if (!in || !read_names(x, in, "Name", &database, &table))
		return;
	o = asked_table(x, database, table);
	if (!o)
		return;
	put_key(s, "Table");
	str_addc(s, '{');
	put_member(s, "Name", o->table);
	put_member(s, "DatabaseName", o->database);
	put_member(s, "CatalogId", o->account);
	put_seconds(s, "CreateTime", o->created);
	put_member(s, "TableType", SL("EXTERNAL_TABLE"));
	put_key(s, "Parameters");
	str_addz(s, o->iceberg ? "{\"table_type\":\"ICEBERG\"}" : "{\"EXTERNAL\":\"TRUE\"}");
	put_key(s, "StorageDescriptor");
	str_addc(s, '{');
	put_columns(s, o);
	put_member(s, "Location",
		exchange_printf(x, "s3://%.*s/%.*s", (int)o->bucket.n, o->bucket.p,
			(int)o->prefix.n, o->prefix.p));
	str_addz(s, "}}}");
}

static void delete_table(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl database, table;
	struct offline *o;

	if (!in || !read_names(x, in, "Name", &database, &table))
		return;
	o = asked_table(x, database, table);
	if (o)
		o->dropped = true;
}

static void get_database(struct exchange *x)
{
	const struct json *in = exchange_json(x);
	struct sl name = SL("");

	(void)json_get_str(in, "Name", &name);
	if (!in)
		return;
	if (!offline_has_database(x->account, x->region, name)) {
		(void)exchange_fail(x, 400, "EntityNotFoundException", "Database %.*s not found.",
			(int)name.n, name.p);
		return;
	}
	put_key(&x->out, "Database");
	str_addc(&x->out, '{');
	put_member(&x->out, "Name", name);
	put_member(&x->out, "CatalogId", x->account);
	str_addz(&x->out, "}}");
}

const struct operation glue_operations[] = {
	{ "GetTable", get_table },
	{ "DeleteTable", delete_table },
	{ "GetDatabase", get_database },
	OPERATION_END,
};
