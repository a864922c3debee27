-- doctor-source.sql: what stands in the way at the source. Each check is one statement, and gives
-- one row: check, verdict, two words for its text (doctor.bash), and the statement that mends it.
-- One that fails gives none, and counts as not checked. Only reads.
--
-- table   the narrow table, as SCHEMA.TABLE with quotes where they are needed
-- bad     what the want of a slot is: FAIL where one was asked for, else WARN
-- known   0: the ledger could not be asked for
-- slots   those of all its jobs, as an array; own and publications: those of this table's job
\set ON_ERROR_ROLLBACK on
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = '60s';
SET LOCAL lock_timeout = '5s';

SELECT coalesce((SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE ARRAY[nspname::text, relname::text] = parse_ident(:'table')), 0) AS relation \gset

SELECT 'table', CASE WHEN :relation = 0 THEN 'FAIL' ELSE 'OK' END, :'table', '', '';

SELECT 'read', CASE WHEN has_schema_privilege(n.oid, 'USAGE')
		AND has_table_privilege(c.oid, 'SELECT') THEN 'OK'
	WHEN has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
		THEN 'WARN' ELSE 'FAIL' END, current_user, :'table',
	format('GRANT USAGE ON SCHEMA %1$I TO %3$I; GRANT SELECT ON %1$I.%2$I TO %3$I;',
		nspname, relname, current_user)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = :relation;

SELECT 'standby', CASE WHEN pg_is_in_recovery() THEN :'bad' ELSE 'OK' END, '', '', '';

SELECT 'wal_level', CASE current_setting('wal_level') WHEN 'logical' THEN 'OK' ELSE :'bad' END,
	current_setting('wal_level'), '', 'ALTER SYSTEM SET wal_level = ''logical'';';

SELECT 'slot_limit', CASE coalesce(current_setting('max_slot_wal_keep_size', true), '-1')
		WHEN '-1' THEN 'WARN' ELSE 'OK' END,
	current_setting('max_slot_wal_keep_size', true), '', CASE
		WHEN current_setting('server_version_num')::int >= 130000 THEN
		'ALTER SYSTEM SET max_slot_wal_keep_size = ''20GB''; SELECT pg_reload_conf();'
		ELSE '' END;

-- on Amazon RDS nobody has the attribute, and a role stands for it
SELECT 'replication', CASE WHEN r.rolsuper OR r.rolreplication
		OR pg_has_role(r.oid, rds.oid, 'MEMBER') THEN 'OK' ELSE :'bad' END,
	r.rolname, '', CASE WHEN rds.oid IS NULL THEN format('ALTER ROLE %I REPLICATION;', r.rolname)
		ELSE format('GRANT rds_replication TO %I;', r.rolname) END
FROM pg_roles r LEFT JOIN pg_roles rds ON rds.rolname = 'rds_replication'
WHERE r.rolname = current_user;

-- what is active counts in both
SELECT 'slots_free', CASE WHEN least(slots, senders) > 0 THEN 'OK' ELSE :'bad' END,
	slots, senders, format(
		'ALTER SYSTEM SET max_replication_slots = %s; ALTER SYSTEM SET max_wal_senders = %s;',
		current_setting('max_replication_slots')::int + 5,
		current_setting('max_wal_senders')::int + 5)
FROM (SELECT current_setting('max_replication_slots')::int
		- (SELECT count(*) FROM pg_replication_slots) AS slots,
	current_setting('max_wal_senders')::int
		- (SELECT count(*) FROM pg_stat_replication) AS senders) AS free;

\if :known
SELECT 'slots_left', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END,
	string_agg(slot_name, ', ' ORDER BY slot_name),
	pg_size_pretty(max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()
		THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn))),
	string_agg(format('SELECT pg_drop_replication_slot(%L);', slot_name), ' '
		ORDER BY slot_name)
FROM pg_replication_slots
WHERE slot_name LIKE 'ferry\_%' AND NOT active AND NOT slot_name = ANY (:'slots'::text[])
	AND database = current_database(); -- those of others are other targets', too

SELECT 'slots_lost', CASE count(*) WHEN 0 THEN 'OK' ELSE 'FAIL' END,
	string_agg(slot, ', ' ORDER BY slot), '', ''
FROM unnest(:'own'::text[]) AS slot LEFT JOIN pg_replication_slots s ON slot_name = slot
WHERE slot_name IS NULL OR to_json(s) ->> 'wal_status' IN ('lost', 'unreserved');

-- A publication has a partition by its own name, or by that of one it is a part of.
WITH RECURSIVE tree AS (SELECT :relation::oid AS oid UNION
	SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid),
leaf AS (SELECT c.oid FROM tree JOIN pg_class c USING (oid) WHERE relkind = 'r'),
missed AS (SELECT pubname, leaf.oid FROM pg_publication p, leaf
	WHERE pubname = ANY (:'publications'::text[]) AND NOT EXISTS (
		SELECT FROM pg_publication_tables t JOIN pg_namespace n ON nspname = schemaname
		JOIN pg_class c ON relnamespace = n.oid AND relname = tablename
		WHERE t.pubname = p.pubname AND (c.oid = leaf.oid OR c.oid IN (
			SELECT relid FROM pg_partition_ancestors(leaf.oid)))))
SELECT 'publications', CASE count(*) WHEN 0 THEN 'OK' ELSE 'FAIL' END, min(pubname),
	string_agg(oid::regclass::text, ', ' ORDER BY oid::regclass::text),
	string_agg(format('ALTER PUBLICATION %I ADD TABLE ONLY %s;', pubname, oid::regclass), ' ')
FROM missed;
\endif

-- a slot is made, and late rows are waited for, behind all transactions that began before
SELECT 'long_transactions', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END,
	count(*), max(age)::text,
	string_agg(format('SELECT pg_terminate_backend(%s);', pid), ' ')
FROM (SELECT pid, date_trunc('second', clock_timestamp() - xact_start) AS age
	FROM pg_stat_activity WHERE xact_start < clock_timestamp() - interval '1 hour'
	AND backend_type = 'client backend') AS old;

SELECT 'prepared', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END, count(*), '',
	string_agg(format('ROLLBACK PREPARED %L;', gid), ' ')
FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - interval '1 hour';

SELECT 'encoding', CASE pg_encoding_to_char(encoding) WHEN 'SQL_ASCII' THEN 'WARN' ELSE 'OK' END,
	pg_encoding_to_char(encoding), '', ''
FROM pg_database WHERE datname = current_database();

\ir doctor-backup.sql
COMMIT;
