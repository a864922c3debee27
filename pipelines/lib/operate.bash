# operate.bash: what stands beside the work of narrow-to-wide: progress, alerts, comparisons.
# shellcheck shell=bash disable=SC2154  # variables of narrow-to-wide

# beside COMMAND...: runs it in the background until the script ends. Where it was killed, or lost
# its server, it is started again.
beside() {
	keep_beside "$@" &
	defer end_beside "$!"
}

keep_beside() {
	local child='' stopping='' code

	trap 'stopping=1; [[ ! $child ]] || kill -TERM "$child" 2>/dev/null || :' TERM
	trap '' INT
	while [[ ! $stopping ]] && kill -0 $$ 2>/dev/null; do
		code=0
		"$@" &
		child=$!
		# it may have begun just when we were told to end
		[[ ! $stopping ]] || kill -TERM "$child" 2>/dev/null || :
		join "$child" || code=$?
		((code == EX_TEMP || code > 128)) || return "$code"
		[[ ! $stopping ]] || break
		sleep 2 &
		child=$!
		join "$child" || :
	done
}

# What was written in the last moment is still told; but nobody waits for it for ever.
end_beside() {
	local -i looks

	kill -TERM "$1" 2>/dev/null || return 0
	for ((looks = 0; looks < 310; looks++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep "$((looks < 10 ? 1 : 10))e-2"
	done
	kill -KILL "$1" 2>/dev/null || :
}

show_progress() {
	[[ ! $quiet ]] || return 0
	beside pg-wide-ledger progress --job "$job_id" --while $$ "${ships[@]}"
}

# rows_of OPTION TEXT [LEAST]: a number of rows, such as 5000, 200k or 1M
rows_of() {
	if ! [[ $2 =~ ^([0-9]{1,9})([kM]?)$ ]] || ((10#${BASH_REMATCH[1]} < ${3-0})); then
		misused "$(fill $"--%s: not like 5000, 200k or 1M: %s" "$1" "$2")"
	fi
	case ${BASH_REMATCH[2]} in
	k) printf '%s000' "${BASH_REMATCH[1]}" ;;
	M) printf '%s000000' "${BASH_REMATCH[1]}" ;;
	*) printf '%s' "${BASH_REMATCH[1]}" ;;
	esac
}

# control: hands what is asked for to the ledger, where every worker looks; prints all that is.
control() {
	local each value
	local -a args=()

	((${#ships[@]} == 0)) || misused $"control is of the whole job, not of --ship-id"
	for each in "${sets[@]}"; do
		value=${each#*=}
		case $each in
		rate=*) value=$(rows_of 'set rate' "$value") ;;
		workers=* | pace=* | paused=*) ;;
		*)
			misused "$(fill $"--set: not workers=, pace=, rate= or paused=: %s" \
				"$each")"
			;;
		esac
		args+=("--${each%%=*}=$value")
	done
	pg-wide-ledger control "${loud[@]}" "${narrow[@]}" "${target[@]}" "${args[@]}"
}

# The first word of --alert-command is a program; no shell will read it.
check_alert() {
	local -a words

	read -ra words <<<"$1"
	command -v -- "${words[0]:-/}" >/dev/null ||
		fail "$EX_CONFIG" "$(fill $"--alert-command: no such program: %s" "${words[0]-}")" \
			$"a program and its arguments, divided by blanks; no shell reads it"
	alert+=("--alert-command=$1")
}

# begin_hooks: those of the run itself, and what is told of events goes by way of ferry-alert
begin_hooks() {
	if [[ ${FERRY_ALERTS-}${FERRY_HOOK_DIR-} && $mode != rollback ]]; then
		[[ " ${alert[*]-}" != *' --alert-command='* ]] ||
			misused $"--alert-command does not go with --alert or --hook-dir"
		check_hook_times
		PATH=$PATH:$FERRY_LIB/lib
		alert+=(--alert-command=ferry-alert --alert-recovery)
	fi
	[[ ${FERRY_HOOK_DIR-} && $mode != watch ]] || return 0
	defer end_hooks "$EPOCHSECONDS"
	hook start "mode=$mode" &
}

# count_rejected: facts for a hook, when rows could not be carried over: how many, and why the first
count_rejected() {
	local n why

	n=$(pg-wide-ledger status -f json --job "$job_id" 2>/dev/null |
		sed -n '1s/.*"repeated":[0-9]*,"rejects":\([0-9]*\),.*/\1/p')
	((${n:-0} > 0)) || return 0
	why=$(pg-wide-ledger failed -f json --job "$job_id" 2>/dev/null |
		sed -n '/"state":"rejected"/ {
			s/.*"error":"\(.*\)"}.*/\1/; s/\\\(["\\]\)/\1/g; p; q }')
	rejected=("rejected=$n" "reason=$why")
}

# say_rejected: at the good end of a migration; where all rows were rejected it is none.
say_rejected() {
	local cells
	local -a rejected=()

	count_rejected
	((${#rejected[@]})) || return 0
	cells=$(pg-wide-ledger status -f json --job "$job_id" "${ships[@]}" |
		sed -n '1s/.*"cells":\([0-9]*\),"repeated":.*/\1/p')
	[[ $cells != 0 ]] || fail "$EX_DATA" \
		"$(fill $"no row could be carried over: %s, such as: %s" "${rejected[0]#*=}" \
			"${rejected[1]#*=}")" \
		$"--mode failed lists them"
	warn "$(fill $"%s rows could not be carried over, such as: %s; --mode failed lists them" \
		"${rejected[0]#*=}" "${rejected[1]#*=}")"
}

# end_hooks BEGAN: how it went; a signal that ends bash leaves the code of the command before
end_hooks() {
	local name=failed code=$ferry_code
	local -a rejected=()

	if ((code == 0)) && [[ $ferry_ended ]]; then
		name=finished
		[[ $mode != rollback ]] || name=rollback
	elif ((code == 0)); then
		code=143
	fi
	[[ ! ${job_id-} ]] || count_rejected
	hook "$name" "mode=$mode" "job=${job_id-}" "exit=$code" \
		"seconds=$((EPOCHSECONDS - $1))" "${rejected[@]}"
}

# watch: what could not even be looked at is told, too; by cron nobody else would
watch() {
	local code=0 each text

	pg-wide-ledger watch "${loud[@]}" "${narrow[@]}" "${target[@]}" "${alert[@]}" "${lag[@]}" \
		"${once[@]}" || code=$?
	text="the watch cannot look at the job: exit code $code"
	((code == 0 || code == EX_USAGE)) || for each in "${alert[@]}"; do
		[[ $each == --alert-command=* ]] || continue
		[[ $each == --alert-command=ferry-alert ]] ||
			export FERRY_ALERTS=CRITICAL=${each#*=}
		FERRY_ALERT_LEVEL=CRITICAL FERRY_ALERT_AT=$(date -u '+%F %T') \
			FERRY_ALERT_MESSAGE=$text "$FERRY_LIB/lib/ferry-alert" \
			<<<"CRITICAL: ferry: $text" || :
	done
	return "$code"
}

# start_watch: with a follower there is always something to look at.
start_watch() {
	[[ ${alert[*]-} || ${how-} ]] || return 0
	beside pg-wide-ledger watch --quiet --job "$job_id" --while $$ "${alert[@]}" "${lag[@]}"
}

# reconcile: repairs beside the follower. Who polls may miss late rows, so chunks are compared again
# and again; with a slot there is only what is in doubt, unless a cell may have several rows.
reconcile() {
	local -a often=(--every=60s)

	[[ $how != slot ]] || often=(--every=10s --doubt)
	exec pg-wide-validate "${loud[@]}" --job "$job_id" --repair "${often[@]}" \
		"${narrow[@]}" "${target[@]}" "${ships[@]}" >/dev/null
}
