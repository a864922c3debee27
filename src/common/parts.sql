-- Of modules of several rooms.

-- Rows of ferry.channel, where $1 is a schema and $2 a prefix: a longer one that begins alike is of
-- another job, which knows its ships.
-- part: of_prefix
starts_with(table_name, $2) AND ship NOT IN (SELECT k.ship FROM ferry.job j, LATERAL
	(SELECT ship FROM ferry.chunk c WHERE c.job_id = j.job_id UNION ALL
		SELECT ship FROM ferry.follow_ship f WHERE f.job_id = j.job_id) AS k
	WHERE j.target_schema = $1 AND j.target_prefix <> $2)

-- The same, where $3 is a narrow table, or NULL: without the ships of others that share the prefix.
-- part: of_table
($3::text IS NULL OR ship NOT IN (SELECT k.ship FROM ferry.job j
	JOIN (SELECT job_id, ship FROM ferry.chunk UNION
		SELECT job_id, ship FROM ferry.follow_ship) AS k
	USING (job_id) WHERE j.target_schema = $1 AND target_prefix = $2 AND source_table <> $3))
