load helper
load kill

setup() { helper_setup; }

kill_points() { [[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'; }

# disturbed PLACE:N...: every pipeline is killed there, again and again, until the run gives up;
# then the same command without that
disturbed() {
	local each

	scratch_db
	telemetry 12000
	for each; do
		run_rc 75 env KP_KILL="$each" "${migration[@]}"
		has "$err" 'was ended by SIGKILL'
		run_rc 0 "${migration[@]}"
		as_if_undisturbed
		roll_back
	done
}

@test "kill: the reader, within a chunk, between chunks and before a seal" {
	kill_points
	disturbed dump_row:1 dump_row:700 dump_chunk:1 dump_chunk:5 dump_seal:1 dump_seal:3
}

@test "kill: the loader, before, within and behind a transaction" {
	kill_points
	disturbed in_copy:1 in_copy:7 between_groups:1 before_finish:1 before_finish:3 \
		before_commit:1 before_commit:4 after_commit:1 after_commit:3
}

@test "kill: the loader, while it makes columns that nobody foresaw" {
	kill_points
	scratch_db
	telemetry 6000
	# a sample shows only a few of these channels
	sql "UPDATE tenant.tbl_data_timeseries SET data_channel_id = data_channel_id || '/'
			|| to_char(created_time, 'HH24MI') WHERE data_channel_id LIKE '%temp'"
	# columns made stay made, so a run that is killed at each of them may reach its end
	KP_KILL=widened:2 "${migration[@]}" --sample 30s >run.out 2>run.err || (($? == 75))
	has run.err 'was ended by SIGKILL'
	run_rc 0 "${migration[@]}"
	is_carried_over
	run_rc 0 narrow-to-wide --mode validate
}

@test "kill: any stage at any time, ten times" {
	scratch_db
	telemetry 30000
	kill_stages 10
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: the whole run, while its pipelines live on" {
	scratch_db
	telemetry 30000
	"${migration[@]}" >run.out 2>run.err &
	local run=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.chunk JOIN ferry.job USING (job_id)
		WHERE target_schema = 'tenant' AND state = 'done'"
	kill -KILL "$run"
	wait "$run" || :
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: the server, five times in a run; the run goes on by itself or the same command does" {
	own_cluster --option fsync=on
	telemetry 20000
	crash_server 5
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: two runs at once, with stages of both killed" {
	scratch_db
	telemetry 20000
	local one two victims i

	"${migration[@]}" >one.out 2>one.err &
	one=$!
	"${migration[@]}" >two.out 2>two.err &
	two=$!
	for ((i = 0; i < 6; i++)); do
		pause
		mapfile -t victims < <(stages "$one" && stages "$two")
		((${#victims[@]})) || continue
		kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || :
	done
	wait "$one" || :
	wait "$two" || :
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}
