load ../helper

setup() { helper_setup; }

@test "soak: what check takes by turns, all at once" {
	RUN_TIMEOUT=3600
	WHOLE=1 run_rc 0 "$root/t/run" --filter \
		'asks more often|manual pages of the pipelines|put into the past, behind' \
		"$root"/t/pipelines-fs-{safety,examples,scenarios}.bats
	has "$out" '3 passed, 0 failed'
}
