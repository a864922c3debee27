-- restore.sql: the last statements of the transaction that brings the tables of a backup back: which
-- they are, of which backup and job, until the ledger knows them, too. psql -v digest, place, job, the
-- first line of the saved ledger.
CREATE TABLE ferry.restoring AS SELECT :'digest'::text AS digest, :'place'::text AS place,
	:'job'::jsonb #>> '{row,target_schema}' AS target_schema,
	:'job'::jsonb #>> '{row,target_prefix}' AS target_prefix,
	:'job'::jsonb #>> '{row,source_table}' AS source_table,
	c.oid::pg_catalog.regclass::text AS name, c.relkind = 'v' AS is_view
FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v') AND pg_catalog.age(c.xmin) = 0;
