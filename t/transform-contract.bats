# shellcheck disable=SC2086  # a filter is a command line, to be split into words
load helper
load json
load filters

# What every filter of src/transform promises about its data, tried on all there are: a new one is
# covered as soon as it is built, if it takes a narrow stream without options; else the comment at
# the top of its source has lines `contract: COMMAND`, or two of them joined by a backslash.

ended() { wait "$1"; }

@test "filters: an empty input is an error, unless it is said to be NDJSON" {
	empty() {
		local words=()
		read -ra words <<<"$1"
		run_pipe '0 65 0' 'true | $f | cat' f="$1" && [[ ! -s $out ]] &&
			has "$err" 'nothing was read, not even a header' &&
			run_pipe '0 0 0' 'true | $f | cat' \
				f="${words[0]} -i ndjson ${words[*]:1}" && has_no "$out" @seal
	}
	each_filter empty
}

@test "filters: an output is there whole or not at all" {
	{ cat n.csv && printf 'S1,cut'; } >cut.csv
	printf 'old\n' >old
	chmod 640 old
	((EUID)) || chown 65534 old
	owner=$(stat -c %u old)
	ln -s old link
	whole() {
		local f=${1/#via/via -O link} rc=0
		[[ $1 == via* ]] || f="$1 -O link"
		run_rc fails bash -c "$f <cut.csv" && is "$(<old)" old || return
		is "$(find . -name 'old.*' -o -name 'link.*' | wc -l)" 0 || return
		run_rc 0 bash -c "$f <n.csv" || return
		[[ -L link && $(stat -c %a old) == 640 && $(<old) != old ]] || return
		is "$(stat -c %u old)" "$owner" || return
		printf 'old\n' >old
		# killed in the middle, nothing is left
		rm -f gate && mkfifo gate && exec 7<>gate
		$f <gate 2>/dev/null &
		cat n.csv >&7
		kill -9 $!
		wait $! || :
		exec 7>&-
		is "$(<old)" old
	}
	each_filter whole
	run_ok reformat -O new n.csv
	same_file new n.csv
	run_pipe '0 0' 'reformat -O /dev/stdout n.csv | cat'
	same_file "$out" n.csv
	printf 'before\n' >log
	reformat -O /dev/stdout n.csv >>log
	{ printf 'before\n' && cat n.csv; } >want
	same_file log want
	if ((EUID)); then
		mkdir closed && chmod 555 closed
		run_rc 73 reformat -O closed/x n.csv
		has "$err" '>FILE'
	fi
}

@test "filters: rejects, statistics and reports are of this run" {
	printf '%s\n' a,b 1,2 1 3,4 >bad.csv
	printf '%s\n' a,b 1,2 3,4 >good.csv
	run_rc 0 reformat --rejects r bad.csv
	is "$(wc -l <r)" 1
	run_ok reformat --rejects r good.csv
	[[ -e r && ! -s r ]]
	# what the message names is there, though its input ended the run; else the old file stays
	printf '%s\n' a,b 1 2 3,4 >bad2.csv
	run_rc 65 reformat --rejects r --max-rejects 1 bad2.csv
	is "$(wc -l <r)" 2
	printf 'old\n' >r
	run_rc 65 pivot-wide -k a -n b -V b --on-duplicate error --rejects r \
		<(printf '%s\n' a,b 2,1 x 1,1)
	is "$(jq .record r)" 2
	for each in reformat 'map-fields --select a' stream-digest; do
		printf 'old\n' >r
		# shellcheck disable=SC2086 # a command line
		run_rc 66 $each --rejects r good.csv none.csv
		is "$(<r)" old
		# shellcheck disable=SC2086
		run_rc 65 $each --rejects r <(printf 'a,b\n1,2')
		[[ -e r && ! -s r ]]
	done
	printf '%s\n' a,b 1 2 >all.csv
	run_rc 65 reformat --rejects r -O o all.csv
	has "$err" 'all records were rejected (2), see r'
	is "$(wc -l <r)" 2
	[[ ! -e o ]]
}

@test "filters: rejects name their file, go on in that of others, and may be standard output" {
	printf '%s\n' a,b 1,2 1 >bad.csv
	printf '%s\n' a,b 3 3,4 >worse.csv
	run_rc 0 reformat --rejects r bad.csv worse.csv
	is "$(jq -r '.file + ":" + .raw' r | xargs)" 'bad.csv:1 worse.csv:3'
	run_rc 0 reformat --rejects r --rejects-append worse.csv
	is "$(wc -l <r)" 3
	run_rc 0 reformat --rejects - -O o bad.csv
	is "$(jq -r .line "$out")" 3
	run_rc 64 reformat --rejects-append bad.csv
	# a limit that trips leaves the lines, too; long records stay whole
	run_rc 65 reformat --rejects r --rejects-append --max-rejects 0 bad.csv
	is "$(wc -l <r)" 4
	awk 'BEGIN { print "a,b"; print "1,2"; for (i = 0; i < 40; i++) {
		printf "%08000d\n", i } }' >long.csv
	for _ in 1 2 3 4 5 6; do
		reformat -q --rejects r --rejects-append long.csv >/dev/null &
	done
	wait
	is "$(jq -s length r)" $((4 + 6 * 40))
	# one that was killed in mid-line: its half is a line of its own
	printf '{"hal' >r
	run_rc 0 reformat --rejects r --rejects-append bad.csv
	has "$err" 'warning: r: a run was killed in its last line'
	run_rc 0 reformat --rejects r --rejects-append bad.csv
	is "$(grep -c warning "$err" || :)" 0
	is "$(head -n 1 r)" '{"hal'
	is "$(tail -n +2 r | jq -s length)" $(($(wc -l <r) - 1))
	is "$(grep -c . r)" "$(wc -l <r)"
}

@test "filters: statistics say how a run failed, whenever that was" {
	printf '%s\n' a,b 1,2 1 >bad.csv
	printf 'old\n' >s
	run_rc 65 reformat --stats s bad.csv
	is "$(jq -c '[.program, .rows_in, .exit, has("rows_out")]' s)" '["reformat",2,65,false]'
	has s bad.csv:3
	run_rc 66 pivot-wide --stats s none.csv
	is "$(jq -c '[.rows_in, .exit]' s)" '[0,66]'
	run_rc 73 reformat --stats s -O none/o n.csv
	is "$(jq .exit s)" 73
	# a server that is not there, before there is anything to count
	PGHOST=$PWD run_rc 75 pg-copy-load --table t --stats s bad.csv
	is "$(jq -c '[.program, .exit]' s)" '["pg-copy-load",75]'
	PGHOST=$PWD run_rc 75 pg-narrow-dump --stats s
	is "$(jq -c '[.program, .exit]' s)" '["pg-narrow-dump",75]'
	run_rc 69 via --stats s -- false <n.csv
	is "$(jq -c '.exit' s)" 69
	# also before anything is opened
	run_rc 64 map-fields --stats s --cast a:nope n.csv
	is "$(jq -c '[.program, .exit]' s)" '["map-fields",64]'
	run_rc 66 quality-clean --stats s --rules none.json n.csv
	is "$(jq -c '[.program, .exit]' s)" '["quality-clean",66]'
	PGHOST=$PWD run_rc 75 pg-narrow-schema --stats s
	is "$(jq -c '[.program, .exit]' s)" '["pg-narrow-schema",75]'
	run_rc 78 env -u AWS_REGION AWS_CONFIG_FILE=none fs-put g n.csv --stats s
	is "$(jq -c '[.program, .exit]' s)" '["fs-put",78]'
	# of no option that was read before is it told what an earlier run said
	for each in reformat pg-copy-load fs-put fs-extract-athena; do
		printf '{"program":"reformat","rows_in":7}\n' >s
		run_rc 64 "$each" --stats s --nope
		is "$(jq -c '[.program, .exit, .rows_in]' s)" "[\"$each\",64,null]"
	done
	# and none that is read is emptied
	cp n.csv in.csv
	run_rc 64 map-fields --stats in.csv --cast a:nope in.csv
	same_file in.csv n.csv
}

@test "filters: --stats says nothing good before the output is there, nor of a run a signal ended" {
	printf 'a\n1\n' >n.csv
	run_rc 137 env KP_KILL=stats:1 reformat -O o --stats s n.csv
	same_file o n.csv
	is "$(jq .exit s)" 143
	rm s
	run_rc 141 bash -c 'yes "{\"a\":1}" | reformat -i ndjson --stats s | head -1
		exit ${PIPESTATUS[1]}'
	is "$(jq -c '[.program, .exit]' s)" '["reformat",143]'
	printf '{"program":"reformat","rows_in":7}\n' >s
	mkfifo pipe
	exec 7<>pipe
	reformat --stats s <pipe >o 7>&- &
	wait_until 10 grep -q '"exit"' s
	kill -TERM "$!"
	run_rc 143 ended "$!"
	exec 7>&-
	is "$(jq -c '[.exit, .rows_in]' s)" '[143,null]'
}

@test "filters: --log-time begins each message with the time" {
	local time='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z '

	run_rc 66 reformat --log-time none.csv
	grep -qE "${time}reformat: error: " "$err"
	FERRY_LOG_TIME=1 run_rc 64 reformat --nonsense
	is "$(grep -cE "$time" "$err")" "$(wc -l <"$err")"
	run_rc 64 fs --log-time get
	is "$(grep -cE "$time" "$err")" "$(wc -l <"$err")"
	run_rc 64 narrow-to-wide --log-time --mode none
	run_rc 66 reformat none.csv
	[[ $(<"$err") == reformat:* ]]
}

# in_log MESSAGES: as many lines of LEVEL PROGRAM as the file `log` has
in_log() { jq -r '"\(.level) \(.program)"' log | sort | uniq -c | awk '{ print $1, $2, $3 }'; }

@test "filters: --log-format json makes of each message an object, --log-file appends it" {
	local command

	run_rc 66 reformat --log-format json 'no"n\e.csv'
	as_said message <"$err"
	is "$(jq -r .message "$err" | head -n 1)" \
		'cannot open "no\"n\\e.csv": No such file or directory'
	# one run, whoever speaks, in a file that is moved away meanwhile
	export FERRY_LOG_FORMAT=json FERRY_LOG_FILE=$PWD/log
	run_rc 66 bash -c 'reformat none.csv; mv log old; pivot-wide --nonsense | reformat none.csv'
	is "$(<"$err")" ''
	is "$(in_log)" $'1 error pivot-wide\n1 error reformat\n1 hint pivot-wide'
	is "$(jq -r .run log old | sort -u | wc -l)" 1
	rm log
	for command in 'narrow-to-wide --mode none' 'fs nonsense' 'fs get'; do
		run_rc 64 $command
		is "$(<"$err")" ''
	done
	as_said message <log
	is "$(in_log)" $'2 error fs\n1 error narrow-to-wide\n2 hint fs\n1 hint narrow-to-wide'
	is "$(jq -r .run log | sort -u | wc -l)" 3
	# what a front door has read before it says it, and what it reads alone
	run_rc 64 fs migrate g h --set nonsense --yes
	grep -q '"program":"fs","run":"[0-9:]*","level":"error","message":"--set' log
	unset FERRY_LOG_FORMAT
	run_rc 66 reformat none.csv
	tail -n 1 log | grep -qE '^[0-9-]{10}T[0-9:]{8}Z [0-9]+ reformat: error: cannot open'
	run_rc 64 reformat --log-file log log
	# -: standard error, as without it
	for command in 'reformat none.csv' 'fs get' 'narrow-to-wide --mode none'; do
		run_rc fails ${command/ / --log-file - }
		has "$err" "${command%% *}: error: "
		FERRY_LOG_FILE=- run_rc fails $command
		has "$err" "${command%% *}: error: "
	done
	[[ ! -e ./- ]]
	unset FERRY_LOG_FILE
	# before a command of fs, too
	run_rc 64 fs --log-file log get
	run_rc 64 fs --log-file= get
	run_rc 64 fs --log-file
	tail -n 2 log | grep -q ' fs: error: get takes a group'
	by_turns 1 reformat 'narrow-to-wide --mode status' 'fs get'
	for command in "${turns[@]}"; do
		run_rc 73 $command --log-file none/log
		run_rc 64 $command --log-file ''
		run_rc 64 $command --log-format xml
	done
}

@test "filters: messages for the journal have priorities" {
	local stream

	: >journal
	stream=$(stat -c %d:%i journal)
	JOURNAL_STREAM=$stream reformat none.csv 2>>journal || :
	JOURNAL_STREAM=$stream narrow-to-wide --mode none 2>>journal || :
	JOURNAL_STREAM=1:1 reformat none.csv 2>>journal || :
	is "$(cut -d : -f 1,2 journal)" "<3>reformat: error
<3>narrow-to-wide: error
<5>narrow-to-wide: hint
reformat: error"
}

@test "filters: no path is used for two things" {
	cp n.csv b && cp n.csv c && ln -s b l && ln c hard
	printf '{"rules":[]}' >rules
	two() { run_rc 64 "$@" && has "$err" 'are the same file' && same_file b n.csv; }
	two map-fields --rejects b b
	two map-fields --rejects l b
	two map-fields --rejects ./b -O b n.csv
	two map-fields --stats new -O new n.csv
	two map-fields --stats ./new --rejects "$PWD/new" n.csv
	two map-fields --rejects hard n.csv c
	two bash -c 'map-fields --rejects b <b'
	two bash -c 'map-fields --rejects o n.csv >o'
	two quality-clean -r rules -R rules n.csv
	two quality-clean -r rules -R b b
	two pivot-wide -c b --stats b n.csv
	two bash -c 'reformat --rejects - n.csv | cat; exit "${PIPESTATUS[0]}"'
	run_ok reformat --rejects /dev/null --stats /dev/null -O /dev/null n.csv
	[[ ! -e new ]]
}

@test "filters: standard input is read for one thing" {
	once() { run_rc 64 bash -c "$1" && has "$err" 'can be read only once'; }
	once 'cat n.csv | reformat - -'
	once 'reformat - n.csv - <n.csv'
	once 'cat n.csv | reformat - /dev/stdin'
	once 'cat n.csv | pivot-wide --columns -'
	once 'cat n.csv | map-fields --map - -'
	cat n.csv <(sed 1d n.csv) >want
	run_ok bash -c 'cat n.csv | reformat n.csv -'
	same_file "$out" want
}

@test "filters: a terminal is shown what it would obey, and a file gets it as it is" {
	need script
	printf 'a,\xc2\x9b2J\n\x1b[31m,"x\ty\rz"\n' >control.csv
	command script -qec 'reformat control.csv' /dev/null </dev/null | tr -d '\r' >shown
	printf '%s\n' 'a,\x9b2J' '\x1b[31m,"x	y\x0dz"' >want
	same_file shown want
	run_ok reformat control.csv
	same_file "$out" control.csv
	# wherever the output is cut into blocks
	for each in '' x; do
		jq -nc --arg x "$each" '{a: ($x + "\n" + "\u009b" * 300000)}' >long.json
		command script -qec 'reformat long.json' /dev/null </dev/null >shown
		is "$(grep -oF '\x9b' shown | wc -l)" 300000
		is "$(LC_ALL=C grep -cP '\x9b' shown || :)" 0
	done
}

@test "filters: several files are one input, if they have one header" {
	head -n 101 n.csv >1.csv
	{ head -n 1 n.csv && tail -n +102 n.csv; } | gzip >2.csv
	reformat -o ndjson 1.csv >1.json
	reformat -o ndjson 2.csv >2.json
	several() {
		[[ $1 != via* ]] || return 0
		$1 n.csv >want && $1 1.csv 2.csv >got && same_file got want &&
			$1 <(reformat -o ndjson n.csv) >want && $1 1.json 2.json >got &&
			same_file got want
	}
	each_filter several
	printf 'ship_id,created_time,value,data_channel_id\n' >3.csv
	run_rc 65 reformat 1.csv 3.csv
	has "$err" '3.csv: header: column 3 is "value", but "data_channel_id" in 1.csv'
	reformat --seal n.csv >s.csv
	run_rc 65 reformat s.csv s.csv
	has "$err" 'cannot be read together'
	run_rc 0 bash -c 'cat 1.csv n.csv | reformat'
	has "$err" 'warning: standard input:102: the header comes again'
	run_rc 0 bash -c '{ cat 1.csv && printf "\xef\xbb\xbf" && cat n.csv; } | reformat'
	has "$err" 'the header comes again'
	# another header, or none
	printf '\xef\xbb\xbfid,b\n1,x\n' >marked.csv
	for each in '' --no-header; do
		run_rc 0 bash -c "{ printf 'id,a\n1,y\n' && cat marked.csv; } | reformat $each"
		has "$err" 'input:3: a byte order mark comes again'
		is "$(tail -n 2 "$out")" "$(<marked.csv)"
	done
	printf '[{"a":1}]' >a.json
	printf '[{"a":2},{"b":3}]' >b.json
	run_ok reformat -i json -o csv a.json b.json
	printf '%s\n' a,b 1, 2, ,3 >want
	same_file "$out" want
}

@test "filters: of several files some may be empty, pipes, or sealed" {
	printf '%s\n' a,b 1,2 >1.csv
	printf '\n\n' >blank
	printf '# none\n' >remark
	: >none
	gzip -c none >none.gz
	for file in blank none none.gz; do
		for order in "$file 1.csv" "1.csv $file"; do
			# shellcheck disable=SC2086 # two files
			run_rc 0 reformat $order
			same_file "$out" 1.csv
			is "$(<"$err")" \
				"reformat: warning: $file: nothing was read, not even a header"
			# shellcheck disable=SC2086
			run_ok reformat -q $order
			# shellcheck disable=SC2086
			run_rc 65 reformat --strict $order
		done
	done
	run_rc 0 reformat 1.csv - <none
	is "$(<"$err")" 'reformat: warning: standard input: nothing was read, not even a header'
	run_rc 65 reformat --skip-lines 2 1.csv 1.csv
	run_rc 0 reformat --skip-lines 1 1.csv none
	has "$err" 'warning: none: nothing was read'
	for each in '[{"a":1}]' '{"a":1}'; do
		run_rc 65 reformat -i json --skip-lines 1 - <<<"$each"
		has "$err" 'nothing was read'
	done
	run_rc 0 reformat --comment '#' remark blank 1.csv
	same_file "$out" 1.csv
	has "$err" 'warning: remark: nothing was read, not even a header (more such files: 1)'
	is "$(wc -l <"$err")" 1
	printf '%s\n' ship_id,created_time,data_channel_id,value S,2024-01-01,a,1 >n.csv
	run_rc 0 pivot-wide n.csv none
	has "$err" 'warning: none: nothing was read'
	run_rc 65 pivot-wide --strict n.csv none
	run_ok reformat --no-header blank 1.csv
	printf '%s\n' 1,2 a,b 1,2 >want
	same_file "$out" want
	# names are read beforehand, but never what can be read only once
	printf '{"a":1}\n' >1.json
	printf '%s\n' a 1 2 3 >want
	run_ok reformat -o csv 1.json <(printf '{"a":2}\n{"a":3}\n')
	same_file "$out" want
	run_ok bash -c 'printf "{\"a\":2}\n{\"a\":3}\n" >in; reformat -o csv 1.json - <in'
	same_file "$out" want
	printf '[]\n' >none.json
	printf '[{"a":1},{"b":2}]\n' >two.json
	run_ok reformat -i json -o csv none.json two.json
	printf '%s\n' a,b 1, ,2 >want
	same_file "$out" want
	# a pipe may be cut, wherever it stands; and a final seal is the end of everything
	run_rc 76 reformat --seal 1.csv <(cat 1.csv)
	reformat --seal 1.csv >s.csv
	FERRY_SEAL=1 run_rc 65 reformat s.csv s.csv
	has "$out" '""abort"":65'
	has_no "$out" '""final""'
}

@test "filters: statistics that cannot be replaced are told of at the beginning" {
	((EUID == 0)) || skip 'the owner of all files is needed'
	mkdir closed && printf 'old\n' >closed/s && chmod 666 closed/s
	chmod -R go+rX .
	run_rc 73 setpriv --reuid 65534 --clear-groups "$FERRY_BIN/reformat" --stats closed/s none
	has "$err" 'cannot write "closed/s"'
	is "$(<closed/s)" old
	run_rc 73 setpriv --reuid 65534 --clear-groups "$FERRY_BIN/reformat" -O closed/x n.csv
	has "$err" 'cannot write "closed/x"' '>FILE'
	chmod 777 closed
	run_ok setpriv --reuid 65534 --clear-groups "$FERRY_BIN/reformat" --stats closed/s n.csv
	is "$(jq .rows_in closed/s)" 400
}

@test "filters: a file that is cut while it is read is no whole input" {
	awk 'BEGIN { print "a,b"; for (i = 0; i < 300000; i++) print i ",some text" }' >grow.csv
	size=$(stat -c %s grow.csv)
	# it waits at the full pipe, with a part of the file read
	mkfifo gate
	{
		reformat --progress none grow.csv >gate 2>err && printf 0 >code ||
			printf '%s' $? >code
	} &
	exec 7<gate
	head -c 1000 <&7 >/dev/null
	truncate -s $((size / 2)) grow.csv
	cat <&7 >/dev/null
	wait
	exec 7<&-
	is "$(<code)" 76
	has err 'the file was cut while it was read'
}

@test "filters: a name that no record has is an error where it decides, else a warning" {
	reformat -o ndjson n.csv >n.json
	for each in 'unpivot-narrow -k created_time -b shp' 'stream-digest -b shp' \
		'pivot-wide -b shp' 'pivot-wide --op shp' \
		'quality-clean --enable deduplicate -k shp'; do
		run_rc 65 $each n.json
		has "$err" '"shp"'
		run_rc 65 $each n.csv
		has "$err" '"shp"'
	done
	for each in 'map-fields -d shp' 'map-fields -s shp,value' 'map-fields -r shp:x' \
		'reformat --numbers shp'; do
		run_rc 0 $each n.json
		has "$err" '"shp"'
		# a script that wants to notice says so: nothing is written then, nor sealed
		run_rc 65 $each n.json --strict -O strict.out
		has "$err" '"shp"' 'there was a warning, and --strict takes none'
		[[ ! -e strict.out ]]
		run_rc 65 $each n.json --strict --quiet --seal
		is "$(grep -c '"rows"' "$out" || :)" 0
		run_rc 65 $each n.csv
		has "$err" '"shp"'
	done
	# a ship that comes late would be a channel
	printf '%s\n' '{"created_time":1,"a":1}' '{"ship_id":"S","created_time":2,"a":1}' >late.json
	run_rc 65 unpivot-narrow late.json
	has "$err" 'ship_id appeared after records without it'
	run_ok unpivot-narrow -b '' late.json
	head -n 1 n.csv >empty.csv
	run_ok stream-digest empty.csv
	is "$(tail -n 1 "$out")" ,0,0,
}

@test "filters: a first record that has no members" {
	{ printf '{}\n' && reformat -o ndjson n.csv; } >first.json
	memberless() {
		local rc=0

		$1 <first.json >"$out" 2>"$err" || rc=$?
		[[ $rc == 0 || $rc == 65 ]] || { show_output; return 1; }
	}
	each_filter memberless
	memberless 'reformat -o iso19848'
	has "$err" 'there is no column "created_time"'
	printf '{}\n{"a":1}\n' >two.json
	run_ok reformat -o json two.json
	is "$(jq -c . "$out")" '[{},{"a":1}]'
	run_ok bash -c 'cat two.json | map-fields -S b=x'
	printf '%s\n' '{"b":"x"}' '{"b":"x","a":1}' >want
	same_file "$out" want
	printf '{"rules":[{"name":"required_fields","config":{"fields":["a"]}}]}' >rules
	run_rc 0 quality-clean -r rules --rejects bad two.json
	is "$(<"$out")" '{"a":1}'
	run_ok via -- cat <two.json
	same_file "$out" two.json
	head -n 1 two.json >one.json
	reformat --seal -o csv -O s.csv one.json
	run_rc 65 reformat --columns a,b s.csv
	has "$err" 'there is no column "a"'
	run_ok reformat -o ndjson s.csv
	is "$(<"$out")" '{}'
	# a CSV has nothing where it would stand
	run_rc 65 bash -c 'cat two.json | reformat -o csv'
	has "$err" 'a record without any field cannot be written as CSV'
}

@test "filters: a header without records, a stream without columns" {
	header() {
		head -n 1 n.csv >h.csv
		run_pipe '0' '$f <h.csv' f="$1" && [[ -s $out ]] &&
			run_pipe '0 0 0' '"$FERRY_BIN/../unit/chunks" 1 csv </dev/null | reformat |
					cat' && has "$out" '""final"":1'
	}
	each_filter header
}

@test "filters: closed standard input or output" {
	closed() {
		run_rc 74 bash -c "$1 <&-" && has "$err" "standard input: read error" &&
			run_rc 74 bash -c "$1 <n.csv >&-" &&
				has "$err" "standard output: write error"
	}
	each_filter closed
}

@test "filters: a full disk, found at the first write and at the last" {
	narrow 3000 >big.csv
	full() {
		local input
		for input in n.csv big.csv; do
			run_rc 74 bash -c "$1 <$input >/dev/full" || return
			has "$err" "standard output: write error: No space left on device" || return
		done
		[[ $1 == via* ]] || run_rc 74 bash -c "$1 -O /dev/full n.csv"
	}
	each_filter full
}

@test "filters: an output that cannot be created" {
	mkdir no # and nobody makes what is asked for in it
	uncreated() { [[ $1 == via* ]] || run_rc 73 $1 -O no/such/x n.csv; }
	each_filter uncreated
	run_rc 73 via -O no/such/x -- cat <n.csv
}

@test "filters: a file is never input and output at once" {
	local each
	cp n.csv same.csv
	for each in "${filters[@]}"; do
		[[ $each != via* ]] || continue
		run_rc 64 $each -O same.csv same.csv
		has "$err" '--output and the input are the same file: "same.csv"'
		# shellcheck disable=SC2094  # that is what is tried
		run_rc 64 $each -O ./same.csv <same.csv
		run_rc 64 bash -c "$each same.csv >>same.csv"
		same_file same.csv n.csv
	done
	# shellcheck disable=SC2094  # that is what is tried
	run_rc 64 via -O same.csv -- cat <same.csv
	same_file same.csv n.csv
}

@test "filters: a reader that goes away is SIGPIPE, without a word" {
	# more than fits into a pipe, of 1 MB here, also where a filter makes it smaller
	narrow 20000 >big.csv
	gone() {
		[[ $1 == stream-digest* ]] ||
			{ run_pipe '141 0' '$f <big.csv | head -c 1' f="$1" && [[ ! -s $err ]]; }
	}
	each_filter gone
	gone_sealed() {
		[[ $1 == stream-digest* ]] ||
			run_pipe '@(0|141) 141 0' 'reformat --seal big.csv | $f | head -c 1' f="$1"
	}
	by_turns 4 "${filters[@]}"
	filters=("${turns[@]}")
	each_filter gone_sealed
}

@test "filters: inputs that cannot be opened" {
	unopened() {
		[[ $1 != via* ]] || return 0
		run_rc 66 $1 nosuchfile &&
			has "$err" 'cannot open "nosuchfile": No such file or directory' &&
			run_rc 66 $1 . && has "$err" 'it is a directory'
	}
	each_filter unopened
}

@test "filters: a file that was cut, a NUL byte, what is not UTF-8" {
	bad() {
		run_rc 65 bash -c "head -c -1 n.csv | $1" && has "$err" 'has no line end' &&
			{ [[ $1 == via* ]] ||
				run_rc 65 bash -c "head -c -1 n.csv | $1 --rejects bad" &&
				has "$err" 'send it again whole' && [[ ! -s bad ]]; } &&
			run_rc 65 bash -c "{ cat n.csv; printf 'S1,\\0,a,b\n'; } | $1" &&
				has "$err" ':402:4: record 401: NUL byte' &&
			run_rc 65 bash -c "{ cat n.csv; printf 'S1,2,\\377,b\n'; } | $1" &&
				has "$err" ':402:6: record 401: not valid UTF-8' &&
			run_rc 65 bash -c "head -c 100 n.csv | gzip | head -c 60 | $1" &&
				has "$err" 'gzip data ends early'
	}
	each_filter bad
}

@test "filters: a cut sealed stream leaves no final seal, and the last program learns why" {
	local n
	"$FERRY_BIN/../unit/chunks" 150 csv <n.csv >s.csv
	n=$(wc -c <s.csv)
	cut() {
		local at want
		local -a places
		by_turns 1 1 5 40
		places=("${turns[@]}")
		by_turns 2 200 $((n / 2)) $((n - 30)) $((n - 1))
		for at in "${places[@]}" "${turns[@]}"; do
			want='0 76 0'
			((at > 47)) || want='0 65 0' # within the header it is no sealed stream yet
			run_pipe "$want" 'head -c "$at" s.csv | $f | cat' f="$1" at="$at" || return
			has_no "$out" '""final""' || return
			((at <= 47)) || [[ $1 == stream-digest* ]] ||
				has "$out" '""abort"":76' "the stream ended without its seal" ||
				return
		done
		[[ $1 == stream-digest* ]] ||
			run_pipe '0 76 76' 'head -c -1 s.csv | $f | via -- cat' f="$1"
	}
	each_filter cut
}

@test "filters: LC_ALL and a missing environment change nothing" {
	bare() {
		run_ok $1 <n.csv || return
		cp "$out" want
		run_ok env -i "PATH=$PATH" $1 <n.csv && same_file "$out" want &&
			run_ok env LC_ALL=de_DE.UTF-8 LANG=ko_KR.UTF-8 $1 <n.csv &&
				same_file "$out" want
	}
	each_filter bare
}

@test "filters: slow pipes of one byte at a time change nothing" {
	narrow 3 >few.csv
	slow() {
		run_ok $1 <few.csv || return
		cp "$out" want
		run_pipe '0 0' 'dd bs=1 if=few.csv status=none | $f' f="$1" && same_file "$out" want
	}
	each_filter slow
}

@test "filters: --stats and --progress tell what was done" {
	stats() {
		local line=${1/#via/via --stats s.json --progress json}
		[[ $1 == via* ]] || line="$1 --stats s.json --progress json"
		run_rc 0 $line <n.csv &&
			is "$(jq -r '"\(.rows_in) \(.bytes_in)"' s.json)" "400 $(wc -c <n.csv)" &&
			tail -n 1 "$err" | jq -e '.done == true and .rows == 400'
	}
	each_filter stats
}

# What they print is in t/cases/examples/filters; UPDATE=1 writes it.
@test "filters: the examples of the manual pages run" {
	local page line tried=0
	printf '%s\n' ship_id,created_time,/a,/b S1,1,x,y S1,2,,z >wide.csv
	printf '%s\n' day,Rome,Oslo 1,20,3 2,21,5 >cities.csv
	printf '%s\n' date,station,measure,reading 2,A,t,1 1,A,t,2 >long.csv
	printf '[{"a":1},{"b":"x"}]\n' >records.json
	printf '%s\n' id,name,age,status,balance '1,"Ann, A",41,new,5' 2,Bob,,new, >people.csv
	printf '%s\n' ship_id,created_time,data_channel_id,value S1,1,/a,0 S1,1,/b,2.5 s1,2,/a,1e3 \
		>narrow.csv
	printf '%s\n' day,shop,article,amount 1,A,tea,1.5 1,A,tea,2 1,B,tea,3 >sales.csv
	reformat -o iso19848 -k at -s S1 <<<'{"at":"2024-01-01","/a":1}' >data.json
	for page in "$root"/src/transform/*.1; do
		while IFS= read -r line; do
			[[ $line != *pg-* ]] || continue
			[[ $line != *duckdb* ]] || command -v duckdb >/dev/null || continue
			printf '%s: %s\n' "$(basename "$page")" "$line"
			tried=$((tried + 1))
			run_ok bash -euo pipefail -c "$line"
			[[ $line == *duckdb* ]] || { printf '$ %s\n' "$line" &&
				sed -E 's/("event_time":)[0-9.]+/\1NOW/' "$out"; } >>got
		done < <(examples "$page")
	done
	((tried >= 10))
	for line in wide.csv report.txt report.md narrow.csv.gz; do
		{ printf '# %s\n' "$line" && gzip -dcf "$line"; } >>got
	done
	[[ ! ${UPDATE-} ]] || cp got "$root/t/cases/examples/filters"
	same_file got "$root/t/cases/examples/filters"
}

# bats test_tags=whole
@test "filters: a system call fails, some of each filter's" {
	sampled=1 least=40
	sweep_all
}

@test "filters: --stats - is standard output, and a file without a name is none" {
	run_ok reformat --stats - -O o n.csv
	is "$(jq -r .program "$out")" reformat
	[[ ! -e ./- ]]
	run_rc 64 bash -c 'reformat --stats - n.csv | cat; exit "${PIPESTATUS[0]}"'
	has "$err" 'are the same file'
	# whatever the option is for, and before anything is opened
	for each in 'reformat -O' 'reformat --rejects' 'reformat --stats' 'quality-clean -r' \
		'quality-clean --report' 'quality-clean --profile' 'map-fields --map' \
		'pivot-wide --columns' 'fs-put --failed' 'pg-copy-load --wide --ack' \
		'pg-wide-tables --stats' 'pg-narrow-dump --table' 'pg-copy-load -t x -k' \
		'pg-copy-load --wide --target-schema' 'pg-narrow-dump --time-column' \
		'fs-extract-online g -c' 'fs-extract-athena g -c'; do
		# shellcheck disable=SC2086
		PGHOST=$PWD run_rc 64 $each '' </dev/null
		has "$err" ' is empty'
	done
}

@test "filters: --strict says of what it was, with -q, too" {
	printf '%s\n' '{"a":1}' >a.json
	for each in '' -q; do
		# shellcheck disable=SC2086
		run_rc 65 map-fields $each --strict --stats s --rename none:x a.json
		has "$err" 'error:' '--strict takes none: ' '"none"'
		has s '--strict takes none: ' none
	done
	is "$(wc -l <"$err")" 1
}

@test "filters: a reject that is no UTF-8 has its bytes, too" {
	for tail in '' ,x ,xy ,xyz; do
		printf 'a,b\nok,1\ncaf\xe9,1%s\n' "$tail" >latin.csv
		run_rc 0 reformat --rejects bad latin.csv
		is "$(jq -r .raw bad)" $'caf\ufffd,1'"$tail"
		jq -r .raw_hex bad | basenc -d --base16 >got
		sed 1,2d latin.csv | tr -d '\n' >want
		same_file got want
	done
	printf 'a,b\nok,1\ncafé\n' >bad.csv
	run_rc 0 reformat --rejects bad bad.csv
	is "$(jq -c '[.raw, has("raw_hex")]' bad)" '["café",false]'
}
