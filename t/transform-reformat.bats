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
	run_rc 65 reformat -o ndjson --numbers x r.csv
	has "$err" 'there is no column "x"' --numbers
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
	has "$err" 'this looks like a JSON array' --input-format=json
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

@test "reformat: a record that is too large is named by its line, a quote left open is thought of" {
	long=$(printf '%02000d' 0)
	printf 'a,b\n1,2\n\n3,%s\n' "$long" >plain.csv
	printf 'a,b\n"1\n",2\n3,"4%s\n5,6\n' "$long" >open.csv
	run_rc 65 reformat --max-record 1K --rejects bad open.csv
	has "$err" 'open.csv:4: a record is larger than 1024' 'a quote left open' --max-record
	run_rc 65 reformat --max-record 1K plain.csv
	has "$err" 'plain.csv:4: a record is larger than 1024' 'hint: --max-record'
	printf '{"a":1}\n{"a":"%s"}\n' "$long" >r.ndjson
	run_rc 65 reformat --max-record 1K r.ndjson
	has "$err" 'r.ndjson:2: a record is larger than 1024'
	printf '[{"a":1},\n{"a":"%s"}]\n' "$long" >r.json
	run_rc 65 reformat -i json --max-record 1K r.json
	has "$err" 'r.json:2: a record is larger than 1024'
}

@test "reformat: a header name that looks like another format is in quotes, and comes back" {
	local i name
	local -a names=('sep=;' '{3F25}' '[x' '<html>' '<?xml' '%PDF-1' 'SQLite format 3' PAR1
		BZh ' {x' $'\ufeffid' $'\ufeff\ufeffid' $'PK\x03\x04')

	by_turns 4 "${!names[@]}"
	for i in "${!names[@]}"; do
		name=${names[i]}
		jq -nc --arg n "$name" '{($n): "1"}, {($n): "2"}' >one.ndjson
		jq -nc --arg n "$name" '{($n): "1", b: null}, {($n): "2", b: "é"}' >two.ndjson
		for each in one two; do
			run_ok reformat -o csv "$each.ndjson"
			cp "$out" "$each.csv"
			[[ $each == two ]] || is "$(head -n 1 one.csv)" "\"$name\""
			run_rc 0 reformat "$each.csv"
			same_file "$out" "$each.csv"
			run_rc 0 reformat -o ndjson "$each.csv"
			same_file "$out" "$each.ndjson"
			[[ " ${turns[*]} " == *" $i "* ]] || break
			run_pipe '0 0 0' 'reformat --seal "$e" | reformat | reformat -o ndjson' \
				e="$each.csv"
			same_file "$out" "$each.ndjson"
			run_pipe '0 0 0' 'reformat --seal "$e" | via -- cat | reformat -o ndjson' \
				e="$each.csv"
			same_file "$out" "$each.ndjson"
			run_rc 0 reformat -o tsv "$each.csv"
			cp "$out" t.tsv
			run_rc 0 reformat -i tsv -o ndjson t.tsv
			same_file "$out" "$each.ndjson"
		done
	done
	# others are not
	printf '%s\n' '#id,{x' 1,2 >r.csv
	run_ok reformat r.csv
	same_file "$out" r.csv
}

@test "reformat: columns that options name are there also where no record is" {
	: >none
	run_pipe '0 0' 'echo "[]" | reformat -i json -o csv -c a,b'
	printed a,b
	run_ok reformat --names a,b none
	printed a,b
	run_ok reformat --names a,b --delimiter ';' none none
	printed a,b
	run_pipe '0 0 0' 'reformat --names a,b - <none | reformat | reformat -o table'
	is "$(head -n 1 "$out")" 'a  b'
	run_pipe '0 0 0' 'reformat -i ndjson --seal none | reformat -o csv -c a | reformat'
	printed a
	run_pipe '0 0' 'echo "[]" | map-fields -i json -o csv -s a,b'
	printed a,b
	run_pipe '0 0' 'reformat -i ndjson --seal none | map-fields -s a -o csv --no-seal'
	printed a
	# where none is named there is none
	run_pipe '0 0' 'echo "[]" | reformat -i json -o csv'
	[[ ! -s $out ]]
}

@test "reformat: what to say of another encoding or format than was thought" {
	printf '시간;값\r\n2024;가\r\n' >utf8.csv
	for e in CP949 UTF-16LE UTF-16BE; do
		iconv -f UTF-8 -t "$e" utf8.csv >k.csv
		run_rc 65 reformat --delimiter ';' k.csv
		has "$err" '--encoding NAME'
		has_no "$err" "tr '"
		run_rc 65 via --source -- cat k.csv
		has "$err" '--encoding NAME'
		run_ok reformat --delimiter ';' --encoding "$e" k.csv
		is "$(<"$out")" $'시간,값\n2024,가'
	done
	tr -d '\r' <utf8.csv | iconv -f UTF-8 -t CP949 >k.csv
	run_rc 65 reformat --delimiter ';' k.csv
	has "$err" '--encoding NAME'
	printf 'id,name\n1,caf\xe9\n' >l.csv
	run_rc 65 reformat l.csv
	has "$err" 'l.csv:2:6: record 1: not valid UTF-8' '--encoding NAME' '; --rejects FILE'
	printf 'a,b\r1,2\r' >mac.csv
	run_rc 65 reformat mac.csv
	has "$err" "tr '\\r' '\\n'"
	gzip -c l.csv | gzip >l.csv.gz
	run_rc 65 reformat l.csv.gz
	has "$err" 'gzip compressed twice' 'gzip -dc'
	# JSON as jq prints it; and two formats together
	printf 'a\n1\n' >1.csv
	echo '{"a":1}' >1.ndjson
	jq . 1.ndjson >p.json
	for file in p.json '1.ndjson p.json'; do
		# shellcheck disable=SC2086 # two files
		run_rc 65 reformat $file
		has "$err" 'p.json:1' 'premature EOF' '--input-format json'
	done
	run_ok reformat -i json p.json
	run_rc 65 reformat 1.csv 1.ndjson
	has "$err" '1.ndjson: this looks like NDJSON, the file before it was CSV'
	run_rc 65 reformat 1.ndjson 1.csv
	has "$err" '1.csv: this looks like CSV, the file before it was NDJSON'
	run_rc 65 reformat 1.csv - <<<'[{"a":1}]'
	has "$err" 'this looks like a JSON array'
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
	run_rc 65 reformat -i json - <<<'1'
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

@test "reformat: other delimiters, headers and quotes" {
	printf '%s\n' 'a;b' '1;"x;y"' '2;z,w' >semi.csv
	run_ok reformat --delimiter ';' semi.csv
	printed a,b '1,x;y' '2,"z,w"'
	run_rc 65 reformat semi.csv
	has "$err" "say --delimiter ';'"
	{ printf 'sep=;\r\n' && cat semi.csv; } >sep.csv
	run_ok reformat sep.csv
	printed a,b '1,x;y' '2,"z,w"'
	run_ok reformat sep.csv sep.csv
	printed a,b '1,x;y' '2,"z,w"' '1,x;y' '2,"z,w"'
	printf 'sep=;\n1;2\n' >bare.csv
	run_ok reformat --names a,b bare.csv bare.csv
	printed a,b 1,2 1,2
	{ printf '\xef\xbb\xbf\xef\xbb\xbf' && cat sep.csv; } >marked.csv
	run_ok reformat marked.csv
	printed a,b '1,x;y' '2,"z,w"'
	run_ok reformat --delimiter ';' -o tsv semi.csv
	printed $'a\tb' $'1\tx;y' $'2\tz,w'
	run_pipe '0 0' 'reformat --delimiter ";" -o tsv semi.csv | reformat -i tsv -o csv'
	printed a,b '1,x;y' '2,"z,w"'
	run_rc 64 reformat --delimiter ';;' semi.csv
	# what looks like NDJSON is no place for such options
	printf '{a};b\n1;2\n' >brace.csv
	for d in '--delimiter=;' '--comment=#' --rename-columns; do
		run_rc 65 reformat "$d" brace.csv
		has "$err" "this looks like NDJSON" "${d%%=*}" '--input-format csv'
	done
	run_ok reformat -i csv --delimiter ';' brace.csv
	is "$(<"$out")" $'"{a}",b\n1,2'
	for d in shape=narrow author=x by=x key=x name=x value=x quality=x ship-id=x; do
		run_rc 64 reformat "--$d" semi.csv
		has "$err" 'need -i iso19848 or -o iso19848'
	done
	# against python's reader, with quotes, long fields and every delimiter
	for d in ';' '|' tab ' '; do
		python3 - "$d" <<-'END'
			import csv, random, sys
			d = {"tab": "\t"}.get(sys.argv[1], sys.argv[1])
			random.seed(5)
			texts = ["x", d, ",", '"', "\n", "y" * 40, "é"]
			rows = [["a", "b", "c"]] + [[random.choice(texts) * random.randint(1, 3)
			        for _ in range(3)] for _ in range(300)]
			with open("d.csv", "w") as f:
			    csv.writer(f, delimiter=d, lineterminator="\n").writerows(rows)
			csv.writer(open("want", "w"), lineterminator="\n").writerows(rows)
		END
		run_ok reformat --delimiter "$d" d.csv
		same_file "$out" want
	done
	printf '%s\n' 1,2 3,4 >bare.csv
	run_ok reformat --no-header -o ndjson bare.csv
	printed '{"1":"1","2":"2"}' '{"1":"3","2":"4"}'
	run_ok reformat --names 'x,"y,""z"' bare.csv
	printed 'x,"y,""z"' 1,2 3,4
	run_rc 65 reformat --names x bare.csv
	# the header that is there all the same
	run_rc 0 reformat --names a,b <(printf '%s\n' a,b 1,2)
	has "$err" ':1: the header comes again, as a record'
	printf '%s\n' 'title' 'more' '# note' ',a,a,a_2' '0,1,2,3' '# 9' '' '1,4,5,6' >odd.csv
	run_ok reformat --skip-lines 2 --comment '#' --rename-columns odd.csv
	printed column_1,a,a_3,a_2 0,1,2,3 1,4,5,6
	# a name that stands in the header is no other's
	for each in a,a,a_2=a,a_3,a_2 a,,column_2=a,column_2_2,column_2 a,a_2,a=a,a_2,a_3 \
		,,column_1=column_1_2,column_2,column_1; do
		printf '%s\n' "${each%=*}" 1,2,3 >n.csv
		run_ok reformat --rename-columns n.csv
		printed "${each#*=}" 1,2,3
	done
	printf '%s\n' a,a,a_2 1,2,3 >n.csv
	run_ok map-fields --rename-columns -s a_2 n.csv <(cat n.csv)
	printed a_2 3 3
	run_rc 65 reformat --skip-lines 3 odd.csv
	has "$err" 'column 1: a column has no name' --rename-columns
	printf '%s\n' a,b '1,5" pipe' '2,"x"y' >quotes.csv
	run_rc 65 reformat quotes.csv
	# a quote in a text is one on demand, also before a field of several lines, wherever it ends
	run_rc 65 reformat --lenient-quotes quotes.csv
	has "$err" quotes.csv:3 'text behind a closing quote'
	printf '%s\n' 'a,b"c' '1,5" pipe' '2"","x,"' $'x"y,"a\n""b"' >quotes.csv
	for each in 1 3 4096; do
		run_ok bash -c "dd status=none bs=$each if=quotes.csv | reformat --lenient-quotes"
		printed 'a,"b""c"' '1,"5"" pipe"' '"2""""","x,"' $'"x""y","a\n""b"'
	done
	run_rc 64 reformat -i ndjson --lenient-quotes quotes.csv
	run_ok reformat -o ndjson --numbers '#2,"a,b"' <(printf '%s\n' '"a,b",c' 1,2)
	is "$(<"$out")" '{"a,b":1,"c":2}'
	run_ok reformat -c '#2' <(printf '%s\n' a,b 1,2)
	is "$(xargs <"$out")" 'b,a 2,1'
	run_ok map-fields -s '#2,"a"' <(printf '%s\n' a,b 1,2)
	printed b,a 2,1
}

@test "reformat: --null, and what COPY writes in its own format" {
	printf 'a\tb\n1\t\\N\n2\t\\N\n' >copy.tsv
	run_rc 0 reformat -i tsv -o csv copy.tsv
	printed a,b '1,\N' '2,\N'
	is "$(grep -c "copy.tsv:2: a field is .N.*--null" "$err")" 1
	is "$(wc -l <"$err")" 1
	run_rc 65 reformat -i tsv -o csv --strict copy.tsv
	run_ok reformat -i tsv -o ndjson --null '\N' copy.tsv
	printed '{"a":"1","b":null}' '{"a":"2","b":null}'
	printf '%s\n' a,b 'NA,"NA"' 'x,"NA ""x"""' 'NAN,"N,A"' >na.csv
	run_ok reformat --null NA na.csv
	printed a,b , 'x,"NA ""x"""' 'NAN,"N,A"'
	run_ok bash -c 'dd bs=1 status=none if=na.csv | reformat --null NA'
	printed a,b , 'x,"NA ""x"""' 'NAN,"N,A"'
	printf '%s\n' a,b '"",1' >empty.csv
	run_ok reformat -o ndjson --null '' empty.csv
	printed '{"a":null,"b":"1"}'
	# also where records are guessed from those before
	awk 'BEGIN { print "created_time,data_channel_id,value"
		for (i = 0; i < 300; i++)
			print i ",a," (i % 3 ? i : "NA") "\n" i ",b,NA" }' >n.csv
	run_ok pivot-wide --null NA -o ndjson n.csv
	is "$(jq -s '[.[] | .a == null, .b == null] | map(select(.)) | length' "$out")" 400
	run_rc 64 reformat -i ndjson --null x n.csv
	run_rc 65 reformat --null x <<<'{"a":1}'
	has "$err" 'this looks like NDJSON' --null
}

@test "reformat: a byte order mark that contradicts --encoding is refused, with the way out" {
	local e mark

	while read -r e mark; do
		printf '\ufeff%s\n' 이름 >m.txt
		printf '%s\n' 값 >>m.txt
		iconv -f UTF-8 -t "$mark" m.txt >m.csv
		run_ok reformat --encoding "$mark" m.csv
		is "$(xargs <"$out")" '이름 값'
		run_rc 65 reformat --encoding "$e" m.csv
		has "$err" "byte order mark it begins with is of $mark, not of $e" \
			"--encoding $mark"
		is "$(cat "$out")" ''
	done <<-'END'
		CP949 UTF-8
		LATIN1 UTF-8
		CP1252 UTF-16LE
		UTF-16LE UTF-16BE
		UTF-16BE UTF-16LE
		EUC-KR UTF-32LE
	END
	printf '\ufeffa\n1\n' | iconv -t UTF-16BE >m.csv
	run_ok reformat --encoding UTF-16 m.csv
	run_rc 64 reformat --encoding '' m.csv
	has "$err" '--encoding: no such encoding: ""'
}

@test "reformat: encodings and compressions, and what is named and refused" {
	printf '%s\n' 이름,값 '서울,"a, b"' 부산,é >k.csv
	for e in UTF-16 UTF-16LE UTF-16BE UTF-32; do
		iconv -t "$e" k.csv >e.csv
		run_ok reformat --encoding "$e" e.csv
		same_file "$out" k.csv
	done
	for e in LE BE; do
		{ printf '\ufeff' && cat k.csv; } | iconv -t "UTF-16$e" >e.csv
		run_ok reformat e.csv
		same_file "$out" k.csv
	done
	sed s/é// k.csv | iconv -t CP949 >e.csv
	run_ok reformat --encoding CP949 e.csv
	sed s/é// k.csv >want
	same_file "$out" want
	run_rc 65 reformat e.csv
	printf 'a\n\xa1' >e.csv
	run_rc 65 reformat --encoding EUC-KR e.csv
	has "$err" 'the end of input inside a character of EUC-KR'
	# these keep a letter back, to which an accent might come
	for e in CP1258 TCVN BIG5-HKSCS; do
		printf 'a\nabe' >e.csv
		run_ok reformat --encoding "$e" --allow-no-newline e.csv
		is "$(tail -n 1 "$out")" abe
		run_ok reformat --encoding "$e" --allow-no-newline <(cat e.csv)
		is "$(tail -n 1 "$out")" abe
	done
	run_rc 64 reformat --encoding nonsense k.csv
	iconv -t UTF-16LE <(printf 'a,b\n1,2\n') >e.csv
	run_rc 65 reformat e.csv
	has "$err" 'UTF-16' '--encoding UTF-16LE'
	for e in UTF-32LE UTF-32BE; do
		iconv -t "$e" <(printf 'a,b\n1,2\n') >e.csv
		run_rc 65 reformat e.csv
		has "$err" 'UTF-32' "--encoding $e"
		{ printf '\ufeff' && printf 'a,b\n1,2\n'; } | iconv -t "$e" >e.csv
		run_ok reformat e.csv
		printed a,b 1,2
	done
	awk 'BEGIN { print "a,b"; for (i = 0; i < 100000; i++) print i "," i * i }' >big.csv
	run_pipe '0 0' 'reformat --zstd 3 big.csv | reformat'
	same_file "$out" big.csv
	reformat --zstd 3 -O z1 big.csv && cat z1 z1 >z2
	run_rc 0 reformat z2
	is "$(wc -l <"$out")" 200002
	head -c -3 z1 >short
	run_rc 65 reformat short
	has "$err" 'zstd data ends early'
	run_rc 64 reformat --gzip 3 --zstd 3 big.csv
	refuse() { run_rc 65 reformat bad && has "$err" "$@"; }
	printf '\xfd7zXZ\0\0\4' >bad && refuse xz-compressed 'xz -dc'
	printf 'BZh91AY&SY\x01\x02' >bad && refuse bzip2 'bzip2 -dc'
	printf 'PK\3\4\x14\0\0\0' >bad && refuse 'zip archive'
	printf 'PAR1\x15\x04\x15' >bad && refuse Parquet
	printf '\n<!DOCTYPE html>\n<html>' >bad && refuse HTML
	# a hint is of use: nothing is told of a last line's end
	iconv -t UTF-16LE <(printf 'a,b\n1,2') >bad && refuse UTF-16
	has_no "$err" --allow-no-newline
	printf 'a,b\r1,2\r3,4\r' >bad && refuse 'carriage return' "tr '\\r' '\\n'"
	has_no "$err" --allow-no-newline
	printf 'BZh91AY&SY\x01\x02' >bad && refuse bzip2
	has_no "$err" --allow-no-newline
	for each in $'a\tb' 'a|b'; do
		printf '%s\n' "$each" x >bad
		run_rc 0 reformat bad
		has "$err" 'the header is one column whose name holds'
	done
	printf '%s\n' BZh,PAR1 1,2 >good
	run_ok reformat good
}

@test "reformat: JSON objects, a member of a document, and no blanks that JSON lacks" {
	printf '{"a":1}\n{\n "a":2,\n"b":[1,\n2]} {"a":3}' >o.json
	run_ok reformat -i json -o ndjson o.json
	printed '{"a":1}' '{"a":2,"b":[1, 2]}' '{"a":3}'
	printf '{"x":{"y":[{"a":1}],"items":[{"a":1},{"a":2}],"z":null},"w":"]"}' >d.json
	run_ok reformat -i json --at x.items d.json
	printed '{"a":1}' '{"a":2}'
	run_ok reformat -i json --at x d.json
	is "$(wc -l <"$out")" 1
	run_rc 65 reformat -i json --at x.nothing d.json
	has "$err" '--at x.nothing: there is no such member'
	run_rc 65 reformat -i json --at x.items <(head -c -1 d.json)
	run_rc 64 reformat --at x d.json
	# a member that is there twice has records on both sides
	for twice in '{"x":{"items":[{"a":1}],"y":0,"items":[{"a":2}]}}' \
		'{"x":{"items":[{"a":1}]},"x":{"items":[]}}' \
		'{"x":{"items":{"a":1},"items":{"a":2}}}'; do
		run_rc 65 reformat -i json --at x.items <<<"$twice"
		has "$err" '--at x.items: the document has this member twice'
	done
	for c in '\f' '\v'; do
		printf '{"a":%b1}\n' "$c" >bad.json
		run_rc 65 reformat bad.json
		printf '[{"a":1},%b{"a":1}]' "$c" >bad.json
		run_rc 65 reformat -i json bad.json
	done
}

@test "reformat: tables for people" {
	printf '%s\n' name,n 'x|y,10' ,2 >t.csv
	run_ok reformat -o table t.csv
	is "$(head -n 1 "$out")" 'name   n'
	run_ok reformat -o markdown t.csv
	is "$(wc -l <"$out")" 4
	has "$out" '| name | n |'
	run_rc 64 reformat -o table --seal t.csv
}

@test "reformat: --max-record is exact" {
	{ printf 'a\n' && head -c 2048 /dev/zero | tr '\0' x && printf '\n'; } >r.csv
	run_ok reformat --max-record 2048 r.csv
	run_rc 65 reformat --max-record 2047 r.csv
	has "$err" 'a record is larger than 2047 bytes' --max-record
	printf '{"a":"%s"}\n' "$(tail -n 1 r.csv)" >r.json
	run_ok reformat --max-record 2056 r.json
	run_rc 65 reformat --max-record 2055 r.json
}

@test "reformat: nothing but a mark, an empty line or what is skipped is nothing" {
	local each
	for each in '\xef\xbb\xbf' '\n' 'sep=;\n'; do
		printf %b "$each" >in.csv
		run_rc 65 reformat in.csv
		has "$err" 'nothing was read, not even a header'
	done
	gzip -c </dev/null >in.gz
	run_rc 65 reformat in.gz
	printf 'a\n1\n' >in.csv
	run_rc 65 reformat --skip-lines 9 in.csv
	# and what cannot be told at the end is refused at the beginning
	run_rc 73 reformat --stats none/stats in.csv
	[[ ! -s $out ]]
}

@test "reformat: bytes of CP949 are no EUC-KR" {
	printf 'a,b\n\xb0\xa1,1\n' >in.csv
	run_ok reformat --encoding EUC-KR in.csv
	printed a,b 가,1
	printf 'a,b\n\x8c\x63,1\n' >in.csv
	run_rc 65 reformat --encoding EUC-KR in.csv
	run_ok reformat --encoding CP949 in.csv
	printed a,b 똠,1
}

@test "reformat: FERRY_SEAL is 0, 1 or not set, of every program" {
	put r.csv a 1
	for value in off no 2; do
		FERRY_SEAL=$value run_rc 64 reformat r.csv
		has "$err" "FERRY_SEAL: 0 or 1 is needed, not \"$value\""
		FERRY_SEAL=$value run_rc 64 reformat --no-seal r.csv
		FERRY_SEAL=$value run_rc 64 pg-narrow-dump --source host=/nowhere
		FERRY_SEAL=$value run_rc 64 via --source -- cat r.csv
		FERRY_SEAL=$value run_rc 64 stream-digest r.csv
	done
	FERRY_SEAL='' run_ok reformat r.csv
}

@test "reformat: options that the format has no use for are refused, as are levels that are none" {
	put a.json '{"a":1}'
	for each in '--delimiter ;' '--names x' --no-header '--comment x' --rename-columns; do
		# shellcheck disable=SC2086
		run_rc 64 reformat -i ndjson $each a.json
		has "$err" "${each%% *} and --input-format"
	done
	run_rc 64 reformat -i tsv --delimiter ';' a.json
	has "$err" '--delimiter and --input-format'
	run_rc 64 reformat -z 0 a.json
	run_rc 64 reformat --zstd 0 a.json
	put a.csv 'a|b,c\d' 1,2
	run_ok reformat -o markdown a.csv
	printed '| a\|b | c\\d |' '|--:|--:|' '| 1 | 2 |'
}

@test "reformat: a limit on the size of files is a failed write" {
	seq 5000 | sed 's/.*/{"a":&}/' >a.json
	for each in '>o' '-O o'; do
		run_rc 74 bash -c "ulimit -f 1; reformat a.json $each"
		has "$err" 'write error: File too large'
	done
}

@test "reformat: a record of many texts with escapes takes no more than its own memory" {
	no_sanitizer 'memory is theirs'
	jq -nc '[range(5000) | {key: "k\(.)", value: ("x\n" * 200)}] | from_entries' >one.json
	cat one.json one.json one.json >r.json
	run_ok bash -c 'ulimit -v 262144; reformat r.json'
	same_file "$out" r.json
}

@test "reformat: what must be escaped is, wherever it stands in a text of any length" {
	python3 - >a.json <<-'END'
		import json
		for c in '"', '\\', '\n', '\x1f', ' ', '\x7f', 'é':
		    for n in range(40):
		        print(json.dumps({'k"': 'x' * n + c + 'y' * (39 - n), 'v': 'x' * n + c},
		            ensure_ascii=False, separators=(',', ':')))
	END
	run_ok reformat a.json
	same_file "$out" a.json
}

@test "reformat: a record without any field comes before the first column" {
	local format

	put a.json '{}' '{"a":"1"}'
	for format in csv ndjson; do
		run_pipe '0 0' "reformat --seal -o $format a.json | reformat -o ndjson"
		same_file "$out" a.json
	done
	run_ok reformat -o json a.json
	is "$(jq -c . "$out")" '[{},{"a":"1"}]'
	# of a file the columns are known before the first record
	run_ok reformat -o csv a.json
	is "$(<"$out")" $'a\n\n1'
}
