-- name: events_sql
SELECT count(*) FILTER (WHERE level = 'WARNING'),
	count(*) FILTER (WHERE level = 'CRITICAL') FROM ferry.event
	WHERE job_id = $1 AND at > clock_timestamp() - interval '1 day';
