-- Others may take numbers meanwhile: so only a long way is jumped, which nobody can have gone in
-- between.
-- name: advance_sql
SELECT CASE WHEN $2::bigint - l.n > 10000 THEN pg_catalog.setval($1, $2::bigint)
	ELSE (SELECT max(pg_catalog.nextval($1))
		FROM pg_catalog.generate_series(l.n + 1, $2::bigint)) END
	FROM (SELECT pg_catalog.nextval($1) AS n) AS l;

-- name: holders_sql
SELECT pg_catalog.string_agg(DISTINCT a.pid || coalesce(' (' || nullif(a.application_name, '') ||
	')', ''), ', ')
	FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
	WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid()
	AND a.datname = pg_catalog.current_database() AND (l.relation = $1::pg_catalog.regclass OR
	l.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass)));
