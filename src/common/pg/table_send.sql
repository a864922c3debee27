-- The foreign keys of the table: rows of one, then those of the next.
-- name: keys_sql
SELECT k.oid, k.confrelid = k.conrelid, pg_catalog.quote_ident(c.attname),
	pg_catalog.quote_ident(p.attname), 'OPERATOR(' || pg_catalog.quote_ident(n.nspname) ||
	'.' || o.oprname || ')', pg_catalog.quote_ident(pn.nspname) || '.' ||
	pg_catalog.quote_ident(pc.relname)
	FROM pg_catalog.pg_constraint AS k CROSS JOIN LATERAL
		ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey),
			pg_catalog.unnest(k.conpfeqop)) AS u (child, parent, op)
	JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attnum = u.child
	JOIN pg_catalog.pg_attribute AS p ON p.attrelid = k.confrelid AND p.attnum = u.parent
	JOIN pg_catalog.pg_operator AS o ON o.oid = u.op
	JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
	JOIN pg_catalog.pg_class AS pc ON pc.oid = k.confrelid
	JOIN pg_catalog.pg_namespace AS pn ON pn.oid = pc.relnamespace
	WHERE k.contype = 'f' AND k.conrelid = pg_catalog.to_regclass($1) ORDER BY k.oid;
