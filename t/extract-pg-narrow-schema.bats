load helper

setup() {
	helper_setup
	scratch_db
}

head=ship_id,data_channel_id,value_format,first_seen,last_seen,samples

# printed LINE...: what the last run wrote, byte for byte
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

# table [KEY]: three channels of two ships, one row a minute for two hours; T ended a day earlier,
# and its channel c was an Integer at first and silent in the last hour
table() {
	sql "CREATE TABLE n (ship_id text NOT NULL, data_channel_id text NOT NULL,
			created_time timestamp NOT NULL, value_format text,
				double_v float8, long_v bigint,
			str_v text ${1+, PRIMARY KEY ($1)});
		INSERT INTO n (ship_id, data_channel_id, created_time, value_format)
		SELECT s, c, timestamp '2024-01-02'
			- CASE s WHEN 'T' THEN interval '1 day' ELSE interval '0' END
				+ i * interval '1 min',
			CASE WHEN c = 'a' THEN 'String'
				WHEN c = 'c' AND i < 30 THEN 'Integer' ELSE 'Decimal' END
		FROM generate_series(0, 119) AS i,
			unnest('{S,T}'::text[]) AS s, unnest('{a,b,c}'::text[]) AS c
		WHERE s = 'S' OR c <> 'c' OR i < 40"
}

# the newest hour of each ship: from 00:59 to 01:59, both ends included
sample=(
	'S,a,String,2024-01-02 00:59:00,2024-01-02 01:59:00,61'
	'S,b,Decimal,2024-01-02 00:59:00,2024-01-02 01:59:00,61'
	'S,c,Decimal,2024-01-02 00:59:00,2024-01-02 01:59:00,61'
	'T,a,String,2024-01-01 00:59:00,2024-01-01 01:59:00,61'
	'T,b,Decimal,2024-01-01 00:59:00,2024-01-01 01:59:00,61'
)

@test "schema: the newest hour of each ship, whatever indexes there are" {
	local key
	for key in 'ship_id, data_channel_id, created_time' \
		'ship_id, created_time, data_channel_id' \
		'created_time, data_channel_id, ship_id'; do
		table "$key"
		run_ok pg-narrow-schema -t n -o csv
		printed "$head" "${sample[@]}"
		sql 'DROP TABLE n'
	done
	table
	run_rc 0 pg-narrow-schema -t n -o csv
	printed "$head" "${sample[@]}"
	has "$err" \
		'n has no index by (ship_id, data_channel_id, created_time): the whole table is'
}

@test "schema: --sample and --ship-id" {
	table 'ship_id, data_channel_id, created_time'
	run_ok pg-narrow-schema -t n -o csv --sample 2h --ship-id T
	printed "$head" 'T,a,String,2024-01-01 00:00:00,2024-01-01 01:59:00,120' \
		'T,b,Decimal,2024-01-01 00:00:00,2024-01-01 01:59:00,120' \
		'T,c,Decimal,2024-01-01 00:30:00,2024-01-01 00:39:00,10' \
		'T,c,Integer,2024-01-01 00:00:00,2024-01-01 00:29:00,30'
	run_ok pg-narrow-schema -t n -o csv --sample 5 --ship-id T --ship-id S
	is "$(grep -c ',6$' "$out")" 5
	run_rc 78 pg-narrow-schema -t n --ship-id T --ship-id X
	has "$err" 'ship "X" has no rows in n'
	is "$(<"$out")" ''
	run_rc 0 pg-narrow-schema -t n --ship-id T --ship-id X --new-ship
	has "$err" 'warning: no rows of ship "X"'
	is "$(grep -c '"T"' "$out")" 2
}

@test "schema: --ships prints their names alone" {
	table 'ship_id, created_time, data_channel_id'
	run_ok pg-narrow-schema --table n --ships
	printed S T
	run_rc 64 pg-narrow-schema --table n --ships --ship-id S
}

@test "schema: --complete counts every row where no index leads to the channels" {
	table
	run_rc 0 pg-narrow-schema -t n -o csv --complete
	has "$err" 'the whole table is read'
	printed "$head" 'S,a,String,2024-01-02 00:00:00,2024-01-02 01:59:00,120' \
		'S,b,Decimal,2024-01-02 00:00:00,2024-01-02 01:59:00,120' \
		'S,c,Decimal,2024-01-02 00:30:00,2024-01-02 01:59:00,90' \
		'S,c,Integer,2024-01-02 00:00:00,2024-01-02 00:29:00,30' \
		'T,a,String,2024-01-01 00:00:00,2024-01-01 01:59:00,120' \
		'T,b,Decimal,2024-01-01 00:00:00,2024-01-01 01:59:00,120' \
		'T,c,Decimal,2024-01-01 00:30:00,2024-01-01 00:39:00,10' \
		'T,c,Integer,2024-01-01 00:00:00,2024-01-01 00:29:00,30'
}

@test "schema: --complete by an index reads the ends of each channel only" {
	table 'ship_id, data_channel_id, created_time'
	run_ok pg-narrow-schema -t n -o csv --complete
	printed "$head" 'S,a,String,2024-01-02 00:00:00,2024-01-02 01:59:00,' \
		'S,b,Decimal,2024-01-02 00:00:00,2024-01-02 01:59:00,' \
		'S,c,Decimal,2024-01-02 00:00:00,2024-01-02 01:59:00,' \
		'S,c,Integer,2024-01-02 00:00:00,2024-01-02 01:59:00,' \
		'T,a,String,2024-01-01 00:00:00,2024-01-01 01:59:00,' \
		'T,b,Decimal,2024-01-01 00:00:00,2024-01-01 01:59:00,' \
		'T,c,Decimal,2024-01-01 00:00:00,2024-01-01 00:39:00,' \
		'T,c,Integer,2024-01-01 00:00:00,2024-01-01 00:39:00,'
	# five probes of the index a channel, and none of 100,000 rows
	sql "INSERT INTO n (ship_id, data_channel_id, created_time, value_format)
		SELECT 'S', 'b', timestamp '2023-01-01' + i * interval '1 s', 'Decimal'
		FROM generate_series(1, 100000) AS i; ANALYZE n"
	local read='SELECT idx_blks_read + idx_blks_hit FROM pg_statio_user_tables'
	before=$(sql "$read")
	run_ok pg-narrow-schema -t n --complete
	wait_until 10 sql "SELECT 1 / (($read) > $before)::int"
	used=$(($(sql "$read") - before))
	((used < 300))
}

@test "schema: NDJSON, with times in UTC, odd names and unknown formats" {
	sql "CREATE TABLE n (\"a ship\" text, ch int, at timestamptz, fmt text, str_v text);
		INSERT INTO n VALUES (E'S\\n\"1\"', 7, '2024-01-01 09:00+09', 'Enumeration', 'x'),
			(E'S\\n\"1\"', 7, '2024-01-01 09:01+09', NULL, 'x')"
	run_rc 0 pg-narrow-schema -t n --ship-column 'a ship' \
		--channel-column ch --time-column at --format-column fmt
	local channel='{"ship_id":"S\n\"1\"","data_channel_id":"7","value_format":' \
		seen='"first_seen":"2024-01-01 00:0%s:00+00","last_seen":"2024-01-01 00:0%s:00+00"'
	# shellcheck disable=SC2059
	printed "$channel\"Enumeration\",$(printf "$seen" 0 0),\"samples\":1}" \
		"${channel}null,$(printf "$seen" 1 1),\"samples\":1}"
}

@test "schema: without a format column the type of the value's column is the format" {
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
		bool_v bool,
			long_v bigint, double_v float8, str_v text,
				PRIMARY KEY (ship_id, data_channel_id, created_time));
		INSERT INTO n VALUES ('S', 'b', '2024-01-01', true, NULL, NULL, NULL),
			('S', 'l', '2024-01-01', NULL, 1, NULL, NULL),
				('S', 'd', '2024-01-01', NULL, NULL, 1, NULL),
			('S', 's', '2024-01-01', NULL, NULL, NULL, ''),
				('S', 'x', '2024-01-01', NULL, NULL, NULL, NULL);
		CREATE TABLE v (ship_id text, data_channel_id text,
			created_time timestamp, value numeric,
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		INSERT INTO v VALUES ('S', 'c', '2024-01-01', 1.50)"
	run_ok pg-narrow-schema -t n -o csv
	is "$(cut -d , -f 2,3 "$out" | paste -sd ' ')" \
		'data_channel_id,value_format b,Boolean d,Decimal l,Integer s,String x,'
	run_ok pg-narrow-schema -t v -o csv --complete
	is "$(cut -d , -f 2,3 "$out" | tail -n 1)" 'c,Decimal'
}

@test "schema: an empty table has no channels" {
	sql 'CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp, value int)'
	run_rc 0 pg-narrow-schema -t n -q
	is "$(<"$out")" ''
	run_rc 0 pg-narrow-schema -t n -o csv --complete -q
	printed "$head"
}

@test "schema: rows that lack a part of the key are no channel, and are told of" {
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp, value int);
		INSERT INTO n VALUES ('S', 'c', '2024-01-01', 1), (NULL, 'c', '2024-01-01', 2),
			('S', NULL, '2024-01-01', 3), ('S', 'c', NULL, 4)"
	run_rc 0 pg-narrow-schema -t n -o csv --complete
	printed "$head" 'S,c,Integer,2024-01-01 00:00:00,2024-01-01 00:00:00,1'
	has "$err" 'n: 3 rows without a ship, a channel or a time'
}

@test "schema: refusals" {
	run_rc 78 pg-narrow-schema -t nix
	run_rc 75 pg-narrow-schema --source "host=$PWD/nowhere"
	run_rc 64 pg-narrow-schema file
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp, value int);
		INSERT INTO n VALUES ('S', 'c', 'infinity', 1)"
	run_rc 0 pg-narrow-schema -t n
	has "$err" 'no rows of ship'
	sql "UPDATE n SET created_time = '2024-01-01'"
	run_rc 74 bash -c 'pg-narrow-schema -q -t n >/dev/full'
	sql "DROP ROLE IF EXISTS looker_$$; CREATE ROLE looker_$$ LOGIN"
	run_rc 77 env PGUSER=looker_$$ pg-narrow-schema -q -t n
	sql "DROP ROLE looker_$$"
}
