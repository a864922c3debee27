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
	error_at = NULL, publication_oid = NULL, gap = NULL, changes = NULL, ships = NULL;

-- Who polls goes on under the name of a slot that is to be.
-- name: name_sql
UPDATE ferry.follower SET slot = $2, publication = $3 WHERE job_id = $1 AND kind = 'poll'
	RETURNING true;

-- What was to wait for him waits no longer.
-- name: drop_sql
WITH free AS (UPDATE ferry.doubt SET held = false WHERE job_id = $1 AND held)
DELETE FROM ferry.follower WHERE job_id = $1;

-- Only what is still of this name: another set-up may have been faster.
-- name: forget_slot_sql
WITH polls AS (UPDATE ferry.follower SET slot = NULL, publication = NULL
		WHERE job_id = $1 AND kind = 'poll' AND slot = $2),
	begun AS (DELETE FROM ferry.follower WHERE job_id = $1 AND kind = 'slot'
		AND upto = '0/0' AND slot = $2 RETURNING job_id)
UPDATE ferry.doubt d SET held = false FROM begun WHERE d.job_id = begun.job_id AND held;

-- name: unmade_sql
SELECT FROM ferry.follower WHERE job_id = $1 AND kind = 'slot' AND upto = '0/0';

-- name: begun_sql
SELECT EXISTS (SELECT FROM ferry.chunk WHERE job_id = $1 AND state IN ('done', 'running'))
	OR EXISTS (SELECT FROM ferry.follow_ship WHERE job_id = $1);

-- part: columns
kind, slot, publication, worker, upto, attempt

-- name: follower_sql
SELECT {columns} FROM ferry.follower WHERE job_id = $1;

-- name: reads_sql
SELECT FROM ferry.follower WHERE job_id = $1 AND kind = 'slot' AND slot = $2
	AND lease_until > clock_timestamp();

-- $2 us, $3 kind, $4 lease, $5 the worker that is known to be dead. The same worker may come again:
-- a pipeline that starts its stages anew keeps its name. $6 the ships he follows, NULL: all. What
-- is written of others is passed over, so they are in doubt when they are followed again: also one
-- of which there is nothing yet, and with all of them what nobody has heard of (NULL).
-- name: claim_sql
WITH free AS (SELECT job_id, ships FROM ferry.follower
		WHERE job_id = $1 AND kind = $3 AND upto IS DISTINCT FROM '0/0'
			AND (worker IS NULL OR worker = $2 OR worker = $5
			OR lease_until < clock_timestamp()) FOR UPDATE),
	mine AS (UPDATE ferry.follower f SET worker = $2, attempt = attempt + 1, ships = $6,
		lease_until = clock_timestamp() + $4::interval, started_at = clock_timestamp()
		FROM free WHERE f.job_id = free.job_id RETURNING f.*),
	back AS (INSERT INTO ferry.doubt (job_id, ship, why)
		SELECT $1, ship, CASE WHEN ship IS NULL
			THEN 'only some ships were followed for a while'
			ELSE 'it was not followed for a while' END
		FROM free, LATERAL (SELECT unnest($6::text[]) AS ship
			UNION SELECT NULL WHERE $6 IS NULL
			UNION SELECT ship FROM ferry.chunk WHERE job_id = $1 AND $6 IS NULL
			UNION SELECT ship FROM ferry.follow_ship WHERE job_id = $1 AND $6 IS NULL
			EXCEPT SELECT unnest(ships)) AS s
		WHERE ships IS NOT NULL AND ship IS DISTINCT FROM '' RETURNING job_id, ship, why),
	live AS (INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows,
		dropped, deleted, rejects) SELECT job_id, ship, 0, 0, 0, 0, 0, 0 FROM back
		WHERE ship IS NOT NULL ON CONFLICT DO NOTHING),
	said AS (INSERT INTO ferry.event (level, job_id, ship, message)
		SELECT 'WARNING', job_id, ship, why || ': what it has is to be compared' FROM back)
SELECT {columns} FROM mine;

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

-- $6: nobody goes on from here by himself, so nothing is promised until somebody follows again.
-- name: fail_sql
WITH mine AS (SELECT job_id FROM ferry.follower WHERE job_id = $1
		AND worker = $2 AND attempt = $3 FOR UPDATE SKIP LOCKED),
	failed AS (UPDATE ferry.follower f SET error = $4, error_at = clock_timestamp(),
		gap = CASE WHEN $6 THEN 'what is written from here is not carried over: ' || $4
			ELSE gap END FROM mine
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
-- one: it reads all that it meets. What is in doubt may have been left out, or is being repaired.
-- $2: rows of wide tables had no value left, and went; of an instant the source may have others, in
-- which there is none, as ships with rows without a value do.
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
		UNION SELECT s.ship, '-infinity', 'infinity' FROM s JOIN ferry.doubt d
			ON d.ship = s.ship OR d.ship IS NULL
			WHERE d.job_id = $1 AND d.instants IS NULL
		UNION SELECT ship, lo, hi + interval '1 microsecond' FROM s WHERE $2
			AND (EXISTS (SELECT FROM ferry.chunk k WHERE k.job_id = $1
				AND k.ship = s.ship AND k.rows > k.cells
				AND k.chunk_from <= hi AND k.chunk_to > lo)
			OR EXISTS (SELECT FROM ferry.follow_ship f WHERE f.job_id = $1
				AND f.ship = s.ship AND f.rows > f.cells + f.deleted)))
INSERT INTO ferry.doubt (job_id, ship, time_from, time_to, why, instants)
	SELECT $1, ship, min(at), max(at) + interval '1 microsecond',
		'deleted in the source where more of it may be on its way, or left',
		array_agg(DISTINCT at) FROM pg_temp.ferry_erased JOIN c USING (ship)
	WHERE at >= chunk_from AND at < chunk_to GROUP BY ship, chunk_from;

-- name: lag_sql
SELECT greatest(0, extract(epoch FROM clock_timestamp()
	- greatest(at, started_at, CASE WHEN kind = 'slot' AND lag_bytes = 0
		THEN watched_at END)) * 1000000)::bigint
	FROM ferry.follower WHERE job_id = $1 AND worker IS NOT NULL;

-- name: feed_sql
INSERT INTO ferry.feed (job_id, relation, name, stamp, file, covered)
	SELECT $1, relation, name, stamp, file, covered
	FROM jsonb_to_recordset($2::jsonb)
		AS f (relation oid, name text, stamp text, file oid, covered boolean);

-- What the server says behind the reason may differ from row to row.
-- part: past
SELECT FROM ferry.job j JOIN ferry.channel c USING (target_schema) JOIN ferry.chunk k
	USING (job_id, ship) WHERE job_id = $1 AND ship = $2 AND channel = ANY ($3::text[])
	AND state = 'done' AND k.rows > 0 AND finished_at > c.created_at

-- name: had_rows_sql
{past} LIMIT 1;

-- name: had_live_sql
{past} UNION ALL SELECT FROM ferry.job j JOIN ferry.channel c USING (target_schema)
	JOIN ferry.follow_ship f USING (job_id, ship) WHERE job_id = $1 AND ship = $2
	AND channel = ANY ($3::text[]) AND f.rows > 0 AND f.at > c.created_at LIMIT 1;

-- One that is being compared just now may have been looked at already: from here on it is as new.
-- name: doubt_ship_sql
WITH known AS (UPDATE ferry.doubt SET at = clock_timestamp() WHERE job_id = $1 AND ship = $2
		AND (held OR left(why, 30) = left($3, 30)) RETURNING id),
	new AS (INSERT INTO ferry.doubt (job_id, ship, why) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT FROM known) RETURNING job_id, ship, why),
	live AS (INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows,
		dropped, deleted, rejects) SELECT job_id, ship, 0, 0, 0, 0, 0, 0 FROM new
		ON CONFLICT DO NOTHING)
INSERT INTO ferry.event (level, job_id, ship, message)
	SELECT $4, job_id, ship, why FROM new;

-- name: upto_sql
SELECT upto FROM ferry.follower WHERE job_id = $1 AND worker = $2 AND attempt = $3;

-- name: release_sql
UPDATE ferry.follower SET lease_until = '-infinity'
	WHERE job_id = $1 AND worker = $2 AND attempt = $3;

-- name: hold_sql
SELECT FROM ferry.follower WHERE job_id = $1 AND kind = $2 AND worker = $3 AND attempt = $4
	FOR NO KEY UPDATE;

-- name: feeds_sql
SELECT relation, file, name, stamp, covered FROM ferry.feed WHERE job_id = $1 ORDER BY relation;

-- name: feeds_seen_sql
SELECT publication_oid, changes, gap FROM ferry.follower WHERE job_id = $1;

-- name: see_feeds_sql
UPDATE ferry.follower SET publication_oid = $2, changes = $3, gap = $4 WHERE job_id = $1;

-- name: doubt_add_sql
INSERT INTO ferry.doubt (job_id, why, relation, held) VALUES ($1, $2, $3, $4);

-- name: doubts_held_sql
SELECT id, relation, why FROM ferry.doubt
	WHERE job_id = $1 AND held AND ship IS NULL ORDER BY id;

-- name: doubt_release_sql
UPDATE ferry.doubt SET held = false, time_from = $2, time_to = $3 WHERE id = $1;
