-- names.sql: functions beside the wide tables of a schema that go straight to the tables. A view of a
-- thousand columns takes longer to plan than most queries take to run.
--
--	latest(ship)                       the newest instant with a value: a row for each channel that has one
--	read(ship, channels, from, to)     columns of some channels, SETOF record
--	ferry_channels(ship), ferry_tables(ship)   where channels are; for the two above
--
-- psql -v schema=NAME. Names that somebody else has given stay his (the comment tells), and nothing
-- happens where all of it is there.
-- One transaction of at_target.
SET LOCAL search_path = pg_catalog;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '10s';
SELECT set_config('ferry.schema', :'schema', true) \g /dev/null
DO $do$
DECLARE
	place CONSTANT text := current_setting('ferry.schema');
	mark CONSTANT text := 'ferry: made beside the wide tables, version 4';
	names CONSTANT text[] := ARRAY['ferry_channels(text)', 'ferry_tables(text)', 'latest(text)',
		'read(text, text[], timestamp, timestamp)'];
	proc text;
	said text;
	made int := 0;
BEGIN
	IF to_regnamespace(quote_ident(place)) IS NULL THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(hashtext('ferry names'), hashtext(place));
	FOREACH proc IN ARRAY names LOOP
		said := obj_description(to_regprocedure(format('%I.%s', place, proc)), 'pg_proc');
		IF to_regprocedure(format('%I.%s', place, proc)) IS NOT NULL
			AND coalesce(said, '') NOT LIKE 'ferry: made beside%' THEN
			RAISE EXCEPTION 'there is a function of others already: %.%', place, proc;
		END IF;
		made := made + coalesce(said = mark, false)::int;
	END LOOP;
	IF made = cardinality(names) THEN
		RETURN;
	END IF;

	EXECUTE format('DROP FUNCTION IF EXISTS %I.ferry_tables(text)', place); -- returned less

	-- Names of channels are no secret to who may connect: the catalog shows all columns. Rights to
	-- values are those of the tables.
	EXECUTE format($f$CREATE OR REPLACE FUNCTION %I.ferry_tables(ship text)
		RETURNS TABLE (tables text[], channels bigint, renamed jsonb)
		LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L$f$,
		place, format($f$
		SELECT array_agg(DISTINCT c.table_name), count(*),
			jsonb_object_agg(c.column_name, c.channel) FILTER (WHERE c.column_name <> c.channel)
		FROM ferry.channel AS c WHERE c.target_schema = %L AND c.ship = $1 $f$, place));
	EXECUTE format($f$CREATE OR REPLACE FUNCTION %I.ferry_channels(ship text)
		RETURNS TABLE (channel text, table_name text, column_name text)
		LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L$f$,
		place, format($f$
		SELECT c.channel, c.table_name, c.column_name FROM ferry.channel AS c
		WHERE c.target_schema = %L AND c.ship = $1 $f$, place));

	-- Times are in UTC, whatever the session says, in both kinds of tables.
	EXECUTE format($f$CREATE OR REPLACE FUNCTION %I.latest(ship text)
		RETURNS TABLE (created_time timestamp, channel text, value text)
		LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
		SET extra_float_digits = 1 AS %L$f$,
		place, replace(replace($f$
		#variable_conflict use_column
		DECLARE
			tables text[];
			channels bigint;
			renamed jsonb; -- columns that are not called as their channels
			foreign_too bool;
			others jsonb; -- of each table the columns that are no channels
			newest timestamp;
			any_value bool := false;
			rows_of text;
			lasts text;
			each text;
		BEGIN
			SELECT t.tables, t.channels, t.renamed INTO tables, channels, renamed
				FROM @.ferry_tables($1) AS t;
			SELECT array_agg(t), sum(r.relnatts) > channels + count(*)
				OR count(*) < cardinality(tables) INTO tables, foreign_too
				FROM unnest(tables) AS t JOIN pg_class AS r
					ON r.oid = to_regclass(format('%I.%I', @place, t));
			IF tables IS NULL THEN
				RAISE EXCEPTION 'ship "%" has no wide tables here', $1
					USING ERRCODE = 'undefined_object';
			END IF;
			-- Users may add columns of their own. They are looked for only where tables have
			-- more columns than channels and an instant: it takes as long as the rest of this.
			IF foreign_too THEN
				SELECT jsonb_object_agg(x.t, x.names) INTO others FROM (
					SELECT t, jsonb_object_agg(a.attname, true) AS names
					FROM unnest(tables) AS t JOIN pg_attribute AS a
						ON a.attrelid = to_regclass(format('%I.%I', @place, t))
					WHERE a.attnum > 0 AND NOT a.attisdropped AND (t, a.attname::text) NOT IN
						(SELECT table_name, column_name FROM @.ferry_channels($1))
					GROUP BY 1) AS x;
			END IF;
			-- The newest instant of all has a value nearly always. Where it has none, or none any
			-- more, each table looks for its newest row that has one.
			FOREACH rows_of IN ARRAY ARRAY['true', 'EXISTS (SELECT
					FROM json_each_text(row_to_json(t)) AS v
					WHERE v.value IS NOT NULL AND v.key <> ''created_time''
						AND ($1 -> %2$L ? v.key) IS NOT TRUE)'] LOOP
				SELECT string_agg(format('(SELECT created_time FROM %1$I.%2$I AS t WHERE '
						|| rows_of || ' ORDER BY created_time DESC LIMIT 1)',
						@place, t), ', ')
					INTO lasts FROM unnest(tables) AS t;
				EXECUTE format('SELECT greatest(%s)', lasts) INTO newest USING others;
				FOREACH each IN ARRAY tables LOOP
					-- the row as one value: its columns would be planned one by one
					RETURN QUERY EXECUTE format('SELECT $1, coalesce($2 ->> v.key, v.key),
						v.value FROM %I.%I AS t, json_each_text(row_to_json(t)) AS v
						WHERE t.created_time = $1 AND v.value IS NOT NULL
							AND v.key <> ''created_time''
							AND ($3 ? v.key) IS NOT TRUE', @place, each)
						USING newest, renamed, others -> each;
					any_value := any_value OR FOUND;
				END LOOP;
				EXIT WHEN any_value;
			END LOOP;
		END $f$, '@place', quote_literal(place)), '@', quote_ident(place)));

	EXECUTE format($f$CREATE OR REPLACE FUNCTION %I.read(ship text, channels text[],
			"from" timestamp DEFAULT NULL, "to" timestamp DEFAULT NULL)
		RETURNS SETOF record
		LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS %L$f$,
		place, replace(replace($f$
		#variable_conflict use_column
		DECLARE
			columns text;
			sources text;
			unknown text;
		BEGIN
			WITH wanted AS (
				SELECT w.channel, w.place, k.table_name, format('g%s.%I', dense_rank()
					OVER (ORDER BY k.table_name), coalesce(k.column_name, '')) AS col
				FROM unnest($2) WITH ORDINALITY AS w (channel, place)
				LEFT JOIN @.ferry_channels($1) AS k ON k.channel = w.channel),
			tables AS (
				SELECT row_number() OVER () AS n, format('(SELECT * FROM %I.%I AS %s
					WHERE ($1 IS NULL OR created_time >= $1)
					AND ($2 IS NULL OR created_time < $2) AND num_nonnulls(%s) > 0) AS %s',
					@place, table_name, split_part(min(col), '.', 1),
					string_agg(col, ', '), split_part(min(col), '.', 1)) AS source
				FROM wanted WHERE table_name IS NOT NULL GROUP BY table_name)
			SELECT (SELECT string_agg(col, ', ' ORDER BY place) FROM wanted),
				(SELECT string_agg(CASE n WHEN 1 THEN source
					ELSE source || ' USING (created_time)' END, ' FULL JOIN ' ORDER BY n)
					FROM tables),
				(SELECT string_agg(format('"%s"', channel), ', ') FROM wanted
					WHERE table_name IS NULL)
			INTO columns, sources, unknown;
			IF columns IS NULL OR unknown IS NOT NULL THEN
				RAISE EXCEPTION 'ship "%" has no channel %', $1, coalesce(unknown, 'at all')
					USING ERRCODE = 'undefined_column';
			END IF;
			RETURN QUERY EXECUTE 'SELECT created_time, ' || columns || ' FROM ' || sources
				|| ' ORDER BY 1' USING "from", "to";
		END $f$, '@place', quote_literal(place)), '@', quote_ident(place)));

	FOREACH proc IN ARRAY names LOOP
		EXECUTE format('COMMENT ON FUNCTION %I.%s IS %L', place, proc, mark);
	END LOOP;
END $do$;
