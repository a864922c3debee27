load helper

# Each way in which one call of a filter can fail; some of them here (FERRY_SEED says which), all
# in the soak.
@test "faults: a call that fails ends with a true exit code, or does no harm" {
	no_sanitizer "the injector has its own malloc"
	RUN_TIMEOUT=600
	run_ok "$root/t/faults/attack" --library "${FERRY_BIN%/bin}/inject.so" --sample 8
	has "$out" "seed $FERRY_SEED: " ' faults, 0 wrong'
	(($(cut -d' ' -f3 <"$out") > 100))
}
