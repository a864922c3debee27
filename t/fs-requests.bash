# fs-requests.bash: how often the commands of feature groups ask the service; behind fs.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# asks_no_more COUNT COMMAND OPERATION=REQUESTS...: what so many records take at the least. All
# calls for records together may be a twentieth more, and 20, as may those that write, whose lanes
# end with batches that are not full; those that read only 6, so that one reading more of 800
# records is seen. Each query of Athena takes some, however many records there are.
asks_no_more() {
	local count=$1 command=$2 bar most=0 used queries few
	shift 2

	sandbox_ask DELETE counters
	# shellcheck disable=SC2086
	run_rc 0 $command
	curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters" >counters
	for bar; do
		most=$((most + ${bar#*=}))
		used=$(jq ".${bar%=*}.requests // 0" counters)
		few=6
		[[ $bar != *Write* ]] || few=20
		((used <= ${bar#*=} * 21 / 20 + few)) || {
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
