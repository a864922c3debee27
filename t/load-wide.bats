load helper
load json

# Every test has a ship, or ships, of its own in the one database of this file.

setup_file() { scratch_db; }

# wide ARGS: loads a wide stream into tables tenant.w_SHIP
wide() { timeout -k 5 60 pg-copy-load --wide --target-prefix w_ "$@"; }

# csv CHANNELS ROW...: the wide stream in.csv
csv() { printf '%s\n' "ship_id,created_time,$1" "${@:2}" >in.csv; }

# cells SHIP: a query for (instant, channel, value) of every cell in the ship's tables
cells() {
	sql "SELECT string_agg(format('SELECT created_time, %L AS channel, %I::text AS value'
			' FROM tenant.%I WHERE %I IS NOT NULL', channel, column_name, table_name,
			column_name), ' UNION ALL ')
		FROM ferry.channel WHERE ship = '$1' AND target_schema = 'tenant'"
}

# same_cells SHIP VALUES: the ship's cells are these, whatever tables they are in
same_cells() {
	local query

	query=$(cells "$1") || return
	same_rows "$query" "SELECT t::timestamp, c, v FROM (VALUES $2) AS x (t, c, v)"
}

# is_loaded SHIP FILE...: the ship's cells are those of these wide CSV files
is_loaded() {
	local file query

	sql "DROP TABLE IF EXISTS expected; CREATE TABLE expected (ship_id text,
		created_time timestamp, data_channel_id text, value text)" 2>/dev/null
	for file in "${@:2}"; do
		unpivot-narrow "$file" >narrow.csv && pg-copy-load -t public.expected narrow.csv
	done
	query=$(cells "$1") || return
	same_rows "$query" "SELECT DISTINCT created_time, data_channel_id, value FROM expected
		WHERE ship_id = '$1' AND value IS NOT NULL"
}

# grid SHIP ROWS CHANNELS [FROM]: a wide CSV, r * 1000 + c in row r and channel c, with gaps
grid() {
	awk -v ship="$1" -v rows="$2" -v channels="$3" -v from="${4:-0}" 'BEGIN {
		printf "ship_id,created_time"
		for (c = 1; c <= channels; c++) printf ",c%d", c
		for (r = from; r < from + rows; r++) {
			time = sprintf("%02d:%02d:%02d", r / 3600 % 24, r / 60 % 60, r % 60)
			printf "\n%s,2024-01-%02d %s", ship, 1 + r / 86400, time
			for (c = 1; c <= channels; c++)
				printf ",%s", ((r + c) % 7 ? r * 1000 + c : "")
		}
		print ""
	}'
}

# tables SHIP: relations whose name begins so, as name:kind
tables() {
	sql "SELECT string_agg(substr(relname, 3) || ':' || relkind::text, ' ' ORDER BY relname)
		FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind IN ('r', 'v')
		AND relname LIKE 'w\\_$1%'"
}

# columns RELATION: their names, in order
columns() {
	sql "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'tenant.$1'::regclass AND attnum > 0"
}

# of_channels SHIP EXPRESSION: an aggregate over what is registered of the ship
of_channels() { sql "SELECT $2 FROM ferry.channel WHERE ship = '$1'"; }

# ---- one table ---------------------------------------------------------------------------------

@test "wide: a new ship gets its table: text columns, the time as key, made for long rows" {
	csv /me01//temp,b 'IMO1,2024-01-01 00:00:00,1.50,"x,""y"""' \
		'IMO1,2024-01-01 00:00:15.25,,""'
	run_ok pg-copy-load --wide in.csv
	name=tenant.tbl_data_timeseries_imo1
	same_rows "SELECT * FROM $name" "VALUES ('2024-01-01'::timestamp, '1.50', 'x,\"y\"'),
		('2024-01-01 00:00:15.25', NULL, '')"
	is "$(sql "SELECT attname, atttypid::regtype FROM pg_attribute
		WHERE attrelid = '$name'::regclass AND attnum > 0 ORDER BY attnum" | xargs)" \
		'created_time|timestamp without time zone /me01//temp|text b|text'
	is "$(sql "SELECT pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = '$name'::regclass")" 'PRIMARY KEY (created_time)'
	is "$(sql "SELECT reloptions FROM pg_class WHERE oid = '$name'::regclass")" \
		'{toast_tuple_target=8160}'
	is "$(sql "SELECT channel, grp, table_name, column_name, type FROM ferry.channel
		WHERE ship = 'IMO1' ORDER BY channel" | xargs)" \
		"/me01//temp|1|${name#*.}|/me01//temp|text b|1|${name#*.}|b|text"
}

@test "wide: ships alternate; each gets only the channels that it has" {
	csv a,b,c A1,2024-01-01,1,, A2,2024-01-01,,2,3 A1,2024-01-02,4,,5 A2,2024-01-02,,6,
	run_ok wide in.csv
	same_cells A1 "('2024-01-01', 'a', '1'), ('2024-01-02', 'a', '4'), ('2024-01-02', 'c', '5')"
	same_cells A2 "('2024-01-01', 'b', '2'), ('2024-01-01', 'c', '3'), ('2024-01-02', 'b', '6')"
	is "$(of_channels A2 "string_agg(channel, ' ' ORDER BY channel)")" 'b c'
}

@test "wide: an instant whose values are all NULL is a row" {
	csv a E1,2024-01-01,1 E1,2024-01-02, E1,2024-01-03,3
	run_ok wide in.csv
	csv z E1,2024-01-04,
	run_ok wide in.csv
	same_rows 'SELECT created_time, a FROM tenant.w_e1' "VALUES ('2024-01-01'::timestamp, '1'),
		('2024-01-02', NULL), ('2024-01-03', '3'), ('2024-01-04', NULL)"
}

@test "wide: names of ships: lower case, anything quoted, long ones and twins told apart" {
	local long ship n=0
	long=$(printf 'Nordsee%.0s' {1..10})
	csv a Twin,2024-01-01,1 twin,2024-01-01,2 '"Ev""er Given; --",2024-01-01,3' \
		"$long,2024-01-01,4" "${long}2,2024-01-01,5" '선박,2024-01-01,6'
	run_ok wide in.csv
	run_ok wide in.csv
	for ship in Twin twin 'Ev"er Given; --' "$long" "${long}2" '선박'; do
		same_cells "$ship" "('2024-01-01', 'a', '$((n += 1))')"
	done
	is "$(of_channels 'Ev"er Given; --' 'max(table_name)')" 'w_ev"er given; --'
	is "$(sql "SELECT count(DISTINCT table_name), max(octet_length(table_name)) <= 63
		FROM ferry.channel WHERE ship ~* 'twin|nordsee'")" '4|t'
}

@test "wide: a ship whose table's name is that of another ship's second table" {
	grid N 3 5 >n.csv
	grid N_2 3 2 >n2.csv
	run_ok wide n2.csv
	run_ok wide --group-columns 3 n.csv
	is_loaded N n.csv
	is_loaded N_2 n2.csv
	is "$(sql "SELECT count(DISTINCT table_name) FROM ferry.channel
		WHERE ship IN ('N', 'N_2')")" 3
}

@test "wide: a table ferry did not make is not touched" {
	csv a Own,2024-01-01,1
	run_ok wide in.csv
	sql 'CREATE TABLE tenant.w_foreign (created_time timestamp PRIMARY KEY, a int)'
	csv a Foreign,2024-01-01,1
	run_rc 78 wide in.csv
	has "$err" w_foreign 'not made by ferry'
	is "$(sql 'SELECT count(*) FROM tenant.w_foreign')" 0
}

@test "wide: a ship registered under another prefix is refused" {
	csv a Px,2024-01-01,1
	run_ok pg-copy-load --wide --target-prefix one_ in.csv
	run_rc 78 pg-copy-load --wide --target-prefix two_ in.csv
	has "$err" one_px two_
	run_ok pg-copy-load --wide --target-schema other --target-prefix two_ in.csv
	is "$(sql 'SELECT a FROM other.two_px')" 1
}

@test "wide: times with a zone make timestamptz; the instant counts, not its text" {
	csv a 'Z1,2024-01-01 00:00:00+00,1' 'Z1,2024-01-01T09:00:01+09:00,2'
	run_ok wide in.csv
	same_rows 'SELECT created_time, a FROM tenant.w_z1' \
		"VALUES ('2024-01-01Z'::timestamptz, '1'), ('2024-01-01 00:00:01Z', '2')"
	# into a table of plain timestamps an instant goes in UTC
	csv a 'Z2,2024-01-01 00:00:00,1'
	run_ok wide in.csv
	csv a 'Z2,2024-01-01T09:00:01+09:00,2'
	run_ok wide in.csv
	same_cells Z2 "('2024-01-01', 'a', '1'), ('2024-01-01 00:00:01', 'a', '2')"
}

@test "wide: what is no instant or no ship is bad data, with its place" {
	csv a B1,2024-01-01,1 B1,infinity,2
	run_rc 65 wide in.csv
	has "$err" 'in.csv:3: record 2: field "created_time": not an instant' '"infinity"'
	is "$(tables b1)" ''
	csv a ,2024-01-01,1 B1,2024-02-30,2 B1,,3 B1,2024-01-01,4
	run_rc 0 wide --rejects bad.json in.csv
	is "$(jq -r '.why' bad.json | cut -d '(' -f 1 | xargs)" \
		'no ship not an instant not an instant'
	is "$(jq -r '.field + " " + .raw' bad.json)" 'ship_id ,2024-01-01,1
created_time B1,2024-02-30,2
created_time B1,,3'
	same_cells B1 "('2024-01-01', 'a', '4')"
	printf '%s\n' ship,created_time,a B1,2024-01-01,1 >in.csv
	run_rc 65 wide in.csv
	has "$err" 'no column "ship_id"' --by
	run_ok wide --by ship in.csv
}

@test "wide: --by and --key name other columns" {
	printf '%s\n' at,station,temp '2024-01-01 10:00,Oslo,-1.5' >in.csv
	run_ok wide --by station --key at --target-schema weather in.csv
	same_rows 'SELECT at, temp FROM weather.w_oslo' \
		"VALUES ('2024-01-01 10:00'::timestamp, '-1.5')"
}

# ---- rows that are there -----------------------------------------------------------------------

@test "wide: the same stream again changes nothing and writes nothing" {
	local before
	versions() { sql 'SELECT ctid, xmin FROM tenant.w_r1 ORDER BY created_time' | md5sum; }
	grid R1 300 20 >in.csv
	run_ok wide in.csv
	before=$(versions)
	run_ok wide in.csv
	run_ok wide --live --buffer 1K in.csv
	is "$(versions)" "$before"
	is_loaded R1 in.csv
}

@test "wide: by default NULLs are filled; --live replaces; an empty field never erases" {
	csv a,b,c L1,2024-01-01,1,,3 L1,2024-01-02,,2,
	run_ok wide in.csv
	csv a,b,c L1,2024-01-01,9,9, L1,2024-01-02,9,9,9 L1,2024-01-03,5,,
	run_ok wide in.csv
	same_rows 'SELECT created_time::date::text, a, b, c FROM tenant.w_l1' "VALUES
		('2024-01-01', '1', '9', '3'), ('2024-01-02', '9', '2', '9'),
		('2024-01-03', '5', NULL, NULL)"
	printf '%s\n' '{"ship_id":"L1","created_time":"2024-01-01","a":7,"b":null}' \
		'{"ship_id":"L1","created_time":"2024-01-02","c":""}' >in.json
	run_ok wide --live in.json
	csv a,b,c L1,2024-01-01,,,3 L1,2024-01-02,,2,
	run_ok wide --live in.csv
	same_rows 'SELECT created_time::date::text, a, b, c FROM tenant.w_l1' "VALUES
		('2024-01-01', '7', NULL, '3'), ('2024-01-02', '9', '2', ''),
		('2024-01-03', '5', NULL, NULL)"
}

@test "wide: repeated and unsorted instants are merged in the order of the stream" {
	csv a,b U1,2024-01-03,1, U1,2024-01-01,2, U1,2024-01-03,,3 'U1,2024-01-01 00:00,4,5' \
		U1,2024-01-02,6, U1,2024-01-03,7,
	run_ok wide --live in.csv
	same_rows 'SELECT created_time::date::text, a, b FROM tenant.w_u1' \
		"VALUES ('2024-01-01', '4', '5'), ('2024-01-02', '6', NULL),
			('2024-01-03', '7', '3')"
	grid U2 400 6 | awk 'NR == 1 { print; next } { print NR * 7919 % 401 "\t" $0 }' |
		{ IFS= read -r head && echo "$head" && sort -n | cut -f 2-; } >in.csv
	run_ok wide --buffer 1K in.csv
	is_loaded U2 in.csv
}

# ---- groups ------------------------------------------------------------------------------------

@test "groups: too many channels for a table: several and a view; the first has every instant" {
	grid G1 20 10 >in.csv
	printf 'G1,2024-02-01,,,,,,,,,,x\n' >>in.csv
	run_ok wide --group-columns 4 in.csv
	is "$(tables g1)" 'g1:v g1_1:r g1_2:r g1_3:r'
	is_loaded G1 in.csv
	is "$(sql 'SELECT count(*), count(c10) FROM tenant.w_g1')" '21|18'
	is "$(sql 'SELECT count(*) FROM tenant.w_g1_1')" 21
	# groups a query does not use are not read
	sql 'EXPLAIN SELECT c1 FROM tenant.w_g1' >plan
	has plan w_g1_1
	has_no plan w_g1_2 w_g1_3
	run_ok wide --group-columns 4 in.csv
	is_loaded G1 in.csv
}

@test "groups: a ship outgrows its table while a reader who names its columns keeps querying" {
	local part reader rc=0 query
	sql 'DO $$ BEGIN CREATE ROLE ferry_reader LOGIN;
		EXCEPTION WHEN duplicate_object THEN END $$'
	for part in 0 1 2 3 4; do
		grid O1 100 $((20 + part * 30)) $((part * 100)) >"$part.csv"
	done
	run_ok wide --group-columns 50 0.csv
	sql 'GRANT USAGE ON SCHEMA tenant TO ferry_reader;
		GRANT SELECT ON tenant.w_o1 TO ferry_reader'
	query="SELECT count(*), count(c1), count(c20), sum(c2::numeric) FROM tenant.w_o1
		WHERE created_time < '2024-01-01 00:01:40'"
	cat >reader.sql <<-END
		\set ON_ERROR_STOP on
		PREPARE q AS $query;
		SELECT \$\$EXECUTE q; $query; SELECT pg_sleep(0.001)\$\$
		FROM generate_series(1, 20000) \gexec
	END
	psql -XAtq -U ferry_reader -f reader.sql >seen 2>errors 3>&- &
	reader=$!
	for part in 1 2 3 4; do
		run_ok wide --group-columns 50 --buffer 1K "$part.csv"
		wait_until 10 bash -c "((\$(wc -l <seen) > $(wc -l <seen) + 20))"
	done
	kill "$reader"
	wait "$reader" || rc=$?
	is "$rc" 143
	is "$(cat errors)" ''
	is "$(grep . seen | sort -u)" "$(sql "$query")"
	is "$(tables o1)" 'o1:v o1_1:r o1_2:r o1_3:r'
	is "$(sql 'SELECT count(*), count(c140) FROM tenant.w_o1')" '500|86'
	# who could read the table can read the others, and the columns have kept their places
	is "$(psql -XAtq -U ferry_reader -c 'SELECT count(*) FROM tenant.w_o1_3' 2>&1)" 200
	[[ $(columns w_o1) == 'created_time c1 c2 c3 '* ]]
}

@test "groups: columns are appended to the view; grants of columns and to PUBLIC are kept" {
	local privilege
	grid V1 3 3 >in.csv
	run_ok wide --group-columns 3 in.csv
	sql 'DO $$ BEGIN CREATE ROLE ferry_reader LOGIN;
		EXCEPTION WHEN duplicate_object THEN END $$;
		GRANT SELECT (created_time, c1), UPDATE (c2) ON tenant.w_v1 TO ferry_reader;
		GRANT REFERENCES ON tenant.w_v1 TO PUBLIC'
	grid V1 3 5 >in.csv
	run_ok wide --group-columns 3 in.csv
	is "$(tables v1)" 'v1:v v1_1:r v1_2:r'
	for privilege in "c1', 'SELECT:t" "c2', 'SELECT:f" "c2', 'UPDATE:t" "c3', 'REFERENCES:t"; do
		is "$(sql "SELECT has_column_privilege('ferry_reader', 'tenant.w_v1',
			'${privilege%:*}')")" "${privilege#*:}" "$privilege"
	done
	grid V1 3 8 >in.csv
	run_ok wide --group-columns 3 in.csv
	is "$(columns w_v1)" 'created_time c1 c2 c3 c4 c5 c6 c7 c8'
}

@test "groups: past 1,600 columns there is no view, or it stays as it is, and that is said" {
	grid W1 2 1700 >in.csv
	run_rc 0 wide in.csv
	has "$err" 'ship "W1" has 1700 channels: no view can hold so many'
	is "$(tables w1)" 'w1_1:r w1_2:r w1_3:r w1_4:r w1_5:r w1_6:r'
	[[ ! ${WHOLE-} ]] || {
		run_ok wide in.csv
		is_loaded W1 in.csv
	}
	grid W2 2 1500 >in.csv
	run_ok wide in.csv
	grid W2 2 1700 >in.csv
	run_rc 0 wide in.csv
	has "$err" 'keeps the columns it has'
	is "$(grep -c warning "$err")" 1
	is "$(columns w_w2 | wc -w)" 1501
	is_loaded W2 in.csv
	# outgrowing table and view at once: what readers named is still there
	grid W3 2 5 >in.csv
	run_ok wide in.csv
	grid W3 2 1700 >in.csv
	run_rc 0 wide in.csv
	is "$(tables w3)" 'w3:v w3_1:r w3_2:r w3_3:r w3_4:r w3_5:r w3_6:r'
	is "$(sql 'SELECT count(*), count(c5) FROM tenant.w_w3')" '2|2'
}

@test "groups: --groups names them: unlisted channels apart, full ones overflow, none mixed" {
	mkdir g
	printf '/me/1\n/me/2 \t\n\n/me/3\r\n/me/9\n' >g/10-engine.txt
	printf '/nav/1\n/nav/2\n' >g/20-navigation.txt
	printf 'other\n' >g/notes.md
	csv /nav/1,x/1,/me/1,/me/2,/me/3,/nav/2,x/2 K1,2024-01-01,1,2,3,4,5,6,7
	run_ok wide --groups g --group-columns 2 in.csv
	groups() { of_channels "$1" "string_agg(channel || '=' || grp, ' ' ORDER BY channel)"; }
	is "$(groups K1)" '/me/1=1 /me/2=1 /me/3=4 /nav/1=2 /nav/2=2 x/1=3 x/2=3'
	# what comes later joins its own
	csv /me/9,x/3 K1,2024-01-01,8,9
	run_ok wide --groups g --group-columns 2 in.csv
	is "$(groups K1)" '/me/1=1 /me/2=1 /me/3=4 /me/9=4 /nav/1=2 /nav/2=2 x/1=3 x/2=3 x/3=5'
	is "$(sql 'SELECT "/me/9", "x/3", "/nav/2" FROM tenant.w_k1')" '8|9|6'
	# the first group may have no channel at all: it has the instants all the same
	csv /nav/1,x/1 K2,2024-01-01,1,2
	run_ok wide --groups g in.csv
	is "$(tables k2)" 'k2:v k2_1:r k2_2:r k2_3:r'
	run_ok wide --groups g in.csv
	is "$(sql 'SELECT * FROM tenant.w_k2')" '2024-01-01 00:00:00|1|2'
	printf '/nav/2\n' >g/30-more.txt
	run_rc 65 wide --groups g in.csv
	has "$err" '"/nav/2"' 20-navigation.txt 30-more.txt
	run_rc 66 wide --groups nowhere in.csv
}

@test "groups: a row that fits no page is 65, and names a way out" {
	local many
	many=$(printf 'twenty-three-characters,%.0s' {1..400})
	csv "$(seq -s, -f c%g 400)" "F1,2024-01-01,${many%,}"
	run_rc 65 wide --group-columns 400 in.csv
	has "$err" 'row is too big' --group-columns 'ship "F1"'
	run_ok wide in.csv
	is "$(sql 'SELECT c400 FROM tenant.w_f1')" twenty-three-characters
	# one NULL more costs a null bitmap: the default leaves room for it
	sed '2s/twenty-three-characters,/,/; s/F1/F2/' in.csv >null.csv
	run_ok wide null.csv
}

@test "groups: columns that were made for a chunk that then fails are said to stay" {
	local many
	many=$(printf 'twenty-three-characters,%.0s' {1..400})
	csv a F3,2024-01-01,1
	run_ok wide --group-columns 500 in.csv
	csv "$(seq -s, -f c%g 400)" "F3,2024-01-01,${many%,}"
	run_rc 65 wide --group-columns 500 in.csv
	has "$err" 'row is too big' '400 columns that were made for it stay in the tables'
	csv a F3,2024-01-02,1
	run_ok wide in.csv
}

@test "wide: a trigger that drops rows of a wide table ends the load" {
	csv a Trig,2024-01-01,1
	run_ok wide in.csv
	sql "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql
			AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER n BEFORE INSERT ON tenant.w_trig
			FOR EACH ROW EXECUTE FUNCTION public.nothing()"
	csv a Trig,2024-01-02,1
	run_rc 69 wide in.csv
	has "$err" 'ship "Trig": 1 of 1 rows did not get into table "w_trig"' \
		'trigger n of tenant.w_trig may change or drop what is written'
	# rows beside some that are there are merged
	sql "CREATE OR REPLACE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql
		AS 'BEGIN RETURN CASE WHEN NEW.a = ''drop'' OR OLD.a = ''1'' THEN NULL ELSE NEW END;
		END'"
	csv a Trig,2024-01-01,1 Trig,2024-01-02,drop
	run_rc 69 wide in.csv
	has "$err" 'ship "Trig": 1 of 2 rows did not get into table "w_trig"'
	sql 'DROP TRIGGER n ON tenant.w_trig;
		CREATE TRIGGER n BEFORE UPDATE ON tenant.w_trig
			FOR EACH ROW EXECUTE FUNCTION public.nothing()'
	csv a,b Trig,2024-01-01,1,2
	run_rc 69 wide in.csv
	has "$err" 'ship "Trig": 1 of 1 rows did not get into table "w_trig"'
	csv a Trig,2024-01-01,1 Trig,2024-01-03,3
	run_rc 0 wide in.csv
	# one that changes what is written drops nothing
	sql "CREATE OR REPLACE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql
		AS 'BEGIN NEW.a := 7; RETURN NEW; END'"
	csv a Trig,2024-01-01,2
	run_rc 0 wide --live in.csv
	is "$(sql 'SELECT a FROM tenant.w_trig ORDER BY created_time')" $'7\n3'
	sql 'DROP TRIGGER n ON tenant.w_trig'
}

@test "wide: rows are counted as what they are, also where another value stays" {
	csv a,b Cnt,2024-01-01,1,1 Cnt,2024-01-02,2,
	run_ok wide in.csv
	csv a,b Cnt,2024-01-01,1,1 Cnt,2024-01-02,9,2 Cnt,2024-01-03,3,3 Cnt,2024-01-01,9,
	run_ok wide --stats s in.csv
	is "$(jq -c '[.inserted, .updated, .equal, .superseded, .rows_out]' s)" '[1,1,1,1,2]'
	run_ok wide --live --stats s in.csv
	is "$(jq -r '[.inserted, .updated, .equal, .superseded] | @tsv' s | xargs)" '0 2 2 0'
}

@test "wide: a row that the server refuses as a whole is a reject, all others are loaded" {
	csv a,b Whole,2024-01-01,1,1
	run_ok wide in.csv
	sql 'ALTER TABLE tenant.w_whole ADD CHECK (a <> b || $$x$$)'
	csv a,b Whole,2024-01-02,1,1 Whole,2024-01-03,2x,2 Whole,2024-01-04,3,3 Whole,2024-01-01,1,
	run_rc 65 wide in.csv
	has "$err" 'violates check constraint'
	run_rc 0 wide --rejects bad in.csv
	is "$(jq -r '[.record, .field, .value] | @tsv' bad)" $'2\ta\t2x\n2\tb\t2'
	is "$(sql 'SELECT string_agg(a, $$ $$ ORDER BY created_time) FROM tenant.w_whole')" '1 1 3'
	# an index of the user's has its limits, too, which are no limits of the table
	sql 'CREATE INDEX ON tenant.w_whole (b)'
	sql "COPY (SELECT 'Whole' AS ship_id, '2024-01-0' || i AS created_time, i AS a,
			(SELECT string_agg(md5(g::text), '') FROM generate_series(1,
				CASE i WHEN 6 THEN 200 WHEN 7 THEN 900 ELSE 1 END) AS g) AS b
		FROM generate_series(5, 8) AS i) TO STDOUT CSV HEADER" >in.csv
	rm bad
	run_rc 0 wide --rejects bad in.csv
	is "$(jq -r '[.record, .field] | @tsv' bad | sort)" $'2\ta\n2\tb\n3\ta\n3\tb'
	is "$(sql 'SELECT string_agg(a, $$ $$ ORDER BY created_time) FROM tenant.w_whole')" \
		'1 1 3 5 8'
}

# ---- names of columns --------------------------------------------------------------------------

@test "names: long ids that are alike, reserved names, upper and lower case, quotes" {
	local long hangul
	long=/dnv-v2/$(printf 'abcdefghij%.0s' {1..12})
	hangul=$(printf '선박%.0s' {1..15})
	csv "${long}1,${long}2,$hangul,xmin,ctid,A,a,\"q\"\"uote\",${long:0:63}" \
		C1,2024-01-01,1,2,3,4,5,6,7,8,9
	run_ok wide in.csv
	run_ok wide in.csv
	same_cells C1 "('2024-01-01', '${long}1', '1'), ('2024-01-01', '${long}2', '2'),
		('2024-01-01', '$hangul', '3'), ('2024-01-01', 'xmin', '4'),
		('2024-01-01', 'ctid', '5'), ('2024-01-01', 'A', '6'), ('2024-01-01', 'a', '7'),
		('2024-01-01', 'q\"uote', '8'), ('2024-01-01', '${long:0:63}', '9')"
	is "$(of_channels C1 'max(octet_length(column_name))')" 63
	is "$(of_channels C1 "bool_or(column_name ~ '^xmin_[0-9a-f]{8}\$')")" t
	is "$(of_channels C1 "count(*) FILTER (WHERE channel <> column_name AND channel =
		col_description('tenant.w_c1'::regclass, (SELECT attnum FROM pg_attribute
			WHERE attrelid = 'tenant.w_c1'::regclass AND attname = column_name)))")" 5
}

@test "names: real ISO 19848 ids that share their first 63 bytes" {
	need_data iso19848-local-ids.txt.gz
	zcat "$data" | sort -u | awk '
		{ alike[substr($0, 1, 63)]++; id[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++)
				if (alike[substr(id[i], 1, 63)] > 1 && m++ < 700) print id[i]
		}' >ids
	is "$(wc -l <ids)" 700
	csv "$(paste -sd, ids)" "I1,2024-01-01,$(seq -s, 700)"
	run_ok wide in.csv
	is_loaded I1 in.csv
	is "$(of_channels I1 'count(DISTINCT column_name), max(octet_length(column_name))')" \
		'700|63'
}

# ---- native types ------------------------------------------------------------------------------

# register SHIP CHANNEL:FORMAT...: what pg-narrow-schema and pg-wide-tables do before a migration
register() {
	local each

	for each in "${@:2}"; do
		printf '{"ship_id":"%s","data_channel_id":"%s","value_format":"%s"}\n' \
			"$1" "${each%:*}" "${each#*:}"
	done | pg-wide-tables register --types native --target-prefix w_ --quiet
}

@test "native: columns have the types of their channels' formats, text where none is known" {
	register T1 d:Decimal i:Integer b:Boolean s:String
	csv d,i,b,s,x T1,2024-01-01,-0,9223372036854775807,true,007,1.50 \
		'T1,2024-01-02,NaN,-9223372036854775808,false,"",' \
		T1,2024-01-03,-Infinity,0,t,x,y T1,2024-01-04,5e-324,,f,, \
		T1,2024-01-05,1.7976931348623157e308,1,true,,
	run_ok wide --types native in.csv
	is "$(of_channels T1 "string_agg(channel || ':' || type, ' ' ORDER BY channel)")" \
		'b:boolean d:double precision i:bigint s:text x:text'
	same_rows 'SELECT d::text, i, b, s, x FROM tenant.w_t1' "VALUES
		('-0', 9223372036854775807, true, '007', '1.50'),
		('NaN', -9223372036854775808, false, '', NULL), ('-Infinity', 0, true, 'x', 'y'),
		('5e-324', NULL, false, NULL, NULL),
		('1.7976931348623157e+308', 1, true, NULL, NULL)"
	# -0 is not 0
	csv d T1,2024-01-01,0
	run_ok wide --types native --live in.csv
	is "$(sql "SELECT d::text FROM tenant.w_t1 WHERE created_time = '2024-01-01'")" 0
}

@test "native: 450 columns of the widest fixed type are half a page" {
	seq -f '{"ship_id":"T4","data_channel_id":"c%g","value_format":"Decimal"}' 451 |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	csv "$(seq -s, -f c%g 451)" "T4,2024-01-01,$(seq -s, -f %g.5 451)"
	run_ok wide --types native in.csv
	is "$(tables t4)" 't4:v t4_1:r t4_2:r'
	is "$(sql 'SELECT pg_column_size(t.*) < 4080, c450, c451 FROM tenant.w_t4_1 AS t
		JOIN tenant.w_t4_2 USING (created_time)')" 't|450.5|451.5'
	is_loaded T4 in.csv
}

@test "native: a value that does not fit is named; with --rejects only this one is left out" {
	register T2 d:Decimal i:Integer b:Boolean
	csv d,i,b T2,2024-01-01,1.5,2,true T2,2024-01-02,n/a,2.0,yes \
		T2,2024-01-03,1e400,9223372036854775808,false 'T2,2024-01-04, 1,4,'
	run_rc 65 wide --types native in.csv
	has "$err" 'in.csv:3: record 2: field "d": not a double precision number: "n/a"'
	run_rc 0 wide --types native --rejects bad.json in.csv
	has "$err" '3 of 4 records'
	is "$(jq -r '.field + "=" + .value' bad.json | sort | xargs)" \
		'b=yes d= 1 d=1e400 d=n/a i=2.0 i=9223372036854775808'
	# the value alone, as a record that can be loaded when it is mended
	is "$(jq -r 'select(.value == "n/a") | .raw' bad.json)" '{"ship_id":"T2",'\
'"created_time":"2024-01-02","data_channel_id":"d","value":"n/a"}'
	same_cells T2 "('2024-01-01', 'd', '1.5'), ('2024-01-01', 'i', '2'),
		('2024-01-01', 'b', 'true'), ('2024-01-03', 'b', 'false'), ('2024-01-04', 'i', '4')"
	is "$(sql 'SELECT count(*) FROM tenant.w_t2')" 4
	# a bad value in each record: the others are loaded; in vain only when nothing is left
	csv d,i T2,2024-01-05,1,x T2,2024-01-06,y,6
	run_rc 0 wide --types native --rejects bad.json --stats s in.csv
	as_said stats <s
	has "$err" '2 of 2 records'
	is "$(jq -c '[.inserted, .rejected]' s)" '[2,2]'
	csv d,i T2,2024-01-07,x,x T2,never,1,6 ,2024-01-08,1,
	run_rc 65 wide --types native --rejects bad.json in.csv
	has "$err" 'all values of all records were rejected (3)'
	is "$(sql 'SELECT count(*) FROM tenant.w_t2')" 6
	is "$(wc -l <bad.json)" 4
	run_rc 0 wide --types native --rejects bad.json --max-rejects 100% in.csv
	is "$(wc -l <bad.json)" 4
}

@test "native: a column whose type somebody changed: what the server refuses is named, too" {
	csv a,b T3,2024-01-01,1,x
	run_ok wide in.csv
	sql 'ALTER TABLE tenant.w_t3 ALTER a TYPE smallint USING a::smallint'
	csv a,b T3,2024-01-02,70000,y T3,2024-01-03,3,z
	run_rc 65 wide in.csv
	has "$err" 'field "a"' 'out of range for type smallint'
	run_rc 0 wide --rejects bad.json in.csv
	same_cells T3 "('2024-01-01', 'a', '1'), ('2024-01-01', 'b', 'x'), ('2024-01-02', 'b', 'y'),
		('2024-01-03', 'a', '3'), ('2024-01-03', 'b', 'z')"
}

# ---- new channels, several loaders -------------------------------------------------------------

# late SHIP ROWS CODE: a wide CSV of c1, late, c2, last; CODE sets the variables late and last
late() {
	awk -v ship="$1" -v rows="$2" "BEGIN {
		print \"ship_id,created_time,c1,late,c2,last\"
		for (r = 0; r < rows; r++) {
			late = last = \"\"
			$3
			time = sprintf(\"%02d:%02d:%02d\", r / 3600, r / 60 % 60, r % 60)
			printf \"%s,2024-03-01 %s,%d,%s,%d,%s\\n\", ship, time, r, late, -r, last
		}
	}"
}

@test "new channels: in the middle of a stream, after rows of it were sent" {
	grid M1 50 2 >old.csv
	run_ok wide old.csv
	late M1 2000 'if (r >= 700) late = "l" r; if (r == 1999) last = "end"' >in.csv
	run_ok wide --buffer 1K in.csv
	is_loaded M1 old.csv in.csv
	is "$(of_channels M1 'count(*)')" 4
	is "$(sql "SELECT count(*), count(late), max(last) FROM tenant.w_m1")" '2050|1300|end'
}

@test "new channels: what waits for the seal may be more than memory is meant to hold" {
	grid M2 2 2 >old.csv
	run_ok wide old.csv
	late M2 3000 'late = sprintf("%02000d", r)' >in.csv
	run_ok wide --buffer 64K in.csv
	is_loaded M2 old.csv in.csv
}

@test "new channels: a reader's open transaction is waited for, and holds nobody up for long" {
	local holder reads=0 rc=0
	grid M3 5 2 >in.csv
	run_ok wide in.csv
	psql -Xq -c 'BEGIN; SELECT count(*) FROM tenant.w_m3; SELECT pg_sleep(7)' >/dev/null 3>&- &
	holder=$!
	wait_until 5 bash -c "[[ \$(psql -XAtc \"SELECT count(*) FROM pg_locks
		WHERE relation = 'tenant.w_m3'::regclass\") != 0 ]]"
	grid M3 5 4 >in.csv
	wide in.csv 2>"$err" 3>&- &
	pid=$!
	# others read all the while: the loader, which waits for a lock, lets them pass again
	wait_until 7 grep -q 'waiting to widen' "$err"
	while kill -0 "$holder" 2>/dev/null; do
		sql 'SELECT count(c1) FROM tenant.w_m3' >/dev/null
		! kill -0 "$holder" 2>/dev/null || reads=$((reads + 1))
	done
	((reads > 0))
	wait "$pid" || rc=$?
	is "$rc" 0 "$(<"$err")"
	has "$err" 'waiting to widen the tables of ship "M3": locked by server process' '(psql)'
	wait
	is_loaded M3 in.csv
}

@test "several loaders: one new ship, its channels and neighbouring chunks at once" {
	local part
	local -a pids=()
	for part in 0 1 2 3 4 5; do
		# neighbours overlap in time, and each has channels of its own that come late
		awk -v p="$part" 'BEGIN {
			printf "ship_id,created_time"
			for (c = 0; c < 40; c++) printf ",%s", (c < 25 ? "c" c : "p" p "_" c)
			for (r = p * 100; r < p * 100 + 140; r++) {
				time = sprintf("%02d:%02d:%02d", r / 3600, r / 60 % 60, r % 60)
				printf "\nQ1,2024-01-01 %s", time
				for (c = 0; c < 40; c++)
					printf ",%s", (r - p * 100 >= 3 * c ? r "." c : "")
			}
			print ""
		}' >"$part.csv"
	done
	for part in 0 1 2 3 4 5; do
		wide --group-columns 30 --buffer 1K "$part.csv" 2>"err.$part" 3>&- &
		pids+=($!)
	done
	for part in 0 1 2 3 4 5; do
		wait "${pids[part]}" || { cat err.*; false; }
	done
	is_loaded Q1 {0..5}.csv
	is "$(of_channels Q1 'count(*), count(DISTINCT channel)')" '115|115'
}

@test "new channels: one whose column somebody has added gets another" {
	csv a 'UC,2024-01-01 00:00:01,1' && run_ok wide in.csv --accept-unsealed
	sql 'ALTER TABLE tenant.w_uc ADD COLUMN "/mine" text DEFAULT 7'
	csv a,/mine 'UC,2024-01-01 00:00:02,2,x' && run_ok wide in.csv --accept-unsealed
	same_cells UC "('2024-01-01 00:00:01', 'a', '1'), ('2024-01-01 00:00:02', 'a', '2'),
		('2024-01-01 00:00:02', '/mine', 'x')"
	is "$(sql 'SELECT min("/mine") || max("/mine") FROM tenant.w_uc')" 77
	# also when the table becomes one of several
	csv a,/mine,b,c 'UC,2024-01-01 00:00:03,3,y,4,5'
	run_ok wide in.csv --accept-unsealed --group-columns 2
	is "$(sql 'SELECT "/mine" || a || b FROM tenant.w_uc WHERE b IS NOT NULL')" 734
}

@test "wide: a narrow stream that nobody has pivoted is refused, and no CSV is a list of names" {
	printf '%s\n' ship_id,created_time,data_channel_id,value N,2024-01-01,a,1 \
		N,2024-01-01,b,2 >n.csv
	run_rc 65 pg-copy-load --wide n.csv
	has "$err" 'the stream is narrow' pivot-wide
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_n')")" ''
	printf '%s\n' ship_id,data_channel_id,value_format N,a,Decimal >reg.csv
	mkdir groups && cp reg.csv groups/g.txt
	run_rc 65 pg-copy-load --wide --groups groups <(pivot-wide n.csv) --accept-unsealed
	run_rc 65 pivot-wide --columns reg.csv n.csv
	has "$err" 'reg.csv: a list has one name a line, and this is CSV' NDJSON
}

@test "wide: a schema that somebody is making at the moment is waited for, and taken" {
	local pid
	csv a 'made,2024-01-01,1'
	coproc maker { exec psql -qXAt; }
	local to=${maker[1]} from=${maker[0]} other=$maker_PID
	printf '%s\n' 'BEGIN; CREATE SCHEMA fresh;' 'SELECT 1;' >&"$to"
	read -r _ <&"$from"
	wide --target-schema fresh in.csv 2>"$err" 3>&- &
	pid=$!
	waits() {
		is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
			AND datname = current_database() AND query ~ 'CREATE SCHEMA'")" 1
	}
	wait_until 20 waits
	printf 'COMMIT;\n' >&"$to"
	exec {to}>&-
	wait "$other"
	wait "$pid"
	is "$(<"$err")" ''
	same_rows 'TABLE fresh.w_made' "VALUES (timestamp '2024-01-01', '1')"
}
