-- Others may take numbers meanwhile: so only a long way is jumped, which nobody can have gone in
-- between.
-- name: advance_sql
SELECT CASE WHEN $2::bigint - l.n > 10000 THEN pg_catalog.setval($1, $2::bigint)
	ELSE (SELECT max(pg_catalog.nextval($1))
		FROM pg_catalog.generate_series(l.n + 1, $2::bigint)) END
	FROM (SELECT pg_catalog.nextval($1) AS n) AS l;
