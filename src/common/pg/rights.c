#include "pg/rights.h"

#include "pg/rights.sql.h"

/* `sql` gives a row for each right that is missing (rights.sql). */
static void want(struct pg *pg, const char *sql, const char *schema, const char *table)
{
	int n = table ? 2 : schema ? 1 : 0;
	AUTO_RESULT *r = pg_query(pg, sql, n, (const char *[]){ schema, table });
	AUTO_STR hint = { 0 };

	if (pg_rows(r) > 0) {
		str_addz(&hint, "an administrator runs: ");
		for (size_t i = 0; i < pg_rows(r); i++)
			str_addf(&hint, "%s%s", i ? "; " : "", pg_valuez(r, i, 1));
		die_hint(EX_NOTALLOWED, str_z(&hint), "not allowed, %s: %s", pg_role(pg),
			pg_valuez(r, 0, 0));
	}
}

void rights_to_read(struct pg *pg, const char *schema, const char *table)
{
	want(pg, read_sql, schema, table);
}

void rights_make_schema(struct pg *pg, const char *schema)
{
	AUTO_STR sql = { 0 };

	if (pg_knows(pg, "SELECT FROM pg_namespace WHERE nspname = $1", schema))
		return;
	want(pg, make_schema_sql, schema, NULL);
	str_addf(&sql, "CREATE SCHEMA IF NOT EXISTS %s", pg_ident(pg, sl_of(schema)));
	/* one who makes it at the same moment may commit behind the look for it */
	if (!pg_try_exec(pg, str_z(&sql)) && (!pg_state_is(pg_sqlstate(pg), "23505") ||
					      !pg_try_exec(pg, str_z(&sql))))
		pg_die(pg, "cannot make the schema");
}

void rights_to_make(struct pg *pg, const char *schema)
{
	want(pg, make_sql, schema, NULL);
}

void rights_to_stage(struct pg *pg)
{
	want(pg, stage_sql, NULL, NULL);
}

void rights_to_read_all(struct pg *pg, const char *schema)
{
	want(pg, read_all_sql, schema, NULL);
}

void rights_to_change(struct pg *pg, const char *schema)
{
	want(pg, change_sql, schema, NULL);
}
