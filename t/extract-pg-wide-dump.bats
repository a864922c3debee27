load helper

# Two ships, in groups of three columns: S1 with all kinds of values and a channel of a name that is
# taken, S2 with two channels that S1 has, too, and one of its own.
setup_file() {
	scratch_db
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id serial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL, bool_v bool,
			str_v text, long_v bigint, double_v float8, value_format text,
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, value_format, double_v, long_v,
				str_v)
		SELECT s, c, timestamp '2024-01-01 23:00' + i * interval '30 s' + c.skew, f,
			CASE f WHEN 'Decimal' THEN
				CASE i % 50 WHEN 7 THEN 'NaN' WHEN 8 THEN '-Infinity'
				WHEN 9 THEN -0.0
				WHEN 10 THEN 1e-7 WHEN 11 THEN 123456789.123 ELSE i / 3.0 END END,
			CASE f WHEN 'Integer' THEN
				CASE i WHEN 3 THEN 9223372036854775807 ELSE -i END END,
			CASE f WHEN 'String' THEN (ARRAY['a,b',
				'say \"x\"', '', E'two\\nlines', E'\\\\.',
				'한글', '007', NULL])[i % 8 + 1] END
		FROM generate_series(0, 239) AS i, (VALUES
			('S1', '/me01/temp', 'Decimal', interval '0'),
			('S1', '/me01/load', 'Integer', '0'), ('S1', '/me01/state', 'String', '0'),
			('S1', 'created_time', 'String', '0'), ('S1', '/me02/temp', 'Decimal', '0'),
			('S1', '/late', 'Integer', '7 s'), ('S1', '/also/late', 'Decimal', '7 s'),
			('S2', '/me01/temp', 'Decimal', '0'), ('S2', '/me01/load', 'Integer', '0'),
			('S2', '/aux', 'String', '0')) AS c (s, c, f, skew)
		WHERE (i + length(c)) % 5 > 0;
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			value_format, bool_v)
		SELECT 'S1', '/on', timestamp '2024-01-02' + i * interval '1 min', 'Boolean',
			i % 2 = 0
		FROM generate_series(0, 9) AS i"
	load_both
}

load_both() {
	local types
	for types in text native; do
		pg-narrow-dump --seal --progress none | pivot-wide --progress none |
			pg-copy-load --wide --target-schema "$types" --types "$types" \
				--group-columns 3 --progress none
	done
	# the formats of channels, as narrow-to-wide registers them
	sql "UPDATE ferry.channel AS c SET format = n.value_format
		FROM tenant.tbl_data_timeseries AS n
		WHERE ship = ship_id AND channel = data_channel_id"
}

# table_of SCHEMA SHIP CHANNEL
table_of() {
	sql "SELECT format('%I.%I', target_schema, table_name) FROM ferry.channel
		WHERE (target_schema, ship, channel) = ('$1', '$2', '$3')"
}

digest() { stream-digest --narrow -o csv "$@"; }

@test "wide-dump: what was narrow is narrow again, cell by cell, of either type" {
	local types format
	pg-narrow-dump --progress none | digest >want
	grep -q '^S1,' want
	for types in text native; do
		is "$(sql "SELECT count(DISTINCT table_name) > 2 FROM ferry.channel
			WHERE target_schema = '$types' AND ship = 'S1'")" t
		for format in csv ndjson; do
			run_pipe '0 0' 'pg-wide-dump --target-schema $types -o $format |
				unpivot-narrow >back' types=$types format=$format
			[[ ! -s $err ]]
			digest back >got
			is "$(cut -d , -f 1,3- got)" "$(cut -d , -f 1,3- want)" "$types $format"
		done
	done
	# and into other tables, which proves every chunk
	run_pipe '0 0' 'pg-wide-dump --target-schema text |
		pg-copy-load --wide --target-schema again --group-columns 5'
	run_pipe '0 0' 'pg-wide-dump --target-schema again | unpivot-narrow >back'
	digest back >got
	is "$(cut -d , -f 1,3- got)" "$(cut -d , -f 1,3- want)"
}

@test "wide-dump: a cell that was deleted is gone, and one that came" {
	echo '{"ship_id":"S2","created_time":"2024-01-01 23:00:30","/aux":null,"/me01/load":5}' \
		>live.ndjson
	pg-copy-load --wide --live --target-schema text --progress none live.ndjson
	run_ok pg-wide-dump --target-schema text -s S2 -o ndjson --until '2024-01-01 23:01'
	is "$(grep -c . "$out")" 2
	is "$(jq -c 'select(.created_time == "2024-01-01 23:00:30") |
		del(.ship_id, .created_time)' "$out")" \
		'{"/me01/load":5,"/me01/temp":0.3333333333333333}'
}

@test "wide-dump: of some channels only their tables, and instants that have a value" {
	sql "SELECT DISTINCT table_name FROM ferry.channel WHERE target_schema = 'native'
		AND ship = 'S1' AND channel IN ('/late', '/also/late')" >tables
	printf '/late\n' >list
	run_rc 0 pg-wide-dump --target-schema native -s S1 --channels list --channels '/also*' -v
	is "$(grep -o 'tbl_data_timeseries_s1_[0-9]*' "$err" | sort -u)" "$(sort -u tables)"
	is "$(head -n 1 "$out")" 'ship_id,created_time,/late,/also/late'
	sql "SELECT count(DISTINCT created_time) FROM tenant.tbl_data_timeseries
		WHERE data_channel_id IN ('/late', '/also/late')" >want
	is "$(($(wc -l <"$out") - 1))" "$(<want)"
	has_no "$out" ',,'
}

@test "wide-dump: a time apart" {
	run_ok pg-wide-dump --target-schema native --since 2024-01-02 --until '2024-01-02 00:01' \
		-s S1 -o ndjson
	is "$(jq -r .created_time "$out" | tr '\n' ' ')" \
		'2024-01-02 00:00:00 2024-01-02 00:00:30 2024-01-02 00:00:37 '
	run_ok pg-wide-dump --target-schema native --seal -s S1 --channels '/me0*' -o ndjson
	is "$(jq -r '."@seal".seal | values' "$out" | tr '\n' ' ')" \
		'S1:20240101T000000Z/20240102T000000Z S1:20240102T000000Z/20240103T000000Z end '
}

# of PostgreSQL's own arithmetic
@test "wide-dump: --every says what PostgreSQL says of a window" {
	local how types
	sql "CREATE TABLE got (ship text, at timestamp, temp numeric, load numeric)"
	for how in min max sum count avg; do
		for types in text native; do
			run_ok pg-wide-dump --target-schema $types -s S1 --every 10m --agg $how \
				--channels /me02/temp --channels /me01/load
			tail -n +2 "$out" >got.$types
		done
		same_file got.text got.native
		sql "TRUNCATE got"
		psql -Xqc '\copy got FROM got.text CSV'
		same_rows "SELECT at, round(load, 1), round(temp, 10) FROM got" \
			"SELECT date_bin('10 min', created_time, '2000-01-01') AS at,
				round($how(long_v::numeric(40, 20))
					FILTER (WHERE data_channel_id = '/me01/load'), 1),
				round($how(double_v::text::numeric)
					FILTER (WHERE data_channel_id = '/me02/temp'), 10)
			FROM tenant.tbl_data_timeseries WHERE ship_id = 'S1'
				AND data_channel_id IN ('/me02/temp', '/me01/load') GROUP BY 1"
	done
	for how in first last; do
		run_ok pg-wide-dump --target-schema text -s S1 --every 10m --agg $how \
			--channels /me01/state -o ndjson
		jq -r '."/me01/state" | @json' "$out" >got
		sql "SELECT to_json((array_agg(str_v ORDER BY created_time
				$([[ $how == first ]] || echo DESC))
				FILTER (WHERE str_v IS NOT NULL))[1])
			FROM tenant.tbl_data_timeseries WHERE ship_id = 'S1'
			AND data_channel_id = '/me01/state'
			GROUP BY date_bin('10 min', created_time, '2000-01-01')
			ORDER BY date_bin('10 min', created_time, '2000-01-01')" >want
		same_file got want
	done
}

@test "wide-dump: texts have no average, and a text among numbers is a bad record" {
	run_rc 0 pg-wide-dump --target-schema text -s S1 --every 1h
	has "$err" 'warning: --agg: channels that are no numbers are left out' '(3 of them)'
	is "$(head -n 1 "$out" | tr , '\n' | grep -c .)" 7
	sql "UPDATE $(table_of text S1 /me02/temp) SET \"/me02/temp\" = 'broken'
		WHERE created_time = '2024-01-02 00:00'"
	run_rc 65 pg-wide-dump --target-schema text -s S1 --every 1h --channels /me02/temp
	has "$err" 'column "/me02/temp": not a number: {"ship_id":"S1"'
	run_rc 0 pg-wide-dump --target-schema text -s S1 --every 1h --channels /me02/temp \
		--rejects bad
	is "$(jq -c '[.field, .value, .row.created_time]' bad)" \
		'["/me02/temp","broken","2024-01-02 00:00:00"]'
	# where nobody has said what the channel is, it may be one of texts; and the first window
	# begins with the first year
	sql "UPDATE ferry.channel SET format = NULL
			WHERE target_schema = 'text' AND ship = 'S1' AND channel = '/me02/temp';
		UPDATE $(table_of text S1 /me02/temp) SET created_time = '0001-01-01 00:00:01'
			WHERE created_time = '2024-01-01 23:00:30'"
	run_rc 0 pg-wide-dump --target-schema text -s S1 --every 7d --channels /me02/temp
	has "$err" 'channel "/me02/temp" has no known format: values that are no numbers' \
		'(1 of them)'
	is "$(sed -n 2p "$out" | cut -d , -f 1,2)" 'S1,0001-01-01 00:00:00'
}

@test "wide-dump: what is named and not there is said" {
	run_rc 78 pg-wide-dump --target-schema text --channels /me01/temp --channels /nowhere
	has "$err" 'no ship has channel "/nowhere" (not met: 1 of 2)'
	run_rc 78 pg-wide-dump --target-schema text --channels '/x*'
	# of a file a name is a name, and no pattern
	echo '/me01/*' >list
	run_rc 78 pg-wide-dump --target-schema text -s S1 --channels list
	has "$err" 'none of these ships has channel "/me01/*" (not met: 1 of 1)'
	: >list
	run_rc 78 pg-wide-dump --target-schema text --channels list
	has "$err" '--channels: "list" names no channel'
	run_rc 78 pg-wide-dump --target-schema text -s S9
	has "$err" 'ship "S9" has no wide tables text.tbl_data_timeseries_'
	run_rc 78 pg-wide-dump --target-schema other
	run_rc 78 pg-wide-dump --target-schema text --target-prefix other_
	is "$(sql "SELECT to_regnamespace('other')")" ''
	run_rc 0 pg-wide-dump --target-schema text --channels /late -o csv
	has "$err" 'warning: ship "S2" has none of the channels that are asked for'
	# a column that somebody has renamed
	sql "ALTER TABLE $(table_of text S2 /aux) RENAME COLUMN \"/aux\" TO other"
	run_rc 0 pg-wide-dump --target-schema text -s S2
	has "$err" 'warning: channel "/aux" is left out: its column is not there (1 such channels)'
	sql "ALTER TABLE $(table_of text S2 /aux) RENAME COLUMN other TO \"/aux\""
	run_rc 64 pg-wide-dump --agg sum
	run_rc 64 pg-wide-dump --since 2024-01-02 --until 2024-01-01
	(scratch_db && run_rc 78 pg-wide-dump)
}

@test "wide-dump: one state of all tables, by a role that may only read" {
	local role=reader_$$
	sql "CREATE ROLE $role LOGIN; GRANT USAGE ON SCHEMA native, ferry TO $role;
		GRANT SELECT ON ALL TABLES IN SCHEMA native, ferry TO $role"
	PGUSER=$role run_ok pg-wide-dump --target-schema native -s S1
	cp "$out" before
	sql "REVOKE SELECT ON ALL TABLES IN SCHEMA native FROM $role"
	PGUSER=$role run_rc 77 pg-wide-dump --target-schema native -s S1
	# a writer in the middle: a pipe that nobody reads from holds the dump where it is
	mkfifo pipe
	pg-wide-dump --target-schema native -s S1 --no-seal -O pipe --progress none &
	exec 7<pipe
	read -r -u 7 -n 1 first
	sql "UPDATE $(table_of native S1 /me01/temp) SET \"/me01/temp\" = 42"
	{ printf %s "$first" && cat <&7; } >got
	wait "$!"
	same_file got before
	sql "DROP OWNED BY $role; DROP ROLE $role"
}
