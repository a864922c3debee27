load helper
load sandbox
load fs
load json

setup() {
	helper_setup
	sandbox_set
	sandbox_set athena-delay=0
}

# loaded_from GROUP FILE: makes it, and waits until its records are in the offline store.
loaded_from() {
	local want
	group "$1"
	fs-put "$1" "$2" || return
	want=$(($(wc -l <"$2") - 1))
	wait_until 20 arrived "$1" "$want"
}

# left: objects that queries left in the bucket of the offline stores.
left() { aws s3 ls --recursive s3://offline/ferry-athena-results/ | wc -l; }

extract() { fs-extract-athena "$@" --no-seal; }

@test "fs-extract-athena: the same records as CSV result and as unloaded parts" {
	records 3000 >in.csv
	loaded_from both in.csv
	LC_ALL=C sort in.csv >want
	run_ok extract both
	LC_ALL=C sort "$out" >got
	same_file got want
	run_ok extract both --method unload
	LC_ALL=C sort "$out" >got
	same_file got want
	run_ok extract both --method unload -o ndjson
	reformat -o csv "$out" | LC_ALL=C sort >got
	same_file got want
	run_ok extract both -o json
	is "$(jq length "$out")" 3000
	is "$(jq -r '.[] | select(.id == "id7") | .count | type' "$out")" number
	run_ok extract both -o json --method unload
	jq -r '.[].id' "$out" | sort >got
	tail -n +2 in.csv | cut -d , -f 1 | sort | same_file got -
	# three parts, by as many cores as there are
	run_rc 0 extract both --method unload -v
	has "$err" "3 parts, decoded by $(($(nproc) < 3 ? $(nproc) : 3)) threads"
	run_rc 0 taskset -c 0 fs-extract-athena both --no-seal --method unload -v
	has "$err" '3 parts, decoded by 1 threads'
	# and the seal holds, in every format
	for each in csv ndjson; do
		run_pipe '0 0' 'fs-extract-athena both --method unload -o '$each' | reformat -o csv'
		LC_ALL=C sort "$out" >got
		same_file got want
	done
	is "$(left)" 0
}

@test "fs-extract-athena: NULL and the empty string stay apart, names keep their case" {
	printf '%s\n' '[{"FeatureName":"Id","FeatureType":"String"},
		{"FeatureName":"eventTime","FeatureType":"Fractional"},
		{"FeatureName":"Some-Text","FeatureType":"String"},
		{"FeatureName":"aNumber","FeatureType":"Fractional"}]' >features.json
	fs-group create cases --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs --record-identifier-name Id \
		--event-time-feature-name eventTime >/dev/null
	printf '%s\n' Id,eventTime,Some-Text,aNumber 'a,1761716946.4774606,"",1e15' \
		'b,1761716946.5,,' 'c,1761716947.5,"line
break, ""quoted"" é",-0.00012' >in.csv
	fs-put cases in.csv
	wait_until 20 arrived cases 3
	for method in csv unload; do
		run_ok extract cases --method $method
		LC_ALL=C sort "$out" >got
		printf '%s\n' Id,eventTime,Some-Text,aNumber \
			'a,1761716946.4774606,"",1000000000000000' \
			'b,1761716946.5,,' 'c,1761716947.5,"line
break, ""quoted"" é",-0.00012' | LC_ALL=C sort >want
		same_file got want
	done
}

@test "fs-extract-athena: latest, as of a time, history, deletions" {
	printf '%s\n' id,event_time,count a,2024-01-01T00:00:00Z,1 a,2024-01-02T00:00:00.5Z,2 \
		b,2024-01-01T12:00:00Z,3 c,2024-01-01T00:00:00Z,4 a,2024-01-02T00:00:00Z,5 >in.csv
	loaded_from story in.csv
	printf '%s\n' id,event_time b,2024-01-03T00:00:00Z |
		fs-put story --delete soft --accept-unsealed
	rows() { extract story -c id,count "$@" | sed 1d | LC_ALL=C sort | paste -sd' '; }
	told() { [[ $(rows --latest) == 'a,2 c,4' ]]; }
	wait_until 20 told
	is "$(rows)" 'a,1 a,2 a,5 b,3 c,4'
	is "$(rows --as-of 2024-01-02T00:00:00Z)" 'a,5 b,3 c,4'
	is "$(rows --as-of 2024-01-02T00:00:00.500Z)" 'a,2 b,3 c,4'
	is "$(extract story --store-columns -o ndjson | jq -r 'select(.is_deleted) | .id')" b
	run_rc 64 extract story --as-of yesterday
	# and a history is replayed with its deletions
	group replay
	run_pipe '0 0' 'fs-extract-athena story --store-columns | fs-put replay'
	fs-extract-online replay --no-seal -c id,count | sed 1d | LC_ALL=C sort >got
	is "$(paste -sd' ' got)" 'a,2 c,4'
}

@test "fs-extract-athena: columns, conditions, order, limits, other names" {
	records 50 >in.csv
	loaded_from parts in.csv
	run_ok extract parts -c count,id --where 'WHERE count >= 40' \
		--order-by 'ORDER BY count DESC' --limit 2
	is "$(paste -sd' ' "$out")" 'count,id 44,id49 43,id48'
	run_ok extract parts --columns Count --rename 'count:n' --where '"count" = 3'
	is "$(paste -sd' ' "$out")" 'n 3'
	run_rc 64 extract parts -c nope
	has "$err" 'feature group "parts" has no feature "nope"'
	run_rc 64 extract parts --rename nope:x
	local each
	for each in "id='A') OR (id='B'" "id = 'A" '(count > 1' 'count > 1 -- all' 'id = "A""' \
		'true /* */' "true; DROP TABLE x"; do
		run_rc 64 extract parts --where "$each"
		has "$err" '--where: '
		run_rc 64 fs-plan --where "$each" parts elsewhere
	done
	run_rc 64 extract parts --order-by 'count) --'
	run_ok extract parts -c count \
		--where "(id || '''--;)(' = 'id49''--;)(') AND (-count < -(2))"
	is "$(paste -sd' ' "$out")" 'count 44'
	run_rc 64 extract parts --query 'SELECT 1' --latest
	run_rc 64 extract parts --method unload --order-by count
	run_ok extract parts --dry-run --latest --where "category = 'it''s'"
	has "$out" 'row_number() OVER (PARTITION BY "id" ORDER BY ' "(category = 'it''s')"
	table=$(fs-group list --name-contains parts -o json | jq -r ".[].AthenaTable")
	run_ok extract parts --query "SELECT count(*) AS n FROM sagemaker_featurestore.$table"
	is "$(paste -sd' ' "$out")" 'n 50'
	run_ok extract parts --stats stats
	is "$(jq -c '[.rows_out, .scanned_bytes > 0, .cost_usd > 0]' stats)" '[50,true,true]'
	# shellcheck disable=SC2094  # it is read alone
	as_said stats <stats
}

# bats test_tags=whole
@test "fs-extract-athena: 2,500 features with the longest names" {
	local last

	wide 2500 6
	fs-group create wide --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs >/dev/null
	fs-put wide in.ndjson
	fs-put wide again.ndjson
	wait_until 20 arrived wide 9
	last=$(jq -r '.[-1].FeatureName' features.json)
	values in.ndjson again.ndjson >all
	tail -n +4 in.ndjson | values - again.ndjson >latest
	values in.ndjson >first
	by_turns 1 csv unload
	for method in "${turns[@]}"; do
		run_ok extract wide --method "$method" -o ndjson
		values "$out" | same_file - all
		run_ok extract wide --method "$method" -o ndjson --latest
		values "$out" | same_file - latest
		run_ok extract wide --method "$method" -o ndjson --as-of 2024-01-31T00:00:00Z
		values "$out" | same_file - first
		run_ok extract wide --method "$method" -o ndjson --store-columns --unique \
			--where "\"$last\" < 2501.5"
		is "$(jq -c '[.id, .is_deleted, .write_time[:2]]' "$out" | sort | paste -sd' ')" \
			"$(jq -c --arg last "$last" 'select(.[$last] and .[$last] < 2501.5) |
				[.id, false, "20"]' in.ndjson again.ndjson | sort | paste -sd' ')"
	done
	run_ok extract wide --order-by "\"$last\" DESC, event_time" -c "id,$last" -o ndjson
	is "$(jq -r .id "$out" | paste -sd' ')" 'r5 r4 r3 r2 r2 r1 r1 r0 r0'
	# and CSV of that width is read again
	run_ok extract wide
	fs-group create wider --schema-file features.json --role-arn "$role" \
		--no-offline-store >/dev/null
	fs-put wider "$out"
	fs-extract-online wider --no-seal -o ndjson | values | same_file - latest
	# Athena takes 262,144 bytes
	run_ok extract wide --latest --dry-run
	(($(wc -c <"$out") < 200000))
	is "$(left)" 0
}

@test "fs-extract-athena: no rows are a header, sealed where it is a pipe" {
	group empty
	run_ok extract empty
	is "$(<"$out")" id,event_time,count,price,category
	run_ok extract empty --method unload
	is "$(<"$out")" id,event_time,count,price,category
	run_pipe '0 0' 'fs-extract-athena empty | fs-put empty'
	records 5 >in.csv
	fs-put empty in.csv
	wait_until 20 arrived empty 5
	group copy
	run_pipe '0 0' 'fs-extract-athena empty | fs-put copy'
	same_online copy in.csv
}

@test "fs-extract-athena: what fails is said in one line, and nothing is left" {
	records 5 >in.csv
	loaded_from refused in.csv
	run_rc 69 extract nowhere
	has "$err" 'there is no feature group "nowhere"'
	fs-group create online --schema-file features.json --role-arn "$role" --no-offline-store \
		>/dev/null
	run_rc 69 extract online
	has "$err" 'has no offline store' fs-extract-online
	run_rc 69 extract refused --where 'no_such_column > 5'
	has "$err" 'the query failed: ' no_such_column
	run_rc 69 extract refused --where 'count > current_date'
	is "$(wc -l <"$err")" 1
	sandbox_set deny=StartQueryExecution
	run_rc 77 extract refused
	has "$err" AccessDenied
	sandbox_set deny=GetObject
	run_rc 77 extract refused
	sandbox_set
	is "$(left)" 0
}

@test "fs-extract-athena: Ctrl-C stops the query, a reader that goes, too" {
	local code=0 polls
	records 5 >in.csv
	loaded_from stopped in.csv
	sandbox_set athena-delay=20000
	stops=$(sandbox_count StopQueryExecution)
	polls=$(sandbox_count GetQueryExecution)
	(exec fs-extract-athena stopped --no-seal >got 2>err 3>&-) &
	wait_until 20 polled "$polls"
	kill -TERM $!
	wait $! || code=$?
	is "$code" 143
	is "$(sandbox_count StopQueryExecution)" $((stops + 1))
	polls=$(sandbox_count GetQueryExecution)
	export -f wait_until nap polled sandbox_count sandbox_ask
	run_pipe '141 0' 'fs-extract-athena stopped | wait_until 20 polled "$polls"' polls="$polls"
	(($(sandbox_count StopQueryExecution) >= stops + 2))
	run_rc 69 extract stopped --query-timeout 1
	has "$err" 'timeout'
	sandbox_set athena-delay=0
	is "$(left)" 0
	is "$(ls "$HOME/.local/state/ferry/fs-extract-athena")" ''
}

@test "fs-extract-athena: a run after kill -9 takes the query that was paid for" {
	local method started polls
	records 500 >in.csv
	loaded_from again in.csv
	LC_ALL=C sort in.csv >want
	for method in csv unload; do
		sandbox_set athena-delay=20000
		polls=$(sandbox_count GetQueryExecution)
		(exec fs-extract-athena again --method $method --no-seal >got 2>err 3>&-) &
		wait_until 20 polled "$polls"
		kill -9 $!
		wait $! 2>/dev/null || true
		sandbox_set athena-delay=0
		run_rc 0 extract again --method $method --stats stats
		has "$err" 'the result of the query an earlier run started'
		LC_ALL=C sort "$out" >got
		same_file got want
		started=$(jq -r 'select(.operation == "StartQueryExecution") | .body' \
			"$sandbox_dir/requests" | tail -n 2 | jq -r .ClientRequestToken | uniq)
		started=$(wc -l <<<"$started")
		is "$started" 1
		run_ok extract again --method $method
	done
	is "$(left)" 0
}

@test "fs-extract-athena: throttling, errors, resets and cut bodies change nothing" {
	records 5000 >in.csv
	loaded_from storm in.csv
	LC_ALL=C sort in.csv >want
	for method in csv unload; do
		sandbox_set throttle=10 error=5 reset=5 cut=20
		AWS_MAX_ATTEMPTS=20 run_rc 0 extract storm --method $method
		sandbox_set
		LC_ALL=C sort "$out" >got
		same_file got want
	done
}

# cut_everywhere METHOD STEP END: the result, or the list of its parts, ends early at every STEPth
# byte up to END, which is behind its end; what does not fail is whole.
cut_everywhere() {
	local at code passed=0 failed=0

	sandbox_set only=GetObject cut=100
	for ((at = 0; at < $3; at += $2)); do
		sandbox_set "cut-at=$at"
		code=0
		extract cut --method "$1" -c count >got 2>err || code=$?
		if ((code == 0)); then
			sed 1d got | LC_ALL=C sort | same_file - want
			passed=$((passed + 1))
		else
			((code == 75 || code == 76))
			failed=$((failed + 1))
		fi
	done
	sandbox_set
	printf '%s: %s cuts failed, %s were behind the end\n' "$1" "$failed" "$passed"
	((passed > 0 && failed > 5))
}

@test "fs-extract-athena: a result that is cut at any byte is never fewer rows" {
	records 2 >in.csv
	loaded_from cut in.csv
	printf '%s\n' '-4' '-5' >want
	cut_everywhere csv 2 30
	rm -rf "$HOME/.local"
	cut_everywhere unload 21 300
}

@test "fs-extract-athena: memory does not grow with the result" {
	local small large
	no_sanitizer 'it keeps freed memory'
	records 1000 >small.csv
	records 40000 >large.csv
	loaded_from small small.csv
	loaded_from large large.csv
	for method in csv unload; do
		small=$(command time -f %M fs-extract-athena small --method $method 2>&1 >/dev/null)
		large=$(command time -f %M fs-extract-athena large --method $method 2>&1 >/dev/null)
		printf '%s kB, %s kB\n' "$small" "$large"
		((large < small + 4096 && large < 32768))
	done
}

@test "fs-extract-athena: conditions on event times, texts and numbers" {
	local each

	fs-group template -O features.json
	group texts
	jq 'map(if .FeatureName == "event_time" then .FeatureType = "Fractional" else . end)' \
		features.json >numbers.json
	fs-group create numbers --schema-file numbers.json --role-arn "$role" \
		--s3-uri s3://offline/fs >/dev/null
	{
		printf 'id,event_time\n'
		printf 'old,2023-12-31T23:59:59.999Z\nnew,2024-01-01T00:00:00Z\nnow,%s\n' \
			"$(date -u +%FT%TZ)"
	} >texts.csv
	{
		printf 'id,event_time\n'
		printf 'old,1704067199.999\nnew,1704067200\nnow,%s\n' "$(date -u +%s)"
	} >numbers.csv
	for each in texts numbers; do
		fs-put "$each" "$each.csv"
		wait_until 20 arrived "$each" 3
		by_turns 1 csv unload
		for method in "${turns[@]}"; do
			ids "$each" "event_time < '2024-01-01'" old
			ids "$each" "WHERE event_time >= current_date - interval '30' day" now
			ids "$each" "event_time >= '2024-01-01 00:00:00' AND id <> 'it''s'" \
				'new now'
			ids "$each" "event_time BETWEEN '2024-01-01' AND '2024-01-02'" new
			ids "$each" "\"Event_Time\" >= date '2024-01-01' AND
				event_time < current_date" new
		done
	done
	run_rc 0 extract numbers --where "event_time < '2024-01-01'"
	has "$err" 'run again with the event time read as one'
}

# ids GROUP CONDITION WANTED
ids() {
	run_rc 0 extract "$1" --where "$2" --columns id --method "$method" --no-seal || return
	is "$(tail -n +2 "$out" | sort | paste -sd' ')" "$3" "$1: $2"
}

# picked SEED COUNT IDS: so many random identifiers of those and instants of two days, a third of
# these with a fraction of a second: many are the same, many repeat one another.
picked() {
	awk -v seed="$1" -v n="$2" -v ids="$3" 'BEGIN { srand(seed)
		for (i = 0; i < n; i++)
			printf "id%d,2024-01-%02dT%02d:00:%02d%sZ\n", rand() * ids, 1 + rand() * 2,
				rand() * 6, rand() * 2, rand() * 3 < 1 ? ".5" : "" }'
}

@test "fs-extract-athena: events with the features as they were then, as SQL has it" {
	local method

	scratch_db
	group past
	{
		printf 'id,event_time,count,price,category\n'
		picked "${FERRY_SEED}1" 400 30 | sort -u | awk -F , '{
			printf "%s,%d,%s,", $0, NR, NR % 5 ? NR / 4 : ""
			print NR % 3 ? "a, b" : "" }' |
			sed 's/a, b/"a, ""b"""/'
	} >states.csv
	fs-put past states.csv
	{
		printf 'id,event_time\n'
		picked "${FERRY_SEED}2" 60 30 | sed 's/Z$/.75Z/; s/\.5\.75/.75/' | sort -u
	} >gone.csv
	fs-put past --delete soft gone.csv
	{
		printf 'who,at,label,count\n'
		picked "${FERRY_SEED}3" 1500 36 | awk '{ print $0 ",\"l, " NR "\",x" }'
		# the very time of a state, and before all of them
		sed -n '2,9s/^\([^,]*,[^,]*\),.*/\1,same,x/p' states.csv
		printf 'id1,2023-01-01T00:00:00Z,"",\n'
	} >events.csv
	wait_until 60 all_of past $(($(wc -l <states.csv) + $(wc -l <gone.csv) - 2))
	sql "CREATE TABLE states (id text, event_time text, count int8, price float8,
			category text, deleted bool DEFAULT false);
		CREATE TABLE events (n serial, who text, at text, label text, count text)"
	sql "\\copy states (id, event_time, count, price, category) FROM states.csv CSV HEADER"
	sql "\\copy states (id, event_time) FROM gone.csv (FORMAT csv, HEADER)"
	sql "UPDATE states SET deleted = true WHERE count IS NULL"
	sql "\\copy events (who, at, label, count) FROM events.csv (FORMAT csv, HEADER)"
	sql "\\copy (SELECT who, at, label, e.count, event_time, s.count AS past_count, price,
		category FROM events AS e LEFT JOIN LATERAL (SELECT * FROM (SELECT * FROM states
			WHERE id = who AND event_time::timestamptz <= at::timestamptz
			ORDER BY event_time::timestamptz DESC, deleted LIMIT 1) AS newest
			WHERE NOT deleted) AS s ON true ORDER BY n) TO want.csv CSV HEADER"
	# what had been deleted by then, and what was not yet: both are among them
	(($(sql "SELECT count(*) FROM events WHERE who = 'id1'") > 10))
	(($(grep -c ',,,,$' want.csv) > 100 && $(grep -vc ',,,,$' want.csv) > 500))
	for method in csv unload; do
		run_rc 0 fs-extract-athena past --as-of-file events.csv --method $method \
			--no-seal -O got.csv
		has "$err" " of $(sed 1d events.csv | wc -l) events have no record of \"past\" then"
		sed -E 's/\.0,/,/' got.csv >got
		same_file got want.csv
	done
}

# all_of GROUP COUNT: so many rows, deletions too
all_of() { [[ $(fs-extract-athena "$1" --store-columns -o ndjson --no-seal | wc -l) == "$2" ]]; }

@test "fs-extract-athena: events of several groups in a pipeline, and what is no event" {
	cat >features.json <<-'END'
		[{"FeatureName": "ship", "FeatureType": "Integral"},
		 {"FeatureName": "time", "FeatureType": "Fractional"},
		 {"FeatureName": "speed", "FeatureType": "Fractional"},
		 {"FeatureName": "list", "FeatureType": "String", "CollectionType": "List"}]
	END
	for each in one two; do
		fs-group create "ships-$each" --schema-file features.json --role-arn "$role" \
			--record-identifier-name ship --event-time-feature-name time \
			--storage-type InMemory --s3-uri s3://offline/fs >/dev/null
	done
	printf '%s\n' ship,time,speed 7,1704067200.5,1.5 7,1704067300,2.5 8,1704067200,3 \
		-9,-5.5,4 >one.csv
	printf '%s\n' ship,time,speed 7,1704067250,10 8,1704067201,20 >two.csv
	fs-put ships-one one.csv
	fs-put ships-two two.csv
	wait_until 60 all_of ships-one 4
	wait_until 60 all_of ships-two 2
	printf '%s\n' >events.csv ship,at 007,1704067299.999 7,1704067200.4 8,1.704067200e9 \
		-9,-5.5 -9,0 7,1e10
	options=(--without-collections --columns speed)
	run_pipe '0 0' "fs-extract-athena ships-one ${options[*]} --as-of-file events.csv |
		fs-extract-athena ships-two ${options[*]} --rename speed:knots \
			--as-of-file - --no-seal"
	cat >want <<-'END'
		ship,at,speed,knots
		007,1704067299.999,1.5,10.0
		7,1704067200.4,,
		8,1.704067200e9,3.0,
		-9,-5.5,4.0,
		-9,0,4.0,
		7,1e10,2.5,10.0
	END
	same_file "$out" want
	# a name that is taken
	run_rc 0 fs-extract-athena ships-two "${options[@]}" --as-of-file one.csv --no-seal
	has "$out" 'ship,time,speed,ships-two_speed'
	# collections are those of the online store, where it has one of that time
	printf '%s\n' '{"ship":7,"time":1704067300,"speed":2.5,"list":["a","b"]}' >list.ndjson
	fs-put ships-one --target-stores online list.ndjson
	for each in csv unload; do
		sandbox_ask DELETE counters
		run_rc 0 fs-extract-athena ships-one --as-of-file events.csv --no-seal -o ndjson \
			--method $each
		jq -c '[.ship, .speed, .list]' "$out" >got
		same_file got - <<-'END'
			["007",1.5,null]
			["7",null,null]
			["8",3,null]
			["-9",4,null]
			["-9",4,null]
			["7",2.5,["a","b"]]
		END
		has "$err" 'warning: 1 events are without collections' '1 of 6 events have no'
		is "$(sandbox_count BatchGetRecord)" 2
	done
	before=$(sandbox_count StartQueryExecution)
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 65 fs-extract-athena ships-one --as-of-file events.csv --no-seal
	sandbox_set
	has "$err" --without-collections 'cannot be asked'
	is "$(sandbox_count StartQueryExecution)" "$before"
	printf 'ship,at\n%s\n' 7,2024-01-01T00:00:00Z >bad.csv
	run_rc 65 fs-extract-athena ships-one "${options[@]}" --as-of-file bad.csv --no-seal
	printf 'ship,at\n%s\n' x,5 >bad.csv
	run_rc 65 fs-extract-athena ships-one "${options[@]}" --as-of-file bad.csv --no-seal
	has "$err" 'is no number, as identifiers of the group are'
	printf 'ship\n7\n' >bad.csv
	run_rc 65 fs-extract-athena ships-one "${options[@]}" --as-of-file bad.csv --no-seal
	printf 'ship,at\n99,1e10\n' >bad.csv
	run_rc 69 fs-extract-athena ships-one "${options[@]}" --as-of-file bad.csv --no-seal
	has "$err" 'has none of these records'
	run_rc 66 fs-extract-athena ships-one "${options[@]}" --as-of-file missing --no-seal
}
