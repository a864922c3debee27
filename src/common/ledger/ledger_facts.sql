-- part: ours
c.job_id = $1 AND c.chunk_from = $2::timestamp AND c.ship = f.ship
AND c.state = 'running' AND c.worker = $4 AND c.attempt = f.attempt

-- name: hold_sql
WITH {ships}, held AS (SELECT FROM ferry.chunk c, f WHERE {ours}
	ORDER BY c.ship FOR UPDATE OF c)
SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM f WHERE attempt > 0);

-- Ships with attempt 0 were met while reading a whole range and planned by nobody. Rows of no ship
-- are met by each reading of a range again: the last one has counted them all. Their entry does not
-- begin where that of the outcasts does. Rejects with attempt 0 of a ship that was planned came
-- live.
-- name: finish_sql
WITH {ships}, done AS (UPDATE ferry.chunk c SET state = 'done', rows = f.rows,
		cells = f.cells, digest = f.digest, dropped = f.dropped, wide_rows = f.wide_rows,
		rejects = f.rejects, bytes = f.bytes, first_time = f.first, last_time = f.last,
		lease_until = NULL, finished_at = clock_timestamp(), error = NULL
		FROM f WHERE {ours} RETURNING 1),
	met AS (INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, attempt, worker,
			rows, cells, digest, dropped, wide_rows, rejects, bytes, first_time,
			last_time, started_at, finished_at)
		SELECT $1, ship, CASE ship WHEN '' THEN greatest($2::timestamp,
				'0001-01-01 00:00:00.000001') ELSE $2::timestamp END, $5::timestamp,
			'done', 0, $4, rows, cells, digest, dropped, wide_rows, rejects, bytes,
			first, last, clock_timestamp(), clock_timestamp()
		FROM f WHERE attempt = 0
		ON CONFLICT (job_id, ship, chunk_from) DO UPDATE SET rejects = excluded.rejects,
			worker = excluded.worker WHERE chunk.ship = '' AND chunk.state = 'done'
		RETURNING 1),
	stale AS (DELETE FROM ferry.reject r USING f WHERE r.job_id = $1 AND r.ship = f.ship
		AND r.chunk_from = $2::timestamp AND (r.attempt <> f.attempt OR r.worker <> $4)
		AND (r.attempt = 0) = (f.attempt = 0))
SELECT (SELECT count(*) FROM done) + (SELECT count(*) FROM met) = (SELECT count(*) FROM f);

-- What a follower has rejected, too, when it read these rows, is one reject: that of the chunk.
-- name: same_rejects_sql
WITH {ships}, live AS (DELETE FROM ferry.reject l USING ferry.reject r, f
		WHERE r.job_id = $1 AND r.ship = f.ship AND r.chunk_from = $2::timestamp
		AND r.attempt = f.attempt AND r.worker = $4 AND f.rejects > 0
		AND l.job_id = $1 AND l.attempt = 0 AND (l.ship = r.ship OR r.ship = '')
		AND (r.attempt > 0 OR l.chunk_from <> r.chunk_from OR l.worker <> r.worker)
		AND l.record = r.record AND l.why = r.why RETURNING l.id, l.ship),
	of_ship AS (UPDATE ferry.follow_ship t SET rejects = greatest(rejects - n, 0)
		FROM (SELECT ship, count(*) AS n FROM live GROUP BY ship) AS s
		WHERE t.job_id = $1 AND t.ship = s.ship)
UPDATE ferry.follower SET rejects = greatest(rejects - n, 0)
	FROM (SELECT count(*) AS n FROM live) AS s WHERE job_id = $1 AND n > 0;

-- $5: no chunk counts them, so they are counted here, those that are new.
-- name: reject_sql
WITH kept AS (INSERT INTO ferry.reject (job_id, ship, chunk_from, attempt, worker, record, why)
	SELECT $1, ship, chunk_from, attempt, $2, record, why
	FROM jsonb_to_recordset($3::jsonb) AS r (ship text, chunk_from timestamp, attempt int,
		record jsonb, why text)
	WHERE NOT $4::boolean OR NOT EXISTS (SELECT FROM ferry.reject o
		WHERE o.job_id = $1 AND o.ship IN (r.ship, '') AND o.record = r.record
		AND o.why = r.why) RETURNING job_id, ship)
INSERT INTO ferry.follow_ship AS t (job_id, ship, rows, cells, wide_rows, dropped, deleted, rejects)
	SELECT job_id, ship, 0, 0, 0, 0, 0, count(*) FROM kept WHERE $5::boolean GROUP BY 1, 2
	ON CONFLICT (job_id, ship) DO UPDATE SET rejects = t.rejects + excluded.rejects;

-- name: fail_met_sql
INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, attempt, failures, error)
	VALUES ($1, $2, $3, $4, 'failed', 0, 1, $5) ON CONFLICT DO NOTHING;
