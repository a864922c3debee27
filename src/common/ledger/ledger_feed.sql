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

-- name: doubt_ship_sql
WITH new AS (INSERT INTO ferry.doubt (job_id, ship, why) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT FROM ferry.doubt WHERE job_id = $1 AND ship = $2
			AND (held OR left(why, 30) = left($3, 30))) RETURNING job_id, ship, why),
	live AS (INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows,
		dropped, deleted, rejects) SELECT job_id, ship, 0, 0, 0, 0, 0, 0 FROM new
		ON CONFLICT DO NOTHING)
INSERT INTO ferry.event (level, job_id, ship, message)
	SELECT $4, job_id, ship, why FROM new;
