load helper

# narrow LINE...: a narrow CSV of created_time,data_channel_id,value in the file n.csv
narrow() {
	printf 'created_time,data_channel_id,value\n' >n.csv
	(($# == 0)) || printf '%s\n' "$@" >>n.csv
}

# wide TEXT: what the last run printed, byte for byte
wide() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

@test "pivot: rows by key, columns in the order they come" {
	narrow 1,b,x 1,a,y 2,a,z 2,b,w
	run_ok pivot-wide n.csv
	wide created_time,b,a 1,x,y 2,w,z
}

@test "pivot: a cell nobody gave is NULL, an empty string is not" {
	narrow 1,a, '1,b,""' '2,b,"x,""y"""'
	run_ok pivot-wide n.csv
	wide created_time,a,b '1,,""' '2,,"x,""y"""'
	run_ok pivot-wide -o ndjson n.csv
	wide '{"created_time":"1","b":""}' '{"created_time":"2","b":"x,\"y\""}'
}

@test "pivot: a deletion is an explicit null, in the order things happened" {
	printf '%s\n' created_time,data_channel_id,value,op 1,a,5, 1,b,6, 1,a,,d 1,c,,d 1,c,7, \
		1,d,, 2,a,,d >ops.csv
	run_ok pivot-wide -q ops.csv
	wide '{"created_time":"1","a":null,"b":"6","c":"7"}' '{"created_time":"2","a":null}'
	run_ok pivot-wide -q --on-duplicate first ops.csv
	wide '{"created_time":"1","a":null,"b":"6","c":"7"}' '{"created_time":"2","a":null}'
	run_ok pivot-wide -q --on-unsorted sort ops.csv
	wide '{"created_time":"1","a":null,"b":"6","c":"7"}' '{"created_time":"2","a":null}'
	run_ok pivot-wide -q --op '' ops.csv
	wide created_time,a,b,c,d 1,5,6,7, 2,,,,
	sed '1s/op/what/' ops.csv >what.csv
	run_ok pivot-wide -q --op what what.csv
	wide '{"created_time":"1","a":null,"b":"6","c":"7"}' '{"created_time":"2","a":null}'
	run_rc 65 pivot-wide -o csv ops.csv
	has "$err" 'record 3 is a deletion' '-o ndjson'
}

@test "pivot: an instant whose only values are NULL is still a row" {
	narrow 1,a, 2,a,5
	run_ok pivot-wide n.csv
	wide created_time,a 1, 2,5
}

@test "pivot: values keep their text" {
	narrow 1,a,007 1,b,1e5 1,c,9007199254740993 1,d,-9223372036854775808 1,e,-0 1,f,NaN \
		'1,g, x '
	run_ok pivot-wide n.csv
	wide created_time,a,b,c,d,e,f,g '1,007,1e5,9007199254740993,-9223372036854775808,-0,NaN, x '
}

@test "pivot: NDJSON numbers stay numbers, as written" {
	printf '%s\n' '{"created_time":1,"data_channel_id":"a","value":1.50}' \
		'{"created_time":1,"data_channel_id":"b","value":true}' >n.json
	run_ok pivot-wide n.json
	wide '{"created_time":1,"a":1.50,"b":true}'
}

@test "pivot: ships alternate at one instant" {
	printf '%s\n' ship_id,created_time,data_channel_id,value \
		S1,1,a,x S2,1,a,y S1,1,b,z S2,2,b,v S1,2,a,w >n.csv
	run_ok pivot-wide n.csv
	wide ship_id,created_time,a,b S1,1,x,z S2,1,y, S2,2,,v S1,2,w,
}

@test "pivot: a stream sorted by ship and then time" {
	printf '%s\n' ship_id,created_time,data_channel_id,value S1,1,a,x S1,2,a,y S2,1,a,z >n.csv
	run_ok pivot-wide n.csv
	wide ship_id,created_time,a S1,1,x S1,2,y S2,1,z
}

@test "pivot: several columns in --by, any names" {
	printf '%s\n' site,dev,day,what,much s,1,1,t,5 s,2,1,t,6 s,1,2,t,7 >n.csv
	run_ok pivot-wide -b site,dev -k day -n what -V much n.csv
	wide site,dev,day,t s,1,1,5 s,2,1,6 s,1,2,7
	run_rc 65 pivot-wide -b nothing -k day -n what -V much n.csv
	has "$err" 'there is no column "nothing"'
}

@test "pivot: numeric keys are ordered as numbers" {
	narrow 9,a,x 10,a,y
	run_ok pivot-wide n.csv
	wide created_time,a 9,x 10,y
}

@test "pivot: one order for all keys, so none comes twice unnoticed" {
	local key
	narrow 9,a,x 10,a,y 1a,a,z 9,b,w
	run_rc 65 pivot-wide n.csv
	has "$err" 'record 4' '"9" comes after "1a"'
	narrow 08,a,x 0a,a,x 10,a,x 1f,a,x 20,a,x 2e,a,x 9,a,x a0,a,x
	run_ok pivot-wide n.csv
	narrow 9999999999999999,a,x 10000000000000000,a,x 10000000000000000.5,a,x 1e400,a,x x,a,x
	run_ok pivot-wide n.csv
	for key in {1..30} {1..30}a {10..20}x1; do
		printf '%s,a,1\n%s,b,2\n' "$key" "$key"
	done | shuf --random-source=/bin/bash >rows
	{ printf 'created_time,data_channel_id,value\n' && cat rows; } >n.csv
	run_ok pivot-wide --on-unsorted sort n.csv
	is "$(grep -cE '^[0-9ax]+,(1,2|2,1)$' "$out")" 71
	is "$(wc -l <"$out")" 72
}

@test "pivot: times with and without decimals and zone are in order" {
	narrow '2024-01-01 00:00:15,a,1' '2024-01-01 00:00:15.25,a,2' '2024-01-01 00:00:16,a,3'
	run_ok pivot-wide n.csv
	narrow '2024-01-01 00:00:15+00,a,1' '2024-01-01 00:00:15.25+00,a,2' \
		'2024-01-01 00:00:16+00,a,3'
	run_ok pivot-wide n.csv
}

@test "pivot: unsorted input is refused, with record and keys" {
	narrow 2,a,x 1,a,y
	run_rc 65 pivot-wide n.csv
	has "$err" 'record 2' '"1" comes after "2"' '--on-unsorted sort'
	narrow 1,a,x 2,a,y 1,b,z
	run_rc 65 pivot-wide n.csv
	has "$err" '"1" comes after "2"'
}

@test "pivot: --on-unsorted sort, in memory and on disk, gives what sorted input gives" {
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (t = 10000; t < 14000; t++) for (c = 0; c < 7; c++)
			print t ",c" c "," t * c ".5" }' >sorted.csv
	{
		head -n 1 sorted.csv
		tail -n +2 sorted.csv | shuf --random-source=/bin/bash
	} >shuffled.csv
	printf 'c%s\n' 0 1 2 3 4 5 6 >cols
	run_ok pivot-wide -c cols sorted.csv
	cp "$out" want
	for memory in 1M 64M; do
		run_ok pivot-wide -c cols --on-unsorted sort --sort-memory "$memory" shuffled.csv
		same_file "$out" want
	done
	is "$(wc -l <want)" 4001
}

@test "pivot: sorting keeps the order of equal keys, so the last value still wins" {
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (i = 0; i < 60000; i++) print i % 3 ",a," i "-padding-padding-padding" }' >n.csv
	run_rc 0 pivot-wide --on-unsorted sort --sort-memory 1M n.csv
	wide created_time,a 0,59997-padding-padding-padding 1,59998-padding-padding-padding \
		2,59999-padding-padding-padding
	has "$err" '59997 repeated cells'
}

@test "pivot: repeats of one cell take no memory, however many and long" {
	no_sanitizer 'it takes terabytes of addresses'
	cat >many.awk <<-'END'
		BEGIN {
			print "created_time,data_channel_id,value"
			for (i = 0; i < 100000; i++)
				printf "1,a,%02000d\n", i
		}
	END
	run_pipe '0 0' 'awk -f many.awk | (ulimit -v 60000; exec pivot-wide)'
	is "$(tail -c 6 "$out")" 99999
}

@test "pivot: --on-duplicate" {
	narrow 1,a,9 1,a,10 1,a,
	run_rc 0 pivot-wide n.csv
	wide created_time,a 1,10
	has "$err" '1 repeated cells, the last value won'
	run_rc 0 pivot-wide --on-duplicate first n.csv
	wide created_time,a 1,9
	run_rc 0 pivot-wide --on-duplicate max n.csv
	wide created_time,a 1,10
	narrow 1,a,007 1,a,10 1,a,+9 1,a,-1e1 2,a,2024-01-02 2,a,2024-01-10 3,a,x
	run_rc 0 pivot-wide --on-duplicate max n.csv
	wide created_time,a 1,10 2,2024-01-10 3,x
	run_rc 0 pivot-wide --on-duplicate min n.csv
	wide created_time,a 1,-1e1 2,2024-01-02 3,x
	# of a number and a text none is the larger one
	for each in max min; do
		narrow 1,a,5 1,a,ERR
		run_rc 65 pivot-wide --on-duplicate "$each" n.csv
		has "$err" 'record 2: "a" at "1" is no number that can be compared' '"ERR"'
		narrow 1,a,ERR 1,a,5
		run_rc 65 pivot-wide --on-duplicate "$each" n.csv
		has "$err" 'record 2: "a" at "1" is no number that can be compared' '"ERR"'
		narrow 1,a,NaN 1,a,5
		run_rc 65 pivot-wide --on-duplicate "$each" n.csv
		is "$(grep -c , "$out")" 0
	done
	narrow 1,a,9 1,a,10 1,a,
	run_rc 65 pivot-wide --on-duplicate error n.csv
	has "$err" 'record 2' 'a second value for "a" at "1": "10" after "9"'
}

@test "pivot: --columns fixes the order; --on-unknown" {
	narrow 1,a,x 1,zz,y 2,b,z
	printf 'b  \n\nnever\na\r\n' >cols
	run_ok pivot-wide -c cols n.csv
	wide created_time,b,never,a,zz 1,,,x,y 2,z,,,
	run_rc 0 pivot-wide -c cols --on-unknown ignore n.csv
	wide created_time,b,never,a 1,,,x 2,z,,
	has "$err" '1 cells of unknown columns left out'
	run_rc 65 pivot-wide -c cols --on-unknown error n.csv
	has "$err" 'record 2' '"zz" is not among the columns of cols'
}

@test "pivot: a list that names no column lets none through, and none at all is no list" {
	narrow 1,a,x 2,b,z
	printf '\n \n' >blank
	for list in /dev/null blank; do
		for each in error ignore; do
			run_rc 65 pivot-wide -q -c $list --on-unknown $each n.csv
			has "$err" 'record 1' "\"a\" is not among the columns of $list"
			is "$(grep -c x "$out")" 0
			run_rc 65 pivot-wide -c $list --on-unknown $each --on-unsorted sort \
				--sort-columns --fill 0 -o ndjson n.csv
		done
		run_ok pivot-wide -c $list n.csv
		wide created_time,a,b 1,x, 2,,z
		# without values there is nothing to refuse
		printf 'created_time,n,v\n' >none.csv
		run_ok pivot-wide -k created_time -n n -V v -c $list --on-unknown error none.csv
		wide created_time
	done
	for each in error ignore; do
		run_rc 64 pivot-wide --strict --on-unknown $each n.csv
		has "$err" '--on-unknown' --columns
	done
	run_ok pivot-wide --on-unknown add n.csv
}

@test "pivot: --columns reads a registry" {
	narrow 1,a,x
	printf '%s\n' '{"ship":"S","channel":"b"}' '{"ship":"S","channel":"a"}' >reg
	run_ok pivot-wide -c reg n.csv
	wide created_time,b,a 1,,x
	printf '%s\n' '{"ship":"S"}' >reg
	run_rc 65 pivot-wide -c reg n.csv
	has "$err" 'reg:1:'
}

@test "pivot: a channel that appears in the middle loses nothing, in every kind of output" {
	narrow 1,a,x 2,a,y 2,new,z 3,a,w
	run_ok pivot-wide n.csv
	wide created_time,a,new 1,x, 2,y,z 3,w,
	run_ok pivot-wide -o ndjson n.csv
	wide '{"created_time":"1","a":"x"}' '{"created_time":"2","a":"y","new":"z"}' \
		'{"created_time":"3","a":"w"}'
	reformat --seal n.csv | pivot-wide >spooled.csv
	run_ok pivot-wide n.csv
	same_file "$out" spooled.csv
	run_ok pivot-wide --seal n.csv
	has "$out" '""cols"":[""created_time"",""a""]' '""cols"":[""created_time"",""a"",""new""]'
	cp "$out" sealed.csv
	run_ok unpivot-narrow --key created_time --name n --value v sealed.csv
	wide created_time,n,v 1,a,x 2,a,y 2,new,z 3,a,w
}

@test "pivot: a sealed stream accounts for the cells that lost" {
	narrow 1,a,x 1,a,y
	run_rc 0 bash -c 'reformat --seal n.csv | pivot-wide --seal'
	has "$out" '""drop"":{""cells"":1,'
}

@test "pivot: records without key or name are refused or kept" {
	narrow ,a,x 1,,y 1,a,z
	run_rc 65 pivot-wide n.csv
	has "$err" 'n.csv:2: record 1: field "created_time": is empty'
	run_rc 0 pivot-wide --rejects bad n.csv
	wide created_time,a 1,z
	is "$(wc -l <bad)" 2
	has bad '"record":2' '"field":"data_channel_id"'
	run_rc 65 pivot-wide --rejects bad --max-rejects 1 n.csv
	run_rc 65 pivot-wide --rejects bad --max-rejects 50% n.csv
	run_rc 0 pivot-wide --rejects bad --max-rejects 67% n.csv
}

@test "pivot: missing columns and empty inputs" {
	printf 'a,b\n1,2\n' >n.csv
	run_rc 65 pivot-wide n.csv
	has "$err" 'there is no column "created_time"' '--key'
	: >n.csv
	run_rc 65 pivot-wide n.csv
	is "$(wc -c <"$out")" 0
	narrow
	run_ok pivot-wide n.csv
	wide created_time
}

@test "pivot: memory does not grow with the input" {
	local small large
	gen() {
		awk -v n="$1" 'BEGIN { print "created_time,data_channel_id,value"
			for (t = 0; t < n; t++) for (c = 0; c < 100; c++)
				print 100000 + t ",channel" c "," t * 1.25 }'
	}
	gen 500 >small.csv
	gen 10000 >large.csv
	small=$(command time -f %M pivot-wide -o ndjson small.csv 2>&1 >/dev/null)
	large=$(command time -f %M pivot-wide -o ndjson large.csv 2>&1 >/dev/null)
	printf '%s kB, %s kB\n' "$small" "$large"
	[[ $FERRY_BIN == */asan/bin ]] || ((large < small + 1024 && large < 16384))
}

@test "pivot: --columns from an editor that writes CR LF and a byte order mark, and from none" {
	narrow 1,a,x 1,b,y
	printf '\xef\xbb\xbfb\r\na\r\n' >cols
	run_ok pivot-wide -c cols --on-unknown error n.csv
	wide created_time,b,a 1,y,x
	printf 'a\nb\xff\n' >cols
	run_rc 65 pivot-wide -c cols n.csv
	has "$err" 'cols:2:2: not valid UTF-8'
	printf 'a\n\0b\n' >cols
	run_rc 65 pivot-wide -c cols n.csv
	has "$err" 'cols:2:1: NUL byte'
}

# ---- records that begin like the one before ------------------------------------------------------

# Random records as text, twice: with name and value at the end, where pivot-wide guesses what comes
# next, and the other way round, where it does not.
two_orders() {
	cat >two_orders.py <<-'END'
		import random, sys
		random.seed(int(sys.argv[1]))
		names = [b'a', b'c/1', b'x' * 40, b'b c', b'"q,r"', b'"s""t"', b'\xc3\xa9', b'u"v',
		         b'', b'w\0']
		names += [b'/main_engine/cylinder_%02d/temperature' % i for i in range(20)]
		values = [b'1', b'', b'""', b'-0.1234567890123456789', b'two words', b'"quoted, x"',
		          b'z' * 100, b'\xc3\xa9', b'\xff', b'n\0l', b'lone"quote', b'x\ry', b'#',
		          b'!', b'~']
		odd = float(sys.argv[2])
		ends = [b'\n'] if len(sys.argv) < 4 else [b'\n', b'\r\n']
		order = [0, 1, 2, 3], [3, 2, 1, 0]
		out = [open(n, 'wb') for n in ('last.csv', 'first.csv')]
		rows = [[b'ship_id', b'created_time', b'data_channel_id', b'value']]
		for t in range(120):
		    for ship in (b'S1', b'S2'):
		        seen = [n for n in names[10:] if random.random() < 0.95]
		        if random.random() < odd * 5:
		            random.shuffle(seen)
		        for name in seen:
		            value = b'%d.%d' % (t, random.randrange(10 ** random.randrange(1, 18)))
		            if random.random() < odd:
		                value = random.choice(values)
		            if random.random() < odd:
		                name = random.choice(names)
		            key = b'2024-01-01 00:%02d:%02d' % (t // 60, t % 60)
		            rows.append([ship, key, name, value])
		            if random.random() < odd / 4:
		                cut = rows[-1][: random.randrange(4)]
		                rows.append(cut + [b''] * random.randrange(3))
		for row in rows:
		    end = random.choice(ends)
		    for file, columns in zip(out, order):
		        fields = [row[c] for c in columns] if len(row) == 4 else row
		        file.write(b','.join(fields) + end)
	END
	python3 two_orders.py "$@"
}

@test "pivot: what is guessed from the record before is what reading it gives" {
	local seed each
	need python3
	for ((seed = FERRY_SEED; seed < FERRY_SEED + (${WHOLE:+2} + 1); seed++)); do
		for each in '0' '0.01' '0.01 crlf' '0.2'; do
			# shellcheck disable=SC2086  # two words
			two_orders "$seed" $each
			run_rc 0 pivot-wide -i csv --rejects bad.first first.csv
			cp "$out" want
			run_rc 0 pivot-wide -i csv --rejects bad.last last.csv
			same_file "$out" want
			[[ $each != 0 ]] || [[ ! -s bad.last ]]
			jq -c '[.record, .why]' bad.first >want 2>/dev/null || :
			jq -c '[.record, .why]' bad.last >got 2>/dev/null || :
			same_file got want
			rm -f bad.*
		done
	done
}

@test "pivot: guesses hold in sealed streams, too, whose columns grow on the way" {
	PATH=$PATH:$FERRY_BIN/../unit
	two_orders 1 0
	stream-digest --narrow last.csv >want
	is "$(wc -l <want)" 3
	chunks 700 csv <last.csv >sealed.csv
	run_pipe '0 0 0' 'cat sealed.csv | pivot-wide | stream-digest --wide'
	is "$(cut -d , -f 1,3- "$out")" "$(cut -d , -f 1,3- want)"
}

@test "pivot: guesses where no column is known yet, and where all are ignored" {
	narrow 1,x,1 1,y,2 2,x,3 2,b,4 2,a,5 3,b,6 3,a,7
	printf '%s\n' a b >cols
	run_rc 0 pivot-wide -c cols --on-unknown ignore n.csv
	wide created_time,a,b 1,, 2,5,4 3,7,6
	run_rc 65 pivot-wide -c cols --on-unknown error n.csv
	has "$err" 'record 1: "x" is not among the columns of cols'
	narrow 1,a,1 1,b,2 1,c,3 2,a,4 2,c,5 2,b,6 3,a,7 3,c,8 3,b,9 3,b,10
	run_rc 0 pivot-wide n.csv
	wide created_time,a,b,c 1,1,2,3 2,4,6,5 3,7,10,8
	run_rc 65 pivot-wide --on-duplicate error n.csv
	has "$err" 'record 10: a second value for "b" at "3": "10" after "9"'
}

@test "pivot: rows that wait are what they were, whatever the first begins with" {
	local first

	for first in $'\ufeffA' '<html>' '%PDF-' 'sep=;' $'\ufeff"x"'; do
		printf 'k,n,v\n"%s",c1,1\n～,c2,2\n' "${first//'"'/'""'}" >n.csv
		pivot-wide -k k -n n -V v -o ndjson n.csv | jq -c '[.k, .c1, .c2]' >want
		pivot-wide -k k -n n -V v n.csv | reformat -o ndjson | jq -c '[.k, .c1, .c2]' >got
		same_file got want
		is "$(jq -r '.[0]' want | head -n 1)" "$first"
	done
}

@test "pivot: a column that comes when rows are in the output already" {
	local late
	local -a several

	by_turns 1 '30000 45000 46000' '20000 59999'
	several=("${turns[@]}")
	by_turns 1 2 30000
	for late in "${turns[@]}" "${several[@]}"; do
		awk -v late="$late" 'BEGIN { n = split(late, at, " ")
			print "created_time,data_channel_id,value"
			for (t = 1; t < 60000; t++) {
				for (c = 0; c < 4; c++) print t ",c" c "," t * c "." t t t t
				for (i = 1; i <= n; i++) if (t >= at[i]) print t ",late " i "," t
			} }' >n.csv
		# into a pipe all rows wait for the last column
		pivot-wide --no-seal n.csv | cat >want
		is "$(head -n 1 want | tr , '\n' | grep -c late)" "$(wc -w <<<"$late")"
		run_ok pivot-wide -O got n.csv
		same_file got want
		run_ok bash -c 'umask 077; pivot-wide n.csv >got2'
		same_file got2 want
		{ printf 'before\n' && pivot-wide n.csv && printf 'behind\n'; } >got
		sed '1d; $d' got | same_file /dev/stdin want
		printf 'before\n' >got
		pivot-wide n.csv >>got
		tail -n +2 got | same_file /dev/stdin want
		run_ok pivot-wide -z 1 -O got.gz n.csv
		gzip -dc got.gz | same_file /dev/stdin want
	done
}

@test "pivot: groups by several columns never merge, nor NULL, missing and empty ones" {
	printf '%s\n' 'a,b,k,n,v' $'x\x1fy,z,1,c,1' $'x,y\x1fz,1,c,2' '"",q,1,c,3' ',q,1,c,4' >g.csv
	run_ok pivot-wide -b a,b -k k -n n -V v g.csv
	wide a,b,k,c $'x\x1fy,z,1,1' $'x,y\x1fz,1,2' '"",q,1,3' ,q,1,4
	printf '{%s"k":1,"n":"c","v":%d}\n' \
		'"s":"1",' 1 '"s":1,' 2 '"s":null,' 3 '"s":"",' 4 '' 5 >g.json
	run_ok pivot-wide -b s -k k -n n -V v g.json
	wide '{"s":"1","k":1,"c":1}' '{"s":1,"k":1,"c":2}' '{"s":null,"k":1,"c":3}' \
		'{"s":"","k":1,"c":4}' '{"k":1,"c":5}'
	run_ok pivot-wide -b s -k k -n n -V v --on-unsorted sort g.json
	is "$(wc -l <"$out")" 5
	# the digest of groups is as careful
	run_ok stream-digest -b a,b g.csv
	is "$(tail -n +2 "$out" | cut -d, -f1-3 | sort -u | wc -l)" 4
	run_ok stream-digest -b s g.json # NULL and missing are one, and so are 1 and "1"
	is "$(wc -l <"$out")" 3
}

@test "pivot: several keys, in order and sorted; numbers by value" {
	printf '%s\n' day,shop,n,v 9,a,x,1 9,b,x,2 10,a,y,3 10,a,x,4 >k.csv
	run_ok pivot-wide -k day,shop -n n -V v k.csv
	wide day,shop,x,y 9,a,1, 9,b,2, 10,a,4,3
	{ head -n 1 k.csv && tail -n +2 k.csv | tac; } >r.csv
	run_ok pivot-wide -k day,shop -n n -V v --on-unsorted sort r.csv
	wide day,shop,x,y 9,a,1, 9,b,2, 10,a,4,3
	run_rc 65 pivot-wide -k day,shop -n n -V v r.csv
	has "$err" 'record 3: field "day,shop": "9", "b" comes after "10", "a"'
	run_ok pivot-wide -k '#1,"shop"' -n n -V v k.csv
	is "$(head -n 1 "$out")" day,shop,x,y
	printf '{"t":%s,"n":"a","v":1}\n' 1 '"2"' >k.json
	run_ok pivot-wide -k t -n n -V v k.json
	wide '{"t":1,"a":1}' '{"t":"2","a":1}'
	run_ok pivot-wide -k t -n n -V v --on-unsorted sort k.json
	wide '{"t":1,"a":1}' '{"t":"2","a":1}'
	run_rc 64 pivot-wide -k a,b,c,d,e,f,g,h,i k.csv
}

@test "pivot: several values, columns carried along, a prefix, a filling" {
	printf '%s\n' k,n,t,p,x,z 1,a,5,6,,s 1,b,7,8,u,s 2,a,1,,w,s >v.csv
	run_ok pivot-wide -q -k k -n n -V t,p v.csv
	wide k,t_a,p_a,t_b,p_b 1,5,6,7,8 2,1,,,
	run_rc 0 pivot-wide -k k -n n -V t,p --keep x --fill 0 --prefix c_ v.csv
	wide k,x,c_t_a,c_p_a,c_t_b,c_p_b 1,u,5,6,7,8 2,w,1,0,0,0
	has "$err" '1 column left out: "z"'
	run_rc 0 pivot-wide -k k -n n -V t v.csv
	has "$err" '3 columns left out: "p", "x", "z"'
	printf '%s\n' k,n,v 1,b,1 2,a,2 3,c,3 >f.csv
	run_ok pivot-wide -k k -n n -V v --fill - f.csv
	wide k,b,a,c 1,1,-,- 2,-,2,- 3,-,-,3
	printf '%s\n' c b a >names
	run_ok pivot-wide -k k -n n -V v --fill 0 -c names --on-unknown error --sort-columns \
		-o ndjson f.csv
	wide '{"k":"1","a":0,"b":"1","c":0}' '{"k":"2","a":"2","b":0,"c":0}' \
		'{"k":"3","a":0,"b":0,"c":"3"}'
	# a deletion is no cell without a value
	printf '%s\n' k,n,v,op 1,a,5, 1,b,6,d 2,b,,d >d.csv
	for each in 0 x; do
		run_ok pivot-wide -k k -n n -V v --fill $each -c names --on-unknown error d.csv
		is "$(jq -c '[.a, .b]' "$out")" "[\"5\",null]
$(jq -nc --arg f $each '[$f | tonumber? // ., null]')"
	done
	run_rc 64 pivot-wide -k k -n n -V v --fill 0 -o ndjson f.csv
	run_rc 64 pivot-wide -k k -n n -V v --sort-columns f.csv
	run_ok pivot-wide -k k -n n -V v -o tsv f.csv
	wide $'k\tb\ta\tc' $'1\t1\t\t' $'2\t\t2\t' $'3\t\t\t3'
}

@test "pivot: values of a cell are added, counted, joined, exactly" {
	agg() {
		run_ok pivot-wide -q --on-duplicate "$1" d.csv
		is "$(tail -n +2 "$out")" "$2"
	}
	narrow 1,a,0.1 1,a,0.2 1,a,-5e-1 2,a,9007199254740993 2,a,1 3,a,1 3,a,2 3,a,2 4,a,
	cp n.csv d.csv
	agg sum $'1,-0.2\n2,9007199254740994\n3,5\n4,'
	agg mean $'1,-0.066666666666666666667\n2,4503599627370497\n3,1.6666666666666666667\n4,'
	agg count $'1,3\n2,2\n3,3\n4,'
	agg min $'1,-5e-1\n2,1\n3,1\n4,'
	agg max $'1,0.2\n2,9007199254740993\n3,2\n4,'
	agg concat $'1,"0.1,0.2,-5e-1"\n2,"9007199254740993,1"\n3,"1,2,2"\n4,'
	narrow 1,a,1e-1000 1,a,{0,0,0,0,0,0,0,0,0,0}
	cp n.csv d.csv
	agg mean "1,0.$(printf '%01001d' 0)90909090909090909091"
	narrow 1,a,5 1,a,x
	run_rc 65 pivot-wide --on-duplicate sum n.csv
	has "$err" 'record 2: "a" at "1" is no number that can be added: "x"'
	# against another decimal arithmetic
	python3 - >d.csv <<-'END'
		from decimal import Decimal
		import random
		random.seed(1)
		print("created_time,data_channel_id,value")
		with open("want", "w") as want:
		    for t in range(200):
		        xs = [Decimal(random.randint(-10**30, 10**30)).scaleb(
		              -random.randint(0, 25)) for _ in range(5)]
		        for x in xs:
		            print(f"{t},a,{x}")
		        import decimal
		        decimal.getcontext().prec = 80
		        s = format(sum(xs).normalize(), "f")
		        print(f"{t},{s}", file=want)
	END
	run_ok pivot-wide -q --on-duplicate sum d.csv
	tail -n +2 "$out" >got
	same_file got want
	# memory does not grow with the values of one cell
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (i = 0; i < 200000; i++) print "1,a," i % 10 + 100 }' >many.csv
	for how in sum last count; do
		kb=$(command time -f %M pivot-wide -q --on-duplicate "$how" many.csv \
			2>&1 >/dev/null)
		[[ $FERRY_BIN == */asan/bin ]] || ((kb < 16384))
	done
}

@test "pivot: an unsorted or repeated cell is named with its ship and record" {
	printf '%s\n' ship_id,created_time,data_channel_id,value S1,2,a,1 S2,1,a,2 S1,2,a,3 >s.csv
	run_rc 65 pivot-wide --on-unsorted sort --on-duplicate error s.csv
	has "$err" 'record 3: ship_id "S1": a second value for "a" at "2": "3" after "1"'
}

@test "pivot: a cell that comes again and again takes no more memory" {
	no_sanitizer 'it needs room of its own'
	awk 'BEGIN { print "ship_id,created_time,data_channel_id,value"
		print "S,1,a,1\nS,1,b,kept"
		for (i = 0; i < 1500000; i++) print "S,1,a," (i % 2 ? 123456789012345678 : 1)
	}' >again.csv
	by_turns 1 last count max
	for how in "${turns[@]}"; do
		run_rc 0 bash -c "ulimit -v 24576; pivot-wide --on-duplicate $how again.csv"
		[[ $(tail -n 1 "$out") == S,1,1*,@(kept|1) ]]
	done
}

@test "pivot: what would be one column of two, or one column twice, is refused" {
	printf '%s\n' day,art,a,a_b 1,b_x,1, 1,x,,4 >n.csv
	run_rc 65 pivot-wide -k day -b '' -n art -V a,a_b --on-duplicate sum n.csv
	has "$err" '"a_b_x" would hold values of two columns, "a" and "a_b"'
	printf '%s\n' day,shop,n,v 1,A,x,1 >n.csv
	for each in '-k day,shop -b shop' '-k day -b day' '-k day -b "" --keep day'; do
		run_rc 64 bash -c "pivot-wide $each -n n -V v n.csv"
		has "$err" 'is named twice'
	done
}

@test "pivot-wide: seals of a stream without records, or before the first, are passed on" {
	: >none
	reformat -i ndjson --seal none >none.sealed
	run_pipe '0 0 0' 'cat none.sealed | pivot-wide | cat'
	same_file "$out" none.sealed
	run_pipe '0 0 0' 'cat none.sealed | pivot-wide -o csv | cat'
	is "$(grep -c seal "$out")" 2
}

@test "pivot: --on-duplicate max and min warn of numbers with a comma or blanks" {
	local end

	for end in ',5' ' '; do
		printf '%s\n' created_time,data_channel_id,value "1,c,\"9$end\"" "1,c,\"10$end\"" \
			>a.csv
		run_rc 0 pivot-wide --on-duplicate max a.csv
		has "$err" 'warning: 1 repeated cells have values such as 9,5 or with blanks'
		run_rc 0 pivot-wide --on-duplicate last a.csv
		has_no "$err" warning
	done
	printf 'created_time,data_channel_id,value\n1,c,on\n1,c,off\n1,d,9\n1,d,10\n' >a.csv
	run_rc 0 pivot-wide --on-duplicate max a.csv
	has_no "$err" warning
}

@test "pivot: a key that is a number and a text is one row, of the first, and warned of" {
	printf '%s\n' '{"k":1,"n":"a","v":1}' '{"k":"1","n":"b","v":2}' '{"k":1,"n":"c","v":3}' \
		'{"k":"2","n":"a","v":4}' '{"k":2,"n":"a","v":5}' >a.json
	for sort in error sort; do
		run_rc 0 pivot-wide -k k -n n -V v --on-unsorted "$sort" a.json
		is "$(jq -c '[.k, .a, .b, .c]' "$out" | xargs)" '[1,1,2,3] [2,5,null,null]'
		has "$out" '"k":"2"'
		has "$err" 'warning: 2 values have a key that is a number in one record'
		run_rc 65 pivot-wide -k k -n n -V v --on-unsorted "$sort" --strict -O o a.json
		[[ ! -e o ]]
		export strict="pivot-wide -k k -n n -V v --on-unsorted $sort --strict"
		run_pipe '0 65 65' 'reformat --seal a.json | $strict | reformat'
	done
}
