-- name: event_sql
INSERT INTO ferry.event (level, job_id, ship, chunk_from, message) VALUES ($1, $2, $3, $4, $5);

-- name: events_sql
SELECT date_trunc('milliseconds', at AT TIME ZONE 'UTC'), level, ship,
	chunk_from, message FROM (SELECT * FROM ferry.event WHERE job_id = $1
		AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
		ORDER BY at DESC, id DESC LIMIT $3) AS e ORDER BY at, id;

-- The last of a hundred attempts was none: it was given up.
-- name: failed_sql
SELECT ship, chunk_from, chunk_to, state, failures, greatest(failures, {tries},
		CASE WHEN state = 'failed' AND attempt > 0 AND {tries} = 0 THEN 100 END),
	date_trunc('milliseconds', started_at AT TIME ZONE 'UTC'), error
	FROM ferry.chunk WHERE job_id = $1 AND state <> 'done' AND failures > 0
	AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	UNION ALL SELECT r.ship, r.chunk_from, max(chunk_to), /*t*/'rejected', count(*),
		max(r.attempt % 101), NULL, min(why)
	FROM ferry.reject r LEFT JOIN ferry.chunk c USING (job_id, ship, chunk_from)
	WHERE job_id = $1 AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	GROUP BY r.ship, r.chunk_from
	ORDER BY ship, chunk_from LIMIT $3;
