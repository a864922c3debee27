load helper
load mutants

@test "loader: prefixes and flipped bits of a sealed CSV commit nothing wrong" {
	MUTATE=8 mutants_of_csv
}

@test "loader: prefixes and flipped bits of a sealed NDJSON commit nothing wrong" {
	MUTATE=8 mutants_of_ndjson
}

@test "loader: prefixes of a wide stream of two chunks commit whole chunks only" {
	random 30
	prefixes_of_wide $((1 + random)) 30
}
