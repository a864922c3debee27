# storm.bash: loads through everything that goes wrong with a service; loaded after helper, sandbox
# and fs. Both t/load-fs-put.bats and t/soak/features.bats use it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# as_role: credentials of a role, which end and are fetched anew, instead of keys for ever.
as_role() {
	cat >"$AWS_CONFIG_FILE" <<-'END'
		[profile loader]
		role_arn = arn:aws:iam::123456789012:role/loader
		source_profile = keys
	END
	printf '[keys]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
		"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >"$AWS_SHARED_CREDENTIALS_FILE"
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	export AWS_PROFILE=loader AWS_MAX_ATTEMPTS=20
}

# All at once, in percent: 5 throttled, 1 server errors, resets, replies lost after the write, cut
# answers, entries of batches unprocessed or failed, sessions called expired.
storm() {
	sandbox_set throttle=5 error=1 reset=1 lost=1 cut=1 unprocessed=2 entry-error=1 expired=1
}

# end_sessions WHILE_PID: every now and then all sessions end, as long as the process lives.
end_sessions() {
	while kill -0 "$1" 2>/dev/null; do
		nap 1000
		curl -sS -X POST "$AWS_ENDPOINT_URL/_sandbox/expire" >/dev/null
	done
}

# stored GROUP: how many records its offline store has, and how many identifiers and event times.
stored() {
	fs-extract-athena "$1" --method unload -c id,event_time --no-seal -O stored
	printf '%s %s\n' "$(($(wc -l <stored) - 1))" "$(sed 1d stored | LC_ALL=C sort -u | wc -l)"
}
settled() { (($(stored "$1" | cut -d ' ' -f 2) >= $2)); }

# storm_load COUNT: one load through the storm: nothing is missing, what is there twice is reported.
storm_load() {
	local pid code=0 total unique

	group storm
	records "$1" >in.csv
	as_role
	storm
	(exec fs-put storm in.csv --stats stats 2>err 3>&-) &
	pid=$!
	end_sessions "$pid"
	wait "$pid" || code=$?
	sandbox_set
	cat err
	is "$code" 0
	same_online storm in.csv
	is "$(jq -c '[.acknowledged, .unknown, .rejected]' stats)" "[$1,0,0]"
	has err 'the offline store may have them twice'
	(($(sandbox_count AssumeRole) > 3))
	wait_until 60 settled storm "$1"
	read -r total unique < <(stored storm)
	printf '%s records, %s in the offline store, %s sent again\n' "$unique" "$total" \
		"$(figure resent stats)"
	is "$unique" "$1"
	((total >= unique && total - unique <= $(figure resent stats)))
}

# storm_kills COUNT KILLS: the same, killed at any time and started again.
storm_kills() {
	local i pid code total unique killed=0

	group storm-killed
	records "$1" >in.csv
	as_role
	storm
	for ((i = 0; i < $2; i++)); do
		(exec fs-put storm-killed in.csv 2>/dev/null 3>&-) &
		pid=$!
		pause 200 $((900 + $1 / 100))
		kill -9 "$pid" 2>/dev/null || :
		code=0
		wait "$pid" 2>/dev/null || code=$?
		((code == 137)) || break # it was done: the next one would begin anew
		killed=$((killed + 1))
	done
	((killed > 0))
	run_rc 0 fs-put storm-killed in.csv --stats stats
	sandbox_set
	cat "$err"
	same_online storm-killed in.csv
	is "$(($(figure acknowledged stats) + $(figure skipped stats)))" "$1"
	((code != 137)) || has "$err" 'an earlier run of this load was cut short'
	wait_until 60 settled storm-killed "$1"
	read -r total unique < <(stored storm-killed)
	printf '%s records after %s kills, %s in the offline store\n' "$unique" "$killed" "$total"
	is "$unique" "$1"
	# what is there twice was under way at a kill, or its answer was lost; nothing else is
	((code != 137 || total - unique < $1 / 4))
	is "$(ls "$HOME/.local/state/ferry/fs-put")" ''
}
