-- restore.sql: the last statements of the transaction that brings the tables of a backup back: which
-- they are, and of which backup, until the ledger knows them, too. psql -v digest, place.
CREATE TABLE ferry.restoring AS SELECT :'digest'::text AS digest, :'place'::text AS place,
	c.oid::pg_catalog.regclass::text AS name, c.relkind = 'v' AS is_view
FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'p', 'v') AND pg_catalog.age(c.xmin) = 0;
