# kafka.bash: a Kafka on loopback (liars/kafka.c); loaded after helper. The independent client is
# kcat, in both directions.
# shellcheck shell=bash

# kafka_start BROKERS TOPIC[:PARTITIONS]...: $FERRY_KAFKA are its addresses from here on; one per
# test file or test, which ends it by kafka_stop.
kafka_start() {
	need kcat
	kafka_dir=$(mktemp -d "$BATS_FILE_TMPDIR/kafka.XXXXXX")
	mkfifo "$kafka_dir/in"
	"${FERRY_BIN%/bin}/kafka-mock" "$@" <>"$kafka_dir/in" >"$kafka_dir/out" 2>&1 3>&- &
	kafka_pid=$!
	wait_until 20 test -s "$kafka_dir/out"
	FERRY_KAFKA=$(head -n 1 "$kafka_dir/out")
	export FERRY_KAFKA kafka_dir kafka_pid
}
kafka_stop() { [[ ! ${kafka_pid-} ]] || kill -KILL "$kafka_pid"; }

# kafka_do COMMAND: of liars/kafka.c
kafka_do() {
	local before
	before=$(wc -l <"$kafka_dir/out")
	printf '%s\n' "$1" >"$kafka_dir/in"
	wait_until 10 kafka_answered "$before"
}
kafka_answered() { (($(wc -l <"$kafka_dir/out") > $1)); }

# kafka_has TOPIC: its messages as kcat reads them, `PARTITION OFFSET KEY VALUE`, in that order
kafka_has() {
	kcat -b "$FERRY_KAFKA" -t "$1" -C -e -q -X fetch.wait.max.ms=10 -f '%p %o %k %s\n' |
		sort -n -k 1,1 -k 2,2
}
# kafka_values TOPIC: the values alone, sorted
kafka_values() {
	kcat -b "$FERRY_KAFKA" -t "$1" -C -e -q -X fetch.wait.max.ms=10 -f '%s\n' | sort
}
