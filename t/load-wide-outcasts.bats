#!/usr/bin/env bats
# Rows that no wide table can hold: each is one reject, kept and counted, and costs nothing else.

load helper

setup() {
	helper_setup
	scratch_db
	export FERRY_STATE=$BATS_TEST_TMPDIR/state FERRY_RETRY_PAUSE=20
}

good="('S', 'a', '2024-01-01', '1'), ('S', 'b', '2024-01-01', '2'), ('T', 'a', '2024-01-02', '3')"
# ship, channel, time and why: one of each kind
bad=(
	"(NULL, 'a', '2024-01-01', '10')" "('', 'a', '2024-01-01', '11')"
	"('S', NULL, '2024-01-01', '12')" "('S', '', '2024-01-01', '13')"
	"('S', 'a', NULL, '14')" "('T', 'a', 'infinity', '15')" "('S', 'a', '-infinity', '16')"
	"('S', 'a', '0044-03-15 BC', '17')" "('S', 'a', '12024-01-01', '18')"
	"(NULL, NULL, NULL, '19')" "('S', repeat('n', 1001), '2024-01-01', '20')"
	"('S', 'a', '2024-01-01 01:00', repeat('v', 16777217))"
	"(repeat('n', 1001), 'a', '2024-01-01', '22')"
)

all_rejected() { [[ $(sql 'SELECT count(*) FROM ferry.reject') == 13 ]]; }

# table INDEX...: the narrow table, with indexes on these columns
table() {
	local each
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
		value text)"
	for each; do sql "CREATE INDEX ON n ($each)"; done
}

insert() {
	local IFS=,
	sql "INSERT INTO n VALUES $*"
}

# all_are_kept: the good rows are where they belong, each bad one is a reject
all_are_kept() {
	is "$(sql "SELECT 'S', created_time, a, b FROM tenant.tbl_data_timeseries_s
		UNION ALL SELECT 'T', created_time, a, NULL FROM tenant.tbl_data_timeseries_t
		ORDER BY 1, 2")" \
		'S|2024-01-01 00:00:00|1|2
T|2024-01-02 00:00:00|3|'
	is "$(sql "SELECT string_agg(left(record ->> 'value', 4), ' ' ORDER BY record ->> 'value')
		FROM ferry.reject")" \
		'10 11 12 13 14 15 16 17 18 19 20 22 vvvv'
}

@test "outcasts: each kind is a reject of its own, whatever the indexes; all else arrives" {
	local index
	local -a indexes
	# read by time, and a ship after the other
	by_turns 1 created_time ''
	indexes=("${turns[@]}")
	by_turns 1 'ship_id, created_time' 'ship_id, data_channel_id, created_time'
	for index in "${indexes[@]}" "${turns[@]}"; do
		table ${index:+"$index"}
		insert "$good" "${bad[@]}"
		run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
			--cutoff-time 2024-02-01 --workers 1
		has "$err" 'rows without a ship, or without a time'
		all_are_kept
		is "$(sql "SELECT sum(rejects) FROM ferry.chunk")" 13
		run_rc 0 narrow-to-wide --mode validate -t n --value-column value
		# once more is no more: not even where nothing but them is left to read
		run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value --workers 1
		has_no "$err" 'error:'
		all_are_kept
		is "$(sql "SELECT sum(rejects), bool_and(state = 'done') FROM ferry.chunk")" '13|t'
		sql "DROP TABLE n; DROP SCHEMA ferry, tenant CASCADE" 2>drop.err
	done
}

@test "outcasts: by polling and from a slot each is a reject, and following goes on" {
	local how run
	for how in poll slot; do
		table created_time
		insert "('S', 'a', '2023-12-31', '0')"
		rm -f run.err
		narrow-to-wide --mode concurrent --follow "$how" -t n --value-column value \
			--interval 50ms >run.out 2>run.err &
		run=$!
		wait_until 30 grep -q 'all of the past is there' run.err
		insert "${bad[@]}"
		insert "$good"
		wait_until 30 all_rejected
		wait_until 30 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_t"
		kill -TERM "$run"
		wait "$run"
		sql "DELETE FROM tenant.tbl_data_timeseries_s WHERE created_time = '2023-12-31'"
		all_are_kept
		narrow-to-wide --mode rollback -t n --value-column value --yes 2>>run.err
		sql "DROP TABLE n; DROP SCHEMA ferry, tenant CASCADE" 2>drop.err
	done
}

@test "outcasts: rows without a ship are no ship that two jobs of one schema would share" {
	local each run=()
	table created_time
	insert "('S', 'a', '2023-12-31', '0')"
	sql "CREATE TABLE m (LIKE n); INSERT INTO m VALUES ('T', 'a', '2023-12-31', '0')"
	for each in n m; do
		narrow-to-wide --mode concurrent --follow poll -t "$each" --value-column value \
			--interval 50ms >run.out 2>"run.$each" 3>&- &
		run+=("$!")
		wait_until 30 grep -q 'all of the past is there' "run.$each"
	done
	sql "INSERT INTO n VALUES ('', 'a', '2024-01-01', '1'), ('S', 'a', '2024-01-01', '2')"
	wait_until 30 sql "SELECT 1 / (count(*) = 2)::int FROM tenant.tbl_data_timeseries_s"
	sql "INSERT INTO m VALUES ('', 'a', '2024-01-01', '3'), ('T', 'a', '2024-01-01', '4')"
	wait_until 30 sql "SELECT 1 / (count(*) = 2)::int FROM tenant.tbl_data_timeseries_t"
	kill -TERM "${run[@]}"
	for each in "${run[@]}"; do wait "$each"; done
	is "$(sql "SELECT string_agg(record ->> 'value', ' ' ORDER BY job_id) FROM ferry.reject")" \
		'1 3'
	# neither do they keep a backup of one from coming back
	run_rc 0 narrow-to-wide --mode rollback --ship-id S --yes -t n --backup saved
	run_rc 0 narrow-to-wide --mode restore --backup saved
}

@test "outcasts: rows without a ship on days when no ship has any, long before and after, too" {
	table created_time
	insert "('S', 'a', '2024-01-01', '1')" "('T', 'a', '2024-01-20', '2')" \
		"(NULL, 'a', '2024-01-10', '10')" "('', 'a', '2023-12-01', '11')" \
		"(NULL, 'a', '2024-01-31', '12')"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
		--cutoff-time 2024-02-01 --workers 1
	is "$(sql 'SELECT sum(rejects), count(*) > 1000 FROM ferry.chunk')" '3|f'
	insert "(NULL, 'a', '0001-02-01', '13')"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value --workers 1
	is "$(sql 'SELECT sum(rejects), count(*) > 1000 FROM ferry.chunk')" '4|f'
}

# Far-off rows make gaps of single ships, which begin where days of others do, or reach over them.
@test "outcasts: rows without a ship are met once where a gap of one ship meets days of others" {
	local workers
	by_turns 1 1 3
	for workers in "${turns[@]}"; do
		table created_time
		insert "('V', 'a', '0001-01-01', '1')" "('V', 'a', '2024-10-01', '2')" \
			"('V', 'a', '9999-12-31', '3')" "('W', 'a', '1000-01-01', '4')" \
			"('W', 'a', '2024-10-04', '5')" "(NULL, 'a', '2024-12-01', '19')"
		sql "INSERT INTO n SELECT 'S' || s, 'a', date '2024-10-01' + d, '9'
			FROM generate_series(1, 9) s, generate_series(0, 2) d;
			INSERT INTO n SELECT '', 'a', date '2024-10-01' + d, d + 10
			FROM generate_series(0, 4) d"
		run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
			--cutoff-time 2025-01-01 --workers "$workers"
		has_no "$err" 'error:'
		is "$(sql "SELECT string_agg(record ->> 'value', ' ' ORDER BY record ->> 'value')
			FROM ferry.reject")" '10 11 12 13 14 19'
		is "$(sql "SELECT sum(rejects), bool_and(state = 'done'), count(*) < 100
			FROM ferry.chunk")" '6|t|t'
		# no ship has a time in two chunks
		is "$(sql "SELECT count(*) FROM ferry.chunk a JOIN ferry.chunk b USING (ship)
			WHERE a.chunk_from < b.chunk_from AND a.chunk_to > b.chunk_from
			AND ship <> ''")" 0
		run_rc 0 narrow-to-wide --mode validate -t n --value-column value
		sql "DROP TABLE n; DROP SCHEMA ferry, tenant CASCADE" 2>drop.err
	done
}

# A day that was read is read again for a ship that comes late to it, and rows of no ship with it.
@test "outcasts: rows without a ship are met again where a ship comes late to their day" {
	local odd="(NULL, 'a', '2024-01-01', '10'), ('', 'a', '2024-01-01', '11'),
		(repeat('n', 1001), 'a', '2024-01-01', '12'), (NULL, 'a', '0001-01-01', '13')"
	table created_time
	insert "$good" "$odd" "('V', 'a', '0001-01-01 05:00', '5')"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
		--cutoff-time 2024-02-01 --workers 1
	insert "('T', 'a', '2024-01-01 05:00', '4')" "('T', 'a', '0001-01-01 05:00', '6')" \
		"(NULL, 'a', '2024-01-01', '14')"
	# they have been read a hundred times, and nobody died of it
	sql "UPDATE ferry.chunk SET attempt = 100 WHERE ship = '' AND attempt > 0"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value --workers 1
	has_no "$err" 'error:'
	is "$(sql "SELECT string_agg(a, ' ' ORDER BY created_time)
		FROM tenant.tbl_data_timeseries_t")" \
		'6 4 3'
	is "$(sql "SELECT string_agg(record ->> 'value', ' ' ORDER BY record ->> 'value')
		FROM ferry.reject")" '10 11 12 13 14'
	is "$(sql "SELECT sum(rejects), bool_and(state = 'done') FROM ferry.chunk")" '5|t'
	run_rc 0 narrow-to-wide --mode validate -t n --value-column value
}

@test "outcasts: --until leaves out what is later, this time" {
	table created_time
	insert "$good"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
		--cutoff-time 2024-02-01 --until 2024-01-02
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_t') IS NULL
		OR NOT EXISTS (SELECT FROM ferry.chunk WHERE ship = 'T')")" t
	# which is not all, also where the cutoff was far in the past, or reached before
	is_at pending
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_t")" 1
	is_at completed
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value --until 2024-01-02
	is_at completed
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
		--cutoff-time 2024-03-01 --until 2024-02-10 --chunk 12h
	is_at pending
}

# is_at WORD: the state of the job, for programs and in the browser's list of jobs
is_at() {
	run_rc 0 pg-wide-ledger status -t n --value-column value -f json
	is "$(jq -r .status "$out")" "$1"
	run_rc 0 pg-wide-web --report -t n --value-column value -O page.html
	has page.html ">$1<"
}

@test "outcasts: what a follower and the backfill beside it read, both, is one reject" {
	local run
	table created_time
	insert "('S', 'a', '2023-12-31', '0')"
	run_rc 0 pg-wide-ledger follow --follow poll -t n --value-column value
	insert "$good" "${bad[@]}"
	narrow-to-wide --mode concurrent --follow poll -t n --value-column value \
		--interval 50ms >run.out 2>run.err &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.err
	wait_until 30 sql "SELECT 1 / count(*) FROM ferry.follower WHERE chunks > 0 AND rows > 0"
	kill -TERM "$run"
	wait "$run"
	sql "DELETE FROM tenant.tbl_data_timeseries_s WHERE created_time = '2023-12-31'"
	all_are_kept
	# with the time that the source has
	is "$(sql "SELECT record ->> 'created_time' FROM ferry.reject
		WHERE record ->> 'value' IN ('15', '16', '17', '18')
		ORDER BY record ->> 'value'")" \
		$'infinity\n-infinity\n0044-03-15 00:00:00 BC\n12024-01-01 00:00:00'
}

@test "outcasts: channels that are named like a column of the stream have columns of their own" {
	table created_time
	insert "('S', 'created_time', '2024-01-01', '1')" "('S', 'ship_id', '2024-01-01', '2')" \
		"('S', '@seal', '2024-01-01', '3')" "('S', '@created_time', '2024-01-01', '4')" \
		"('S', 'Temp', '2024-01-01', '5')" "('S', 'temp', '2024-01-01', '6')"
	run_rc 0 narrow-to-wide --mode migration-only -t n --value-column value \
		--cutoff-time 2024-02-01
	is "$(sql "SELECT channel, to_jsonb(w) ->> column_name FROM ferry.channel,
		tenant.tbl_data_timeseries_s AS w ORDER BY 1")" '@created_time|4
@seal|3
Temp|5
created_time|1
ship_id|2
temp|6'
	run_ok narrow-to-wide --mode validate -t n --value-column value
}
