# kafka_kill.bash: messages, and readers of them that are killed; loaded after helper and kafka by
# t/extract-kafka-dump.bats and t/soak/kafka.bats.
# shellcheck shell=bash disable=SC2154  # variables of helper

# into TOPIC [OPTION...]: lines of standard input, a message each
into() { kcat -b "$FERRY_KAFKA" -t "$1" -P -X linger.ms=1 "${@:2}"; }
# flat FROM TO [SHIPS]: messages of these numbers
flat() {
	local i
	for ((i = $1; i <= $2; i++)); do
		printf '{"ship":"S%d","t":"2024-01-01 %02d:%02d:%02d","ch":"c%d","v":%d}\n' \
			$((i % ${3-3})) $((i / 3600 % 24)) $((i / 60 % 60)) $((i % 60)) \
			$((i % 5)) "$i"
	done
}

# killed TIMES PIPELINE: kills a stage at random again and again, while messages come
killed() {
	local i point sent=0 codes
	for ((i = 0; i < $1; i++)); do
		flat $((sent + 1)) $((sent + 50)) | into kill -X partitioner=random
		sent=$((sent + 50))
		any_of kafka_message kafka_message kafka_seal kafka_sealed before_finish \
			before_commit after_commit
		point=$victim
		random 4
		[[ $point != kafka_message ]] || random 40
		run_pipe '*' "$2" KP_KILL="$point:$((random + 1))"
		codes+=" $(<"$BATS_TEST_TMPDIR/.codes")"
	done
	printf 'ended with%s\n' "$codes"
	[[ $codes == *137* ]]
	run_pipe '0 0*' "$2"
}

# each_once TIMES TIMES: into a table without a key, and into wide tables
each_once() {
	sql 'CREATE TABLE public.kill (ship_id text, created_time timestamp,
		data_channel_id text, value text)'
	killed "$1" 'kafka-dump -t kill -g kill --until end --chunk-size 1K |
		pg-copy-load --table public.kill'
	kafka_values kill | jq -r '[.ship, .t, .ch, .v] | join("|")' | sort >want
	sql 'SELECT * FROM public.kill' | sort >got
	same_file got want
	# and in wide tables
	killed "$2" 'kafka-dump -t kill -g wide --until end --chunk-size 2K |
		pivot-wide | pg-copy-load --wide --target-schema kill'
	kafka_values kill | jq -r '[.t, .ch, .v] | join("|")' | sort -u >want
	for each in 0 1 2; do
		sql "SELECT created_time, ch, v FROM kill.tbl_data_timeseries_s$each,
			LATERAL (VALUES ('c0', c0), ('c1', c1), ('c2', c2), ('c3', c3), ('c4', c4))
				AS x (ch, v) WHERE v IS NOT NULL"
	done | sort -u >got
	same_file got want
}
