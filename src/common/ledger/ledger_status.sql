-- name: status_sql
SELECT ship, count(*) FILTER (WHERE state = 'done'),
	count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'pending'),
	count(*) FILTER (WHERE state = 'failed'),
	sum(rows), sum(cells - coalesce(dropped, 0)), sum(wide_rows), sum(dropped), sum(rejects),
	min(first_time), max(last_time),
	(extract(epoch FROM sum(greatest(finished_at - started_at, interval '0')))
		* 1000000)::bigint,
	coalesce((array_agg(error ORDER BY started_at DESC)
		FILTER (WHERE state <> 'done' AND error IS NOT NULL))[1],
		CASE WHEN sum(rejects) > 0 THEN (SELECT 'rejected: ' || why FROM ferry.reject r
			WHERE r.job_id = $1 AND r.ship = chunk.ship LIMIT 1) END),
	count(*) FILTER (WHERE state IN ('running', 'pending')
		AND (failures > 0 OR attempt > 2))
	FROM ferry.chunk WHERE job_id = $1 AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	GROUP BY ship ORDER BY ship;

-- The last hundred chunks tell the pace: by the time on the clock, so that all workers count. Rows
-- that are left are guessed from those of the chunks that are done. Faster than the rate that is
-- asked for, by an operator or when the run began, it will not be, and there is
-- none while it is paused.
-- name: pace_sql
WITH recent AS (SELECT rows, cells, bytes, started_at, finished_at, control
		FROM ferry.chunk JOIN ferry.job USING (job_id) WHERE job_id = $1 AND state = 'done'
			AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
		AND finished_at > clock_timestamp() - interval '10 minutes'
		AND control->>'paused' IS DISTINCT FROM '1'
		ORDER BY finished_at DESC LIMIT 100)
SELECT sum(rows), sum(cells), count(*), greatest((extract(epoch FROM
	greatest(max(finished_at) - min(started_at), '1 ms')) * 1000000)::bigint,
	(sum(rows) * 1000000 / max(coalesce(control->>'rate', control->>'run_rate')::bigint))
		::bigint), sum(bytes) FROM recent;

-- A bad row that came late is in a chunk that was done without it. Those that came live (attempt 0)
-- are counted as such.
-- name: late_rejects_sql
UPDATE ferry.chunk AS c SET rejects = $5::bigint - live.n
	FROM (SELECT count(*) AS n FROM ferry.reject WHERE job_id = $1 AND ship = $2
		AND chunk_from >= $3 AND chunk_from < $4 AND attempt = 0) AS live
	WHERE c.job_id = $1 AND c.ship = $2 AND c.chunk_from = $3 AND c.chunk_to = $4
	AND c.state = 'done' AND coalesce(c.rejects, 0) + live.n < $5::bigint;

-- $9: both sides are equal, and no row of the source was left out for that. So what the server
-- refused once is there now; what no column of the type can hold is not.
-- name: recount_sql
WITH gone AS (DELETE FROM ferry.reject WHERE $9::boolean AND job_id = $1 AND ship = $2
		AND chunk_from >= $3 AND chunk_from < $4 AND why !~
			'^(not a |neither true |a text that the encoding )'
		RETURNING chunk_from, attempt),
	past AS (SELECT count(*) AS n FROM gone g JOIN ferry.chunk c ON job_id = $1 AND ship = $2
		AND c.chunk_from = g.chunk_from AND c.attempt = g.attempt),
	live AS (SELECT (SELECT count(*) FROM gone) - n AS n FROM past),
	of_ship AS (UPDATE ferry.follow_ship SET rejects = greatest(rejects - n, 0) FROM live
		WHERE job_id = $1 AND ship = $2 AND n > 0),
	of_job AS (UPDATE ferry.follower SET rejects = greatest(rejects - n, 0) FROM live
		WHERE job_id = $1 AND n > 0)
UPDATE ferry.chunk SET rows = $5 - CASE WHEN $9::boolean THEN greatest(rejects - n, 0) ELSE 0 END,
	cells = $6, dropped = $7, wide_rows = $8, first_time = $10, last_time = $11,
	digest = NULL, rejects = greatest(rejects - n, 0) FROM past
	WHERE job_id = $1 AND ship = $2 AND chunk_from = $3
	AND chunk_to = $4 AND state = 'done';
