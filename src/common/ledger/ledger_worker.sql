-- name: renew_sql
UPDATE ferry.chunk c SET lease_until = clock_timestamp() + $3::interval
	FROM (SELECT ship, chunk_from FROM ferry.chunk WHERE job_id = $1
		AND state = 'running' AND worker = $2 FOR UPDATE SKIP LOCKED) AS mine
	WHERE c.job_id = $1 AND c.ship = mine.ship AND c.chunk_from = mine.chunk_from;

-- One that has run out is taken again, one that was given back is not.
-- name: renew_follower_sql
UPDATE ferry.follower f SET lease_until = clock_timestamp() + $3::interval
	FROM (SELECT job_id FROM ferry.follower WHERE job_id = $1 AND worker = $2
		AND lease_until > '-infinity' FOR UPDATE SKIP LOCKED) AS mine
	WHERE f.job_id = mine.job_id;
