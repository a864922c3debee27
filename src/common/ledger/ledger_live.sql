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

-- name: live_sql
SELECT kind = 'slot', lease_until > clock_timestamp(), rows, cells, wide_rows, deleted,
	rejects, chunks, newest_commit,
	CASE WHEN {idle} THEN 0 ELSE
		(extract(epoch FROM greatest(clock_timestamp(), at) - at) * 1000000)::bigint END,
	lag_bytes, safe_wal_bytes,
	(extract(epoch FROM greatest(clock_timestamp(), started_at) - started_at)
		* 1000000)::bigint,
	wal_status, upto, error,
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
			WHERE d.job_id = f.job_id AND {waits} GROUP BY till) AS w)),
	CASE WHEN kind = 'slot' AND watched_at < clock_timestamp() - interval '15 s' THEN
		(extract(epoch FROM clock_timestamp() - watched_at) * 1000000)::bigint END
	FROM ferry.follower f WHERE job_id = $1;

-- name: ships_sql
SELECT ship, rows, cells, wide_rows, deleted, rejects, first_time, last_time,
	CASE WHEN NOT waits THEN {delay} END, waits
	FROM ferry.follow_ship s, LATERAL (SELECT EXISTS (SELECT FROM ferry.doubt d
		WHERE d.job_id = s.job_id AND d.ship = s.ship AND {waits}) AS waits) AS w
	WHERE job_id = $1
	AND ($2::text[] IS NULL OR ship = ANY ($2::text[])) ORDER BY ship;
