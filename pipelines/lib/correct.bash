# correct.bash: narrow-to-wide --mode correct. Wide CSV files of one ship each, as operators keep
# them by ship and month (`timestamp,<channel>,…`), replace what its wide tables say; each file in a
# transaction of its own:
#
#	map-fields | quality-clean | pg-copy-load --wide --live
# shellcheck shell=bash
# shellcheck disable=SC2154  # what narrow-to-wide makes of its command line

correct() {
	local each

	((${#ships[@]} <= 1)) || misused 'correct: one --ship-id at most'
	((${#files[@]})) || files=(-)
	# a name that is mistyped is told before anything is loaded
	for each in "${files[@]}"; do
		[[ $each == - || (-r $each && ! -d $each) ]] ||
			fail "$EX_NOINPUT" "$(fill $"cannot read %s" "$each")"
	done
	for each in "${files[@]}"; do
		tell "$each"
		correct_file "$each"
	done
}

# A file is whole, so it is given a seal; an empty cell stays as it is in the tables. A ship without
# tables may be mistyped; one that the file names itself must be that of --ship-id.
correct_file() {
	local unknown=${on_unknown:-error}

	[[ $unknown != add || ${new_ship[*]-} ]] || unknown=channels
	map-fields "${loud[@]}" --progress none --seal "${reading[@]}" \
		--rename "${file_time:-timestamp}:created_time" \
		"${ships[@]/#--ship-id=/--default=ship_id=}" -- "$1" |
		of_ship "${ships[@]/#--ship-id=/}" |
		pg-copy-load "${loud[@]}" --wide --live --progress none \
			--on-unknown "$unknown" ${dry_run:+"$dry_run"} "${format[@]}" \
			"${target[@]}" ||
		pipe_failed map-fields quality-clean pg-copy-load -- "${PIPESTATUS[@]}"
}

# of_ship [SHIP]: refuses records of another one
of_ship() {
	(($#)) || exec cat
	quality-clean "${loud[@]}" --progress none --rules <(
		printf '{"rules":[{"name":"allowed_values","action":"reject","config":'
		printf '{"ship_id":[%s]}}]}' "$(quote_json "$1")"
	)
}
