load helper
load sandbox
load fs
load json

setup_file() { sandbox_start --set group-delay=0; }
teardown_file() { sandbox_stop; helper_teardown_file; }
setup() {
	helper_setup
	sandbox_set
}

extract() { fs-extract-online "$@" --no-seal; }

@test "fs-extract-online: a number that JSON would not take is a text of it" {
	fs-group template -O features.json
	jq -c '.[0].FeatureType = "Integral"' features.json >numbers.json
	fs-group create numbers --schema-file numbers.json --role-arn "$role" \
		--no-offline-store >/dev/null
	printf 'id,event_time,count,price\n' >in.csv
	printf '%s,2024-01-01T00:00:00Z,%s,%s\n' 007 -0 01.50 8 +08 .5 9 -09 1.e3 10 10 1.50 \
		>>in.csv
	sed -i 's/,+08,/,008,/' in.csv
	fs-put numbers in.csv
	run_ok fs-extract-online numbers --no-seal -o ndjson
	sed -E 's/"event_time":"[^"]*",|,"category":null|"(id|count|price)"://g' "$out" |
		LC_ALL=C sort >got
	printf '%s\n' '{"007",-0,"01.50"}' '{10,10,1.50}' '{8,"008",".5"}' '{9,"-09","1.e3"}' |
		LC_ALL=C sort >wanted
	same_file got wanted
	run_ok fs get numbers 007
	is "$(jq -r .id "$out")" 007
	# and the same comes back from it
	fs-group create numbers-2 --schema-file numbers.json --role-arn "$role" \
		--no-offline-store >/dev/null
	run_rc 0 fs migrate numbers numbers-2 --yes
	is "$(online numbers-2)" "$(online numbers)"
}

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
	printf '\ufeffid5\r\nid6' >ids # as Windows writes it
	run_ok extract some --ids ids --lines -c id
	is "$(sed 1d "$out" | sort | paste -sd' ')" 'id5 id6'
	printf '[{"x":1,"record_id":"id5"},{"x":2,"record_id":"id6"}]' >ids.json
	run_ok extract some --ids ids.json -i json -c id
	is "$(sed 1d "$out" | sort | paste -sd' ')" 'id5 id6'
	run_ok extract some --id id5 --id id7 -c id
	is "$(sed 1d "$out" | sort | paste -sd' ')" 'id5 id7'
	run_rc 0 extract some --id id5 --id none -c id
	has "$err" '1 identifiers have no record'
	run_rc 69 extract some --id none --required
	has "$err" 'feature group "some" has no record "none"'
	printf '%s\n' id id5 none >three
	run_rc 69 extract some --ids three --required --stats s.json
	as_said stats <s.json
	is "$(jq -c '[.rows_in, .rejects, .exit]' s.json)" '[1,0,69]'
	run_ok extract some --id id5 -o table
	has "$out" 'FeatureName  Value' 'id           id5'
	run_rc 64 extract some --lines
}

@test "fs-extract-online: identifiers alone take the listing alone" {
	group listed
	records 230 >in.csv
	fs-put listed in.csv
	printf 'id,event_time\nid7,2025-01-01T00:00:00Z\n' >gone.csv
	fs-put listed --delete soft gone.csv
	sandbox_ask DELETE counters
	run_ok fs-extract-online listed -c id --no-seal
	LC_ALL=C sort "$out" >got
	cut -d , -f 1 in.csv | grep -vx id7 | LC_ALL=C sort >want
	same_file got want
	run_ok fs-extract-online listed -c id --deleted --no-seal --shard 1/1 -o ndjson
	is "$(wc -l <"$out") $(grep -c '"id7"' "$out")" '230 1'
	is "$(sandbox_count ListRecords) $(sandbox_count BatchGetRecord)" '6 0'
	# which were deleted is not in the listing
	run_ok fs-extract-online listed -c id --deleted-ids deleted --no-seal
	is "$(wc -l <"$out") $(<deleted)" '230 {"id":"id7"}'
	printf 'nobody\nid7\nid8\n' >ids
	run_ok fs-extract-online listed -c id --ids ids --lines --deleted-ids deleted --no-seal
	is "$(sort deleted | paste -sd' ')" '{"id":"id7"} {"id":"nobody"}'
}

@test "fs-extract-online: a first line is a header only where it names the identifier" {
	local each

	records 9 >in.csv
	group lined
	fs-put lined in.csv
	printf 'id1\nid2\n' >plain
	printf '\ufeffid1\r\nid2\r\n' >windows
	printf '"id1"\n"id2"\n' >quoted
	printf '\ufeffid\r\nid1\r\nid2\r\n' >headed
	printf 'other,ID\nx,id1\ny,id2\n' >case
	printf 'x,record_id\nx,id1\ny,id2\n' >called
	for each in plain windows quoted headed case called; do
		run_ok extract lined --ids $each -c id
		is "$(sed 1d "$out" | sort | paste -sd' ')" 'id1 id2'
		run_ok fs bulk-get lined $each -o got.csv
		is "$(cut -d, -f1 got.csv | sort | paste -sd' ')" 'id id1 id2'
	done
	# a stream of ours always has one
	run_pipe '0 0 0' "sed 's/^id,/who,/' in.csv | via --source -- cut -d, -f1 |
		fs-extract-online lined --ids - --no-seal -c id"
	is "$(wc -l <"$out")" 10
	printf 'who,x\nid1,x\n' >odd
	run_rc 65 extract lined --ids odd
	has "$err" 'odd: no column of the first line is "id"'
	run_rc 0 extract lined --ids odd --names id,x -c id
	is "$(paste -sd" " "$out")" "id id1"
}

@test "fs-extract-online: objects are stored where none are that would be taken for them" {
	group stored
	records 9 >in.csv
	fs-put stored in.csv
	run_rc 0 fs-extract-online stored --s3-output s3://offline/out/first
	aws --endpoint-url "$AWS_ENDPOINT_URL" s3 cp --quiet \
		s3://offline/out/first/part-00001.ndjson.gz part.gz
	for each in s3://offline/out/first s3://offline/out/first/; do
		run_rc 73 fs-extract-online stored --s3-output $each
		has "$err" 'parts of an earlier run are there already'
	done
	run_rc 0 fs-extract-online stored --s3-output s3://offline/out/firs
	sandbox_set deny=ListObjectsV2
	run_rc 0 fs-extract-online stored --s3-output s3://offline/out/blind
	has "$err" 'whether parts of an earlier run are there is not known'
	sandbox_set
	is "$(gzip -cd part.gz | jq -r .id | sort | paste -sd' ')" \
		'id0 id1 id2 id3 id4 id5 id6 id7 id8'
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
	records 10000 >in.csv
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
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 extract refused --id x
	sandbox_set missing=ListRecords
	run_rc 69 extract refused
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 extract refused
}

# bats test_tags=whole
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

@test "fs-extract-online: which of these records the store has just so" {
	local n

	fs-group template | jq '. + [{"FeatureName":"tags","FeatureType":"String",
		"CollectionType":"List"}]' >features.json
	fs-group create compared --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs --storage-type InMemory >/dev/null
	records 9000 >in.csv
	fs-put compared in.csv
	{
		printf 'id,event_time,count,price,category\n'
		printf 'id3,2024-01-01T00:00:03Z,-2,3.26,\n'        # another price
		printf 'id4,2024-01-01T00:00:04.001Z,-1,4.25,red\n' # newer
		printf 'id6,2024-01-01T00:00:06Z,1,6.25,\n'         # a text less
		printf 'id8,2024-01-01T00:00:08Z,3,8.25,""\n'       # empty, which is not none
	} >changes.csv
	fs-put compared changes.csv
	jq -nc '{id: "id9", event_time: "2024-01-01T00:00:09Z", count: 4, price: 9.25,
		category: "a, \"b\" é", tags: ["x"]}' >tagged.json
	fs-put compared tagged.json
	printf 'id,event_time\nid11,2024-01-01T00:00:11Z\nid12,2024-01-01T00:00:13Z\n' >gone.csv
	fs-put compared --delete hard --event-time next gone.csv
	# numbers as Athena may write them, and columns that are no features
	sed -E '1s/$/,write_time/; 2,$s/$/,2024-02-02 00:00:00/
		s/^(id2,[^,]*)Z,-3,2.25/\1.000Z,-3,2.25E0/' in.csv >known.csv
	run_rc 0 extract compared --same-as known.csv --changed changed -c id,event_time
	grep -vE '^id(3|4|6|8|9|11|12),' in.csv | cut -d, -f1,2 | LC_ALL=C sort >want
	sed "s/[.]000Z/Z/" "$out" | LC_ALL=C sort >got
	same_file got want
	has "$err" '5 records are not in the online store as they are in known.csv'
	is "$(jq -r .id changed | sort | paste -sd' ')" 'id3 id4 id6 id8 id9'
	run_ok extract compared --ids changed -c id
	is "$(wc -l <"$out")" 6
	# two states of one identifier are two questions
	{
		head -n 1 in.csv
		grep -h '^id4,' changes.csv in.csv changes.csv
	} >twice.csv
	run_rc 0 extract compared --same-as twice.csv -c event_time
	is "$(grep -c 04.001 "$out")" 2
	printf 'id,count\nid1,1\n' >bad.csv
	run_rc 65 extract compared --same-as bad.csv
	has "$err" 'record 1 is without "event_time"'
	run_rc 66 extract compared --same-as nothing
	# what a program leaves that failed is no list
	: >empty.csv
	run_rc 65 extract compared --same-as empty.csv
	has "$err" 'nothing was read'
	run_rc 64 extract compared --among known.csv -c count
	has "$err" '--among needs the identifier'
	run_rc 64 extract compared --except known.csv -c count
	has "$err" '--except needs the identifier'
}

@test "fs-extract-online: which of these records it has no longer" {
	records 300 >in.csv
	group fading
	fs-put fading in.csv
	printf 'id,event_time\nid5,2024-02-01T00:00:00Z\nid6,2024-02-01T00:00:00Z\n' >soft.csv
	fs-put fading --delete soft soft.csv
	printf 'id,event_time\nid7,2024-02-01T00:00:00Z\n' >hard.csv
	fs-put fading --delete hard hard.csv
	run_ok extract fading --deleted-ids deleted -c id
	is "$(wc -l <"$out")" 298
	is "$(jq -r .id deleted | sort | paste -sd' ')" 'id5 id6'
	# one of them lives again
	grep -E '^(id,|id6)' in.csv | sed 's/2024-01/2024-03/' >again.csv
	fs-put fading again.csv
	run_ok extract fading --gone-from in.csv --ids deleted -c id,event_time
	is "$(<"$out")" "$(grep -E '^(id|id5),' in.csv | cut -d, -f1,2)"
	run_rc 64 extract fading --gone-from in.csv
	: >none
	run_ok extract fading --gone-from in.csv --ids none -c id
	is "$(<"$out")" id
}
