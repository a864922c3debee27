# fs-migrate.bash: `fs migrate`, sourced by fs. The whole of it is
#
#	fs-plan                                     may it be, and what is it?
#	fs clear                                    when asked for
#	fs-extract-athena [| map-fields] | fs-put   what the offline store has
#	fs-extract-online [| map-fields] | fs-put   what it does not have yet, or cannot have
#	fs-extract-online --gone-from | fs-put --delete   deletions it does not know of yet
#	fs-verify                                   is it all there?
#
# What a run that was killed had done is in a folder that follows from the job: the journals of
# fs-put, and that the target was cleared. It goes away on success.
#
# opt, words and aws are the command line, as fs has read it.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034

both_args=()         # options of fs-plan and fs-verify alike
extract=()           # the program that reads, with its options
load_args=()
changes=()
rehearsal=''         # nothing is read yet: are the options right?
kept=()              # what --select must not leave out
load_older=()        # options of fs-put for records that were put into the past
expected=()          # option of fs-put: how many records the load will have
estimate=0 began=0   # seconds that it may take; when it began
moved=0 failed=0 skipped=0 unknown=0 unsent=0 there=0
uncounted='' # a load was killed before it could say what it did

run_migrate() {
	local code=0 only

	# what is to be changed on the way is said in options of map-fields
	read_options select+ drop+ rename+ map+ default+ set+ set-now+ cast+ \
		clear-target batch-size= max-workers= dry-run filter-query= where= only= \
		resume-from= latest history as-of= method= yes force failed= journal= resume \
		retry= verify verify-wait= target-profile= target-region= s3-output-location= \
		workgroup= query-timeout= allow-empty without-collections keep-collections \
		newer only-missing progress? progress-every= expect= retry-for= ttl= mapped \
		leave-out wait-lock= skip-if-running shard= max-cost= prices= \
		allow-unlisted -- "$@"
	changes=("${repeated[@]}")
	[[ ${opt[clear-target]-}${opt[resume-from]+set} != 1set ]] || misused \
		$"--clear-target empties what --resume-from would go on with: leave one of them out"
	[[ ! ${opt[shard]+set} || ! ${opt[clear-target]+set}${opt[retry]+set} ]] || misused \
		$"--shard is a part, which neither --clear-target nor --retry knows of"
	check_words
	pass_part
	opt[batch-size]=${opt[batch-size]-100}
	opt[max-workers]=${opt[max-workers]-4}
	[[ ! ${opt[filter-query]+set} || ! ${opt[where]+set} ]] || misused \
		$"--where and --filter-query are the same: one of them would not count"
	[[ ! ${opt[filter-query]+set} ]] || opt[where]=${opt[filter-query]}
	hush
	begin "$ferry_name"
	if [[ ${opt[retry]+set} ]]; then
		retry_failed
		return
	fi
	operands 2 $"a source and a target"
	only=${opt[only]-}
	[[ ! ${opt[failed]+set} ]] || apart failed "${opt[failed]}" "${only#*=}" \
		"${opt[prices]-}" "${changes[@]#--map=}"
	target_aws=("${aws[@]}")
	[[ ! ${opt[target-profile]+set} ]] || target_aws+=("--profile=${opt[target-profile]}")
	[[ ! ${opt[target-region]+set} ]] || target_aws+=("--region=${opt[target-region]}")
	make_plan
	[[ ! ${plan[unlisted]} || ! ${FERRY_QUIET-} ]] || fail "$EX_NOTALLOWED" \
		"$(fill $"what the offline store of %s does not know yet would be left out" \
			"${words[0]}")" \
		$"nothing was done: it takes ListRecords; without --quiet it is only told"
	! reads_twice || printf '%s\n' \
		$"The source is read twice: the target is cleared when all is there, and fits"
	make_estimate
	! costs || cost_of_move
	if [[ ${opt[dry-run]-} != 1 ]]; then
		arn=${plan[target_arn]}
		if [[ ${opt[shard]+set} ]]; then lock_shard "${opt[shard]}"; else lock_group; fi
	fi
	rehearse
	look_at_target
	printf '\n'
	if [[ ${opt[dry-run]-} == 1 ]]; then
		printf '🔍 %s\n' $"Dry run: nothing is migrated."
		return
	fi
	sure "$(fill $"migrate %s to %s?" "${words[0]}" "${words[1]}")" :
	enter_job
	failures=${opt[failed]-$run/failed.ndjson}
	{ : >"$failures"; } 2>/dev/null ||
		fail "$EX_CANTCREATE" "$(fill $"cannot write to %s" "$failures")"
	! reads_twice || [[ -e $job_dir/cleared ]] || look_through
	uptime
	began=$now
	[[ ${opt[clear-target]-} != 1 ]] || clear_target
	move || code=$?
	report_move
	((code == 0)) || return "$code"
	[[ ${opt[verify]-1} == 0 ]] || verify_move
	leave_job
	# what was named is not there; that nothing passes a condition may well be
	((moved + skipped + there)) || [[ ! ${opt[only]+set} ]] ||
		fail "$EX_REFUSED" "$(fill $"%s has none of these records" "${words[0]}")"
}

# What is wrong with a word is said before the service is asked, and not when a query is paid for.
check_words() {
	local shard=${opt[shard]-1/1} only=${opt[only]-}

	if ! [[ $shard =~ ^0*([0-9]{1,4})/0*([0-9]{1,4})$ ]] ||
		((BASH_REMATCH[1] < 1 || BASH_REMATCH[1] > BASH_REMATCH[2])); then
		misused "$(fill $"--shard: not I/N, like 3/8: %s" "$shard")"
	fi
	[[ ! ${opt[expect]+set} ]] || quantity expect 0 0 >/dev/null
	[[ ${opt[method]-csv} == @(csv|unload) ]] ||
		misused "$(fill $"--method: neither csv nor unload: %s" "${opt[method]}")"
	[[ ! ${opt[only]+set} || $only == ?*=* ]] ||
		misused "$(fill $"--only: not FEATURE=FILE: %s" "$only")"
	[[ ! $only || -r ${only#*=} ]] ||
		fail "$EX_NOINPUT" "$(fill $"cannot read %s" "${only#*=}")"
	check_cost
	(unset FERRY_STATS_LOG && map-fields -i ndjson "${changes[@]}" </dev/null >/dev/null)
}

# ---- the plan ----------------------------------------------------------------------------------

make_plan() {
	local -a args=()

	pass latest history as-of= only= shard= without-collections target-profile= target-region= \
		s3-output-location= workgroup= \
		query-timeout=
	((${#changes[@]} == 0)) || opt[mapped]=1
	[[ ${opt[mapped]-} != 1 ]] || args+=(--mapped)
	both_args=("${args[@]}")
	pass where= resume-from= clear-target allow-empty batch-size= max-workers=
	# a dry run sends nothing at all
	[[ ${opt[clear-target]-}${opt[dry-run]-} != 11 ]] || args+=(--no-try-writing)
	ask_plan "${args[@]}" -- "${words[@]}"
}

# How long will it take? At 50 records a second and worker, as its users reckon.
make_estimate() {
	local records=${plan[records]-}

	[[ ! ${opt[expect]+set} ]] || records=$(quantity expect 0 0)
	[[ $records ]] || return 0
	workers=$(quantity max-workers 4 1)
	estimate=$((records / (workers * 50)))
	fill $"Estimated: %s min (%s s)\n" "$((estimate / 60))" "$estimate"
}

# What a target that is not empty has already is not sent again: its history would have it twice.
look_at_target() {
	source_group=${words[0]} target_group=${words[1]}
	pair=--columns=${plan[identifier]},${plan[event_time]}
	local count each but='' online=${plan[online]} offline=${plan[offline]}

	[[ ${opt[clear-target]-}${opt[only-missing]-1} == 1 ]] || return 0
	# what is changed may be of another shard there
	((${#changes[@]} == 0)) || local -a part=()
	know "${words[1]}"
	((${#known[@]})) || return 0
	[[ ! ${plan[older]} ]] || find_past "${plan[identifier]}" "${plan[event_time]}"
	count=$(wc -l <"${known[0]#*=}")
	# the time of this run makes no difference, nor do collections that are left empty
	[[ ${opt[without-collections]-}${opt[keep-collections]-} != *1* ]] ||
		but=$(fs-group "${target_aws[@]}" schema -o csv -- "${words[1]}" |
			awk -F , 'NR > 1 && $3 !~ /^"?"?$/ { print $1 }' | paste -sd ,)
	for each in "${changes[@]}"; do
		[[ $each != --set-now=* ]] || but+=${but:+,}${each#*=}
	done
	[[ ! $but ]] || known+=("--there-but=$but")
	fill $"The target has %s records: those that are the same are not sent again\n" "$count"
}

# ---- before anything is done -------------------------------------------------------------------

# rehearse: what can be checked before the target is cleared is checked: the options of all that
# will be called, which fields there will be, and whether values that are set fit their features.
# Two records that have nothing but what every record has go the way of all, and must stay two.
rehearse() {
	local bad id left name time changed=$run/sample

	set_load_args
	rehearsal=1
	[[ ${plan[source]} == online ]] || move_offline offline ''
	rehearsal=''
	fs-group "${aws[@]}" schema -o csv -- "${words[0]}" >"$run/from"
	fs-group "${target_aws[@]}" schema -o csv -- "${words[1]}" >"$run/to"
	awk -F , 'NR > 1 { comma = NR > 2 ? "," : ""; names = names comma $1
			one = one comma ($4 ~ /identifier/ ? "0" : $4 !~ /time/ ? "" : \
				$2 == "String" ? "2024-01-01T00:00:00Z" : "1704067200")
			two = two comma ($4 ~ /identifier/ ? "1" : $4 !~ /time/ ? "" : \
				$2 == "String" ? "2024-01-01T00:00:00Z" : "1704067200") }
		END { print names; print one; print two }' "$run/from" >"$run/sample"
	((${#changes[@]} == 0)) || changed=$run/changed
	(
		unset FERRY_STATS_LOG # these are no programs of the migration
		{ ((${#changes[@]} == 0)) || map-fields "${changes[@]}" --quiet --progress=none \
			-O "$changed" -- "$run/sample"; } &&
			fs-put --quiet --dry-run "${target_aws[@]}" \
				"${load_args[@]/#--progress-every=*/--progress=none}" \
				--progress=none -- "${words[1]}" "$changed"
	) || fail "$?" "$(fill $"such records do not fit %s, nothing was done" "${words[1]}")"
	fields "$changed" >"$run/fields"
	{ read -r bad && read -r left && read -r id && read -r time && read -r name; } \
		<"$run/fields"
	[[ ! $bad ]] || fail "$EX_REFUSED" \
		"$(fill $"%s has no feature %s, nothing was done" "${words[1]}" "$bad")" \
		"$(fill $"'fs add-features' gives %s what it lacks" "${words[1]}")"
	# unchanged they differ in the identifier of the source alone
	if ((${#changes[@]})); then
		name=$(part_of_none map-fields --select="$name" --quiet --progress=none -o csv -- \
			"$changed" | sort -u | wc -l)
		((name > 2))
	else
		[[ ${id,,} == "${plan[identifier],,}" ]]
	fi || fail "$EX_USAGE" \
		"$(fill $"every record would have the same %s, nothing was done" "$id")"
	if [[ ${plan[older]} && \
		${id,,},${time,,} != "${plan[identifier],,},${plan[event_time],,}" ]]; then
		warn $"with another identifier, records behind a hard deletion are not looked for"
		plan[older]=''
	fi
	[[ ! $left || ! ${FERRY_QUIET-} || ${opt[leave-out]-} == 1 ]] || fail "$EX_REFUSED" \
		"$(fill $"features would be lost, nothing was done: %s" "$left")" \
		$"--leave-out leaves them out; without --quiet that is only told"
	rm -f -- "$run"/{from,to,sample,changed,fields}
}

# fields FILE: its fields beside the schemas in $run/to and $run/from, in lines: one that comes by a
# change and has no place; those that are lost, since the target lacks them; the target's identifier
# and event time; and which field that identifier is, whatever its case.
fields() {
	awk -F , '
		FNR == 1 { file++ }
		file < 3 { has[file, tolower($1)] }
		file == 1 && $4 ~ /identifier/ { id = $1 }
		file == 1 && $4 ~ /time/ { time = $1 }
		file < 3 { next }
		{
			for (i = 1; i <= NF; i++) {
				each = tolower($i)
				if (each == tolower(id)) name = $i
				if ((1, each) in has) continue
				lost = lost comma $i
				comma = ","
				if (!bad && !((2, each) in has)) bad = $i
			}
			print bad "\n" lost "\n" id "\n" time "\n" name
			exit
		}' "$run/to" "$run/from" "$1"
}

# ---- what outlives the run ---------------------------------------------------------------------

enter_job() {
	local state job before=''

	state=$(state_folder)
	job=$(job_number)
	job_dir=$state/fs-migrate/${words[0]##*/}-${words[1]##*/}-$job
	job_dir=${opt[journal]-$job_dir}
	(umask 077 && mkdir -p -- "$job_dir") ||
		fail "$EX_CANTCREATE" "$(fill $"cannot make the folder %s" "$job_dir")"
	[[ ${opt[resume]-1} == 1 ]] || rm -f -- "$job_dir"/{begun,cleared,job,*.journal}
	# what a power failure has left, cut or as zeros, says nothing
	[[ ! -e $job_dir/job ]] || before=$(tr -d '\0' <"$job_dir/job")
	[[ ${#before} != 16 || $before == "$job" ]] || fail "$EX_CONFIG" \
		"$(fill $"%s is of a migration with other options" "$job_dir")" \
		$"choose another --journal, or --no-resume to begin anew"
	if [[ $before != "$job" ]]; then
		printf '%s\n' "$job" >"$job_dir/job"
		sync -- "$job_dir/job" "$job_dir"
	fi
	[[ ! -e $job_dir/begun ]] ||
		note $"an earlier run of this migration is resumed (--no-resume begins anew)"
	printf '%s\n' "${words[*]}" "${plan[target_arn],,}" >"$job_dir/begun"
}

# job_number: that of the plan, and of all else that changes what is written. What another run has
# written would be kept otherwise, and what it was cleared for.
job_number() {
	local each

	{
		printf '%s\n' "${plan[job]}" "${changes[@]@Q}" "${opt[ttl]-}" \
			"${opt[without-collections]-}${opt[keep-collections]-}" "${opt[newer]-}"
		for each in "${changes[@]}"; do
			[[ $each != --map=* ]] || cat -- "${each#*=}"
		done
	} | sha256sum | cut -c 1-16
}

# --clear-target is part of the job: a run that goes on must not clear what it has written.
clear_target() {
	if [[ -e $job_dir/cleared ]]; then
		note "$(fill $"%s was cleared by the run that is resumed" "${words[1]}")"
		return
	fi
	clear_group "${words[1]}"
	rm -f -- "$job_dir"/*.journal
	: >"$job_dir/cleared"
}

# reads_twice: whether all is looked through before the target is cleared
reads_twice() { [[ ${opt[clear-target]-} == 1 && ${opt[mapped]+set}${opt[only]+set} ]]; }

# part_of_none COMMAND...: its programs are none of this run's, for --stats.
part_of_none() (
	unset FERRY_STATS_LOG
	"$@"
)

# look_through: all records that are to be moved are changed, and checked against the target's
# features, before anything is cleared: their types were not compared. Those of the online store are
# a few more than will be moved. How many a list names is not counted otherwise.
look_through() {
	local code=0 none=''

	rehearsal=all
	if [[ ${plan[source]} != online ]]; then
		attend part_of_none move_offline check '' || code=$?
	fi
	if ((code == 0)) && [[ ${plan[source]} == online || ${plan[late]} ]]; then
		attend part_of_none move_online check || code=$?
	fi
	rehearsal=''
	((code)) || [[ ! ${opt[only]+set} || ${opt[allow-empty]-} == 1 ]] ||
		(($(figure records "$run/stats.json"))) || none=1
	rm -f -- "$run/stats.json"
	((code)) || [[ $none ]] || return 0
	# nothing goes on from here
	rm -f -- "$job_dir"/{begun,job}
	rmdir -- "$job_dir" 2>/dev/null || :
	[[ ${opt[failed]+set} ]] || rm -f -- "$failures"
	[[ ! $none ]] || fail "$EX_DATA" "$(fill $"%s has none of these records" "${words[0]}")" \
		$"--allow-empty clears it nevertheless"
	say $"error" "$(fill $"%s is not cleared, nothing was done" "${words[1]}")"
	((code != EX_DATA)) || hint \
		$"'fs clear', and then this without --clear-target, moves what fits"
	exit "$code"
}

# clear_group GROUP: both stores of a group of the target's side, without a question.
clear_group() {
	local -a aws=("${target_aws[@]}") words=("$1")
	local identifier time online offline history

	facts "$1"
	history=$offline
	clear_stores
}

# It is done: what is left without `begun` is of no use. Nor are interrupted ones of this pair that
# are older than what is kept: nobody else writes to the target now, and what it has is known.
leave_job() {
	local each keep state where=$'\n'${plan[target_arn],,}

	rm -f -- "$job_dir/begun"
	rm -rf -- "$job_dir"
	[[ ! ${opt[shard]+set} ]] || return 0 # the other shards have theirs
	keep=$(keep_seconds '')
	state=$(state_folder)
	[[ -d $state/fs-migrate ]] || return 0
	while IFS= read -r -d '' each; do
		[[ -e $each/begun && $(<"$each/begun") != "${words[*]}"?("$where") ]] ||
			rm -rf -- "$each"
	done < <(find "$state/fs-migrate" -maxdepth 1 -not -newermt "-$keep seconds" \
		-name "${words[0]##*/}-${words[1]##*/}-????????????????" -print0)
}

# ---- moving ------------------------------------------------------------------------------------

# set_load_args: options of fs-put.
set_load_args() {
	local -a args=()

	pass_progress
	pass progress-every= retry-for= ttl= batch-size= max-workers=
	load_args=("${args[@]}" --ignore-unknown)
}

move() {
	local code=0

	looked=--columns=${plan[looked]}
	defer rm -f -- "$run/seen" "$run/held"
	load_args+=(--keep-journal "--failed=$run/part")
	((${#changes[@]} == 0)) || alter=(map-fields "${changes[@]}")
	load_older=(--target-stores=online) # the history has them
	[[ ${plan[replay]} == history ]] || there_offline load_older
	if [[ ${plan[source]} == online ]]; then
		attend move_online listed "--seen=$run/seen" || code=$?
		settle "$code"
		return "$code"
	fi
	move_history || code=$?
	if ((code == 0 || code == EX_DATA)) && [[ ${plan[late]}${plan[older]} ]]; then
		late_code=0
		if [[ ${plan[late]} ]]; then
			attend move_late || late_code=$?
		else
			attend move_older || late_code=$?
			((late_code)) || look_for_spellings || late_code=$?
		fi
		settle "$late_code"
		((late_code == 0)) || code=$late_code
	fi
	if ((code == 0 || code == EX_DATA)) && [[ -s $run/deleted ]]; then
		late_code=0
		attend move_deletions || late_code=$?
		settle "$late_code"
		((late_code == 0)) || code=$late_code
	fi
	rm -f -- "$run/deleted"
	forget_older
	if [[ -s $run/spelled.ndjson ]]; then
		failed=$((failed + $(wc -l <"$run/spelled.ndjson")))
		((code)) || code=$EX_DATA
	fi
	return "$code"
}

# What the offline store has. The parts of UNLOAD have no order, and a deletion must not come
# before its record: so the deletions are a second load.
move_history() {
	local code=0
	local -a args=() expected=()

	[[ ! ${plan[records]-} ]] || expected=(--expect="${plan[records]}")
	if [[ ${opt[method]-csv} == unload && ${plan[order]} ]]; then
		[[ ! ${plan[records]-} ]] ||
			expected=(--expect="$((plan[records] - plan[deletions]))")
		attend move_offline offline 'NOT is_deleted' || code=$?
		settle "$code"
		((code == 0 || code == EX_DATA)) || return "$code"
		expected=(--expect="${plan[deletions]}")
		attend move_offline deletions is_deleted || code=$?
		settle "$code"
		return "$code"
	fi
	[[ ! ${plan[order]} ]] || args=("--order-by=${plan[order]}")
	attend move_offline offline '' "${args[@]}" || code=$?
	settle "$code"
	return "$code"
}

# move_offline NAME CONDITION [OPTION...]
move_offline() {
	local name=$1 where=${plan[where]} condition=$2
	local -a args=("${@:3}") kept=()

	pass as-of= only= shard= method= without-collections newer s3-output-location= workgroup= \
		query-timeout=
	[[ ! ${plan[late]} ]] || args+=(--no-newer) # they come behind it
	if [[ ${plan[replay]} == history ]]; then
		args+=(--unique --store-columns)
		# without it a deletion would be a record without values
		[[ " ${changes[*]}" != *' --select='* ]] || kept=(--select=is_deleted)
	elif [[ ! ${opt[as-of]+set} ]]; then
		args+=(--latest)
	fi
	if [[ $condition ]]; then
		where=${where:+($where) AND }$condition
	fi
	[[ ! $where ]] || args+=("--where=$where")
	[[ ! ${plan[known_at]} ]] || args+=("--known-at=${plan[known_at]}")
	[[ ! ${plan[columns]} ]] || args+=("--columns=${plan[columns]}")
	extract=(fs-extract-athena "${aws[@]}" "${args[@]}")
	if [[ $rehearsal == 1 ]]; then
		"${extract[@]}" --dry-run -- "${words[0]}" >/dev/null
	else
		transfer "$name"
	fi
}

# move_online NAME [OPTION...]
move_online() {
	extract=(fs-extract-online "${aws[@]}" "${part[@]}" "${@:2}")
	transfer "$1"
}

# Records of the online store that are not the newest of the offline store. It does not know them
# yet; or they were put into the past, behind a hard deletion, and take the place of the newest in
# the target, but of nothing newer. Which were softly deleted is listed on the way. As all that
# moves it is called under `||`: each command says that it failed.
move_late() {
	local -a until=()

	[[ ! ${plan[known_at]} ]] || until=("--known-at=${plan[known_at]}")
	read_states newest --latest --deleted "${part[@]}" "${until[@]}" || return
	read_online others "${aws[@]}" "${part[@]}" "$looked" "--except=$run/newest" \
		"--seen=$run/seen" "--deleted-ids=$run/deleted" -- "${words[0]}" || return
	[[ -s $run/others ]] || return 0
	set_odd_aside || return
	[[ -s $run/others ]] || return 0
	read_states known --unique "${part[@]}" "${until[@]}" || return
	move_online late "--ids=$run/others" "--except=$run/known" || return
	[[ ${plan[older]} ]] || return 0
	cp -- "$run/known" "$run/states" && put_older "${load_older[@]}"
}

# set_odd_aside: an identifier that is a number is known by its value in the offline store, and was
# moved by it. The record of another spelling (007) would be a second one, and its row a second row.
set_odd_aside() {
	local n

	[[ ${plan[identifier_type]} != String ]] || return 0
	awk -v odd="$run/odd" '
		function value(line) {
			sub(/^{"[^"]*":"?/, "", line)
			sub(/[",}].*/, "", line)
			if (line !~ /^[-+]?[0-9]+$/)
				return sprintf("%.17g", line + 0)
			sub(/^\+/, "", line)
			sign = sub(/^-/, "", line) ? "-" : ""
			sub(/^0+/, "", line)
			return line == "" ? "0" : sign line
		}
		{ split($0, part, ",") }
		FILENAME == ARGV[1] { moved[value($0)]; text[part[1]]; next }
		!(part[1] in text) && value($0) in moved { print >odd; next }
		{ print }' "$run/newest" "$run/others" >"$run/even" || return
	mv -- "$run/even" "$run/others" || return
	[[ -s $run/odd ]] || return 0
	n=$(wc -l <"$run/odd") || return
	warn "$(fill \
		$"%s identifiers are other spellings of numbers, as which they were moved: %s" \
		"$n" "$(named odd)")"
	mv -- "$run/odd" "$run/spelled.ndjson" || return
	hint "$(fill $"they are in %s: fs-extract-online --ids | fs-put --target-stores online" \
		"$run/spelled.ndjson")"
}

# Of a part of the records only those that were put into the past are looked for.
move_older() {
	local -a args=()

	pass only= shard= workgroup= query-timeout=
	[[ ! ${plan[where]} ]] || args+=("--where=${plan[where]}")
	[[ ! ${plan[known_at]} ]] || args+=("--known-at=${plan[known_at]}")
	is_untouched
	find_older "${args[@]}"
}

# is_untouched: what was read of the target before this run is what it has still, where nothing was
# written.
is_untouched() {
	untouched=''
	[[ ! -s $run/there.online || $rewritten ]] || ((moved + skipped + failed + unknown)) ||
		untouched=$run/there.online
}

# look_for_spellings: of a part of the records, moved by the values of their identifiers, those that
# the source's online store does not have by that text. It may have them by another.
look_for_spellings() {
	local code=0
	local -a list=("${aws[@]}" "${part[@]}" "--columns=${plan[identifier]}")

	[[ ${plan[identifier_type]} != String && -s $run/absent ]] || return 0
	read_online others "${list[@]}" -- "${words[0]}" 2>"$run/err" || code=$?
	if ((code == EX_NOTALLOWED || code == EX_REFUSED)); then
		warn "$(fill $"%s identifiers are not online in %s, or are spelled otherwise: %s" \
			"$(wc -l <"$run/absent")" "${words[0]}" "$(named absent)")"
		return 0
	fi
	relay <"$run/err"
	((code == 0)) && mv -- "$run/absent" "$run/newest" && set_odd_aside
}

# named FILE: the first identifiers of a file of the run.
named() { cut -d , -f 1 "$run/$1" | head -n 5 | paste -sd ' '; }

# What lives in the newest state that the offline store knows, and was softly deleted since. When is
# not known, so it is deleted just behind that state: whatever comes after it is newer.
move_deletions() {
	local -a args=() names=("--columns=${plan[identifier]},${plan[event_time]}")
	local -a load=(fs-put "${target_aws[@]}" "${load_args[@]}" --delete=soft --event-time=next
		"--journal=$job_dir/deleted.journal" "--stats=$run/stats.json" -- "${words[1]}")

	[[ ! ${plan[known_at]} ]] || args=("--known-at=${plan[known_at]}")
	fs-extract-athena "${aws[@]}" "${args[@]}" "${part[@]}" "${names[@]}" --latest \
		--progress=none --no-seal -o ndjson -O "$run/newest" -- "${words[0]}" || return
	fs-extract-online "${aws[@]}" "${names[@]}" "--gone-from=$run/newest" \
		"--ids=$run/deleted" --progress=none --seal -o ndjson -O "$run/gone" -- \
		"${words[0]}" || return
	if ((${#changes[@]})); then
		map-fields "${changes[@]}" --quiet --progress=none -- "$run/gone" | "${load[@]}" ||
			pipe_failed map-fields fs-put -- "${PIPESTATUS[@]}"
	else
		"${load[@]}" "$run/gone"
	fi
}

# transfer NAME: one load, known by this name in the job.
transfer() {
	extract+=(--seal -o ndjson --progress=none -- "${words[0]}")
	local -a load=(fs-put "${target_aws[@]}" "${load_args[@]}" "${expected[@]}" "${known[@]}"
		"--journal=$job_dir/$1.journal" "--stats=$run/stats.json" -- "${words[1]}")

	[[ ! $rehearsal ]] || load=(fs-put --quiet --dry-run "${target_aws[@]}" "${load_args[@]}"
		"--stats=$run/stats.json" -- "${words[1]}")
	# bash has words of its own for a stage that was killed; pipe_failed says it
	if ((${#changes[@]})); then
		{
			"${extract[@]}" 2>&9 9>&- |
				map-fields "${changes[@]}" "${kept[@]}" --progress=none 2>&9 9>&- |
				"${load[@]}" 2>&9 9>&-
		} 9>&2 2>/dev/null ||
			pipe_failed "${extract[0]}" map-fields fs-put -- "${PIPESTATUS[@]}"
	else
		{ "${extract[@]}" 2>&9 9>&- | "${load[@]}" 2>&9 9>&-; } 9>&2 2>/dev/null ||
			pipe_failed "${extract[0]}" fs-put -- "${PIPESTATUS[@]}"
	fi
}

# settle CODE: adds what a load did to the totals, and its failures to the file.
settle() {
	local records good before bad lost same

	[[ ! -s $run/part ]] || cat -- "$run/part" >>"$failures"
	counted || {
		rm -f -- "$run/part"
		(($1 != EX_TEMP)) || uncounted=1
		return 0
	}
	records=$(figure records "$run/stats.json")
	good=$(figure acknowledged "$run/stats.json")
	before=$(figure skipped "$run/stats.json")
	moved=$((moved + good))
	skipped=$((skipped + before))
	bad=$(figure rejected "$run/stats.json")
	lost=$(figure unknown "$run/stats.json")
	# what was given up has failed; what was under way when somebody ended the run has not
	if (($1 > 128)); then unknown=$((unknown + lost)); else failed=$((failed + lost)); fi
	failed=$((failed + bad))
	same=$(figure there "$run/stats.json")
	there=$((there + same))
	unsent=$((unsent + records - good - before - bad - lost - same))
	rm -f -- "$run"/{part,stats.json}
}

report_move() {
	local total=$((moved + skipped + there + failed + unknown + unsent))

	if [[ $uncounted ]]; then
		printf '%s\n' $"Not counted: what was written by a program that was killed"
		hint $"the same command goes on; an offline store may have twice what was under way"
		((total)) || return 0
	fi
	fill $"Records: %s, written %s" "$total" "$moved"
	((skipped == 0)) || fill $", written before %s" "$skipped"
	((there == 0)) || fill $", there already %s" "$there"
	((failed == 0)) || fill $", failed %s" "$failed"
	((unknown == 0)) || fill $", unknown %s (sent, but not answered)" "$unknown"
	((unsent == 0)) || fill $", not sent %s" "$unsent"
	printf '\n'
	((total == 0)) || fill $"Success rate: %s%%\n" \
		"$(percent $((moved + skipped + there)) "$total")"
	report_time
	if [[ -s $failures ]]; then
		fill $"Failed records: %s\n" "$failures"
		hint "$(fill $"'fs migrate --retry %s' loads them again" "$failures")"
	elif [[ ! ${opt[failed]+set} ]]; then
		rm -f -- "$failures"
	fi
}

# What it took, beside the estimate; not where a part of it was done before.
report_time() {
	local took

	uptime
	took=$(((now - began) / 1000))
	fill $"Actual: %s min (%s s)" "$((took / 60))" "$took"
	((estimate == 0 || skipped || there)) ||
		fill $", %s%% of the estimate" "$((took * 100 / estimate))"
	printf '\n'
}

# percent PART WHOLE: with one decimal, rounded down, so that 100.0 is all.
percent() {
	local tenths=$(($1 * 1000 / $2))
	printf '%s.%s\n' "$((tenths / 10))" "$((tenths % 10))"
}

# ---- was it done? ------------------------------------------------------------------------------

verify_move() {
	local code=0
	local -a args=("${both_args[@]}")

	[[ ! ${plan[where]} ]] || args+=("--where=${plan[where]}")
	[[ ! ${opt[verify-wait]+set} ]] || args+=("--arrival=${opt[verify-wait]}")
	[[ ! ${plan[known_at]} ]] || args+=("--known-at=${plan[known_at]}")
	[[ -f $run/gone ]] || : >"$run/gone"
	args+=("--gone=$run/gone")
	# the source was read on the way, and so was a target to which nothing was written
	is_untouched
	[[ ! -s $run/held || $rewritten ]] || untouched=$run/held
	[[ ! -s $run/seen ]] ||
		args+=("--source-seen=$run/seen" ${untouched:+"--target-seen=$untouched"})
	if [[ ${plan[online]} ]]; then
		fs-verify "${aws[@]}" "${args[@]}" --stores=online -- \
			"${words[@]}" || code=$?
		((code != EX_DIFFERS)) || leave_job # whatever is missing has to be sent again
		((code == 0)) || fail "$code" "$(fill $"not all of it is in %s" "${words[1]}")"
	fi
	[[ ${plan[offline]} ]] || return 0
	fs-verify "${aws[@]}" "${args[@]}" --stores=offline -- "${words[@]}" ||
		code=$?
	((code != 0)) || return 0
	((code == EX_DIFFERS)) || return "$code"
	[[ ! ${opt[verify-wait]+set} ]] ||
		fail "$code" "$(fill $"not all of it has reached the offline store of %s" \
			"${words[1]}")"
	note $"records take up to 15 minutes to reach an offline store; see --verify-wait"
}

# ---- once more ---------------------------------------------------------------------------------

# fits_retry: the file is loaded as it is, all of it; whoever asked for less must not get that.
fits_retry() {
	local each
	local -a given=("${changes[@]%%=*}")

	for each in where only resume-from latest history as-of clear-target; do
		[[ ! ${opt[$each]+set} || ${opt[$each]} == 0 ]] || given+=("--$each")
	done
	((${#given[@]} == 0)) ||
		misused "$(fill $"%s does not go with --retry, which loads the file as it is" \
			"${given[0]}")"
}

# The target is named in the file, beside what happened. Features that it lacks were left out of
# what was moved, too.
retry_failed() {
	local file=${opt[retry]} group online offline identifier time arn
	local -a args=(--ignore-unknown) groups=()

	fits_retry
	[[ -s $file ]] || fail "$EX_NOINPUT" "$(fill $"no failed records in %s" "$file")"
	mapfile -t groups < <(sed -nE 's/.*"@failed":\{"group":"([^"]*)".*/\1/p' "$file" | sort -u)
	case ${#words[@]} in
	0) group=${groups[0]-} ;;
	1) group=${words[0]} ;;
	2) group=${words[1]} ;;
	*) misused $"migrate --retry takes a file, and at most source and target" ;;
	esac
	[[ $group ]] || misused "$(fill $"%s does not name a group: say which" "$file")"
	[[ ${groups[*]-${group##*/}} == "${group##*/}" ]] || misused \
		"$(fill $"%s has records of %s, not %s" "$file" "${groups[*]}" "${group##*/}")"
	target_aws=("${aws[@]}")
	[[ ! ${opt[target-profile]+set} ]] || target_aws+=("--profile=${opt[target-profile]}")
	[[ ! ${opt[target-region]+set} ]] || target_aws+=("--region=${opt[target-region]}")
	aws=("${target_aws[@]}") words=("$group" "$file")
	[[ ${opt[failed]+set} ]] || opt[failed]=$run/failed.ndjson
	facts "$group"
	[[ ${opt[dry-run]-} == 1 ]] || lock_group
	# a dry run asks only when told to
	if ((${opt[only-missing]-${opt[dry-run]-0} != 1})); then
		known_of_file "$file"
	fi
	pass batch-size= max-workers= failed= retry-for= ttl= dry-run
	args+=("${known[@]}")
	cost_of_file "${args[@]}"
	put_file "${args[@]}"
}

# known_of_file FILE: what the target has of these records. What is no record is told by fs-put.
known_of_file() {
	defer rm -f -- "$run/ids"
	map-fields "--select=$identifier" --quiet --progress=none -o csv -- "$1" 2>/dev/null |
		sed -E '1d; s/^"(.*)"$/\1/; s/""/"/g' >"$run/ids" || return 0
	[[ ! -s $run/ids ]] || know "$group" "$run/ids"
}
