load helper
load live

setup() {
	helper_setup
	run='' feed='' others=''
}
teardown() { live_teardown; }

# Three ships of 60 channels, twenty times as fast as production, as unruly as it gets.
unruly=(--ships 3 --channels 60 --speed 20 --held 2 --late 5 --aborted 10 --corrected 3
	--new-channels 6 --new-ship --from '2024-10-01 00:00')

# each_way FUNCTION: it by polling or from a slot, by turns, in a folder of its own
each_way() {
	local how

	by_turns 1 poll slot
	for how in "${turns[@]}"; do
		mkdir "$BATS_TEST_TMPDIR/$how"
		cd "$BATS_TEST_TMPDIR/$how" || return
		"$1" "$how"
	done
}

# disturbed HOW MODE: a live migration in which something is killed a few times; t/soak/live.bats
# goes on for long
disturbed() {
	two_servers
	at_source "$root/t/telemetry" 3 60 20000 --start '2024-09-30 20:00'
	feed "${unruly[@]}" --sets 12 --new-at 5
	live --mode "$2" --follow "$1" --chunk 30m --group-columns 25 --interval 100ms
	wait_until 20 sql "SELECT 1 / (to_regclass('ferry.doubt') IS NOT NULL)::int"
	trace_on
	kill_some 3
	feed_ends
	settled "$1"
	same_as_source
	trace_holds ' claim' ' finish' ' become' ' advance'
}

@test "live: concurrent by polling, with stages, sessions and servers killed" {
	disturbed poll concurrent
}

# bats test_tags=whole
@test "live: streaming from a slot, with stages, sessions and servers killed" {
	disturbed slot streaming
}

# reads_whole_sets: reads the wide tables all the time, each set of 90 channels whole or not at all
reads_whole_sets() {
	local query="SELECT count(*), count(*) FILTER (WHERE n <> 90) FROM (SELECT
			(SELECT count(*) FROM jsonb_each(to_jsonb(w) - 'created_time') AS e
				WHERE e.value <> 'null') AS n
		FROM tenant.tbl_data_timeseries_imo9999993 AS w
		ORDER BY created_time DESC LIMIT 20) AS recent"

	while [[ ! -e stop_reading ]]; do
		sql "$query" >>reads 2>>read_errors
	done
}

# An application that reads while columns, tables and rows come to be.
reader_sees_whole_sets() {
	local n
	two_servers
	feed --ships 2 --channels 90 --speed 60 --sets 1 && feed_ends
	live --mode concurrent --follow "$1" --group-columns 40
	wait_until 20 grep -q 'all of the past is there' run.err
	reads_whole_sets &
	others=$!
	feed --ships 2 --channels 90 --speed 60 --held 0.5 --sets 20 --more
	feed_ends
	drained
	touch stop_reading
	wait "$others" || :
	others=''
	# instants that are there already, in transactions of their own
	for n in 1 2 3; do
		source_sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
				created_time, double_v, value_format)
			SELECT DISTINCT ship_id, '/again$n', created_time, 1, 'Decimal'
			FROM tenant.tbl_data_timeseries ORDER BY 3 DESC LIMIT 2"
		drained
	done
	live_ends
	is "$(<read_errors)" '' 'errors of the reader'
	is "$(cut -d '|' -f 2 reads | sort -u)" 0 'sets read in part'
	# everyday work is no ERROR for whoever watches the servers' logs; two are the test's
	grep -h 'ERROR: ' "$target_cluster/home/server.log" "$source_cluster/home/server.log" |
		grep -v -e 'division by zero' -e '"feed.run"' >errors || :
	is "$(<errors)" ''
	(($(wc -l <reads) > 4))
	same_as_source
}

@test "live: a reader sees no error and whole sets only" {
	each_way reader_sees_whole_sets
}

# held_ones: the dumps of this test that KP_STOP has stopped
held_ones() {
	local each found=1
	for each in $(pgrep -x -r T pg-narrow-dump); do
		[[ ! /proc/$each/cwd -ef . ]] || { printf '%s\n' "$each" && found=0; }
	done
	return "$found"
}

@test "live: the past meets what came live, and the server's log has no ERROR" {
	two_servers
	at_source "$root/t/telemetry" 2 20 4000
	pg-wide-ledger follow --follow poll 2>follow.err
	# each ship has a row live, at instants of its past
	source_sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			double_v, value_format)
		SELECT ship_id, '/late', min(created_time), 1, 'Decimal'
		FROM tenant.tbl_data_timeseries GROUP BY ship_id"
	# the past waits until the rows are there live: at one moment each may find out by an ERROR
	KP_STOP=dump_row:1 live --mode concurrent --follow poll --workers 1
	followed() { is "$(sql 'SELECT sum(rows) FROM ferry.follow_ship')" 2; }
	wait_until 30 followed
	wait_until 30 held_ones
	# shellcheck disable=SC2046  # a word each
	kill -CONT $(held_ones)
	wait_until 30 grep -q 'all of the past is there' run.err
	live_ends
	same_as_source
	run_rc 1 grep -h 'ERROR: ' "$target_cluster/home/server.log"
}

# target_down HOW: what the source's writers do while the target is away
target_down() {
	local before

	two_servers
	feed --ships 2 --channels 40 --speed 40
	live --mode concurrent --follow "$1"
	wait_until 20 sql 'SELECT 1 / count(*) FROM ferry.follower WHERE rows > 0'
	"$root/pipelines/lib/cluster" stop "$target_cluster" --immediate
	before=$(source_sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')
	wait_until 20 source_sql "SELECT 1 / (count(*) > $before + 800)::int
		FROM tenant.tbl_data_timeseries"
	"$root/pipelines/lib/cluster" start "$target_cluster" "${server_options[@]}"
	kill -TERM "$feed"
	feed_ends
	drained
	live_ends
	same_as_source
}

@test "live: the target is away for a while: writers go on, nothing is lost" {
	each_way target_down
}

# bats test_tags=whole
@test "live: polling, an update of more than a loader holds in memory" {
	two_servers
	feed --ships 1 --channels 2 --speed 40 --sets 2
	feed_ends
	source_sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, str_v, value_format)
		SELECT 'LONG', 'text', '2024-10-01'::timestamp + i * interval '1 ms',
			repeat('x', 110), 'String'
		FROM generate_series(1, 45000) AS i"
	live --mode concurrent --follow poll
	drained
	source_sql "UPDATE tenant.tbl_data_timeseries SET str_v = repeat('y', 110)
		WHERE ship_id = 'LONG'"
	drained
	live_ends
	same_as_source
}

# bats test_tags=whole
@test "live: a slot that lost its WAL is said, made anew, and what is in doubt is repaired" {
	two_servers --option max_slot_wal_keep_size=16MB --option min_wal_size=32MB \
		--option max_wal_size=32MB
	feed --ships 2 --channels 40 --speed 40 --sets 20
	live --mode concurrent --follow slot
	feed_ends
	drained
	live_ends
	# while nobody follows: rows, and more WAL than the slot may keep
	feed --ships 2 --channels 40 --speed 200 --sets 40 --more
	feed_ends
	source_sql "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 50000);
		CHECKPOINT; SELECT pg_switch_wal(); CHECKPOINT"
	is "$(source_sql "SELECT wal_status FROM pg_replication_slots")" lost
	live --mode concurrent --follow slot
	wait_until 30 grep -q 'lost' run.err
	feed --ships 2 --channels 40 --speed 40 --sets 10 --more
	feed_ends
	drained
	wait_until 60 sql 'SELECT 1 / (count(*) = 0)::int FROM ferry.doubt'
	live_ends
	is "$(sql "SELECT count(*) > 0 FROM ferry.event WHERE level = 'CRITICAL'")" t
	same_as_source
}

# bats test_tags=whole
@test "live: the four ways of the guide, as they are written there" {
	two_servers
	at_source "$root/t/telemetry" 2 20 4000 --start '2024-10-02 16:00'
	run_rc 0 narrow-to-wide --mode schema-only
	run_rc 0 narrow-to-wide --mode tables-only
	# realtime first is what the guide forbids
	run_rc 78 narrow-to-wide --mode realtime
	has "$err" 'migration-only --cutoff-time'
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time '2024-10-02 17:00:00'
	# committed late, behind the cutoff, when its chunk is done and nobody follows yet
	source_sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		VALUES ('IMO9999993', 'late', '2024-10-02 16:10', 1, 'Integer')"
	live --mode realtime --interval 1
	follows
	wait_until 30 grep -q 'repaired: ' run.err
	live_ends
	live --mode concurrent --interval 5
	follows
	live_ends
	same_as_source
	run_rc 0 narrow-to-wide --mode status
	run_rc 0 narrow-to-wide --mode rollback --yes
	run_rc 0 narrow-to-wide --mode tables-only --drop-tables
	live --mode hybrid --interval 1
	follows
	live_ends
	same_as_source
	run_rc 0 narrow-to-wide --mode rollback --yes
	live --mode streaming --interval 1 --ship-id IMO9999993
	wait_until 30 caught_up
	live_ends
	is "$(sql "SELECT DISTINCT ship FROM ferry.chunk")" IMO9999993
}

@test "live: hybrid takes chunks as long as they should last, and the whole past" {
	two_servers
	at_source "$root/t/telemetry" 2 40 60000 --start '2024-09-30 00:00'
	live --mode hybrid --follow poll --chunk 7d
	wait_until 60 grep -q 'all of the past is there' run.err
	live_ends
	same_as_source
	is "$(sql 'SELECT count(*) > 4 FROM ferry.chunk')" t 'chunks were cut'
	run_rc 0 narrow-to-wide --mode validate
}

# beside: sessions of what says how far it is, and of what tells of trouble
beside() {
	[[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND application_name = 'pg-wide-ledger'") == 2 ]]
}

ended() { (($(grep -c '^pg-wide-ledger: error: ' run.err) == $1)); }

@test "live: what stands beside it comes back when it loses its server, and ends with it" {
	local each
	scratch_db
	export FERRY_STATE=$PWD/state FERRY_RETRY_PAUSE=50
	"$root/t/telemetry" 2 20 2000
	live --mode concurrent --follow poll
	wait_until 30 grep -q 'all of the past is there' run.err
	for each in 2 4; do
		wait_until 30 beside
		sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database()
				AND application_name = 'pg-wide-ledger'" >ended
		wait_until 20 ended "$each"
	done
	# now it waits before it begins again
	live_ends
	is_carried_over
}

@test "live: a second one waits for the first, says so once, and takes over" {
	local first
	scratch_db
	export FERRY_STATE=$PWD/state FERRY_RETRY_PAUSE=50
	"$root/t/telemetry" 1 2 20
	live --mode concurrent --follow poll
	wait_until 20 grep -q 'all of the past is there' run.err
	first=$run others=$run
	mv run.err first.err
	live --mode concurrent --follow poll
	wait_until 20 grep -q 'waits for its end' run.err
	wait_until 20 grep -q 'all of the past is there' run.err
	is "$(grep -c 'another follower' run.err)" 1
	is "$(grep -c 'to be run again' run.err)" 0
	kill -TERM "$first"
	wait "$first" || is "$?" 0
	others=''
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		VALUES ('NEW', 'c', '2030-01-01', 1, 'Integer')"
	wait_until 20 sql 'SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_new'
	is "$(grep -c 'another follower' run.err)" 1
	live_ends
}

@test "live: told to end before it follows anything, it does not end well" {
	local code=0 run here

	scratch_db
	export FERRY_STATE=$PWD/state
	"$root/t/telemetry" 1 2 20
	here="database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	locks() { [[ $(sql "SELECT count(*) FROM pg_locks WHERE $here AND $1") != 0 ]]; }
	psql -Xq -c 'BEGIN' -c 'LOCK TABLE tenant.tbl_data_timeseries' \
		-c 'SELECT pg_sleep(1000)' >lock.log 2>&1 3>&- &
	wait_until 20 locks "mode = 'AccessExclusiveLock'"
	MARK=early narrow-to-wide --mode concurrent --follow poll 2>live.err 3>&- &
	run=$!
	wait_until 20 locks 'NOT granted'
	kill "$run"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE wait_event = 'PgSleep' AND datname = current_database()" >/dev/null
	wait "$run" || code=$?
	is "$code" 143
	wait_until 20 none_left early
	is "$(find state/run -mindepth 2)" ''
}

@test "live: told to end at once, it ends well without errors, or of the signal" {
	local -i each code
	scratch_db
	export FERRY_STATE=$PWD/state
	"$root/t/telemetry" 1 2 20
	for each in 1 2 3 4 5 6; do
		live --mode streaming --follow poll
		pause 20 700
		kill -TERM "$run"
		code=0
		wait "$run" || code=$?
		run=''
		((code == 143)) || run_rc 1 grep -iE 'error|broken|warning' run.err
		((code == 143)) || is "$code" 0
	done
}

@test "live: one that is refused leaves neither slot nor publication, unless they were there" {
	local count="SELECT (SELECT count(*) FROM pg_replication_slots
		WHERE database = current_database()), (SELECT count(*) FROM pg_publication)"
	scratch_db
	"$root/t/telemetry" 1 4 40
	sql "CREATE TABLE tenant.tbl_data_timeseries_imo9999993 (a int)"
	run_rc 78 narrow-to-wide --mode concurrent --follow slot
	has "$err" 'was not made by ferry' 'slot and publication that this run has made are removed'
	is "$(sql "$count")" '0|0'
	# nothing is said of what is not there
	run_rc 78 narrow-to-wide --mode concurrent --follow poll
	has_no "$err" 'removed'
	run_rc 0 pg-wide-ledger unfollow
	run_rc 0 pg-wide-ledger follow --follow slot
	run_rc 78 narrow-to-wide --mode concurrent --follow slot
	is "$(sql "$count")" '1|1'
	run_rc 0 pg-wide-ledger unfollow
	sql 'DROP TABLE tenant.tbl_data_timeseries_imo9999993'
}
