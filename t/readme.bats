load helper

# What ferry-features(7) shows works as it stands, with the real aws command beside it.
setup_file() { scratch_db; }

@test "readme: the commands of feature groups, run as the demo runs them" {
	export FERRY_SANDBOX=$FERRY_BIN/../ferry-sandbox
	run_rc 0 "$root/t/demo-features" "$PWD/demo" 2000
	has "$out" 'created feature group customers' '2 records: 2 written, 0 failed' \
		'"FeatureGroupName": "customers"' '"ValueAsString": "tools"' \
		'{"id":"A1","event_time":"2024-05-01T10:00:00Z","count":3,"price":9.5,' \
		'clear customers? [y/N]' 'deleted 3 records of the online store' \
		'deleted feature group customers' \
		'2000 records: 2000 written, 0 failed' 'has them all, unchanged'
	is "$(paste -sd' ' demo/out.csv | cut -c 1-20)" 'id,event_time,count,'
	"$root/t/aws/parquet.py" demo/out.parquet >rows
	is "$(wc -l <rows)" 3
	# it is what the page shows, and nothing else of it
	(($("$root/t/readme" ferry-features.7 'First steps' | grep -c '^fs ') > 9))
	run_rc 1 "$root/t/readme" ferry-features.7 'No such section'
}

# The session of README.md is what comes, to the byte.
@test "readme: the session" {
	need jq
	cat >narrow.csv <<-'END'
		ship_id,created_time,data_channel_id,value
		IMO9999993,2024-10-01 00:00:00,/engine/rpm,712
		IMO9999993,2024-10-01 00:00:00,/engine/state,running
		IMO9999993,2024-10-01 00:00:15,/engine/rpm,713
		IMO9999993,2024-10-01 00:00:15,/hull/draught,9.40
	END
	awk '/^## / { on = $0 == "## A session" } on && /^```/ { code = !code; next } on && code' \
		"$root/README.md" >session
	(($(wc -l <session) >= 10))
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line != '$ '* ]] || bash -c "${line#$ }" 2>&1 || :
	done < <(grep '^\$ ' session) >came
	same_file came session
}

@test "readme: at most 150 lines" { (($(wc -l <"$root/README.md") <= 150)); }
