load helper
load kill

setup() { helper_setup; }

kill_points() { [[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'; }

# killed_at PLACE:N: every pipeline of a run is killed there, again and again, until the run gives
# up or, a chunk further each time, comes to its end; $reached says whether any was
killed_at() {
	local code=0

	KP_KILL=$1 "${migration[@]}" >run.out 2>run.err || code=$?
	((code == 75 || code == 0)) || cat run.err
	((code == 75 || code == 0))
	reached=$(grep -c 'was ended by SIGKILL' run.err) || :
	if [[ $(open_chunks) == 0 ]]; then
		start_over
	fi
}

# calm: telemetry 6000, once for the file
calm() {
	filled_db telemetry 6000
	kill_settings
}

# disturbed PLACE:N,N...: at one place after the other, at one of these times that it is reached,
# each in what is left to do, or in all of it when that is less than the place needs; then the same
# command without that
disturbed() {
	local each reached
	local -a places=()

	calm
	for each; do
		# shellcheck disable=SC2046  # a word each
		by_turns 1 $(printf "${each%:*}:%s " $(tr , ' ' <<<"${each#*:}"))
		places+=("${turns[@]}")
	done
	for each in "${places[@]}"; do
		killed_at "$each"
		if ((reached == 0)); then
			killed_at "$each"
		fi
		((reached > 0))
	done
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: the reader, within a chunk, between chunks and before a seal" {
	kill_points
	by_turns 1 dump_row:1,700 dump_chunk:1,5 dump_seal:1,3
	disturbed "${turns[@]}"
}

@test "kill: the loader, before, within and behind a transaction" {
	kill_points
	by_turns 1 in_copy:1,7 between_groups:1 before_finish:1,3 before_commit:1,4
	disturbed "${turns[@]}" after_commit:1,3
}

@test "kill: the loader, while it makes columns that nobody foresaw" {
	kill_points
	calm
	# a sample shows only a few of these channels
	sql "UPDATE tenant.tbl_data_timeseries SET data_channel_id = data_channel_id || '/'
			|| to_char(created_time, 'HH24MI') WHERE data_channel_id LIKE '%temp'"
	# columns made stay made, so a run that is killed at each of them may reach its end
	KP_KILL=widened:2 "${migration[@]}" --sample 30s >run.out 2>run.err || (($? == 75))
	has run.err 'was ended by SIGKILL'
	has_no run.err Killed '  Done '
	run_rc 0 "${migration[@]}"
	is_carried_over
	run_rc 0 narrow-to-wide --mode validate
}

# t/soak/kill.bats does that 200 times
# bats test_tags=whole
@test "kill: any stage at any time" {
	calm
	trace_on
	kill_stages 2
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
	trace_holds ' plan' ' claim' ' finish'
}

@test "kill: the whole run, while its pipelines live on" {
	scratch_db
	telemetry 10000
	"${migration[@]}" >run.out 2>run.err &
	local run=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.chunk JOIN ferry.job USING (job_id)
		WHERE target_schema = 'tenant' AND state = 'done'"
	kill -KILL "$run"
	wait "$run" || :
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: whatever of a run that follows is killed, nothing of it is left" {
	scratch_db
	telemetry 2000
	for victim in door subshell; do
		rm -f live.err # what the run before has said
		MARK=$BATS_TEST_TMPDIR narrow-to-wide --mode concurrent --follow poll \
			--group-columns 15 --alert-lag 60s >live.out 2>live.err &
		local run=$!
		wait_until 30 grep -q 'all of the past is there' live.err
		# the subshell leads a group of its own
		[[ $victim == door ]] || run=$(marked "$BATS_TEST_TMPDIR" |
			xargs -n 1 ps -o pid=,pgid= -p | awk -v door="$run" \
			'$1 == $2 && $1 != door { print $1; exit }')
		kill -KILL "$run"
		wait_until 30 none_left "$BATS_TEST_TMPDIR"
		wait || :
	done
}

# t/soak/kill.bats does that 50 times
@test "kill: the server; the run goes on by itself or the same command does" {
	own_cluster --option fsync=on
	telemetry 6000
	crash_server 1
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}

@test "kill: two runs at once, with stages of both killed" {
	calm
	local one two victims each

	"${migration[@]}" >one.out 2>one.err &
	one=$!
	"${migration[@]}" >two.out 2>two.err &
	two=$!
	both_at_work() { [[ $(stages "$one") && $(stages "$two") ]] || gone "$one" || gone "$two"; }
	gone() { ! kill -0 "$1" 2>/dev/null; }
	wait_until 20 both_at_work
	for each in "$one" "$two"; do
		mapfile -t victims < <(stages "$each")
		((${#victims[@]})) || continue
		any_of "${victims[@]}"
		kill -KILL "$victim" 2>/dev/null || :
	done
	wait "$one" || :
	wait "$two" || :
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}
