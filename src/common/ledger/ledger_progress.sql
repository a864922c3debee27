-- finished_at is taken shortly before COMMIT, so a chunk may appear behind one that finished later:
-- each look goes back a while, and what the look before has shown is left out.
-- name: tail_sql
SELECT ship, chunk_from, chunk_to, rows, wide_rows,
	(extract(epoch FROM greatest(finished_at - started_at, interval '0'))
		* 1000000)::bigint, attempt
	FROM ferry.chunk WHERE job_id = $1 AND state = 'done'
	AND ($2::text[] IS NULL OR ship = ANY ($2::text[]))
	AND finished_at > clock_timestamp() - interval '5 minutes' ORDER BY finished_at;
