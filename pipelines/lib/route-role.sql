-- route-role.sql: lets new sessions of a role ask the one arm or the other, in this database.
--
-- psql -v role=NAME -v arm=narrow|wide|none. What else the path had stays: that of the role in this
-- database, or else of the role, the database, the server. FROM CURRENT takes the path as a value,
-- so no name in it is ever read as SQL.
-- One transaction of at_target.
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '100ms';
SELECT set_config('ferry.role', :'role', true), set_config('ferry.arm', :'arm', true) \g /dev/null
DO $do$
DECLARE
	name CONSTANT text := current_setting('ferry.role');
	arm CONSTANT text := current_setting('ferry.arm');
	role oid;
	base oid := (SELECT oid FROM pg_database WHERE datname = current_database());
	own text;
	inherited text;
	path text;
	each record;
BEGIN
	SELECT oid INTO role FROM pg_roles WHERE rolname = name;
	IF role IS NULL THEN
		RAISE EXCEPTION 'there is no role "%"', name USING ERRCODE = 'undefined_object';
	END IF;
	FOR each IN SELECT s.setrole, s.setdatabase, substr(c, 13) AS path FROM pg_db_role_setting AS s,
			unnest(s.setconfig) AS c WHERE c LIKE 'search\_path=%'
			AND s.setrole IN (0, role) AND s.setdatabase IN (0, base)
			ORDER BY s.setrole, s.setdatabase
	LOOP
		IF each.setrole = role AND each.setdatabase = base THEN
			own := each.path;
		ELSE
			inherited := each.path;
		END IF;
	END LOOP;
	-- what the server says is seen by who has no path of his own
	inherited := coalesce(inherited, (SELECT reset_val FROM pg_settings
			WHERE pg_settings.name = 'search_path' AND NOT EXISTS (SELECT
				FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
				WHERE c LIKE 'search\_path=%' AND s.setrole = session_user::regrole)),
		'"$user", public');
	path := btrim(regexp_replace(coalesce(own, inherited),
		'(^|,)\s*(ferry_wide|ferry_narrow)\s*(?=,|$)', '\1', 'g'), ', ');
	path := regexp_replace(path, ',(\s*,)+', ',', 'g');
	IF arm = 'none' AND path = inherited THEN
		EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET search_path', name, current_database());
		RETURN;
	END IF;
	PERFORM set_config('search_path', concat_ws(', ', CASE arm WHEN 'wide' THEN
		'ferry_wide, ferry_narrow' WHEN 'narrow' THEN 'ferry_narrow' END, nullif(path, '')), true);
	EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path FROM CURRENT', name,
		current_database());
END $do$;
