load ../helper

setup() { helper_setup; }

# What check takes by turns is in the test's own file: those are run here.
@test "soak: what check leaves out or takes by turns, all at once" {
	local -a files

	mapfile -t files < <(grep -lE '^[^#]*(by_turns|WHOLE)|^# bats test_tags=whole' \
		"$root"/t/*.bats)
	((${#files[@]} > 3))
	WHOLE=1 RUN_TIMEOUT=7200 run_rc 0 "$root/t/run" "${files[@]}"
	has "$out" ' 0 failed'
}
