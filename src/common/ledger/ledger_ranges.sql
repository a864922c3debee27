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
