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
	-- tgtype: 1 FOR EACH ROW, 2 BEFORE
	EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgtype & 3 = 3 AND (g.tgrelid =
		c.oid OR g.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))))
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
		WHERE pg_catalog.has_sequence_privilege(q, 'SELECT'))
	FROM pg_catalog.pg_attribute AS a
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
