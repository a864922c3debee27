-- Intervals are in microseconds; none is below 0, also when the clock was set back.

-- Of the newest rows of ship s; less where a later look found nothing, and told it sooner.
-- part: delay
least(greatest(0, (extract(epoch FROM s.at AT TIME ZONE 'UTC' - s.newest_commit)
		* 1000000)::bigint),
	(SELECT greatest(0, (extract(epoch FROM f.at AT TIME ZONE 'UTC' - f.newest_commit)
			* 1000000)::bigint)
		FROM ferry.follower f WHERE f.job_id = s.job_id
			AND f.newest_commit > s.newest_commit))

-- Who has just looked, when the source had no more than the target has, is up to date.
-- part: idle
kind = 'slot' AND lag_bytes = 0 AND at < clock_timestamp() - interval '15 s'
AND watched_at > clock_timestamp() - interval '15 s'

-- part: waits
why LIKE 'nothing more is loaded %'

-- What was carried over of a ship by chunks and, as it came, by a follower; it may have only one.
-- name: status_sql
WITH past AS (
	SELECT ship, count(*) FILTER (WHERE state = 'done') AS done,
		count(*) FILTER (WHERE state = 'running') AS running,
		count(*) FILTER (WHERE state = 'pending') AS pending,
		count(*) FILTER (WHERE state = 'failed') AS failed,
		sum(rows) AS rows, sum(cells - coalesce(dropped, 0)) AS cells,
		sum(wide_rows) AS wide_rows, sum(dropped) AS dropped, sum(rejects) AS rejects,
		min(first_time) AS first, max(last_time) AS last,
		(extract(epoch FROM sum(greatest(finished_at - started_at, interval '0')))
			* 1000000)::bigint AS busy,
		coalesce((array_agg(error ORDER BY started_at DESC)
			FILTER (WHERE state <> 'done' AND error IS NOT NULL))[1],
			CASE WHEN sum(rejects) > 0 THEN (SELECT 'rejected: ' || why
				FROM ferry.reject r WHERE r.job_id = $1 AND r.ship = chunk.ship
				LIMIT 1) END) AS error,
		count(*) FILTER (WHERE state IN ('running', 'pending')
			AND (failures > 0 OR {tries} > 2)) AS again
	FROM ferry.chunk WHERE job_id = $1 AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	GROUP BY ship
), live AS (
	SELECT ship, rows, cells, deleted, rejects, last_time,
		CASE WHEN NOT waits THEN {delay} END AS delay, waits
	FROM ferry.follow_ship s, LATERAL (SELECT EXISTS (SELECT FROM ferry.doubt d
		WHERE d.job_id = s.job_id AND d.ship = s.ship AND {waits}) AS waits) AS w
	WHERE job_id = $1 AND ($2::text[] IS NULL OR ship = ANY ($2::text[])))
SELECT ship, done, running, pending, failed, again, p.rows, p.cells, p.wide_rows, dropped,
	coalesce(p.rejects, 0) + coalesce(l.rejects, 0),
	l.rows, l.cells, l.deleted, first, last, busy, error, l.last_time, delay, waits,
	ship <> '' AND ship NOT IN (SELECT unnest(ships) FROM ferry.follower WHERE job_id = $1)
		AND (SELECT ships IS NOT NULL FROM ferry.follower WHERE job_id = $1)
	FROM past p FULL JOIN live l USING (ship) ORDER BY ship;

-- name: live_sql
SELECT kind = 'slot', lease_until > clock_timestamp(), rows, cells, wide_rows, deleted,
	rejects, chunks, newest_commit,
	CASE WHEN {idle} THEN 0 ELSE
		(extract(epoch FROM greatest(clock_timestamp(), at) - at) * 1000000)::bigint END,
	lag_bytes, safe_wal_bytes, wal_status, upto, error,
	(SELECT count(*) FROM ferry.doubt d WHERE d.job_id = f.job_id
		AND (ship IS NULL OR NOT held)),
	CASE WHEN {idle} THEN 0 ELSE (SELECT {delay} FROM ferry.follow_ship s
		WHERE s.job_id = f.job_id
		AND s.newest_commit IS NOT NULL
		ORDER BY s.at DESC LIMIT 1) END, held_bytes,
	concat_ws('; ', nullif(gap, ''), (SELECT string_agg('what is written of ship ' || ships ||
			' waits until ' || till, '; ' ORDER BY till DESC)
		FROM (SELECT string_agg(DISTINCT ship, ', ') AS ships, till
			FROM ferry.doubt d, LATERAL (SELECT CASE
				WHEN why LIKE 'nothing more is loaded while %' THEN
					'nobody locks its tables'
				ELSE 'its table is mended' END AS till) AS t
			WHERE d.job_id = f.job_id AND {waits} GROUP BY till) AS w),
		(SELECT CASE count(*) WHEN 0 THEN NULL WHEN 1 THEN 'ship ' || min(ship) || ' is'
			ELSE count(*) || ' ships, such as ' || min(ship) || ', are' END
			|| ' not followed: what is written of it is missing until it is compared'
		FROM (SELECT ship FROM ferry.chunk c WHERE c.job_id = f.job_id
			UNION SELECT ship FROM ferry.follow_ship s WHERE s.job_id = f.job_id
			EXCEPT SELECT unnest(ships)) AS k
		WHERE ships IS NOT NULL AND ship <> '')),
	CASE WHEN kind = 'slot' AND watched_at < clock_timestamp() - interval '15 s' THEN
		(extract(epoch FROM clock_timestamp() - watched_at) * 1000000)::bigint END,
	-- one that was set up anew, and not followed since, has no lease
	coalesce(lease_until, started_at) > '-infinity'
		OR error_at > coalesce(started_at, '-infinity')
	FROM ferry.follower f WHERE job_id = $1;

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

-- name: done_chunks_sql
SELECT chunk_from, chunk_to, coalesce(rejects, 0) + (SELECT count(*) FROM ferry.reject r
		WHERE r.job_id = $1 AND r.ship = $2 AND r.chunk_from >= c.chunk_from
		AND r.chunk_from < chunk_to AND r.attempt = 0)
	FROM ferry.chunk c WHERE job_id = $1 AND ship = $2 AND state = 'done'
	AND chunk_from < $4::timestamp
	AND chunk_to > coalesce($3::timestamp, '-infinity') ORDER BY chunk_from;

-- A bad row that came late is in a chunk that was done without it. Those that came live (attempt 0)
-- are counted as such.
-- name: late_rejects_sql
UPDATE ferry.chunk AS c SET rejects = $5::bigint - live.n
	FROM (SELECT count(*) AS n FROM ferry.reject WHERE job_id = $1 AND ship = $2
		AND chunk_from >= $3 AND chunk_from < $4 AND attempt = 0) AS live
	WHERE c.job_id = $1 AND c.ship = $2 AND c.chunk_from = $3 AND c.chunk_to = $4
	AND c.state = 'done' AND coalesce(c.rejects, 0) + live.n < $5::bigint;

-- $9: both sides are equal, and no row of the source was left out for that. So what the server
-- refused once is there now; what no column of the type can hold is not: of that the source has $12
-- values by now, which may be less than before.
-- name: recount_sql
WITH gone AS (DELETE FROM ferry.reject WHERE $9::boolean AND job_id = $1 AND ship = $2
		AND chunk_from >= $3 AND chunk_from < $4 AND ($12::bigint = 0 OR why !~
			'^(not a |neither true |a text that the encoding )')
		RETURNING chunk_from, attempt),
	past AS (SELECT count(*) AS n, CASE WHEN $9::boolean THEN $12::bigint END AS most
		FROM gone g JOIN ferry.chunk c
		ON job_id = $1 AND ship = $2 AND c.chunk_from = g.chunk_from
			AND c.attempt = g.attempt),
	live AS (SELECT (SELECT count(*) FROM gone) - n AS n FROM past),
	of_ship AS (UPDATE ferry.follow_ship SET rejects = greatest(rejects - n, 0) FROM live
		WHERE job_id = $1 AND ship = $2 AND n > 0),
	of_job AS (UPDATE ferry.follower SET rejects = greatest(rejects - n, 0) FROM live
		WHERE job_id = $1 AND n > 0)
UPDATE ferry.chunk SET rows = $5::bigint - CASE WHEN $9::boolean
		THEN least(greatest(rejects - n, 0), most) ELSE 0 END,
	cells = $6, dropped = $7, wide_rows = $8, first_time = $10, last_time = $11,
	digest = NULL, rejects = least(greatest(rejects - n, 0), most) FROM past
	WHERE job_id = $1 AND ship = $2 AND chunk_from = $3
	AND chunk_to = $4 AND state = 'done';

-- How often the follower has advanced, ever.
-- name: turns_sql
SELECT sum(chunks) FROM ferry.follower WHERE job_id = $1;

-- name: live_has_sql
SELECT bool_and(upto::pg_lsn >= $2::pg_lsn) FROM ferry.follower WHERE job_id = $1;

-- name: retry_sql
UPDATE ferry.chunk c SET state = 'pending', failures = 0, {afresh}
	WHERE job_id = $1 AND state = 'failed' AND ($2::text IS NULL OR ship = $2);

-- name: forget_jobs_sql
DELETE FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2
	AND ($3::text IS NULL OR source_table = $3);

-- part: of_target
SELECT job_id FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2

-- name: forget_chunks_sql
DELETE FROM ferry.chunk WHERE ship = $3 AND job_id IN ({of_target});

-- name: forget_rejects_sql
DELETE FROM ferry.reject WHERE ship = $3 AND job_id IN ({of_target});

-- name: forget_events_sql
DELETE FROM ferry.event WHERE ship = $3 AND job_id IN ({of_target});

-- name: forget_live_sql
DELETE FROM ferry.follow_ship WHERE ship = $3 AND job_id IN ({of_target});

-- name: forget_doubts_sql
DELETE FROM ferry.doubt WHERE ship = $3 AND job_id IN ({of_target});

-- When rows of it come again, what it had before is missing.
-- name: forgotten_sql
INSERT INTO ferry.doubt (job_id, ship, why, held)
	SELECT job_id, $3, 'rolled back while it was followed', true FROM ferry.follower
	WHERE job_id IN ({of_target});
