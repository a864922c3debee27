load helper
load kafka
load kafka_kill
load json

# kafka-dump: messages that kcat has written, as narrow records and as rows of PostgreSQL.

setup_file() {
	scratch_db
	kafka_start 1 shapes flat:3 wide cdc bad loss kill:4 fence:2 empty gone late example \
		door:2 any-a:2 any-b shared:6
	sql 'CREATE TABLE public.readings (ship_id text, created_time timestamp,
		data_channel_id text, value text)'
}
teardown() { [[ ! -v members ]] || end_members; }
teardown_file() { kafka_stop; helper_teardown_file; }

dump() { kafka-dump --until end --no-seal -t "$@"; }
offsets() { sql "SELECT topic, partition, next_offset FROM ferry.kafka_offset
	WHERE group_name = '$1' ORDER BY 1, 2"; }

@test "kafka-dump: flat messages of all partitions become records, sorted by time" {
	flat 1 300 | shuf --random-source=<(yes) >in
	for each in 0 1 2; do
		sed -n "$((each + 1))~3p" in | into flat -p "$each"
	done
	run_ok dump flat --stats stats
	{
		echo ship_id,created_time,data_channel_id,value
		flat 1 300 | jq -r '[.ship, .t, .ch, .v] | join(",")' | sort -t , -k 2,2
	} >want
	same_file "$out" want
	is "$(jq -c '[.rows_in, .rejects]' stats)" '[300,0]'
	# shellcheck disable=SC2094  # it is read alone
	as_said stats <stats
	# sealed: the facts say which offsets
	run_ok kafka-dump -t flat --until end --seal
	# of each chunk: a slow broker makes several
	sed 's/""/"/g' "$out" | grep -o '"offsets"*:{.*}' >facts
	is "$(grep -o '"partition":[0-9]' facts | sort -u | wc -l)" 3
	has facts '"topic":"flat"' '"from":0'
	run_rc 64 dump flat -t flat
	has "$err" '"flat" is named twice'
	run_rc 64 dump flat,wide
	has "$err" 'not one name of a topic'
	# an empty topic is read too
	run_ok dump empty
	is "$(<"$out")" ship_id,created_time,data_channel_id,value
}

@test "kafka-dump: shapes, names, units of time and places in the message" {
	printf '{"vessel":{"id":7,"at":1704067215250}}\n' | into shapes
	run_rc 65 dump shapes
	has "$err" 'names no ship' \
		'"topic":"shapes","partition":0,"offset":0,"message":"{\"vessel\"'
	local t='"ship":"T","ts":"2024-01-01T00:00:17+00","values"'
	printf '%s\n' '{"ship":"S","ts":1704067215.25,' \
		'"values":{"a":1e5,"b":null,"c":true,"d":"é,"}}' \
		"[{$t:{}},{\"ship\":\"S\",\"ts\":1704067216,\"values\":7}]" \
		"[{\"ship\":\"S\",\"ts\":1704067216000000,\"values\":{\"a\":7}},
			{$t:{\"x\":[1, {}]}}]" | tr -d '\n\t' |
		sed 's/}\[/}\n[/; s/\]\[/]\n[/' | into wide
	run_rc 0 dump wide --shape wide --rejects bad
	is "$(tail -n +2 "$out")" 'S,2024-01-01 00:00:15.25,a,1e5
S,2024-01-01 00:00:15.25,b,
S,2024-01-01 00:00:15.25,c,true
S,2024-01-01 00:00:15.25,d,"é,"
S,2024-01-01 00:00:16,a,7
T,2024-01-01 00:00:17,x,"[1, {}]"'
	is "$(jq -c '.row.offset' bad)" 1
	printf '{"p":{"list":[{"id":7,"at":1704067215250000000,"k":"a","x":1.50}]}}' | into gone
	run_ok dump gone --at p.list --ship id --time at --channel k --value none,x --time-unit ns
	is "$(tail -n +2 "$out")" '7,2024-01-01 00:00:15.25,a,1.50'
	# a number that could be anything is not guessed
	run_rc 65 dump gone --at p.list --ship id --time x --channel k --value x
	has "$err" 'no time, or of an unknown unit'
}

@test "kafka-dump: changes as Debezium tells them: inserts, updates, deletions, tombstones" {
	row() {
		printf '{"ship_id":"S","created_time":%s000000,"data_channel_id":"%s",' "$1" "$2"
		printf '"double_v":null,"long_v":%s,"str_v":null,"bool_v":null}' "$3"
	}
	{
		printf '1\t{"op":"c","before":null,"after":%s}\n' "$(row 1704067201 a 1)"
		printf '1\t{"schema":{},"payload":{"op":"r","before":null,"after":%s}}\n' \
			"$(row 1704067202 a 2)"
		printf '1\t{"op":"u","before":null,"after":%s}\n' "$(row 1704067201 a 3)"
		printf '2\t{"op":"d","before":%s,"after":null}\n' "$(row 1704067202 a null)"
		printf '2\t\n' # a tombstone
		printf '3\t{"op":"u","before":%s,"after":%s}\n' "$(row 1704067201 a 3)" \
			"$(row 1704067204 b 4)"
		printf '3\t{"op":"t"}\n'
		printf '4\t{"op":"c","before":null,"after":%s}\n' "$(row 1704067205 c 5)"
		printf '4\t{"op":"u","before":null,"after":%s}\n' "$(row 1704067205 c null)"
		# a long value that was not changed is not told: only from where it was can it move
		untold=$(row 1704067204 b '"__debezium_unavailable_value"')
		printf '3\t{"op":"u","before":null,"after":%s}\n' "$untold"
		printf '3\t{"op":"u","before":%s,"after":%s}\n' "$(row 1704067204 b null)" \
			"${untold/204/206}"
		printf '3\t{"op":"u","before":%s,"after":%s}\n' "$(row 1704067204 b 4)" \
			"${untold/204/207}"
	} | into cdc -K '	' -Z
	run_rc 0 dump cdc --shape debezium --rejects bad
	is "$(<"$out")" 'ship_id,created_time,data_channel_id,value,op
S,2024-01-01 00:00:01,a,1,
S,2024-01-01 00:00:01,a,3,
S,2024-01-01 00:00:01,a,,d
S,2024-01-01 00:00:02,a,2,
S,2024-01-01 00:00:02,a,,d
S,2024-01-01 00:00:04,b,4,
S,2024-01-01 00:00:04,b,,d
S,2024-01-01 00:00:05,c,5,
S,2024-01-01 00:00:05,c,,d
S,2024-01-01 00:00:07,b,4,'
	is "$(jq -c '[.row.offset, .why]' bad)" '[6,"not an insert, update or deletion"]
[10,"the row has moved, and the message does not tell its value"]'
	has "$err" 'offset 9: a long value' '1 values were not told'
	# in wide tables the moved row is where it went, and nowhere else
	run_pipe '0 0 0' 'kafka-dump -t cdc -g cdc --until end --shape debezium \
		--rejects bad | pivot-wide | pg-copy-load --wide --target-schema cdc'
	is "$(sql 'SELECT created_time, b FROM cdc.tbl_data_timeseries_s
		WHERE b IS NOT NULL')" '2024-01-01 00:00:07|4'
	is "$(offsets cdc)" 'cdc|0|12'
}

@test "kafka-dump: poison messages are kept with topic, partition and offset, the others loaded" {
	printf '%s\n' '{"ship":"S","t":"yesterday","ch":"c","v":1}' 'no json' \
		'{"ship":"S","t":"2024-01-01 00:00:00","ch":"c","v":1}' \
		'{"ship":"","t":"2024-01-01 00:00:00","ch":"c","v":1}' $'\xff\xfe' \
		'{"ship":"S","t":"2024-01-01 00:00:00","ch":"c","v":"\u0000"}' \
		'{"ship":"S","t":"2024-01-01 00:00:01","ch":"c"}' '[1]' | into bad
	run_rc 65 dump bad
	run_pipe '0 0 0' 'kafka-dump -t bad -g bad --until end --rejects bad.ndjson | pivot-wide |
		pg-copy-load --wide --target-schema bad'
	is "$(sql 'SELECT created_time, c FROM bad.tbl_data_timeseries_s')" '2024-01-01 00:00:00|1'
	is "$(jq -c '[.row.topic, .row.partition, .row.offset, .field]' bad.ndjson)" \
		'["bad",0,0,"t"]
["bad",0,1,""]
["bad",0,3,"ship"]
["bad",0,4,""]
["bad",0,5,""]
["bad",0,6,"v"]
["bad",0,7,""]'
	is "$(offsets bad)" 'bad|0|8'
	has "$err" 'offset 0: a bad message: "t": no time'
	is "$(sql "SELECT count(*), min(level) FROM ferry.event
		WHERE message LIKE '%\"bad\"%'")" '1|WARNING'
	# they are not read again, and null clears what came before
	printf '{"ship":"S","t":"2024-01-01 00:00:00","ch":"c","v":null}\n' | into bad
	run_pipe '0 0 0' 'kafka-dump -t bad -g bad --until end -o ndjson | pivot-wide |
		pg-copy-load --wide --target-schema bad'
	is "$(sql 'SELECT count(c) FROM bad.tbl_data_timeseries_s')" 0
	run_rc 0 dump bad --rejects bad.ndjson
	has "$err" 'offset 8: null clears the cell only with -o ndjson'
	# more of them than may be end it, and nobody tries again
	run_rc 65 narrow-to-wide --mode streaming --from-kafka "$FERRY_KAFKA" --topic bad \
		--consumer-group more --max-rejects 3 --target-schema bad
	has_no "$err" 'to be run again'
	run_rc 78 narrow-to-wide --mode status --target-schema bad
	has "$err" 'ferry.kafka_offset'
}

@test "kafka-dump: --from beginning, end and committed, and no --from where the ledger knows" {
	flat 1 10 1 | into shapes
	run_ok dump shapes --from end
	is "$(wc -l <"$out")" 1
	run_rc 78 kafka-dump -t shapes --until end --from committed -g unknown --seal
	has "$err" 'the group has committed nothing'
	run_rc 64 dump shapes --from committed
	run_rc 64 dump shapes --from tomorow
	has "$err" '--from: neither a time nor one of'
	# by time: see t/unit/kafka.c; that the mock knows none means that no message is so late
	run_ok dump shapes --from '2 days ago'
	is "$(wc -l <"$out")" 1
	run_rc 64 kafka-dump -t shapes -g g --until end --no-seal
	# begun at the end: what comes while nobody reads is not passed over
	local load='pg-copy-load --table public.readings'
	run_pipe '0 0' 'kafka-dump -t shapes -g late --from end --until end | $load' load="$load"
	is "$(sql 'SELECT count(*) FROM public.readings')" 0
	flat 11 15 1 | into shapes
	run_pipe '0 0' 'kafka-dump -t shapes -g late --from end --until end | $load' load="$load"
	is "$(sql 'SELECT string_agg(value, $$ $$ ORDER BY value) FROM public.readings')" \
		'11 12 13 14 15'
	# the group was told only what is committed, and another takes over from there
	sql 'DELETE FROM ferry.kafka_offset'
	flat 16 16 1 | into shapes
	run_pipe '0 0' 'kafka-dump -t shapes -g late --from committed --until end | $load' \
		load="$load"
	is "$(sql 'SELECT count(*) FROM public.readings')" 6
}

@test "kafka-dump: topics by regular expression, and what is new among them" {
	local load='kafka-dump -t ^any- -g any --from end --until end $more |
		pg-copy-load --table public.any' each
	sql 'CREATE TABLE public.any (LIKE public.readings)'
	flat 1 10 1 | into any-a -p 0
	flat 11 20 1 | into any-a -p 1
	flat 21 30 1 | into any-b
	run_ok dump '^any-'
	tail -n +2 "$out" | sort >got
	for each in any-a any-b; do kafka_values "$each"; done |
		jq -r '[.ship, .t, .ch, .v] | join(",")' | sort >want
	same_file got want
	# each once, whoever means it; and only what matches
	run_ok dump any-a -t '^any-[a-b]$'
	tail -n +2 "$out" | sort >got
	same_file got want
	run_ok dump '^any-b$'
	is "$(tail -n +2 "$out" | wc -l)" 10
	run_rc 66 dump '^nobody'
	has "$err" 'no topic matches "^nobody"'
	run_rc 64 dump '^('
	has "$err" 'not a regular expression: "^("'
	# a partition, or a topic, that is new to the ledger is read whole, wherever others begin
	run_pipe '0 0' "$load" load="$load" more=
	is "$(offsets any)" 'any-a|0|10
any-a|1|10
any-b|0|10'
	is "$(sql 'SELECT count(*) FROM public.any')" 0
	sql "DELETE FROM ferry.kafka_offset WHERE group_name = 'any' AND
		(topic, partition) IN (('any-a', 1), ('any-b', 0))"
	run_pipe '0 0' "$load" load="$load" more=
	is "$(sql 'SELECT count(*), min(value::int), max(value::int) FROM public.any')" '20|11|30'
	# and one that the expression meant is missed
	sql "INSERT INTO ferry.kafka_offset VALUES ('any', 'any-c', 0, 5, '', ''),
		('any', 'other', 0, 5, '', '')"
	run_pipe '78 78' "$load" load="$load" more=
	has "$err" 'topic "any-c", partition 0: there is no such partition any more'
	run_pipe '0 0' "$load" load="$load" more=--accept-loss
	is "$(offsets any | grep -v 'any-[ab]')" 'other|0|5'
}

# member NAME [VAR=VALUE]...: reads `shared` into public.shared, and does it again when it ends, as
# narrow-to-wide does; the variables are of the first time alone
member() {
	local name=$1
	shift
	until [[ -e ended || ! -e log.$name ]]; do
		# shellcheck disable=SC2016
		env "$@" bash -c 'echo "$BASHPID" >"pid.$0"; exec kafka-dump -t ^shared -g shared \
			--share -v -X session.timeout.ms=5000 -X heartbeat.interval.ms=200 \
			-X fetch.wait.max.ms=20' "$name" 2>>"log.$name" |
			pg-copy-load --table public.shared 2>>"log.$name" || :
		set --
	done
}
# shares NAME N: so many partitions are its own now
shares() { [[ $(grep ' partitions are ours' "log.$1" | tail -n 1) == *" $2 partitions"* ]]; }
shared() { is "$(sql 'SELECT count(*) FROM public.shared')" "$1"; }
# whatever has become of the test, its members end
end_members() {
	: >ended
	local each
	for each in pid.*; do
		kill -CONT "$(<"$each")" 2>/dev/null || :
		kill -TERM "$(<"$each")" 2>/dev/null || :
	done
	wait "${members[@]}" || :
	unset members
}

# ten FIRST: ten messages for each of the six partitions
ten() {
	local each
	for each in {0..5}; do
		flat $(($1 + each * 10)) $(($1 + each * 10 + 9)) | into shared -p "$each"
	done
}

@test "kafka-dump --share: two members, and one that sleeps through a rebalance commits nothing" {
	sql 'CREATE TABLE public.shared (LIKE public.readings)'
	run_rc 64 kafka-dump -t shared -g shared --share --until end --seal
	run_rc 64 kafka-dump -t shared --share --no-seal
	# a file would not fit to what the next one reads
	RUN_TIMEOUT=20 run_rc 64 kafka-dump -t shared -g shared --share --seal
	has "$err" '--share needs a pipe'
	RUN_TIMEOUT=20 run_rc 64 kafka-dump -t shared -g shared --share --seal -O file
	: >log.a
	: >log.b
	ten 1
	member a KP_STOP=kafka_message:100 3>&- &
	members=("$!")
	wait_until 60 shared 60
	shares a 6
	member b 3>&- &
	members+=("$!")
	wait_until 60 shares b 3
	wait_until 60 shares a 3
	# 30 of these are a's: it stops at its tenth of the next ones, in an open chunk
	ten 61
	wait_until 60 shared 120
	ten 121
	wait_until 60 grep -q '^State:.*stopped' "/proc/$(<pid.a)/status"
	wait_until 60 shares b 6
	wait_until 60 shared 180
	# what it has in hand is refused, and it begins again where the target is
	kill -CONT "$(<pid.a)"
	wait_until 60 grep -q 'another reader of the group has taken these messages' log.a
	wait_until 60 shares a 3
	wait_until 60 shares b 3
	ten 181
	wait_until 60 shared 240
	end_members
	kafka_values shared | jq -r '[.ship, .t, .ch, .v] | join("|")' | sort >want
	sql 'SELECT * FROM public.shared' | sort >got
	same_file got want
	is "$(offsets shared | cut -d '|' -f 3 | sort -u)" 40
}

@test "kafka-dump: messages that are gone are refused by number, or accepted as an event" {
	local pipe='kafka-dump -t loss -g loss --until end $more | pivot-wide |
		pg-copy-load --wide --target-schema loss'
	flat 1 20 1 | into loss
	run_pipe '0 0 0' "$pipe" more=
	# the topic is another: it has fewer messages, other ones, or another cluster has it
	sql "UPDATE ferry.kafka_offset SET next_offset = 30 WHERE group_name = 'loss'"
	run_pipe '78 78 78' "$pipe" more=
	has "$err" 'topic "loss", partition 0: it was made anew, or has lost its end: 10 messages' \
		'reads all that there is, from the first message'
	sql "UPDATE ferry.kafka_offset SET next_offset = 20, mark = '1' WHERE group_name = 'loss'"
	run_pipe '78 78 78' "$pipe" more=
	has "$err" 'its messages are others than those that were read'
	sql "UPDATE ferry.kafka_offset SET cluster = 'other' WHERE group_name = 'loss'"
	run_pipe '78 78 78' "$pipe" more=
	has "$err" 'another cluster'
	sql "UPDATE ferry.kafka_offset SET cluster = '' WHERE group_name = 'loss'"
	sql "INSERT INTO ferry.kafka_offset VALUES ('loss', 'loss', 1, 5, '', '')"
	run_pipe '78 78 78' "$pipe" more=
	has "$err" 'partition 1: there is no such partition any more'
	is "$(offsets loss)" 'loss|0|20
loss|1|5'
	run_pipe '0 0 0' "$pipe" more=--accept-loss
	is "$(offsets loss)" 'loss|0|20'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE '%\"loss\"%'")" 2
	run_pipe '0 0 0' "$pipe" more=
	is "$(sql 'SELECT count(*) FROM loss.tbl_data_timeseries_s0')" 20
}

@test "kafka-dump: what retention has taken before it was read is counted" {
	local load='kafka-dump -t late -g taken --until end $more |
		pg-copy-load --table public.late'
	sql 'CREATE TABLE public.late (LIKE public.readings)'
	flat 1 3 1 | into late
	run_pipe '0 0' "$load" more=
	# the mock keeps 5 MB of a partition
	large() {
		local i pad
		printf -v pad '%20000s' ''
		for ((i = $1; i <= $2; i++)); do
			printf '{"ship":"S","t":"2024-01-01 00:00:00","ch":"c","v":%d,"p":"%s"}\n' \
				"$i" "$pad"
		done
	}
	large 4 400 | into late
	local low
	low=$(kcat -b "$FERRY_KAFKA" -t late -C -o beginning -c 1 -f %o)
	((low > 3))
	run_pipe '78 78' "$load" more=
	has "$err" "they were deleted before they were read: $((low - 3)) messages are lost"
	is "$(offsets taken)" 'late|0|3'
	run_pipe '0 0' "$load" more=--accept-loss
	is "$(sql 'SELECT count(*), min(value::int), max(value::int) FROM public.late
		WHERE value::int > 3')" "$((400 - low))|$((low + 1))|400"
	is "$(sql "SELECT level FROM ferry.event
		WHERE message LIKE '%\"late\"%$((low - 3)) messages are lost'")" WARNING
	# of one that is new to the ledger nobody has had any
	large 1 400 | into late-too -p 0
	low=$(kcat -b "$FERRY_KAFKA" -t late-too -p 0 -C -o beginning -c 1 -f %o)
	((low > 0))
	run_pipe '78 78' "${load/-t late/-t ^late}" more=
	has "$err" "\"late-too\"" "they were deleted before they were read: $low messages are lost"
	run_pipe '0 0' "${load/-t late/-t ^late}" more=--accept-loss
	run_pipe '0 0' "${load/-t late/-t ^late}" more=
	offsets taken >kept
	has kept 'late|0|400' 'late-too|0|400'
	# stopped in the middle, and overtaken meanwhile
	large 401 440 | into late
	local few='-X queued.min.messages=1 -X fetch.message.max.bytes=100
		-X queued.max.messages.kbytes=1'
	# shellcheck disable=SC2086
	KP_STOP=kafka_message:1 kafka-dump -t late -g taken --until end -O stream --seal \
		$few 2>err &
	local reader=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$reader/status"
	large 441 900 | into late
	kill -CONT "$reader"
	local rc=0
	wait "$reader" || rc=$?
	is "$rc" 78 "$(<err)"
	has err 'they were deleted before they were read'
}

@test "kafka-dump: of two that read the same, one is fenced off, and each message is there once" {
	local load='kafka-dump -t fence -g fence --until end |
		pg-copy-load --table public.fence'
	sql 'CREATE TABLE public.fence (LIKE public.readings)'
	flat 1 40 | into fence
	KP_STOP=kafka_seal:1 kafka-dump -t fence -g fence --until end --seal -O pipe.1 2>err.1 &
	local first=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$first/status"
	flat 41 80 | into fence
	run_pipe '0 0' "$load"
	kill -CONT "$first"
	wait "$first"
	run_rc 75 pg-copy-load --table public.fence pipe.1
	has "$err" 'another reader of the group has taken these messages'
	kafka_values fence | jq -r .v | sort >want
	sql 'SELECT value FROM public.fence' | sort >got
	same_file got want
	# into wide tables, too
	run_rc 75 pg-copy-load --wide --target-schema fence <(pivot-wide --seal <pipe.1)
	has "$err" 'another'
	is "$(offsets fence | awk -F '|' '{ n += $3 } END { print n }')" 80
	# nobody stores what one without a group has read
	kafka-dump -t fence --until end --seal >pipe.2
	run_ok pg-copy-load --table public.fence pipe.2
	is "$(sql 'SELECT count(*) FROM public.fence')" 160
}

@test "narrow-to-wide --from-kafka: on and on, over faults of brokers, until SIGTERM" {
	export FERRY_STATE=$PWD/state FERRY_RETRY_PAUSE=50
	loaded() { is "$(sql 'SELECT count(*) FROM door.tbl_data_timeseries_s0')" "$1"; }
	run_rc 64 narrow-to-wide --mode streaming --from-kafka "$FERRY_KAFKA"
	# what is about a narrow table has no meaning here
	run_rc 64 narrow-to-wide --mode streaming --from-kafka "$FERRY_KAFKA" --topic door \
		--since 2024-01-01
	has "$err" '--since and --from-kafka exclude each other'
	narrow-to-wide --help | sed -z 's/\n \{20,\}/ /g' | grep "from-kafka\]" |
		grep -o -- '--[a-z-]*' | sort -u >not
	has not --ship-id --until --cutoff-time --table --chunk --workers --follow --source --types
	flat 1 20 1 | into door
	KP_KILL=before_commit:2 narrow-to-wide --mode streaming --from-kafka "$FERRY_KAFKA" \
		--topic door --consumer-group door --target-schema door --accept-loss 2>log &
	local door=$!
	wait_until 20 loaded 20
	printf 'poison\n' | into door
	flat 21 40 1 | into door
	wait_until 20 loaded 40
	kafka_do 'down 1'
	kafka_do 'up 1'
	flat 41 60 1 | into door
	wait_until 20 loaded 60
	kill -TERM "$door"
	wait "$door"
	is "$(sql 'SELECT sum(coalesce(c0, c1, c2, c3, c4)::int)
		FROM door.tbl_data_timeseries_s0')" 1830
	is "$(jq -r .row.message state/kafka-rejects.ndjson | sort -u)" poison
	is "$(offsets door | awk -F '|' '{ n += $3 } END { print n }')" 61
	has log 'pg-copy-load was ended by SIGKILL'
	# the group knows it, too, for those who watch its lag
	run_rc 0 kafka-dump -t door -g door --from committed --until end -O stream --seal
	is "$(wc -l <stream)" 2
}

@test "kafka-dump: killed anywhere, each message is in PostgreSQL once" {
	each_once 4 4
}

@test "kafka-dump: the examples of its manual page run" {
	local page=$root/src/extract/kafka-dump.1
	flat 1 5 | into example
	sed -n '/^kafka-dump -b/,/^\.Ed/p' "$page" | grep -v '^\.Ed' |
		sed "s/localhost:9092/${FERRY_KAFKA%%,*}/; s/-t telemetry/-t example --until end/" \
			>examples
	is "$(grep -c kafka-dump examples)" 2
	sed -i 's/--until end --until end/--until end/; s/--wide/--wide --target-schema example/' \
		examples
	run_ok bash -eo pipefail examples
	is "$(tail -n +2 narrow.csv | wc -l)" 5
	is "$(sql 'SELECT count(*) FROM example.tbl_data_timeseries_s1')" 2
}
