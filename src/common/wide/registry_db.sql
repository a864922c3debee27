-- name: there_sql
SELECT c.relname, c.relkind, a.attname, a.type, s.ship, c.keyed, c.ours
	FROM pg_namespace n, jsonb_to_recordset($2) AS s (ship text, base name, spine name),
	LATERAL (SELECT s.base UNION SELECT s.spine UNION SELECT table_name::name
		FROM ferry.channel WHERE target_schema = $1 AND ship = s.ship) AS t (name),
	LATERAL (SELECT oid, relname, relkind, pg_has_role(relowner, 'USAGE') AS ours,
		EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND indisunique
			AND indisvalid AND indimmediate AND indpred IS NULL
			AND indnkeyatts = 1) AS keyed
		FROM pg_class r WHERE relname = t.name AND relnamespace = n.oid OFFSET 0) AS c
	LEFT JOIN LATERAL (SELECT attnum, attname, format_type(atttypid, atttypmod) AS type
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
		AND NOT attisdropped OFFSET 0) AS a ON true
	WHERE n.nspname = $1 ORDER BY c.relname, a.attnum;

-- name: taken_sql
SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $3 UNION ALL
	SELECT FROM ferry.channel WHERE target_schema = $1 AND table_name = $3
		AND ship <> $2 LIMIT 1;

-- Of ships and their names to be: those of which one is another's, each looked for by the index.
-- name: namesakes_sql
SELECT s.ship FROM jsonb_to_recordset($2) AS s (ship text, base text, spine text),
	LATERAL (SELECT FROM unnest(ARRAY[s.base, s.spine]) AS t (name), LATERAL (SELECT ship
		FROM ferry.channel WHERE target_schema = $1 AND table_name = t.name LIMIT 1) AS c
		WHERE c.ship <> s.ship LIMIT 1) AS other;

-- name: register_sql
INSERT INTO ferry.channel (target_schema, ship, channel, grp, table_name,
		column_name, type, format, first_seen, last_seen, samples, about)
	SELECT $1, ship, channel, grp, table_name, column_name, type, format,
		first, last, samples, about
	FROM json_to_recordset($2::json) AS c (ship text, channel text, grp int,
		table_name text, column_name text, type text, format text,
		first timestamp, last timestamp, samples bigint, about text);

-- Triggers behind a row see what is there; those of referential integrity are internal. As a rule
-- there are none, and then the registry is not asked. $2 is a prefix: {of_prefix}.
-- name: meddlers_sql
WITH m AS MATERIALIZED (SELECT kind, name, n.nspname, c.relname FROM (
		SELECT tgrelid, 'trigger', tgname FROM pg_trigger
			WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 3 = 3
		UNION ALL SELECT ev_class, 'rule', rulename FROM pg_rewrite
			WHERE ev_enabled IN ('O', 'A')) AS e (rel, kind, name)
		JOIN pg_class c ON c.oid = rel AND c.relkind IN ('r', 'p')
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND starts_with(c.relname, $2)),
	other AS MATERIALIZED (SELECT k.ship FROM ferry.job j, LATERAL (
			SELECT ship FROM ferry.chunk c WHERE c.job_id = j.job_id UNION ALL
			SELECT ship FROM ferry.follow_ship f WHERE f.job_id = j.job_id) AS k
		WHERE j.target_schema = $1 AND j.target_prefix <> $2 AND EXISTS (SELECT FROM m))
SELECT string_agg(what, ', ' ORDER BY what) FROM (
	SELECT format('%s %I of %I.%I', kind, name, nspname, relname) AS what FROM m
	WHERE EXISTS (SELECT FROM ferry.channel WHERE target_schema = $1
		AND table_name = m.relname AND ship NOT IN (TABLE other)) ORDER BY 1 LIMIT 5) AS l;
