load helper
load sandbox
load fs
load fs-move

@test "migrate: asks, and prints the plan" {
	loaded a 300
	made b both
	run_pipe '0 77' 'echo n | fs migrate a b'
	has "$err" 'migrate a to b? [y/N]' 'not confirmed, nothing was done'
	run_rc 77 fs migrate a b </dev/null
	is "$(fs-extract-online b --no-seal | wc -l)" 1
	run_pipe '0 0' 'echo y | fs migrate a b --verify-wait 20s'
	has "$out" 'Records: 300, written 300' 'Success rate: 100.0%' '300 identifiers compared' \
		'0 missing'
	has_no "$out" newer
	same_online b in.csv
	rows b 300
	run_ok fs migrate a b --dry-run --batch-size 500 --max-workers 10
	cat >plan <<-'END'
		📋 Migration plan
		============================================================
		Source: a (online+offline)
		Target: b (online+offline)
		Strategy: offline_to_online
		Primary data source: offline
		Expected records: 300
		Batch size: 500
		Concurrent workers: 10
	END
	head -n 9 "$out" >got
	same_file got plan
	is "$(tail -n 1 "$out")" '🔍 Dry run: nothing is migrated.'
}

@test "migrate: what is newer in the target than what a filter chose is told" {
	loaded sieved 20
	made sieved-to both
	migrated sieved sieved-to --where 'count < 10'
	has_no "$out" newer
	sed -n '1p; 3,4s/2024-01-01T/2024-06-01T/p' in.csv >newer.csv
	fs-put sieved-to newer.csv
	run_rc 0 fs-verify sieved sieved-to --stores online --where 'count < 10'
	has "$out" ', 0 not deleted, 2 newer than what was moved'
	# what the source's online store has, too, is its own
	fs-put sieved --target-stores online newer.csv
	run_rc 0 fs-verify sieved sieved-to --stores online --where 'count < 10'
	has_no "$out" newer
}

@test "migrate: texts that look like numbers stay as they are, and what cannot is told" {
	local to

	made texts both
	cat >in.csv <<-'END'
		id,event_time,count,price,category
		007,2024-01-01T00:00:00Z,0042,1.50,00123
		7,2024-01-01T00:00:00.50Z,42,1.5,123
		1e5,2024-01-01T00:00:00Z,,,1e5
		1.50,2024-01-01T00:00:00Z,,,1.50
		12345678901234567890123,2024-01-01T00:00:00Z,,,12345678901234567890123
		 x ,2024-01-01T00:00:00Z,,," 5 "
		true,2024-01-01T00:00:00Z,,,null
	END
	fs-put texts in.csv
	wait_until 20 arrived texts 7
	written() { # of both stores
		fs-extract-online "$1" -c id,event_time,category --no-seal | LC_ALL=C sort
		fs-extract-athena "$1" -c id,event_time,category --no-seal | LC_ALL=C sort
	}
	written texts >wanted
	grep -q '^007,.*,00123$' wanted
	by_turns 1 csv unload
	for to in "${turns[@]}"; do
		made "texts-$to" both
		migrated texts "texts-$to" --method "$to"
		has "$out" 'Numbers come as values, without their text (007 is 7, 1.50 is 1.5):'
		written "texts-$to" >got
		same_file got wanted
	done
	[[ ${WHOLE-} ]] || return 0
	made texts-improved both
	run_rc 0 fs-improve texts texts-improved --yes --rules <(quality-clean --print-rules |
		jq '.rules |= map(select(.name | test("dup")))')
	wait_until 20 arrived texts-improved 7
	written texts-improved >got
	same_file got wanted
	sed 's/,.*//; 1d' in.csv >ids
	made texts-some both
	run_rc 0 fs-subset texts texts-some ids --yes --verify-wait 30s
	written texts-some >got
	same_file got wanted
}

@test "migrate: an identifier that is a number makes no second record by its spelling" {
	fs-group template | jq '.[0].FeatureType = "Integral"' >numbers.json
	for each in digits digits-to; do
		fs-group create $each --schema-file numbers.json --role-arn "$role" \
			--s3-uri s3://offline/fs >/dev/null
	done
	printf '%s,2024-01-01T00:00:00Z,%s\n' 007 1 8 2 | sed '1i id,event_time,count' >in.csv
	fs-put digits in.csv
	wait_until 20 arrived digits 2
	# it is in the offline store as 7, and the text is not to be had there
	run_rc 65 fs migrate digits digits-to --yes
	has "$out" '(007 is 7, 1.50 is 1.5): id,' 'written 2, failed 1'
	has "$err" '1 identifiers are other spellings of numbers, as which they were moved:' '"007"'
	wait_until 20 arrived digits-to 2
	present digits-to | jq -r .id | LC_ALL=C sort | paste -sd ' ' >got
	is "$(<got)" '7 8'
	# as the hint says
	sed -n 's/.*they are in \(.*\): fs-extract.*/\1/p' "$err" >where
	fs-extract-online digits --ids "$(<where)" --seal | fs-put digits-to --target-stores online
	is "$(fs-extract-online digits-to --id 007 -o ndjson --no-seal | jq .count)" 1
	rows digits-to 2
}

@test "migrate: of a part of the records, too, an identifier that is spelled otherwise is told" {
	local each
	local -a way

	fs-group template | jq '.[0].FeatureType = "Integral"' >numbers.json
	for each in odd odd-where odd-only odd-blind; do
		fs-group create $each --schema-file numbers.json --role-arn "$role" \
			--s3-uri s3://offline/fs >/dev/null
	done
	# the third is gone, and the fourth was put in the same spelling once more
	printf '%s,2024-01-01T00:00:00Z,%s\n' 007 1 8 2 9 3 010 4 11 5 |
		sed '1i id,event_time,count' >in.csv
	fs-put odd in.csv
	printf '%s,2024-02-01T00:00:00Z\n' 9 11 | sed '1i id,event_time' >gone.csv
	fs-put odd --delete soft gone.csv
	printf '10,2024-01-01T00:00:00Z,4\n' | sed '1i id,event_time,count' >plain.csv
	fs-put odd --target-stores online plain.csv
	wait_until 20 rows odd 7
	seq 7 11 >ids
	by_turns 1 where only
	for each in "${turns[@]}"; do
		way=(--where 'id > 0')
		[[ $each == where ]] || way=(--only id=ids)
		run_rc 65 fs migrate odd "odd-$each" --yes "${way[@]}"
		has "$err" '1 identifiers are other spellings of numbers' ' moved: {"id":"007"}'
		present "odd-$each" | jq -r .id | LC_ALL=C sort -n | paste -sd ' ' >got
		is "$(<got)" '7 8 10'
		is "$(jq -r .id "$(sed -n 's/.*they are in \(.*\): fs-extract.*/\1/p' "$err")")" 007
	done
	sandbox_set deny=ListRecords
	run_rc 0 fs migrate odd odd-blind --yes --where 'id > 0'
	sandbox_set
	has "$err" 'identifiers are not online in odd, or are spelled otherwise:' '{"id":"7"}'
}

@test "migrate: how far it is, how long it will take, and what it took" {
	loaded timed 3000
	made timed-to both
	sandbox_set write-rate=800
	run_rc 0 fs migrate timed timed-to --yes --progress=json --max-workers 2
	sandbox_set
	has "$out" 'Estimated: 0 min (30 s)'
	grep -qE '^Actual: [0-9]+ min \([0-9]+ s\), [0-9]+% of the estimate$' "$out"
	# records, rate and what is left: each time nearer to the end
	grep '^{"program":"fs-put"' "$err" | jq -c 'select(.rows > 0)' >progress
	(($(jq -s 'map(select(.done | not)) | length' progress) >= 3))
	is "$(jq -s '[.[] | .rows] == ([.[] | .rows] | sort)' progress)" true
	# (what is expected is an estimate: 0.999 is the most before the end)
	is "$(jq -s 'map(select(.done | not) | (.share * 3000 - ([.rows, 2997] | min)) |
		fabs < 1) | all' progress)" true
	is "$(jq -s 'map(select(.done | not) | . as $at | .seconds / .share - .seconds -
		.seconds_left | fabs < 0.01 * (1 + $at.seconds_left) + 0.001 / $at.share) |
		all' progress)" true # seconds have three decimals
	is "$(jq -s 'map(select(.done)) | .[0].rows' progress)" 3000
	# a line now and then, for logs; with WHOLE: nothing where nobody looks
	loaded few 600
	made timed-2 both
	sandbox_set write-rate=200
	run_rc 0 fs migrate few timed-2 --yes --progress-every 100ms --expect 90000
	sandbox_set
	has "$out" 'Estimated: 7 min (450 s)'
	grep -qE '^fs-put: [0-9]+ rows in [0-9]+ s, [0-9]+ rows/s, [0-9]+ %, [0-9]+ s left$' "$err"
	[[ ${WHOLE-} ]] || return 0
	made timed-3 both
	run_rc 0 fs migrate few timed-3 --yes
	has_no "$err" rows
	# on a terminal
	if command -v script >/dev/null; then
		made timed-4 both
		sandbox_set write-rate=200
		script -qec 'fs migrate few timed-4 --yes' typescript >/dev/null </dev/null
		sandbox_set
		tr '\r' '\n' <typescript >lines
		grep -qE '^fs-put: [0-9]+ rows, [0-9]+ rows/s, .* [0-9]+ %, [0-9]+ s left' lines
	fi
}

@test "migrate: a dry run changes nothing" {
	loaded d1 30
	made d2 both
	records 5 100 >other.csv
	fs-put d2 other.csv
	wait_until 20 arrived d2 5
	seen=$(wc -l <"$sandbox_dir/requests")
	run_ok fs migrate d1 d2 --dry-run --clear-target
	has "$out" 'The target is cleared first'
	tail -n "+$((seen + 1))" "$sandbox_dir/requests" >requests
	jq -r .operation requests | sort -u >asked
	has asked StartQueryExecution DescribeFeatureGroup
	run_rc 1 grep -E 'Record$|^(Create|Update|Delete)[A-Z].*Group|UnloadX' asked
	jq -r 'select(.operation == "StartQueryExecution") | .body' requests >queries
	[[ -s queries ]]
	has_no queries UNLOAD DELETE INSERT
	same_online d2 other.csv
	is "$(find "$HOME/.local/state/ferry" -type f)" ''
}

@test "migrate: all nine cells of the matrix" {
	local from to

	for from in online offline both; do
		made "from-$from" $from
		lively "from-$from"
		[[ $from == online ]] || wait_until 20 rows "from-$from" 95
		by_turns 1 online offline both
		for to in "${turns[@]}"; do
			made "$from-to-$to" "$to"
			migrated "from-$from" "$from-to-$to"
			case $from in
			online) present "from-$from" >wanted ;;
			*) newest "from-$from" >wanted ;;
			esac
			is "$(wc -l <wanted)" 55
			if [[ $to != offline ]]; then
				present "$from-to-$to" >got
				same_file got wanted
			fi
			if [[ $to != online && $from == online ]]; then
				newest "$from-to-$to" >got
				same_file got wanted
			elif [[ $to != online ]]; then
				history "from-$from" >wanted
				history "$from-to-$to" >got
				same_file got wanted
			fi
			[[ $from != online ]] || has "$out" 'online_to_o' ListRecords \
				'not known before they are listed'
			[[ $from == online ]] || has "$out" "offline_to_o"
		done
	done
}

@test "migrate: the history or the newest, as asked; up to a time; by UNLOAD" {
	made states both
	lively states
	wait_until 20 rows states 95
	by_turns 1 csv unload
	for method in "${turns[@]}"; do
		made "h-$method" both
		migrated states "h-$method" --method "$method"
		history states >wanted
		history "h-$method" >got
		same_file got wanted
		present states >wanted
		present "h-$method" >got
		same_file got wanted
		made "l-$method" both
		migrated states "l-$method" --method "$method" --latest
		has "$out" 'Expected records: 55'
		newest states >wanted
		fs-extract-athena "l-$method" --no-seal -o ndjson | LC_ALL=C sort >got
		same_file got wanted
		made "o-$method" online
		migrated states "o-$method" --method "$method" --history
		has "$out" 'Expected records: 95' '10 of them deletions'
		present "o-$method" >got
		same_file got wanted
		made "t-$method" both
		migrated states "t-$method" --method "$method" --as-of 2024-02-01T00:00:00Z
		same_online "t-$method" in.csv
	done
	run_rc 64 fs migrate states "h-$method" --latest --history --yes
	run_rc 64 fs migrate states "h-$method" --as-of yesterday --yes
	run_rc 64 fs migrate states "h-$method" --method guess --yes
}

@test "migrate: filters, and identifiers from one on" {
	made source both
	records 50 >in.csv
	fs-put source in.csv
	printf 'id,event_time,count\nfresh,%s,1\n' "$(date -u +%FT%TZ)" >fresh.csv
	fs-put source fresh.csv
	wait_until 20 arrived source 51
	made by-date both
	migrated source by-date \
		--filter-query "WHERE event_time >= current_date - interval '30' day"
	has "$err" 'with the event time read as one'
	is "$(present by-date | jq -r .id)" fresh
	made by-text both
	migrated source by-text --filter-query "event_time < '2024-01-01T00:00:10Z'"
	is "$(present by-text | wc -l)" 10
	has "$out" 'Expected records: 10'
	made from-id both
	migrated source from-id --resume-from id40 --filter-query 'count > 0'
	is "$(present from-id | jq -r .id | sort | paste -sd' ')" \
		"$(present source | jq -r 'select(.count > 0 and .id >= "id40") | .id' | sort |
			paste -sd' ')"
	run_rc 69 fs migrate source from-id --yes --filter-query 'no_such = 1'
	has "$err" no_such
}

# bats test_tags=whole
@test "migrate: filters of event times that are numbers, beside dates" {
	local each

	fs-group template | jq 'map(if .FeatureName == "event_time"
		then .FeatureType = "Fractional" else . end)' >features.json
	made numbers both
	{
		printf 'id,event_time,count\nold,1700000000.25,1\nborder,1704067200,2\n'
		printf 'fresh,%s.5,3\n' "$EPOCHSECONDS"
	} >numbers.csv
	fs-put numbers numbers.csv
	wait_until 20 arrived numbers 3
	for each in "WHERE event_time < '2024-01-01'|old" \
		"event_time >= current_date - interval '30' day|fresh"; do
		made "as-${each##*|}" both
		migrated numbers "as-${each##*|}" --filter-query "${each%|*}"
		has "$err" 'with the event time read as one'
		is "$(present "as-${each##*|}" | jq -r .id)" "${each##*|}"
	done
}

@test "migrate: what has not reached the offline store comes from the online store" {
	made slow both
	records 40 >in.csv
	fs-put slow in.csv
	wait_until 20 arrived slow 40
	sandbox_set offline-delay=600000
	{
		head -n 1 in.csv
		sed -n '2,6p' in.csv | sed 's/2024-01-01/2024-09-01/'
		records 3 100 | tail -n +2
	} >late.csv
	fs-put slow late.csv
	made quick online
	migrated slow quick
	has "$out" 'Expected records: 40' 'Records: 48, written 48'
	present slow >wanted
	present quick >got
	same_file got wanted
	made filtered online
	migrated slow filtered --where 'count > -100'
	has "$out" 'Only what has reached the offline store is moved'
	is "$(present filtered | wc -l)" 40
	sandbox_set offline-delay=0
}

# tied GROUP COUNT: records that were put twice at one event time
tied() {
	for each in first second; do
		records "$2" | grep -v '""' | sed "2,\$s/[^,]*\$/$each/" >"$each.csv"
		fs-put "$1" "$each.csv" --no-resume
	done
}

@test "migrate: of rows of one event time the one that the online store has" {
	local way n opts

	made ties both
	tied ties 200
	n=$(($(wc -l <second.csv) - 1))
	wait_until 20 rows ties $((n * 2))
	same_online ties second.csv
	by_turns 1 online both:--method=unload both:--latest 'both:--where=count > -100'
	for way in both "${turns[@]}"; do
		[[ $way == *:* ]] && opts=("${way#*:}") || opts=()
		made "ties-${way//[^a-z]/}" "${way%%:*}"
		run_rc 0 fs migrate ties "ties-${way//[^a-z]/}" --yes --verify-wait 20s \
			"${opts[@]}"
		has "$out" "Ties: $n records have several rows of one event time"
		has "$err" "$n records have several rows of one event time, $n of them"
		same_online "ties-${way//[^a-z]/}" second.csv
	done
	run_rc 0 fs export ties out.csv --latest
	LC_ALL=C sort out.csv >got
	LC_ALL=C sort second.csv >wanted
	same_file got wanted
	# a target that has the other value is seen, and mended by another run
	head -n 6 first.csv >few.csv
	fs-put ties-both few.csv
	run_rc 1 fs-verify ties ties-both --stores online
	has "$out" '5 otherwise'
	run_rc 0 fs migrate ties ties-both --yes
	same_online ties-both second.csv
	# nobody can be asked: a fixed order
	made ties-offline offline
	for each in second first; do
		fs-put ties-offline $each.csv --no-resume
	done
	wait_until 20 rows ties-offline $((n * 2))
	made ties-fixed online
	run_rc 0 fs migrate ties-offline ties-fixed --yes
	has "$err" "$n records have several rows of one event time, 0 of them"
	same_online ties-fixed first.csv
}

@test "migrate: one instant that is written in two ways is one record" {
	local each

	made spelled both
	made spelled-to both
	made spelled-over both
	for each in 00Z 00.000Z 00.0Z; do
		printf 'id,event_time,count,price,category\nid1,2024-01-01T10:00:%s,1,1.5,%s\n' \
			$each $each >$each.csv
		fs-put spelled $each.csv
	done
	fs-put spelled-over 00Z.csv
	wait_until 20 rows spelled 3
	wait_until 20 rows spelled-over 1
	present spelled >wanted
	for each in 1 2; do
		migrated spelled spelled-to
		((each == 1)) || has "$out" 'Records: 1, written 0, there already 1'
		present spelled-to >got
		same_file got wanted
		rows spelled-to 1
	done
	# what the target has written otherwise is corrected once
	migrated spelled spelled-over
	migrated spelled spelled-over
	has "$out" 'Records: 1, written 0, there already 1'
	present spelled-over >got
	same_file got wanted
	run_ok fs-verify spelled spelled-over
	has "$out" '0 missing, 0 older' '1 identifiers, 1 records, 1 rows repeat one'
	# to the nanosecond
	sed 's/00Z/00.0000001Z/' 00Z.csv >next.csv
	fs-put spelled-over next.csv
	sed 's/00Z/00.0000002Z/' 00Z.csv >next.csv
	fs-put spelled next.csv
	wait_until 20 rows spelled 4
	run_rc 1 fs-verify spelled spelled-over --stores offline
	has "$out" '1 missing: "id1"'
}

@test "migrate: a deletion at the event time of the record" {
	made tie-del both
	records 3 >in.csv
	fs-put tie-del in.csv
	# the service leaves the record alone, and has a row that says it was deleted
	head -n 2 in.csv >one.csv
	fs-put tie-del one.csv --delete soft
	wait_until 20 rows tie-del 4
	same_online tie-del in.csv
	made tie-del-2 both
	migrated tie-del tie-del-2
	same_online tie-del-2 in.csv
	made tie-del-3 both
	run_rc 0 fs-sync tie-del tie-del-3 --iterations 1
	same_online tie-del-3 in.csv
	# the deletion comes by itself
	made tie-del-4 both
	fs-put tie-del-4 in.csv
	run_rc 0 fs migrate tie-del tie-del-4 --yes --history --where is_deleted
	same_online tie-del-4 in.csv
}

@test "migrate: records that were put into the past, behind a hard deletion" {
	one() { printf 'id,event_time,count,price,category\n%s,2024-%s,1,1.5,%s\n' "$@" >one.csv; }

	made past both
	records 3 >in.csv
	fs-put past in.csv
	one K1 05-01T00:00:00Z first
	fs-put past one.csv
	fs-put past one.csv --delete hard --event-time next
	one K1 01-01T00:00:00Z backfilled
	fs-put past one.csv
	# without a row that says so
	one K2 05-01T00:00:00Z first
	fs-put past one.csv
	fs-put past one.csv --delete hard --event-time next --target-stores online
	one K2 01-01T00:00:00Z backfilled
	fs-put past one.csv
	wait_until 20 rows past 8
	present past >wanted
	is "$(grep -c backfilled wanted)" 2
	for each in online both; do
		made "past-$each" $each
		migrated past "past-$each"
		present "past-$each" >got
		same_file got wanted
	done
	# a rerun leaves them alone: not even for a moment is the online store otherwise
	asked=$(sandbox_count BatchWriteRecord) deleted=$(sandbox_count DeleteRecord)
	run_rc 0 fs migrate past past-both --yes
	has "$out" 'written 0, there already 8'
	is "$(sandbox_count BatchWriteRecord) $(sandbox_count DeleteRecord)" "$asked $deleted"
	present past-both >got
	same_file got wanted
	rows past-both 8
	# what the target has newer by itself stays
	one K1 08-01T00:00:00Z newer
	fs-put past-both one.csv
	run_rc 0 fs migrate past past-both --yes
	is "$(fs-extract-online past-both --id K1 -o ndjson --no-seal | jq -r .category)" newer
	# and one that has the newest row instead is seen
	one K2 05-01T00:00:00Z first
	fs-put past-both one.csv
	run_rc 1 fs-verify past past-both --stores online
	has "$out" ', 1 otherwise, 1 newer than what was moved: "K2"'
	run_rc 0 fs migrate past past-both --yes
	is "$(fs-extract-online past-both --id K2 -o ndjson --no-seal | jq -r .category)" backfilled
}

@test "migrate: an online half that breaks off ends the migration with its code" {
	loaded half 20
	made half-to both
	records 5 30 >late.csv
	sandbox_set offline-delay=60000
	fs-put half late.csv
	sandbox_set offline-delay=0 deny=BatchGetRecord,GetRecord
	run_rc 77 fs migrate half half-to --yes --no-verify
	sandbox_set
	has "$err" 'cannot read the online store'
	migrated half half-to
	same_online half-to <(cat in.csv <(sed 1d late.csv))
}

@test "migrate: a deletion that has not reached the offline store" {
	local to

	made fading both
	lively fading
	# neither is a deletion: never online, and only not online any more
	printf 'id,event_time,count\nquiet,2024-01-01T00:00:00Z,1\n' >quiet.csv
	fs-put fading --target-stores offline quiet.csv
	wait_until 20 rows fading 96
	sandbox_set offline-delay=600000
	printf 'id,event_time\n' >soft.csv
	# once deleted; back again since id15; never deleted before; deleted, but alive once more
	printf '%s,2024-09-01T00:00:00Z\n' id15 id30 id31 id32 >>soft.csv
	fs-put fading --delete soft soft.csv
	grep -E '^(id,|id32)' in.csv | sed 's/2024-01-01/2024-10-01/' >again.csv
	fs-put fading again.csv
	grep -E '^(id,|id40)' in.csv >expired.csv
	fs-put fading --target-stores online --delete hard --event-time later expired.csv
	by_turns 1 online offline
	turns+=(both)
	for to in "${turns[@]}"; do
		made "faded-$to" "$to"
	done
	newest fading | jq -c 'select(.id | IN("id15", "id30", "id31", "id32") | not)' >wanted
	present fading | jq -c 'select(.id == "id32")' >>wanted
	LC_ALL=C sort -o wanted wanted
	for to in "${turns[@]}"; do
		# no word of the offline store: it has nothing yet, and there is nobody to wait
		run_rc 0 fs migrate fading "faded-$to" --yes --no-progress
		has "$out" 'Records and deletions that have not reached the offline store'
		[[ $to == offline ]] || {
			present "faded-$to" >got
			same_file got wanted
			# asked by itself it finds the same
			run_rc 0 fs-verify fading "faded-$to" --stores online
		}
	done
	# and it sees where a deletion was not carried over
	made half-faded both
	run_rc 0 fs migrate fading half-faded --where '1 = 1' --yes --no-progress
	run_rc 1 fs-verify fading half-faded --stores online
	has "$out" ' 3 not deleted: ' '"id30"' '"id31"'
	sandbox_set missing=ListRecords
	made unlisted both
	run_rc 0 fs migrate fading unlisted --yes --no-progress
	has "$err" 'ListRecords is not available here'
	has "$out" 'Only what has reached the offline store is moved'
	sandbox_set
	newest fading >wanted.all
	present unlisted >got
	same_file got wanted.all
	sandbox_set deny=ListRecords
	run_rc 0 fs-plan fading unlisted
	has "$err" 'ListRecords is not available here (AccessDenied'
	sandbox_set
	sandbox_set offline-delay=0
	for to in "${turns[@]}"; do
		[[ $to != online ]] || continue
		wait_until 20 rows "faded-$to" 100
		newest "faded-$to" >got
		same_file got wanted
		# whatever happens afterwards is newer than the deletion
		history "faded-$to" | jq -c 'select(.is_deleted and .id == "id30")' >got
		has got 2024-01-01T00:00:30.000000001Z
	done
	# the same in the offline stores, before the source's own has the deletions
	made stale both
	made copy both
	printf 'id,event_time,count\n' >xy.csv
	printf '%s,2024-01-01T00:00:00Z,1\n' x y >>xy.csv
	fs-put stale xy.csv
	fs-put copy xy.csv
	wait_until 20 rows stale 2
	wait_until 20 rows copy 2
	sandbox_set offline-delay=600000
	printf 'id,event_time\nx,2024-02-01T00:00:00Z\n' >gone.csv
	fs-put stale --delete soft gone.csv
	run_rc 1 fs-verify stale copy --stores offline
	has "$out" '2 records (identifier and event time) compared, 0 missing, 1 not deleted: "x"'
	sandbox_set offline-delay=0
}

@test "migrate: clears the target, and loads what is older than what was there" {
	loaded bygone 50
	made full both
	records 70 | sed 's/2024-01/2024-11/' >newer.csv
	fs-put full newer.csv
	wait_until 20 arrived full 70
	migrated bygone full --clear-target
	same_online full in.csv
	rows full 50
}

@test "migrate: what cannot be is said in one line" {
	made whole both
	records 5 >in.csv
	fs-put whole in.csv
	run_rc 69 fs migrate whole whole --yes
	has "$err" 'source and target are the same feature group: "whole"'
	run_rc 69 fs migrate nowhere whole --yes
	run_rc 69 fs migrate whole nowhere --yes
	run_rc 64 fs migrate whole
	jq '. + [{"FeatureName":"new_field","FeatureType":"String"}]' features.json >more.json
	mv more.json features.json
	made more both
	run_rc 69 fs migrate whole more --yes
	has "$err" 'features that the target has and the source has not: new_field' --set --mapped
	jq 'map(if .FeatureName == "category" then .FeatureType = "Integral" else . end)
		| map(select(.FeatureName != "new_field"))' features.json >other.json
	mv other.json features.json
	made other both
	run_rc 69 fs migrate whole other --yes
	has "$err" 'features whose types do not fit: category (String → Integral)'
	rm features.json
	made by-category both --record-identifier-name category
	run_rc 69 fs migrate whole by-category --yes
	has "$err" 'the record identifier is "id" in the source and "category" in the target'
	made by-price both --event-time-feature-name price
	run_rc 69 fs migrate whole by-price --yes
	has "$err" 'the event time is "event_time" in the source and "price" in the target'
	sandbox_set group-delay=600000
	fs-group create creating --schema-file features.json --role-arn "$role" \
		--s3-uri s3://offline/fs --no-wait >/dev/null
	run_rc 69 fs migrate whole creating --yes
	sandbox_set group-delay=0
	has "$err" 'target feature group "creating" is Creating, not Created'
	made only-online online
	run_rc 69 fs migrate only-online whole --yes --where 'count = 1'
	has "$err" 'has no offline store'
	sandbox_set deny=StartQueryExecution
	run_rc 77 fs migrate whole only-online --yes
	has "$err" AccessDenied
	sandbox_set deny=DescribeFeatureGroup
	run_rc 77 fs migrate whole only-online --yes
	sandbox_set
	AWS_ENDPOINT_URL=http://127.0.0.1:9 run_rc 75 fs migrate whole only-online --yes
}

@test "migrate: the newest is none where a deletion came behind all that is counted" {
	local each

	made last both
	records 3 >in.csv
	fs-put last in.csv
	wait_until 20 rows last 3
	printf 'id,event_time\nid1,2024-01-02T00:00:00Z\n' >gone.csv
	fs-put last --delete hard gone.csv
	wait_until 20 rows last 4
	present last >wanted
	is "$(wc -l <wanted)" 2
	for each in '' '--where=count < 9'; do
		made "last-to${each:+-part}" online
		migrated last "last-to${each:+-part}" --latest ${each:+"$each"}
		present "last-to${each:+-part}" >got
		same_file got wanted
	done
}

@test "migrate: what is wrong with an option is said before the service is asked" {
	local each
	made early both
	printf 'id,event_time\na,2024-01-01T00:00:00Z\n' >r.csv
	sandbox_ask DELETE counters
	for each in --shard=9/8 --shard=0/3 --shard=x --max-cost=x --expect=x --method=x --only=x \
		'--select=,' --rename=a --cast=a:foo --set=x; do
		run_rc 64 fs migrate early early-to --yes "$each"
	done
	for each in --prices=none --only=id=none --map=none; do
		run_rc 66 fs migrate early early-to --dry-run "$each"
	done
	for each in 'bulk-put early r.csv' 'export early out.csv' 'clear early --yes'; do
		# shellcheck disable=SC2086  # words
		run_rc 64 fs $each --max-cost=x
		# shellcheck disable=SC2086
		run_rc 66 fs $each --prices=none
	done
	is "$(curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters" | jq '[.[].requests] | add // 0')" 0
}

@test "migrate: what can be checked is checked before the target is cleared" {
	local each

	made checked both
	made checked-to both
	records 9 >in.csv
	fs-put checked in.csv
	fs-put checked-to in.csv
	wait_until 20 rows checked 9
	by_turns 2 65:--set=count=many 69:--set=nothing=1 65:--rename=coutn:count \
		69:--rename=count:nothing 65:--drop=id 64:--cast=count:colour 64:--method=tape
	for each in "${turns[@]}"; do
		run_rc "${each%%:*}" fs migrate checked checked-to --clear-target --yes \
			"${each#*:}"
	done
	# what shows in the values alone: all of them are looked at, also those online only
	by_turns 1 --cast=price:integer --cast=category:fractional \
		'--drop=count --rename=category:count'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 65 fs migrate checked checked-to --clear-target --yes $each
		has "$out" 'The source is read twice'
		has "$err" 'checked-to is not cleared, nothing was done'
	done
	made checked-whole both
	made checked-online online
	for each in checked-whole checked-online; do
		sed 's/\.25,/,/' in.csv | fs-put $each --accept-unsealed
		printf 'id,event_time,price\nnew,2024-02-01T00:00:00Z,9.5\n' |
			fs-put $each --target-stores online --accept-unsealed
	done
	wait_until 20 rows checked-whole 9
	for each in checked-whole checked-online; do
		run_rc 65 fs migrate $each checked-to --clear-target --yes --cast=price:integer
		has "$err" 'checked-to is not cleared, nothing was done'
	done
	# what would make one record of all, or go on in what is cleared, or is empty by mistake
	run_rc 64 fs migrate checked checked-to --clear-target --yes --set id=one
	has "$err" 'every record would have the same id, nothing was done'
	run_rc 64 fs migrate checked checked-to --clear-target --yes --resume-from id3
	by_turns 1 --filter-query= --where= --where=\  --resume-from= --as-of=
	for each in "${turns[@]}"; do
		run_rc 64 fs migrate checked checked-to --clear-target --yes "$each"
		has "$err" 'is empty: is a variable not set?'
	done
	run_rc 64 fs export checked all.csv --where ''
	run_rc 64 fs-extract-athena checked --where ''
	run_rc 73 fs migrate checked checked-to --clear-target --yes --failed nowhere/f
	same_online checked-to in.csv
	rows checked-to 9
	run_rc 65 fs migrate checked checked-to --dry-run --set count=many
	has "$err" 'field "count": is not a 64-bit integer' 'nothing was done'
	run_rc 69 fs-upgrade checked checked-to --yes --set nothing=1
	same_online checked-to in.csv
	# what the target lacks is lost: the plan says so, and where nobody sees it somebody must
	jq -c 'map(select(.FeatureName != "price"))' features.json >fewer.json
	fs-group create checked-less --schema-file fewer.json --role-arn "$role" \
		--s3-uri s3://offline/fs >/dev/null
	run_rc 69 fs -q migrate checked checked-less --yes
	has "$err" 'features would be lost, nothing was done: price' --leave-out
	is "$(present checked-less | wc -l)" 0
	run_ok fs -q migrate checked checked-less --yes --leave-out
	is "$(present checked-less | jq -s 'length')" 9
	run_ok fs -q migrate checked checked-less --yes --drop price
	# what fits is moved, and its programs are counted once
	run_rc 0 fs migrate checked-whole checked-to --clear-target --yes --latest \
		--set category=new --stats s.json
	is "$(present checked-to | jq -r .category | sort | uniq -c | xargs)" '10 new'
	is "$(jq '[.programs[] | select(.program == "fs-put")] | length' s.json)" 3
}

@test "migrate: what the online store has alone is not left out in silence" {
	made hushed both
	made hushed-to both
	records 5 >in.csv
	fs-put hushed in.csv
	fs-put hushed-to in.csv
	wait_until 20 rows hushed 5
	wait_until 20 rows hushed-to 5
	printf 'id,event_time,price\nnew,2024-02-01T00:00:00Z,9.5\n' >new.csv
	fs-put hushed new.csv --target-stores online
	sandbox_set deny=ListRecords
	for each in '' --clear-target; do
		# shellcheck disable=SC2086
		run_rc 77 fs migrate -q hushed hushed-to --yes $each
		has "$err" 'would be left out' 'nothing was done' ListRecords
	done
	run_rc 77 fs clear -q hushed --yes
	has "$err" 'would stay' 'nothing was done'
	sandbox_set
	same_online hushed-to in.csv
	is "$(present hushed | wc -l)" 6
	# without a listing the identifiers of its offline store say what the target has
	sandbox_set deny=ListRecords
	run_rc 0 fs migrate hushed hushed-to --yes
	has "$err" 'ListRecords is not available here'
	has "$out" 'written 0, there already 5'
	run_rc 0 fs migrate -q hushed hushed-to --yes --where 'count > -100'
	is "$(<"$err")" ''
	sandbox_set
	rows hushed-to 5
}

@test "migrate: a run with other options is another run" {
	made rerun both
	made rerun-to both
	records 30 >in.csv
	fs-put rerun in.csv
	wait_until 20 rows rerun 30
	# it fails when the target was cleared and all of the history written
	again=(fs migrate rerun rerun-to --yes --clear-target --where 'count > -100')
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 "${again[@]}" --set category=one
	sandbox_set
	wait_until 20 rows rerun-to 30
	run_rc 0 "${again[@]}" --set category=two --verify-wait 20s
	rows rerun-to 30
	is "$(history rerun-to | jq -r .category | sort -u)" two
	is "$(ls ~/.local/state/ferry/fs-migrate)" ''
	# in a folder that was named the other one is refused
	sandbox_set deny=BatchGetRecord,GetRecord
	run_rc 77 fs migrate rerun rerun-to --yes --no-only-missing --set count=1 --journal j
	sandbox_set
	run_rc 78 fs migrate rerun rerun-to --yes --set count=2 --journal j
	has "$err" 'is of a migration with other options' --no-resume
	run_rc 0 fs migrate rerun rerun-to --yes --set count=1 --journal j
	has "$err" 'an earlier run of this migration is resumed'
	[[ ! -e j ]]
}

@test "migrate: deletions stay deletions when fields are selected" {
	fs-group template | jq 'map(select(.FeatureName != "category"))' >features.json
	made chosen-to both
	rm features.json
	made chosen both
	lively chosen
	wait_until 20 rows chosen 95
	migrated chosen chosen-to --select id,event_time,count --select price
	present chosen | jq -c "del(.category)" | LC_ALL=C sort >wanted
	present chosen-to >got
	same_file got wanted
	is "$(wc -l <got)" 55
}

@test "migrate: fields changed on the way" {
	loaded plain 20
	jq '. + [{"FeatureName":"env","FeatureType":"String"}]
		| map(if .FeatureName == "price" then .FeatureName = "cost" else . end)' \
		features.json >x.json
	mv x.json features.json
	made changed both
	made mapped both
	migrated plain changed --set env=prod --rename price:cost
	present plain | jq -cS '.cost = .price | .env = "prod" | del(.price)' | sort >wanted
	present changed | jq -cS . | sort >got
	same_file got wanted
	printf 'price:cost\n' >names.map
	migrated plain mapped --set=env=prod --map names.map
	present mapped | jq -cS . | sort >got
	same_file got wanted
}

@test "migrate: features of every kind, names in other case, only the identifier" {
	cat >features.json <<-'END'
		[{"FeatureName":"Id","FeatureType":"Integral"},
		{"FeatureName":"event_time","FeatureType":"Fractional"},
		{"FeatureName":"Amount","FeatureType":"Fractional"},
		{"FeatureName":"Text","FeatureType":"String"}]
	END
	made cased both --record-identifier-name Id
	cat >in.csv <<-'END'
		Id,event_time,Amount,Text
		1,1704067200,,
		2,1704067200.5,1e-7,""
		3,1704067201.123456,12345678901234.5,"a ""b"", 한국어"
		-9223372036854775808,1704067202,-0.25,"two
		lines"
	END
	fs-put cased in.csv
	wait_until 20 arrived cased 4
	sed 's/"Amount"/"AMOUNT"/; s/"Text"/"text"/' features.json >x.json
	mv x.json features.json
	made lowered both --record-identifier-name Id --table-format Iceberg
	migrated cased lowered
	present cased | jq -cS 'with_entries(.key |= ascii_downcase)' >wanted
	present lowered | jq -cS 'with_entries(.key |= ascii_downcase)' >got
	same_file got wanted
	is "$(wc -l <wanted)" 4
	has got '"event_time":1704067201.123456'
	fs-extract-online lowered --no-seal >got
	has got '-9223372036854775808,1704067202,'
	newest cased | jq -cS 'with_entries(.key |= ascii_downcase)' >wanted
	newest lowered | jq -cS 'with_entries(.key |= ascii_downcase)' >got
	same_file got wanted
	made again both --record-identifier-name Id
	migrated lowered again
	present again | jq -cS 'with_entries(.key |= ascii_downcase)' >got
	same_file got wanted
}

@test "migrate: times with and without fractions are in order" {
	made times both
	cat >in.csv <<-'END'
		id,event_time,count
		a,2024-01-01T00:00:00Z,1
		a,2024-01-01T00:00:00.250Z,2
		a,2024-01-01T00:00:00.5Z,3
		b,2024-01-01T00:00:01.000000001Z,4
		b,2024-01-01T00:00:01Z,5
	END
	fs-put times in.csv
	wait_until 20 arrived times 5
	made times-2 both
	migrated times times-2
	is "$(present times-2 | jq -c '[.id, .count]' | paste -sd' ')" '["a",3] ["b",4]'
	history times >wanted
	history times-2 >got
	same_file got wanted
	made times-3 online
	migrated times times-3
	present times-2 >wanted
	present times-3 >got
	same_file got wanted
}

# t/soak/features.bats does that with 2,500
# bats test_tags=whole
@test "migrate: hundreds of features, in online stores and in both with history" {
	local kind method
	local -A format=([csv]=Glue [unload]=Iceberg)

	wide "${FEATURES:-250}" 12
	tail -n +4 in.ndjson | grep -v '"id":"r7"' | values - again.ndjson >wanted
	is "$(wc -l <wanted)" 11
	for kind in online both; do
		made "wide-$kind" $kind
		fs-put "wide-$kind" in.ndjson
		fs-put "wide-$kind" again.ndjson
		printf '%s\n' id,event_time,is_deleted r7,2024-03-01T00:00:00Z,true |
			fs-put "wide-$kind" --accept-unsealed
		present "wide-$kind" | values | same_file - wanted
	done
	made wide-to online
	migrated wide-online wide-to
	present wide-to | values | same_file - wanted
	wait_until 30 rows wide-both 16
	by_turns 1 csv unload
	for method in "${turns[@]}"; do
		made "wide-$method" both --table-format "${format[$method]}"
		migrated wide-both "wide-$method" --method "$method"
		has "$out" 'Expected records: 16' '1 of them deletions'
		present "wide-$method" | values | same_file - wanted
		history wide-both >before
		history "wide-$method" >after
		same_file after before
		grep -v '"is_deleted":true' after | values >after.values
		values in.ndjson again.ndjson | same_file after.values -
	done
}

@test "migrate: lists, sets and vectors" {
	local to

	cat >features.json <<-'END'
		[{"FeatureName":"id","FeatureType":"String"},
		{"FeatureName":"event_time","FeatureType":"String"},
		{"FeatureName":"tags","FeatureType":"String","CollectionType":"List"},
		{"FeatureName":"ids","FeatureType":"Integral","CollectionType":"Set"},
		{"FeatureName":"v","FeatureType":"Fractional","CollectionType":"Vector",
			"CollectionConfig":{"VectorConfig":{"Dimension":3}}}]
	END
	cat >in.ndjson <<-'END'
		{"id":"a","event_time":"2024-01-01T00:00:00Z","v":[1,2,3],"tags":["y, \"z\""]}
		{"id":"b","event_time":"2024-01-01T00:00:00Z","tags":[],"v":[1,2,3],"ids":[2,7]}
		{"id":"c","event_time":"2024-01-01T00:00:00Z"}
	END
	for from in online both; do
		# from one store alone to one alone, and from both to both; with WHOLE all
		[[ ${WHOLE-} ]] && turns=(online both) || turns=("$from")
		made "lists-$from" $from --storage-type InMemory
		fs-put "lists-$from" in.ndjson
		[[ $from == online ]] || wait_until 20 arrived "lists-$from" 3
		for to in "${turns[@]}"; do
			made "lists-$from-$to" "$to" --storage-type InMemory
			migrated "lists-$from" "lists-$from-$to"
			present "lists-$from" >wanted
			present "lists-$from-$to" >got
			same_file got wanted
			is "$(wc -l <wanted)" 3
			has got '"y, \"z\""'
			[[ $from == both ]] || continue
			# what is just so is known by its collections, too
			run_rc 0 fs migrate lists-both "lists-both-$to" --yes
			has "$out" 'written 0, there already 3'
		done
	done
	sed -n '/"b"/s/2,7/7,2/p; /"a"/s/1,2,3/1,2,4/p' in.ndjson >other.ndjson
	fs-put lists-both other.ndjson
	run_rc 0 fs migrate lists-both lists-both-both --yes
	has "$out" 'written 1'
	is "$(fs get lists-both-both a | jq -c .v)" '["1","2","4"]'
}

@test "migrate: a group that the aws command made" {
	aws sagemaker create-feature-group --feature-group-name theirs \
		--record-identifier-feature-name id --event-time-feature-name ts \
		--role-arn "$role" --online-store-config EnableOnlineStore=true \
		--offline-store-config '{"S3StorageConfig":{"S3Uri":"s3://offline/aws"}}' \
		--feature-definitions FeatureName=id,FeatureType=String \
			FeatureName=ts,FeatureType=Fractional FeatureName=n,FeatureType=Integral \
		>/dev/null
	for i in 1 2 3; do
		aws sagemaker-featurestore-runtime put-record --feature-group-name theirs \
			--record "FeatureName=id,ValueAsString=a$i" \
			"FeatureName=ts,ValueAsString=1704067200.$i" \
			"FeatureName=n,ValueAsString=$i"
	done
	wait_until 20 arrived theirs 3
	fs schema theirs -o json >features.json
	made ours both --event-time-feature-name ts
	migrated theirs ours
	present theirs >wanted
	present ours >got
	same_file got wanted
	is "$(wc -l <wanted)" 3
}

@test "migrate: another account and region" {
	local -a far=(--profile=far --region=us-west-2)

	loaded near 40
	cat >"$AWS_SHARED_CREDENTIALS_FILE" <<-'END'
		[far]
		aws_access_key_id = AKIASANDBOX000000002
		aws_secret_access_key = sandbox/secret/key/of/the/other/user/+02
	END
	printf '[profile far]\nregion = us-west-2\n' >"$AWS_CONFIG_FILE"
	fs "${far[@]}" create near --schema-file features.json --role-arn "$role" \
		--s3-uri s3://far-away/fs >/dev/null
	migrated near near --target-profile far --target-region us-west-2
	fs-extract-online "${far[@]}" near --no-seal | sort >got
	sort in.csv >wanted
	same_file got wanted
	has "$out" '40 records (identifier and event time) compared, 0 missing'
	fs-put "${far[@]}" near --delete hard --event-time later - --accept-unsealed \
		< <(printf 'id,event_time\nid7,2024-01-01T00:00:00Z\n')
	run_rc 1 fs-verify near near --target-profile far --target-region us-west-2
	has "$out" '1 missing, 0 older, 0 not deleted: "id7"'
	rm "$AWS_SHARED_CREDENTIALS_FILE" "$AWS_CONFIG_FILE"
}

@test "migrate: throttled by the service, all of it arrives and nothing fails" {
	made limited-from both
	records 1200 >in.csv
	fs-put limited-from in.csv
	wait_until 30 rows limited-from 1200
	made limited-to both
	sandbox_set write-rate=500
	migrated limited-from limited-to --max-workers 10
	sandbox_set
	has "$out" 'Records: 1200, written 1200' 'Success rate: 100.0%'
	has_no "$out" failed
	same_online limited-to in.csv
	rows limited-to 1200
}
