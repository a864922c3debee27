load helper
load kafka
load json

setup_file() {
	kafka_start 3 keys:3 kcat:3 plain:2 sealed cut rejected lost away feed over whole alone \
		stays
}
teardown_file() { kafka_stop; helper_teardown_file; }

narrow() {
	printf 'ship_id,created_time,data_channel_id,value\n'
	local i
	for ((i = 1; i <= $1; i++)); do
		printf 'S%d,2024-01-01 00:00:%02d,"c,%d",%d\n' $((i % 20)) $((i % 60)) "$i" "$i"
	done
}

@test "kafka-put: what kcat reads is each record once, in order within its key" {
	narrow 500 >in.csv
	run_ok kafka-put -t keys -k ship_id --stats stats in.csv
	is "$(jq -c '[.rows_in, .acknowledged, .rejected, .unknown]' stats)" '[500,500,0,0]'
	# shellcheck disable=SC2094  # it is read alone
	as_said stats <stats
	reformat -o ndjson in.csv | sort >want
	kafka_values keys >got
	same_file got want
	kafka_has keys | jq -Rr 'capture("^(?<p>\\d+) \\d+ (?<k>\\S+) (?<v>.*)") |
		[.k, .p, (.v | fromjson | .value)] | @tsv' >order
	# each key has one partition, and its numbers rise
	awk '{ if (($1 in p && p[$1] != $2) || $3 + 0 <= last[$1]) bad = 1
		p[$1] = $2; last[$1] = $3 + 0 } END { exit bad }' order
	is "$(cut -f 2 order | sort -u | wc -l)" 3
	# and it is the one that librdkafka chooses for Java's partitioner
	jq -r '"\(.ship_id)\t\(. | tojson)"' want |
		kcat -b "$FERRY_KAFKA" -t kcat -P -K '	' -X partitioner=murmur2_random
	is "$(kafka_has kcat | awk '{ print $1, $3 }' | sort -u)" \
		"$(kafka_has keys | awk '{ print $1, $3 }' | sort -u)"
}

@test "kafka-put: NULL, empty, texts and numbers pass; several columns make an array of the key" {
	printf '%s\n' '{"a":"é\u0001","b":1e5,"c":null,"d":""}' '{"a":"x","b":"y","e":[1,{}]}' >in
	run_ok kafka-put -t plain -k a,b --compression zstd in
	is "$(kafka_has plain | cut -d ' ' -f 3- | sort)" \
		'["x","y"] {"a":"x","b":"y","e":[1,{}]}
["é\u0001","1e5"] {"a":"é\u0001","b":1e5,"c":null,"d":""}'
	printf '%s\n' '{"a":"x","b":null}' '{"a":"x"}' '{"a":"z","b":"z"}' >in
	run_rc 65 kafka-put -t plain -k a,b in
	has "$err" 'field "b": NULL, or not there, and part of the key'
	run_rc 0 kafka-put -t plain -k a,b --rejects bad in
	is "$(jq -c '[.record, .field]' bad)" '[1,"b"]
[2,"b"]'
	is "$(kafka_values plain | grep -c '{"a":"z","b":"z"}')" 1
	printf '"a,b",c\n1,2\n' >in.csv
	run_ok kafka-put -t plain -k '"a,b",#2' in.csv
	is "$(kafka_has plain | grep -c '\["1","2"\]')" 1
	narrow 1 >in.csv
	run_rc 64 kafka-put -t plain -k nothing in.csv
	has "$err" 'there is no column "nothing"'
}

@test "kafka-put: of a sealed stream only whole chunks are sent; one cut short ends with 76" {
	narrow 40 >in.csv
	reformat --seal -O one in.csv
	run_pipe '0 0' 'cat one | kafka-put -t sealed -k ship_id --stats stats'
	reformat -o ndjson in.csv | sort >want
	kafka_values sealed >got
	same_file got want
	head -n 30 one >short
	run_pipe '0 76' 'cat short | kafka-put -t cut -k ship_id --stats stats'
	is "$(jq -c '[.acknowledged, .unknown, .exit]' stats)" '[0,0,76]'
	has "$err" '0 messages are acknowledged, 0 rejected, 0 unknown'
	is "$(kafka_values cut)" ''
	sed 's/"c,3"/"c,4"/' one >changed
	run_pipe '0 76' 'cat changed | kafka-put -t cut -k ship_id'
	run_pipe '0 76' 'cat in.csv | kafka-put -t cut -k ship_id'
	is "$(kafka_values cut)" ''
	run_pipe '0 0' 'cat in.csv | kafka-put -t cut --accept-unsealed'
	kafka_values cut >got
	same_file got want
}

@test "kafka-put: what the cluster refuses, and what it never answers, is counted and fails" {
	narrow 5 >in.csv
	kafka_do 'topic rejected 29'
	run_rc 77 kafka-put -t rejected in.csv
	kafka_do 'topic rejected 0'
	printf 'a\nshort\n%s\n' "$(head -c 3000 /dev/zero | tr '\0' x)" >large.csv
	run_rc 65 kafka-put -t rejected -X message.max.bytes=1000 --stats stats large.csv
	has "$err" 'large.csv:3: record 2: ' 'too large' 'message.max.bytes=N' '--rejects FILE'
	is "$(jq -c '[.acknowledged, .rejected, .unknown, .exit]' stats)" '[1,0,0,65]'
	is "$(kafka_values rejected)" '{"a":"short"}'
	# requests fail for a while: each is there once all the same (Produce is 0; 7: timed out)
	kafka_do 'error 0 2 7'
	run_ok kafka-put -t lost in.csv
	reformat -o ndjson in.csv | sort >want
	kafka_values lost >got
	same_file got want
}

@test "kafka-put: brokers that go away in the middle are temporary" {
	acknowledged() { [[ $(kafka_values away) ]]; }
	mkfifo in
	kafka-put -t away -X message.timeout.ms=500 --stats stats --accept-unsealed -i ndjson in \
		2>said 3>&- &
	exec {feed}>in
	printf '{"a":1}\n' >&"$feed"
	wait_until 20 acknowledged
	for each in 1 2 3; do
		kafka_do "down $each"
	done
	printf '{"a":2}\n' >&"$feed"
	exec {feed}>&-
	rc=0
	wait $! || rc=$?
	for each in 1 2 3; do
		kafka_do "up $each"
	done
	is "$rc" 75
	has said 'Message timed out'
	is "$(jq -c '[.acknowledged, .rejected, .unknown, .exit]' stats)" '[1,1,0,75]'
}

@test "kafka-put: what is refused ends the sending, so that nothing overtakes it, or is kept" {
	large() { printf 'k,a\n1,old\n1,%s\n1,new\n' "$(head -c 3000 /dev/zero | tr '\0' x)"; }
	values() { kafka_values "$1" | jq -r .a | paste -sd ' '; }
	large >large.csv
	small=(-k k -X message.max.bytes=1000 --stats stats)
	# by the client: the record is bad, and of a sealed chunk nothing is sent
	run_rc 65 kafka-put -t over "${small[@]}" large.csv
	is "$(values over)" old
	reformat --seal -O sealed large.csv
	run_pipe '0 65' "cat sealed | kafka-put -t whole ${small[*]}"
	is "$(values whole)" ''
	run_rc 0 kafka-put -t over "${small[@]}" --rejects bad large.csv
	is "$(values over)" 'new old old'
	is "$(jq -c '[.record, .line, .why[:24]]' bad)" '[2,3,"the message is too large"]'
	run_pipe '0 0' "cat sealed | kafka-put -t whole ${small[*]} --rejects bad"
	is "$(values whole)" 'new old'
	is "$(jq .record bad)" 2
	is "$(jq -c '[.acknowledged, .rejected, .rejects]' stats)" '[2,0,1]'
	# by the cluster, of one that is on its way alone (0: Produce; 10: too large)
	one=(-k k -X queue.buffering.max.messages=1 --stats stats)
	narrow 50 | sed '1s/ship_id/k/' >in.csv
	kafka_do 'error 0 1 10'
	run_rc 69 kafka-put -t alone "${one[@]}" in.csv
	has "$err" 'record 1: the message is too large' '--rejects FILE'
	is "$(jq -c '[.acknowledged, .rejected, .unknown, .exit]' stats)" '[0,1,0,69]'
	is "$(kafka_values alone)" ''
	kafka_do 'error 0 1 10'
	run_rc 0 kafka-put -t alone "${one[@]}" --rejects bad in.csv
	is "$(jq -c '[.acknowledged, .rejected, .unknown, .rejects]' stats)" '[49,1,0,1]'
	# shellcheck disable=SC2094  # it is read alone
	as_said stats <stats
	# what is kept can be sent as it is
	jq -r .raw bad >again
	run_ok kafka-put -t alone -k k again
	reformat -o ndjson in.csv | sort >want
	kafka_values alone >got
	same_file got want
	# what is refused for another reason is no fault of a record
	kafka_do 'error 0 1 29'
	run_rc 69 kafka-put -t stays "${one[@]}" --rejects others in.csv
	has "$err" 'record 1: '
	is "$(kafka_values stays)" ''
	[[ ! -s others ]]
}

@test "kafka-put: what is no setting or place for a secret is said" {
	narrow 1 >in.csv
	run_rc 64 env -u FERRY_KAFKA kafka-put -t plain in.csv
	run_rc 64 kafka-put -t plain -X sasl.password=tiger in.csv
	has "$err" 'belongs in the file of --client-config'
	has_no "$err" tiger
	run_rc 78 kafka-put -t plain -X enable.idempotence=false in.csv
	has "$err" 'enable.idempotence is always true here'
	run_rc 78 kafka-put -t plain -X linger.ms=tiger in.csv
	has "$err" '"linger.ms" is a setting of librdkafka, but not with this value'
	has_no "$err" tiger
	printf '%s\n' '# ours' '' 'sasl.username=scott' 'sasl.password=tiger' x=tiger >conf
	chmod 644 conf
	run_rc 78 kafka-put -t plain --client-config conf in.csv
	has "$err" 'conf: "x" is no setting' 'everybody can read this file'
	has_no "$err" tiger
	run_rc 66 kafka-put -t plain --client-config nowhere in.csv
}

@test "kafka-put: a live chunk is acknowledged to its source when it is delivered, not before" {
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.tbl_data_timeseries (id bigserial,
		ship_id text, data_channel_id text, created_time timestamp, value_format text,
		bool_v boolean, str_v text, long_v bigint, double_v double precision,
		PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE PUBLICATION changes FOR TABLE tenant.tbl_data_timeseries"
	sql "SELECT pg_create_logical_replication_slot('changes_$$', 'pgoutput')" >/dev/null
	cat >follow <<-'END'
		pg-narrow-dump --follow slot --slot "$1" --publication changes --ack ack \
			--interval 30ms |
			(trap '' INT TERM && exec kafka-put -t feed -k ship_id --ack ack)
	END
	put() {
		sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
			created_time, long_v, value_format) SELECT
			'S', 'c', timestamp '2024-01-01' + $1 * interval '1 s', $1, 'Integer'"
	}
	values() { is "$(kafka_values feed | jq -r .value | sort -nu | paste -sd ' ')" "$1"; }
	put 1
	KP_KILL=kafka_delivered:1 bash follow "changes_$$" 2>/dev/null &
	local first=$!
	wait_until 20 values 1
	wait $first || :
	[[ ! -e ack ]]
	put 2
	bash follow "changes_$$" &
	local second=$!
	wait_until 20 test -s ack
	wait_until 20 values '1 2'
	# the first was delivered and not acknowledged: it came again
	is "$(kafka_values feed | jq -r .value | sort -n | paste -sd ' ')" '1 1 2'
	kill -TERM "$(pgrep -P "$second" pg-narrow-dump)"
	wait "$second"
	sql "SELECT pg_drop_replication_slot('changes_$$')" >/dev/null
}

@test "kafka-put: the examples of its manual page run" {
	narrow 3 >narrow.csv
	export FERRY_KAFKA_HOST=${FERRY_KAFKA%%,*}
	sed -n '/^kafka-put -b/p' "$root/src/load/kafka-put.1" |
		sed "s/localhost:9092/$FERRY_KAFKA_HOST/" >examples
	is "$(wc -l <examples)" 1
	run_ok bash -e examples
	# several files are one input
	run_ok kafka-put -b "$FERRY_KAFKA_HOST" -t "several_$$" -k '#1' narrow.csv narrow.csv
	is "$(kafka_values "several_$$" | wc -l)" 6
}

@test "librdkafka is linked by the programs that need it, and by no other" {
	local each found=''
	for each in "$FERRY_BIN"/*; do
		! grep -qsF librdkafka.so "$each" || found+=" ${each##*/}"
	done
	is "$found" ' kafka-dump kafka-put'
}
