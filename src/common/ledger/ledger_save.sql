-- name: shared_sql
SELECT 1 FROM ferry.job a JOIN ferry.job b USING (target_schema, target_prefix)
	WHERE a.job_id < b.job_id AND a.source_table = b.source_table UNION ALL
	SELECT 1 FROM ferry.job JOIN (SELECT job_id, ship FROM ferry.chunk
			WHERE ship <> '' UNION SELECT job_id, ship FROM ferry.follow_ship
			WHERE ship <> '') s
		USING (job_id) GROUP BY target_schema, ship HAVING count(*) > 1 LIMIT 1;
