-- name: holders_sql
SELECT pg_catalog.string_agg(DISTINCT a.pid || coalesce(' (' || nullif(a.application_name, '') ||
	')', ''), ', ')
	FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
	WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid()
	AND a.datname = pg_catalog.current_database() AND (l.relation = $1::pg_catalog.regclass OR
	l.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass)));
