-- The older a chunk is, the longer it may wait: an eighth of its age.
-- name: chunks_sql
SELECT ship, chunk_from, chunk_to, state = 'done',
	($2::timestamp IS NULL OR finished_at AT TIME ZONE 'UTC' < $2::timestamp)
	AND ($3::interval IS NULL OR clock_timestamp() - coalesce(checked_at, finished_at)
		> greatest($3::interval, (clock_timestamp() AT TIME ZONE 'UTC' - chunk_to) / 8))
	FROM ferry.chunk WHERE job_id = $1 AND ship <> '' ORDER BY ship, chunk_from;

-- name: checked_sql
UPDATE ferry.chunk SET checked_at = clock_timestamp() WHERE job_id = $1
	AND chunk_from >= coalesce($2::timestamp, '-infinity')
	AND chunk_to <= $3::timestamp
	AND ship = ANY ($4) AND state = 'done';

-- part: repaired
'being repaired by server process '

-- $2: leave out those of ships that are locked by whom the reason names, as it says, or by others
-- for a while: comparing would be in vain. What is being repaired may be equal for a moment; when
-- that repair died, it is a doubt like others. An hour: behind a pooler the process outlives it.
-- name: doubts_sql
SELECT id, ship, time_from, time_to, at FROM ferry.doubt d WHERE job_id = $1 AND NOT held
	AND NOT (at > clock_timestamp() - interval '1 hour' AND EXISTS (SELECT
		FROM pg_stat_activity WHERE d.why = {repaired} || pid))
	AND NOT ($2 AND why LIKE 'nothing more is loaded while %' AND EXISTS (SELECT
		FROM ferry.job j JOIN ferry.channel k ON k.target_schema = j.target_schema
			AND k.ship = d.ship
		JOIN pg_namespace n ON n.nspname = k.target_schema
		JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = k.table_name
		JOIN pg_locks l ON l.relation = c.oid AND l.database =
			(SELECT oid FROM pg_database WHERE datname = current_database())
		LEFT JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE j.job_id = d.job_id AND l.granted AND (d.why ~ ('\m' || l.pid || '\M')
			OR a.xact_start < clock_timestamp() - interval '5 s')))
	ORDER BY id;

-- name: doubt_put_sql
INSERT INTO ferry.doubt (job_id, ship, time_from, time_to, why)
	VALUES ($1, $2, $3, $4, {repaired} || pg_backend_pid()) RETURNING id;

-- name: live_ships_sql
SELECT ship FROM ferry.follow_ship WHERE job_id = $1 AND ship <> '' ORDER BY ship;
