-- name: renew_sql
UPDATE ferry.chunk c SET lease_until = clock_timestamp() + $3::interval
	FROM (SELECT ship, chunk_from FROM ferry.chunk WHERE job_id = $1
		AND state = 'running' AND worker = $2 FOR UPDATE SKIP LOCKED) AS mine
	WHERE c.job_id = $1 AND c.ship = mine.ship AND c.chunk_from = mine.chunk_from;
