-- name: failures_sql
SELECT (SELECT count(*) FROM ferry.event WHERE job_id = $1
			AND message LIKE 'chunk failed%'
				AND at > clock_timestamp() - interval '10 min'),
	(SELECT count(*) FROM ferry.chunk WHERE job_id = $1 AND state = 'done'
			AND finished_at > clock_timestamp() - interval '10 min');

-- A pause that may be forgotten: once a day.
-- name: forgotten_sql
INSERT INTO ferry.event (level, job_id, message)
	SELECT 'WARNING', job_id, 'paused by an operator since ' ||
		coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), '?')
			|| ' UTC: no chunk begins'
	FROM ferry.job LEFT JOIN LATERAL (SELECT max(at) AS at FROM ferry.event e
		WHERE e.job_id = job.job_id AND message LIKE 'control: %') AS c ON true
	WHERE job_id = $1 AND control->>'paused' = '1'
		AND (at IS NULL OR at < clock_timestamp() - interval '1 hour')
		AND NOT EXISTS (SELECT FROM ferry.event e WHERE e.job_id = $1
			AND message LIKE 'paused by an operator since %'
			AND e.at > clock_timestamp() - interval '1 day')
		AND EXISTS (SELECT FROM ferry.chunk c WHERE c.job_id = $1
			AND state IN ('pending', 'running'));

-- name: last_told_sql
SELECT (level <> 'INFO')::int + (level = 'CRITICAL')::int,
	coalesce(substring(message FROM '^[0-9]+'), '0')
	FROM ferry.event WHERE job_id = $1 AND (message = $2 OR message ~ $3)
	ORDER BY id DESC LIMIT 1;

-- name: untold_sql
SELECT id, date_trunc('milliseconds', at AT TIME ZONE 'UTC'), level, ship,
	chunk_from, message FROM ferry.event WHERE job_id = $1 AND NOT told
	AND level <> 'INFO' AND id <> ALL (string_to_array(rtrim($2::text, ','), ',')::bigint[])
	ORDER BY id LIMIT 1;

-- name: told_sql
UPDATE ferry.event SET told = true WHERE id = $1;

-- name: forget_sql
UPDATE ferry.event SET told = true
	WHERE job_id = $1 AND NOT told AND at < clock_timestamp() - $2::interval;
