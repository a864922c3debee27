-- $1 schema, $2 prefix: (what, path, tables, wal). No location: in the data directory.
-- name: places_sql
WITH base AS (SELECT current_setting('data_directory') AS path, coalesce((SELECT oid
		FROM pg_tablespace WHERE spcname = current_setting('default_tablespace')),
		dattablespace) AS here, dattablespace FROM pg_database
		WHERE datname = current_database() AND inet_server_addr() IS NULL),
	used AS (SELECT here AS oid, true AS tables FROM base UNION
		SELECT coalesce(nullif(i.reltablespace, 0), dattablespace), true
		FROM base, pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN LATERAL (SELECT c.reltablespace UNION SELECT x.reltablespace FROM pg_index
			JOIN pg_class x ON x.oid = indexrelid WHERE indrelid = c.oid) i ON true
		WHERE n.nspname = $1 AND starts_with(c.relname, $2) AND c.relkind = 'r'
		UNION SELECT t.oid, false FROM pg_tablespace t WHERE t.spcname = ANY
			(SELECT trim(BOTH ' "' FROM s) FROM
				unnest(string_to_array(
					current_setting('temp_tablespaces'), ',')) AS s))
SELECT format('tablespace %I', spcname),
	coalesce(nullif(pg_tablespace_location(oid), ''), path), tables, false
	FROM used JOIN pg_tablespace USING (oid), base UNION ALL
	SELECT 'the WAL', path || '/pg_wal', false, true FROM base ORDER BY 3 DESC, 1;
