-- A standby may follow its primary onto a new timeline, so none is said of it.
-- name: place_sql
SELECT concat_ws('/', CASE WHEN standby THEN '-'
		ELSE ltrim(left(pg_walfile_name(pg_current_wal_lsn()), 8), '0') END,
	(SELECT oid FROM pg_database WHERE datname = current_database()),
	coalesce(to_regclass($1)::oid, 0)),
	CASE WHEN standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
	FROM pg_is_in_recovery() AS standby;

-- $1 job, $2 name, $3 place, $4 LSN. One row: the name that was, its place, whether the WAL was
-- seen to be longer, and how long.
-- name: known_sql
SELECT j.source, coalesce(origin, ''), $2::pg_lsn < seen, seen
	FROM ferry.job j LEFT JOIN ferry.follower f USING (job_id),
	greatest(j.source_lsn, f.source_lsn) AS seen WHERE job_id = $1;

-- How far the WAL was seen is the follower's to say, where there is one: it looks every second.
-- name: keep_sql
UPDATE ferry.job SET origin = $2, source_lsn = greatest(source_lsn, $3), address = $4
	WHERE job_id = $1 AND (origin IS DISTINCT FROM $2 OR address IS DISTINCT FROM $4
		OR source_lsn < $3 IS NOT FALSE AND NOT EXISTS
			(SELECT FROM ferry.follower WHERE job_id = $1));

-- name: seen_sql
WITH free AS (SELECT job_id FROM ferry.follower WHERE job_id = $1
		AND source_lsn < $2 IS NOT FALSE FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ferry.follower f SET source_lsn = $2 FROM free WHERE f.job_id = free.job_id;

-- $1 job, $2 name, $3 place, $4 LSN, $5 address. A slot of the user's name is found by it alone, so
-- it stays known, as one that was begun; the others have the job's.
-- name: accept_sql
WITH known AS (UPDATE ferry.follower SET kind = 'slot', upto = '0/0', consistent_point = NULL,
		worker = NULL, lease_until = NULL, attempt = attempt + 1, lag_bytes = NULL,
		wal_status = NULL, safe_wal_bytes = NULL, held_bytes = NULL, watched_at = NULL,
		error = NULL, error_at = NULL, source_lsn = NULL, publication_oid = NULL,
		gap = NULL, changes = NULL, ships = NULL
		WHERE job_id = $1 AND slot <> '' AND NOT starts_with(slot, 'ferry_')),
	gone AS (DELETE FROM ferry.follower WHERE job_id = $1
		AND (slot <> '' AND NOT starts_with(slot, 'ferry_')) IS NOT TRUE),
	j AS (UPDATE ferry.job SET source = $2, origin = $3, source_lsn = $4, address = $5
		WHERE job_id = $1 RETURNING job_id),
	d AS (INSERT INTO ferry.doubt (job_id, why, held) SELECT job_id,
		'the source is another one from here', EXISTS (SELECT FROM ferry.follower
			WHERE job_id = $1) FROM j RETURNING job_id, why)
INSERT INTO ferry.event (level, job_id, message)
	SELECT 'WARNING', job_id, why || ': all that was carried over is to be compared' FROM d;

-- name: same_address_sql
SELECT job_id, source FROM ferry.job WHERE source <> $1 AND source_table = $2
	AND target_schema = $3 AND target_prefix = $4 AND address = $5
	AND NOT EXISTS (SELECT FROM ferry.job WHERE source = $1 AND source_table = $2
		AND target_schema = $3 AND target_prefix = $4) LIMIT 1;

-- $3: what is to be done. A follower at work may know better which source it has.
-- name: critical_sql
WITH f AS (UPDATE ferry.follower SET gap = $2 || '; ' || $3 WHERE job_id = $1
		AND (lease_until > clock_timestamp()) IS NOT TRUE)
INSERT INTO ferry.event (level, job_id, message) SELECT 'CRITICAL', $1, $2
	WHERE $2 IS DISTINCT FROM (SELECT message FROM ferry.event WHERE job_id = $1
		AND level = 'CRITICAL' ORDER BY id DESC LIMIT 1);
