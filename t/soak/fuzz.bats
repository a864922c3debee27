load ../helper

# SECS: all targets together; an hour for each unless said otherwise, but no more than the limit of
# a file.
@test "soak: hours of libFuzzer find nothing" {
	local targets most=32400

	need clang
	targets=$(find "$root/t/fuzz/seeds" -type f | wc -l)
	: "${SECS:=$((targets * 3600 / $(nproc)))}"
	((SECS < most)) || SECS=$most
	RUN_TIMEOUT=36000 run_rc 0 make -C "$root" fuzz SECS="$SECS"
	is "$(grep -c ' inputs in ' "$out")" "$targets"
	sed "s/^/# /" "$out" >&3
}
