load helper

# What README.md shows of feature groups works as it stands, with the real aws command beside it.
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
	# it is what the README shows, and nothing else of it
	(($("$root/t/readme" 'Feature groups' | grep -c '^fs ') > 9))
	run_rc 1 "$root/t/readme" 'No such section'
}
