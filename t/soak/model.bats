load ../helper

check() { "$root/t/model/check" "$@"; }
breaks() {
	FERRY_PAN=-O0 RUN_TIMEOUT=3600 run_rc 1 check -D "$1" "${@:3}"
	has "$out" "assertion violated ($2"
}
holds() {
	FERRY_PAN="-O2 ${pan-}" RUN_TIMEOUT=36000 run_ok check "$@"
	printf '%s\n' "$*: $(<"$out")" >&3
}

# Each a minute or two on one processor, and half a gigabyte at most.
@test "soak: the model with more changes, more troubles, and chunks that are done for long" {
	need spin
	pan=-DCOLLAPSE
	holds -D CHANGES=2 -D TROUBLES=1
	holds -D CHANGES=1 -D TROUBLES=3
	holds -D CHANGES=3 -D WORKERS=1 -D TROUBLES=0 -D AGES
	holds -D CHANGES=2 -D WORKERS=1 -D TROUBLES=1 -D AGES
	holds --ends -D CHANGES=2 -D WORKERS=1 -D TROUBLES=1 -D AGES
}

@test "soak: whatever is left out of the model breaks it" {
	need spin
	breaks NO_LIVE_FENCE 'change==' -D CHANGES=1 -D TROUBLES=1
	breaks NO_WAIT 'wide[' -D CHANGES=1 -D TROUBLES=0
	breaks NO_DOUBT 'wide[' -D CHANGES=1 -D TROUBLES=0
	breaks NO_MET 'wide[' -D CHANGES=2 -D WORKERS=1 -D TROUBLES=0
	breaks PAST_WINS 'wide[' -D CHANGES=1 -D TROUBLES=0
}
