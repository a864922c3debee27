load ../helper

# A million records with every defect, against the script that quality-clean replaces.
@test "soak: a million records, cleaned as the script cleans them" {
	local quality=$root/t/quality
	RUN_TIMEOUT=1800
	"$quality/make-records" 1000000 >in.ndjson
	{
		printf '['
		sed '$!s/$/,/' in.ndjson
		printf ']\n'
	} >in.json
	run_ok bash "$quality/script.orig" "$quality/rules.json" in.json cleaned.json
	sed -n 's/^  .*: \([0-9,.]*\)%\{0,1\}$/\1/p' "$out" | tr -d , | head -n 6 >theirs
	run_rc 0 quality-clean -r "$quality/rules.json" -R report --report-format json \
		-O ours in.ndjson
	is "$(grep -v "no key is given" "$err" | sed "s/[0-9]*//g")" \
		'quality-clean: warning:  values under a range of'\
' numbers are no numbers and stay as they are'
	run_ok "$quality/compare" cleaned.json ours
	is "$(jq -r '.total_input, .total_output, .null_values_removed, .null_or_string_records,
		.range_violations_fixed, .duplicates_removed' report)" "$(<theirs)"
	run_rc 0 quality-clean -r "$quality/rules.json" --memory 1M -O limited in.ndjson
	same_file limited ours
}
