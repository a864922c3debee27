-- What t/feed needs in the database: its settings, its place, and the procedure that sends.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';

SELECT :channels + :new_channels AS channels_in_all, :ships + :new_ships AS ships_in_all,
	:channels AS channels_at_first \gset
\set channels :channels_in_all
\set ships :ships_in_all
\ir channels.sql

CREATE SCHEMA IF NOT EXISTS :"schema";
CREATE TABLE IF NOT EXISTS :"schema".:"table" (
	id bigserial,
	ship_id text NOT NULL,
	data_channel_id text NOT NULL,
	created_time timestamp NOT NULL,
	server_created_time timestamp,
	bool_v boolean,
	str_v text,
	long_v bigint,
	double_v double precision,
	value_format varchar(50),
	PRIMARY KEY (ship_id, data_channel_id, created_time)
);
SELECT NOT EXISTS (SELECT FROM pg_indexes WHERE schemaname = :'schema' AND tablename = :'table'
	AND indexdef LIKE '%(created_time%') AS bare \gset
\if :bare
CREATE INDEX ON :"schema".:"table" (created_time DESC);
\endif

\if :more
\else
DROP SCHEMA IF EXISTS feed CASCADE;
\endif
CREATE SCHEMA IF NOT EXISTS feed;
CREATE TABLE IF NOT EXISTS feed.place (
	ship int, writer int, next bigint NOT NULL, PRIMARY KEY (ship, writer));
DROP TABLE IF EXISTS feed.run, feed.channel, feed.ship CASCADE;
CREATE TABLE feed.run AS SELECT false AS stop, clock_timestamp() AS started, base AS base,
	base + :sets AS sets,
	:step::float8 AS step, :speed::float8 AS speed, nullif(:'from', '')::timestamp AS from_time,
	:writers AS writers, :held::float8 AS held, :late::float8 AS late,
	:aborted::float8 AS aborted, :corrected::float8 AS corrected,
	:channels_at_first AS channels, :ships - :new_ships AS ships, :new_at AS new_at,
	format('%I.%I', :'schema', :'table')::regclass AS into_table
FROM (SELECT coalesce(max(next), 0) AS base FROM feed.place) AS p;
UPDATE feed.place SET next = base + writer FROM feed.run;
CREATE TABLE feed.channel AS TABLE channel;
CREATE TABLE feed.ship AS TABLE ship;

-- 0 to 99, the same for the same cell
CREATE OR REPLACE FUNCTION feed.dice(what int, s int, c int, j bigint) RETURNS int
LANGUAGE sql IMMUTABLE AS $$
	SELECT ((hashint8extended(j * 1000003 + s * 20011 + c, what) >> 8) & 1048575)::int % 100 $$;

-- how many sets late a value comes
CREATE OR REPLACE FUNCTION feed.delay(late float8, s int, c int, j bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN feed.dice(1, s, c, j) >= late THEN 0
		ELSE (ARRAY[4, 40, 5760])[1 + feed.dice(2, s, c, j) % 3] END $$;

CREATE OR REPLACE FUNCTION feed.instant(run feed.run, s int, j bigint) RETURNS timestamp
LANGUAGE sql STABLE AS $$
	SELECT coalesce(run.from_time, date_trunc('milliseconds', run.started AT TIME ZONE 'UTC')
				- run.base * run.step / run.speed * interval '1 s')
			+ j * CASE WHEN run.from_time IS NULL THEN run.step / run.speed ELSE run.step END
				* interval '1 s'
			+ s * interval '1 ms' $$;

-- one set of one ship, and what comes late with it
CREATE OR REPLACE PROCEDURE feed.set(run feed.run, s int, j bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('
		INSERT INTO %s (ship_id, data_channel_id, created_time, server_created_time, bool_v,
			str_v, long_v, double_v, value_format)
		SELECT ship.name, channel.name, feed.instant($1, $2, $3 - delay),
			clock_timestamp() AT TIME ZONE ''UTC'',
			CASE format WHEN ''Boolean'' THEN feed.dice(3, $2, c, $3 - delay) < 30 END,
			CASE format WHEN ''String'' THEN ''mode '' || feed.dice(3, $2, c, $3 - delay) END,
			CASE format WHEN ''Integer'' THEN ($3 - delay) * 1000 + c END,
			CASE format WHEN ''Decimal'' THEN $3 - delay + c / 10000.0 END, format
		FROM feed.channel AS channel, feed.ship AS ship,
			(VALUES (0), (4), (40), (5760)) AS d (delay)
		WHERE ship.s = $2 AND feed.delay($1.late, $2, c, $3 - delay) = delay
			AND (c < $1.channels OR $3 - delay >= $1.new_at)
		ON CONFLICT DO NOTHING', run.into_table) USING run, s, j;
END $$;

CREATE OR REPLACE PROCEDURE feed.correct(run feed.run, s int, j bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('
		UPDATE %s AS n SET double_v = -double_v FROM feed.channel AS channel, feed.ship AS ship
		WHERE ship.s = $2 AND format = ''Decimal''
			AND feed.dice(4, $2, c, $3 - 20) < $1.corrected
			AND n.ship_id = ship.name AND n.data_channel_id = channel.name
			AND n.created_time = feed.instant($1, $2, $3 - 20)', run.into_table)
		USING run, s, j;
END $$;

CREATE OR REPLACE PROCEDURE feed.send(s int, writer int) LANGUAGE plpgsql AS $$
DECLARE
	run feed.run;
	j bigint;
BEGIN
	SELECT * INTO run FROM feed.run;
	INSERT INTO feed.place VALUES (s, writer, run.base + writer
		+ CASE WHEN s >= run.ships THEN run.new_at ELSE 0 END) ON CONFLICT DO NOTHING;
	COMMIT;
	LOOP
		SELECT next INTO j FROM feed.place AS p WHERE p.ship = s AND p.writer = send.writer;
		EXIT WHEN j >= run.sets;
		COMMIT;
		LOOP
			EXIT WHEN (SELECT stop FROM feed.run) OR clock_timestamp() >=
				run.started + (j - run.base) * run.step / run.speed * interval '1 s';
			COMMIT;
			PERFORM pg_sleep(least(0.2, extract(epoch FROM run.started
				+ (j - run.base) * run.step / run.speed * interval '1 s'
				- clock_timestamp())));
		END LOOP;
		EXIT WHEN (SELECT stop FROM feed.run);
		COMMIT;
		IF feed.dice(5, s, -1, j) < run.aborted THEN
			CALL feed.set(run, s, j);
			ROLLBACK;
		END IF;
		IF feed.dice(6, s, -1, j) < 25 THEN
			BEGIN
				CALL feed.set(run, s, j);
			EXCEPTION WHEN division_by_zero THEN -- never: for its subtransaction
				RAISE;
			END;
		ELSE
			CALL feed.set(run, s, j);
		END IF;
		IF run.corrected > 0 THEN
			CALL feed.correct(run, s, j);
		END IF;
		UPDATE feed.place AS p SET next = j + run.writers
			WHERE p.ship = s AND p.writer = send.writer;
		IF run.held > 0 AND feed.dice(7, s, -1, j) < 50 THEN
			PERFORM pg_sleep(run.held * feed.dice(8, s, -1, j) / 100.0);
		END IF;
		COMMIT;
	END LOOP;
END $$;
