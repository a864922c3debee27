-- name: ships_sql
SELECT DISTINCT ON (ship) ship, table_name, grp FROM ferry.channel
	WHERE target_schema = $1 AND starts_with(table_name, $2)
	AND ($3::text IS NULL OR ship NOT IN (SELECT k.ship FROM ferry.job j
		JOIN (SELECT job_id, ship FROM ferry.chunk UNION
			SELECT job_id, ship FROM ferry.follow_ship) AS k
		USING (job_id) WHERE j.target_schema = $1 AND target_prefix = $2
		AND source_table <> $3)) ORDER BY ship, grp;

-- name: end_sql
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()
	AND application_name IN ('pg-copy-load', 'pg-dual-load', 'pg-wide-validate')
	AND pg_has_role(usesysid, 'USAGE');
