load helper
load kafka

# kafka-dump and kafka-put before a broker that lies (liars/kafka.py): the messages are those that
# there are, or it is said that they are not; some lies by turns here, all of them in soak.

setup_file() {
	local -a topics=()
	local i

	for ((i = 0; i < 36; i++)); do topics+=("to$i"); done
	kafka_start 1 from "${topics[@]}"
	for ((i = 1; i <= 300; i++)); do
		printf '{"ship":"S","t":"2024-01-01T00:%02d:%02d","ch":"c%d","v":%d}\n' \
			$((i / 60)) $((i % 60)) "$i" "$i"
	done >"$BATS_FILE_TMPDIR/messages"
	kcat -b "$FERRY_KAFKA" -t from -P <"$BATS_FILE_TMPDIR/messages"
	liar=$BATS_FILE_TMPDIR/liar
	mkdir "$liar"
	"$root/t/liars/kafka.py" "$FERRY_KAFKA" "$liar" 2>"$liar/log" 3>&- &
	liar_pid=$! truth=$FERRY_KAFKA
	export liar liar_pid truth
	wait_until 10 test -s "$liar/port"
}
teardown_file() {
	kill -TERM "$liar_pid"
	kafka_stop
	helper_teardown_file
}
setup() {
	helper_setup
	FERRY_KAFKA=127.0.0.1:$(<"$liar/port")
	rm -f "$liar/told" "$liar/lie"
}
teardown() { [[ ! -s $liar/log ]] || { cat "$liar/log" && false; }; }

readonly lies=(close cut long short huge negative empty noise other drip late http)
# a request that nobody answers is given up, and made again
readonly quick=(-X socket.timeout.ms=1000)

# lied COMMAND...: ends, and not as by a bug; $code
lied() {
	code=0
	timeout -k 5 60 "$@" >"$out" 2>"$err" || code=$?
	case $code in
	0 | 69 | 75 | 76) return 0 ;;
	esac
	printf '%s: ended with %s\n' "$(cat "$liar/told")" "$code"
	show_output
	return 1
}

@test "liars: all messages of a topic are read, or it is said that they are not" {
	local each told=0

	kafka-dump -t from --until end --no-seal "${quick[@]}" | sort >want
	is "$(wc -l <want)" 301
	by_turns 6 '1 flip' "${lies[@]/#/1 }" "${lies[@]/#/2 }" "${lies[@]/#/3 }" "${lies[@]/#/18 }"
	for each in '1 flip' "${turns[@]}"; do
		rm -f result "$liar/told"
		printf '%s' "$each" >"$liar/lie"
		lied kafka-dump -t from --until end --no-seal "${quick[@]}" -O result
		[[ ! -s $liar/told ]] || told=$((told + 1))
		if ((code)); then
			[[ ! -e result ]]
			continue
		fi
		sort result >got
		same_file got want || {
			printf 'after the lie %s\n' "$each"
			return 1
		}
	done
	((told >= 5))
	printf '# %s lies\n' "$told" >&3
}

@test "liars: a bit of a message that is another one is no message" {
	printf '1 flip' >"$liar/lie"
	run_rc 76 kafka-dump -t from --until end --no-seal "${quick[@]}" -O result
	has "$err" 'Bad message format'
	[[ ! -e result ]]
}

@test "liars: what is put is there where the broker is said to have it" {
	local each told=0 n=0

	printf 'k,v\n' >in.csv
	seq 200 | sed 's/.*/k&,&/' >>in.csv
	reformat -o ndjson in.csv | sort >want
	by_turns 4 "${lies[@]/#/0 }" "${lies[@]/#/3 }" "${lies[@]/#/22 }"
	for each in "${turns[@]}"; do
		rm -f "$liar/told"
		printf '%s' "$each" >"$liar/lie"
		lied kafka-put -t "to$n" -k k "${quick[@]}" in.csv
		[[ ! -s $liar/told ]] || told=$((told + 1))
		rm -f "$liar/lie"
		FERRY_KAFKA=$truth kafka_values "to$n" >got
		# what was not acknowledged may be there, but none that was not put; the mock does
		# not know a batch that is sent again by its number, as a broker does
		sort -u -o got got
		is "$(comm -23 got want)" '' "$each"
		((code)) || same_file got want
		n=$((n + 1))
	done
	((told >= 3))
	printf '# %s lies\n' "$told" >&3
}
