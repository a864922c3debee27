load helper

setup() {
	helper_setup
	quality=$root/t/quality
}

put() {
	printf '%s\n' "${@:2}" >"$1"
}
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

# rules JSON...: a rules file r.json of these rules
rules() {
	local IFS=,
	printf '{"rules":[%s]}\n' "$*" >r.json
}

# as_array FILE: NDJSON as one JSON array
as_array() {
	printf '['
	sed '$!s/$/,/' "$1"
	printf ']\n'
}

# figures FILE: the numbers of the script's report, in its order
figures() {
	sed -n 's/^  .*: \([0-9,.]*\)%\{0,1\}$/\1/p' "$1" | tr -d ,
}

# The script itself, and the script without the one mistake in its counts: a record that lost a NULL
# is counted as one with a text normalized.
@test "quality: the same records and figures as the script it replaces, on every defect" {
	local name=(total_input total_output null_values_removed strings_normalized
		range_violations_fixed duplicates_removed improvement_rate)
	"$quality/make-records" 6000 >in.ndjson
	as_array in.ndjson >in.json
	run_ok bash "$quality/script.orig" "$quality/rules.json" in.json cleaned.json
	cp "$out" theirs
	run_rc 0 quality-clean -r "$quality/rules.json" -R report.json --report-format json \
		in.ndjson
	cp "$out" ours
	run_ok "$quality/compare" cleaned.json ours
	(($(<"$out") > 5000))
	is "$(jq -r '.total_input, .total_output, .null_values_removed, .null_or_string_records,
		.range_violations_fixed, .duplicates_removed' report.json)" \
		"$(figures theirs | head -n 6)"
	for each in "${name[@]}"; do
		jq -e ".$each > 1" report.json >/dev/null || is "$each" "a figure of some size"
	done

	sed 's/^    # 규칙 2: .*/    record_modified = False/' "$quality/script.orig" >right
	run_ok bash right "$quality/rules.json" in.json cleaned.json
	is "$(jq -r "$(printf '.%s,' "${name[@]}")empty" report.json)" "$(figures "$out")"
	run_ok "$quality/compare" cleaned.json ours
}

@test "quality: CSV, NDJSON, a JSON array and a sealed stream give the same" {
	"$quality/make-records" 3000 |
		jq -c 'del(.note) | map_values(if type == "string" then . else tojson end)' \
			>a.ndjson
	run_rc 0 quality-clean -r "$quality/rules.json" -R report a.ndjson
	cp "$out" want
	as_array a.ndjson >a.json
	run_rc 0 quality-clean -r "$quality/rules.json" -i json -R report2 a.json
	same_file "$out" want
	same_file report2 report
	run_rc 0 quality-clean -r "$quality/rules.json" -o json a.ndjson
	jq -c '.[]' "$out" >got
	jq -c . want >want.jq
	same_file got want.jq
	reformat -o csv a.ndjson >a.csv
	run_rc 0 quality-clean -r "$quality/rules.json" -o ndjson a.csv
	jq -cS 'map_values(select(. != null))' "$out" >got
	jq -cS . want >want.sorted
	same_file got want.sorted
	for n in 3000 7; do
		"$FERRY_BIN/../unit/chunks" "$n" ndjson <a.ndjson >s.ndjson
		run_pipe '0 0 0' 'quality-clean -r "$r" -R - s.ndjson | reformat --no-seal | cat' \
			r="$quality/rules.json"
		same_file "$out" want
		grep -Ev ' warning: |no key is given' "$err" >got
		same_file got report
	done
}

@test "quality: NULLs: what is one, which fields, and what is left" {
	put a.ndjson '{"a":null,"b":"x"}' '{"a":" NULL ","b":"Null"}' '{"a":0,"b":false,"c":[]}' \
		'{"a":"n/a","b":"-"}' '{"a":"","b":" \t\u3000"}'
	rules '{"name":"remove_null_values"}'
	run_ok quality-clean -r r.json a.ndjson
	printed '{"b":"x"}' '{"a":" NULL "}' '{"a":0,"b":false,"c":[]}' '{"a":"n/a","b":"-"}' '{}'
	rules '{"name":"remove_null_values","config":{"values":["NULL","N/A","-"],"trim":true,
		"fields":["a","b"],"except":"b","explicit":true}}'
	run_ok quality-clean -r r.json a.ndjson
	printed '{"a":null,"b":"x"}' '{"a":null,"b":"Null"}' '{"a":0,"b":false,"c":[]}' \
		'{"a":null,"b":"-"}' '{"a":null,"b":" \t　"}'
	put a.csv a,b ,null '"", x'
	rules '{"name":"remove_null_values"}'
	run_ok quality-clean -r r.json a.csv
	printed a,b , ', x'
	# words of other alphabets, numbers, true and false: the same in both formats
	rules '{"name":"remove_null_values",
		"config":{"values":["AÑO","İ","\u212a","없음",-999,"False"],"trim":true}}'
	printf '%s\n' AÑO ' año' Año ANO 없음 있음 İ i k $'\u212a' $'\u212a\u212a' -999 -999.0 \
		true false >words
	{ printf 'v,n\n' && awk '{ print $0 "," NR }' words; } >w.csv
	sed -E '/^(-999.*|true|false)$/!s/.*/"&"/' words |
		awk '{ print "{\"v\":" $0 ",\"n\":" NR "}" }' >w.ndjson
	for each in csv ndjson; do
		run_ok quality-clean -o ndjson -r r.json "w.$each"
		is "$(jq 'select(has("v")).n' "$out" | xargs)" '4 6 8 11 13 14' "$each"
	done
}

@test "quality: strings: blanks, cases and normal forms" {
	put a.ndjson '{"status":" ACTIVE ","name":" Ab ","event_time":" T ","n":1.50}' \
		'{"status":"ΟΔΟΣ\u0085","name":"e\u0301","type":"ß"}'
	rules '{"name":"normalize_strings"}'
	run_ok quality-clean -r r.json a.ndjson
	printed '{"status":"active","name":"Ab","event_time":" T ","n":1.50}' \
		'{"status":"οδος","name":"e'$'\u0301''","type":"ß"}'
	rules '{"name":"normalize_strings","config":{"lower":[],"upper":["type","name"],
		"trim":false,"unicode":"NFC","except":[]}}'
	run_ok quality-clean -r r.json a.ndjson
	printed '{"status":" ACTIVE ","name":" AB ","event_time":" T ","n":1.50}' \
		'{"status":"ΟΔΟΣ'$'\u0085''","name":"É","type":"SS"}'
	rules '{"name":"normalize_strings","config":{"fields":["name"]}}'
	run_ok quality-clean -r r.json -R report a.ndjson
	has "$out" '"name":"Ab"' '"status":" ACTIVE "'
	has report 'Strings normalized: 1'
}

@test "quality: numbers are compared as decimals and never rewritten" {
	put a.ndjson '{"v":1.50}' '{"v":120.0000000000000000001}' '{"v":"120.0"}' '{"v":-1e-400}' \
		'{"v":9007199254740993}' '{"v":"+7"}' '{"v":" 1e3 "}' '{"v":"nan"}' \
		'{"v":"-Infinity"}' '{"v":"12 apples"}' '{"v":true}' '{"v":1e5}'
	rules '{"name":"validate_ranges","config":{"v":{"min":0,"max":120.00}}}'
	run_rc 0 quality-clean -r r.json -R report a.ndjson
	has "$err" 'warning: 3 values under a range of numbers are no numbers and stay'
	printed '{"v":1.50}' '{"v":120.00}' '{"v":"120.0"}' '{"v":0}' '{"v":120.00}' '{"v":"+7"}' \
		'{"v":"120.00"}' '{"v":"nan"}' '{"v":"0"}' '{"v":"12 apples"}' '{"v":true}' \
		'{"v":120.00}'
	has report 'Range violations: 6' 'Values that are no number: 3'
	rules '{"name":"validate_ranges","action":"null","config":{"v":{"max":9007199254740992}}}'
	run_rc 0 quality-clean -r r.json a.ndjson
	is "$(grep -n '{}' "$out")" '5:{}'
	rules '{"name":"validate_ranges","action":"drop","config":{"v":{"min":0,"action":"count"},
		"w":{"max":1}}}'
	put a.csv v,w -1,0 1,2
	run_ok quality-clean -r r.json -R report a.csv
	printed v,w -1,0
	has report 'Range violations: 2' 'Records left out: 1'
}

@test "quality: types, values, patterns and required fields, with every action" {
	put a.csv id,age,mail,state 1,41,a@b.c,new 2,4x,a@b.c,new 3,7,nobody,old ',8,x@y.z,odd' 5,,,
	rules '{"name":"check_types","action":"null","config":{"age":"integer"}}' \
		'{"name":"allowed_values","action":"count","config":{"state":["new","old",5]}}' \
		'{"name":"patterns","action":"drop","config":{"mail":"^[^@]+@[^@]+$"}}' \
		'{"name":"required_fields","config":{"fields":["id"]}}'
	run_rc 0 quality-clean -r r.json --rejects bad -R report a.csv
	printed id,age,mail,state 1,41,a@b.c,new 2,,a@b.c,new 5,,,
	is "$(jq -c '[.record, .field, .why]' bad)" '[4,"id","missing, but required"]'
	has report 'Input records: 5' 'Output records: 3' 'Wrong types: 1' 'Values not allowed: 1' \
		'Pattern mismatches: 1' 'Required values missing: 1' 'Records left out: 1' \
		'Records rejected: 1'
	run_rc 65 quality-clean -r r.json a.csv
	has "$err" 'a.csv:5: record 4: field "id": missing, but required'
	run_ok quality-clean -r r.json --disable required_fields,patterns --enable patterns a.csv
	printed id,age,mail,state 1,41,a@b.c,new 2,,a@b.c,new 3,7,nobody,old ',8,x@y.z,odd' 5,,,
	rules '{"name":"check_types","config":{"age":"integer"}}'
	run_rc 65 quality-clean -r r.json a.csv
	has "$err" 'a.csv:3: record 2: field "age": not an integer: "4x"'
	put a.ndjson '{"a":1}' '{"id":"x"}'
	rules '{"name":"required_fields","action":"drop","config":{"fields":["id","b"]}}'
	run_rc 0 quality-clean -r r.json -R report a.ndjson
	has "$err" 'no record has "b", which the rule required_fields is for'
	is "$(<"$out")" ''
	has report 'Required values missing: 2'
}

@test "quality: duplicates: the first or the newest, by any key, also without one" {
	put a.csv id,event_time,v 1,2024-01-02T00:00:00Z,a 2,2024-01-01T00:00:00Z,b \
		1,2024-01-03T00:00:00Z,c 1,2024-01-03T00:00:00.000000000Z,d \
		1,2024-01-02T23:59:59.999999999Z,e 2,,f
	run_ok quality-clean -q --enable deduplicate -k id -R report a.csv
	printed id,event_time,v 1,2024-01-02T00:00:00Z,a 2,2024-01-01T00:00:00Z,b
	has report 'Duplicates removed: 4'
	run_ok quality-clean -q --enable deduplicate -k id --keep newest a.csv
	printed id,event_time,v 2,2024-01-01T00:00:00Z,b 1,2024-01-03T00:00:00.000000000Z,d
	run_ok quality-clean -q --enable deduplicate -k id --keep last a.csv
	printed id,event_time,v 1,2024-01-02T23:59:59.999999999Z,e 2,,f
	run_ok quality-clean -q --enable deduplicate -k id,v a.csv
	same_file "$out" a.csv
	put b.csv id,at,v 1,1704067200.5,a 1,1.7040672006E9,b \
		1,-500000000,c 1,1704067200.50000000001,d
	run_ok quality-clean -q --enable deduplicate -k id --keep newest --event-time at b.csv
	printed id,at,v 1,1.7040672006E9,b
	# decimals of any number before a zone
	put d.csv id,at,v 1,2024-01-01T00:00:00+09:00,a 1,2024-01-01T00:00:01.12+09:00,b \
		1,2024-01-01T00:00:01.1119+0900,c 1,2024-01-01T00:00:00.9+09,d
	run_ok quality-clean -q --enable deduplicate -k id --keep newest --event-time at d.csv
	printed id,at,v 1,2024-01-01T00:00:01.12+09:00,b
	# one instant, however it is written: of those the last is kept
	put e.csv id,at,v 1,2024-01-01T00:00:00Z,a 1,2024-01-01T00:00:00.000Z,b \
		1,2024-01-01T09:00:00+09:00,c 1,1704067200,d 1,20240101,e 1,2024-01-01,f \
		2,202401020000,a 2,20240101,b 2,2024-01-01T23:59:59Z,c
	run_ok quality-clean -q --enable deduplicate -k id --keep newest --event-time at e.csv
	printed id,at,v 1,2024-01-01,f 2,202401020000,a
	# what cannot be compared is told, and is neither old nor new
	local each
	for each in 02/01/2024 2024-1-2 1704067200000 soon 2024-02-30 253402300800 -1e99 \
		2024 44927; do
		put f.csv id,at,v 1,2023-01-01,a "1,$each,b" 1,2022-01-01,c
		run_rc 65 quality-clean --enable deduplicate -k id --keep newest \
			--event-time at f.csv
		has "$err" "f.csv:3: record 2: field \"at\": not a time" "\"$each\""
		run_rc 0 quality-clean --enable deduplicate -k id --keep newest --event-time at \
			--rejects bad f.csv
		printed id,at,v 1,2023-01-01,a
		is "$(jq -c '[.record, .value]' bad)" "[2,\"$each\"]"
	done

	put c.ndjson '{"id":1,"x":2}' '{"id":"1"}' '{"x":2,"y":"3"}' '{"y":"3","x":2}' \
		'{"x":"2","y":"3"}' '{"x":2,"y":"3","id":null}'
	run_ok quality-clean -q --enable deduplicate -k id c.ndjson
	printed '{"id":1,"x":2}' '{"x":2,"y":"3"}' '{"x":"2","y":"3"}'
	# a key is what the rules have made of it
	put e.ndjson '{"id":" a"}' '{"id":"a"}' '{"id":"b "}' '{"id":"b"}' '{"id":"c"}' '{"id":"c"}'
	run_ok quality-clean -q --enable normalize_strings,deduplicate -k id e.ndjson
	printed '{"id":"a"}' '{"id":"b"}' '{"id":"c"}'
	rules '{"name":"deduplicate","config":{"key":"id","without_key":"keep"}}'
	run_ok quality-clean -q -r r.json c.ndjson
	is "$(wc -l <"$out")" 5
	rules '{"name":"deduplicate","config":{"key":["id"],"without_key":"reject","keep":"newest",
		"event_time":"x"}}'
	sed -i 's/"x":"\?2/&000000000/' c.ndjson
	run_rc 65 quality-clean -r r.json c.ndjson
	has "$err" 'record 3: field "id": missing, but it names the record'
	run_rc 0 quality-clean -r r.json --rejects bad c.ndjson
	printed '{"id":1,"x":2000000000}'
}

@test "quality: without a customer_id and without --key, whole records are compared" {
	put a.csv id,v 1,x 2,x 1,x
	run_ok quality-clean -q --enable deduplicate a.csv
	printed id,v 1,x 2,x
	rules '{"name":"deduplicate","config":{"key":"customer_id"}}'
	run_rc 65 quality-clean -r r.json a.csv
	has "$err" 'there is no column "customer_id"' '--key names another column'
}

@test "quality: with a limit of memory the same, in the same order" {
	seq 1 50000 | awk '{ print ($1 * 7919) % 20000 "," 1700000000 + $1 % 977 ",row " $1 }
		BEGIN { print "id,t,text" }' >a.csv
	run_ok quality-clean -q --enable deduplicate -k id a.csv
	cp "$out" want
	is "$(wc -l <want)" 20001
	run_ok quality-clean -q --enable deduplicate -k id --memory 64K -R report a.csv
	same_file "$out" want
	has report 'Duplicates removed: 30,000'
	run_ok quality-clean -q --enable deduplicate -k id --keep newest --event-time t a.csv
	cp "$out" want
	is "$(wc -l <want)" 20001
	run_ok quality-clean -q --enable deduplicate -k id --keep newest --event-time t \
		--memory 64K a.csv
	same_file "$out" want
	# the oracle: the newest, of those the last one, in the order of the input
	awk -F, 'NR > 1 && (!($1 in t) || $2 + 0 >= t[$1]) { t[$1] = $2 + 0; at[$1] = NR }
		{ line[NR] = $0 } END { for (i in at) keep[at[i]] = 1; print line[1]
			for (i = 2; i <= NR; i++) if (i in keep) print line[i] }' a.csv >oracle
	same_file want oracle
}

@test "quality: reports as text, JSON and Markdown" {
	put a.csv customer_id,age,status 1,130,' OLD ' 1,5,x 2,-1,null
	jq 'del(.rules[].config.balance)' "$quality/rules.json" >some.json
	run_ok quality-clean -q -r some.json --disable deduplicate -R report \
		--enable deduplicate a.csv
	has "$out" age
	run_rc 65 quality-clean -r some.json -R - a.csv --key nosuch
	run_rc 0 quality-clean -q -r some.json -R - -O cleaned.csv a.csv
	cp "$err" text
	printf '%s\n' 'Data quality report:' '  Input records: 3' '  Output records: 2' \
		'  NULL values cleaned: 1' '  Strings normalized: 1' '  Range violations: 2' \
		'  Duplicates removed: 1' '  Improvement rate: 133.3%' >want
	same_file text want
	run_ok quality-clean -q -r some.json -R r.md --report-format markdown a.csv
	has r.md '# Data quality report' '| Figure | Count |' '| Range violations | 2 |' \
		'| Improvement rate | 133.3% |'
	run_ok quality-clean -q -r some.json -R r.json --report-format json a.csv
	is "$(jq -c '[.total_input, .improvement_rate]' r.json)" '[3,133.3]'
	run_ok quality-clean -q -i ndjson -r some.json -R report </dev/null
	has report 'Input records: 0' 'Improvement rate: 0.0%'
	run_rc 73 quality-clean -r some.json -R nowhere/x a.csv
	reformat --seal a.csv >s.csv
	run_pipe '73 73' 'quality-clean -r "$r" -R nowhere/x s.csv | via -- cat' \
		r=some.json
}

@test "quality: a rules file that is not understood is refused, and says where" {
	refused() {
		printf '%s\n' "$1" >r.json
		run_rc 78 quality-clean -r r.json </dev/null && has "$err" "$2"
	}
	refused '{"rules":' 'r.json: byte '
	refused '' 'r.json: byte '
	refused '{"rule":[]}' '"rules": is needed'
	refused '{"rules":[{"name":"deduplciate"}]}' '"deduplciate": no such rule'
	refused '{"rules":[{"enabled":true}]}' '"name": is needed'
	refused '{"rules":[{"name":"deduplicate","enabled":1}]}' '"enabled": neither true nor false'
	refused '{"rules":[{"name":"deduplicate"},{"name":"deduplicate"}]}' 'is there twice'
	refused '{"rules":[{"name":"deduplicate","conf":{}}]}' '"conf": no such setting'
	refused '{"rules":[{"name":"deduplicate","config":{"keep":"oldest"}}]}' \
		'one of first, newest, last'
	refused '{"rules":[{"name":"deduplicate","action":"drop"}]}' 'has none to choose'
	refused '{"rules":[{"name":"check_types","config":{"a":"money"}}]}' '"a": not a type'
	refused '{"rules":[{"name":"check_types"}]}' 'a member for each field'
	refused '{"rules":[{"name":"patterns","config":{"a":"(x"}}]}' 'patterns: "a": '
	refused '{"rules":[{"name":"patterns","action":"clamp","config":{"a":"x"}}]}' 'only ranges'
	refused '{"rules":[{"name":"validate_ranges","config":{"a":{"min":2,"max":1}}}]}' \
		'"a": min is more than max'
	refused '{"rules":[{"name":"validate_ranges","config":{"a":{"mix":2}}}]}' '"mix"'
	refused '{"rules":[{"name":"validate_ranges","config":{"a":{}}}]}' 'neither min nor max'
	refused '{"rules":[{"name":"required_fields","config":{}}]}' '"fields": is needed'
	for each in allowed_values patterns; do
		refused '{"rules":[{"name":"'$each'","action":"drop","config":{}}]}' 'says nothing'
	done
	printf '\n' >none
	for each in '[]' '{"file":"none"}' '{"file":"/dev/null"}'; do
		refused '{"rules":[{"name":"allowed_values","config":{"a":'"$each"'}}]}' \
			'"a": names nothing'
	done
	for each in 'deduplicate","config":{"key":[]' 'required_fields","config":{"fields":[]' \
		'remove_null_values","config":{"fields":[]'; do
		refused '{"rules":[{"name":"'"$each"'}}]}' 'names nothing'
	done
	refused '{"rules":[{"name":"normalize_strings","config":{"upper":"status"}}]}' 'both in'
	refused '{"rules":[{"name":"normalize_strings","config":{"unicode":"nfc"}}]}' 'NFKC'
	: >r.json
	run_rc 78 quality-clean -r r.json </dev/null
	run_rc 66 quality-clean -r nosuch </dev/null
	run_rc 64 quality-clean </dev/null
	has "$err" '--print-rules prints a file'
	run_rc 64 quality-clean --enable nosuch </dev/null
	run_rc 64 quality-clean --enable patterns </dev/null
	run_rc 64 quality-clean -k id --enable normalize_strings </dev/null
}

@test "quality-clean: commas and quotes that a normal form makes are quoted" {
	printf '%s\n' id,t '1,a，b' '2,x＂y' '3,"a,b"' >wide.csv
	printf '{"rules":[{"name":"normalize_strings","config":{"unicode":"NFKC"}}]}' >r.json
	run_ok quality-clean -r r.json wide.csv
	printf '%s\n' id,t '1,"a,b"' '2,"x""y"' '3,"a,b"' >want
	same_file "$out" want
	run_ok quality-clean -r r.json -o ndjson wide.csv
	is "$(jq -r .t "$out" | paste -sd' ')" 'a,b x"y a,b'
}

@test "quality: --print-rules is a rules file, the rules of the script" {
	run_ok quality-clean --print-rules
	cp "$out" r.json
	is "$(jq -c '.rules[] | del(.description)' r.json)" \
		"$(jq -c '.rules[] | del(.description)' "$quality/rules.json")"
	run_ok quality-clean -r r.json -i ndjson </dev/null
}

@test "quality: --report and --stats write to what is no file, and leave it in its place" {
	put a.csv a 1
	mkfifo pipe
	cat pipe >got &
	run_ok quality-clean --enable normalize_strings -R pipe a.csv
	wait
	has got 'Input records: 1'
	[[ -p pipe ]]
	run_ok quality-clean --enable normalize_strings -R /dev/null --stats /dev/null a.csv
	[[ -c /dev/null ]]
}

@test "quality: patterns are PCRE2, match the whole value, and never take for ever" {
	local -a patterns values=('' a A ab abc abcd ABC AB 2024 20245 12.50 -7 a@b a@b.kr active
		inactive Active ' x' x 2024-01-02 IMO9999993 9999993 서울 010-1234-5678
		01012345678 +.5 '+82 (0)2' . a+b a_b-1)

	# a:TEXT in JSON, without jq, which takes longer to begin than all else here
	member() {
		local text=${1//\\/\\\\}
		text=${text//\"/\\\"}
		printf '{"a":"%s"}\n' "${text//$'\n'/\\n}"
	}
	rule() {
		printf '{"rules":[{"name":"patterns","action":"drop","config":%s}]}\n' \
			"$(member "$1")" >p.json
	}
	pattern() { # PATTERN VALUE VERDICT
		rule "$1"
		member "$2" >v.json
		for via in '' 'python3 mdwe'; do
			[[ ! $via || ${WHOLE-} || $1 == '('* ]] || continue
			$via quality-clean -q -r p.json v.json >got || return
			is "$(wc -l <got)" "$3" "$1 on ${2:0:60}"
		done
	}
	# with mdwe no memory can be made executable: JIT falls back, which groups tell of
	printf '%s\n' 'import ctypes, os, sys' 'ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)' \
		'os.execvp(sys.argv[1], sys.argv[1:])' >mdwe
	pattern '^[^@]+@[^@]+$' a@b 1
	pattern '[a-z]+' abc 1
	pattern '[a-z]+' ab1 0
	pattern '\d{4}' 2024 1
	pattern '\d{4}' 20245 0
	pattern 'a|ab' ab 1
	pattern '가.' 가나 1
	pattern 'a.b' $'a\nb' 1
	pattern 'a' $'a\n' 0
	pattern '(?i)new|old' NEW 1
	pattern '([0-9]+)-\1' 12-12 1
	pattern '(ab )*' "$(head -c 60000 /dev/zero | tr "\0" x | sed 's/.../ab /g')" 1
	pattern '(ab )*' "$(head -c 60001 /dev/zero | tr "\0" x | sed 's/.../ab /g; s/.$/c/')" 0
	pattern '(a+)+b' "$(head -c 60 /dev/zero | tr '\0' a)" 0
	pattern '[[:upper:]]{2,3}' ABC 1
	pattern '\w+' 서울 1
	pattern '[가-힣]+' 서울 1
	# what POSIX says of extended expressions, by which they were before
	printf '%s\n' "${values[@]}" | jq -cR '{a: .}' >v.json
	mapfile -t patterns <<-'END'
		[a-z]+
		[A-Z][a-z]*
		[0-9]{4}
		[0-9]{2,}
		[0-9]+(\.[0-9]+)?
		-?[0-9]+
		[^@]+@[^@]+
		[^@]+@[^@]+\.[a-z]{2,}
		^[^@]+@[^@]+$
		^active$
		active|inactive
		(active|inactive)
		a|ab|abc
		abc|ab|a
		(a|ab)(c|bcd)?
		[[:alpha:]]+
		[[:digit:]]+
		[[:alnum:]_-]+
		[[:space:]]*x
		[[:upper:]]{2,3}
		.*
		.+
		x?
		[0-9]{4}-[0-9]{2}-[0-9]{2}
		IMO[0-9]{7}
		(IMO)?[0-9]{7}
		010-?[0-9]{4}-?[0-9]{4}
		[-+]?[0-9]*\.?[0-9]+
		[+()0-9 -]+
		[.]
		\.
		a\+b
	END
	by_turns 10 "${patterns[@]}"
	for each in "${turns[@]}"; do
		rule "$each"
		quality-clean -q -r p.json v.json | sed 's/^{"a":"\(.*\)"}$/\1/' >got
		for value in "${values[@]}"; do
			! [[ $value =~ ^($each)$ ]] || printf '%s\n' "$value"
		done >want
		same_file got want
	done
	refused() {
		rule "$1"
		run_rc 78 quality-clean -r p.json v.json
		has "$err" 'patterns: "a": character'
	}
	refused '(x'
	refused '\y'
	refused 'a{,3}'
	refused '\<a'
	# only this program needs the library
	for each in "$FERRY_BIN"/*; do
		[[ -x $each && $(head -c 4 "$each") == $'\x7fELF' ]] || continue
		[[ $(readelf -d "$each") != *libpcre2* || ${each##*/} == quality-clean ]] || {
			printf '%s\n' "$each"
			return 1
		}
	done
	has <(readelf -d "$FERRY_BIN/quality-clean") libpcre2-8
}

@test "quality: a rule for a column that is not there" {
	printf '%s\n' a,b 1,2 >c.csv
	for rule in '"name":"validate_ranges","config":{"x":{"min":0}}' \
		'"name":"check_types","config":{"x":"integer"}' \
		'"name":"required_fields","config":{"fields":["a","x"]}' \
		'"name":"normalize_strings","config":{"lower":["x"]}' \
		'"name":"remove_null_values","config":{"except":["x"]}'; do
		printf '{"rules":[{%s}]}' "$rule" >r.json
		run_rc 65 quality-clean -r r.json c.csv
		has "$err" 'there is no column "x", which the rule'
		[[ $rule == *required* ]] || {
			run_rc 0 quality-clean -r r.json <(printf '{"a":1}\n')
			has "$err" 'no record has "x"'
		}
	done
}

@test "quality: ranges of dates and times, and values that a file allows" {
	put a.csv day,code 2023-12-31,A '2024-01-01 00:00:00+09:00',B 2024-02-01,C n/a,A \
		2024-03-01T00:00:01Z,D
	rules '{"name":"validate_ranges","config":{"day":{"min":"2024-01-01","max":"2024-03-01"}}}'
	run_rc 0 quality-clean -r r.json a.csv
	has "$err" 'warning: 1 values under a range of times'
	printed day,code 2024-01-01,A 2024-01-01,B 2024-02-01,C n/a,A 2024-03-01,D
	mkdir lists
	printf 'A\nC\n' >lists/codes
	rules '{"name":"allowed_values","config":{"code":{"file":"codes"}},"action":"drop"}'
	mv r.json lists
	run_ok quality-clean -q -r lists/r.json a.csv
	printed day,code 2023-12-31,A 2024-02-01,C n/a,A
	run_rc 66 quality-clean -r <(printf '{"rules":[{"name":"allowed_values","config":
		{"code":{"file":"/none"}}}]}') a.csv
	for range in '"min":"2024-02-01","max":"2024-01-01"' '"min":"2024-02-01","max":1' \
		'"min":"some day"'; do
		rules "{\"name\":\"validate_ranges\",\"config\":{\"day\":{$range}}}"
		run_rc 78 quality-clean -r r.json a.csv
	done
}

@test "quality: under a range of times a value that is no time is a violation of its own" {
	put a.ndjson '{"t":"2024-02-29T23:59:59.1234567Z"}' '{"t":"2024-03-01T00:00:00.0000001"}' \
		'{"t":"2023-12-31T23:59:59.999999999"}' '{"t":"20240115T103000Z"}' \
		'{"t":"2024-01-15T24:00"}' '{"t":"20240115"}' '{"t":20240115}' '{"t":null}' '{}'
	range() {
		rules '{"name":"validate_ranges","action":"'"$1"'",
			"config":{"t":{"min":"2024-01-01","max":"2024-03-01"}}}'
	}
	range clamp
	run_rc 0 quality-clean -r r.json -R report --report-format json a.ndjson
	printed '{"t":"2024-02-29T23:59:59.1234567Z"}' '{"t":"2024-03-01"}' '{"t":"2024-01-01"}' \
		'{"t":"20240115T103000Z"}' '{"t":"2024-01-15T24:00"}' '{"t":"20240115"}' \
		'{"t":20240115}' '{"t":null}' '{}'
	is "$(jq -c '[.range_violations_fixed, .no_times]' report)" '[2,4]'
	has "$err" '4 values under a range of times are no times and stay as they are'
	range reject
	run_rc 0 quality-clean -r r.json -R report --rejects bad.json a.ndjson
	is "$(jq .record bad.json | xargs)" '2 3 4 5 6 7'
	has bad.json 'not a date or time'
	has report 'Range violations: 2' 'Values that are no time: 4'
	range count
	run_ok quality-clean -r r.json -R report a.ndjson
	has report 'Values that are no time: 4'
}

@test "quality: values that a file allows keep the blanks at their end" {
	printf 'A \r\nB\n' >values
	put a.csv v,w 'A ,1' 'A,2' 'B,3' 'B ,4'
	rules '{"name":"allowed_values","config":{"v":{"file":"values"}},"action":"drop"}'
	run_ok quality-clean -q -r r.json a.csv
	printed v,w 'A ,1' B,3
}

@test "quality: --profile says what values each column has" {
	put a.csv id,v,w,day 10,1.5,x,2024-01-01 9,2,,2024-02-01 '007,,"",now' 10,-3e1,true,
	run_ok quality-clean --profile p --report-format json a.csv
	same_file "$out" a.csv
	is "$(jq -r '.[] | [.column, .types, .values, .null, .empty, .distinct, .least,
		.greatest, .longest] | map(tostring) | join("|")' p)" \
		'id|integer 3, text 1|4|0|0|3|007|9|3
v|integer 1, number 2|3|1|0|3|-3e1|2|4
w|boolean 1, text 1|2|1|1|2|true|x|4
day|time 2, text 1|3|1|0|3|2024-01-01|now|10'
	put a.json '{"a":1}' '{"a":{"b":2},"c":null}'
	run_rc 0 quality-clean --profile - --report-format markdown a.json
	has "$err" '| a | integer 1, json 1 | 2 | 0 | 0 |' '| c |  | 0 | 1 | 1 |'
	run_rc 64 quality-clean --profile a.csv a.csv
	# as many distinct values as are counted, and one more
	seq 0 100000 >n && sed -i 1d n && sed -i '1i n' n
	run_ok quality-clean --profile p --report-format json n
	is "$(jq -c '.[].distinct' p)" 100000
	printf '0\n' >>n
	run_ok quality-clean --profile p --report-format json n
	is "$(jq -c '.[].distinct' p)" null
}

@test "quality: times of other formats become ISO 8601, and what is none is a violation" {
	# times FORMATS VALUE...: one a line
	times() {
		rules '{"name":"convert_times","action":"null","config":{"t":'"$1"'}}'
		put a.csv t "${@:2}"
		run_rc 0 quality-clean -r r.json -R report --report-format json a.csv
		is "$(sed 1d "$out" | xargs)" "$want"
		is "$(jq .times_of_another_format report)" "$bad"
	}
	want='2024-12-31 2024-02-01 2024-02-29 2024-02-01 07:05:00' bad=5
	times '["%d.%m.%Y","%d.%m.%Y %H:%M"]' 31.12.2024 1.2.2024 31.02.2024 29.02.2023 29.02.2024 \
		1.2.24 '01.02.2024 7:05' '01.02.2024 24:00' 01.02.2024x
	want='1999-12-31 00:05:00 2024-01-02 23:59:00' bad=2
	times '"%m/%d/%y %I:%M %p"' '12/31/99 12:05 AM' '1/2/24 11:59 pm' '1/2/24 13:00 PM' \
		'1/2/24 0:00 PM'
	want='2024-01-02 20:00:00.123456789+0900 2024-01-02 20:00:00.5Z' bad=1
	times '["%Y%m%dT%H%M%S.%f%z","%Y년 %m월 %d일 %T.%f %z"]' 20240102T200000.123456789+0900 \
		'2024년 1월 2일 20:00:00.5 Z' 20240102T200000.1
	want='2024-12-31 12:00:00 2025-01-01 12:00:00' bad=1
	times '"%a %b %e %T %Y"' 'Tue DEC 31 12:00:00 2024' 'Mon Dec 31 12:00:00 2024' \
		'"Wed Jan  1 12:00:00 2025"'
	# the newest by a time that was converted, within a range of days; numbers, too
	rules '{"name":"convert_times","config":{"event_time":["%Y%m%d","%d.%m.%Y"]}}' \
		'{"name":"validate_ranges","action":"drop",
			"config":{"event_time":{"max":"2024-12-31"}}}' \
		'{"name":"deduplicate","config":{"key":"id","keep":"newest"}}'
	put a.json '{"id":1,"event_time":"02.01.2024"}' '{"id":1,"event_time":20240201}' \
		'{"id":1,"event_time":"31.01.2024"}' '{"id":1,"event_time":"01.01.2025"}'
	run_ok quality-clean -q -r r.json a.json
	printed '{"id":1,"event_time":"2024-02-01"}'
	put a.json '{"id":1,"event_time":"2024-01-01"}' '{"id":2,"event_time":true}'
	run_rc 65 quality-clean -r r.json --rejects bad a.json
	is "$(jq -c '[.record, .field, .why]' bad)" \
		'[1,"event_time","not a time as its format says"]
[2,"event_time","not a time as its format says"]'
	for each in %d.%m %q %s %H:%M '%d.%m.%Y %I:%M' '%d.%m.%Y %M' '%d.%m.%Y %f' '%f %d.%m.%Y' \
		%d.%m.%Y% %d.%d.%Y '' '%d.%m.%Y %z %f'; do
		rules '{"name":"convert_times","config":{"t":"'"$each"'"}}'
		run_rc 78 quality-clean -r r.json a.json
		has "$err" 'convert_times: "t": '
	done
	rules '{"name":"convert_times","config":{"t":[]}}'
	run_rc 78 quality-clean -r r.json a.json
}

@test "quality: --untouched and --key take numbers and quoted names, but no unknown ones" {
	put a.csv '"a,b",c' '" x ",null' '" x ",null'
	rules '{"name":"normalize_strings"}' '{"name":"remove_null_values"}'
	run_ok quality-clean -q -r r.json --untouched '#2,"a,b"' a.csv
	printed '"a,b",c' ' x ,null' ' x ,null'
	run_ok quality-clean -q --enable deduplicate -k '"a,b",#2' a.csv
	is "$(wc -l <"$out")" 2
	put a.json '{"id":"null"}'
	# nothing is left of the key that the file names
	rules '{"name":"deduplicate","config":{"key":["other"]}}'
	run_rc 65 quality-clean -r r.json a.csv
	has "$err" 'no column "other"'
	run_ok quality-clean -r r.json -k '#2' a.csv
	is "$(wc -l <"$out")" 2
	rules '{"name":"normalize_strings"}' '{"name":"remove_null_values"}'
	for each in a.csv a.json; do
		run_rc 65 quality-clean -r r.json --untouched idd "$each"
		has "$err" '"idd"'
	done
}

@test "quality: numbers with a comma are counted under a range, and an error with --strict" {
	put a.csv v '9,5' 300 '"1,000"'
	rules '{"name":"validate_ranges","config":{"v":{"min":0,"max":120}}}'
	run_rc 0 quality-clean --delimiter ';' -r r.json -R report --report-format json a.csv
	is "$(jq -c '[.range_violations_fixed, .not_numbers, .no_times]' report)" '[1,2,0]'
	has "$err" '2 values under a range of numbers are no numbers'
	run_rc 65 quality-clean --delimiter ';' -r r.json --strict a.csv
}

@test "quality: a rules file with a byte order mark is read" {
	put a.csv v 200
	rules '{"name":"validate_ranges","config":{"v":{"min":0,"max":120}}}'
	{ printf '\ufeff' && cat r.json; } >marked.json
	run_ok quality-clean -r marked.json a.csv
	printed v 120
}

@test "quality: what a key that nobody named removes is told" {
	put a.csv customer_id,order 1,10 1,11 2,12
	run_rc 0 quality-clean --enable deduplicate a.csv
	is "$(wc -l <"$out")" 3
	is "$(<"$err")" 'quality-clean: no key is given, so records are told apart by'\
' "customer_id": 1 are removed as duplicates; --key names another'
	run_ok quality-clean -q --enable deduplicate a.csv
	run_ok quality-clean -k customer_id --enable deduplicate a.csv
	put a.json '{"id":1}' '{"id":1}' '{"id":2}'
	run_ok quality-clean --enable deduplicate a.json
	is "$(wc -l <"$out")" 2
}

@test "quality: --event-time is looked for, whichever record is kept" {
	put a.csv id,t 1,2024-01-01
	for keep in first last newest auto; do
		run_rc 65 quality-clean --enable deduplicate -k id --keep $keep \
			--event-time zz a.csv
		has "$err" 'there is no column "zz"' '--event-time names another'
		run_ok quality-clean --enable deduplicate -k id --keep $keep --event-time t a.csv
	done
	run_rc 64 quality-clean --enable normalize_strings --event-time t a.csv
}
