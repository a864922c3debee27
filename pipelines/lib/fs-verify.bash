# fs-verify.bash: `fs verify`, sourced by fs. Two groups are compared by fs-verify; of one group its
# two stores are (--online-offline), each record by all its values:
#
#	fs-extract-athena --latest --deleted          what the offline store has as the newest
#	fs-extract-online --same-as                   has the online store it just so?
#	fs-extract-online --deleted, --ids --except   what else does that have?
#	fs-put --target-stores                        --repair: what can be made the same
#
# opt, words and aws are the command line, as fs has read it. Records are lines of NDJSON that begin
# with the identifier.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034

run_verify() {
	local identifier time online offline arn
	local -a args=()

	read_options online-offline repair= verify-wait= workgroup= s3-output-location= \
		query-timeout= yes force dry-run wait-lock= skip-if-running \
		without-collections -- "$@"
	hush
	if [[ ${opt[online-offline]-} != 1 ]]; then
		[[ ! ${opt[repair]+set} ]] || misused $"--repair is for --online-offline"
		operands 2 $"a source and a target, or --online-offline and a group"
		pass workgroup= s3-output-location= query-timeout= without-collections
		[[ ! ${opt[verify-wait]+set} ]] || args+=("--arrival=${opt[verify-wait]}")
		fs-verify "${aws[@]}" "${args[@]}" -- "${words[@]}"
		return
	fi
	operands 1 $"the name of a group"
	[[ ${opt[repair]-online} == @(online|offline) ]] ||
		misused "$(fill $"--%s: not like %s: %s" repair 'online, offline' "${opt[repair]}")"
	begin "$ferry_name"
	facts "${words[0]}"
	[[ $online && $offline ]] ||
		fail "$EX_REFUSED" "$(fill $"%s does not have both stores" "${words[0]}")"
	[[ ! ${opt[repair]+set} || ${opt[dry-run]-} == 1 ]] || lock_group
	source_group=${words[0]}
	pair=--columns=$identifier,$time
	look_at_stores
	report_stores
	if [[ ${opt[repair]+set} && ${opt[dry-run]-} != 1 && ! $alike ]]; then
		sure "$(fill $"change the %s store of %s?" "${opt[repair]}" "${words[0]}")"
		"repair_${opt[repair]}"
	fi
	rm -f -- "$run"/{newest,live,dead,same,changed,deleted,others,known,late,older} \
		"$run"/{otherwise,lost,gone,ids,put,listed}
	[[ $alike ]] || exit "$EX_DIFFERS"
}

# by_id WHICH KEYS FILE: of its lines those whose identifier is (1) or is not (0) that of a line in
# KEYS. A number is the same with and without quotes.
by_id() {
	awk -v wanted="$1" '
		{
			match($0, /^{"[^"]*":("([^"\\]|\\.)*"|[^,}]*)/)
			id = substr($0, 1, RLENGTH)
			sub(/^{"[^"]*":/, "", id)
			if (id ~ /^"[-+0-9.eE]+"$/)
				id = substr(id, 2, length(id) - 2)
		}
		FILENAME == ARGV[1] { keys[id]; next }
		(id in keys) == wanted' "$2" "$3"
}

# look_at_stores: into files of the run, records by how they differ: `lost` are not online, `late`
# not offline, `older` are newer offline, `otherwise` have other values at one event time, and
# `gone` were softly deleted online, and live offline.
look_at_stores() {
	local -a args=() get=("${aws[@]}" --progress=none --no-seal -o ndjson)

	# the identifier first
	columns=$(fs-group "${aws[@]}" schema -o csv -- "$source_group" |
		awk -F , -v id="$identifier" 'NR > 1 && $1 != id { print $1 }' | paste -sd ,)
	columns=--columns=$identifier,$columns
	pass workgroup= s3-output-location= query-timeout=
	fs-extract-athena "${get[@]}" "${args[@]}" --reuse=never --latest --deleted \
		--store-columns --no-newer "$columns" -O "$run/newest" -- "$source_group"
	grep '"is_deleted":false' "$run/newest" >"$run/live" || (($? == 1))
	grep '"is_deleted":true' "$run/newest" >"$run/dead" || (($? == 1))
	: >"$run/same"
	: >"$run/changed"
	[[ ! -s $run/live ]] || fs-extract-online "${get[@]}" --quiet "--same-as=$run/live" \
		"--changed=$run/changed" "--columns=$identifier" -O "$run/same" -- "$source_group"
	# what is the same was asked for, and is not asked for again
	fs-extract-online "${get[@]}" --deleted "--columns=$identifier" -O "$run/listed" -- \
		"$source_group"
	by_id 0 "$run/same" "$run/listed" >"$run/ids"
	: >"$run/others"
	: >"$run/deleted"
	[[ ! -s $run/ids ]] || fs-extract-online "${get[@]}" --quiet "$columns" \
		"--ids=$run/ids" "--except=$run/newest" "--deleted-ids=$run/deleted" \
		-O "$run/others" -- "$source_group"
	cat -- "$run/same" "$run/changed" >"$run/ids"
	by_id 0 "$run/ids" "$run/live" >"$run/known"
	by_id 1 "$run/deleted" "$run/known" >"$run/gone"
	by_id 0 "$run/deleted" "$run/known" >"$run/lost"
	by_id 0 "$run/others" "$run/changed" >"$run/otherwise"
	find_late
}

# Of what is online and not the newest offline, what does the offline store not have at all?
find_late() {
	local -a args=()

	: >"$run/late"
	: >"$run/older"
	[[ -s $run/others ]] || return 0
	map-fields "--select=$identifier" --quiet --progress=none -o csv -- "$run/others" |
		sed -E '1d; s/^"(.*)"$/\1/; s/""/"/g' >"$run/ids"
	pass workgroup= s3-output-location= query-timeout=
	read_states known --unique "--only=$identifier=$run/ids" "${args[@]}"
	read_online late --quiet "${aws[@]}" "$columns" "--ids=$run/others" \
		"--except=$run/known" -- "$source_group"
	by_id 0 "$run/late" "$run/others" >"$run/older"
}

# told FILE TEXT: how many, and the first; nothing where there are none.
told() {
	[[ -s $run/$1 ]] || return 0
	alike=''
	printf '%s: %s\n' "$(fill "$2" "$(wc -l <"$run/$1")")" \
		"$(head -n 5 "$run/$1" | sed -E 's/^\{"[^"]*":("([^"\\]|\\.)*"|[^,}]*).*/\1/' |
			paste -sd ' ')"
}

report_stores() {
	alike=1
	fill $"%s: %s identifiers of the offline store compared, %s are the same online\n" \
		"$source_group" "$(wc -l <"$run/newest")" \
		"$((0 + $(wc -l <"$run/same") + $(by_id 0 "$run/others" "$run/dead" | wc -l)))"
	told lost $"%s are not online"
	told late $"%s are not offline"
	told older $"%s are older online than offline"
	told otherwise $"%s have other values at the same event time"
	told gone $"%s were deleted online alone"
	[[ ! -s $run/late && ! -s $run/gone && ! -s $run/lost && ! -s $run/otherwise ]] ||
		note $"records take up to 15 minutes to reach an offline store; see --verify-wait"
}

# put_there STORE FILE [OPTION...]: what cannot be put ends the command.
put_there() {
	[[ ! -s $run/$2 ]] || fs-put "${aws[@]}" --no-resume --ignore-unknown --progress=none \
		"--target-stores=$1" "--stats=$run/stats.json" "${@:3}" -- "$source_group" "$run/$2"
	[[ ! -s $run/$2 ]] || written=$((written + $(figure acknowledged "$run/stats.json")))
	rm -f -- "$run/stats.json"
}

# wait_for FILE...: what may be on its way to the offline store gets the time to arrive, where there
# is any, and all is looked at again.
wait_for() {
	local each

	for each; do
		[[ -s $run/$each ]] || continue
		sleep "${opt[verify-wait]-15m}"
		look_at_stores
		return
	done
}

# The online store gets what is newest offline, but for corrections and hard deletions that are not
# there yet. What it has itself newer, or deleted, stays.
repair_online() {
	local written=0

	wait_for otherwise lost
	if [[ -s $run/lost && ${opt[without-collections]-} != 1 ]] &&
		fs-group "${aws[@]}" schema -o csv -- "$source_group" |
		awk -F , 'NR > 1 && $3 !~ /^"?"?$/ { some = 1 } END { exit !some }'; then
		fail "$EX_DATA" $"the offline store has no collections to put online" \
			$"--without-collections leaves them empty"
	fi
	cat -- "$run/older" "$run/otherwise" >"$run/ids"
	{
		cat -- "$run/lost"
		by_id 1 "$run/ids" "$run/live"
	} >"$run/put"
	put_there online put
	by_id 1 "$run/older" "$run/dead" >"$run/put"
	put_there online put --delete=soft
	fill $"the online store: %s records written\n" "$written"
	[[ -s $run/late || -s $run/gone ]] || alike=1
	[[ $alike ]] || note $"what the online store has newer, or deleted, stays as it is"
}

# The offline store gets what is online and it lacks, once what is on its way had the time to
# arrive: it would be there twice. What it has itself more stays: it is the history.
repair_offline() {
	local written=0

	wait_for late gone
	: >"$run/put"
	[[ ! -s $run/otherwise ]] || read_online put --quiet "${aws[@]}" "$columns" \
		"--ids=$run/otherwise" -- "$source_group"
	cat -- "$run/late" >>"$run/put"
	put_there offline put
	put_there offline gone --delete=soft --event-time=next
	fill $"the offline store: %s records written\n" "$written"
	[[ -s $run/lost || -s $run/older ]] || alike=1
	[[ $alike ]] || note $"what the offline store has more stays as it is"
}
