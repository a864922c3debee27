load helper

# The model of the protocol (t/model/ferry.pml): it is looked at in all its states, and it says what
# the code does.

check() { "$root/t/model/check" "$@"; }
# breaks MUTANT WHAT [ARGS]: the search finds it, so soon that compiling well does not pay
breaks() {
	FERRY_PAN=-O0 run_rc 1 check -D "$1" "${@:3}"
	has "$out" "assertion violated ($2"
}
holds() {
	run_ok check "$@"
	[[ $(<"$out") =~ ^[0-9]{4,}\ states$ ]]
}

setup() {
	need spin
	helper_setup
}

@test "model: all is carried over once, what came live stays, and nothing is confirmed too early" {
	# two workers, three chunks, two crashes, a change that is followed
	holds -D CHANGES=1
	holds -D CHANGES=2 -D WORKERS=1 -D TROUBLES=1
}

@test "model: no run goes on for ever, so whatever is in doubt is settled" {
	holds --ends -D CHANGES=1 -D WORKERS=1 -D TROUBLES=1
}

@test "model: it breaks without the fence, without the lease, and when acknowledged too early" {
	breaks NO_FENCE 'finished[' -D CHANGES=0 -D TROUBLES=1
	breaks NO_LEASE 'attempt[' -D CHANGES=0 -D TROUBLES=0
	breaks ACK_EARLY 'ack<=upto' -D CHANGES=1 -D TROUBLES=0
	# and tells how it comes to that
	grep -qE '^ *[0-9]+  loader .* code: ledger_follow_advance' "$out"
}

@test "model: the functions that it names are in the source" {
	grep -oE 'code: [a-z_ ]+' "$root/t/model/ferry.pml" | cut -d ' ' -f 2- | xargs -n 1 |
		sort -u >named
	# a definition begins in the first column
	find "$root/src" "$root/pipelines/lib" -name '*.[cb]*' -type f -exec cat {} + |
		sed -nE 's/^([A-Za-z].*[ *])?([a-z_]+)\(.*/\2/p' | sort -u >defined
	comm -23 named defined >missing
	is "$(<missing)" ''
	(($(wc -l <named) > 40))
}
