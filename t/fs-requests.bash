# fs-requests.bash: how often the commands of feature groups ask the service; behind fs.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# asks_no_more COUNT COMMAND OPERATION=REQUESTS...: what so many records may take. All calls for
# records together may be a twentieth more, and 20; and each query of Athena takes some, however
# many records there are.
asks_no_more() {
	local count=$1 command=$2 bar most=0 used queries
	shift 2

	sandbox_ask DELETE counters
	# shellcheck disable=SC2086
	run_rc 0 $command
	curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters" >counters
	for bar; do
		most=$((most + ${bar#*=}))
		used=$(jq ".${bar%=*}.requests // 0" counters)
		((used <= ${bar#*=} * 21 / 20 + 20)) || {
			printf '%s: %s requests, not %s\n' "$command" "$used" "$bar"
			[[ ${ASKED-} ]] || return 1
		}
	done
	used=$(jq '[to_entries[] | select(.key | test("Record")) | .value.requests] | add // 0' \
		counters)
	queries=$(jq '.StartQueryExecution.requests // 0' counters)
	printf '%-60s %5s %5s of %-5s %s\n' "$command" "$count" "$used" "$most" "$queries" >>asked
	((used <= most * 21 / 20 + 20 && queries <= 12)) || {
		printf '%s: %s requests, not %s; %s queries\n' "$command" "$used" "$most" "$queries"
		cat counters
		[[ ${ASKED-} ]] || return 1
	}
}
