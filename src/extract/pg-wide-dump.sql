-- name: ships_sql
SELECT DISTINCT ship FROM ferry.channel WHERE target_schema = $1 AND {of_prefix} ORDER BY 1;
