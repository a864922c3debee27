load helper

setup() {
	helper_setup
	scratch_db
}

# production [TIME-TYPE [TABLE-OPTIONS]]: the table as it is in production, empty
production() {
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time ${1-timestamp} NOT NULL,
			server_created_time ${1-timestamp}, bool_v boolean,
				str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC)"
}

# put COLUMNS VALUES...: rows into that table; COLUMNS are those behind ship, channel and time
put() {
	local columns=$1 each list=
	shift
	for each; do list+="${list:+, }($each)"; done
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
		created_time, $columns)
		VALUES $list"
}

# decimals VALUES...: rows of ship S1, channel c, one a second
decimals() {
	local each list=
	local -i second=0
	for each; do
		list+="${list:+, }('S1', 'c',
			timestamp '2024-01-01' + $((second++)) * interval '1 s',
			'Decimal', $each)"
	done
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, value_format, double_v) VALUES $list"
}

# printed LINE...: what the last run wrote, byte for byte
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

# seals FILE: the JSON of its control records, one a line, into the file s
seals() {
	grep -o '{""v"":1,""seal"".*}"$' "$1" | sed 's|"$||; s|""|"|g' >s
}

# ended PID: waits for it; for run_rc
ended() { wait "$1"; }

# stopped PID: at its kill point
stopped() { grep -q '^State:.*stopped' "/proc/$1/status"; }

kill_points() { [[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'; }

head=ship_id,created_time,data_channel_id,value

@test "dump: every kind of value, as the server writes it" {
	production
	put value_format,double_v,long_v,str_v,bool_v \
		"'S1','d1','2024-01-01 00:00:00','Decimal',0.1::float8+0.2,NULL,NULL,NULL" \
		"'S1','d2','2024-01-01 00:00:01','Decimal','NaN',NULL,NULL,NULL" \
		"'S1','d3','2024-01-01 00:00:02','Decimal','Infinity',NULL,NULL,NULL" \
		"'S1','d4','2024-01-01 00:00:03','Decimal','-Infinity',NULL,NULL,NULL" \
		"'S1','d5','2024-01-01 00:00:04','Decimal','-0',NULL,NULL,NULL" \
		"'S1','d6','2024-01-01 00:00:05','Decimal',1e23,NULL,NULL,NULL" \
		"'S1','d7','2024-01-01 00:00:06','Decimal',5e-324,NULL,NULL,NULL" \
		"'S1','i1','2024-01-01 00:00:07','Integer',NULL,9007199254740993,NULL,NULL" \
		"'S1','i2','2024-01-01 00:00:08','Integer',NULL,-9223372036854775808,NULL,NULL" \
		"'S1','i3','2024-01-01 00:00:09','Integer',NULL,9223372036854775807,NULL,NULL" \
		"'S1','s1','2024-01-01 00:00:10','String',NULL,NULL,'',NULL" \
		"'S1','s2','2024-01-01 00:00:11','String',NULL,NULL,NULL,NULL" \
		"'S1','s3','2024-01-01 00:00:12','String',NULL,NULL,'say \"hi\", ok',NULL" \
		"'S1','s4','2024-01-01 00:00:13','String',NULL,NULL,E'two\\nlines\\r',NULL" \
		"'S1','s5','2024-01-01 00:00:14','String',NULL,NULL,'\\.',NULL" \
		"'S1','s6','2024-01-01 00:00:15','String',NULL,NULL,'007',NULL" \
		"'S1','s7','2024-01-01 00:00:16','String',NULL,NULL,' 선박 ',NULL" \
		"'S1','b1','2024-01-01 00:00:17','Boolean',NULL,NULL,NULL,true" \
		"'S1','b2','2024-01-01 00:00:18','Boolean',NULL,NULL,NULL,false" \
		"'S,\"1','t,1','2024-01-01 00:00:19.000001','Integer',NULL,1,NULL,NULL"
	run_ok pg-narrow-dump
	printed $head \
		'S1,2024-01-01 00:00:00,d1,0.30000000000000004' \
		'S1,2024-01-01 00:00:01,d2,NaN' \
		'S1,2024-01-01 00:00:02,d3,Infinity' \
		'S1,2024-01-01 00:00:03,d4,-Infinity' \
		'S1,2024-01-01 00:00:04,d5,-0' \
		'S1,2024-01-01 00:00:05,d6,9.999999999999999e+22' \
		'S1,2024-01-01 00:00:06,d7,5e-324' \
		'S1,2024-01-01 00:00:07,i1,9007199254740993' \
		'S1,2024-01-01 00:00:08,i2,-9223372036854775808' \
		'S1,2024-01-01 00:00:09,i3,9223372036854775807' \
		'S1,2024-01-01 00:00:10,s1,""' \
		'S1,2024-01-01 00:00:11,s2,' \
		'S1,2024-01-01 00:00:12,s3,"say ""hi"", ok"' \
		$'S1,2024-01-01 00:00:13,s4,"two\nlines\r"' \
		'S1,2024-01-01 00:00:14,s5,\.' \
		'S1,2024-01-01 00:00:15,s6,007' \
		'S1,2024-01-01 00:00:16,s7, 선박 ' \
		'S1,2024-01-01 00:00:17,b1,true' \
		'S1,2024-01-01 00:00:18,b2,false' \
		'"S,""1",2024-01-01 00:00:19.000001,"t,1",1'
	run_ok pg-narrow-dump -o ndjson
	has "$out" '"data_channel_id":"d1","value":0.30000000000000004}' \
		'"data_channel_id":"d2","value":"NaN"}' \
			'"data_channel_id":"d3","value":"Infinity"}' \
		'"data_channel_id":"d4","value":"-Infinity"}' '"data_channel_id":"d5","value":-0}' \
		'"data_channel_id":"d6","value":9.999999999999999e+22}' \
		'"data_channel_id":"i1","value":9007199254740993}' \
		'"data_channel_id":"s1","value":""}' '"data_channel_id":"s2","value":null}' \
		'"data_channel_id":"s4","value":"two\nlines\r"}' \
		'"data_channel_id":"s6","value":"007"}' '"data_channel_id":"b1","value":true}' \
		'{"ship_id":"S,\"1","created_time":"2024-01-01 00:00:19.000001"'
	is "$(wc -l <"$out")" 20
}

@test "dump: hundreds of thousands of doubles, the text of each as the server's" {
	sql "CREATE TABLE d (id serial, ship_id text, data_channel_id text, created_time timestamp,
			value_format text, double_v float8);
		INSERT INTO d SELECT g, 'S', 'c',
			timestamp '2024-01-01' + g * interval '1 us', 'Decimal', v
		FROM (SELECT row_number() OVER () AS g, v FROM (
			SELECT unnest('{1e23,2.2250738585072014e-308,2.225073858507201e-308,5e-324,
				1.7976931348623157e308,9007199254740993,4503599627370496.5,
					0.1,999999999999999,
				1e15,1e16,1e-4,9.999e-5,
					8.41e21,2.0919495182368195e19}'::float8[]) AS v
			UNION ALL SELECT ('1e' || e)::float8 FROM generate_series(-323, 308) AS e
			UNION ALL SELECT power(2::float8, e) FROM generate_series(-1074, 1023) AS e
			UNION ALL SELECT i + 0.5 FROM generate_series(1, 20000) AS i
			UNION ALL SELECT (hashint8extended(i, 3) >> 11)::float8
				* power(2::float8, abs(hashint8extended(i, 5) % 960))
				FROM generate_series(1, 100000) AS i
			UNION ALL SELECT (hashint8extended(i, 3) >> 11)::float8
				* power(2::float8, -abs(hashint8extended(i, 6) % 1022))
				FROM generate_series(1, 100000) AS i) AS x) AS y"
	run_ok pg-narrow-dump --table public.d
	tail -n +2 "$out" | cut -d , -f 4 >got
	sql "SELECT double_v FROM d ORDER BY created_time" >want
	is "$(wc -l <got)" 222745
	same_file got want
}

@test "dump: by time; of one instant in the order of the id where rows may repeat" {
	sql "CREATE TABLE n (id int, ship_id text, data_channel_id text, created_time timestamp,
			value_format text, long_v bigint);
		INSERT INTO n VALUES (3, 'S', 'a', '2024-01-01 00:00:01', 'Integer', 3),
			(1, 'S', 'a', '2024-01-01 00:00:01', 'Integer', 1),
			(4, 'S', 'a', '2024-01-01 00:00:00', 'Integer', 4),
			(2, 'S', 'a', '2024-01-01 00:00:01', 'Integer', 2)"
	run_ok pg-narrow-dump --table public.n
	is "$(cut -d , -f 4 "$out" | paste -sd ' ')" 'value 4 1 2 3'
	sql "UPDATE n SET id = -id"
	run_ok pg-narrow-dump --table n
	is "$(cut -d , -f 4 "$out" | paste -sd ' ')" 'value 4 3 2 1'
	# without an id, as they stand in the table
	run_ok pg-narrow-dump --table n --id-column ''
	is "$(cut -d , -f 4 "$out" | paste -sd ' ')" 'value 4 3 1 2'
}

# What a row that comes later may change must come in order, which costs a sort.
@test "dump: the key of a table counts unless others inherit from it, but chunks of a hypertable" {
	local n=tenant.tbl_data_timeseries
	order() {
		pg-narrow-dump --verbose 2>&1 >/dev/null | sed -n 's/.* ORDER BY \(.*\)) TO .*/\1/p'
	}
	production
	decimals 1
	is "$(order)" '"created_time"'
	sql "CREATE TABLE tenant.child () INHERITS ($n)"
	is "$(order)" '"created_time", "id"'
	sql "CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable
		AS SELECT name 'tenant' AS schema_name, name 'tbl_data_timeseries' AS table_name"
	is "$(order)" '"created_time"'
	sql 'DROP SCHEMA _timescaledb_catalog CASCADE; DROP TABLE tenant.child' 2>/dev/null
	is "$(sql "SELECT relhassubclass FROM pg_class WHERE oid = '$n'::regclass")" t # still
	is "$(order)" '"created_time"'
}

@test "dump: sorted, the same rows are the same to the last byte" {
	local each
	for each in ASC DESC; do
		sql "DROP TABLE IF EXISTS n;
			CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
				value_format text, long_v bigint,
				PRIMARY KEY (ship_id, data_channel_id, created_time));
			INSERT INTO n SELECT 'S' || s, 'c' || c, '2024-01-01 00:00:01',
				'Integer', s * c
			FROM generate_series(1, 3) AS s, generate_series(1, 20) AS c
			ORDER BY hashint4(s * 100 + c) $each"
		pg-narrow-dump --table public.n --no-seal >"$each.any"
		run_ok pg-narrow-dump --table public.n --no-seal --sorted -O "$each.csv"
	done
	is "$(wc -l <ASC.csv)" 61
	if cmp -s ASC.any DESC.any; then return 1; fi
	cmp ASC.csv DESC.csv
	run_rc 64 pg-narrow-dump --table public.n --sorted --follow poll
}

@test "dump: --since is in, --until is out, borders of chunks belong to one chunk" {
	production
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, value_format, long_v)
		SELECT s, 'c', timestamp '2024-01-01' + i * interval '3 h', 'Integer', i
		FROM generate_series(0, 15) AS i, unnest('{S1,S2}'::text[]) AS s"
	run_ok pg-narrow-dump --since '2024-01-01 06:00' --until 2024-01-01T12:00:00Z
	is "$(cut -d , -f 4 "$out" | paste -sd ' ')" 'value 2 2 3 3'
	run_ok pg-narrow-dump --ship-id S2 \
		--since '2024-01-01 06:00' --until '2024-01-01 12:00:00.000001'
	printed $head 'S2,2024-01-01 06:00:00,c,2' \
		'S2,2024-01-01 09:00:00,c,3' 'S2,2024-01-01 12:00:00,c,4'
	pg-narrow-dump >all
	run_ok pg-narrow-dump --seal --chunk 6h
	grep '^S' "$out" | sed 's/,$//' | sort >got
	tail -n +2 all | sort | same_file got /dev/stdin
	seals "$out"
	is "$(grep -c '"src"' s)" 8
	head -n 1 s >first
	has first '"seal":"20240101T000000Z/20240101T060000Z","rows":4'
	# a part of a chunk is named by its own borders
	run_ok pg-narrow-dump --seal --chunk 24h --ship-id S1 \
		--since '2024-01-01 06:00' --until 2024-01-02
	seals "$out"
	has s '"seal":"S1:20240101T060000Z/20240102T000000Z","rows":6'
}

@test "dump: the seal says what stream-digest says" {
	"$root/t/telemetry" 3 40 6000
	pg-narrow-dump --seal --chunk 2h >sealed
	run_ok stream-digest --narrow sealed
	seals sealed
	tail -n 1 s >last
	has last '"seal":"end","rows":0' '"final":1'
	# the chunks' sums, by ship
	python3 -c '
import json, collections
sums = collections.defaultdict(lambda: [0, 0, 0])
for line in open("s"):
    for ship in json.loads(line).get("src", {"ships": []})["ships"]:
        was = sums[ship["ship"]]
        sums[ship["ship"]] = [was[0] + ship["rows"], was[1] + ship["cells"],
            (was[2] + int(ship["digest"], 16)) % 2**64]
for ship in sorted(sums):
    print("%s,%d,%d,%016x" % (ship, *sums[ship]))' >want
	is "$(wc -l <want)" 3
	grep IMO "$out" | sort | same_file /dev/stdin want
}

@test "dump: timestamptz is written in UTC, bounds are instants" {
	production timestamptz
	put value_format,long_v "'S','c','2024-03-31 02:30:00+02','Integer',1" \
		"'S','c','2024-03-31 03:00:00.25+00','Integer',2"
	PGTZ=Asia/Seoul run_ok pg-narrow-dump
	printed $head 'S,2024-03-31 00:30:00+00,c,1' 'S,2024-03-31 03:00:00.25+00,c,2'
	run_ok pg-narrow-dump --since 2024-03-31T12:00:00+09:00
	printed $head 'S,2024-03-31 03:00:00.25+00,c,2'
}

@test "dump: settings of the user's own change no text" {
	production
	decimals 0.1 1e22
	# reading takes longer than a statement of this role may
	sql "CREATE VIEW tenant.slow AS SELECT n.* FROM tenant.tbl_data_timeseries AS n,
		(SELECT pg_sleep(1.2)) AS s"
	run_ok env \
		PGOPTIONS='-c extra_float_digits=-15 -c datestyle=German -c statement_timeout=1s' \
		pg-narrow-dump --table tenant.slow
	printed $head 'S1,2024-01-01 00:00:00,c,0.1' 'S1,2024-01-01 00:00:01,c,1e+22'
}

@test "dump: a table without id, format and some value columns" {
	sql 'CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
			double_v float8, str_v text);
		INSERT INTO n VALUES ($$S$$, $$a$$, $$2024-01-01$$, 1.5, NULL),
			($$S$$, $$b$$, $$2024-01-01 00:01$$, NULL, $$x$$),
				($$S$$, $$c$$, $$2024-01-01 00:02$$, NULL, NULL)'
	run_ok pg-narrow-dump -t n -o ndjson
	has "$out" '"a","value":1.5}' '"b","value":"x"}' '"c","value":null}'
	sql "INSERT INTO n VALUES ('S', 'd', '2024-01-01 00:03', 1, '1')"
	run_rc 65 pg-narrow-dump -t n
	has "$err" 'values in several columns, and no format that says which' \
		'"data_channel_id":"d"'
}

@test "dump: one value column of any type" {
	local type
	local id=0b5c3c1e-5f2e-4f0a-9a3e-000000000001
	for type in 'numeric:1.50:1.50' 'real:0.1:0.1' 'integer:7:7' 'smallint:-7:-7' \
		'boolean:t:true' 'text:1e5:"1e5"' "uuid:$id:\"$id\"" 'char(4):ab:"ab  "' \
		'numeric:NaN:"NaN"'; do
		IFS=: read -r type value json <<<"$type"
		sql "DROP TABLE IF EXISTS n;
			CREATE TABLE n (ship_id int, data_channel_id varchar(9),
				created_time timestamp,
				reading $type);
			INSERT INTO n VALUES (7, 'c', '2024-01-01', '$value')"
		run_ok pg-narrow-dump -t n -o ndjson --value-column reading --ship-id 7
		printed '{"ship_id":"7","created_time":"2024-01-01 00:00:00",'"$(
			printf '"data_channel_id":"c","value":%s}' "$json")"
	done
	sql 'ALTER TABLE n RENAME reading TO value'
	run_ok pg-narrow-dump -t n
	printed $head '7,2024-01-01 00:00:00,c,NaN'
}

@test "dump: names that need quotes, from tables, views, partitions" {
	sql 'CREATE SCHEMA "My ""x"" S.";
		CREATE TABLE "My ""x"" S."."T.1" ("the ship" text, "Channel" text,
			"order" timestamp,
			"Double" float8, fmt text) PARTITION BY RANGE ("order");
		CREATE TABLE p1 PARTITION OF "My ""x"" S."."T.1"
			FOR VALUES FROM (MINVALUE) TO ($$2024-01-02$$);
		CREATE TABLE p2 PARTITION OF "My ""x"" S."."T.1" DEFAULT;
		INSERT INTO "My ""x"" S."."T.1" VALUES
			($$S$$, $$c$$, $$2024-01-01$$, 1, $$Decimal$$),
			($$S$$, $$c$$, $$2024-01-03$$, 2, $$Decimal$$);
		CREATE VIEW v AS SELECT * FROM "My ""x"" S."."T.1";
		CREATE MATERIALIZED VIEW m AS SELECT * FROM v'
	local table
	for table in '"My ""x"" S."."T.1"' public.v m; do
		run_rc 0 pg-narrow-dump --table "$table" --ship-column 'the ship' \
			--channel-column Channel \
			--time-column order --double-column Double --format-column fmt
		has "$err" 'no index begins with "order", so each chunk reads the whole table'
		printed $head 'S,2024-01-01 00:00:00,c,1' 'S,2024-01-03 00:00:00,c,2'
	done
}

@test "dump: an empty table is a sealed stream without rows" {
	production
	run_ok pg-narrow-dump
	printed $head
	run_ok pg-narrow-dump --seal
	is "$(wc -l <"$out")" 2
	has "$out" '""seal"":""end"",""rows"":0' '""final"":1'
	cp "$out" empty
	run_ok stream-digest --narrow empty
	run_rc 78 pg-narrow-dump --ship-id S9
	has "$err" 'ship "S9" has no rows'
	run_rc 0 pg-narrow-dump --ship-id S9 --new-ship
	has "$err" 'warning: no rows of ship "S9"'
	run_ok pg-narrow-dump --since 2024-01-01 --until 2024-01-01
}

@test "dump: over a gap of centuries in one leap" {
	local chunk
	production
	put value_format,long_v \
		"'S','c','0001-01-01','Integer',1" "'S','c','9999-12-31 23:59','Integer',2"
	run_ok pg-narrow-dump --chunk 1m --seal
	has "$out" 'S,0001-01-01 00:00:00,c,1,' 'S,9999-12-31 23:59:00,c,2,'
	is "$(wc -l <"$out")" 7
	# chunks whose grid begins before the first year there is
	for chunk in 7d 36500d; do
		run_ok pg-narrow-dump --chunk "$chunk" --no-seal
		printed ship_id,created_time,data_channel_id,value 'S,0001-01-01 00:00:00,c,1' \
			'S,9999-12-31 23:59:00,c,2'
	done
}

# ---- bad rows ------------------------------------------------------------------------------------

defective() {
	production
	put value_format,double_v,long_v,str_v "'S1','a','2024-01-01','Decimal',1,NULL,NULL" \
		"'S1','b','2024-01-01','Enumeration',NULL,1,NULL" \
			"'S1','c','2024-01-01',NULL,2,NULL,NULL" \
		"'S1','d','2024-01-01','Integer',2,NULL,NULL" \
			"'S2','e','2024-01-01','decimal',2,NULL,NULL" \
		"'S2','f','2024-01-01','Decimal',3,4,'both'" \
			"'S2','g','2024-01-01','String',NULL,NULL,NULL"
}

@test "dump: the first bad row ends it, and says which and why" {
	defective
	run_rc 65 pg-narrow-dump
	has "$err" 'pg-narrow-dump: error: record ' 'column "value_format": ' \
		'hint: --rejects FILE keeps bad records and goes on'
	run_pipe '65 65' 'pg-narrow-dump | stream-digest --narrow'
}

@test "dump: --rejects keeps bad rows whole and goes on; the seal counts them" {
	defective
	run_rc 0 pg-narrow-dump --rejects bad --seal --stats stats
	has "$err" '4 of 7 records rejected, see bad'
	is "$(grep -c '^S' "$out")" 3
	seals "$out"
	has s '"rows":3,"cells":2,' '"rejects":4,"ships":['
	is "$(wc -l <bad)" 4
	has bad '"field":"value_format","value":"Enumeration","why":"unknown format","row":{' \
		'{"ship_id":"S1","data_channel_id":"b","created_time":"2024-01-01 00:00:00",' \
		'"Enumeration","double_v":null,"long_v":"1","str_v":null,"bool_v":null}}' \
		'"field":"value_format","value":null,"why":"no format"' \
		'"value":"Integer","why":"the value is not in the column of its format"' \
			'"value":"decimal","why":"unknown format"'
	has stats '"rows_in":7,"rows_out":3,' '"rejects":4,'
	python3 -c 'import json,sys; [json.loads(l) for l in sys.stdin]' <bad
}

@test "dump: what a seal vouches for has its rejects on disk, whatever happens next" {
	defective
	put value_format,double_v "'S1','a','2024-01-03','Decimal',1"
	run_rc 137 env KP_KILL=dump_chunk:2 pg-narrow-dump --rejects bad --chunk 24h --seal
	seals "$out"
	has s '"rejects":4'
	is "$(wc -l <bad)" 4
}

@test "dump: --max-rejects as a number and as a share" {
	defective
	run_rc 65 pg-narrow-dump --rejects bad --max-rejects 3
	has "$err" 'more than 3 bad records, see bad'
	run_rc 0 pg-narrow-dump --rejects bad --max-rejects 4
	run_rc 65 pg-narrow-dump --rejects bad --max-rejects 50% --seal
	has_no "$out" '""final"":1'
	run_rc 0 pg-narrow-dump --rejects bad --max-rejects 58%
	run_rc 64 pg-narrow-dump --rejects bad --max-rejects 101%
}

@test "dump: infinite times and times before our era are rejects, unless a range leaves them out" {
	local time
	production
	decimals 1
	for time in infinity -infinity '0044-03-15 BC' '12024-01-01'; do
		sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, value_format, long_v)
			VALUES ('S1', 'x', '$time', 'Integer', 1)"
		run_rc 65 pg-narrow-dump
		has "$err" 'not a time of the years 0001-9999'
		run_rc 65 pg-narrow-dump --ship-id S1
		run_rc 0 pg-narrow-dump --rejects bad
		is "$(wc -l <"$out") $(wc -l <bad)" '2 1'
		run_ok pg-narrow-dump --since 2024-01-01 --until 2025-01-01
		is "$(wc -l <"$out")" 2
		sql "DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = 'x'"
	done
}

@test "dump: rows without a ship, a channel or a time are not passed over" {
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp, value int);
		INSERT INTO n VALUES ('S', 'c', '2024-01-01', 1), ('S', 'c', NULL, 2),
			(NULL, 'c', '2024-01-01', 3), ('S', NULL, '2024-01-01', 4)"
	run_rc 65 pg-narrow-dump -t n
	has "$err" 'no value in a column of the key'
	run_rc 0 pg-narrow-dump -t n --rejects bad
	printed $head 'S,2024-01-01 00:00:00,c,1'
	is "$(wc -l <bad)" 3
	has bad '"field":"created_time","value":null' \
		'"field":"ship_id"' '"field":"data_channel_id"'
}

@test "dump: bytes that are no text are a reject, with their place" {
	local name=ascii_$$
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
	export PGDATABASE=$name
	production
	put value_format,str_v "'S1','c','2024-01-01 00:00','String','good'" \
		"'S1','c','2024-01-01 00:01','String',E'\\xff bad'" \
		"'S1','c','2024-01-01 00:02','String',E'\\xb0\\xa1'"
	run_rc 65 pg-narrow-dump
	has "$err" 'bytes that are no text in the encoding of the source' \
		'"str_v":"\\xff20626164"'
	run_rc 0 pg-narrow-dump --rejects bad
	printed $head 'S1,2024-01-01 00:00:00,c,good'
	is "$(wc -l <bad)" 2
	run_rc 0 pg-narrow-dump --source-encoding cp949 --rejects bad
	printed $head 'S1,2024-01-01 00:00:00,c,good' 'S1,2024-01-01 00:02:00,c,가'
	run_rc 78 pg-narrow-dump --source-encoding utf-99
	has "$err" 'no encoding that a source can be read in: "utf-99"'
	PGDATABASE=postgres run_rc 78 pg-narrow-dump --source-encoding UHC
	has "$err" 'says of itself that its texts are UTF8, not UHC'
}

@test "dump: a server of another encoding" {
	local name=euc_$$
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'EUC_KR' LOCALE 'C'"
	export PGDATABASE=$name PGCLIENTENCODING=UTF8
	production
	put value_format,str_v "'선박','온도','2024-01-01 00:00','String','정상'"
	PGCLIENTENCODING=LATIN1 run_ok pg-narrow-dump
	printed $head '선박,2024-01-01 00:00:00,온도,정상'
}

# ---- what may be wrong with the source -----------------------------------------------------------

@test "dump: a wrong table or column is 78 and says what there is" {
	production
	run_rc 78 pg-narrow-dump --table nix
	has "$err" 'pg-narrow-dump: error: no such table, source: nix' \
		'hint: --table SCHEMA.TABLE names it'
	run_rc 78 pg-narrow-dump --table TBL_DATA_TIMESERIES
	has "$err" 'hint: there is tenant.tbl_data_timeseries'
	run_rc 64 pg-narrow-dump --table a.b.c
	run_rc 78 pg-narrow-dump --ship-column vessel
	has "$err" 'no column "vessel" in the table, source: tenant.tbl_data_timeseries' \
		'hint: --ship-column names it; the columns are id, ship_id, data_channel_id,'
	run_rc 78 pg-narrow-dump --id-column no_id
	run_rc 78 pg-narrow-dump --time-column value_format
	has "$err" \
		'"value_format" is of type character varying(50), not timestamp or timestamptz'
	sql 'CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp)'
	run_rc 78 pg-narrow-dump -t n
	has "$err" 'no column "double_v"' '--value-column names it'
	run_rc 78 env PGDATABASE=no_such_database pg-narrow-dump
	has "$err" 'cannot connect, source: ' 'does not exist'
}

@test "dump: no permission is 77, no server 75, a bad connection string 78 without its password" {
	production
	sql "DROP ROLE IF EXISTS reader_$$; CREATE ROLE reader_$$ LOGIN"
	run_rc 77 env PGUSER=reader_$$ pg-narrow-dump
	has "$err" 'not allowed, source: to use schema tenant'
	sql "GRANT USAGE ON SCHEMA tenant TO reader_$$;
		GRANT SELECT (ship_id, data_channel_id, created_time,
			value_format, double_v, long_v,
			str_v, bool_v) ON tenant.tbl_data_timeseries TO reader_$$"
	run_ok env PGUSER=reader_$$ pg-narrow-dump
	sql "DROP OWNED BY reader_$$; DROP ROLE reader_$$"
	run_rc 75 pg-narrow-dump --source "host=$PWD/nowhere"
	has "$err" 'pg-narrow-dump: error: cannot connect, source: '
	run_rc 75 env PGPORT=1 pg-narrow-dump
	# whatever the language of libpq
	run_rc 75 env -u LC_ALL LANG=ko_KR.UTF-8 pg-narrow-dump --source "host=$PWD/nowhere"
	has "$err" 'pg-narrow-dump: 오류: '
	run_rc 77 env PGUSER=no_such_role pg-narrow-dump
	local string
	for string in 'host=h password=geheim 123' 'passwort=geheim' 'postgres//u:geheim@h/d' \
		postgresql://u:{geheim@123@h/d,geheim/1@h/d,1/geheim@h/d,1@geheim/2@h/d} \
		postgresql://u:{1/2?port=geheim@h,1@geheim?2@h/d,geheim%zz@h/d}; do
		run_rc 78 pg-narrow-dump --source "$string"
		[[ $string == passwort* ]] || has_no "$err" geheim
		[[ $string != *://* ]] || has "$err" 'malformed' 'written %40, %2F and %25'
	done
	# what libpq takes as it stands
	for string in 'u:a?b#c[d]:,e@/d' 'u:a%2Fb%40@/d' 'h/d@e'; do
		run_rc 75 pg-narrow-dump --source "postgresql://$string?host=$PWD/nowhere"
	done
}

@test "dump: a service file is taken as psql takes it" {
	production
	decimals 1
	printf '[ship]\nhost=%s\nport=%s\nuser=%s\ndbname=%s\nconnect_timeout=3\n' \
		"$PGHOST" "$PGPORT" "$PGUSER" "$PGDATABASE" >services
	run_ok env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PGSERVICEFILE=services \
		pg-narrow-dump --source service=ship
	is "$(wc -l <"$out")" 2
	run_ok env -u PGHOST FERRY_SOURCE="postgresql:///$PGDATABASE?host=$PGHOST" pg-narrow-dump
	is "$(wc -l <"$out")" 2
}

@test "dump: a table of which row level security may hide rows is refused" {
	production
	decimals 1 2
	sql "DROP ROLE IF EXISTS guest_$$; CREATE ROLE guest_$$ LOGIN;
		GRANT USAGE ON SCHEMA tenant TO guest_$$;
			GRANT SELECT ON tenant.tbl_data_timeseries TO guest_$$;
		ALTER TABLE tenant.tbl_data_timeseries ENABLE ROW LEVEL SECURITY;
		CREATE POLICY part ON tenant.tbl_data_timeseries USING (double_v < 2)"
	run_rc 77 env PGUSER=guest_$$ pg-narrow-dump
	has "$err" BYPASSRLS \
		'tenant.tbl_data_timeseries: row level security may hide rows from this user'
	sql "ALTER ROLE guest_$$ BYPASSRLS"
	run_ok env PGUSER=guest_$$ pg-narrow-dump
	is "$(wc -l <"$out")" 3
	sql "DROP OWNED BY guest_$$; DROP ROLE guest_$$"
}

@test "dump: a column that changes its type on the way is noticed before a row is misread" {
	kill_points
	production
	put value_format,long_v \
		"'S','c','2024-01-01','Integer',1" "'S','c','2024-01-02','Integer',2"
	KP_STOP=dump_chunk:2 pg-narrow-dump >got 2>said &
	wait_until 20 stopped $!
	sql 'ALTER TABLE tenant.tbl_data_timeseries ALTER long_v TYPE float8'
	kill -CONT $!
	run_rc 75 ended $!
	has said 'the columns of the table have changed, source: tenant.tbl_data_timeseries'
	run_ok pg-narrow-dump
	is "$(tail -n 1 "$out")" 'S,2024-01-02 00:00:00,c,2'
}

# ---- ends ----------------------------------------------------------------------------------------

# dump_stalls: waits until the dump has filled its pipe, so that the server waits for it
dump_stalls() {
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'pg-narrow-dump'
		AND wait_event = 'ClientWrite'" || {
		sql 'SELECT state, wait_event, query FROM pg_stat_activity' >&2
		exit 1
	}
}
export -f dump_stalls wait_until nap sql

@test "dump: a server connection that dies is 75, and whoever reads is told" {
	"$root/t/telemetry" 1 50 50000
	local kill='SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()'
	# a reader that waits keeps the dump in the middle
	run_pipe '75 75' \
		'pg-narrow-dump |
			{ dump_stalls; psql -XAtqc "$kill" >killed; exec stream-digest; }' \
		kill="$kill"
	has killed t
	has "$err" 'pg-narrow-dump: error: ' \
		'stream-digest: error: upstream failed: pg-narrow-dump: '
}

@test "dump: kill -9 of the backend and a server that is stopped are 75" {
	own_cluster
	"$root/t/telemetry" 1 50 50000
	run_pipe '75 75' \
		'pg-narrow-dump |
			{ dump_stalls; kill -9 $(psql -XAtqc "$q"); exec stream-digest; }' \
		q="SELECT pid FROM pg_stat_activity WHERE application_name = 'pg-narrow-dump'"
	has "$err" 'connection lost, source'
	wait_until 30 sql 'SELECT 1'
	run_pipe '75 75' \
		'pg-narrow-dump |
			{ dump_stalls; "$pg" stop "$d" --immediate; exec stream-digest; }' \
		pg="$root/pipelines/lib/cluster" d="$cluster"
	run_rc 75 pg-narrow-dump
}

@test "dump: a full disk is 74, a reader that has gone 141" {
	"$root/t/telemetry" 1 50 20000
	run_rc 74 bash -c 'pg-narrow-dump >/dev/full'
	has "$err" 'pg-narrow-dump: error: standard output: write error: No space left on device'
	run_rc 74 pg-narrow-dump -O /dev/full
	run_rc 73 pg-narrow-dump -O nowhere/file
	run_pipe '141 0' 'pg-narrow-dump | head -n 1 >/dev/null'
}

@test "dump: SIGTERM is 143 and SIGINT 130, without a seal" {
	"$root/t/telemetry" 1 50 50000
	local each
	for each in TERM:143 INT:130; do
		set -m # a background process of a script ignores SIGINT otherwise
		rm -f go
		{ pg-narrow-dump --seal || printf '%s' $? >code; } \
			> >(wait_until 30 test -e go; cat >got) 2>said &
		set +m
		dump_stalls
		pkill -"${each%:*}" -x -P $! pg-narrow-dump
		touch go
		wait $! || :
		is "$(<code)" "${each#*:}"
		has said "pg-narrow-dump: error: ended by SIG${each%:*}"
		wait_until 10 test -s got
		wait_until 10 grep -q abort got
		has_no got final
	done
}

@test "dump: gzip, and a file instead of standard output" {
	production
	decimals 1 2
	pg-narrow-dump >want.csv
	run_ok pg-narrow-dump -z 9 -O got.gz
	gzip -dc got.gz | same_file /dev/stdin want.csv
	run_ok pg-narrow-dump -z 1
	gzip -dc "$out" | same_file /dev/stdin want.csv
}

@test "dump: wrong command lines" {
	run_rc 64 pg-narrow-dump file
	run_rc 64 pg-narrow-dump --since someday
	run_rc 64 pg-narrow-dump --chunk 0h
	run_rc 64 pg-narrow-dump --since 2024-01-02 --until 2024-01-01
	run_rc 64 pg-narrow-dump --seal --no-seal
	run_rc 64 pg-narrow-dump --job 1 --since 2024-01-01 --seal
	run_rc 64 pg-narrow-dump --job 1
	has "$err" 'without a seal nothing can finish the chunks that are claimed'
}

# ---- chunks of a ledger --------------------------------------------------------------------------

# claimed: ship, start and state of all chunks
claimed() {
	sql 'SELECT ship, to_char(chunk_from, $$DD HH24$$), state, attempt
		FROM ferry.chunk ORDER BY 2, 1' |
		paste -sd ' '
}

@test "dump: chunks of a job are claimed one by one, and sealed with job, worker and attempt" {
	"$root/t/telemetry" 2 20 4000 --step 600
	pg-narrow-dump --until 2024-10-01T12:00 | stream-digest --narrow >want
	job=$(pg-wide-ledger plan --cutoff-time 2024-10-01T12:00 --chunk 6h -q)
	run_ok pg-narrow-dump --job "$job" --seal
	is "$(claimed | grep -o running | wc -l)" 4
	seals "$out"
	head -n 1 s >first
	has first '"seal":"20241001T000000Z/20241001T060000Z"' \
		"\"job\":$job,\"worker\":\"" '"attempt":1,'
	stream-digest --narrow "$out" | same_file /dev/stdin want
	# whoever held them is dead now
	run_ok pg-narrow-dump --job "$job" --seal
	seals "$out"
	is "$(grep -c '"attempt":2,' s)" 2
	sql "UPDATE ferry.chunk SET state = 'done'"
	run_ok pg-narrow-dump --job "$job" --seal
	is "$(wc -l <"$out")" 2
	# one is cut where those that are not done end or begin, also those that others have
	sql "DELETE FROM ferry.chunk; INSERT INTO ferry.chunk
			(job_id, ship, chunk_from, chunk_to, state, worker, lease_until)
		SELECT $job, ship, date '2024-10-01' + since::time, date '2024-10-01' + upto::time,
			state, worker, now() + interval '1 h'
		FROM (VALUES ('A', '00:00', '12:00', 'pending', NULL),
			('B', '06:00', '08:00', 'failed', NULL),
			('C', '09:00', '10:00', 'running', 'elsewhere:1:1'))
			AS c (ship, since, upto, state, worker)"
	run_ok pg-narrow-dump --job "$job" --seal
	is "$(claimed)" 'A|01 00|running|1 A|01 06|running|1 B|01 06|failed|0'\
' A|01 08|running|1 A|01 09|running|1 C|01 09|running|0 A|01 10|running|1'
}

@test "dump: with an index by ship and time a claim is one ship's, and only its rows are read" {
	"$root/t/telemetry" 2 20 4000 --step 600
	sql 'CREATE INDEX ON tenant.tbl_data_timeseries (ship_id, created_time)'
	job=$(pg-wide-ledger plan --cutoff-time 2024-10-01T12:00 --chunk 12h -q)
	run_ok pg-narrow-dump --job "$job" --seal
	seals "$out"
	is "$(grep -c '"seal":"IMO[0-9]*:2024' s)" 2
	run_ok pg-narrow-dump --job "$job" --seal --ship-id IMO9999993
	seals "$out"
	is "$(grep -c '"attempt":2,' s)" 1
}

@test "dump: of a range of time a ship that is done is left out, a new one is read" {
	production
	put value_format,long_v \
		"'A','c','2024-01-01','Integer',1" "'B','c','2024-01-01','Integer',2"
	job=$(pg-wide-ledger plan --cutoff-time 2024-01-02 -q)
	put value_format,long_v "'C','c','2024-01-01','Integer',3"
	sql "UPDATE ferry.chunk SET state = 'done' WHERE ship = 'A'"
	run_ok pg-narrow-dump --job "$job" --seal
	has "$out" 'B,2024-01-01 00:00:00,c,2,' 'C,2024-01-01 00:00:00,c,3,'
	has_no "$out" A,2024
	seals "$out"
	has s '{"ship":"C","attempt":0,"rows":1,'
}

@test "dump: bad rows of a job are kept in the ledger" {
	defective
	job=$(pg-wide-ledger plan --cutoff-time 2024-01-02 -q)
	run_rc 0 pg-narrow-dump --job "$job" --seal
	has "$err" '4 of 7 records rejected'
	seals "$out"
	has s '"rejects":4,"ships":[' '"rejects":3,"first"' '"rejects":1,"first"'
	sql "SELECT ship, record->>'data_channel_id', why FROM ferry.reject ORDER BY 2" >"$out"
	printed 'S1|b|unknown format' 'S1|c|no format' \
		'S1|d|the value is not in the column of its format' 'S2|e|unknown format'
}

@test "dump: a job of another table or database is refused" {
	production
	decimals 1
	job=$(pg-wide-ledger plan --cutoff-time 2024-01-02 -q)
	sql 'CREATE VIEW v AS TABLE tenant.tbl_data_timeseries'
	run_rc 78 pg-narrow-dump --job "$job" --seal --table v
	has "$err" "job $job reads another table: tenant.tbl_data_timeseries"
	run_rc 78 pg-narrow-dump --job 99 --seal
	has "$err" 'no job 99 in the ledger'
	ledger=$PGDATABASE
	scratch_db
	production
	run_rc 78 pg-narrow-dump --job "$job" --seal --target "dbname=$ledger"
	has "$err" "job $job: it reads another database: "
}

@test "dump: a chunk that fails is counted and kept, one that is interrupted is free again" {
	kill_points
	"$root/t/telemetry" 1 50 20000
	job=$(pg-wide-ledger plan --cutoff-time 2024-10-02 -q)
	KP_STOP=dump_row:100 pg-narrow-dump --job "$job" --seal >got 2>said &
	wait_until 20 stopped $!
	is "$(sql 'SELECT state, attempt FROM ferry.chunk')" 'running|1'
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database()
		AND application_name = 'pg-narrow-dump' AND query LIKE 'COPY%'" >/dev/null
	kill -CONT $!
	run_rc 75 ended $!
	is "$(sql 'SELECT state, attempt, failures FROM ferry.chunk')" 'pending|1|1'
	KP_STOP=dump_row:100 pg-narrow-dump --job "$job" --seal >got 2>said &
	wait_until 20 stopped $!
	kill -TERM $!
	kill -CONT $!
	run_rc 143 ended $!
	is "$(sql 'SELECT state, attempt, failures FROM ferry.chunk')" 'pending|101|1'
	has_no got final
	run_ok pg-narrow-dump --job "$job" --seal
	is "$(sql 'SELECT state, attempt FROM ferry.chunk')" 'running|102'
}
