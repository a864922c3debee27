-- A row for each right that is missing: what it is wanted for, and the statement that grants it.

-- part: may_use
SELECT 'to use schema ' || nspname,
	format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user)
	FROM pg_namespace WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')

-- Its number first, so that rights are looked up for what is in it alone.
-- part: of_schema
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE n.oid = (SELECT oid FROM pg_namespace WHERE nspname = $1)

-- name: read_sql
{may_use} UNION ALL SELECT format('to read %s.%s', nspname, relname),
	format('GRANT SELECT ON %I.%I TO %I', nspname, relname, current_user)
	{of_schema} AND relname = $2 AND NOT has_any_column_privilege(c.oid, 'SELECT');

-- name: make_schema_sql
SELECT 'to make schema ' || $1,
	format('CREATE SCHEMA %I AUTHORIZATION %I', $1, current_user)
	WHERE NOT has_database_privilege(current_database(), 'CREATE');

-- name: make_sql
SELECT 'to make tables in schema ' || nspname,
	format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', nspname, current_user)
	FROM pg_namespace WHERE nspname = $1 AND NOT (has_schema_privilege(oid, 'USAGE')
		AND has_schema_privilege(oid, 'CREATE'));

-- name: stage_sql
SELECT 'to make temporary tables',
	format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), current_user)
	WHERE NOT has_database_privilege(current_database(), 'TEMPORARY');

-- name: read_all_sql
{may_use} UNION ALL SELECT DISTINCT format('to read the tables of schema %s', nspname),
	format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', nspname, current_user)
	{of_schema} AND relkind = 'r' AND NOT has_table_privilege(c.oid, 'SELECT');

-- name: change_sql
{may_use} UNION ALL SELECT DISTINCT format('to change the tables of schema %s', nspname),
	format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO %2$I; '
		|| 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I', nspname, current_user)
	{of_schema}
	AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE')
		WHEN 'r' THEN EXISTS (SELECT
			FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS p
			WHERE NOT has_table_privilege(c.oid, p)) END;
