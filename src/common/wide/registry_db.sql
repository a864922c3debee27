-- name: there_sql
SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		AND NOT a.attisdropped
	WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	AND c.relname = ANY (ARRAY[$3, $4]::name[] || ARRAY(SELECT DISTINCT
		table_name::name FROM ferry.channel WHERE target_schema = $1 AND ship = $2))
	ORDER BY c.relname, a.attnum;

-- name: taken_sql
SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $3 UNION ALL
	SELECT FROM ferry.channel WHERE target_schema = $1 AND table_name = $3
		AND ship <> $2 LIMIT 1;

-- name: register_sql
INSERT INTO ferry.channel (target_schema, ship, channel, grp, table_name,
		column_name, type, format)
	SELECT $1, $2, channel, grp, table_name, column_name, type, format
	FROM jsonb_to_recordset($3::jsonb) AS c (channel text, grp int,
		table_name text, column_name text, type text, format text)
	ON CONFLICT (target_schema, ship, channel) DO NOTHING;
