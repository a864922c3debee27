load helper

setup() {
	helper_setup
	PATH=$PATH:$FERRY_BIN/../unit
	printf '%s\n' ship_id,created_time,data_channel_id,value S1,1,a,1 'S1,1,b,"x,""y"""' \
		S2,1,a, 'S1,2,a,""' S2,3,a,5 >n.csv
	reformat -o ndjson n.csv >n.json
}
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}
# sealed N FORMAT: n.csv in chunks of N records, with facts of a source
sealed() {
	chunks "$1" "$2" '{"from":"f","rows":5,"cells":4,"digest":"00",'\
'"ships":[{"ship":"S1","cells":3,"digest":"01"}],"job":7}' <n.csv
}
export -f sealed

@test "via: what comes out is sealed like what came in" {
	for format in csv ndjson; do
		run_pipe '0 0 0' 'sealed 100 $f | via -- cat | reformat --no-seal -o csv' f=$format
		same_file "$out" n.csv
		run_pipe '0 0 0 0' 'sealed 2 $f | via -- cat | via -- cat |
				reformat --no-seal -o csv' f=$format
		same_file "$out" n.csv
	done
}

@test "via: the command runs once per chunk, each time with the header" {
	run_pipe '0 0 0' 'sealed 2 csv | via -- tee -a seen | reformat --no-seal'
	same_file "$out" n.csv
	is "$(grep -c '^ship_id,' seen)" 3
	run_pipe '0 0 0' 'sealed 2 csv | via -- head -n 2 | reformat --no-seal'
	printed ship_id,created_time,data_channel_id,value S1,1,a,1 S2,1,a, S2,3,a,5
	run_pipe '0 0 0' 'sealed 2 csv | via -- head -n 2 | cat'
	is "$(grep -c '""seal""' "$out")" 3
}

@test "via: facts of the source pass, but not its count of cells and its digest" {
	run_pipe '0 0 0' 'sealed 3 csv | via -- cat | cat'
	has "$out" '""src"":{""from"":""f"",""rows"":5,""ships"":[{""ship"":""S1""}],""job"":7}'
	has_no "$out" digest cells
	is "$(grep -c '""src""' "$out")" 2
}

@test "via: jq, awk, sort, sed" {
	run_pipe '0 0 0' "sealed 100 ndjson | via -- jq -c 'select(.value == \"5\")' |
			reformat --no-seal"
	printed '{"ship_id":"S2","created_time":"3","data_channel_id":"a","value":"5"}'
	run_pipe '0 0 0' "sealed 100 csv | via -- awk -F, 'NR == 1 || \$1 == \"S2\"' |
			reformat --no-seal"
	printed ship_id,created_time,data_channel_id,value S2,1,a, S2,3,a,5
	run_pipe '0 0 0' 'sealed 100 ndjson | via -- sort -r | reformat --no-seal'
	sort -r n.json >want
	same_file "$out" want
	run_pipe '0 0 0' "sealed 100 csv | via --new-header -- sed 's/value/reading/' |
		reformat --no-seal"
	is "$(head -n 1 "$out")" ship_id,created_time,data_channel_id,reading
}

@test "via: the header is the one that went in, or an option says what it is" {
	for command in "grep S1,1,a" sort 'tail -n 2' 'tail -n +2' 'sed 1d' "awk NR%2==0" \
		'cut -d, -f1,2' "reformat -o csv --columns value" tac; do
		run_pipe '0 65 65' 'sealed 100 csv | via -- $c | reformat' c="$command"
		has "$err" 'is not the header of the input' --keep-header --new-header
	done
	run_pipe '0 65 65' 'sealed 100 ndjson | via -- cut -d: -f2 | reformat'
	has "$err" --new-header
	# the header among the records: behind a new one, and behind itself
	run_pipe '0 65 65' 'sealed 100 csv | via --new-header -- sort | reformat'
	run_pipe '0 65 65' 'sealed 100 csv | via -- sed 3p\;1p | reformat'
	has "$err" 'the header stands among the records'
	run_pipe '0 65 65' 'sealed 100 csv | via --keep-header -- sh -c "cat; head -n 1 n.csv" |
			reformat'
	# the same commands as they are meant to be used
	for command in 'grep S1,1,a' sort 'tail -n 2' tac; do
		run_pipe '0 0 0' 'sealed 100 csv | via --keep-header -- $c | reformat --no-seal' \
			c="$command"
		{ head -n 1 n.csv && tail -n +2 n.csv | $command; } >want
		same_file "$out" want
	done
	printf 'a,b\n1,"x\ny"\n2,z\n' >lines.csv
	run_pipe '0 65' 'cat lines.csv | via --keep-header -- sort'
	has "$err" 'record 1: a field has a line break'
	run_pipe '0 0 0' 'sealed 2 csv | via --keep-header -- sort -r | reformat --no-seal'
	is "$(head -n 2 "$out" | tail -n 1)" 'S1,1,b,"x,""y"""'
	run_pipe '0 0 0' 'sealed 100 ndjson | via --keep-header -- sort -r | reformat --no-seal'
	sort -r n.json >want
	same_file "$out" want
	run_pipe '0 65 65' 'sealed 100 csv | via --keep-header -- cut -d, -f1 | reformat'
	has "$err" '1 field where'
	run_pipe '0 0 0' 'sealed 100 csv | via --new-header -- cut -d, -f1,2 | reformat --no-seal'
	cut -d, -f1,2 n.csv >want
	same_file "$out" want
	run_rc 64 via --keep-header --new-header -- cat
	run_rc 64 via --keep-header --source -- cat
}

@test "via: csv in, NDJSON out, and the other way round" {
	run_pipe '0 0 0' "sealed 2 csv | via -- reformat -o ndjson | reformat --no-seal"
	same_file "$out" n.json
	run_pipe '0 0 0' "sealed 2 ndjson | via -- reformat -o csv --columns ship_id |
			reformat --no-seal"
	same_file "$out" n.csv
	run_pipe '0 0 0' "sealed 2 ndjson | via -o csv -- cat | reformat --no-seal"
	same_file "$out" n.csv
}

@test "via: columns are matched by name from run to run" {
	cat >swap <<-'END'
		#!/bin/sh
		if [ -e once ]; then
			awk -F, -v OFS=, '{ print $4, "y" NR, $1 }' | sed '1s/y1/new/'
		else
			touch once
			cut -d, -f1,4
		fi
	END
	chmod +x swap
	sed -i 's/"x,""y"""/z/' n.csv
	run_pipe '0 0 0' 'sealed 2 csv | via --new-header -- ./swap | reformat --no-seal -o ndjson'
	printed '{"ship_id":"S1","value":"1"}' '{"ship_id":"S1","value":"z"}' \
		'{"ship_id":"S2","value":null,"new":"y2"}' \
		'{"ship_id":"S1","value":"","new":"y3"}' \
		'{"ship_id":"S2","value":"5","new":"y2"}'
}

@test "via: nothing printed is zero records, sealed, with the columns of the input" {
	run_pipe '0 0 0' 'sealed 2 csv | via -- true | reformat --no-seal'
	printed ship_id,created_time,data_channel_id,value
	run_pipe '0 0 0' 'sealed 2 ndjson | via -- true | cat'
	is "$(grep -c '"rows":0' "$out")" 3
	run_pipe '0 0 0' 'sealed 2 csv | via -- true | pivot-wide --no-seal'
	printed ship_id,created_time
}

@test "via: an empty stream, sealed and not" {
	head -n 1 n.csv >e.csv
	run_pipe '0 0 0' 'chunks 1 csv <e.csv | via -- cat | reformat --no-seal'
	same_file "$out" e.csv
	: >empty
	run_pipe '0 0 0' 'chunks 1 csv <empty | via -- cat | cat'
	has "$out" '""rows"":0'
	run_rc 65 via -- cat <empty
	[[ ! -s $out ]]
}

@test "via: a command that stops reading early is no failure, but the rest must prove whole" {
	run_pipe '0 0 0' 'sealed 100 csv | via -- head -n 1 | reformat --no-seal'
	printed ship_id,created_time,data_channel_id,value
	awk 'BEGIN { print "a,b"; for (i = 0; i < 300000; i++) print i ",x" }' >big.csv
	run_pipe '0 0 0' 'chunks 1000000 csv <big.csv | via -- head -n 3 | reformat --no-seal'
	printed a,b 0,x 1,x
	run_pipe '0 0 76 76' 'chunks 1000000 csv <big.csv | sed s/^299999,x/299999,y/ |
			via -- head -n 3 | reformat'
	run_pipe '0 0 76 76' 'chunks 1000000 csv <big.csv | head -n -1 | via -- head -n 3 |
			reformat'
}

@test "via: a failing command leaves no seal, and says why downstream" {
	run_pipe '0 69 69' 'sealed 100 csv | via -- false | reformat'
	has "$err" 'via: error: "false" failed: exit status 1'
	run_pipe '0 69 69' 'sealed 100 csv | via -- sh -c "cat; exit 5" | reformat'
	has "$err" 'via: error: "sh" failed: exit status 5, after 5 records' \
		'reformat: error: upstream failed: via: "sh" failed: exit status 5'
	run_pipe '0 69 69' 'sealed 100 csv | via -- sh -c "cat; kill -9 \$\$" | reformat'
	has "$err" 'killed by signal 9 (Killed)'
	run_pipe '0 75 75' 'sealed 100 csv | via -- sh -c "cat; exit 75" | reformat'
	run_pipe '0 69 69' 'sealed 2 csv | via -- sh -c "cat; ! [ -e x ] && touch x" | reformat'
	is "$(grep -c '""final""' "$out")" 0
	[[ $(grep -c '""seal""' "$out") -le 1 ]]
}

@test "via: a command killed in the middle of a record is the reason, not the record" {
	run_pipe '0 69 69' "sealed 100 csv |
			via --new-header -- sh -c 'printf \"a,b\n1,\"; kill -9 \$\$' | reformat"
	has "$err" 'killed by signal 9' 'after 0 records'
	run_pipe '0 65 0' "sealed 100 csv | via -- sh -c 'printf a,; exit 3' | cat"
	has "$err" 'warning: "sh" failed: exit status 3'
}

@test "via: what the command prints must be records" {
	run_pipe '0 65 0' "sealed 100 csv | via --new-header -- printf 'a,b\n1\n' | cat"
	has "$err" 'output of printf:2: 1 field where the header has 2'
	run_pipe '0 65 0' "sealed 100 csv | via -- printf 'a,a\n' | cat"
	run_pipe '0 65 0' "sealed 100 csv | via -- printf '{\"a\":1}\nx\n' | cat"
	run_pipe '0 65 0' "sealed 100 csv | via -- printf '{\"a\":1}' | cat"
	run_pipe '0 0 0' "sealed 100 csv | via --allow-no-newline -- printf '{\"a\":1}' |
			reformat --no-seal"
	printed '{"a":1}'
	printf '#!/bin/sh\nexec reformat --seal n.csv\n' >sealed.sh
	chmod +x sealed.sh
	run_pipe '0 64 0' "sealed 100 csv | via -- ./sealed.sh | cat"
	has "$err" '"./sealed.sh" seals its output itself'
}

@test "via: a command that cannot be run" {
	run_pipe '0 69 69' 'sealed 100 csv | via -- nosuchcommand | reformat'
	has "$err" 'cannot run "nosuchcommand": No such file or directory'
	run_rc 69 via -- 'cat n.csv' <n.csv
	has "$err" 'each word of a command is an argument of its own; no shell splits it'
	run_rc 69 via -- /etc <n.csv
	run_rc 64 via
	run_rc 64 via --source --sink -- cat
	run_rc 64 via --accept-unsealed -- cat
	run_rc 64 via --rows same --source -- cat
}

@test "via: arguments, environment and signals reach the command as they are" {
	cat >show <<-'END'
		#!/bin/bash
		printf 'arg\n'; printf '"%s"\n' "${@//\"/\"\"}" "$FOO"
		cat >/dev/null
	END
	chmod +x show
	FOO='a b$(c)' run_ok \
		via --new-header -- ./show '' '*' '$HOME' '-n' '--rows=same' "it's" <n.csv
	printed arg '""' '*' '$HOME' -n --rows=same "it's" 'a b$(c)'
	# SIGPIPE ends the command like anywhere else, although via ignores it for itself
	run_ok via --new-header -- sh -c 'echo a; grep SigIgn /proc/self/status | cut -f2' <n.csv
	mask=$((16#$(tail -n 1 "$out")))
	(((mask & (1 << 12)) == 0))
}

@test "via: --rows same" {
	run_pipe '0 0 0' 'sealed 2 csv | via --rows=same -- cat | reformat --no-seal'
	same_file "$out" n.csv
	run_pipe '0 65 65' 'sealed 100 csv | via --rows=same -- head -n 5 | reformat'
	has "$err" '"head" was given 5 records and printed 4'
	run_pipe '0 65 65' 'sealed 100 csv | via --rows=same -- sed "\$p" | reformat'
	run_rc 65 via --rows=same -- head -n 2 <n.csv
}

@test "via: an unsealed input is not sealed behind it either" {
	run_pipe '0 0 0' 'cat n.csv | via -- cat | cat'
	same_file "$out" n.csv
	run_pipe '0 0 0' 'cat n.csv | FERRY_SEAL=1 via -- cat | cat'
	same_file "$out" n.csv
	run_rc 76 via --seal -- cat < <(cat n.csv)
	run_ok via --seal -- cat <n.csv
	has "$out" '""final"":1'
}

@test "via: a damaged or cut input, whatever the command does" {
	for command in cat true 'head -n 2' 'sed 1d'; do
		run_pipe '0 0 76 76' "sealed 100 csv | sed s/S2,3,a,5/S2,3,a,6/ | via -- $command |
				reformat"
		has_no "$out" '""final""'
		run_pipe '0 0 76 76' "sealed 100 csv | head -n 4 | via -- $command | reformat"
		has_no "$out" '""final""'
	done
	run_pipe '0 75 75 0' "sealed 100 csv | via -- sh -c 'cat; exit 75' | via -- cat | cat"
}

@test "via: columns that join between chunks and inside of one" {
	printf '%s\n' '{"k":1,"a":"x"}' '{"k":2,"a":"y"}' '{"k":3,"b":"z"}' '{"k":4,"a":"w"}' \
		>g.json
	run_pipe '0 0 0 0' 'chunks 2 ndjson <g.json | reformat -o csv | via -- cat |
			reformat -o ndjson --no-seal'
	printed '{"k":"1","a":"x"}' '{"k":"2","a":"y"}' '{"k":"3","a":null,"b":"z"}' \
		'{"k":"4","a":"w","b":null}'
	# who stands before the one that ends may lose its reader
	run_pipe '@(0|141) @(0|141) 65 65' 'chunks 3 ndjson <g.json | reformat -o csv | via -- cat |
			reformat'
	has "$err" 'column "b" appeared behind record 2' 'use -o ndjson upstream'
	run_pipe '0 0 0' 'chunks 3 ndjson <g.json | via -- cat | reformat --no-seal'
	same_file "$out" g.json
}

@test "via: neither pipe blocks the other, whatever the command keeps back" {
	awk 'BEGIN { for (i = 0; i < 400000; i++)
		print "{\"i\":" i ",\"s\":\"some text to fill pipes with\"}" }' >big.json
	stream-digest big.json >want
	local -a commands

	# some keep all of it back
	by_turns 1 cat 'tee copy'
	commands=("${turns[@]}")
	by_turns 1 tac sort 'dd bs=7M status=none iflag=fullblock'
	for command in "${commands[@]}" "${turns[@]}"; do
		RUN_TIMEOUT=60 run_pipe '0 0 0' "chunks 150000 ndjson <big.json | via -- $command |
				stream-digest"
		same_file "$out" want
	done
	# one record larger than any pipe
	{
		printf 'a,b\n1,'
		head -c 9000000 /dev/zero | tr '\0' x
		printf '\n'
	} >one.csv
	run_pipe '0 0 0' 'reformat --seal one.csv | via -- cat | reformat --no-seal'
	same_file "$out" one.csv
}

@test "via: memory does not grow with the input" {
	awk 'BEGIN { print "a,b"; for (i = 0; i < 2000000; i++) print i ",text" }' >big.csv
	run_ok bash -c '/usr/bin/time -f %M -o kb via -- cat <big.csv | tail -n 1'
	is "$(<"$out")" 1999999,text
	(($(<kb) < 16384)) || no_sanitizer "memory is theirs"
}

@test "via: a slow source: what the command prints goes on at once" {
	mkfifo f
	{
		printf 'a\n1\n'
		wait_until 10 test -s got
		printf '2\n'
	} >f &
	timeout 20 via -- stdbuf -oL cat <f | while IFS= read -r line; do
		printf '%s\n' "$line" >>got
	done
	wait
	printf '%s\n' a 1 2 >want
	same_file got want
}

@test "via --source: a command begins a sealed stream, if it ends well" {
	run_pipe '0 0' 'via --source -- cat n.csv | reformat --no-seal'
	same_file "$out" n.csv
	run_pipe '0 0' 'via --source -- cat n.csv | cat'
	has "$out" '""final"":1'
	run_ok via --source -- cat n.csv
	same_file "$out" n.csv
	run_pipe '69 69' 'via --source -- sh -c "head -n 3 n.csv; exit 2" | reformat'
	has "$err" 'upstream failed: via: "sh" failed: exit status 2, after 2 records'
	run_pipe '69 69' 'via --source -- sh -c "cat n.csv; kill -9 \$\$" | reformat'
	run_pipe '0 0' 'printf "x\n1\n" | via --source -- cat'
	printed x 1
	run_pipe '0 0' 'via --source -- true | cat'
	has "$out" '""rows"":0'
	# CSV that is none: not even a header
	run_pipe '65 65' 'via --source -i csv -- true | reformat'
	has "$err" 'output of true: nothing was read'
	run_pipe '69 65' 'via --source -i csv -- false | reformat'
	run_pipe '0 0' 'via --source -o ndjson -- cat n.csv | reformat --no-seal'
	same_file "$out" n.json
	run_pipe '0 0' 'FERRY_SEAL=0 via --source -- cat n.csv | cat'
	same_file "$out" n.csv
}

@test "via --sink: the command starts when all is proven, and gets all of it" {
	run_pipe '0 0' 'sealed 2 csv | via --sink -- tee seen'
	same_file "$out" n.csv
	same_file seen n.csv
	run_pipe '0 0' 'sealed 2 ndjson | via --sink -- cat'
	same_file "$out" n.json
	run_pipe '0 3' 'sealed 2 csv | via --sink -- sh -c "exit 3"'
	for cut in 1 2 3 5 10 100 300; do
		run_pipe '0 0 76' "sealed 2 csv | head -c -$cut | via --sink -- touch started"
	done
	run_pipe '0 0 76' 'sealed 2 csv | sed s/S2,3/S2,4/ | via --sink -- touch started'
	[[ ! -e started ]]
}

@test "via --sink: an unsealed pipe is refused, a file is not" {
	run_pipe '0 76' 'cat n.csv | via --sink -- touch started'
	has "$err" 'a pipe without a seal' '--accept-unsealed takes it'
	run_pipe '0 76' 'true | via --sink -- touch started'
	[[ ! -e started ]]
	run_pipe '0 0' 'cat n.csv | via --sink --accept-unsealed -- cat'
	same_file "$out" n.csv
	run_ok via --sink -- cat <n.csv
	same_file "$out" n.csv
	run_rc 69 via --sink -- nosuchcommand <n.csv
}

@test "via: killed, it takes the command with it, and nothing behind it commits" {
	mkfifo f
	exec 7<>f # there is more to come
	head -n 3 n.csv >&7
	via -- sh -c 'echo $$ >pid; exec cat' <f >got 2>err 7>&- &
	pid=$!
	wait_until 10 test -s pid
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 143
	wait_until 10 bash -c '! kill -0 "$(<pid)" 2>/dev/null'
	exec 7>&-
}

@test "via: the command gets plain CSV, whatever text came in" {
	printf 'skip\n# c\na;b\n1;"x,""y"
2;""\n' >semi
	printf '%s\n' a,b '1,"x,""y"' '2,""' >plain.csv
	run_pipe '0 0' 'via --delimiter ";" --skip-lines 1 --comment "#" -- tee seen <semi | cat'
	same_file "$out" plain.csv
	same_file seen plain.csv
	run_pipe '0 0 0' 'reformat -o tsv plain.csv | via -i tsv -- tee seen | cat'
	same_file "$out" plain.csv
	same_file seen plain.csv
	run_ok via --names a,b --keep-header -- sort -r <<<'1,2'
	printed a,b 1,2
	run_ok via -i json --at d.items -- cat <<<'{"d":{"items":[{"a":1,"b":[1,
		2]},{"a":null}]}}'
	is "$(jq -c . "$out" | xargs)" '{a:1,b:[1,2]} {a:null}'
	printf 'a,b\n1,5" pipe\nNA,x\n' >loose.csv
	run_pipe '0 0' 'via --lenient-quotes --null NA -- tee seen <loose.csv | cat'
	printed a,b '1,"5"" pipe"' ,x
	same_file "$out" seen
	printf 'a;b\n1;"x\ny"\n2;z\n' >lines.txt
	run_pipe '0 65' 'cat lines.txt | via --delimiter ";" --keep-header -- sort'
	has "$err" 'record 1: a field has a line break'
	printf '\xb0\xa1,b\n1,2\n' >korean.csv
	run_pipe '0 0' 'via --encoding EUC-KR -- cat <korean.csv | cat'
	printed 가,b 1,2
	# of a source they say what it prints, and a sink gets the same
	run_ok via --source --delimiter ';' -- sed '1,2d' semi
	same_file "$out" plain.csv
	run_ok via --sink --delimiter ';' --accept-unsealed -- cat <<<$'a;b\n1;2'
	printed a,b 1,2
}

@test "via: hints name no option that it has not, and a JSON array becomes records" {
	run_rc 65 via -- cat <<<$'a,b\n1'
	has_no "$err" --rejects
	run_pipe '0 0' "via --source -i json -- echo '[{\"a\":1}]' | reformat --no-seal"
	is "$(<"$out")" '{"a":1}'
}

@test "via: a process that the command left behind with its output is waited for, and told of" {
	mkfifo go
	# shellcheck disable=SC2016
	for how in '' --source; do
		via $how --no-seal -- bash -c 'exec 3<>go
			printf "a,b\n"
			(read -r <&3 && echo 1,2) 2>/dev/null &' <<<a,b >got 2>"$err" 3>&- &
		pid=$!
		wait_until 10 grep -q 'waiting for a process that it left behind' "$err"
		echo >go
		wait "$pid"
		is "$(tail -n 1 got)" 1,2
	done
}

@test "via: grep that finds nothing has a hint" {
	printf 'a\n1\n' >a.csv
	run_rc 69 via --keep-header -- grep nothing <a.csv
	has "$err" "grep … || [ \$? = 1 ]"
	run_ok via --keep-header -- sh -c 'grep nothing || [ $? = 1 ]' <a.csv
	is "$(cat "$out")" a
	run_rc 69 via --keep-header -- false <a.csv
	has_no "$err" grep
}

@test "via: an empty line is no header and no record, and so is not passed over" {
	for format in csv ndjson; do
		# as mlr prints records without fields, and awk '{ print $9 }' those with fewer
		for command in echo 'printf \n\n' 'sed s/.*//'; do
			run_pipe '0 65 65' 'sealed 2 $f | via -- $c | reformat' \
				c="$command" f=$format
			has_no "$out" '"final"'
			has "$err" "output of ${command%% *}: header: an empty line"
		done
	done
	for option in --new-header --keep-header; do
		run_pipe '0 65 65' 'sealed 2 csv | via $o -- sed "s/.*//" | reformat' o=$option
	done
	has "$err" '1 field where the header has 4'
	# one for each record that is not wanted, and behind all of them
	run_pipe '0 65 65' "sealed 9 csv | via --keep-header -- sed '2s/.*//' | reformat"
	run_pipe '0 65 65' "sealed 9 ndjson | via -- sed '2s/.*//' | reformat"
	run_pipe '0 65 65' 'sealed 9 csv | via -- sh -c "cat; echo" | reformat'
	# of a single column it is a record: NULL
	run_pipe '0 0 0' 'printf "a\n1\n2\n" | via --keep-header --rows same -- sed s/1// | cat'
	printed a '' 2
	for command in echo 'sed s/.*// n.csv'; do
		run_pipe '65 65' 'via --source -- $c | reformat' c="$command"
	done
	has "$err" 'output of sed: header: an empty line'
	run_pipe '0 0' 'via --source -i ndjson -- echo | cat'
}

@test "via --sink: options of an output are refused, for it has none" {
	for option in '-O x' '-o ndjson' '-z 5' '--zstd 5' --seal --no-seal; do
		# shellcheck disable=SC2086
		run_rc 64 via --sink $option -- cat <n.csv
		has "$err" 'exclude each other'
	done
}
