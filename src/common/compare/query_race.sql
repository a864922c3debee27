-- The registered ship with the most channels.
-- name: largest_sql
SELECT ship FROM ferry.channel WHERE target_schema = $1 AND {of_prefix}
	GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1;
