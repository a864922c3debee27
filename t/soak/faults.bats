load ../helper
load ../filters

@test "soak: every call of every filter fails once, and no answer is untrue" {
	RUN_TIMEOUT=36000
	run_ok "$root/t/faults/attack" --library "${FERRY_BIN%/bin}/inject.so" --all
	has "$out" ' faults, 0 wrong'
}

@test "soak: every system call of every filter fails once, and no output is another" {
	sampled=0 least=300
	sweep_all
}
