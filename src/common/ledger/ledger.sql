-- All or nothing: the last table tells whether all are there. Names of ships are compared bytewise,
-- whatever the database's collation. The index serves the search for the next chunk and stays
-- small, because a chunk leaves it when it is done.
-- name: schema_sql
CREATE TABLE ferry.job (
	job_id bigserial PRIMARY KEY,
	source text NOT NULL, source_table text NOT NULL,
	target_schema text NOT NULL, target_prefix text NOT NULL,
	types text NOT NULL CHECK (types IN ('text', 'native')),
	chunk_us bigint NOT NULL CHECK (chunk_us > 0),
	since timestamp, cutoff timestamp,
	-- ledger_origin.h
	origin text, source_lsn pg_lsn, address text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (source, source_table, target_schema, target_prefix));
CREATE TABLE ferry.chunk (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL,
	chunk_from timestamp NOT NULL, chunk_to timestamp NOT NULL CHECK (chunk_to > chunk_from),
	state text NOT NULL DEFAULT 'pending'
		CHECK (state IN ('pending', 'running', 'done', 'failed')),
	attempt int NOT NULL DEFAULT 0, failures int NOT NULL DEFAULT 0,
	worker text, lease_until timestamptz,
	weight bigint NOT NULL DEFAULT 0,
	rows bigint, cells bigint, digest text, dropped bigint, wide_rows bigint, rejects bigint,
	first_time timestamp, last_time timestamp,
	started_at timestamptz, finished_at timestamptz, checked_at timestamptz, error text,
	PRIMARY KEY (job_id, ship, chunk_from));
CREATE INDEX chunk_open ON ferry.chunk (job_id, weight, ship, chunk_from) WHERE state <> 'done';
CREATE TABLE ferry.channel (
	target_schema text NOT NULL, ship text COLLATE "C" NOT NULL,
	channel text COLLATE "C" NOT NULL,
	grp int NOT NULL, table_name text NOT NULL, column_name text NOT NULL,
	type text NOT NULL, format text, about text,
	first_seen timestamp, last_seen timestamp, samples bigint,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (target_schema, ship, channel),
	UNIQUE (target_schema, table_name, column_name));
CREATE TABLE ferry.reject (
	id bigserial PRIMARY KEY,
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL, chunk_from timestamp NOT NULL,
	attempt int NOT NULL, worker text NOT NULL,
	record jsonb NOT NULL, why text NOT NULL,
	at timestamptz NOT NULL DEFAULT now());
CREATE INDEX reject_chunk ON ferry.reject (job_id, ship, chunk_from);
CREATE TABLE ferry.event (
	id bigserial PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	level text NOT NULL CHECK (level IN ('INFO', 'WARNING', 'CRITICAL')),
	job_id bigint REFERENCES ferry.job ON DELETE CASCADE,
	ship text, chunk_from timestamp, message text NOT NULL,
	told boolean NOT NULL DEFAULT false);
CREATE INDEX event_job ON ferry.event (job_id, at);
CREATE INDEX event_untold ON ferry.event (job_id, id) WHERE NOT told AND level <> 'INFO';
CREATE TABLE ferry.watermark (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	name text NOT NULL, value text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (job_id, name));

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
	failures = 0 WHERE c.state = 'done';

-- name: has_table_sql
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'ferry' AND c.relname = $1);

-- name: chunk_length_sql
UPDATE ferry.job j SET chunk_us = $2 WHERE job_id = $1
	AND NOT EXISTS (SELECT FROM ferry.chunk c WHERE c.job_id = j.job_id AND state <> 'done');
