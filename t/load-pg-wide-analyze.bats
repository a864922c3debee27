# What a migration takes, and what it brings: pg-wide-analyze, and narrow-to-wide over it.
load helper

setup_file() { scratch_db; }

# figure TOPIC SUBJECT FIGURE [COLUMN]: its value, or another column, from report.json
figure() {
	jq -r --arg t "$1" --arg s "$2" --arg f "$3" --arg c "${4:-value}" '.[] |
		select(.topic == $t and .subject == $s and .figure == $f) | .[$c]' report.json
}

analyze() {
	run_ok pg-wide-analyze migration --format json "$@"
	cp "$out" report.json
}

# about GOT WANTED PERCENT
about() {
	awk -v a="$1" -v b="$2" -v p="$3" \
		'BEGIN { d = (a - b) / b * 100; exit !(d <= p && d >= -p) }' ||
		{ printf 'got %s, wanted about %s\n' "$1" "$2" && return 1; }
}

@test "analyze: a small table is counted as a whole" {
	"$root/t/telemetry" 3 40 12000
	analyze
	local table=tenant.tbl_data_timeseries each
	is "$(figure source $table rows)" "$(sql "SELECT count(*) FROM $table")"
	is "$(figure source $table rows basis)" exact
	is "$(figure source $table table_bytes)" "$(sql "SELECT pg_table_size('$table')")"
	is "$(figure source $table index_bytes)" "$(sql "SELECT pg_indexes_size('$table')")"
	is "$(figure source $table first_time)" "$(sql "SELECT min(created_time) FROM $table")"
	is "$(figure source $table last_time)" "$(sql "SELECT max(created_time) FROM $table")"
	for each in IMO9999993 IMO9999994 IMO9999995; do
		is "$(figure ship $each rows)" \
			"$(sql "SELECT count(*) FROM $table WHERE ship_id = '$each'")"
		is "$(figure ship $each channels)" 40
	done
	# the hours of the last day, newest last
	is "$(jq '[.[] | select(.topic == "growth")] | length' report.json)" 24
	is "$(jq -r '[.[] | select(.topic == "growth")][-1].value' report.json)" "$(sql "
		SELECT count(*) * 60 FROM $table WHERE created_time >
			(SELECT max(created_time) - interval '1 minute' FROM $table)")"
	is "$(figure time source read_rows_per_second basis)" measured
	[[ $(figure time migration seconds) -ge 0 ]]
	# for people: figures that can be read, a line of the day, settings that are to be changed
	run_ok pg-wide-analyze migration
	has "$out" ' 12,000  ' 'table_bytes  '
	is "$(sed -n 's/.* table_bytes  *\([0-9.]* [kM]B\) .*/\1/p' "$out")" "$(sql "SELECT
		(CASE WHEN s < 100 * 1024 THEN round(s / 1024.0, 1) || ' kB'
		WHEN s < 1024 * 1024 THEN round(s / 1024.0) || ' kB'
		ELSE round(s / 1024.0 / 1024, 1) || ' MB' END)
		FROM pg_table_size('$table') AS s")"
	is "$(grep '^growth' "$out" | sed 's/.* //')" '▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█'
	is "$(grep -c '^setting.*exact *$' "$out" || :)" 0
}

@test "analyze: of a large table a sample of pages is read, and it is near the truth" {
	sql "CREATE TABLE big (LIKE tenant.tbl_data_timeseries);
		INSERT INTO big SELECT i, 'S' || i % 4, 'channel/' || i / 4 % 50,
			'2024-01-01'::timestamp + i / 200 * interval '1 s', NULL, NULL, NULL, NULL,
			i / 7.0, 'Decimal' FROM generate_series(0, 299999) AS i;
		CREATE INDEX ON big (created_time);
		CREATE UNIQUE INDEX ON big (ship_id, data_channel_id, created_time); ANALYZE big"
	analyze --table public.big
	is "$(figure source public.big rows basis)" estimate
	about "$(figure source public.big rows)" 300000 10
	about "$(figure ship S1 rows)" 75000 12
	is "$(figure ship S1 channels)" 50
	is "$(figure ship S1 channels basis)" exact
	about "$(figure ship S1 wide_rows)" 1500 12
	analyze --table public.big --ship-id S2
	is "$(jq -r '[.[] | select(.topic == "ship").subject] | unique | join(" ")' report.json)" S2
}

@test "analyze: the room that wide tables take is told well enough to plan with" {
	"$root/t/telemetry" 2 60 60000 --schema room
	analyze --table room.tbl_data_timeseries
	run_rc 0 narrow-to-wide -q --mode migration-only --cutoff-time 9999-01-01 --chunk 1000d \
		--table room.tbl_data_timeseries --target-schema room
	local told real
	told=$(figure disk target wide_bytes)
	real=$(sql "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'
		AND relnamespace = 'room'::regnamespace AND relname LIKE 'tbl_data_timeseries\_%'")
	about "$told" "$real" 30
	run_ok pg-wide-analyze migration --table room.tbl_data_timeseries --types native
}

@test "analyze: room and settings, with what to do about them" {
	"$root/t/telemetry" 1 5 200 --schema few
	analyze --table few.tbl_data_timeseries --disk-free 1M
	is "$(figure disk target free_bytes)" 1048576
	[[ $(figure disk target free_bytes advice) == 'not enough'* ]]
	analyze --table few.tbl_data_timeseries --disk-free 900G
	is "$(figure disk target free_bytes advice)" null
	is "$(figure setting target max_wal_size)" "$(sql 'SHOW max_wal_size')"
	is "$(figure setting source wal_level)" "$(sql 'SHOW wal_level')"
	sql "ALTER DATABASE \"$PGDATABASE\" SET work_mem = '1MB'"
	analyze --table few.tbl_data_timeseries
	[[ $(figure setting target work_mem advice) == 16MB* ]]
	sql "ALTER DATABASE \"$PGDATABASE\" SET work_mem = '64MB'"
	analyze --table few.tbl_data_timeseries
	is "$(figure setting target work_mem advice)" null
}

@test "analyze: no index, a view, an empty table, partitions" {
	"$root/t/telemetry" 2 10 2000 --schema bare --no-key --no-index
	analyze --table bare.tbl_data_timeseries
	is "$(figure source bare.tbl_data_timeseries rows)" 2000
	is "$(figure ship IMO9999993 channels)" 10
	is "$(figure time migration seconds basis)" unknown
	sql 'CREATE VIEW bare.seen AS TABLE bare.tbl_data_timeseries'
	analyze --table bare.seen
	is "$(figure source bare.seen rows basis)" unknown
	sql 'TRUNCATE bare.tbl_data_timeseries'
	analyze --table bare.tbl_data_timeseries
	is "$(figure source bare.tbl_data_timeseries rows)" 0
	sql "CREATE TABLE parts (ship_id text, data_channel_id text, created_time timestamp,
			double_v float8, value_format text) PARTITION BY LIST (ship_id);
		CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('A');
		CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('B');
		INSERT INTO parts SELECT chr(65 + i % 2), 'c', '2024-01-01', i, 'Decimal'
			FROM generate_series(1, 30) AS i"
	analyze --table public.parts
	is "$(figure ship A rows) $(figure ship B rows)" '15 15'
}

@test "queries: each is the same on both sides, and timed" {
	"$root/t/telemetry" 2 30 12000 --schema race
	local source=(--table race.tbl_data_timeseries --target-schema race)
	run_rc 0 narrow-to-wide -q --mode migration-only --cutoff-time 9999-01-01 --chunk 1000d \
		--group-columns 12 "${source[@]}"
	run_ok pg-wide-analyze queries --runs 3 --format json "${source[@]}"
	is "$(jq -r '[.[].same_result] | unique | join(" ")' "$out")" yes
	is "$(jq length "$out")" 5
	jq -e 'all(.[]; .rows > 0 and .narrow_ms > 0 and .wide_ms > 0)' "$out"
	run_ok narrow-to-wide --mode compare --ship-id IMO9999994 --format markdown "${source[@]}"
	has "$out" '| one channel, one day |' improvement_percent
	# a difference is seen
	sql "UPDATE race.tbl_data_timeseries SET double_v = double_v + 1
		WHERE ship_id = 'IMO9999993'"
	run_rc 1 pg-wide-analyze queries --runs 1 --ship-id IMO9999993 --format csv "${source[@]}"
	has "$out" ,no
	has "$err" 'do not say the same'
}

@test "queries: native types and timestamptz" {
	"$root/t/telemetry" 1 20 10000 --schema exact --type timestamptz
	local source=(--table exact.tbl_data_timeseries --target-schema exact --types native)
	run_rc 0 narrow-to-wide -q --mode migration-only --cutoff-time 9999-01-01 --chunk 1000d \
		"${source[@]}"
	run_ok pg-wide-analyze queries --runs 1 --format csv "${source[@]}"
	has_no "$out" ,no
}

@test "analyze: the front door, in every form; what is not there" {
	"$root/t/telemetry" 1 5 200 --schema door
	local each
	for each in table csv json markdown; do
		run_ok narrow-to-wide --mode analyze --format "$each" \
			--table door.tbl_data_timeseries
		has "$out" wide_bytes wal_compression IMO9999993
	done
	run_rc 78 pg-wide-analyze migration --table door.none
	run_rc 78 pg-wide-analyze queries --table door.tbl_data_timeseries --target-schema nowhere
	has "$err" 'no wide rows'
	run_rc 64 pg-wide-analyze
	run_rc 64 pg-wide-analyze both
}
