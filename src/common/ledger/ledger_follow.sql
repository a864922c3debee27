-- Rows of ferry.follower change ten times a second: pages with room keep such updates in place.
-- name: follow_schema_sql
CREATE TABLE ferry.follower (
	job_id bigint PRIMARY KEY REFERENCES ferry.job ON DELETE CASCADE,
	kind text NOT NULL CHECK (kind IN ('slot', 'poll')),
	slot text, publication text, consistent_point text,
	worker text, attempt bigint NOT NULL DEFAULT 0, lease_until timestamptz,
	upto text, newest_commit timestamp, at timestamptz,
	chunks bigint NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0,
	cells bigint NOT NULL DEFAULT 0, wide_rows bigint NOT NULL DEFAULT 0,
	deleted bigint NOT NULL DEFAULT 0, rejects bigint NOT NULL DEFAULT 0,
	lag_bytes bigint, wal_status text, safe_wal_bytes bigint, watched_at timestamptz,
	held_bytes bigint, source_lsn pg_lsn, publication_oid oid, gap text, changes bigint,
	started_at timestamptz, error text, error_at timestamptz) WITH (fillfactor = 10);
CREATE TABLE ferry.follow_ship (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C" NOT NULL,
	rows bigint NOT NULL, cells bigint NOT NULL, wide_rows bigint NOT NULL,
	dropped bigint NOT NULL, deleted bigint NOT NULL, rejects bigint NOT NULL,
	first_time timestamp, last_time timestamp, newest_commit timestamp, at timestamptz,
	PRIMARY KEY (job_id, ship)) WITH (fillfactor = 10);
CREATE TABLE ferry.doubt (
	id bigserial PRIMARY KEY,
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	ship text COLLATE "C", time_from timestamp, time_to timestamp,
	why text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
	held boolean NOT NULL DEFAULT false, relation oid);
CREATE TABLE ferry.feed (
	job_id bigint NOT NULL REFERENCES ferry.job ON DELETE CASCADE,
	relation oid NOT NULL, name text NOT NULL, stamp text NOT NULL, file oid NOT NULL,
	covered boolean NOT NULL, PRIMARY KEY (job_id, relation));
CREATE INDEX doubt_job ON ferry.doubt (job_id, ship, time_from);

-- name: doubt_sql
WITH d AS (INSERT INTO ferry.doubt (job_id, why) VALUES ($1, $2)
		RETURNING job_id, why)
INSERT INTO ferry.event (level, job_id, message)
	SELECT $3, job_id, why || ': ' || $4 FROM d;

-- name: start_sql
INSERT INTO ferry.follower AS f (job_id, kind, slot, publication,
	consistent_point, upto) VALUES ($1, $2, $3, $4, $5, $5)
	ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, slot = excluded.slot,
	publication = excluded.publication, consistent_point = excluded.upto,
	upto = excluded.upto, worker = NULL, lease_until = NULL,
	attempt = f.attempt + 1, lag_bytes = NULL, wal_status = NULL,
	safe_wal_bytes = NULL, held_bytes = NULL, watched_at = NULL, error = NULL,
	error_at = NULL, publication_oid = NULL, gap = NULL, changes = NULL;

-- part: columns
kind, slot, publication, consistent_point, worker, upto, attempt

-- name: follower_sql
SELECT {columns} FROM ferry.follower WHERE job_id = $1;

-- $2 us, $3 kind, $4 lease, $5 the worker that is known to be dead. The same worker may come again:
-- a pipeline that starts its stages anew keeps its name.
-- name: claim_sql
UPDATE ferry.follower SET worker = $2, attempt = attempt + 1,
	lease_until = clock_timestamp() + $4::interval, started_at = clock_timestamp()
	WHERE job_id = $1 AND kind = $3 AND (worker IS NULL OR worker = $2 OR worker = $5
		OR lease_until < clock_timestamp()) RETURNING {columns};

-- name: watch_sql
UPDATE ferry.follower f SET lag_bytes = $3, wal_status = $4, safe_wal_bytes = $5,
	held_bytes = $6, watched_at = clock_timestamp()
	FROM (SELECT job_id FROM ferry.follower
		WHERE job_id = $1 AND worker = $2 FOR UPDATE SKIP LOCKED) AS mine
	WHERE f.job_id = mine.job_id;

-- name: held_sql
WITH free AS (SELECT job_id FROM ferry.follower WHERE job_id = $1
		FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ferry.follower f SET held_bytes = $2, wal_status = $3
	FROM free WHERE f.job_id = free.job_id;

-- name: fail_sql
WITH mine AS (SELECT job_id FROM ferry.follower WHERE job_id = $1
		AND worker = $2 AND attempt = $3 FOR UPDATE SKIP LOCKED),
	failed AS (UPDATE ferry.follower f SET error = $4,
		error_at = clock_timestamp() FROM mine
		WHERE f.job_id = mine.job_id RETURNING f.kind)
INSERT INTO ferry.event (level, job_id, message)
	SELECT $5, $1, 'the follower (' || kind || ') stopped: ' || $4 FROM failed;

-- $1 job, $2 upto, $3 ships, $4 newest commit, $5 lease
-- name: advance_sql
WITH {ships},
	sums AS (SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(cells), 0) AS cells,
		coalesce(sum(wide_rows), 0) AS wide_rows, coalesce(sum(deleted), 0) AS deleted,
		coalesce(sum(rejects), 0) AS rejects FROM f),
	ships AS (INSERT INTO ferry.follow_ship AS t (job_id, ship, rows, cells, wide_rows,
			dropped, deleted, rejects, first_time, last_time, newest_commit, at)
		SELECT $1, ship, rows, cells, wide_rows, dropped, deleted, rejects, first, last,
			$4::timestamp, clock_timestamp() FROM f ORDER BY ship
		ON CONFLICT (job_id, ship) DO UPDATE SET rows = t.rows + excluded.rows,
			cells = t.cells + excluded.cells,
			wide_rows = t.wide_rows + excluded.wide_rows,
			dropped = t.dropped + excluded.dropped,
			deleted = t.deleted + excluded.deleted,
			rejects = t.rejects + excluded.rejects,
			first_time = least(t.first_time, excluded.first_time),
			last_time = greatest(t.last_time, excluded.last_time),
			newest_commit = greatest(t.newest_commit, excluded.newest_commit),
			at = excluded.at),
	back AS (UPDATE ferry.doubt d SET held = false FROM f WHERE d.job_id = $1
		AND d.ship = f.ship AND d.held)
UPDATE ferry.follower t SET upto = $2,
	newest_commit = greatest(t.newest_commit, $4::timestamp), at = clock_timestamp(),
	chunks = t.chunks + 1, rows = t.rows + sums.rows, cells = t.cells + sums.cells,
	wide_rows = t.wide_rows + sums.wide_rows, deleted = t.deleted + sums.deleted,
	rejects = t.rejects + sums.rejects, error = NULL, error_at = NULL,
	lease_until = CASE WHEN t.lease_until > clock_timestamp()
		THEN clock_timestamp() + $5::interval ELSE t.lease_until END
	FROM sums WHERE t.job_id = $1;

-- $1 job. A chunk whose reading began before the deletion was seen here may bring the value back;
-- one that is claimed later cannot. Whether a chunk that is done by now was done before our own
-- deletion went by is not known either when it is only just done; ten minutes are far longer than
-- its COMMIT can have taken. A chunk of other ships may bring it, too, where nobody planned this
-- one: it reads all that it meets. A ship that is all in doubt may have been left out.
-- name: erased_sql
WITH s AS (SELECT ship, min(at) AS lo, max(at) AS hi FROM pg_temp.ferry_erased GROUP BY ship),
	reading AS MATERIALIZED (SELECT DISTINCT chunk_from, chunk_to FROM ferry.chunk
		-- by the small index
		WHERE job_id = $1 AND state = 'running' AND state <> 'done'),
	c AS MATERIALIZED (SELECT s.ship, chunk_from, chunk_to FROM s JOIN ferry.chunk c
		ON c.job_id = $1 AND c.ship = s.ship AND chunk_from <= hi AND chunk_to > lo
		WHERE c.state = 'running'
			OR c.state = 'done' AND c.finished_at > now() - interval '10 minutes'
		UNION SELECT s.ship, c.* FROM s, reading c WHERE NOT EXISTS
			(SELECT FROM ferry.chunk k WHERE k.job_id = $1 AND k.ship = s.ship
				AND k.chunk_from < c.chunk_to AND k.chunk_to > c.chunk_from)
		UNION SELECT ship, '-infinity', 'infinity' FROM s JOIN ferry.doubt d USING (ship)
			WHERE d.job_id = $1 AND d.instants IS NULL)
INSERT INTO ferry.doubt (job_id, ship, time_from, time_to, why, instants)
	SELECT $1, ship, min(at), max(at) + interval '1 microsecond',
		'deleted in the source while it may have been on its way',
		array_agg(DISTINCT at) FROM pg_temp.ferry_erased JOIN c USING (ship)
	WHERE at >= chunk_from AND at < chunk_to GROUP BY ship, chunk_from;

-- name: lag_sql
SELECT greatest(0, extract(epoch FROM clock_timestamp()
	- greatest(at, started_at, CASE WHEN kind = 'slot' AND lag_bytes = 0
		THEN watched_at END)) * 1000000)::bigint
	FROM ferry.follower WHERE job_id = $1 AND worker IS NOT NULL;
