-- Does the identity of the table, and of all its parts, have ship, channel and time? $2 to $4 are
-- their names. A new partition has no identity but the primary key it inherits, so nothing else
-- will do for a table that is partitioned, or else the application's updates of it would fail. So
-- they would by a key that is deferrable, which is none.
-- name: identity_sql
WITH RECURSIVE t AS (SELECT $1::oid AS oid UNION
	SELECT inhrelid FROM pg_inherits JOIN t ON inhparent = t.oid)
SELECT bool_and((c.relreplident = 'f' AND NOT parted) OR coalesce((SELECT
		array_agg(a.attname::text) @> ARRAY[$2, $3, $4]
		FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
			AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
		WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
			AND CASE c.relreplident WHEN 'd' THEN i.indisprimary
				WHEN 'i' THEN i.indisreplident AND NOT parted END),
		false)) FROM t JOIN pg_class c USING (oid),
	LATERAL (SELECT relkind = 'p' OR relispartition AS parted) AS p
	WHERE c.relkind IN ('r', 'p');

-- name: published_sql
SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1 AND puballtables)
	OR EXISTS (WITH RECURSIVE t AS (SELECT $2::oid AS oid UNION
		SELECT inhrelid FROM pg_inherits JOIN t ON inhparent = t.oid)
		SELECT FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
		JOIN t ON t.oid = r.prrelid WHERE p.pubname = $1);

-- A backend that is still making the slot has it, too, and is no reader of it.
-- part: look
SELECT active_pid IN (SELECT pid FROM pg_stat_replication), confirmed_flush_lsn,
	pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint

-- part: look_held
pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, pg_current_wal_lsn()
	FROM pg_replication_slots WHERE slot_name = $1

-- name: look_sql
{look}, wal_status, safe_wal_size, {look_held};

-- name: look_12_sql
{look}, 'reserved', NULL, {look_held};

-- $1 transactions, $2 slot. A snapshot's numbers have 64 bits: the nearest one that ends in these
-- 32. Who may not see who is a synchronous standby goes by the names of those.
-- name: shows_sql
SELECT NOT EXISTS (SELECT FROM unnest($1::bigint[]) AS xid
		WHERE NOT txid_visible_in_snapshot(top - ((top - xid + 2147483648) & 4294967295)
			+ 2147483648, s)) OR names <> '' AND EXISTS (SELECT
				FROM pg_replication_slots l
			JOIN pg_stat_replication r ON r.pid = l.active_pid
		WHERE slot_name = $2 AND coalesce(sync_state, CASE WHEN strpos(names, '*') > 0
			OR strpos(lower(names), lower(current_setting('application_name'))) > 0
			THEN 'sync' ELSE 'async' END) <> 'async')
	FROM txid_current_snapshot() AS s, txid_snapshot_xmax(s) AS top,
	current_setting('synchronous_standby_names') AS names;

-- name: writers_sql
SELECT count(*), coalesce(extract(epoch FROM max(clock_timestamp()
	- xact_start))::int, 0) FROM pg_stat_activity
	WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid();
