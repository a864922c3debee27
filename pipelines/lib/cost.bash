# cost.bash: what a command of feature groups is going to cost, before it does anything; sourced
# behind options.bash.
#
# An estimate: records are counted by Athena or in the file, their size is that of a sample or of
# the file, and a query is taken to scan the whole table. Storage and requests to S3 are left out.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # opt, aws, run and words are those of who sources it

declare -A price=()
readonly prices_needed='as-of write-unit read-unit athena-terabyte'

# read_prices: into `price`; --max-cost is looked at, too.
read_prices() {
	local file=${opt[prices]-$FERRY_LIB/lib/prices} name value rest

	[[ ${opt[max-cost]-0} =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)$ ]] ||
		misused "$(fill $"--max-cost: not an amount in USD: %s" "${opt[max-cost]}")"
	[[ -r $file && ! -d $file ]] || fail "$EX_NOINPUT" "$(fill $"cannot read %s" "$file")"
	while read -r name value rest || [[ $name ]]; do
		[[ $name && $name != '#'* ]] || continue
		[[ " region $prices_needed " == *" $name "* && \
			(! $rest || $rest == '#'*) && \
			($name == @(as-of|region) || $value =~ ^[0-9]*\.?[0-9]+$) ]] ||
			fail "$EX_CONFIG" \
			"$(fill $"%s: no price: %s" "$file" "$name $value $rest")" \
			"$(fill $"a line is a name and a value: %s" "$prices_needed")"
		price[$name]=$value
	done < <(tr -d '\r' <"$file")
	for name in $prices_needed; do
		[[ ${price[$name]-} ]] || fail "$EX_CONFIG" \
			"$(fill $"%s does not have %s" "$file" "$name")"
	done
}

# check_cost: reads what is said of costs before anything is asked.
check_cost() { [[ ! ${opt[max-cost]+set}${opt[prices]+set} ]] || read_prices; }

# costs: is anybody to be told?
costs() { [[ ${opt[dry-run]-} == 1 || ${opt[max-cost]+set} || ${opt[prices]+set} ]]; }

# table_bytes GROUP: how much a query of it can scan; nothing where the objects may not be listed.
table_bytes() {
	fs-group "${aws[@]}" size -o json -- "$1" 2>/dev/null |
		sed -nE 's/.*"Bytes": ?([0-9]+).*/\1/p' | head -n 1 || :
}

# tell_cost NAME=NUMBER...: prints the estimate, and ends the script when it is beyond --max-cost.
# writes, reads, deletes, lists: records; units: write units of all; queries, each of so many bytes.
# What is empty is not known, which --max-cost does not take.
tell_cost() {
	local each writes=0 deletes=0 reads=0 lists=0 units=0 queries=0 bytes=0 total unknown=''
	local whose

	read_prices
	for each; do
		printf -v "${each%%=*}" '%s' "${each#*=}"
		[[ ${each#*=} ]] || unknown=1
	done
	((queries)) || bytes=0
	total=$(awk -v units="${units:-0}" -v reads="${reads:-0}" -v queries="$queries" \
		-v bytes="${bytes:-0}" -v unit="${price[write-unit]}" \
		-v read="${price[read-unit]}" -v tb="${price[athena-terabyte]}" 'BEGIN {
		if (bytes < 10000000) bytes = 10000000
		all = units * unit + reads * read + queries * bytes / 1e12 * tb
		printf "%.4f", int(all * 1e4 + 0.999) / 1e4 }') # up: what costs is not 0
	fill \
$"Requests: %s BatchWriteRecord, %s DeleteRecord, %s BatchGetRecord, %s ListRecords\n" \
		"$(((${writes:-0} + 24) / 25))" "${deletes:-0}" "$(((${reads:-0} + 99) / 100))" \
		"$(((${lists:-0} + 99) / 100))"
	fill $"Units: %s written (1 KB), %s read (4 KB); Athena: %s queries of at most %s bytes\n" \
		"${units:-?}" "${reads:-?}" "$queries" "${bytes:-?}"
	whose=${price[as-of]}${price[region]:+, ${price[region]}}
	if [[ $unknown ]]; then
		fill $"Cost: at least %s USD; not all of it is known (prices of %s)\n" \
			"$total" "$whose"
		[[ ! ${opt[max-cost]+set} ]] || fail "$EX_NOTALLOWED" \
			$"what it costs is not known, so --max-cost stops it: nothing was done" \
			$"--expect N says how many records there are"
	else
		fill $"Cost: about %s USD (prices of %s)\n" "$total" "$whose"
	fi
	[[ ! ${opt[max-cost]+set} ]] || awk -v a="$total" -v b="${opt[max-cost]}" \
		'BEGIN { exit a > b + 0 }' || fail "$EX_NOTALLOWED" \
		"$(fill $"it would cost about %s USD, --max-cost is %s: nothing was done" \
			"$total" "${opt[max-cost]}")"
}

# sample_units GROUP RECORDS: write units of so many records like the first 200.
sample_units() {
	local units=0 records=0

	[[ $2 ]] || return 0
	(
		unset FERRY_STATS_LOG # these are no programs of the migration
		if [[ ${plan[source]} == online ]]; then
			fs-extract-online "${aws[@]}" -o ndjson --no-seal --progress=none -- "$1" |
				head -n 200 >"$run/sample" || :
		else
			fs-extract-athena "${aws[@]}" --limit 200 --without-collections -o ndjson \
				--no-seal --progress=none -- "$1" >"$run/sample"
		fi && fs-put "${aws[@]}" --quiet --dry-run --ignore-unknown \
			--accept-unsealed --failed=/dev/null --progress=none \
			"--stats=$run/sampled" -- "$1" "$run/sample"
	) 2>/dev/null || :
	if [[ -s $run/sampled ]]; then
		units=$(figure write_units "$run/sampled") records=$(figure records "$run/sampled")
	fi
	rm -f -- "$run/sample" "$run/sampled"
	if ((records)); then
		printf '%s\n' "$((($2 * units + records - 1) / records))"
	else
		printf '%s\n' "$2"
	fi
}

# cost_of_move: of the migration in `plan`: its writes, the listing of what is late, and reading
# back. With targets that have records already those are read, too.
cost_of_move() {
	local records=${plan[records]-} reads=0 queries=0 bytes=0 lists=0

	[[ ! ${opt[expect]+set} ]] || records=$(quantity expect 0 0)
	[[ ! ${plan[late]} && ${plan[source]} != online ]] || lists=$records
	[[ ! ${plan[online]} ]] || reads=$((2 * ${records:-0}))
	[[ ${opt[clear-target]-}${opt[only-missing]-1} != 1 || ! ${plan[online]} ]] ||
		reads=$((reads + ${records:-0})) lists=$((2 * ${records:-0}))
	[[ $records ]] || reads='' lists=''
	if [[ ${plan[source]} != online ]]; then
		queries=$((5 + ${#plan[offline]}))
		! reads_twice || queries=$((queries + 1))
		bytes=$(table_bytes "${words[0]}")
	fi
	tell_cost "writes=$records" "reads=$reads" "lists=$lists" "queries=$queries" \
		"bytes=$bytes" "units=$(sample_units "${words[0]}" "$records")"
}

# cost_of_clear: of deleting what the online store has, whose list is in $run/ids; the offline
# store's objects cost nothing to delete.
cost_of_clear() {
	local n

	n=$(wc -l <"$run/ids")
	tell_cost "deletes=$n" "units=$n" "reads=$n" "lists=$n"
}

# cost_of_export: one query, and collections by identifier, whose number nobody knows before.
cost_of_export() {
	local reads=0

	[[ ! ${FERRY_QUIET-} ]] || exec >/dev/null
	[[ ${opt[without-collections]-} == 1 ]] ||
		! fs-group "${aws[@]}" schema -o csv -- "${words[0]}" |
		awk -F , 'NR > 1 && $3 !~ /^"?"?$/ { some = 1 } END { exit !some }' || reads=''
	tell_cost queries=1 "bytes=$(table_bytes "${words[0]}")" "reads=$reads"
}
