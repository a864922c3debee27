load helper

# Sealed streams in the hands of programs that know nothing of seals, and of ones that die.

setup() {
	helper_setup
	PATH=$PATH:$FERRY_BIN/../unit
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (t = 0; t < 50; t++) for (c = 0; c < 4; c++) print t ",c" c "," t * c / 8
	}' >n.csv
	chunks 80 csv <n.csv >s.csv
	chunks 80 ndjson <n.csv >s.json
	chunks 80 csv <<<$'a\n1\n2' >other.csv
}

# refused COMMAND FILE...: what it makes of each fails in every filter, two of them by turns, with
# nothing final behind it
refused() {
	local file filter codes
	for file in "${@:2}"; do
		file=$file bash -c "$1" >changed 2>/dev/null || :
		by_turns 2 reformat 'via -- cat' pivot-wide 'unpivot-narrow -k created_time' \
			stream-digest
		for filter in "${turns[@]}"; do
			# shellcheck disable=SC2086  # a filter is a command line
			codes=$($filter <changed 2>err | cat >out; echo "${PIPESTATUS[*]}")
			[[ $codes == '76 0' || $codes == '65 0' ]] || {
				printf '%s of %s, %s: %s\n' "$1" "$file" "$filter" "$codes"
				return 1
			}
			has_no out '""final""' '"final"' || return
		done
	done
}

@test "seal: foreign programs cannot change a stream unnoticed" {
	refused 'head -n 5 "$file"' s.csv s.json
	refused 'head -n -1 "$file"' s.csv s.json
	refused 'tail -n +2 "$file"' s.csv s.json
	refused 'tail -n 3 "$file"' s.csv s.json
	refused 'sort "$file"' s.csv s.json
	refused 'tac "$file"' s.csv s.json
	refused 'sed s/c1/c9/ "$file"' s.csv s.json
	refused 'sed s/$/\\r/ "$file"' s.csv s.json
	refused 'grep -v c3 "$file"' s.csv s.json
	refused 'awk "NR != 7" "$file"' s.csv s.json
	refused 'awk "{ print } NR == 7" "$file"' s.csv s.json
	refused 'jq . "$file"' s.json
	refused 'jq -c "del(.value)" "$file"' s.json
	refused 'jq -c "select(.data_channel_id != \"c1\")" "$file"' s.json
	refused 'tr -d \\n <"$file"' s.csv s.json
	refused 'iconv -f utf-8 -t utf-16le "$file"' s.csv s.json
}

@test "seal: two streams in a row are refused before the first is final" {
	refused 'cat "$file" "$file"' s.csv s.json
	refused 'cat "$file" other.csv' s.csv
	refused 'cat "$file" n.csv' s.csv s.json
	refused 'head -n 82 "$file"; cat "$file"' s.csv s.json
}

@test "seal: columns that are announced before any record, a member that is none" {
	local cols='["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r"]'

	{
		printf '{"@seal":{"v":1,"open":1}}\n{"@seal":{"v":1,"cols":%s}}\n' "$cols"
		printf '{"b":"x","r":2}\n'
	} >open.json
	refused 'cat "$file"' open.json
	run_rc 76 reformat open.json
	has "$err" 'ended without its seal, after record 1'
	printf '%s\n' '{"a":1}' '{"b":1,"c":2,"@seal":3}' '{"a":2,"c":4}' >member.json
	run_rc 0 map-fields --set x=1 --rejects bad member.json
	printf '%s\n' '{"a":1,"x":"1"}' '{"a":2,"x":"1","c":4}' >want
	same_file "$out" want
	is "$(jq -c '[.record, .raw]' bad)" '[2,"{\"b\":1,\"c\":2,\"@seal\":3}"]'
}

@test "seal: what does not change a byte is no change" {
	run_pipe '0 0 0' 'cat s.csv | dd bs=7 status=none | reformat --no-seal'
	same_file "$out" n.csv
	run_pipe '0 0 0' 'jq -c . s.json | reformat -o csv --no-seal | cat'
	same_file "$out" n.csv
	run_pipe '0 0 0 0' 'gzip -c s.csv | cat | reformat --no-seal | cat'
	same_file "$out" n.csv
}

@test "seal: a sealed file is checked like a pipe" {
	run_ok reformat s.csv
	same_file "$out" n.csv
	head -n -1 s.csv >cut.csv
	run_rc 76 reformat cut.csv
	has "$err" 'cut.csv: the stream ended without its seal, after record 200'
	run_rc 76 reformat - <cut.csv
}

@test "seal: the reason of the first failure reaches the end of a long pipeline" {
	printf '%s\n' created_time,data_channel_id,value 1,a,1 0,a,2 >unsorted.csv
	run_pipe '0 65 65 65 65' 'reformat --seal unsorted.csv | pivot-wide | via -- cat |
		unpivot-narrow -k created_time | stream-digest'
	has "$err" 'stream-digest: error: upstream failed: unpivot-narrow: upstream failed: via: '
	has "$err" 'upstream failed: pivot-wide: '
}

@test "seal: kill -9 of any stage leaves nothing final behind it" {
	local stage n at size
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (t = 0; t < 50000; t++) for (c = 0; c < 8; c++) print t ",c" c "," t }' >big.csv
	chunks 100000 csv <big.csv >big.sealed
	size=$(stat -c %s big.sealed)
	mkfifo a b
	for stage in 0 1 2 3; do
		# what of the stream is on its way when a stage dies: so none can have ended before
		by_turns 2 1 $((size / 4)) $((size / 2)) $((size - 1))
		for at in "${turns[@]}"; do
			rm -f fed killed result
			{
				head -c "$at" big.sealed
				touch fed
				wait_until 20 test -e killed
				tail -c +$((at + 1)) big.sealed
			} >a &
			local pids=($!)
			reformat -o ndjson <a --seal >b 2>err.1 &
			pids+=($!)
			mkfifo c
			pivot-wide -o csv --seal <b >c 2>err.2 &
			pids+=($!)
			unpivot-narrow -k created_time --seal <c >result 2>err.3 &
			pids+=($!)
			# the last one has opened both its ends, so all have
			wait_until 20 test -e fed -a -e result
			kill -9 "${pids[stage]}"
			touch killed
			for n in "${pids[@]}"; do
				wait "$n" || :
			done
			rm c
			has_no result '""final""'
		done
	done
}

@test "seal: a named pipe of -O is sealed as standard output into a pipe is" {
	printf 'a,b\n1,2\n' >in.csv
	reformat --seal in.csv >sealed.csv
	reformat sealed.csv | cat >want
	has want @seal
	mkfifo pipe
	cat pipe >got &
	run_ok reformat -O pipe sealed.csv
	wait "$!"
	same_file got want
	run_ok reformat -O file sealed.csv
	has_no file @seal
}
