-- name: moment_sql
SELECT txid_snapshot_xmin(s), top + age((top & 4294967295)::text::xid),
	clock_timestamp() AT TIME ZONE 'UTC',
	CASE WHEN standby THEN 0 ELSE pg_current_wal_insert_lsn() - '0/0' END,
	CASE WHEN standby THEN 0 ELSE pg_current_wal_flush_lsn() - '0/0' END
	FROM txid_current_snapshot() AS s, txid_snapshot_xmax(s) AS top,
	pg_is_in_recovery() AS standby;

-- name: leaves_sql
WITH RECURSIVE t AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid FROM pg_inherits i
		JOIN t ON i.inhparent = t.oid WHERE NOT i.inhdetachpending)
SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0), coalesce(pg_relation_size(c.oid)
	/ current_setting('block_size')::bigint, 0), has_table_privilege(c.oid, 'SELECT'),
	format('%I.%I', n.nspname, c.relname), (SELECT string_agg(quote_ident(attname), ', ')
		FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped)
	FROM t JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'm') ORDER BY c.oid;
