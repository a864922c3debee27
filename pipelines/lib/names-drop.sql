-- names-drop.sql: the functions of names.sql, gone when no wide table is left in the schema.
-- One transaction of at_target.
SET LOCAL search_path = pg_catalog;
SELECT set_config('ferry.schema', :'schema', true) \g /dev/null
DO $do$
DECLARE
	place CONSTANT text := current_setting('ferry.schema');
	proc text;
	left_over bool := false;
BEGIN
	IF to_regclass('ferry.channel') IS NOT NULL THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM ferry.channel AS c WHERE target_schema = $1
			AND to_regclass(format(''%I.%I'', $1, table_name)) IS NOT NULL)'
			INTO left_over USING place;
	END IF;
	IF left_over THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(hashtext('ferry names'), hashtext(place));
	FOREACH proc IN ARRAY ARRAY['latest(text)', 'read(text, text[], timestamp, timestamp)',
		'ferry_channels(text)', 'ferry_tables(text)'] LOOP
		proc := format('%I.%s', place, proc);
		IF obj_description(to_regprocedure(proc), 'pg_proc') LIKE 'ferry: made beside%' THEN
			EXECUTE 'DROP FUNCTION ' || proc;
		END IF;
	END LOOP;
END $do$;
