-- name: weights_sql
SELECT v, (f * greatest(c.reltuples, 0))::bigint FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname,
	unnest(s.most_common_vals::text::text[], s.most_common_freqs) AS u (v, f)
	WHERE c.oid = $1::regclass AND s.attname = $2 ORDER BY s.inherited;

-- name: known_sql
SELECT FROM ferry.channel WHERE target_schema = $1 AND starts_with(table_name, $2)
	AND ship = ANY ($4::text[]) UNION ALL SELECT FROM ferry.job JOIN
	(SELECT job_id, ship FROM ferry.chunk UNION ALL
		SELECT job_id, ship FROM ferry.follow_ship) AS known USING (job_id)
	WHERE target_schema = $1 AND target_prefix = $2 AND source_table = $3
	AND ship = ANY ($4::text[]) LIMIT 1;

-- $1 to $4: what makes a job; jobs that read or write otherwise, but in the same schema.
-- part: neighbours
FROM ferry.job j WHERE target_schema = $3
AND (source, source_table, target_prefix) <> ($1, $2, $4)

-- name: has_neighbours_sql
SELECT {neighbours} LIMIT 1;

-- name: neighbour_sql
SELECT job_id, x.ship, source_table, target_prefix FROM (SELECT * {neighbours}) AS j,
	LATERAL (SELECT ship FROM (SELECT ship FROM ferry.chunk c
		WHERE c.job_id = j.job_id AND ship <> '' UNION ALL
		SELECT ship FROM ferry.follow_ship f WHERE f.job_id = j.job_id
			AND ship <> '') AS known
	WHERE ship = ANY ($5::text[]) LIMIT 1) AS x ORDER BY job_id LIMIT 1;

-- name: planned_sql
SELECT DISTINCT ship FROM ferry.chunk WHERE job_id = $1 AND ship <> '';

-- name: mixed_sql
SELECT count(DISTINCT source_table) > 1 FROM ferry.job
	WHERE target_schema = $1 AND target_prefix = $2;
