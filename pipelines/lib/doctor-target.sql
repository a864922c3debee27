-- doctor-target.sql: what stands in the way at the target, in the form of doctor-source.sql.
--
-- schema  that of the wide tables, whose names begin with `prefix`
-- named   the narrow table, as jobs name it
\set ON_ERROR_ROLLBACK on
BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = '60s';
SET LOCAL lock_timeout = '5s';

-- For the checks of the source: which slots and publications are some job's.
SELECT to_regclass('ferry.follower') IS NOT NULL AS has_followers \gset
\if :has_followers
SELECT 'known', 'OK', coalesce(array_agg(slot) FILTER (WHERE slot <> ''), '{}')::text,
	coalesce(array_agg(publication) FILTER (WHERE publication <> '' AND own), '{}')::text,
	coalesce(array_agg(slot) FILTER (WHERE slot <> '' AND own), '{}')::text
FROM ferry.follower JOIN ferry.job USING (job_id),
	LATERAL (SELECT source_table = :'named' AND target_schema = :'schema'
		AND target_prefix = :'prefix' AS own) AS job_of WHERE kind = 'slot';
\else
SELECT 'known', 'OK', '{}', '{}', '{}';
\endif

SELECT 'writable', CASE WHEN pg_is_in_recovery()
		OR current_setting('default_transaction_read_only') = 'on' THEN 'FAIL' ELSE 'OK' END,
	CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'default_transaction_read_only' END, '',
	CASE WHEN pg_is_in_recovery() THEN '' ELSE format(
		'ALTER ROLE %I SET default_transaction_read_only = off;', current_user) END;

-- The ledger's schema and that of the wide tables: there, and ours to make tables in; or ours to
-- make.
SELECT kind, CASE WHEN CASE WHEN n.oid IS NULL
		THEN has_database_privilege(current_database(), 'CREATE')
		ELSE has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
		END THEN 'OK' ELSE 'FAIL' END, name, current_user,
	format('CREATE SCHEMA IF NOT EXISTS %1$I; GRANT USAGE, CREATE ON SCHEMA %1$I TO %2$I;',
		name, current_user)
FROM (VALUES ('ledger', 'ferry'), ('wide', :'schema')) AS s (kind, name)
LEFT JOIN pg_namespace n ON nspname = name;

SELECT 'temporary', CASE WHEN has_database_privilege(current_database(), 'TEMP') THEN 'OK'
	ELSE 'FAIL' END, current_user, '',
	format('GRANT TEMPORARY ON DATABASE %I TO %I;', current_database(), current_user);

SELECT 'durable', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END,
	string_agg(name || ' = ' || setting, ', ' ORDER BY name), '',
	string_agg(format('ALTER SYSTEM SET %I = on;', name), ' ' ORDER BY name)
		|| ' SELECT pg_reload_conf();'
FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'autovacuum') AND setting = 'off';

SELECT 'connections', CASE WHEN free < 10 THEN 'WARN' ELSE 'OK' END, free, '',
	format('ALTER SYSTEM SET max_connections = %s;',
		current_setting('max_connections')::int + 50)
FROM (SELECT current_setting('max_connections')::int
	- current_setting('superuser_reserved_connections')::int
	- (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS free)
	AS c;

SELECT to_regclass('ferry.chunk') IS NOT NULL AS has_chunks \gset
\if :has_chunks
SELECT 'failed', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END, count(*), '', ''
FROM ferry.chunk WHERE state = 'failed';
SELECT 'paused', CASE count(*) WHEN 0 THEN 'OK' ELSE 'WARN' END,
	string_agg(job_id::text, ', ' ORDER BY job_id), '', ''
FROM ferry.job WHERE to_jsonb(job)->'control'->>'paused' = '1';
\endif

\ir doctor-backup.sql
COMMIT;
