-- name: events_sql
SELECT count(*) FILTER (WHERE level = 'WARNING'), count(*) FILTER (WHERE level = 'CRITICAL'),
	(SELECT coalesce(control - 'run_rate', '{}') FROM ferry.job WHERE job_id = $1),
	(SELECT control->>'paused' = '1' FROM ferry.job WHERE job_id = $1) FROM ferry.event
	WHERE job_id = $1 AND at > clock_timestamp() - interval '1 day';
