# fs-kill.bash: a migration of feature groups that is killed, in a phase that is held for it. Both
# t/pipelines-fs-safety.bats and t/soak/features.bats use it, behind fs.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# What each phase asks the service for, and the programs at work then.
declare -gA asks=([plan]=GetQueryExecution [clear]=DeleteRecord [put]=BatchWriteRecord
	[verify]=BatchGetRecord)
declare -gA works=([plan]='fs-plan' [clear]='fs-put' [put]='fs-extract-athe fs-put'
	[verify]='fs-verify')
kill_ways=(door:KILL door:TERM door:HUP group:KILL group:TERM terminal:HUP)

migration=(fs migrate kill-from kill-to --yes --no-progress --clear-target --max-workers 2)

# asked OPERATION: one such request has been carried out, and its answer is held back.
asked() { (($(sandbox_count "$1") > 0)); }

# named NAME: processes of the run that have this name
named() {
	marked "$MARK" | xargs -r ps -o pid=,comm= -p |
		awk -v name="$1" '$2 == name { print $1 }'
}

# killed PHASE WAY HOLD: begins the migration; once it is in that phase, where each answer is held
# back for so many milliseconds, ends it in that way (kill_ways, or stage:NAME); and waits until
# nothing of it is left.
killed() {
	local phase=$1 victim=${2%%:*} how=${2#*:} hold=$3 held=$1 door
	local -a stages
	local MARK=$BATS_TEST_TMPDIR/run.$RANDOM

	# verification asks for what other phases ask for, too
	[[ $phase != verify ]] || held=put hold=700
	sandbox_set "latency=$hold" "only=${asks[$held]}"
	sandbox_ask DELETE counters
	if [[ $victim == terminal ]]; then
		MARK=$MARK script -qec "$(printf '%q ' "${migration[@]}")" /dev/null </dev/null \
			>>kill.out 2>&1 &
	else
		MARK=$MARK setsid "${migration[@]}" </dev/null >>kill.out 2>>kill.err &
	fi
	door=$!
	wait_until 3 asked "${asks[$held]}"
	if [[ $phase == verify ]]; then
		sandbox_set "latency=$3" "only=${asks[verify]}"
		# what the phases before have asked is over
		sandbox_ask DELETE counters
		wait_until 3 asked "${asks[verify]}"
	fi
	case $victim in
	door) kill -"$how" "$door" ;;
	group) kill -"$how" -- "-$door" ;;
	terminal) kill -KILL "$door" ;; # who holds it: everything there gets SIGHUP
	stage) # which may be done already
		mapfile -t stages < <(named "$how")
		((${#stages[@]})) || stages=("$door")
		kill -KILL "${stages[@]}"
		;;
	esac
	sandbox_set
	# a stage that is left waits for its answers, however long
	wait_until "$((2 + hold / 10000))" none_left "$MARK" || {
		printf 'left after %s in %s:\n' "$2" "$phase"
		ps -o pid,ppid,pgid,stat,wchan:20,args -p "$(marked "$MARK" | paste -sd ,)"
		return 1
	}
	wait "$door" 2>/dev/null || :
}

# gone_on RECORDS MOST: the same command goes on to the end; the target then has the records of the
# source once, online and offline, but for MOST that were under way when something was killed.
gone_on() {
	local more

	run_rc 0 "${migration[@]}" --verify-wait 20s
	is "$(online kill-to)" "$(online kill-from)"
	fs-extract-athena kill-to -o csv --no-seal --columns id,event_time | sort >rows
	is "$(uniq rows | wc -l)" "$(($1 + 1))"
	more=$(($(wc -l <rows) - $1 - 1))
	((more <= $2)) || {
		printf '%s rows are in the offline store once more\n' "$more"
		cat kill.err
		return 1
	}
}

# kills COUNT RECORDS: so many, in any phase and way, with answers held back for any time; after
# each the same command goes on. A request whose answer nobody waited for may be made again.
kills() {
	local i phase way hold most

	for ((i = 0; i < $1; i++)); do
		any_of plan clear put verify
		phase=$victim
		# shellcheck disable=SC2086  # words
		mapfile -t -O "${#kill_ways[@]}" kill_ways < <(printf 'stage:%s\n' ${works[$phase]})
		any_of "${kill_ways[@]}"
		way=$victim
		kill_ways=("${kill_ways[@]:0:6}")
		any_of 200 600 2000 20000
		hold=$victim most=0
		# who plans or clears may be writing by the time it is killed
		[[ $phase == verify ]] || [[ $way != stage:* && $hold != 20000 ]] || most=50
		printf '%s %s %s\n' "$phase" "$way" "$hold" >>killed
		killed "$phase" "$way" "$hold"
		gone_on "$2" "$most" || {
			printf 'after %s %s %s\n' "$phase" "$way" "$hold"
			return 1
		}
	done
	sort killed | uniq -c
}
