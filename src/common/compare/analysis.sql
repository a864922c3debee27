-- Of what is no partitioned table the tree is empty.
-- name: sizes_sql
SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)),
	sum(pg_relation_size(relid)) / current_setting('block_size')::bigint
	FROM (SELECT relid FROM pg_partition_tree($1::oid::regclass)
		UNION SELECT $1::oid::regclass) AS t;

-- name: setting_sql
SELECT current_setting(name), setting, unit FROM pg_catalog.pg_settings WHERE name = $1;
