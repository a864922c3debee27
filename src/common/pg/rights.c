#include "pg/rights.h"

/*
 * `sql` gives what is wanted for, and the statement that would grant it, in a row for each right
 * that is missing.
 */
static void want(struct pg *pg, const char *sql, const char *schema, const char *table)
{
	AUTO_RESULT *r = pg_query(pg, sql, table ? 2 : 1, (const char *[]){ schema, table });
	AUTO_STR hint = { 0 };

	if (pg_rows(r) > 0) {
		str_addz(&hint, "an administrator runs: ");
		for (size_t i = 0; i < pg_rows(r); i++)
			str_addf(&hint, "%s%s", i ? "; " : "", pg_valuez(r, i, 1));
		die_hint(EX_NOTALLOWED, str_z(&hint), "not allowed, %s: %s", pg_role(pg),
			pg_valuez(r, 0, 0));
	}
}

#define TO_ME ", current_user)"
#define MAY_USE                                                                             \
	"SELECT 'to use schema ' || nspname, format('GRANT USAGE ON SCHEMA %I TO %I', nspname" \
	TO_ME " FROM pg_namespace WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')"
/* its number first, so that rights are looked up for what is in it alone */
#define OF_SCHEMA                                                      \
	" FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace" \
	" WHERE n.oid = (SELECT oid FROM pg_namespace WHERE nspname = $1)"

void rights_to_read(struct pg *pg, const char *schema, const char *table)
{
	want(pg,
		MAY_USE " UNION ALL SELECT format('to read %s.%s', nspname, relname),"
			" format('GRANT SELECT ON %I.%I TO %I', nspname, relname" TO_ME
			OF_SCHEMA " AND relname = $2"
			" AND NOT has_any_column_privilege(c.oid, 'SELECT')",
		schema, table);
}

void rights_make_schema(struct pg *pg, const char *schema)
{
	struct str sql = { 0 };

	if (pg_is_yes(pg_query(pg, "SELECT FROM pg_namespace WHERE nspname = $1", 1, &schema)))
		return;
	want(pg,
		"SELECT 'to make schema ' || $1,"
		" format('CREATE SCHEMA %I AUTHORIZATION %I', $1" TO_ME
		" WHERE NOT has_database_privilege(current_database(), 'CREATE')",
		schema, NULL);
	str_addz(&sql, "CREATE SCHEMA IF NOT EXISTS ");
	pg_add_ident(pg, &sql, sl_of(schema));
	pg_exec(pg, str_z(&sql));
	str_free(&sql);
}

void rights_to_make(struct pg *pg, const char *schema)
{
	want(pg,
		"SELECT 'to make tables in schema ' || nspname,"
		" format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', nspname" TO_ME
		" FROM pg_namespace WHERE nspname = $1 AND NOT (has_schema_privilege(oid, 'USAGE')"
		"  AND has_schema_privilege(oid, 'CREATE'))",
		schema, NULL);
}

void rights_to_read_all(struct pg *pg, const char *schema)
{
	want(pg,
		MAY_USE " UNION ALL SELECT DISTINCT"
			" format('to read the tables of schema %s', nspname),"
			" format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', nspname" TO_ME
			OF_SCHEMA " AND relkind = 'r' AND NOT has_table_privilege(c.oid, 'SELECT')",
		schema, NULL);
}

void rights_to_change(struct pg *pg, const char *schema)
{
	want(pg,
		MAY_USE " UNION ALL SELECT DISTINCT"
			" format('to change the tables of schema %s', nspname),"
			" format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I"
			" TO %2$I; GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I',"
			" nspname" TO_ME
			OF_SCHEMA
			" AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE')"
			"  WHEN 'r' THEN EXISTS (SELECT FROM"
			"   unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS p"
			"   WHERE NOT has_table_privilege(c.oid, p)) END",
		schema, NULL);
}
