load ../helper
load ../mutants

@test "soak: every flipped bit of a stream, through every filter" {
	MUTATE=all RUN_TIMEOUT=3600 run_ok "$FERRY_BIN/../unit/mutate"
	has_no "$out" 'not ok'
}

@test "soak: every prefix and flipped bit of a sealed stream, into the database" {
	MUTATE=all mutants_of_csv
	MUTATE=all mutants_of_ndjson
	prefixes_of_wide 1 1
}
