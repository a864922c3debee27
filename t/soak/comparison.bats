load ../helper

@test "comparison: fifteen tasks have the answers that other tools give" {
	scratch_db
	# what is measured is another thing: see t/bench/run
	ROWS=2000 run_rc 0 "$root/t/bench/tasks" --check
	is "$(grep -c '^ferry .* same$' "$out")" 15
	grep -q '^psql .* same$' "$out"
	has_no "$out" differs failed
}
