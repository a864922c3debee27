# live.bash: migrations of a table that is written to all the time, by t/feed. Source and target are
# two servers, so that each can fail on its own; plain `sql` asks the target.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of the helper, the oracle and the test

load "${BATS_TEST_DIRNAME%/soak}/oracle"
load "${BATS_TEST_DIRNAME%/soak}/kill"

cutoff=2100-01-01
server_options=(--option fsync=off --option shared_buffers=64MB --option wal_level=logical
	--option max_connections=150)

# two_servers [--option NAME=VALUE]...: the options are the source's
two_servers() {
	own_cluster "${server_options[@]}" "$@"
	source_cluster=$cluster
	export FERRY_SOURCE="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	own_cluster "${server_options[@]}"
	target_cluster=$cluster
	export FERRY_TARGET="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	export FERRY_RETRY_PAUSE=50 FERRY_STATE=$BATS_TEST_TMPDIR/state
}

# at_source COMMAND...: with PG* for the source
at_source() {
	env PGHOST="$source_cluster/home/socket" "$@"
}
source_sql() { at_source psql -XAtq -v ON_ERROR_STOP=1 -d "$FERRY_SOURCE" -c "$1"; }

# feed OPTION...: in the background; feed_ends waits for its last set
feed() {
	local begun
	begun=$(source_sql 'SELECT clock_timestamp()')
	# exec: so that a signal reaches the feed, and none is left behind
	(exec env PGHOST="$source_cluster/home/socket" "$root/t/feed" "$@" >>feed.out 2>&1) &
	feed=$!
	# at work, not only begun: a new run is made last
	wait_until 20 source_sql "SELECT 1 / (count(*) > 0)::int FROM feed.run
		WHERE started > '$begun' AND EXISTS (SELECT FROM feed.place)"
}
feed_ends() {
	wait "$feed"
	feed=''
}

# live OPTION...: narrow-to-wide in the background; its messages are in ./run.err
live() {
	: >run.err
	live_command=(narrow-to-wide "$@")
	"${live_command[@]}" >>run.out 2>>run.err &
	run=$!
}
gone() { ! kill -0 "$1" 2>/dev/null; }
# follows: the past is there, and the slot is read; who is told to end before has not followed
follows() {
	wait_until 60 grep -q 'all of the past is there' run.err
	wait_until 30 source_sql 'SELECT 1 / count(*) FROM pg_replication_slots WHERE active'
}
live_ends() {
	local code=0
	kill -TERM "$run"
	wait_until 120 gone "$run"
	wait "$run" || code=$?
	run=''
	is "$code" 0 'the exit code after SIGTERM' || {
		tail -n 20 run.err
		return 1
	}
}

# What a test leaves behind when it fails.
live_teardown() {
	local each

	for each in ${run-} ${feed-} ${others-}; do
		kill -TERM "$each" 2>/dev/null || :
		wait "$each" || :
	done
	if [[ -f run.err && ! ${BATS_TEST_COMPLETED-} ]]; then
		printf -- '--- the end of run.err\n'
		tail -n 20 run.err | cut -c 1-300
	fi
}

# A source that is silent says how far it is only now and then, so a last row is the goal: the place
# in the WAL, and the time, are those of its open transaction.
set_goal() {
	source_sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'LAST', 'row', max(created_time) + interval '1 s', 1, 'Integer'
		FROM tenant.tbl_data_timeseries;
		SELECT clock_timestamp() AT TIME ZONE 'UTC', pg_current_wal_insert_lsn()" >goal || {
		rm goal
		return 1
	}
}

# caught_up: everything the source had committed when this was first asked is in the target, and
# nothing of the past is left.
caught_up() {
	[[ -s goal ]] || set_goal
	[[ ! ${operator-} ]] || kill -0 "$run" 2>/dev/null || live "${live_command[@]:1}"
	[[ $(sql "SELECT (SELECT bool_and(state = 'done') FROM ferry.chunk)
		AND CASE kind WHEN 'poll'
			THEN newest_commit > split_part('$(<goal)', '|', 1)::timestamp
			ELSE upto::pg_lsn >= split_part('$(<goal)', '|', 2)::pg_lsn END
		FROM ferry.follower") == t ]]
}

# drained: the feed has ended and the rest is carried over
drained() {
	rm -f goal
	wait_until 60 caught_up
}

# settled HOW: the feed has ended, the rest is carried over, and all has come to its end. Polling
# leaves rows that came late into the room of others to a comparison.
settled() {
	drained
	live_ends
	# once more: what came meanwhile gets chunks, which validate goes by
	live "${live_command[@]:1}"
	drained
	live_ends
	[[ $1 == slot ]] || run_rc 0 narrow-to-wide --mode validate --repair
}

# same_as_source: what plain SQL makes of the narrow table, which is brought beside the wide ones
same_as_source() {
	sql "DROP TABLE IF EXISTS tenant.tbl_data_timeseries;
		CREATE TABLE tenant.tbl_data_timeseries (
		id bigint, ship_id text, data_channel_id text, created_time timestamp,
		server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
		double_v double precision, value_format varchar(50))"
	source_sql 'COPY tenant.tbl_data_timeseries TO STDOUT' |
		sql 'COPY tenant.tbl_data_timeseries FROM STDIN'
	is_carried_over
	sql 'DROP TABLE tenant.tbl_data_timeseries'
}

# ---- what goes wrong ---------------------------------------------------------------------------

# restart DIR OPTION...: a server stops at once, as by a crash, and is back after a pause
crash() {
	"$root/pipelines/lib/cluster" stop "$1" --immediate
	pause 0 300
	"$root/pipelines/lib/cluster" start "$1" "${server_options[@]}"
}

# terminate WHERE: one session of that server that is neither ours nor the feed's
terminate() {
	random 1000
	local query="SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
		WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
			AND query NOT LIKE 'CALL feed.%'
			ORDER BY hashint4(pid + $random) LIMIT 1) AS one"
	if [[ $1 == source ]]; then source_sql "$query"; else sql "$query"; fi
}

# kill_some COUNT: of what `live` runs, at random: a stage, a session, a server. What ends is
# started again, as an operator would.
kill_some() {
	local -i killed=0
	local victims

	operator=1
	while ((killed < $1)); do
		pause 200 800
		kill -0 "$run" 2>/dev/null || live "${live_command[@]:1}"
		random 20
		case $random in
		0) crash "$source_cluster" && killed+=1 ;;
		1) crash "$target_cluster" && killed+=1 ;;
		[2-3]) [[ $(terminate source 2>/dev/null) != 1 ]] || killed+=1 ;;
		[4-5]) [[ $(terminate target 2>/dev/null) != 1 ]] || killed+=1 ;;
		*)
			mapfile -t victims < <(stages "$run")
			((${#victims[@]})) || continue
			any_of "${victims[@]}"
			! kill -KILL "$victim" 2>/dev/null || killed+=1
			;;
		esac
	done
	printf '# %s kills\n' "$killed" >&3
}
