-- name: ships_sql
SELECT DISTINCT ON (ship) ship, table_name, grp FROM ferry.channel
	WHERE target_schema = $1 AND starts_with(table_name, $2)
	AND {of_table} ORDER BY ship, grp;

-- name: end_sql
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()
	AND application_name IN ('pg-copy-load', 'pg-dual-load', 'pg-wide-validate')
	AND pg_has_role(usesysid, 'USAGE');

-- name: jobs_sql
SELECT job_id FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2
	AND ($3::text IS NULL OR source_table = $3);

-- When each channel was seen, and how often: the widest range ever reported; and what is known
-- about it, for the comment of its column.
-- name: seen_sql
UPDATE ferry.channel c SET first_seen = least(c.first_seen, s.first),
	last_seen = greatest(c.last_seen, s.last),
	samples = greatest(c.samples, s.samples), about = coalesce(s.about, c.about)
	FROM jsonb_to_recordset($2::jsonb) AS s (ship text, channel text, first timestamp,
		last timestamp, samples bigint, about text)
	WHERE c.target_schema = $1 AND c.ship = s.ship AND c.channel = s.channel
	AND (c.first_seen, c.last_seen, c.samples, c.about) IS DISTINCT FROM
		(least(c.first_seen, s.first), greatest(c.last_seen, s.last),
		greatest(c.samples, s.samples), coalesce(s.about, c.about));
