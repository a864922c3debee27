-- name: facts_sql
SELECT c.oid, c.relkind, pg_catalog.row_security_active(c.oid),
	EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r
		WHERE r.ev_class = c.oid AND r.ev_type = '3' AND c.relkind <> 'v'),
	EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r
		WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '3') AND c.relkind <> 'v'),
	EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
		WHERE g.tgrelid = c.oid AND g.tginitdeferred)
	OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
		WHERE k.conrelid = c.oid AND k.condeferred),
	pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
	-- what a copy of the table does not check: partitions, foreign keys, triggers
	c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
		WHERE k.conrelid = c.oid AND k.contype = 'f')
	OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
		WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),
	-- whose rows TRUNCATE would take, too, or be refused for
	(SELECT pg_catalog.string_agg(DISTINCT o.rel::pg_catalog.regclass::text, ', ') FROM (
		SELECT k.conrelid FROM pg_catalog.pg_constraint AS k WHERE k.confrelid = c.oid
			AND k.contype = 'f' AND k.conrelid <> c.oid
		UNION ALL SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h
			WHERE h.inhparent = c.oid AND c.relkind <> 'p') AS o (rel)),
	-- tgtype: 1 FOR EACH ROW, 2 BEFORE
	EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgtype & 3 = 3 AND (g.tgrelid =
		c.oid OR g.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))),
	pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'f');

-- name: columns_sql
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) ||
		CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' ||
			pg_catalog.quote_ident(cn.nspname) || '.' ||
			pg_catalog.quote_ident(co.collname)
		ELSE '' END,
	b.typname IN ('json', 'jsonb') AND b.typnamespace = 'pg_catalog'::regnamespace,
	b.typtype = 'c' OR b.typcategory = 'A', NOT a.attnotnull, a.attgenerated <> '',
	a.attidentity = 'a', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
	(SELECT q FROM pg_catalog.pg_get_serial_sequence($2, a.attname) AS q
		WHERE pg_catalog.has_sequence_privilege(q, 'SELECT')),
	-- what a new row without it gets: an expression; empty: NULL; NULL: only the server knows
	CASE WHEN y.typtype = 'd' AND y.typnotnull THEN NULL
		WHEN a.attidentity <> '' THEN (SELECT 'pg_catalog.nextval(' ||
			pg_catalog.quote_literal(q) || ')'
			FROM pg_catalog.pg_get_serial_sequence($2, a.attname) AS q
			WHERE pg_catalog.has_sequence_privilege(q, 'USAGE') AND s.temp)
		WHEN a.atthasdef THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
			FROM pg_catalog.pg_attrdef AS d
			WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND s.temp)
		WHEN y.typdefault IS NOT NULL THEN NULL ELSE '' END
	FROM pg_catalog.pg_attribute AS a
	CROSS JOIN (SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')
		AS temp) AS s
	JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid
	JOIN pg_catalog.pg_type AS b ON b.oid = coalesce(nullif(y.typbasetype, 0), y.oid)
	LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
	LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
	WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- name: alike_sql
SELECT pg_catalog.quote_ident(n.nspname) || '.' ||
	pg_catalog.quote_ident(c.relname)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE pg_catalog.lower(c.relname) = pg_catalog.lower($2)
		AND c.relkind IN ('r', 'p', 'v', 'f')
	ORDER BY pg_catalog.lower(n.nspname) <> pg_catalog.lower($1), 1 LIMIT 1;

-- part: key_column
SELECT i.indexrelid, a.attname, 'OPERATOR(' || pg_catalog.quote_ident(n.nspname)
	|| '.' || o.oprname || ')'

-- part: of_keys
FROM pg_catalog.pg_index AS i CROSS JOIN LATERAL
	ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]),
		pg_catalog.unnest(i.indclass::pg_catalog.oid[])) WITH ORDINALITY
		AS k (att, class, ord)
JOIN pg_catalog.pg_attribute AS a
	ON a.attrelid = i.indrelid AND a.attnum = k.att
JOIN pg_catalog.pg_opclass AS c ON c.oid = k.class
JOIN pg_catalog.pg_amop AS p ON p.amopfamily = c.opcfamily AND p.amopstrategy = 3
	AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
JOIN pg_catalog.pg_operator AS o ON o.oid = p.amopopr
JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND i.indisvalid AND i.indimmediate
	AND i.indpred IS NULL AND i.indexprs IS NULL AND k.ord <= i.indnkeyatts
ORDER BY i.indisprimary DESC, i.indexrelid, k.ord

-- name: unique_sql
{key_column}, i.indnullsnotdistinct {of_keys};

-- name: unique_14_sql
{key_column}, false {of_keys};

-- Others may take numbers meanwhile: so only a long way is jumped, which nobody can have gone in
-- between.
-- name: advance_sql
SELECT CASE WHEN steps.n > 10000 THEN pg_catalog.setval($1, $2::bigint)
	ELSE (SELECT max(pg_catalog.nextval($1)) FROM pg_catalog.generate_series(1, steps.n)) END
	FROM (SELECT pg_catalog.nextval($1) AS n) AS l, LATERAL (
		SELECT ($2::numeric - l.n) / seqincrement AS n FROM pg_catalog.pg_sequence
		WHERE seqrelid = $1::pg_catalog.regclass) AS steps;

-- name: holders_sql
SELECT pg_catalog.string_agg(DISTINCT a.pid || coalesce(' (' || nullif(a.application_name, '') ||
	')', ''), ', ')
	FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
	WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid()
	AND a.datname = pg_catalog.current_database() AND (l.relation = $1::pg_catalog.regclass OR
	l.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree($1::pg_catalog.regclass)));
