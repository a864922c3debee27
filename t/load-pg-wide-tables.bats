load helper

setup() {
	helper_setup
	scratch_db
}

# source [TYPE]: an empty narrow table; create asks it for the type of its time
source_table() {
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.tbl_data_timeseries (ship_id text NOT NULL,
		data_channel_id text NOT NULL, created_time ${1-timestamp} NOT NULL,
		double_v float8, value_format text)"
}

# registry SHIP CHANNELS: a list as pg-narrow-schema writes it
registry() {
	local i
	for ((i = 1; i <= $2; i++)); do
		printf '{"ship_id":"%s","data_channel_id":"/c/%d",' "$1" "$i"
		printf '"value_format":"Decimal","first_seen":"2024-01-01 00:00:00"}\n'
	done
}

relations() {
	sql "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'tenant'::regnamespace
		AND relkind IN ('r', 'v') AND relname <> 'tbl_data_timeseries' ORDER BY 1"
}

@test "tables, ledger: one verb is taken, and only one that there is" {
	local program near
	for program in pg-wide-tables pg-wide-ledger; do
		near=relation
		[[ $program == pg-wide-tables ]] || near=statu
		run_rc 64 "$program"
		has "$err" 'one verb is needed'
		run_rc 64 "$program" xyzzy
		has "$err" 'no such command: "xyzzy" (there are '
		run_rc 64 "$program" "$near"
		has "$err" "no such command: \"$near\" (did you mean ${near}s?)"
		run_rc 64 "$program" ${near}s ${near}s
		has "$err" 'one verb is needed'
	done
}

@test "tables: channels are registered, tables are made, and both once" {
	source_table
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register <list
	has "$err" '3 channels of 1 ships are registered'
	run_ok pg-wide-tables list
	is "$(<"$out")" IMO1
	is "$(relations)" ''
	run_rc 0 pg-wide-tables create
	is "$(relations)" 'tbl_data_timeseries_imo1|r'
	is "$(sql "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', '
			ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'tenant.tbl_data_timeseries_imo1'::regclass
		AND attnum > 0")" \
		'created_time timestamp without time zone, /c/1 text, /c/2 text, /c/3 text'
	sql "INSERT INTO tenant.tbl_data_timeseries_imo1 VALUES ('2024-01-01', 'a', 'b', 'c')"
	registry IMO1 4 >list
	run_rc 0 pg-wide-tables register <list
	run_rc 0 pg-wide-tables create
	is "$(sql "SELECT * FROM tenant.tbl_data_timeseries_imo1")" '2024-01-01 00:00:00|a|b|c|'
	is "$(sql "SELECT count(*), min(first_seen) FROM ferry.channel")" '4|2024-01-01 00:00:00'
}

@test "tables: of a channel the widest range that any list has, and twice in one" {
	local seen="SELECT channel, first_seen, last_seen, samples, about FROM ferry.channel
		ORDER BY channel"
	source_table
	record() { printf '{"ship_id":"R","data_channel_id":"%s","value_format":"%s",%s}\n' "$@"; }
	day() { printf '"first_seen":"2024-01-0%s","last_seen":"2024-01-0%s","samples":%s' "$@"; }
	{
		record a Decimal "$(day 3 4 5)"
		record a Integer "$(day 2 3 9)"
		record b Decimal "$(day 3 4 5),\"name\":\"B\""
	} | run_rc 0 pg-wide-tables register
	is "$(sql "$seen")" 'a|2024-01-02 00:00:00|2024-01-04 00:00:00|9|
b|2024-01-03 00:00:00|2024-01-04 00:00:00|5|B'
	{
		record b Decimal "$(day 1 3 2)"
		record c Decimal "$(day 1 2 3)"
	} | run_rc 0 pg-wide-tables register
	is "$(sql "$seen")" 'a|2024-01-02 00:00:00|2024-01-04 00:00:00|9|
b|2024-01-01 00:00:00|2024-01-04 00:00:00|5|B
c|2024-01-01 00:00:00|2024-01-02 00:00:00|3|'
}

@test "tables: a list in CSV, and one that is none" {
	source_table
	printf 'ship_id,data_channel_id,value_format\nS,a,Decimal\nS,b,\n' >list.csv
	run_rc 0 pg-wide-tables register <list.csv
	is "$(sql "SELECT channel, format FROM ferry.channel ORDER BY 1")" 'a|Decimal
b|'
	printf 'ship_id,data_channel_id\nS,\n' >list.csv
	run_rc 65 pg-wide-tables register <list.csv
	has "$err" 'channel list:2: no ship_id or no data_channel_id'
	printf '{"ship_id":"S"' >list
	run_rc 65 pg-wide-tables register <list
	: >list
	run_rc 0 pg-wide-tables register <list
	has "$err" '0 channels of 0 ships'
}

@test "tables: more channels than a table holds make several and a view" {
	source_table timestamptz
	registry IMO1 25 >list
	run_rc 0 pg-wide-tables register --group-columns 10 <list
	run_rc 0 pg-wide-tables create --group-columns 10
	is "$(relations)" 'tbl_data_timeseries_imo1|v
tbl_data_timeseries_imo1_1|r
tbl_data_timeseries_imo1_2|r
tbl_data_timeseries_imo1_3|r'
	is "$(sql "SELECT DISTINCT format_type(atttypid, NULL) FROM pg_attribute JOIN pg_class c
		ON c.oid = attrelid WHERE relkind IN ('r', 'v') AND attname = 'created_time'
		AND relname <> 'tbl_data_timeseries' AND relnamespace = 'tenant'::regnamespace")" \
		'timestamp with time zone'
	run_ok pg-wide-tables analyze
	is "$(sql "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND reltuples = 0
		AND relname LIKE 'tbl_data_timeseries_imo1%'")" 3
}

@test "tables: rollback asks; no answer means no, and so does anything but yes" {
	source_table
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register <list
	run_rc 0 pg-wide-tables create
	run_rc 1 pg-wide-tables rollback </dev/null
	has "$err" 'drop the wide tables of 1 ship in schema tenant: "IMO1", and the job? [y/N]' \
		'nothing was changed'
	printf 'Yes, please\n' >answer
	run_rc 1 pg-wide-tables rollback <answer
	is "$(relations)" 'tbl_data_timeseries_imo1|r'
	printf 'y\n' >answer
	run_rc 0 pg-wide-tables rollback <answer
	is "$(relations)" ''
	run_rc 0 pg-wide-tables rollback --yes </dev/null
	has "$err" 'rolled back 0 ships'
}

@test "tables: rollback of one ship leaves the others, and of all leaves what is not ours" {
	source_table
	sql "INSERT INTO tenant.tbl_data_timeseries SELECT s, '/c/1', '2024-01-01', 1, 'Decimal'
		FROM unnest('{IMO1,IMO2}'::text[]) AS s;
		CREATE TABLE tenant.tbl_data_timeseries_imo3 (created_time timestamp)"
	{ registry IMO1 3 && registry IMO2 25; } >list
	run_rc 0 pg-wide-tables register --group-columns 10 <list
	run_rc 0 pg-wide-tables create --group-columns 10
	run_rc 0 pg-wide-ledger plan --cutoff-time '2024-01-02'
	run_pipe '0 0 0' 'pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide'
	run_rc 0 pg-wide-tables rollback --yes --ship-id IMO2
	is "$(relations)" 'tbl_data_timeseries_imo1|r
tbl_data_timeseries_imo3|r'
	is "$(sql "SELECT string_agg(DISTINCT ship, ',') FROM ferry.chunk")" IMO1
	is "$(sql "SELECT string_agg(DISTINCT ship, ',') FROM ferry.channel")" IMO1
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo1")" 1
	# and it can be carried over again
	run_rc 0 pg-wide-ledger plan
	run_pipe '0 0 0' 'pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide'
	run_ok pg-wide-validate
	run_rc 0 pg-wide-tables rollback --yes
	is "$(relations)" 'tbl_data_timeseries_imo3|r'
	is "$(sql "SELECT (SELECT count(*) FROM ferry.job), (SELECT count(*) FROM ferry.chunk),
		(SELECT count(*) FROM ferry.channel)")" '0|0|0'
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries")" 2
}

@test "tables: ships of another prefix in the same schema are somebody else's" {
	source_table
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register <list
	registry IMO2 3 >list
	run_rc 0 pg-wide-tables register --target-prefix other_ <list
	run_rc 0 pg-wide-tables create
	run_rc 0 pg-wide-tables create --target-prefix other_
	run_ok pg-wide-tables list
	is "$(<"$out")" IMO1
	run_rc 0 pg-wide-tables rollback --yes
	is "$(relations)" 'other_imo2|r'
}

@test "tables: a table of ours in somebody else's hands is said, not dropped" {
	source_table
	sql "CREATE TABLE tenant.tbl_data_timeseries_imo1 (created_time timestamp, mine int)"
	registry IMO1 3 >list
	run_rc 78 pg-wide-tables register <list
	is "$(relations)" 'tbl_data_timeseries_imo1|r'
	is "$(sql "SELECT count(*) FROM ferry.channel")" 0
}

@test "tables: --drop-tables makes them anew, and the ledger forgets" {
	source_table
	sql "INSERT INTO tenant.tbl_data_timeseries
		VALUES ('IMO1', '/c/1', '2024-01-01', 1, 'Decimal')"
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register <list
	run_rc 0 pg-wide-ledger plan --cutoff-time '2024-01-02'
	run_pipe '0 0 0' 'pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide'
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo1")" 1
	run_rc 0 pg-wide-tables create --drop-tables
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo1")" 0
	is "$(sql "SELECT count(*) FROM ferry.chunk")" 0
	is "$(sql "SELECT count(*) FROM ferry.channel")" 3
}

@test "tables: a table in use delays rollback, and does not stop it for ever" {
	source_table
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register <list
	run_rc 0 pg-wide-tables create
	sql "BEGIN; SELECT count(*) FROM tenant.tbl_data_timeseries_imo1; SELECT pg_sleep(2);
		COMMIT" >/dev/null &
	wait_until 5 sql "SELECT 1 / count(*) FROM pg_locks
		WHERE relation = 'tenant.tbl_data_timeseries_imo1'::regclass"
	run_rc 0 pg-wide-tables rollback --yes
	wait
	is "$(relations)" ''
}

@test "tables: views of others are listed before anything is dropped, and go with --cascade" {
	source_table
	registry IMO1 3 >list
	run_rc 0 pg-wide-tables register --group-columns 2 <list
	run_rc 0 pg-wide-tables create --group-columns 2
	sql "CREATE VIEW public.mine AS SELECT created_time FROM tenant.tbl_data_timeseries_imo1;
		CREATE MATERIALIZED VIEW public.spine AS TABLE tenant.tbl_data_timeseries_imo1_1"
	local before
	before=$(relations)
	run_rc 69 pg-wide-tables rollback --yes
	has "$err" 'nothing was changed' public.mine public.spine --cascade
	run_rc 69 pg-wide-tables create --drop-tables --group-columns 2
	is "$(relations)" "$before"
	is "$(sql 'SELECT count(*) FROM ferry.channel')" 3
	run_rc 0 pg-wide-tables create --drop-tables --cascade --group-columns 2
	is "$(relations)" "$before"
	is "$(sql "SELECT count(*) FROM pg_class WHERE relname IN ('mine', 'spine')")" 0
	sql 'CREATE VIEW public.mine AS SELECT created_time FROM tenant.tbl_data_timeseries_imo1'
	run_rc 0 pg-wide-tables rollback --yes --cascade
	is "$(relations)" ''
}

@test "tables: views of others go on across the switch to groups, with comments and grants" {
	local each
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
			value text);
		INSERT INTO n SELECT 'S', 'c' || c, '2024-01-01', c FROM generate_series(1, 4) AS c"
	load_all() {
		run_pipe '0 0 0' 'pg-narrow-dump -t n --value-column value --seal | pivot-wide |
			pg-copy-load --wide --group-columns 5'
	}
	load_all
	sql "CREATE VIEW mine AS SELECT *, c1 || c4 AS pair FROM tenant.tbl_data_timeseries_s;
		CREATE VIEW more AS SELECT pair FROM mine; GRANT SELECT ON mine TO PUBLIC;
		COMMENT ON VIEW mine IS 'kept'; COMMENT ON COLUMN mine.pair IS 'too';
		CREATE MATERIALIZED VIEW still AS SELECT c2 FROM tenant.tbl_data_timeseries_s"
	for each in 9 14; do
		sql "INSERT INTO n SELECT 'S', 'c' || c, t, c FROM generate_series(1, $each) AS c,
			(VALUES (timestamp '2024-01-01'), ('2024-01-$each')) AS v (t)"
		load_all
		sql 'REFRESH MATERIALIZED VIEW still'
		is "$(sql "SELECT * FROM mine WHERE created_time = '2024-01-$each'")" \
			"$(date +"2024-01-%d 00:00:00|1|2|3|4|14" -d "2024-01-$each")"
		sql "CREATE VIEW of_all_$each AS SELECT * FROM tenant.tbl_data_timeseries_s"
	done
	is "$(sql 'SELECT c14 FROM of_all_14 WHERE c14 IS NOT NULL LIMIT 1')" 14
	is "$(sql 'SELECT c9, (SELECT count(*) FROM more) FROM of_all_9 ORDER BY 1 LIMIT 1')" '9|3'
	is "$(sql "SELECT obj_description('mine'::regclass), col_description('mine'::regclass, 6),
		has_table_privilege('public', 'mine', 'SELECT')")" 'kept|too|t'
	run_rc 69 pg-wide-tables rollback --yes
	has "$err" mine still of_all_9 of_all_14
}

@test "tables: a prefix that begins like another one has tables of its own" {
	local ship
	for ship in A B test_A; do
		printf '%s\n' ship_id,created_time,c "$ship,2024-01-01,1" >"$ship.csv"
	done
	run_ok pg-copy-load --wide A.csv
	run_ok pg-copy-load --wide test_A.csv
	run_ok pg-copy-load --wide --target-prefix tbl_data_timeseries_test_ B.csv
	is "$(pg-wide-tables list | xargs)" 'A test_A'
	is "$(pg-wide-tables list --target-prefix tbl_data_timeseries_test_)" B
	run_rc 0 pg-wide-tables rollback --yes
	is "$(relations)" 'tbl_data_timeseries_test_b|r'
	is "$(sql 'SELECT ship FROM ferry.channel')" B
}
