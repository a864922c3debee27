# Corrections: wide CSV files, as operators keep them, over what wide tables say.
load helper

setup_file() { scratch_db; }

# Each test has a ship of its own. ship NAME: a ship of two tables, a..c in the first, d..f in the
# second, with two instants
ship() {
	local each

	ship=$1
	printf '%s\n' ship_id,created_time,a,b,c,d,e,f \
		"$1,2024-01-01 00:00:00,1,2,3,4,5,6" "$1,2024-01-01 00:00:15,7,,9,10,,12" >ship.csv
	pg-copy-load --wide --group-columns 3 ship.csv
}

correct() { narrow-to-wide --mode correct --group-columns 3 --ship-id "$ship" "$@"; }

# now ROW...: what the ship's view says, a line each
now() {
	sql "SELECT created_time, a, b, c, d, e, f FROM tenant.tbl_data_timeseries_${ship,,}
		ORDER BY 1" >got
	printf '%s\n' "$@" >want
	same_file got want
}

@test "correct: values replace, empty cells stay, new instants come, each group gets its own" {
	ship C1
	printf '%s\n' timestamp,f,b,a '2024-01-01 00:00:00,66,,' '2024-01-01 00:00:15,,8,' \
		'2024-01-01 00:00:30,,,100' '2024-01-01 00:00:45,,,' >fix.csv
	run_rc 0 correct fix.csv
	now '2024-01-01 00:00:00|1|2|3|4|5|66' '2024-01-01 00:00:15|7|8|9|10||12' \
		'2024-01-01 00:00:30|100|||||' '2024-01-01 00:00:45||||||'
	# group 2 has a row only where it has a value
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_c1_2')" 2
	run_rc 0 correct fix.csv
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_c1')" 4
}

@test "correct: the dry run says what would change in each table, and changes nothing" {
	ship C2
	printf '%s\n' timestamp,f,b,a '2024-01-01 00:00:00,66,2,' '2024-01-01 00:00:15,,8,7' \
		'2024-01-01 00:00:30,1,2,3' >fix.csv
	run_rc 0 correct --dry-run --format csv fix.csv
	printf '%s\n' ship,table,columns,columns_given,rows,rows_there,rows_new,cells,cells_filled,\
cells_changed,cells_unchanged \
		C2,tbl_data_timeseries_c2_1,3,2,3,2,1,5,3,0,2 \
		C2,tbl_data_timeseries_c2_2,3,1,2,1,1,2,1,1,0 >want
	same_file "$out" want
	now '2024-01-01 00:00:00|1|2|3|4|5|6' '2024-01-01 00:00:15|7||9|10||12'
	# what it promised is what happens
	run_rc 0 correct fix.csv
	now '2024-01-01 00:00:00|1|2|3|4|5|66' '2024-01-01 00:00:15|7|8|9|10||12' \
		'2024-01-01 00:00:30|3|2||||1'
	run_rc 0 correct --dry-run --format json fix.csv
	is "$(jq -c '[.[] | .cells_changed + .cells_filled]' "$out")" '[0,0]'
	run_rc 0 correct --dry-run fix.csv
	has "$out" cells_unchanged
}

@test "correct: the dry run counts in blocks as it does at once, in any order of instants" {
	ship C3
	awk 'BEGIN { print "timestamp,a,e"
		for (i = 299; i >= 0; i--) printf "2024-01-01 00:%02d:%02d,%d,%s\n",
			i / 60, i % 60, i, i % 2 ? "" : "x" }' >fix.csv
	map-fields --rename timestamp:created_time --set ship_id=C3 --seal fix.csv >w.csv
	run_rc 0 pg-copy-load --wide --live --dry-run --format csv w.csv
	cp "$out" want
	is "$(grep -c ,300, want)" 1
	run_rc 0 pg-copy-load --wide --live --dry-run --format csv --buffer 1024 w.csv
	same_file "$out" want
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_c3')" 2
}

@test "correct: channels that the ship does not have are refused, left out or added" {
	ship C4
	printf '%s\n' timestamp,a,new,other '2024-01-01 00:00:00,1,x,' \
		'2024-01-01 00:00:15,70,y,z' >fix.csv
	run_rc 65 correct fix.csv
	has "$err" 'ship "C4" has no channel "new", "other"' --on-unknown
	now '2024-01-01 00:00:00|1|2|3|4|5|6' '2024-01-01 00:00:15|7||9|10||12'
	run_rc 0 correct --on-unknown add --dry-run --format json fix.csv
	is "$(jq -c '.[] | select(.table == null) | [.columns_given, .cells]' "$out")" '[2,3]'
	run_rc 0 correct --on-unknown ignore fix.csv
	has "$err" '3 values of channels that the ships do not have are left out'
	now '2024-01-01 00:00:00|1|2|3|4|5|6' '2024-01-01 00:00:15|70||9|10||12'
	run_rc 0 correct --on-unknown add fix.csv
	is "$(sql 'SELECT new, other FROM tenant.tbl_data_timeseries_c4 ORDER BY created_time')" \
		'x|
y|z'
}

@test "correct: a ship without tables is refused, unless they are to be made" {
	ship=C5
	printf '%s\n' timestamp,a '2024-01-01 00:00:00,1' >fix.csv
	run_rc 78 correct fix.csv
	has "$err" 'ship "C5" has no wide tables'
	# it may be mistyped
	run_rc 78 correct --on-unknown add fix.csv
	has "$err" 'ship "C5" has no wide tables' --new-ship
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship = 'C5'")" 0
	run_rc 0 correct --on-unknown add --new-ship --dry-run --format csv fix.csv
	has "$out" C5,tbl_data_timeseries_c5,1,1,1,0,1,1,1,0,0
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_c5')")" ''
	run_rc 0 correct --on-unknown add --new-ship fix.csv
	is "$(sql 'SELECT created_time, a FROM tenant.tbl_data_timeseries_c5')" \
		'2024-01-01 00:00:00|1'
}

@test "correct: a file that names another ship than --ship-id is refused" {
	ship 'C\5'
	printf '%s\n' ship_id,timestamp,a 'C\5,2024-01-01,66' ',2024-01-01 00:00:15,67' >fix.csv
	run_rc 0 correct fix.csv
	printf '%s\n' ship_id,timestamp,a 'C\5,2024-01-01,77' C1,2024-01-01,99 >fix.csv
	run_rc 65 correct fix.csv
	has "$err" 'record 2: field "ship_id"' '"C1"'
	is "$(sql "SELECT string_agg(a, ' ' ORDER BY created_time)
		FROM tenant.\"tbl_data_timeseries_c\\5\"")" '66 67'
}

@test "correct: several files, each in a transaction of its own; a bad one keeps what was done" {
	ship C6
	printf '%s\n' timestamp,a '2024-01-01 00:00:00,11' >1.csv
	printf '%s\n' timestamp,b '2024-01-01 00:00:00,12' 'soon,13' >2.csv
	printf '%s\n' timestamp,c '2024-01-01 00:00:00,14' | gzip >3.csv.gz
	run_rc 65 correct 1.csv 2.csv 3.csv.gz
	has "$err" 'record 2' 'not an instant' soon
	now '2024-01-01 00:00:00|11|2|3|4|5|6' '2024-01-01 00:00:15|7||9|10||12'
	sed -i '$d' 2.csv
	run_rc 0 correct 1.csv 2.csv 3.csv.gz
	now '2024-01-01 00:00:00|11|12|14|4|5|6' '2024-01-01 00:00:15|7||9|10||12'
	# a name that is mistyped keeps them all
	printf '%s\n' timestamp,a '2024-01-01 00:00:00,99' >good.csv
	run_rc 66 correct good.csv no-such-file
	has "$err" 'cannot read no-such-file'
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_${ship,,} WHERE a = '99'")" 0
}

@test "correct: columns of native types compare and check values as theirs" {
	printf '%s\n' '{"ship_id":"C7","data_channel_id":"t","value_format":"Decimal"}' |
		pg-wide-tables register --types native
	printf '%s\n' ship_id,created_time,t C7,2024-01-01,1.5 >w.csv
	pg-copy-load --wide --types native w.csv
	ship=C7
	printf '%s\n' timestamp,t 2024-01-01,1.50 >fix.csv
	run_rc 0 correct --dry-run --format json --types native fix.csv
	is "$(jq -c '.[] | [.cells_changed, .cells_unchanged]' "$out")" '[0,1]'
	printf '%s\n' timestamp,t 2024-01-01,hot >fix.csv
	run_rc 65 correct --types native fix.csv
	has "$err" 'field "t": not a double precision number: "hot"'
}

@test "correct: killed anywhere it leaves all of a file or nothing; again, and all is there" {
	local point killed=0

	ship C8
	awk 'BEGIN { print "timestamp,a,f,late"
		for (i = 0; i < 3000; i++) printf "2024-01-02 %02d:%02d:%02d,%d,%d,%d\n",
			i / 3600, i / 60 % 60, i % 60, i, i * 2, i * 3 }' >fix.csv
	map-fields --rename timestamp:created_time --set ship_id=C8 fix.csv >w.csv
	for point in before_finish between_groups between_commits before_commit after_commit; do
		sed "1s/late/late_$point/" w.csv >each.csv # a channel that is new each time
		KP_KILL=$point:1 run_rc 137 pg-copy-load --wide --live --buffer 8k each.csv
		killed=$((killed + 1))
		# an instant is there with all that is not waiting for a new column, or not at all
		is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_c8
			WHERE created_time >= '2024-01-02' AND (a IS NULL OR f IS NULL)")" 0
	done
	is "$killed" 5
	run_rc 0 correct --on-unknown add fix.csv
	same_rows "SELECT created_time::text, a, f, late FROM tenant.tbl_data_timeseries_c8
			WHERE created_time >= '2024-01-02'" \
		"SELECT ('2024-01-02'::timestamp + i * interval '1 s')::text,
			i::text, (i * 2)::text, (i * 3)::text FROM generate_series(0, 2999) AS i"
}

@test "correct: the command line" {
	run_rc 64 narrow-to-wide --mode correct --ship-id A --ship-id B x.csv
	run_rc 66 narrow-to-wide --mode correct --ship-id A no-such-file
	run_rc 64 narrow-to-wide --mode correct --on-unknown maybe --ship-id A x.csv
	has "$err" '--on-unknown: "maybe" is not one of error|add|ignore'
	run_rc 64 pg-copy-load --wide --format json
	printf '%s\n' at,a 2024-01-01,1 >fix.csv
	run_rc 65 narrow-to-wide --mode correct --ship-id A fix.csv
	has "$err" timestamp
	run_rc 0 narrow-to-wide --mode correct --ship-id C9 --file-time at --on-unknown add \
		--new-ship fix.csv
	# a pipe may have been cut
	run_pipe '0 76' 'cat fix.csv | narrow-to-wide --mode correct --ship-id C9 --file-time at'
}

@test "correct, dual-write: files of another delimiter, encoding and header" {
	ship C9
	printf '시각;a;b;b\n2024-01-01 00:00:00;-;20;\n' | iconv -t CP949 >fix.csv
	run_rc 0 correct --delimiter ';' --encoding CP949 --null - --file-time 시각 \
		--rename-columns --on-unknown ignore fix.csv
	now '2024-01-01 00:00:00|1|20|3|4|5|6' '2024-01-01 00:00:15|7||9|10||12'
	printf '# note\n2024-01-01 00:00:15,8\n' >bare.csv
	run_rc 0 correct --names timestamp,b --comment '#' bare.csv
	now '2024-01-01 00:00:00|1|20|3|4|5|6' '2024-01-01 00:00:15|7|8|9|10||12'
	run_rc 64 narrow-to-wide --mode status --delimiter ';'
	sql "CREATE TABLE tenant.tbl_data_timeseries (ship_id text, data_channel_id text,
		created_time timestamp, str_v text, value_format text,
		PRIMARY KEY (ship_id, data_channel_id, created_time))"
	printf 'C9;2024-01-02;z;%s;String\n' x >1.csv
	printf 'C9;2024-01-03;z;%s;String\n' y >2.csv
	run_rc 0 narrow-to-wide --mode dual-write --delimiter ';' \
		--names ship_id,created_time,data_channel_id,value,value_format 1.csv 2.csv
	is "$(sql 'SELECT str_v FROM tenant.tbl_data_timeseries ORDER BY 1' | xargs)" 'x y'
	sql 'DROP TABLE tenant.tbl_data_timeseries'
}
