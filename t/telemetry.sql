-- Production-shaped narrow telemetry, the same bytes on every run: each choice is a hash or a
-- remainder of (instant, ship, channel), never random(). t/telemetry sets the variables and is how
-- to run this.
--
-- A row's place in the table is its arrival. `i` counts arrivals and `j` the instants measured, one
-- every :step seconds; most cells arrive at once (i = j), some a minute or a third of the whole
-- time later, with the id and server_created_time of then. So neither id nor server_created_time
-- orders like created_time.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET maintenance_work_mem = '1GB';

-- One in twenty instants is for gaps, ships that join later, and what arrives after the end.
SELECT ceil(:rows * 1.25 / (:ships::numeric * :channels))::bigint + 50 AS instants \gset
SELECT greatest(8, :instants / 3) AS long_delay \gset

CREATE SCHEMA IF NOT EXISTS :"schema";
CREATE TABLE :"schema".:"table" (
	id bigserial,
	ship_id text NOT NULL,
	data_channel_id text NOT NULL,
	created_time :time_type NOT NULL,
	server_created_time :time_type,
	bool_v boolean,
	str_v text,
	long_v bigint,
	double_v double precision,
	value_format varchar(50)
);

\ir channels.sql

-- OFFSET 0 keeps the planner from turning the loops round: the order written is the order of
-- arrival.
INSERT INTO :"schema".:"table" (ship_id, data_channel_id, created_time, server_created_time,
	bool_v, str_v, long_v, double_v, value_format)
SELECT ship_id, channel, created, arrived,
	CASE WHEN format = 'Boolean' AND defect IS DISTINCT FROM 0 THEN h % 3 = 0 END,
	CASE WHEN format = 'String' THEN
		CASE h % 64 WHEN 0 THEN '' WHEN 1 THEN '007' WHEN 2 THEN 'say "hi", ok' WHEN 3 THEN E'two\nlines'
			WHEN 4 THEN '\.' WHEN 5 THEN '선박 №' || h % 8 WHEN 6 THEN ' padded ' WHEN 7 THEN '1e5'
			ELSE (ARRAY['RUNNING', 'STANDBY', 'STOPPED', 'STARTING'])[1 + h % 4] END
		WHEN defect = 0 THEN 'n/a' END,
	CASE WHEN format = 'Integer' AND defect IS DISTINCT FROM 0 THEN
		CASE h % 4096 WHEN 0 THEN 9007199254740993 WHEN 1 THEN -9223372036854775808
			WHEN 2 THEN 9223372036854775807 ELSE h % 100000 END END,
	CASE WHEN format = 'Decimal' AND defect IS DISTINCT FROM 0 THEN
		CASE h % 65536 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0'
			WHEN 4 THEN 5e-324 WHEN 5 THEN 1.7976931348623157e308
			ELSE 20 + c % 400 + 10 * sin(j * 0.01 + c) + (h % 1048573) / 1048573.0::float8 END END,
	CASE defect WHEN 1 THEN 'Enumeration' WHEN 2 THEN NULL ELSE format END
FROM (
	SELECT cell.*, channel.name AS channel, channel.format, channel.c,
		CASE WHEN :defects AND channel.c % 16 = 9 AND (j * 7 + channel.c) % 101 = 0
			THEN (j + channel.c) % 3 END AS defect,
		-- A missing value is a row of its own with every value column NULL.
		CASE WHEN (j * 31 + channel.c * 7) % 997 = 0 THEN NULL
			ELSE hashint8extended(j * 1000003 + cell.s * 20011 + channel.c, pass) & 9223372036854775807
		END AS h
	FROM (
		SELECT j, ship.s, ship.name AS ship_id, delay, pass,
			time_0 + (j * :step + ship.s) * interval '1 s'
				+ (hashint8(j * 64 + ship.s) & 1023) * interval '1 us' AS created,
			time_0 + (i * :step + ship.s) * interval '1 s'
				+ 300000 * interval '1 us' + (hashint8(i * 64 + ship.s) & 524287) * interval '1 us' AS arrived
		FROM (SELECT i, :'start'::timestamp AS time_0
			FROM generate_series(0::bigint, :instants + :long_delay) AS i) AS arrival,
			-- What arrives at i: the instant itself, the late ones, and where there is
			-- no key, repeats.
			LATERAL (
				SELECT i - delay AS j, delay, pass, ship.*
				FROM (VALUES (0, 0), (4, 0), (:long_delay, 0), (8, 1)) AS kind (delay, pass), ship
				OFFSET 0
			) AS ship
		WHERE j BETWEEN ship.s * :instants / (8 * :ships) AND :instants AND (pass = 0 OR :repeats)
			-- A ship is silent now and then.
			AND (j / 20 + ship.s * 7) % 97 <> 96
		OFFSET 0
	) AS cell, LATERAL (
		SELECT * FROM channel
		WHERE (c % 40 <> 39 OR j % 4 = 0)
			AND (j * 17 + c * 13 + cell.s * 5) % 53 <> 0
			AND CASE WHEN pass = 1 THEN c % 16 = 5 AND (j + c) % 61 = 0
				WHEN c % 16 <> 3 THEN delay = 0
				WHEN (j + c / 16) % 29 = 7 THEN delay = :long_delay
				WHEN (j + c / 16) % 5 = 0 THEN delay = 4
				ELSE delay = 0 END
		OFFSET 0
	) AS channel
	OFFSET 0
) AS row
LIMIT :rows;

\if :key
ALTER TABLE :"schema".:"table" ADD PRIMARY KEY (ship_id, data_channel_id, created_time);
\endif
\if :index
CREATE INDEX ON :"schema".:"table" (created_time DESC);
\endif
VACUUM (ANALYZE) :"schema".:"table";
