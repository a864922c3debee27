# operate.bash: what stands beside the work of narrow-to-wide: progress, alerts, comparisons.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

show_progress() {
	[[ ! $quiet ]] || return 0
	pg-wide-ledger progress --job "$job_id" --while $$ "${ships[@]}" &
	progress=$!
	defer stop_progress
}

# It may have ended by itself.
stop_progress() { kill "$progress" 2>/dev/null || :; }

# The first word of --alert-command is a program; no shell will read it.
check_alert() {
	local -a words

	read -ra words <<<"$1"
	command -v -- "${words[0]:-/}" >/dev/null ||
		fail "$EX_CONFIG" "--alert-command: no such program: ${words[0]-}" \
			'a program and its arguments, divided by blanks; no shell reads it'
	alert+=("--alert-command=$1")
}

# watch_job: until it is told to end. Lost servers come back.
watch_job() {
	local watch='' code

	trap '[[ ! $watch ]] || kill -TERM "$watch" 2>/dev/null || :' TERM
	trap '' INT
	while kill -0 $$ 2>/dev/null; do
		code=0
		pg-wide-ledger watch --quiet --job "$job_id" --while $$ "${alert[@]}" &
		watch=$!
		join "$watch" || code=$?
		((code == EX_TEMP)) || return "$code"
		sleep 2
	done
}

# start_watch: with a follower there is always something to look at.
start_watch() {
	[[ ${alert[*]-} || ${how-} ]] || return 0
	watch_job &
	watcher=$!
	defer stop_watch
}

# What was written in the last moment is still told.
stop_watch() {
	kill -TERM "$watcher" 2>/dev/null || :
	wait "$watcher" 2>/dev/null || :
}

# reconcile: repairs beside the follower. Who polls may miss late rows, so chunks are compared again
# and again; with a slot there is only what is in doubt.
reconcile() {
	local -a often=(--every=60s)

	[[ $how != slot ]] || often=(--every=10s --doubt)
	exec pg-wide-validate "${loud[@]}" --job "$job_id" --repair "${often[@]}" \
		"${narrow[@]}" "${target[@]}" "${ships[@]}" >/dev/null
}
