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
	by_turns 1 '-D CHANGES=1' '-D CHANGES=2 -D WORKERS=1 -D TROUBLES=1'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086  # words
		holds $each
	done
}

# bats test_tags=whole
@test "model: no run goes on for ever, so whatever is in doubt is settled" {
	holds --ends -D CHANGES=1 -D WORKERS=1 -D TROUBLES=1
}

@test "model: it breaks without the fence, without the lease, and when acknowledged too early" {
	by_turns 1 NO_FENCE:finished:1 NO_LEASE:attempt:0
	for each in "${turns[@]}"; do
		IFS=: read -r mutant what troubles <<<"$each"
		breaks "$mutant" "${what}[" -D CHANGES=0 -D "TROUBLES=$troubles"
	done
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

# step OLD NEW [MORE]: of one chunk, as `trace on` notes it
step() {
	jq -nc --argjson old "$1" --argjson new "$2" --argjson more "${3:-"{}"}" '
		def chunk: if . then {job_id: 1, ship: "A", chunk_from: "2024-01-01", attempt: 1,
			worker: "w:1:1", lease_until: "2024-01-01T00:01", chunk_to: "2024-01-02",
			finished_at: null, digest: null} + . else null end;
		{what: "chunk", op: (if $old then "UPDATE" else "INSERT" end), alive: null,
			at: "2024-01-01T00:00", old: ($old | chunk), new: ($new | chunk)} + $more'
}

@test "model: a trace with a step that it does not have is found" {
	local done='{"state": "done", "lease_until": null, "finished_at": "2024-01-01"}'
	local new='{"state": "pending", "attempt": 0, "worker": null, "lease_until": null}'
	local other='{"state": "running", "attempt": 2, "worker": "w:2:2"}'
	local running='{"state": "running"}' back='{"state": "pending", "worker": null}'

	{
		step null "$new"
		step "$new" "$running"
		step "$running" "$back" | jq -c '.new += {attempt: 101, lease_until: null}'
		step "$back" "$running" | jq -c '.old.attempt = 0'
		step "$running" "$other" '{"alive": false}'
		step "$other" "${other/running/done}" | jq -c '.new += {lease_until: null,
			finished_at: "2024-01-01"}'
	} >good
	run_ok "$root/t/model/trace" check <good
	is "$(<"$out")" '6 steps, 0 wrong: 2 claim, 1 finish, 1 give back, 1 plan, 1 take over'
	{
		step "$running" "$other" '{"alive": true}' # he lives, and so does his lease
		step "$new" "$done"                        # nobody had claimed it
		step "$running" "$done" | jq -c '.new.attempt = 2'
		step "$running" "$back" | jq -c '.new.attempt = 2'
		step null "$running"
		step "$done" "$new"
		cat good
		tail -n 1 good # twice
		jq -nc '{what: "doubt", op: "DELETE", old: {id: 1}, new: null, open: 1}'
	} >bad
	run_rc 1 "$root/t/model/trace" check <bad
	grep '^not in the model' "$out" | cut -c 1-40 >found
	is "$(wc -l <found)" 8
	is "$(tail -n 1 found)" 'not in the model (DELETE): doubt 1'
}
