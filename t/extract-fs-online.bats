load helper
load sandbox
load fs

setup_file() { sandbox_start --set group-delay=0; }
teardown_file() { sandbox_stop; helper_teardown_file; }
setup() {
	helper_setup
	sandbox_set
}

extract() { fs-extract-online "$@" --no-seal; }

@test "fs-extract-online: the whole store, in every format" {
	records 1234 >in.csv
	group whole
	fs-put whole in.csv
	LC_ALL=C sort in.csv >want
	run_ok extract whole
	LC_ALL=C sort "$out" >got
	same_file got want
	run_ok extract whole -o ndjson -w 3
	reformat -o csv "$out" | LC_ALL=C sort >got
	same_file got want
	run_ok extract whole -o json
	is "$(jq length "$out")" 1234
	run_ok extract whole -c price,ID
	is "$(head -n 1 "$out")" price,id
	run_rc 64 extract whole -c nope
	has "$err" 'has no feature "nope"'
}

@test "fs-extract-online: identifiers from records, lines and the command line" {
	records 500 >in.csv
	group some
	fs-put some in.csv
	awk -F, 'NR == 1 || NR % 2' in.csv >half.csv
	LC_ALL=C sort half.csv >want
	for each in half.csv half.ndjson half.gz; do
		case $each in
		*.ndjson) reformat -o ndjson half.csv >$each ;;
		*.gz) gzip -c half.csv >$each ;;
		esac
		run_ok extract some --ids $each
		LC_ALL=C sort "$out" >got
		same_file got want
	done
	sed 1d half.csv | cut -d, -f1 >ids
	run_pipe '0 0' 'cat ids | fs-extract-online some --ids - --lines --no-seal'
	LC_ALL=C sort "$out" >got
	same_file got want
	printf '[{"x":1,"record_id":"id5"},{"x":2,"record_id":"id6"}]' >ids.json
	run_ok extract some --ids ids.json -i json -c id
	is "$(sed 1d "$out" | sort | paste -sd' ')" 'id5 id6'
	run_ok extract some --id id5 --id id7 -c id
	is "$(sed 1d "$out" | sort | paste -sd' ')" 'id5 id7'
	run_rc 0 extract some --id id5 --id none -c id
	has "$err" '1 identifiers have no record'
	run_rc 69 extract some --id none --required
	has "$err" 'feature group "some" has no record "none"'
	run_ok extract some --id id5 -o table
	has "$out" 'FeatureName  Value' 'id           id5'
	run_rc 64 extract some --lines
}

@test "fs-extract-online: a time of now" {
	records 3 >in.csv
	group timed
	fs-put timed in.csv
	run_ok extract timed --current-time -c id,event_time
	[[ $(sed -n 2p "$out" | cut -d, -f2) > 2024-06 ]]
	is "$(wc -l <"$out")" 4
}

@test "fs-extract-online: an empty store is a header, and sealed" {
	group empty
	run_ok extract empty
	is "$(<"$out")" id,event_time,count,price,category
	group copy
	run_pipe '0 0' 'fs-extract-online empty | fs-put copy'
	run_ok extract copy
	is "$(wc -l <"$out")" 1
}

@test "fs-extract-online: one store into another, record by record" {
	records 3000 >in.csv
	group from
	group to
	fs-put from in.csv
	run_pipe '0 0' 'fs-extract-online from | fs-put to'
	same_online to in.csv
}

@test "fs-extract-online: throttling, errors, resets, lost and cut answers lose nothing" {
	records 20000 >in.csv
	group storm
	fs-put storm in.csv
	LC_ALL=C sort in.csv >want
	sandbox_set throttle=5 error=1 reset=2 lost=2 cut=2 unprocessed=2
	run_rc 0 extract storm
	sandbox_set
	LC_ALL=C sort "$out" >got
	same_file got want
}

@test "fs-extract-online: what fails is said in one line" {
	group refused
	run_rc 69 extract nowhere
	fs-group create offline --schema-file features.json --role-arn "$role" --s3-uri s3://b/c \
		--no-online-store >/dev/null
	run_rc 69 extract offline
	has "$err" 'has no online store' fs-extract-athena
	sandbox_set deny=ListRecords
	run_rc 77 extract refused
	has "$err" 'cannot read the online store' AccessDenied
	sandbox_set deny=BatchGetRecord
	run_rc 77 extract refused --id x
	sandbox_set missing=ListRecords
	run_rc 69 extract refused
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 extract refused
}

@test "fs-extract-online: memory does not grow with the store" {
	local small large
	no_sanitizer 'it keeps freed memory'
	group small
	group large
	records 500 | fs-put small --accept-unsealed
	records 40000 | fs-put large --accept-unsealed
	small=$(command time -f %M fs-extract-online small 2>&1 >/dev/null)
	large=$(command time -f %M fs-extract-online large 2>&1 >/dev/null)
	printf '%s kB, %s kB\n' "$small" "$large"
	((large < small + 6144 && large < 32768))
}
