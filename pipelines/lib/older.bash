# older.bash: records that were put into the past, behind a hard deletion; sourced behind
# options.bash.
#
# The source's online store has such a record although its offline store has newer states of the
# identifier. A load in the order of event times leaves the newest of these in the target, or its
# deletion. The record takes its place; what the target has newer by itself stays.
#
# The groups are `source_group` and `target_group`. All of it is called under `||`, so each command
# says for itself that it failed.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # run, aws and target_aws are those of who sources it

pair='' # option for identifier and event time
looked='' # the same with what is compared when all is over, where anything is
rewritten='' # something was put
untouched='' # what the target has, in a file: nothing was written since it was read
alter=() # the filter that records pass on their way, or nothing

# read_online NAME ARGUMENT...: into a file of the run; read_states: of the offline store, as it is
# now, and not as a run that was killed has read it.
read_online() { fs-extract-online --progress=none --no-seal -o ndjson -O "$run/$1" "${@:2}"; }
read_states() {
	fs-extract-athena "${aws[@]}" "$pair" --reuse=never --progress=none --no-seal -o ndjson \
		-O "$run/$1" "${@:2}" -- "$source_group"
}

# find_older OPTION...: looks for them among the states that these options of fs-extract-athena
# choose, and puts them. Only where a record is not as it is in the source more is asked for. What
# is read of the two online stores is left in `held`, of the target, and `seen`.
find_older() {
	local code=0 id=${pair#*=}
	local -a ids=(--quiet "${looked:-$pair}" "--ids=$run/ids")

	id=${id%,*}
	read_states known --unique "$@" || return
	[[ -s $run/known ]] || return 0
	map-fields "--select=$id" --quiet --progress=none -o ndjson -- "$run/known" |
		LC_ALL=C sort -u >"$run/ids" || return
	{
		if [[ $untouched ]]; then
			ln -f -- "$untouched" "$run/held"
		else
			read_online held "${ids[@]}" "${target_aws[@]}" -- "$target_group"
		fi &&
			read_online others "${ids[@]}" "${aws[@]}" "--among=$run/known" \
				"--except=$run/held" "--seen=$run/seen" \
				"--deleted-ids=$run/absent" -- "$source_group"
	} 2>"$run/err" || code=$?
	if ((code == EX_NOTALLOWED || code == EX_REFUSED)); then
		warn $"an online store cannot be asked: records behind a hard deletion are not seen"
		return 0
	fi
	relay <"$run/err"
	((code == 0)) || return "$code"
	[[ -s $run/others ]] || return 0
	map-fields "--select=$id" --quiet --progress=none -o csv -- "$run/others" |
		sed -E '1d; s/^"(.*)"$/\1/; s/""/"/g' >"$run/ids" || return
	read_states newest --latest --deleted "--only=$id=$run/ids" || return
	read_states states --unique "--only=$id=$run/ids" || return
	put_older "${load_older[@]}"
}

# put_older OPTION...: with these options of fs-put, of the identifiers in `others` the records that
# the source's online store has, if its offline store has them (`known`), but not as the newest.
put_older() {
	local -a from=(--quiet "${aws[@]}" "--ids=$run/others" "--among=$run/known")
	local -a over=(--quiet "${target_aws[@]}" "$pair")
	local -a load=("${target_aws[@]}" --no-resume --ignore-unknown --progress=none)

	# of those that were there already, what still is: other values may have taken their place
	: >"$run/present"
	[[ ! -s $run/past ]] || read_online present "${over[@]}" "--ids=$run/past" -- \
		"$target_group" || return
	cat -- "$run/newest" >>"$run/present" || return
	read_online older "${from[@]}" "--except=$run/present" -- "$source_group" || return
	[[ -s $run/older ]] || return 0
	rewritten=1
	over+=("--ids=$run/older")
	read_online taken "${over[@]}" "--among=$run/states" -- "$target_group" || return
	read_online freed "${over[@]}" "--gone-from=$run/newest" -- "$target_group" || return
	cat -- "$run/freed" >>"$run/taken" || return
	[[ ! -s $run/taken ]] ||
		fs-put --delete=hard --event-time=next --target-stores=online "${load[@]}" -- \
			"$target_group" "$run/taken" || return
	if ((${#alter[@]})); then
		"${alter[@]}" --quiet --progress=none -o ndjson -- "$run/older" >"$run/altered" &&
			mv -- "$run/altered" "$run/older" || return
	fi
	fs-put "${load[@]}" "$@" -- "$target_group" "$run/older"
}

# find_past: of what the target has already (`known`), records of its online store that are older
# than its history, and that the source's online store has just so, at that very time. The history
# has nothing for the online store of these identifiers: it would be put there for a while only.
find_past() {
	local csv=(--quiet --progress=none -o csv)
	local -a both=("--select=${pair#*=}" "${csv[@]}")

	[[ -s $run/there.online && -s $run/there.offline ]] || return 0
	{
		map-fields "${both[@]}" -- "$run/there.online" | LC_ALL=C sort -u >"$run/present" &&
			map-fields "${both[@]}" -- "$run/there.offline" |
			quality-clean --enable=deduplicate "--key=$1" --keep=newest \
				"--event-time=$2" "${csv[@]}" | LC_ALL=C sort -u |
			LC_ALL=C comm -23 "$run/present" - >"$run/behind"
	} 2>"$run/err" && [[ -s $run/behind ]] || return 0
	sed -i "1i $1,$2" "$run/behind" &&
		fs-extract-online "${aws[@]}" --quiet "--ids=$run/behind" "$pair" --no-seal \
			--progress=none -o csv -O "$run/present" -- "$source_group" 2>"$run/err" ||
		return 0 # who may not ask sends them
	LC_ALL=C sort -u "$run/present" | LC_ALL=C comm -12 - <(LC_ALL=C sort -u "$run/behind") |
		grep -vxF "$1,$2" >"$run/past" || return 0
	sed -i "1i $1,$2" "$run/past"
	known+=("--there-past=$run/past")
}

# there_offline NAME: into that array, options of fs-put: what the target's offline store has is not
# sent there again.
there_offline() {
	local -n options=$1
	local each

	options=()
	for each in "${known[@]}"; do
		[[ $each != --there-offline=* ]] || options+=("$each")
	done
}

# forget_older: the files of all that.
forget_older() {
	rm -f -- "$run"/{newest,others,known,states,late,older,taken,freed,ids,err} \
		"$run"/{past,present,behind,absent}
}
