-- routes.sql: which ships have reading names, which roles ask which arm, and what the wide side of a ship
-- lacks (psql -v missing, the text of whole.sql), as CSV.
COPY (
	WITH names AS (
		SELECT substring(obj_description(c.oid, 'pg_class') FROM 'route of ship (.*) of ') AS ship,
			(parse_ident(substring(obj_description(c.oid, 'pg_class')
				FROM ' of ("([^"]|"")*"|[^" ]+)$')))[1] AS place,
			n.nspname, c.relname
		FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ferry_narrow', 'ferry_wide')
			AND obj_description(c.oid, 'pg_class') LIKE 'ferry: route of ship %'),
	paths AS (
		SELECT pg_catalog.pg_get_userbyid(s.setrole) AS role, c LIKE '%ferry\_wide%' AS wide
		FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS c
		WHERE c LIKE 'search\_path=%ferry\_%' AND s.setrole <> 0 AND s.setdatabase =
			(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
	SELECT n.ship, CASE WHEN bool_or(n.nspname = 'ferry_wide') THEN 'wide' ELSE 'narrow' END AS route,
		CASE WHEN count(*) FILTER (WHERE n.nspname = 'ferry_wide' AND n.relname LIKE '%\_narrow') > 0
			THEN 'wide' ELSE 'narrow' END AS narrow_shape,
		(SELECT string_agg(role, ',' ORDER BY role) FROM paths WHERE wide) AS wide_roles,
		(SELECT string_agg(role, ',' ORDER BY role) FROM paths WHERE NOT wide) AS narrow_roles,
		CASE WHEN bool_or(n.nspname = 'ferry_wide') THEN :missing END AS wide_lacks
	FROM names AS n GROUP BY n.place, n.ship ORDER BY n.ship, n.place
) TO STDOUT (FORMAT csv, HEADER)
