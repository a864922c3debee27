-- The ships and channels of made-up telemetry, as temporary tables; psql variables: ships, channels.

-- The digits of c in mixed radix all stand in the name, so no two channels of a ship share one.
CREATE TEMP TABLE channel AS
SELECT c, CASE WHEN c % 20 < 16 THEN 'Decimal' WHEN c % 20 < 18 THEN 'Integer'
		WHEN c % 20 = 18 THEN 'Boolean' ELSE 'String' END AS format,
	format('/%s/%s%s/%s/%s',
		(ARRAY['me01', 'ge01', 'ge02', 'ge03', 'ge04', 'blr01', 'hs4sd_v1/ge04', 'nav01'])[1 + c % 8],
		format('cyl%s', lpad((1 + c / 8 % 12)::text, 2, '0')),
		(ARRAY['', '/tc', '/brg'])[1 + c / 480 % 3] || CASE WHEN c >= 1440 THEN '_' || c / 1440 ELSE '' END,
		(ARRAY['exh_gas//out_c', 'lub_oil/in', 'jcw//out', 'fuel_oil/in', 'sca_air/rcvr'])[1 + c / 96 % 5],
		CASE WHEN c % 20 < 16 THEN (ARRAY['temp', 'press', 'flow', 'load'])[1 + c % 20 / 4]
			WHEN c % 20 < 18 THEN 'count' WHEN c % 20 = 18 THEN 'alarm' ELSE 'mode' END) AS name
FROM generate_series(0, :channels - 1) AS c;

CREATE TEMP TABLE ship AS
SELECT s, 'IMO' || CASE WHEN s < 7 THEN 9999993 + s ELSE 9999999 - s END AS name
FROM generate_series(0, :ships - 1) AS s;

ANALYZE channel, ship;
