load ../helper

setup() { helper_setup; }

@test "soak: what check takes by turns, all at once" {
	RUN_TIMEOUT=3600
	WHOLE=1 run_rc 0 "$root/t/run" --filter 'asks more often|manual pages of the pipelines' \
		"$root"/t/pipelines-fs-{safety,examples}.bats
	has "$out" '2 passed, 0 failed'
}
