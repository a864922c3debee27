-- name: alike_sql
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE pg_catalog.lower(c.relname) = pg_catalog.lower($1)
	AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1 LIMIT 1;

-- name: table_sql
SELECT c.oid, c.relkind, pg_catalog.row_security_active(c.oid),
	greatest(c.reltuples, 0)::bigint, c.relhassubclass,
	pg_catalog.has_table_privilege(c.oid, 'SELECT') FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = $1 AND c.relname = $2
	AND c.relkind IN ('r', 'p', 'v', 'm', 'f');

-- name: columns_sql
SELECT a.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END,
	t.typcategory, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
	coalesce(c.collisdeterministic, true) FROM pg_catalog.pg_attribute a
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
	WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attnum;

-- The catalog of the extension differs by version: asked only where it is what we know.
-- name: hypertable_sql
SELECT EXISTS (SELECT FROM _timescaledb_catalog.hypertable h
	JOIN pg_namespace s ON s.nspname = h.schema_name
	JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = h.table_name
	WHERE c.oid = $1::oid);

-- A key that is checked at the end of a transaction may repeat within it. The last: are there
-- tables that inherit, and have no part in its keys?
-- name: indexes_sql
SELECT coalesce(bool_or(x.indisunique AND x.indimmediate AND
		(x.key)[0:x.indnkeyatts - 1] <@ ARRAY[s.n, c.n, t.n]), false),
	coalesce(bool_or(x.key[0] = s.n AND x.indnkeyatts > 1
		AND x.key[1] = t.n), false),
	coalesce(bool_or(x.key[0] = t.n), false),
	coalesce(bool_or(x.key[0] = s.n AND x.indnkeyatts > 2 AND x.key[1] = c.n
		AND x.key[2] = t.n), false),
	coalesce(bool_or(x.key[0] = s.n), false),
	EXISTS (SELECT FROM pg_catalog.pg_inherits h
		JOIN pg_catalog.pg_class r ON r.oid = h.inhparent
		WHERE r.oid = $1::oid AND r.relkind = 'r')
	FROM (SELECT i.*, i.indkey::int2[] AS key FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid
		JOIN pg_catalog.pg_am m ON m.oid = k.relam AND m.amname = 'btree'
		WHERE i.indrelid = $1::oid AND i.indisvalid AND i.indpred IS NULL) x,
	(SELECT attnum AS n FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid
		AND attname = $4) t,
	(SELECT max(attnum) AS n FROM pg_catalog.pg_attribute
		WHERE attrelid = $1::oid AND attname = $2) s,
	(SELECT max(attnum) AS n FROM pg_catalog.pg_attribute
		WHERE attrelid = $1::oid AND attname = $3) c;

-- name: print_sql
SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', attnum,
		atttypid, atttypmod, attcollation, attname), ',' ORDER BY attnum)),
	pg_catalog.to_regclass($2)::oid IS NOT DISTINCT FROM $1::oid
	FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum > 0
	AND NOT attisdropped;
