-- name: failures_sql
SELECT (SELECT count(*) FROM ferry.event WHERE job_id = $1
			AND message LIKE 'chunk failed%'
				AND at > clock_timestamp() - interval '10 min'),
	(SELECT count(*) FROM ferry.chunk WHERE job_id = $1 AND state = 'done'
			AND finished_at > clock_timestamp() - interval '10 min');

-- name: last_told_sql
SELECT (level <> 'INFO')::int + (level = 'CRITICAL')::int,
	coalesce(substring(message FROM '^[0-9]+'), '0')
	FROM ferry.event WHERE job_id = $1 AND (message = $2 OR message ~ $3)
	ORDER BY id DESC LIMIT 1;
