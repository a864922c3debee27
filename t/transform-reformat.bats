load helper

# put FILE LINE...
put() {
	printf '%s\n' "${@:2}" >"$1"
}

# printed LINE...: what the last run printed, byte for byte
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

@test "reformat: CSV values become strings, nothing is guessed" {
	put r.csv a,b,c '007,1e5,' 'true,"",null'
	run_ok reformat -o ndjson r.csv
	printed '{"a":"007","b":"1e5","c":null}' '{"a":"true","b":"","c":"null"}'
}

@test "reformat: JSON kinds become text, absent and null become NULL" {
	put r.json '{"a":1.50,"b":true,"c":{"x":[1, 2]}}' '{"a":null,"b":""}'
	run_ok reformat -o csv r.json
	printed a,b,c '1.50,true,"{""x"":[1, 2]}"' ',"",'
}

@test "reformat: texts that JSON must escape and CSV must quote survive both ways" {
	printf 'k,v\n1,"a,b ""c"" \\ / \303\251"\n2,"line\nline\r\n\ttab"\n' >r.csv
	printf '3," blanks "\n4,""\n5,\n' >>r.csv
	run_ok reformat -o ndjson r.csv
	cp "$out" r.json
	run_ok jq -r 'select(.k=="2").v' r.json
	printf 'line\nline\r\n\ttab\n' >want
	same_file "$out" want
	run_ok reformat -o csv r.json
	sed 's/" blanks "/ blanks /' r.csv >want
	same_file "$out" want
}

@test "reformat: numbers and booleans where asked for, checked" {
	put r.csv n,b,s 1.50,true,1 -0,false,x 1e-400,,y NaN,,z -Infinity,true,
	run_ok reformat -o ndjson --numbers n --booleans b r.csv
	printed '{"n":1.50,"b":true,"s":"1"}' '{"n":-0,"b":false,"s":"x"}' \
		'{"n":1e-400,"b":null,"s":"y"}' \
		'{"n":"NaN","b":null,"s":"z"}' '{"n":"-Infinity","b":true,"s":null}'
	for each in 007 +1 .5 1. 0x1 1e '""' inf '" 1"' 1_0; do
		put bad.csv n "$each"
		run_rc 65 reformat -o ndjson --numbers n bad.csv
		has "$err" 'record 1: field "n": not a JSON number'
	done
	for each in True TRUE t 1 yes '""'; do
		put bad.csv b "$each"
		run_rc 65 reformat -o ndjson --booleans b bad.csv
		has "$err" 'field "b": neither true nor false'
	done
	put bad.json '{"b":1}'
	run_rc 65 reformat --booleans b bad.json
}

@test "reformat: a type for a column that is not there is not passed over" {
	put r.csv a 1
	run_rc 0 reformat -o ndjson --numbers x r.csv
	has "$err" 'warning: --numbers: the input has no column "x"'
	run_rc 64 reformat --numbers a,a r.csv
	run_rc 64 reformat --numbers a, r.csv
	run_rc 64 reformat --numbers a --booleans a r.csv
}

@test "reformat: bad values go to --rejects, the rest goes on" {
	put r.csv n,x 1,a 2x,b 3,c
	run_rc 0 reformat -o ndjson --numbers n --rejects bad r.csv
	printed '{"n":1,"x":"a"}' '{"n":3,"x":"c"}'
	run_ok jq -r '[.record, .line, .field, .value, .why, .raw] | @csv' bad
	printed '2,3,"n","2x","not a JSON number","2x,b"'
	run_rc 65 reformat -o ndjson --numbers n --rejects bad --max-rejects 0 r.csv
	run_rc 65 reformat -o ndjson --numbers n --rejects bad --max-rejects 33% r.csv
	run_rc 0 reformat -o ndjson --numbers n --rejects bad --max-rejects 34% r.csv
}

@test "reformat: too many rejects are known before the final seal" {
	put r.csv n 1 x 3
	run_pipe '0 65 65' 'reformat --seal r.csv |
		reformat -o ndjson --numbers n --rejects bad --max-rejects 33% | reformat'
	has "$err" 'upstream failed: reformat: more than 33 % of the records are bad (1 of 3)'
	has_no "$out" '"final"'
}

@test "reformat: JSON arrays, written and read element by element" {
	put r.csv a,b 1,x ',"y"'
	run_ok reformat -o json r.csv
	printed '[' '{"a":"1","b":"x"},' '{"a":null,"b":"y"}' ']'
	cp "$out" r.json
	run_ok jq -c . r.json
	run_ok reformat -i json -o csv r.json
	printed a,b 1,x ,y
	printf '\n [ { "a" : "]}," ,\n "b":[{"c":\n1}]},{"b":null}\n]\n\n' >r.json
	run_ok reformat -i json r.json
	printed '{"a":"]},","b":[{"c": 1}]}' '{"b":null}'
	run_ok reformat -i json -o json - <<<'[]'
	printed '[' ']'
	run_rc 65 reformat - <<<'[{"a":1}]'
	has "$err" 'this looks like a JSON array' 'reformat -i json'
}

@test "reformat: a JSON array larger than --max-record is no trouble, an element is" {
	awk 'BEGIN { printf "["; for (i = 0; i < 20000; i++) printf "%s{\"i\":%d}", i ? "," : "", i
		print "]" }' >r.json
	run_ok reformat -i json --max-record 1K r.json
	is "$(wc -l <"$out")" 20000
	awk 'BEGIN { printf "[{\"a\":\""; for (i = 0; i < 100000; i++) printf "1234567890"
		print "\"}]" }' >r.json
	run_rc 65 reformat -i json --max-record 1K r.json
	has "$err" 'a record is larger than 1024 bytes'
}

@test "reformat: a JSON array is never sealed" {
	put r.csv a 1
	run_pipe '0 0 0' 'reformat --seal r.csv | reformat -o json | cat'
	printed '[' '{"a":"1"}' ']'
	run_rc 64 reformat --seal -o json r.csv
	run_pipe '0 0 0' 'reformat --seal r.csv | FERRY_SEAL=1 reformat -o json | cat'
	printed '[' '{"a":"1"}' ']'
}

@test "reformat: a cut array is no array" {
	run_rc 65 reformat -i json - <<<'[{"a":1},'
	has "$err" 'the JSON array has no end'
	run_rc 65 reformat -i json - <<<'[{"a":1},{"a":'
	run_rc 65 reformat -i json - <<<'[{"a":1}] x'
	run_rc 65 reformat -i json - <<<'{"a":1}'
}

@test "reformat: JSON with changing members becomes CSV: a file at once, a pipe with --columns" {
	put r.json '{"a":1}' '{"b":2}' '{"c":3,"a":4}'
	run_ok reformat -o csv r.json
	printed a,b,c 1,, ,2, 4,,3
	run_ok reformat -o csv - <r.json
	printed a,b,c 1,, ,2, 4,,3
	gzip -k r.json
	run_ok reformat -o csv r.json.gz
	printed a,b,c 1,, ,2, 4,,3
	run_rc 65 reformat -o csv - < <(cat r.json)
	has "$err" 'column "b" appeared after the CSV header was written'
	run_ok reformat -o csv --columns c,b,a - < <(cat r.json)
	printed c,b,a ,,1 ,2, 3,,4
	run_ok reformat --columns z,b r.json
	printed '{"a":1}' '{"b":2}' '{"a":4,"c":3}'
}

@test "reformat: a file from where the shell left it, not from its beginning" {
	put r.json '{"x":1}' '{"a":1}' '{"b":2}'
	exec 5<r.json
	read -r -u 5 _
	run_ok reformat -o csv - <&5
	exec 5<&-
	printed a,b 1, ,2
}

@test "reformat: columns that join a sealed stream reach sealed CSV" {
	put r.json '{"a":1}' '{"b":2}'
	run_pipe '0 0 0' 'reformat --seal r.json | reformat -o csv | reformat -o ndjson --no-seal'
	printed '{"a":"1"}' '{"a":null,"b":"2"}'
}

@test "reformat: gzip in and out, also sealed and of several members" {
	put r.csv a,b 1,x 2,
	run_ok reformat -z 9 -O r.csv.gz r.csv
	gzip -t r.csv.gz
	run_ok reformat r.csv.gz
	same_file "$out" r.csv
	cat r.csv.gz <(printf '3,z\n' | gzip) >two.gz
	run_ok reformat two.gz
	printed a,b 1,x 2, 3,z
	run_pipe '0 0 0' 'reformat --seal r.csv | reformat -z 1 | reformat --no-seal'
	same_file "$out" r.csv
	head -c 20 r.csv.gz >cut.gz
	run_rc 65 reformat cut.gz
	has "$err" 'gzip data ends early'
	run_pipe '0 0 65' 'reformat --seal -z 1 r.csv | head -c -1 | reformat'
}

@test "reformat: --seal is for files, an unsealed pipe is never given a seal" {
	put r.csv a 1
	run_ok reformat --seal r.csv
	has "$out" '""final"":1'
	run_rc 76 reformat --seal - < <(cat r.csv)
	has "$err" 'a pipe without a seal' 'via --source'
	run_pipe '0 0 0' 'cat r.csv | FERRY_SEAL=1 reformat | cat'
	same_file "$out" r.csv
	run_pipe '0 0 0' 'reformat --seal r.csv | FERRY_SEAL=0 reformat | cat'
	same_file "$out" r.csv
	run_rc 64 reformat --seal --no-seal r.csv
}

@test "reformat: a column named like the seal's" {
	put r.json '{"a":1,"@seal":2}'
	run_rc 65 reformat r.json
	put r.csv @seal,a 1,2
	run_rc 65 reformat r.csv
	put r.json '{"":1}'
	run_ok reformat r.json
	run_rc 65 reformat -o csv r.json
	has "$err" 'a CSV column needs a name'
}

@test "reformat: real data, there and back" {
	need_data nab-narrow.csv.gz
	zcat "$data" >nab.csv
	run_ok reformat -o ndjson --numbers value -z 1 -O nab.json.gz "$data"
	run_ok reformat -o csv nab.json.gz
	same_file "$out" nab.csv
}

@test "reformat: compressed records, too, are there once nothing more comes" {
	# shellcheck disable=SC2094  # what came out is waited for
	{
		printf 'a\n1\n'
		wait_until 20 test -s got || printf 'too late\n'
		printf '2\n'
	} | reformat -z 1 | reformat --no-seal -o ndjson >got
	is "$(<got)" $'{"a":"1"}\n{"a":"2"}'
}

@test "reformat: a file of statistics is as private as the umask or the old one" {
	printf 'a\n1\n' >in.csv
	(umask 027 && reformat --stats stats -O out.csv in.csv)
	is "$(stat -c %a stats)" 640
	chmod 604 stats
	run_ok reformat --stats stats -O out.csv in.csv
	is "$(stat -c %a stats)" 604
	is "$(ls)" $'in.csv\nout.csv\nstats'
}
