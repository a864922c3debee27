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

# begin_broker: on a port that nobody else has
begin_broker() {
	random 12000
	port=$((20000 + random))
	printf 'listener %d 127.0.0.1\nallow_anonymous true\n' "$port" >conf
	mosquitto -c conf >log 2>&1 3>&- &
	broker=$!
	wait_until 10 grep -qE ' running$|^[0-9]+: Error' log || :
	grep -q ' running$' log || {
		wait "$broker"
		cat log
		return 1
	}
}

@test "kafka-dump: the recipe for MQTT in its manual page" {
	need mosquitto
	local page=$root/src/extract/kafka-dump.1 port broker
	begin_broker || begin_broker || begin_broker
	say() { mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 -t ships/S -m "$1"; }
	say nothing
	sed -n '/^via -i/,/^\.Ed/p' "$page" | sed '/^\.Ed/d; s/\\e$/\\/' |
		sed "s/localhost -p 1883/127.0.0.1 -p $port/; s/-W 60/-W 5/
			s/--live/--live --target-schema mqtt/" >recipe
	run_rc 0 bash -eo pipefail recipe # begins the session
	say '{"ship":"S","t":"2024-01-01 00:00:15","ch":"c","v":1.5}'
	say '{"ship":"S","t":"2024-01-01 00:00:14","ch":"d","v":"x"}'
	run_rc 0 bash -eo pipefail recipe
	is "$(sql 'SELECT created_time, c, d FROM mqtt.tbl_data_timeseries_s ORDER BY 1')" \
		'2024-01-01 00:00:14||x
2024-01-01 00:00:15|1.5|'
	is "$(wc -l <mqtt.log)" 2
	kill "$broker"
	wait "$broker" || :
}
