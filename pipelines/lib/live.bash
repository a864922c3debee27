# live.bash: the modes of narrow-to-wide in which new rows keep arriving. One process follows the
# source; what was there before is carried over by workers at the same time:
#
#	pg-narrow-dump --follow slot|poll --job N | pivot-wide | pg-copy-load --wide
#	pg-narrow-dump --job N | pivot-wide | pg-copy-load --wide    (each worker)
#
# The follower is set up before the past is planned, so that each row is either there to be planned
# or still to come. Everything that is known is in the ledger: whatever ends is started again, and
# goes on where the target has come to.
# shellcheck shell=bash disable=SC2034,SC2154  # variables of narrow-to-wide

# The stages behind the follower leave SIGTERM to it: they end when it has sealed its last chunk.
live_pipeline() (
	answer_for
	trap : INT TERM
	export FERRY_WORKER=$BASHPID
	pg-narrow-dump "${loud[@]}" --job "$job_id" --follow "$how" --standby "${past[@]}" \
		"${interval[@]}" --seal --progress none "${narrow[@]}" "${ships[@]}" \
		"${new_ship[@]}" "${rejects[@]}" "${ack[@]}" "${lag[@]}" |
		(trap '' INT TERM && exec pivot-wide "${loud[@]}" "${wide_format[@]}" --seal \
			--progress none) |
		(trap '' INT TERM && exec pg-copy-load "${loud[@]}" --wide --keep-rejects \
			--progress none "${target[@]}" "${ack[@]}" "${load[@]}") ||
		pipe_failed pg-narrow-dump pivot-wide pg-copy-load -- "${PIPESTATUS[@]}"
)

# try_again COUNT CODE COMMAND: after so many short runs, is the next one worth it? Bad data may be
# one chunk's, which the ledger gives up after a few times; what waits for a server waits for ever.
try_again() {
	[[ $2 != "$EX_DATA" || $3 != kafka_pipeline ]] || return 1 # a topic is no chunk
	(($2 == EX_TEMP || $2 == EX_STREAM || $2 == EX_IO || $2 == EX_REFUSED ||
		($2 == EX_DATA && $1 <= max_tries)))
}

# given_up WHAT: the follower goes on without it.
given_up() {
	case $1 in
	backfill) warn $"the past is not carried over from here: the same command again goes on" ;;
	reconcile) warn $"what is in doubt is not compared from here: validate --repair does" ;;
	esac
}

# keep_on COMMAND...: runs it again and again, until it succeeds, cannot succeed, or is to stop.
keep_on() {
	local stopping='' first=${FERRY_RETRY_PAUSE:-500} pause began now code short=0 wait
	pause=$first

	trap 'stopping=1' INT TERM
	while :; do
		uptime
		began=$now code=0
		(
			answer_for
			trap : INT TERM # what it runs ends by itself, and is waited for
			"$@"
		) &
		join "$!" || code=$?
		[[ ! $stopping || ($code == 143 && $short == 0) ]] || return 0
		[[ ! $stopping ]] || return "$code"
		((code != 0)) || return 0
		uptime
		if ((now - began >= 60000)); then
			short=0 pause=$first
		fi
		try_again $((++short)) "$code" "$1" || {
			given_up "$1"
			return "$code"
		}
		wait=$((pause / 2 + RANDOM % pause))
		tell "$(fill $"to be run again in %s ms" "$wait")"
		nap "$wait" &
		wait "$!" || :
		[[ ! $stopping ]] || return 0
		pause=$((pause * 2 > first * 8 ? first * 8 : pause * 2))
	done
}

# Chunks until none is left for anybody; those that failed for good are said and left out, and must
# not keep the workers from the rest, however many they are.
backfill() {
	local code=0

	work || code=$?
	if ((code == EX_DATA)); then
		warn $"some chunks failed and were left out: --retry-failed tries them again"
		code=0
	elif ((code == 0)); then
		[[ ! $worked ]] ||
			pg-wide-tables analyze "${target[@]}" "${ships[@]}" "${new_ship[@]}" || :
		tell $"all of the past is there; following what is new"
		hook caught-up "mode=$mode" "job=$job_id" &
	fi
	return "$code"
}

# live_processes PIPELINE: it, the workers and the comparisons beside it; all of them end when the
# follower does.
# They are told by SIGTERM alone: what bash starts in the background ignores SIGINT.
live_processes() {
	local follower each stopping='' code=0
	local -a others=()

	trap 'stopping=1' TERM
	trap 'kill -TERM 0' INT
	keep_on "$1" &
	follower=$!
	if ((workers > 0)); then
		keep_on backfill &
		others+=("$!")
	fi
	if [[ $1 == live_pipeline ]]; then
		keep_on reconcile &
		others+=("$!")
	fi
	join "$follower" || code=$?
	# as it says itself, where its code is known; 143: it was not yet there to be told
	[[ ! $stopping || $code == 143 ]] || code=0
	kill -TERM 0
	for each in "${others[@]}"; do
		join "$each" || :
	done
	return "$code"
}

# set_up_follower: $job_id and $how. From here on nothing is lost; what was before is planned.
set_up_follower() {
	local answer

	answer=$(retry75 "$max_tries" pg-wide-ledger follow "${loud[@]}" "${narrow[@]}" \
		"${target[@]}" "${plan[@]}" "${follow[@]}" "${ships[@]}" "${new_ship[@]}")
	job_id=${answer% *} how=${answer#* }
	retry75 "$max_tries" pg-wide-ledger plan "${loud[@]}" --live "${narrow[@]}" \
		"${target[@]}" "${plan[@]}" "${ships[@]}" "${new_ship[@]}" \
		${rate:+"--rate=$rate"} >/dev/null
}

# What the source wrote between a finished migration and now is planned; but without its end
# nobody knows what the user has carried over, and what not.
need_history() {
	local code=0 said no_end=$"job %llu has no cutoff yet"

	[[ " ${plan[*]}" != *' --since='* ]] || return 0
	said=$(pg-wide-ledger cutoff "${narrow[@]}" "${target[@]}" 2>&1 >/dev/null) || code=$?
	# a server that is not there yet tells nothing of what it has, nor does a ledger too new
	# what is said is in the user's language
	((code == 0)) || [[ $said != *$"no job in the ledger"* && \
		$said != *${no_end/\%llu/*}* ]] ||
		fail "$EX_CONFIG" $"realtime goes on where a migration ended, and there was none" \
			$"--mode migration-only --cutoff-time TIME first, or say --since TIME"
	((code == 0)) || relay <<<"$said"
	return "$code"
}

# undo_set_up: of a run that was refused before it followed: what it has made at the source would
# keep WAL for nobody.
undo_set_up() {
	local said=''

	[[ $setting_up && $how != poll ]] || return 0
	((ferry_code >= EX_USAGE && ferry_code <= EX_CONFIG && ferry_code != EX_TEMP)) || return 0
	# nothing may have been made yet, or another command have gone on from there
	said=$({ ask_who_follows && [[ ! $said ]] && ask_follower; } 2>"$run/err" &&
		printf '%s' "$said") || said=''
	if [[ ! $said ]]; then
		:
	elif pg-wide-ledger unfollow --quiet "${narrow[@]}" "${target[@]}" 2>"$run/err"; then
		tell $"slot and publication that this run has made are removed again"
	else
		relay <"$run/err"
		warn $"a slot may be left, and keeps WAL: pg-wide-ledger unfollow removes it"
	fi
	rm -f -- "$run/err"
}

# follow_source: all live modes. Told to end while it follows it ends well; before that it dies of
# the signal, as any command that has not done what was asked.
follow_source() {
	local code=0 said=''

	# what an earlier run has made is for whoever goes on from there
	ask_follower && [[ $said ]] || setting_up=1
	defer undo_set_up
	set_up_follower
	prepare_tables
	[[ ! $retry_failed ]] || pg-wide-ledger retry "${loud[@]}" --job "$job_id" "${ships[@]}" \
		"${new_ship[@]}"
	if [[ $how == slot ]]; then
		ack=(--ack "$run/ack")
		defer rm -f "$run/ack"
	else
		load=(--live) # a look may bring more than can wait for the seal, which says so
	fi
	setting_up=''
	show_progress
	start_watch
	tell "$(fill $"following by %s; SIGTERM ends it" "$how")"
	attend live_processes live_pipeline || code=$?
	while ((code == EX_NOINPUT)); do
		# the slot was lost: another one is made, and what it does not tell of is planned;
		# unless it went with the job
		code=0
		pg-wide-ledger status --quiet --job "$job_id" >/dev/null || code=$?
		((code != EX_CONFIG)) || fail "$EX_CONFIG" $"the job was rolled back"
		code=0
		nap "${FERRY_RETRY_PAUSE:-500}" # two that do so take the slot away from each other
		set_up_follower
		attend live_processes live_pipeline || code=$?
	done
	if ((code == EX_TEMP)); then
		fail "$EX_TEMP" $"not finished" $"the same command again goes on from here"
	fi
	return "$code"
}

realtime() {
	need_history
	follow_source
}

# Chunks as long as their reading takes a while, and less of them while the source is busy.
hybrid() {
	pace=(--pace=30s "${interval[@]}")
	follow_source
}

# Messages that cannot be read must not keep the others waiting: they are kept for a person.
kafka_pipeline() (
	answer_for
	trap : INT TERM
	kafka-dump "${loud[@]}" --group ferry "${kafka[@]}" "${topics[@]}" "${interval[@]}" \
		-o ndjson --progress none --rejects "$poison" --rejects-append "${rejects[@]}" |
		(trap '' INT TERM && exec pivot-wide "${loud[@]}" --seal --progress none) |
		(trap '' INT TERM && exec pg-copy-load "${loud[@]}" --wide --progress none \
			"${target[@]}") ||
		pipe_failed kafka-dump pivot-wide pg-copy-load -- "${PIPESTATUS[@]}"
)

# What is known of topics is how far they are in the target: no job, no past, nothing to compare.
from_kafka() {
	local code=0

	((${#topics[@]} > 0)) || misused $"--from-kafka needs --topic"
	need_package kafka-dump ferry-kafka
	workers=0
	poison=$(state_folder)/kafka-rejects.ndjson
	tell "$(fill $"reading topics, bad messages into %s; SIGTERM ends it" "$poison")"
	attend live_processes kafka_pipeline || code=$?
	((code != EX_TEMP)) ||
		fail "$EX_TEMP" $"not finished" $"the same command again goes on from here"
	return "$code"
}

# Everything through one pipeline: the past first.
streaming() {
	if ((${#kafka[@]} > 0)); then
		from_kafka
		return
	fi
	past=(--past)
	workers=0
	follow_source
}
