-- name: of_day_sql
SELECT count(*) FILTER (WHERE level = 'WARNING'), count(*) FILTER (WHERE level = 'CRITICAL'),
	(SELECT coalesce(control - 'run_rate', '{}') FROM ferry.job WHERE job_id = $1),
	(SELECT control->>'paused' = '1' FROM ferry.job WHERE job_id = $1) FROM ferry.event
	WHERE job_id = $1 AND at > clock_timestamp() - interval '1 day';

-- Of each ship its first table.
-- name: tables_sql
SELECT DISTINCT ship, table_name FROM ferry.channel
	JOIN pg_class c ON c.relname = table_name AND c.relkind IN ('r', 'p')
		AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
	WHERE target_schema = $1 AND grp = 1 AND {of_prefix};

-- name: last_sql
SELECT ship, chunk_from, chunk_to FROM ferry.chunk WHERE job_id = $1
	AND state = 'done' AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	ORDER BY finished_at DESC NULLS LAST LIMIT 1;
