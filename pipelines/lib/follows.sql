-- follows.sql: who follows the narrow table now; nothing where nobody does. psql -v schema, prefix, table.
SELECT f.worker FROM ferry.job AS j JOIN ferry.follower AS f USING (job_id)
WHERE j.target_schema = :'schema' AND j.target_prefix = :'prefix' AND j.source_table = :'table' AND f.worker IS NOT NULL
	AND f.lease_until > pg_catalog.clock_timestamp();
