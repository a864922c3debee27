load ../helper
load ../kafka
load ../kafka_kill

setup_file() {
	scratch_db
	kafka_start 3 kill:6 many:6
}
teardown_file() { kafka_stop; helper_teardown_file; }

@test "kafka-put: no broker is 75" {
	printf 'a\n1\n' >in.csv
	run_rc 75 kafka-put -b 127.0.0.1:1 -t plain in.csv
	has "$err" 'no broker can be reached'
}

@test "kafka-dump: killed a hundred times and more, each message is in PostgreSQL once" {
	each_once 130 70
}

# The mock keeps some 80,000 messages of a partition: the reader stays ahead of what it forgets.
@test "kafka: a million messages of six partitions, written and read while brokers fail" {
	local i broker me=$BASHPID
	sql 'CREATE TABLE public.many (ship_id text, created_time timestamp,
		data_channel_id text, value text)'
	kafka-dump -t many -g many -X fetch.wait.max.ms=50 2>err.dump |
		pg-copy-load --table public.many &
	local pipe=$!
	have() { is "$(sql 'SELECT count(*) FROM public.many')" "$1"; }
	for ((i = 1; i <= 10; i++)); do
		seq $(((i - 1) * 100000 + 1)) $((i * 100000)) |
			awk 'BEGIN { print "ship,t,ch,v" }
				{ printf "S%d,%d,c,%d\n", $1 % 50, 1704067200 + $1, $1 }' >in.csv
		map-fields --cast t:int -o ndjson in.csv >in.ndjson
		run_rc 0 kafka-put -t many -k ship in.ndjson &
		any_of 1 2 3
		broker=$victim
		kafka_do "down $broker"
		pause 50 500
		kafka_do "up $broker"
		wait $!
		wait_until 60 have $((i * 100000))
	done
	is "$(sql 'SELECT count(DISTINCT value), min(value::int), max(value::int),
		sum(value::bigint) FROM public.many')" '1000000|1|1000000|500000500000'
	kill -TERM "$(pgrep -P "$me" -x kafka-dump)"
	wait "$pipe"
}
