load ../helper
load ../kill

setup() { helper_setup; }

@test "soak: stages killed at any time, 200 times" {
	RUN_TIMEOUT=600
	scratch_db
	telemetry 100000
	trace_on
	kill_stages 200
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
	trace_holds ' take over' ' finish'
}

@test "soak: the server crashes 50 times" {
	RUN_TIMEOUT=600
	own_cluster --option fsync=on
	telemetry 100000
	crash_server 50
	run_rc 0 "${migration[@]}"
	as_if_undisturbed
}
