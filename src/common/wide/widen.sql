-- name: rights_sql
WITH c AS (SELECT c.oid, c.relacl, c.relowner FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relname = $2),
	acl AS (SELECT a.*, '' AS col FROM c, aclexplode(c.relacl) AS a UNION ALL
		SELECT a.*, format(' (%I)', t.attname) FROM c
		JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0
			AND NOT t.attisdropped AND $4::boolean, aclexplode(t.attacl) AS a)
	SELECT format('ALTER TABLE %s OWNER TO %I', $3::text, pg_get_userbyid(relowner))
	FROM c WHERE pg_get_userbyid(relowner) <> current_user UNION ALL
	SELECT format('GRANT %s%s ON %s TO %s%s', acl.privilege_type, col, $3::text,
		CASE grantee WHEN 0 THEN 'PUBLIC'
			ELSE quote_ident(pg_get_userbyid(grantee)) END,
		CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
	FROM acl, c WHERE grantee <> c.relowner;

-- name: columns_sql
SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0
	AND NOT a.attisdropped ORDER BY a.attnum;

-- name: holders_sql
SELECT string_agg(DISTINCT
		l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', ''), ', '),
		array_agg(DISTINCT virtualtransaction)
	FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
	JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_stat_activity a ON a.pid = l.pid
	WHERE l.granted AND l.pid <> pg_backend_pid() AND n.nspname = $1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (c.relname = $3 OR c.relname IN (SELECT table_name FROM ferry.channel
			WHERE target_schema = $1 AND ship = $2))
		AND ($4::text[] IS NULL OR virtualtransaction = ANY ($4));

-- name: views_sql
WITH names AS (SELECT $1::text AS place, v AS name FROM jsonb_array_elements_text($2) AS v
		UNION ALL SELECT place, ($2::jsonb ->> 0) || tail
		FROM unnest('{ferry_narrow,ferry_wide}'::text[]) AS place,
			unnest('{"",_narrow}'::text[]) AS tail WHERE $3::bool),
	ours AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN names ON name = relname AND place = nspname)
	SELECT DISTINCT w.ev_class::regclass FROM ours JOIN pg_depend d ON
		d.refclassid = 'pg_class'::regclass AND d.refobjid = ours.oid
		AND d.classid = 'pg_rewrite'::regclass
	JOIN pg_rewrite w ON w.oid = d.objid
	WHERE w.ev_class NOT IN (SELECT oid FROM ours);
