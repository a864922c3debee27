-- route-drop.sql: the reading names of ships (ships: one a line; cascade: CASCADE or nothing, whether
-- with what others have made of them), and with the last of them the schemas. Prints the roles whose
-- paths still have them then.
-- One transaction of at_target.
SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '100ms';
SELECT set_config('ferry.ships', :'ships', true), set_config('ferry.schema', :'schema', true),
	set_config('ferry.cascade', :'cascade', true)
\g /dev/null
DO $do$
DECLARE
	ships CONSTANT text := btrim(current_setting('ferry.ships'), E'\n');
	place CONSTANT text := current_setting('ferry.schema');
	each record;
BEGIN
	FOR each IN SELECT c.oid::regclass AS name FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ferry_narrow', 'ferry_wide')
			AND obj_description(c.oid, 'pg_class') IN (SELECT
				format('ferry: route of ship %s of %I', s, place)
				FROM regexp_split_to_table(ships, E'\n') AS s)
	LOOP
		EXECUTE format('DROP VIEW %s %s', each.name, current_setting('ferry.cascade'));
	END LOOP;
	FOR each IN SELECT n.nspname AS name FROM pg_namespace AS n
		WHERE n.nspname IN ('ferry_narrow', 'ferry_wide') AND NOT EXISTS (SELECT FROM pg_class AS c
			JOIN pg_namespace AS o ON o.oid = c.relnamespace
			WHERE o.nspname IN ('ferry_narrow', 'ferry_wide'))
	LOOP
		EXECUTE format('DROP SCHEMA %I', each.name);
	END LOOP;
END $do$;
SELECT DISTINCT pg_get_userbyid(s.setrole) FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
WHERE to_regnamespace('ferry_narrow') IS NULL AND c ~ '^search_path=.*ferry_(narrow|wide)'
	AND s.setrole <> 0
	AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
