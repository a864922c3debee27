load helper
load sandbox
load fs
load storm
load json

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0 \
		--seed "${FERRY_SEED:-1}"
}
teardown_file() { sandbox_stop; helper_teardown_file; }
setup() {
	helper_setup
	sandbox_set
}

@test "fs-put: CSV, NDJSON, a JSON array and gzip give the same records" {
	records 300 >in.csv
	reformat -o ndjson in.csv >in.ndjson
	reformat -o json in.csv >in.json
	gzip -k in.csv
	for each in in.csv in.ndjson in.csv.gz; do
		group "g-${each//./-}"
		run_ok fs-put "g-${each//./-}" "$each"
		same_online "g-${each//./-}" in.csv
	done
	group g-array
	run_ok fs-put g-array -i json in.json
	same_online g-array in.csv
}

@test "fs-put: its statistics are what ferry-json(7) says" {
	records 30 >in.csv
	group counted
	run_ok fs-put counted --stats stats in.csv
	as_said put <stats
	printf 'id,event_time\nx,never\n' >bad.csv
	run_rc 65 fs-put counted --stats stats bad.csv
	as_said put <stats
}

@test "fs-put: NULL is no value, an empty string is one, texts pass unchanged" {
	local time='"event_time":"2024-01-01T00:00:00Z"'
	group texts
	printf '%s\n' '{"id":"a",'"$time"',"count":007}' >in.json
	run_rc 65 fs-put texts in.json
	printf '%s\n' '{"id":"a",'"$time"',"category":"\u0000"}' >in.json
	run_rc 65 fs-put texts in.json
	{
		printf '%s' '{"id":"a","event_time":"2024-01-01T00:00:00.123456789Z","count":"007",'
		printf '%s\n' '"price":1e5,"category":""}'
		printf '%s\n' '{"id":"b:/%+ é=*",'"$time"',"count":null,"category":"\t\"\\"}'
		printf '%s\n' '{"id":"c",'"$time"',"count":-9223372036854775808}'
	} >in.json
	run_ok fs-put texts in.json
	aws sagemaker-featurestore-runtime get-record --feature-group-name texts \
		--record-identifier-value-as-string a |
		jq -c '[.Record[] | {(.FeatureName): .ValueAsString}] | add |
			[.count, .price, .category, .event_time]' >got
	is "$(<got)" '["007","1e5","","2024-01-01T00:00:00.123456789Z"]'
	run_ok fs-extract-online texts --id 'b:/%+ é=*' -o ndjson
	is "$(jq -c '[.id, .count, .price, .category]' "$out")" '["b:/%+ é=*",null,null,"\t\"\\"]'
}

@test "fs-put: values are checked against the types before anything is sent" {
	local before
	group checked
	bad() {
		printf '%s\n' id,event_time,count,price,category "$1" >bad.csv
		run_rc 65 fs-put checked --stats stats bad.csv
		has "$err" 'bad.csv:2: record 1: field "'"$2"'": '"$3"
		is "$(jq .exit stats)" 65
		cp bad.csv kept.csv
		run_rc 64 fs-put checked --stats bad.csv bad.csv
		same_file bad.csv kept.csv
		has stats "$3"
	}
	before=$(sandbox_count BatchWriteRecord)
	bad 'a,2024-01-01T00:00:00Z,1.5,1,x' count 'is not a 64-bit integer'
	bad 'a,2024-01-01T00:00:00Z,9223372036854775808,1,x' count 'is not a 64-bit integer'
	bad 'a,2024-01-01T00:00:00Z,1,NaN,x' price 'is not a finite number'
	bad 'a,2024-01-01T00:00:00Z,1,"",x' price 'is not a finite number'
	bad 'a,2024-01-01 00:00:00,1,1,x' event_time 'is no event time'
	bad 'a,2024-01-01T00:00:00+00:00,1,1,x' event_time 'is no event time'
	bad 'a,2024-02-30T00:00:00Z,1,1,x' event_time 'is no event time'
	bad 'a,,1,1,x' event_time 'empty; every record needs an event time'
	bad ',2024-01-01T00:00:00Z,1,1,x' id 'is empty, but identifies the record'
	is "$(sandbox_count BatchWriteRecord)" "$before"
	printf '%s\n' id,event_time,colour 'a,2024-01-01T00:00:00Z,red' >bad.csv
	run_rc 65 fs-put checked bad.csv
	has "$err" 'column "colour" is no feature of the group' --ignore-unknown
	run_rc 0 fs-put checked --ignore-unknown bad.csv
	has "$err" 'column "colour" is no feature of "checked" and is left out'
	printf '%s\n' id,count a,1 >bad.csv
	run_rc 65 fs-put checked bad.csv
	has "$err" 'the column of the event time is missing'
	run_ok fs-put checked --event-time missing bad.csv
	printf '%s\n' event_time,count 2024-01-01T00:00:00Z,1 >bad.csv
	run_rc 65 fs-put checked bad.csv
	has "$err" 'the column of the record identifier is missing'
}

@test "fs-put: columns are matched by name, case aside where it is clear" {
	group named
	printf '%s\n' 'CATEGORY,Event_Time,ID,count' 'x,2024-01-01T00:00:00Z,a,5' >in.csv
	run_ok fs-put named in.csv
	run_ok fs-extract-online named -o csv
	is "$(sed -n 2p "$out")" 'a,2024-01-01T00:00:00Z,5,,x'
}

@test "fs-put: the newest event time wins, in whatever order records come" {
	group newest
	awk 'BEGIN { print "id,event_time,count"
		for (i = 0; i < 3000; i++)
			printf "id%d,2024-01-%02dT%02d:%02d:00Z,%d\n", i % 7, 1 + (i * 7) % 28,
				int(i / 60) % 24, i % 60, i }' >in.csv
	run_ok fs-put newest in.csv --stats stats
	awk -F, 'NR > 1 && ($2 > time[$1]) { time[$1] = $2; n[$1] = $3 }
		END { for (i in n) print i "," time[i] "," n[i] ",," }' in.csv | LC_ALL=C sort >want
	fs-extract-online newest --no-seal | sed 1d | LC_ALL=C sort >got
	same_file got want
	is "$(figure acknowledged stats)" 3000
}

@test "fs-put: one bad record does not sink the others of its request" {
	group mixed
	records 30 >in.csv
	# the service refuses what no client-side rule knows of
	sandbox_set entry-error=0
	run_ok fs-put mixed in.csv
	same_online mixed in.csv
}

@test "fs-put: failed records are kept and can be loaded again as they are" {
	group kept
	records 100 >in.csv
	sed -i -e '11s/,[-0-9]*,/,many,/' -e '51s/,[-0-9]*,/,1.5,/' in.csv
	run_rc 65 fs-put kept --failed failed.ndjson in.csv --stats stats
	has "$err" '2 records failed; the first: record 10: field "count": ' \
		'which can be loaded again' '98 acknowledged, 2 rejected'
	is "$(figure rejected stats) $(figure acknowledged stats)" '2 98'
	is "$(jq -r '[.["@failed"].record, .id, .count, .["@failed"].code] | join("|")' \
		failed.ndjson | paste -sd' ')" \
		'10|id9|many|before sending 50|id49|1.5|before sending'
	jq -c '.["@failed"]' failed.ndjson | as_said failure
	jq -c '.count = 7' failed.ndjson >mended.ndjson
	run_ok fs-put kept mended.ndjson
	is "$(fs-extract-online kept --no-seal | wc -l)" 101
	run_rc 64 fs-put kept mended.ndjson --failed mended.ndjson
	has "$err" 'and the input are the same file'
	run_rc 65 fs-put kept --failed failed2.ndjson --max-failed 0 in.csv
	run_rc 65 fs-put kept in.csv
	has "$err" 'in.csv:11: record 10: field "count"'
}

@test "fs-put: what is refused before it is sent is in the file of --rejects" {
	group rejecting
	printf '%s\n' id,event_time,count a,2024-13-01T00:00:00Z,1 b,2024-01-01T00:00:00Z,2 \
		c,yesterday,3 d,2024-01-01T00:00:00Z,many >in.csv
	run_rc 65 fs-put rejecting in.csv --no-resume
	has "$err" 'hint: --failed FILE keeps such records and goes on'
	has_no "$err" --rejects
	run_rc 65 fs-put rejecting in.csv --rejects r.ndjson
	has "$err" 'hint: --rejects has what was not sent' '3 records failed'
	is "$(jq -r .value r.ndjson | paste -sd' ')" '2024-13-01T00:00:00Z yesterday many'
	is "$(fs-extract-online rejecting --no-seal -c id | paste -sd' ')" 'id b'
}

@test "fs-put: where BatchWriteRecord is missing or not allowed PutRecord does it" {
	records 200 >in.csv
	group unknown-call
	sandbox_set missing=BatchWriteRecord
	run_rc 0 fs-put unknown-call in.csv
	has "$err" 'going on with PutRecord'
	same_online unknown-call in.csv
	sandbox_set
	group not-allowed
	sandbox_set deny=BatchWriteRecord
	run_rc 0 fs-put not-allowed in.csv
	has "$err" 'going on with PutRecord'
	same_online not-allowed in.csv
	sandbox_set
	group single
	run_ok fs-put single --no-batch-write in.csv --stats stats
	is "$(figure requests stats)" 200
	same_online single in.csv
}

@test "fs-put: nothing to be done about it is said at once" {
	group refused
	records 200 >in.csv
	run_rc 69 fs-put nowhere in.csv
	has "$err" 'there is no feature group "nowhere"'
	sandbox_set deny=PutRecord,BatchWriteRecord
	run_rc 77 fs-put refused in.csv
	has "$err" AccessDenied '0 acknowledged, 0 rejected, 0 unknown' 'not sent'
	sandbox_set
	run_rc 66 fs-put refused nowhere.csv
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 fs-put refused in.csv
	fs-group create online-only --schema-file features.json --role-arn "$role" \
		--no-offline-store >/dev/null
	run_rc 69 fs-put online-only --target-stores offline in.csv
	has "$err" 'has no offline store'
}

@test "fs-put: thousands of records through faults of every kind, and sessions that end" {
	storm_load 6000
}

@test "fs-put: thousands of records through the same, and kill -9 at any time" {
	storm_kills 6000 2
}

# sent OPERATION COUNT: more requests than that have succeeded
sent() { (($(sandbox_count "$1" ok) > $2)); }

@test "fs-put: kill -9 again and again, and no acknowledged record is sent twice" {
	local i sent killed=0
	group killed
	records 8000 >in.csv
	sandbox_set latency=2
	sent=$(sandbox_count BatchWriteRecord ok)
	for ((i = 0; i < 3; i++)); do
		(exec fs-put killed in.csv -w 1 2>/dev/null 3>&-) &
		random 50
		wait_until 20 sent BatchWriteRecord \
			$(($(sandbox_count BatchWriteRecord ok) + random))
		! kill -9 $! 2>/dev/null || killed=$((killed + 1))
		wait $! 2>/dev/null || true
	done
	((killed > 0))
	sandbox_set
	run_rc 0 fs-put killed in.csv --stats stats
	same_online killed in.csv
	is "$(($(figure acknowledged stats) + $(figure skipped stats)))" 8000
	(($(figure skipped stats) > 0))
	# also where one that was killed had passed over some already
	has "$err" "put: $(figure skipped stats) records were acknowledged by an earlier run"
	# 320 full requests, and what was under way at each kill
	sent=$(($(sandbox_count BatchWriteRecord ok) - sent))
	printf '%s requests for %s kills\n' "$sent" "$killed"
	((sent <= 370 + killed * 2))
	is "$(ls "$HOME/.local/state/ferry/fs-put")" ''
}

@test "fs-put: a journal is of one job, one writer, and can be left out" {
	group journalled
	records 50 >in.csv
	sandbox_set deny=PutRecord,BatchWriteRecord
	run_rc 77 fs-put journalled --journal j in.csv
	# it would say nothing, and stay for good
	[[ ! -e j ]]
	run_rc 77 fs-put journalled in.csv
	is "$(ls ~/.local/state/ferry/fs-put)" ''
	sandbox_set
	run_ok fs-put journalled --journal j --keep-journal in.csv
	run_rc 65 fs-put journalled --journal j --delete soft in.csv
	has "$err" 'the journal of another job'
	LC_ALL=C sed '1s/journal 2/journal 3/' j >newer
	cp newer kept
	run_rc 78 fs-put journalled --journal newer in.csv
	has "$err" 'the journal of another version of ferry' '--no-resume to begin anew'
	same_file newer kept
	mkfifo hold
	flock j cat hold 3>&- &
	wait_until 10 bash -c '! flock -n j true'
	run_rc 75 fs-put journalled --journal j in.csv
	has "$err" 'another load is writing this journal'
	: >hold
	wait
	run_rc 0 fs-put journalled --journal j in.csv
	has "$err" '50 records were acknowledged by an earlier run'
	[[ ! -e j ]]
	printf 'ferry fs-put journal' >j2
	run_ok fs-put journalled --journal j2 in.csv
	head -c 64 /dev/zero >j2 # what a power failure may leave of it
	run_ok fs-put journalled --journal j2 in.csv
	printf 'my notes\n' >j2
	run_rc 65 fs-put journalled --journal j2 in.csv
	has "$err" 'or no journal'
	is "$(<j2)" 'my notes'
	HOME='' run_rc 78 fs-put journalled in.csv
	has "$err" FERRY_STATE
}

@test "fs-put: several files are one input, of one header, and have one journal" {
	group several
	records 60 >in.csv
	head -n 31 in.csv >1.csv
	{ head -n 1 in.csv && tail -n +32 in.csv; } | gzip >2.csv
	run_ok fs-put several 1.csv 2.csv --stats s
	is "$(jq .acknowledged s)" 60
	same_online several in.csv
	# what they had acknowledged is passed over; in another order they are another job
	sed -n '1p;2,4p' in.csv >3.csv
	sed -n '1p;5,6p' in.csv | sed '3s/.*/bad/' >4.csv
	run_rc 65 fs-put several 3.csv 4.csv --no-batch-write
	has "$err" '4.csv:3: record 5'
	sed -n '1p;5,6p' in.csv >4.csv
	run_rc 0 fs-put several 4.csv 3.csv --stats s
	has_no "$err" 'acknowledged by an earlier run'
	run_rc 0 fs-put several 3.csv 4.csv --stats s
	has "$err" 'records were acknowledged by an earlier run'
	is "$(jq '[.acknowledged + .skipped, .skipped > 0]' -c s)" '[5,true]'
	printf 'b,a\n1,2\n' >5.csv
	run_rc 65 fs-put several 1.csv 5.csv
	has "$err" '5.csv: header: '
}

@test "fs-put: a journal that another load ends with while one begins" {
	local sent

	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	group begun
	records 30 >in.csv
	ended() { wait "$1"; }
	begins() {
		KP_STOP=journal_opened:1 fs-put begun --journal j in.csv >said 2>&1 3>&- &
		wait_until 20 grep -q '^State:.*stopped' "/proc/$!/status"
	}
	# it is removed: notes in it would be of nobody
	begins
	run_ok fs-put begun --journal j in.csv
	kill -CONT $!
	run_rc 75 ended $!
	has said 'another load is writing this journal'
	# it has become longer: what was added counts
	begins
	run_ok fs-put begun --journal j --keep-journal in.csv
	kill -CONT $!
	run_rc 0 ended $!
	has said '30 records were acknowledged by an earlier run'
}

@test "fs-put: what is resumed is what was acknowledged last of an identifier" {
	group resumed
	# put WHAT...: one record with each of these categories, and one that fails, at now
	put() {
		printf '{"id":"A","category":"%s"}\n' "$@" >x.ndjson
		printf '{"id":"","category":"bad"}\n' >>x.ndjson
		run_rc 65 fs-put resumed x.ndjson --event-time now --failed f --stats s
		is "$(fs-extract-online resumed --id A -o ndjson --no-seal | jq -r .category)" \
			"${!#}"
	}
	put on
	put off
	is "$(figure skipped s)" 0
	has_no "$err" 'cut short'
	put on
	is "$(figure skipped s)" 0
	put on
	is "$(figure skipped s)" 1
	put off on
	put on off on
	put off
	# states of one identifier, by their own times, are not sent twice
	records 3 >in.csv
	sed -n '2,$s/,2024-01/,2024-02/p' in.csv >again
	cat again >>in.csv
	printf ',2024-01-01T00:00:00Z,,,\n' >>in.csv
	group states
	run_rc 65 fs-put states in.csv --failed f
	run_rc 65 fs-put states in.csv --failed f --stats s
	is "$(figure skipped s) $(figure acknowledged s)" '6 0'
	# the first of the first was changed: what came behind it is sent again, the rest is not
	sed -i '2s/0.25/0.75/' in.csv
	run_rc 65 fs-put states in.csv --failed f --stats s
	is "$(figure skipped s) $(figure acknowledged s)" '4 2'
	run_rc 65 fs-put states in.csv --failed f --stats s
	is "$(figure skipped s) $(figure acknowledged s)" '6 0'
}

@test "fs-put: a journal that somebody has emptied the group under is dropped" {
	group emptied
	records 300 >in.csv
	printf 'bad,never,,,\n' >>in.csv
	run_rc 65 fs-put emptied in.csv --failed f
	FERRY_STATE=$PWD/elsewhere fs clear emptied --yes >/dev/null 2>&1
	run_rc 65 fs-put emptied in.csv --failed f --stats s
	has "$err" 'has none of the records'
	is "$(figure acknowledged s)" 300
	is "$(fs-extract-online emptied --no-seal | wc -l)" 301
	# one that was deleted since is written again, the others are not
	printf 'id,event_time\nid7,2024-06-01T00:00:00Z\n' >gone.csv
	fs-put emptied gone.csv --delete hard
	run_rc 65 fs-put emptied in.csv --failed f --stats s
	is "$(figure acknowledged s) $(figure skipped s)" '1 299'
}

@test "fs-put: a journal is looked up although it does not begin with the input" {
	group partly
	records 300 >all.csv
	printf 'bad,never,,,\n' >>all.csv
	sed 2d all.csv >in.csv
	run_rc 65 fs-put partly in.csv --failed f
	FERRY_STATE=$PWD/elsewhere fs clear partly --yes >/dev/null 2>&1
	cp all.csv in.csv
	run_rc 65 fs-put partly in.csv --failed f --stats s
	has "$err" 'has none of the records'
	is "$(figure acknowledged s) $(figure skipped s)" '300 0'
	is "$(fs-extract-online partly --no-seal | wc -l)" 301
	# emptied in part: each record that is not there is sent, and no other
	sed -n '1p; 51,250p' in.csv >gone.csv
	fs-put partly --delete hard --event-time later gone.csv --target-stores online
	run_rc 65 fs-put partly in.csv --failed f --stats s
	has_no "$err" 'has none of the records'
	is "$(figure acknowledged s) $(figure skipped s)" '200 100'
	is "$(fs-extract-online partly --no-seal | wc -l)" 301
	# who is away for a moment is asked again, and not believed to have it all
	fs-put partly --delete hard --event-time later gone.csv --target-stores online
	sandbox_set error=60 only=BatchGetRecord
	run_rc 65 fs-put partly in.csv --failed f --stats s
	is "$(figure acknowledged s) $(figure skipped s)" '200 100'
}

@test "fs-put: what was deleted behind it, as the journal says, is not missing" {
	group dead
	records 3 >states.csv
	sed -i '1s/$/,is_deleted/; 2,$s/$/,/' states.csv
	printf 'id1,2024-02-01T00:00:00Z,,,,true\nid9,never,,,,\n' >>states.csv
	run_rc 65 fs-put dead states.csv --failed f
	run_rc 65 fs-put dead states.csv --failed f --stats s
	is "$(figure acknowledged s) $(figure skipped s)" '0 4'
	wait_until 20 arrived dead 3
	# nor does it come back with those that are missing: its deletion follows it
	printf 'id,event_time\nid0,2024-03-01T00:00:00Z\nid1,2024-03-01T00:00:00Z\n' >gone.csv
	fs-put dead --delete hard gone.csv
	run_rc 65 fs-put dead states.csv --failed f --stats s
	is "$(figure acknowledged s) $(figure skipped s)" '3 1'
	is "$(fs-extract-online dead --no-seal -c id | sort | paste -sd' ')" 'id id0 id2'
}

@test "fs-put: a request that is lost on a kept connection is counted as sent again" {
	acknowledged() { (($(sandbox_count PutRecord ok) > 0)); }
	asked() { (($(sandbox_count PutRecord) > 0)); }
	group kept-alive
	mkfifo in
	sandbox_ask DELETE counters
	fs-put kept-alive --no-batch-write --max-workers 1 --accept-unsealed -i ndjson in \
		2>said 3>&- &
	exec {feed}>in
	printf '{"id":"a","event_time":"2024-01-01T00:00:00Z"}\n' >&"$feed"
	wait_until 20 acknowledged
	# it is carried out, and only later the connection dies
	sandbox_set lost=100 latency=3000 only=PutRecord
	sandbox_ask DELETE counters
	printf '{"id":"b","event_time":"2024-01-01T00:00:00Z"}\n' >&"$feed"
	exec {feed}>&-
	wait_until 20 asked
	sandbox_set
	wait $!
	has said 'up to 1 records were sent again after a lost answer'
}

@test "fs-put: no room for the journal, and what was under way is unknown" {
	local known

	group full
	records 4000 >in.csv
	sandbox_set latency=20
	run_rc 74 bash -c 'trap "" XFSZ; ulimit -f 16; exec fs-put full in.csv --journal j'
	sandbox_set
	has "$err" 'cannot write the journal'
	known=$(grep -oE '[0-9]+ (acknowledged|unknown)' "$err" | awk '{ n += $1 } END { print n }')
	((known >= $(fs-extract-online full --no-seal | sed 1d | wc -l)))
}

@test "fs-put: identical records are as many as they are" {
	group identical
	records 10 >in.csv
	records 10 | sed 1d >>in.csv
	run_ok fs-put identical in.csv --stats stats
	is "$(figure acknowledged stats)" 20
}

@test "fs-put: sealed streams; a seal that never comes is 76 with exact counts" {
	counted() {
		grep -oE '[0-9]+ (acknowledged|not sent)' "$err" | awk '{ n += $1 } END { print n }'
	}
	group sealed
	records 1000 >in.csv
	run_pipe '0 0 0' 'cat in.csv | via --source -- cat | fs-put sealed'
	same_online sealed in.csv
	group cut
	reformat --seal in.csv >sealed.csv
	run_pipe '0 76' 'head -c -20 sealed.csv | fs-put cut'
	has "$err" 'ended without its seal' '1000 records: ' ' acknowledged, 0 rejected, 0 unknown'
	is "$(counted)" 1000
	run_pipe '0 76' 'head -n 500 sealed.csv | fs-put cut'
	has "$err" 'ended without its seal' '499 records: '
	is "$(counted)" 499
	run_pipe '0 76' 'cat in.csv | fs-put cut'
	has "$err" 'a pipe without a seal' --accept-unsealed '0 acknowledged'
	run_pipe '0 0' 'cat in.csv | fs-put cut --accept-unsealed'
	same_online cut in.csv
	run_pipe '0 76' 'true | fs-put cut'
}

@test "fs-put: a slow pipe is written while it runs" {
	group slow
	{
		records 3
		wait_until 20 test -e arrived
		records 2 3 | sed 1d
	} | fs-put slow --accept-unsealed 3>&- &
	wait_until 20 fs-extract-online slow --id id2 --required
	touch arrived
	wait $!
	is "$(fs-extract-online slow --no-seal | wc -l)" 6
}

@test "fs-put: deletions, soft and hard" {
	group gone
	records 40 >in.csv
	fs-put gone in.csv
	head -n 11 in.csv | sed 's/2024-01/2025-01/' >out.csv
	run_ok fs-put gone --delete soft out.csv
	is "$(fs-extract-online gone --no-seal | wc -l)" 31
	is "$(fs-extract-online gone --no-seal --deleted -c id | wc -l)" 41
	sed -n '1p;12,21p' in.csv >out.csv
	run_rc 65 fs-put gone --delete hard out.csv
	run_ok fs-put gone --delete hard --event-time later out.csv
	is "$(fs-extract-online gone --no-seal | wc -l)" 21
	run_ok fs-put gone out.csv
	is "$(fs-extract-online gone --no-seal | wc -l)" 31
	# a history carries its deletions
	printf '%s\n' id,event_time,is_deleted,write_time \
		'id30,2030-01-01T00:00:00Z,true,2024-01-01 00:00:00' >history.csv
	run_ok fs-put gone history.csv
	is "$(fs-extract-online gone --no-seal | wc -l)" 30
}

@test "fs-put: a deletion just behind the record's own time spares what is newer" {
	local type mode

	for type in String Fractional; do
		fs-group template | jq --arg t $type 'map(if .FeatureName == "event_time"
			then .FeatureType = $t else . end)' >features.json
		for mode in hard soft; do
			fs-group create "next-$type-$mode" --schema-file features.json \
				--role-arn "$role" --s3-uri s3://offline/fs >/dev/null
			if [[ $type == String ]]; then
				old=2024-01-01T00:00:00.25Z new=2024-01-01T00:00:00.250000001Z
			else
				old=1704067200.25 new=1704067200.250001
			fi
			printf '%s\n' id,event_time "a,$old" "b,$old" >old.csv
			printf '%s\n' id,event_time "b,$new" >new.csv
			fs-put "next-$type-$mode" old.csv
			fs-put "next-$type-$mode" new.csv
			# a hard one is refused, a soft one without effect
			[[ $mode == soft ]] || want=65
			run_rc "${want-0}" fs-put "next-$type-$mode" --delete $mode \
				--event-time next --failed left old.csv
			unset want
			is "$(fs-extract-online "next-$type-$mode" -c id,event_time --no-seal |
				tail -n +2)" "b,$new"
			[[ $mode == soft ]] || is "$(jq -r .id left)" b
		done
	done
	printf '%s\n' id b >none.csv
	run_rc 65 fs-put next-String-hard --delete hard --event-time next none.csv
}

@test "fs-put: target stores and time to live" {
	group stores
	records 5 >in.csv
	run_ok fs-put stores --target-stores offline in.csv
	is "$(fs-extract-online stores --no-seal | wc -l)" 1
	# nor by what only the online store lacks
	reformat -o ndjson in.csv >there
	run_ok fs-put stores --target-stores offline --there-offline there --stats s in.csv
	is "$(jq .there s) $(fs-extract-online stores --no-seal | wc -l)" '5 1'
	run_rc 0 fs-put stores --ttl 30d in.csv
	has "$err" '5 records are older than their time to live'
	run_ok fs-put stores --ttl 30d --event-time now in.csv
	is "$(fs-extract-online stores --no-seal | wc -l)" 6
	run_rc 64 fs-put stores --ttl soon in.csv
}

@test "fs-put: --dry-run checks everything and sends nothing" {
	local before
	group dry
	records 100 >in.csv
	before=$(sandbox_count BatchWriteRecord)
	run_rc 0 fs-put dry --dry-run in.csv
	has "$err" '100 records are valid, 0 are not; 100 write units'
	printf 'x,2024-01-01T00:00:00Z,many,1,x\n' >>in.csv
	run_rc 65 fs-put dry --dry-run in.csv
	run_rc 65 fs-put dry --dry-run --failed failed in.csv
	has "$err" '100 records are valid, 1 are not'
	is "$(wc -l <failed)" 1
	is "$(sandbox_count BatchWriteRecord)" "$before"
	[[ ! -e $HOME/.local ]]
}

@test "fs-put: Ctrl-C waits for what is under way and counts everything" {
	local code=0 before
	group stopped
	records 20000 >in.csv
	sandbox_set latency=20
	before=$(sandbox_count BatchWriteRecord ok)
	(exec fs-put stopped in.csv -w 2 2>err 3>&-) &
	wait_until 20 sent BatchWriteRecord "$before"
	kill -TERM $!
	wait $! || code=$?
	is "$code" 143
	has err '0 unknown' 'the same command goes on from there'
	sandbox_set
	run_rc 0 fs-put stopped in.csv
	same_online stopped in.csv
}

@test "fs-put: memory does not grow with the input" {
	local small large
	no_sanitizer 'it keeps freed memory'
	group memory
	records 2000 >small.csv
	records 40000 >large.csv
	small=$(command time -f %M fs-put memory small.csv 2>&1)
	large=$(command time -f %M fs-put memory large.csv 2>&1)
	printf '%s kB, %s kB\n' "$small" "$large"
	((large < small + 4096 && large < 32768))
}
