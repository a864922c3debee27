-- Rows of the tables as JSON, and back: $1 schema, $2 prefix, $3 narrow table or NULL: any, $4
-- ships or NULL. Numbers that a sequence gives are left out.

-- part: of_jobs
job_id IN (SELECT job_id FROM ferry.job WHERE target_schema = $1 AND target_prefix = $2
	AND ($3::text IS NULL OR source_table = $3))

-- part: of_ships
($4::text[] IS NULL OR ship = ANY ($4::text[]))

-- part: job_columns
job_id, source, source_table, target_schema, target_prefix, types, chunk_us, since, cutoff,
encoding, columns, created_at, updated_at

-- name: save_job_sql
SELECT to_jsonb(x) FROM (SELECT {job_columns} FROM ferry.job
	WHERE {of_jobs} AND ($4::text[] IS NULL OR true)) AS x ORDER BY 1;

-- name: load_job_sql
INSERT INTO ferry.job ({job_columns}) SELECT {job_columns}
	FROM jsonb_populate_recordset(NULL::ferry.job, $1::jsonb) ON CONFLICT DO NOTHING;

-- part: channel_columns
target_schema, ship, channel, grp, table_name, column_name, type, format, about, first_seen,
last_seen, samples, created_at

-- name: save_channel_sql
SELECT to_jsonb(x) FROM (SELECT {channel_columns} FROM ferry.channel
	WHERE target_schema = $1 AND {of_prefix} AND {of_table} AND {of_ships}) AS x ORDER BY 1;

-- name: load_channel_sql
INSERT INTO ferry.channel ({channel_columns}) SELECT {channel_columns}
	FROM jsonb_populate_recordset(NULL::ferry.channel, $1::jsonb) ON CONFLICT DO NOTHING;

-- part: chunk_columns
job_id, ship, chunk_from, chunk_to, state, attempt, failures, weight, rows, cells, digest, dropped,
wide_rows, rejects, first_time, last_time, started_at, finished_at, checked_at, error

-- name: save_chunk_sql
SELECT to_jsonb(x) FROM (SELECT {chunk_columns} FROM ferry.chunk
	WHERE {of_jobs} AND {of_ships}) AS x ORDER BY 1;

-- name: load_chunk_sql
INSERT INTO ferry.chunk ({chunk_columns}) SELECT {chunk_columns}
	FROM jsonb_populate_recordset(NULL::ferry.chunk, $1::jsonb) ON CONFLICT DO NOTHING;

-- part: reject_columns
job_id, ship, chunk_from, attempt, worker, record, why, at

-- name: save_reject_sql
SELECT to_jsonb(x) FROM (SELECT {reject_columns} FROM ferry.reject
	WHERE {of_jobs} AND {of_ships}) AS x ORDER BY 1;

-- name: load_reject_sql
INSERT INTO ferry.reject ({reject_columns}) SELECT {reject_columns}
	FROM jsonb_populate_recordset(NULL::ferry.reject, $1::jsonb) ON CONFLICT DO NOTHING;

-- part: follower_columns
job_id, kind, slot, publication, consistent_point, attempt, upto, newest_commit, at, chunks, rows,
cells, wide_rows, deleted, rejects, ships

-- name: save_follower_sql
SELECT to_jsonb(x) FROM (SELECT {follower_columns} FROM ferry.follower
	WHERE {of_jobs} AND $4::text[] IS NULL) AS x ORDER BY 1;

-- What fed the table is not kept, so what came and went meanwhile is not noticed.
-- name: load_follower_sql
WITH back AS (INSERT INTO ferry.follower ({follower_columns}) SELECT {follower_columns}
	FROM jsonb_populate_recordset(NULL::ferry.follower, $1::jsonb) ON CONFLICT DO NOTHING
	RETURNING job_id)
INSERT INTO ferry.doubt (job_id, why, held) SELECT job_id, 'brought back from a backup', true
	FROM back;

-- part: follow_ship_columns
job_id, ship, rows, cells, wide_rows, dropped, deleted, rejects, first_time, last_time,
newest_commit, at

-- name: save_follow_ship_sql
SELECT to_jsonb(x) FROM (SELECT {follow_ship_columns} FROM ferry.follow_ship
	WHERE {of_jobs} AND {of_ships}) AS x ORDER BY 1;

-- name: load_follow_ship_sql
INSERT INTO ferry.follow_ship ({follow_ship_columns}) SELECT {follow_ship_columns}
	FROM jsonb_populate_recordset(NULL::ferry.follow_ship, $1::jsonb) ON CONFLICT DO NOTHING;

-- part: doubt_columns
job_id, ship, time_from, time_to, why, at, instants, relation

-- name: save_doubt_sql
SELECT to_jsonb(x) FROM (SELECT {doubt_columns}, held FROM ferry.doubt
	WHERE {of_jobs} AND (ship IS NULL OR {of_ships})) AS x ORDER BY 1;

-- Those of all ships stay where one ship is rolled back.
-- name: load_doubt_sql
INSERT INTO ferry.doubt ({doubt_columns}, held) SELECT {doubt_columns}, coalesce(held, false)
	FROM jsonb_populate_recordset(NULL::ferry.doubt, $1::jsonb)
	EXCEPT ALL SELECT {doubt_columns}, held FROM ferry.doubt;

-- name: other_job_sql
SELECT job_id FROM jsonb_populate_recordset(NULL::ferry.job, $1::jsonb) AS b
	WHERE (job_id, created_at) NOT IN (SELECT job_id, created_at FROM ferry.job);

-- name: shared_sql
SELECT true FROM ferry.job a JOIN ferry.job b USING (target_schema, target_prefix)
	WHERE a.job_id < b.job_id AND a.source_table = b.source_table UNION ALL
	SELECT true FROM ferry.job JOIN (SELECT job_id, ship FROM ferry.chunk
			WHERE ship <> '' UNION SELECT job_id, ship FROM ferry.follow_ship
			WHERE ship <> '') s
		USING (job_id) GROUP BY target_schema, ship HAVING count(*) > 1 LIMIT 1;

-- name: restored_sql
UPDATE ferry.chunk SET state = 'pending' WHERE state = 'running' AND worker IS NULL;
SELECT setval('ferry.job_job_id_seq', max(job_id)) FROM ferry.job;
