-- part: job_columns
job_id, source, source_table, target_schema, target_prefix, types, chunk_us, since, cutoff,
encoding, columns, updated_at AT TIME ZONE 'UTC'

-- name: find_sql
SELECT {job_columns} FROM ferry.job
	WHERE ($1::text IS NULL OR source = $1)
	AND source_table = $2 AND target_schema = $3 AND target_prefix = $4
	ORDER BY job_id;

-- name: job_sql
SELECT {job_columns} FROM ferry.job WHERE job_id = $1;

-- name: create_sql
INSERT INTO ferry.job (source, source_table, target_schema, target_prefix, types,
	chunk_us, since, encoding, columns)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	ON CONFLICT (source, source_table, target_schema, target_prefix) DO UPDATE
	SET encoding = coalesce(job.encoding, nullif(excluded.encoding, '')),
	columns = coalesce(job.columns, nullif(excluded.columns, ''))
	WHERE job.encoding IS NULL OR job.columns IS NULL;

-- What is not covered by chunks yet, cut at the aligned borders, or one chunk where it is a gap. So
-- ships that were found while reading, earlier rows, a later cutoff and another length all fill
-- what is open and never overlap.
-- name: plan_sql
WITH ship AS (
	SELECT ship COLLATE "C" AS ship, weight, gaps,
		greatest(date_bin($3::interval, first, '2000-01-01'), $4::timestamp,
			'0001-01-01') AS lo,
		least(date_bin($3::interval, last, '2000-01-01') + $3::interval, $5::timestamp,
			'10000-01-01') AS hi
	FROM jsonb_to_recordset($2::jsonb)
		AS s (ship text, first timestamp, last timestamp, weight bigint,
			gaps tsmultirange)
), gap AS (
	SELECT ship, weight, gaps, unnest(tsmultirange(tsrange(lo, hi))
		- coalesce((SELECT range_agg(tsrange(chunk_from, chunk_to)) FROM ferry.chunk c
				WHERE c.job_id = $1 AND c.ship = ship.ship), '{}')) AS g
	FROM ship WHERE lo < hi
), piece AS (
	SELECT ship, weight, p, $3::interval AS step
		FROM gap, unnest(tsmultirange(g) - gaps) AS p
	UNION ALL SELECT ship, weight, p, upper(p) - lower(p)
		FROM gap, unnest(tsmultirange(g) * gaps) AS p
), cut AS MATERIALIZED (
	SELECT ship, weight, p, step, generate_series(CASE WHEN step > $3::interval THEN lower(p)
		ELSE date_bin(step, lower(p), '2000-01-01') END,
		upper(p) - interval '1 microsecond', step) AS t FROM piece LIMIT $6::bigint + 1
), added AS (
	INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, weight)
	SELECT $1, ship, greatest(t, lower(p)), least(t + step, upper(p)), weight FROM cut
	WHERE (SELECT count(*) FROM cut) <= $6::bigint
	ON CONFLICT DO NOTHING RETURNING ship, chunk_from, chunk_to)
SELECT count(*), count(DISTINCT ship), min(chunk_from), max(chunk_to),
	(SELECT count(*) FROM cut) FROM added;

-- greatest() passes a NULL over: without a cutoff nothing was planned before.
-- name: keep_cutoff_sql
UPDATE ferry.job SET cutoff = greatest(cutoff, $2::timestamp), updated_at = greatest(
		CASE WHEN cutoff IS NOT NULL THEN least(updated_at AT TIME ZONE 'UTC', cutoff) END,
		$3::timestamp) AT TIME ZONE 'UTC'
	WHERE job_id = $1 RETURNING cutoff;

-- name: whole_sql
INSERT INTO ferry.chunk AS c (job_id, ship, chunk_from, chunk_to)
	VALUES ($1, '', '0001-01-01', '0001-01-01 00:00:00.000001')
	ON CONFLICT (job_id, ship, chunk_from) DO UPDATE SET state = 'pending',
	failures = 0, {afresh} WHERE c.state = 'done';

-- name: chunk_length_sql
UPDATE ferry.job j SET chunk_us = $2 WHERE job_id = $1
	AND NOT EXISTS (SELECT FROM ferry.chunk c WHERE c.job_id = j.job_id AND state <> 'done');

-- name: system_sql
SELECT system_identifier::text || '/' || current_database() FROM pg_control_system();

-- name: address_sql
SELECT coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'local')
	|| '/' || current_database();
