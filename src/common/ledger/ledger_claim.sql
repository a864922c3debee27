-- A chunk that may be claimed: $1 job, $2 we, $3 names of dead workers, $4 ships or NULL. The first
-- condition lets the planner use the index of open chunks.
-- part: claimable
job_id = $1 AND state <> 'done' AND ($4::text[] IS NULL OR ship = ANY ($4::text[]))
AND (state = 'pending' OR state = 'running' AND worker <> $2
	AND (lease_until < clock_timestamp() OR worker = ANY ($3::text[])))

-- part: take
UPDATE ferry.chunk c SET state = 'running', attempt = attempt + 1, worker = $2,
	lease_until = clock_timestamp() + $5::interval, started_at = clock_timestamp(),
	chunk_to = next.chunk_to
	FROM next WHERE c.job_id = $1 AND c.ship = next.ship AND c.chunk_from = next.chunk_from
	RETURNING c.ship, c.attempt, c.chunk_from, c.chunk_to

-- MATERIALIZED: a subquery with LIMIT that is planned as a join may lock more than it returns.
-- name: claim_one_sql
WITH next AS MATERIALIZED (SELECT ship, chunk_from, chunk_to FROM ferry.chunk WHERE {claimable}
	ORDER BY weight, ship, chunk_from LIMIT 1 FOR UPDATE SKIP LOCKED) {take};

-- Ranges that are read at the same time must not overlap: rows of no ship, and of ships that nobody
-- has planned, would be met in both. So a longer chunk, a gap, is cut where others that are not
-- done end or begin, and none is made longer. The microsecond of the outcasts is no range.
-- name: claim_range_sql
WITH first AS MATERIALIZED (SELECT chunk_from, chunk_to FROM ferry.chunk WHERE {claimable}
		ORDER BY chunk_from, chunk_to LIMIT 1 FOR UPDATE SKIP LOCKED),
	part AS MATERIALIZED (SELECT chunk_from, least(chunk_to, (SELECT least(
			min(chunk_from) FILTER (WHERE chunk_from > first.chunk_from),
			min(chunk_to) FILTER (WHERE chunk_to > first.chunk_from))
		FROM ferry.chunk WHERE job_id = $1 AND state <> 'done' AND ship <> '')) AS chunk_to
		FROM first),
	next AS MATERIALIZED (SELECT c.ship, c.chunk_from, part.chunk_to, c.chunk_to AS old,
			c.weight FROM ferry.chunk c, part
		WHERE {claimable} AND c.chunk_from = part.chunk_from
			AND c.chunk_to >= part.chunk_to AND (c.chunk_to = part.chunk_to
				OR part.chunk_to > '0001-01-01 00:00:00.000001')
		ORDER BY c.ship FOR UPDATE OF c SKIP LOCKED),
	rest AS (INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, weight)
		SELECT $1, ship, chunk_to, old, weight FROM next WHERE chunk_to < old) {take};

-- $1 job, $2 from, $3 ships and attempts, $4 worker, $5 to
-- name: split_sql
WITH cut AS (UPDATE ferry.chunk c SET chunk_to = $5::timestamp
		FROM (SELECT ship, chunk_to FROM ferry.chunk o JOIN
			jsonb_to_recordset($3::jsonb) AS mine (ship text, attempt int)
				USING (ship, attempt)
			WHERE o.job_id = $1 AND o.chunk_from = $2::timestamp AND o.worker = $4
				AND o.state = 'running' AND o.chunk_to > $5::timestamp
					FOR UPDATE OF o) AS old
		WHERE c.job_id = $1 AND c.chunk_from = $2::timestamp AND c.ship = old.ship
		RETURNING c.ship, c.weight, old.chunk_to)
INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, weight)
	SELECT $1, ship, $5::timestamp, chunk_to, weight FROM cut;

-- Ships that others have or had in a range of time: $1 job, $2 from, $3 to. Rows of no ship are
-- none of them: NULL and names that are too long are met again in any case, so all are.
-- name: skip_sql
SELECT DISTINCT ship FROM ferry.chunk WHERE job_id = $1 AND chunk_from < $3::timestamp
	AND chunk_to > $2::timestamp AND ship <> '' ORDER BY ship;

-- name: workers_sql
SELECT DISTINCT worker FROM ferry.chunk
	WHERE job_id = $1 AND state <> 'done' AND state = 'running';

-- name: busy_sql
SELECT EXISTS (SELECT FROM ferry.chunk WHERE job_id = $1 AND state <> 'done'
	AND state <> 'failed' AND ($2::text[] IS NULL OR ship = ANY ($2::text[])));

-- name: claimable_sql
SELECT FROM ferry.chunk WHERE {claimable} LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: release_sql
UPDATE ferry.chunk c SET state = 'pending', worker = NULL, lease_until = NULL, {afresh}
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

-- name: get_sql
SELECT (control->>'paused')::int, control->>'workers', control->>'rate', control->>'pace_us',
	(SELECT greatest(count(DISTINCT worker), 1) FROM ferry.chunk c
		WHERE c.job_id = $1 AND state <> 'done' AND state = 'running'
		AND lease_until > clock_timestamp())
	FROM ferry.job WHERE job_id = $1;

-- What is -1 stays as it is, what is 0 is no longer asked for.
-- name: set_sql
UPDATE ferry.job j SET control = (SELECT jsonb_object_agg(key, value)
		FROM jsonb_each(coalesce(j.control, '{}') || coalesce((SELECT
			jsonb_object_agg(key, value) FROM jsonb_each($2::jsonb)
			WHERE value NOT IN ('-1', '18446744073709551615')), '{}'))
		WHERE value <> '0')
	FROM ferry.job was WHERE j.job_id = $1 AND was.job_id = $1
	RETURNING coalesce(j.control - 'run_rate', '{}'), was.control IS DISTINCT FROM j.control;

-- name: run_rate_sql
UPDATE ferry.job SET control = nullif(coalesce(control, '{}') - 'run_rate' || coalesce(
		jsonb_build_object('run_rate', $2::bigint), '{}'), '{}')
	WHERE job_id = $1 AND (control->>'run_rate')::bigint IS DISTINCT FROM $2;

-- name: seat_sql
SELECT i, CASE WHEN $3 > 0 THEN
		pg_advisory_unlock(hashtextextended('ferry.seat ' || $3::bigint, $1::bigint)) END
	FROM generate_series(1, $2::bigint) AS i
	WHERE pg_try_advisory_lock(hashtextextended('ferry.seat ' || i, $1::bigint)) LIMIT 1;
