-- name: status_sql
SELECT ship, count(*) FILTER (WHERE state = 'done'),
	count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'pending'),
	count(*) FILTER (WHERE state = 'failed'),
	sum(rows), sum(cells - coalesce(dropped, 0)), sum(wide_rows), sum(dropped), sum(rejects),
	min(first_time), max(last_time),
	(extract(epoch FROM sum(greatest(finished_at - started_at, interval '0')))
		* 1000000)::bigint,
	(array_agg(error ORDER BY started_at DESC)
		FILTER (WHERE state <> 'done' AND error IS NOT NULL))[1],
	count(*) FILTER (WHERE state IN ('running', 'pending')
		AND (failures > 0 OR attempt > 2))
	FROM ferry.chunk WHERE job_id = $1 AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	GROUP BY ship ORDER BY ship;

-- The last hundred chunks tell the pace: by the time on the clock, so that all workers count. Rows
-- that are left are guessed from those of the chunks that are done.
-- name: pace_sql
WITH recent AS (SELECT rows, cells, started_at, finished_at FROM ferry.chunk
		WHERE job_id = $1 AND state = 'done'
			AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
		AND finished_at > clock_timestamp() - interval '10 minutes'
		ORDER BY finished_at DESC LIMIT 100)
SELECT sum(rows), sum(cells), count(*), (extract(epoch FROM
	greatest(max(finished_at) - min(started_at), '1 ms')) * 1000000)::bigint FROM recent;

-- name: recount_sql
UPDATE ferry.chunk SET rows = $5, cells = $6, dropped = $7, wide_rows = $8,
	digest = NULL WHERE job_id = $1 AND ship = $2 AND chunk_from = $3
	AND chunk_to = $4 AND state = 'done';
