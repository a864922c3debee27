-- name: probe_sql
SELECT string_agg(hashtextextended(v COLLATE "C", timestamp_hash_extended(t, 0)
	# hashtextextended(c, 0))::text, ' ') FROM (VALUES
	('1e-05', '2024-02-29 12:34:56.789012'::timestamp, '/me01/cyl03/exh_gas//out_c/temp'),
	('', '2000-01-01', ''), ('-Infinity', '1999-12-31 23:59:59.999999', '선박'),
	('true', '9999-12-31', 'a'), (E'두 줄\n', '0001-01-01', 'ab')) AS p (v, t, c);
