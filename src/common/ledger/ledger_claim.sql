-- A chunk that may be claimed: $1 job, $2 we, $3 names of dead workers, $4 ships or NULL. The first
-- condition lets the planner use the index of open chunks.
-- part: claimable
job_id = $1 AND state <> 'done' AND ($4::text[] IS NULL OR ship = ANY ($4::text[]))
AND (state = 'pending' OR state = 'running' AND worker <> $2
	AND (lease_until < clock_timestamp() OR worker = ANY ($3::text[])))

-- part: take
UPDATE ferry.chunk c SET state = 'running', attempt = attempt + 1, worker = $2,
	lease_until = clock_timestamp() + $5::interval, started_at = clock_timestamp()
	FROM next WHERE c.job_id = $1 AND c.ship = next.ship AND c.chunk_from = next.chunk_from
	RETURNING c.ship, c.attempt, c.chunk_from, c.chunk_to

-- MATERIALIZED: a subquery with LIMIT that is planned as a join may lock more than it returns.
-- name: claim_one_sql
WITH next AS MATERIALIZED (SELECT ship, chunk_from FROM ferry.chunk WHERE {claimable}
	ORDER BY weight, ship, chunk_from LIMIT 1 FOR UPDATE SKIP LOCKED) {take};

-- name: claim_range_sql
WITH first AS MATERIALIZED (SELECT chunk_from, chunk_to FROM ferry.chunk WHERE {claimable}
	ORDER BY chunk_from, chunk_to LIMIT 1 FOR UPDATE SKIP LOCKED),
	next AS MATERIALIZED (SELECT c.ship, c.chunk_from FROM ferry.chunk c, first
		WHERE {claimable} AND c.chunk_from = first.chunk_from
			AND c.chunk_to = first.chunk_to
		ORDER BY c.ship FOR UPDATE OF c SKIP LOCKED) {take};

-- $1 job, $2 from, $3 ships, $4 their attempts, $5 worker, $6 to
-- name: split_sql
WITH cut AS (UPDATE ferry.chunk c SET chunk_to = $6::timestamp
		FROM (SELECT ship, chunk_to FROM ferry.chunk o JOIN
			unnest($3::text[], $4::bigint[]) AS mine (ship, attempt)
				USING (ship, attempt)
			WHERE o.job_id = $1 AND o.chunk_from = $2::timestamp AND o.worker = $5
				AND o.state = 'running' AND o.chunk_to > $6::timestamp
					FOR UPDATE OF o) AS old
		WHERE c.job_id = $1 AND c.chunk_from = $2::timestamp AND c.ship = old.ship
		RETURNING c.ship, c.weight, old.chunk_to)
INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, weight)
	SELECT $1, ship, $6::timestamp, chunk_to, weight FROM cut;

-- name: claimable_sql
SELECT FROM ferry.chunk WHERE {claimable} LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: release_sql
UPDATE ferry.chunk c SET state = 'pending', worker = NULL, lease_until = NULL
	FROM (SELECT ship, chunk_from FROM ferry.chunk WHERE job_id = $1
		AND state = 'running' AND worker = $2 FOR UPDATE SKIP LOCKED) AS mine
	WHERE c.job_id = $1 AND c.ship = mine.ship AND c.chunk_from = mine.chunk_from;

-- name: fail_sql
WITH f AS (SELECT * FROM jsonb_to_recordset($3::jsonb) AS f (ship text, attempt int)),
	mine AS (SELECT c.ship FROM ferry.chunk c, f WHERE c.job_id = $1
		AND c.chunk_from = $2::timestamp AND c.ship = f.ship AND c.attempt = f.attempt
		AND c.worker = $4 AND c.state = 'running' FOR UPDATE OF c SKIP LOCKED),
	failed AS (UPDATE ferry.chunk c SET failures = failures + 1, error = $5,
		worker = NULL, lease_until = NULL,
		state = CASE WHEN $6::boolean OR failures + 1 >= $7::int THEN 'failed'
			ELSE 'pending' END
		FROM mine WHERE c.job_id = $1 AND c.ship = mine.ship
			AND c.chunk_from = $2::timestamp
		RETURNING c.ship, c.state)
INSERT INTO ferry.event (level, job_id, ship, chunk_from, message)
	SELECT CASE state WHEN 'failed' THEN 'CRITICAL' ELSE 'WARNING' END, $1, ship, $2::timestamp,
		CASE state WHEN 'failed' THEN 'chunk failed for good: '
			ELSE 'chunk failed, to be tried again: ' END || $5 FROM failed;
