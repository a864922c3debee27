load helper

put() {
	printf '%s\n' "${@:2}" >"$1"
}
printed() {
	printf '%s\n' "$@" >want
	same_file "$out" want
}

@test "map-fields: without options records pass as they are" {
	put a.csv 'a,"b,c",d' '007,"x,""y",' '1e5,"",9007199254740993'
	run_ok map-fields a.csv
	same_file "$out" a.csv
	put a.json '{"a":1.50,"b":null}' '{"b":[1, {"c":2}],"d":"é"}' '{}'
	run_ok map-fields a.json
	same_file "$out" a.json
}

@test "map-fields: select, drop, rename" {
	put a.csv a,b,c '1,"x,y",3' 4,,6
	run_ok map-fields --select c,a a.csv
	printed c,a 3,1 6,4
	run_ok map-fields -d b a.csv
	printed a,c 1,3 4,6
	run_ok map-fields -r a:b,b:a a.csv
	printed b,a,c '1,"x,y",3' 4,,6
	run_ok map-fields -s b,c -r c:z a.csv
	printed b,z '"x,y",3' ,6
	run_ok map-fields -d b -r c:b a.csv
	printed a,b 1,3 4,6
	put a.json '{"a":1,"b":2}' '{"b":3,"z":"q"}'
	run_ok map-fields -s z,b a.json
	printed '{"b":2}' '{"z":"q","b":3}'
}

@test "map-fields: a map in a file, lines or an object" {
	put a.csv 'a:1,"b,2",c' 1,2,3
	printf '\ufeff\n{"a:1": "x", "b,2": "y"}' >map.json
	run_ok map-fields -m map.json -r c:z a.csv
	printed x,y,z 1,2,3
	printf 'p:q\r\n\nr:s\n' >map.txt
	put b.csv p,r 1,2
	run_ok map-fields --map map.txt b.csv
	printed q,s 1,2
	put map.json '{"a": 1}'
	run_rc 78 map-fields -m map.json a.csv
	has "$err" 'the new name of "a" is not a text'
	put map.json '{"a": '
	run_rc 78 map-fields -m map.json a.csv
	run_rc 66 map-fields -m nosuch a.csv
	put map.txt a:b:c
	run_rc 64 map-fields -m map.txt a.csv
	has "$err" 'not OLD:NEW: "a:b:c"'
}

@test "map-fields: old and new names in one NDJSON stream, but not in one record" {
	put a.json '{"old":1}' '{"new":2}' '{"x":0}'
	run_ok map-fields -r old:new a.json
	printed '{"new":1}' '{"new":2}' '{"x":0}'
	put b.json '{"old":1}' '{"new":2,"old":"k"}' '{"old":3}'
	run_rc 65 map-fields -r old:new b.json
	has "$err" 'b.json:2: record 2: field "new": renamed to a name that the record has already'
	run_rc 0 map-fields -r old:new --rejects bad b.json
	printed '{"new":1}' '{"new":3}'
	is "$(jq -c '[.record, .field, .raw]' bad)" '[2,"new","{\"new\":2,\"old\":\"k\"}"]'
	put c.csv old,new 1,2
	run_rc 65 map-fields -r old:new c.csv
	has "$err" 'two columns of the output are named "new"'
}

@test "map-fields: set, default, now" {
	put a.csv a,b 1, '2,""' 3,x
	run_ok map-fields -S 'c=x,"y' -S a=0 -f b=none a.csv
	printed a,b,c '0,none,"x,""y"' '0,"","x,""y"' '0,x,"x,""y"'
	put a.json '{"a":1}' '{"b":null}'
	run_ok map-fields -f b=7 -c b:int -S e= a.json
	printed '{"a":1,"b":7,"e":""}' '{"b":7,"e":""}'
	run_ok map-fields --select at,a --set-now at a.csv
	is "$(head -n 1 "$out")" at,a
	is "$(sed 1d "$out" | grep -cxE '20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z,[123]')" 3
	is "$(sed 1d "$out" | cut -d , -f 1 | sort -u | wc -l)" 1
	run_ok map-fields --set-now at -c at:unix -o ndjson a.csv
	jq -es 'all(.at > 1700000000 and .at < 5000000000)' "$out"
}

# cast TYPE VALUE...: each as an NDJSON string, and what comes of it, one a line; bad ones as BAD
cast() {
	local each
	for each in "${@:2}"; do
		printf '{"v":%s}\n' "$each" | map-fields -c "v:$1" 2>/dev/null || echo BAD
	done | sed 's/^{"v":\(.*\)}$/\1/' >"$out"
}

@test "map-fields: casts of numbers keep their digits and refuse what is none" {
	cast integer '"5"' 5 '"-0012"' '"+5"' 5.000 '"1.76E9"' 9007199254740993 \
		'"-9223372036854775808"' '"0"' null '"-0.0"'
	printed 5 5 -12 5 5 1760000000 9007199254740993 -9223372036854775808 0 null 0
	cast integer '""' '" 5"' 5.5 '"0x10"' '"1e99"' 9223372036854775808 true '"five"' '[5]' \
		'"NaN"' '"1e-1"' '"5e"' '"."'
	is "$(sort -u "$out")" BAD
	is "$(wc -l <"$out")" 13
	cast fractional '"1.50"' 1.7617169464774606E9 '"1E-3"' '".5"' '"007.10"' '"+1"' '"1.0E2"' \
		123456789012345678901234567890 '"5."' -0.0
	printed 1.50 1761716946.4774606 0.001 0.5 7.1 1 100 123456789012345678901234567890 5 -0.0
	cast float '""' '"NaN"' '"Infinity"' '"1e400"' '"1,5"' '"0x1"' false '{}' '"1_0"'
	is "$(sort -u "$out")" BAD
	is "$(wc -l <"$out")" 9
}

@test "map-fields: types by the names that feature groups and databases give them" {
	put a.csv a,b,c,d,e,f,g 1,2,3,t,x,0.0,1
	run_ok map-fields -o ndjson -c a:Integral,b:Fractional,c:bigint,d:Bool \
		-c e:String,f:ISO,g:number a.csv
	printed '{"a":1,"b":2,"c":3,"d":true,"e":"x","f":"1970-01-01T00:00:00Z","g":1}'
}

@test "map-fields: casts to booleans, strings, times" {
	cast boolean '"true"' '"F"' 1 0 '"Yes"' '"off"' true '"N"' null
	printed true false true false true false true false null
	cast bool 2 '""' '"maybe"' '[]' 1.0
	is "$(sort -u "$out")" BAD
	cast string 007 1.50 true '[1, 2]' '"x"' null
	is "$(head -n 1 "$out")" BAD # 007 is no JSON
	is "$(sed 1d "$out" | tr '\n' ' ')" '"1.50" "true" "[1, 2]" "x" null '
	cast timestamp '"2024-01-01T00:00:00Z"' '"2024-01-01 09:00:00.25+09"' '"2024-02-29"' 0.0 \
		1.7617169464774606E9 '"-1.5"' '"2024-01-01T00:00:00.123456Z"'
	printed '"2024-01-01T00:00:00Z"' '"2024-01-01T00:00:00.25Z"' '"2024-02-29T00:00:00Z"' \
		'"1970-01-01T00:00:00Z"' '"2025-10-29T05:49:06.477461Z"' \
		'"1969-12-31T23:59:58.5Z"' '"2024-01-01T00:00:00.123456Z"'
	cast timestamp '"2023-02-29"' '"today"' '"2024-01-01T00:00:00.1234567Z"' 1e99 true \
		253402300800 20240101 '"20240101"' 202401011230 19991231 0 2024 \
		'"2024"' 44927 99999999 -1 -20240101 '"-20240101"' -99999999 -0
	is "$(sort -u "$out")" BAD
	put a.csv at 20240101
	for each in timestamp unix; do
		run_rc 65 map-fields -c "at:$each" a.csv
		has "$err" 'a date or Unix seconds?' 20240101
	done
	cast timestamp 20240101.0 100000000 2024.0 2024010100 '"2024-01-01"' -100000000 -5.5
	printed '"1970-08-23T06:15:01Z"' '"1973-03-03T09:46:40Z"' '"1970-01-01T00:33:44Z"' \
		'"2034-02-20T01:01:40Z"' '"2024-01-01T00:00:00Z"' '"1966-10-31T14:13:20Z"' \
		'"1969-12-31T23:59:54.5Z"'
	cast unix '"2024-01-01T00:00:00Z"' '"1969-12-31T23:59:58.5Z"' '"1.50"' 1.7E9 \
		'"0001-01-01"' '"9999-12-31T23:59:59.999999Z"'
	printed 1704067200 -1.5 1.50 1700000000 -62135596800 253402300799.999999
	# what comes out is taken for no date by the next one
	cast unix 2.0240101e7 '"020240101"' 20240101.0 '"1970-08-23T06:15:01Z"' '"0202401011230"'
	printed 20240101.0 20240101.0 20240101.0 20240101.0 202401011230.0
}

@test "map-fields: a bad value names record, field, value and reason; rejects are kept" {
	put a.csv n,age '"a
b",x' c,12 d,13.5
	run_rc 65 map-fields -c age:int a.csv
	has "$err" 'a.csv:2: record 1: field "age": not an integer: "x"' '--rejects FILE keeps'
	run_rc 0 map-fields -c age:int --rejects bad -r n:name a.csv
	printed name,age c,12
	is "$(jq -c '[.record, .line, .field, .value]' bad | tr '\n' ' ')" \
		'[1,2,"age","x"] [3,5,"age","13.5"] '
	run_rc 65 map-fields -c age:int --rejects bad --max-rejects 1 a.csv
}

@test "map-fields: options that make no sense" {
	put a.csv a,b 1,2
	run_rc 64 map-fields -s a -d a a.csv
	run_rc 64 map-fields -s a,a a.csv
	run_rc 64 map-fields -r a:c,a:d a.csv
	run_rc 64 map-fields -r a:c,b:c a.csv
	run_rc 64 map-fields -r a a.csv
	run_rc 64 map-fields -r a: a.csv
	run_rc 64 map-fields -S a a.csv
	run_rc 64 map-fields -S =1 a.csv
	run_rc 64 map-fields -S a=1 -S a=2 a.csv
	run_rc 64 map-fields -c a a.csv
	run_rc 64 map-fields -c a:money a.csv
	has "$err" 'the types are string, integer'
	for option in -s -d -c; do
		value=nosuch
		[[ $option != -c ]] || value=nosuch:int
		run_rc 65 map-fields "$option" "$value" a.csv
		has "$err" nosuch
	done
	run_rc 65 map-fields -r nosuch:x a.csv
	has "$err" 'there is no column "nosuch"'
	put a.json '{"a":1}'
	run_rc 0 map-fields -s a,nosuch -c other:int a.json
	has "$err" '--select: no record has "nosuch"' '--cast: no record has "other"'
	run_rc 0 map-fields -r old:new a.json
	has "$err" '--rename: no record has "old"'
	run_rc 65 map-fields -r a:@seal a.csv
}

@test "map-fields: options one of which undoes the other are refused, also by number" {
	put a.csv id,name 1,Kim
	put a.json '{"id":1,"name":"Kim"}'
	for each in '-S when=x -n when' '-f when=x -n when' '-f id=x -S id=y' '-n id,id' \
		'-d name -r name:nm' '-s name -r id:x'; do
		for file in a.csv a.json; do
			# shellcheck disable=SC2086 # several options
			run_rc 64 map-fields $each $file
			is "$(<"$out")" ''
		done
	done
	for each in '-S #1=x -n id' '-S #1=x -S id=y' '-s id -d #1' '-d #2 -r name:nm' \
		'-c #1:int,id:int' '-s #2 -r id:x'; do
		# shellcheck disable=SC2086
		run_rc 64 map-fields $each a.csv
		is "$(<"$out")" ''
	done
	# what only looks like it; and a map may serve several inputs
	run_ok map-fields -s '#1' -r id:x a.csv
	printed x 1
	run_ok map-fields -s name -d id a.csv
	put map name:who id:x
	run_ok map-fields -s name -m map a.csv
	printed who Kim
	run_ok map-fields -S id=2 -c id:int -o ndjson a.csv
	printed '{"id":2,"name":"Kim"}'
}

@test "map-fields: sealed streams stay sealed, with columns that join and without the digest" {
	put n.csv ship_id,created_time,data_channel_id,value S,1,a,1 S,1,b,2 S,2,c,3
	"$FERRY_BIN/../unit/chunks" 2 csv <n.csv >s.csv
	run_pipe '0 0 0' 'map-fields -r value:v -d ship_id s.csv | reformat | cat'
	has "$out" created_time,data_channel_id,v,@seal '""final"":1'
	run_pipe '0 0 0 0' 'reformat --seal n.csv | pivot-wide | map-fields -S src=x |
		reformat -o ndjson --no-seal'
	jq -c '[.created_time, .a, .b, .c, .src]' "$out" >got
	printf '%s\n' '["1","1","2",null,"x"]' '["2",null,null,"3","x"]' >want
	same_file got want
	run_pipe '0 76' 'head -c -4 s.csv | map-fields -r value:v'
}

@test "map-fields: --hash is HMAC-SHA-256, with a key that no command line shows" {
	local key=0123456789abcdef0 sum

	sum=$(printf Kim | openssl dgst -sha256 -hmac "$key" -r | cut -d ' ' -f 1)
	put a.csv id,name,twin 1,Kim,Kim 2,,x 3,Kim,Kim
	run_rc 64 map-fields --hash name a.csv
	has "$err" --hash-key FERRY_HASH_KEY
	FERRY_HASH_KEY=$key run_ok map-fields --hash name,twin a.csv
	is "$(head -n 2 "$out" | tail -n 1)" "1,$sum,$sum"
	[[ $(sed -n 3p "$out") == 2,,* ]]
	# from a file, with its line end; numbers are hashed as they stand, behind a cast
	printf '%s\n' "$key" >key
	put a.json '{"n":"7"}' '{"n":7}'
	run_ok map-fields --hash-key key --cast n:int --hash n a.json
	is "$(sort -u "$out" | wc -l)" 1
	sum=$(printf 7 | openssl dgst -sha256 -hmac "$key" -r | cut -d ' ' -f 1)
	has "$out" "$sum"
	# what was to be hidden and is not there is no success
	run_rc 65 map-fields --hash-key key --hash nane a.csv
	run_rc 65 map-fields --hash-key key --hash nane a.json
	run_rc 78 map-fields --hash-key <(printf short) --hash n a.json
	run_rc 64 map-fields --hash-key key a.json
}

@test "map-fields: nothing that --hash is to hide gets out, nor into --rejects" {
	export FERRY_HASH_KEY=0123456789abcdef
	put a.json '{"n":"secret"}' '{"n":"secret"}'
	run_pipe '65 0' 'map-fields --hash nane a.json | cat'
	has "$err" 'record 1: field "nane": --hash is for it, and no record had it so far'
	has_no "$out" secret
	put a.csv 'a,n' '1,secret'
	run_pipe '65 0' 'map-fields --hash nane a.csv | cat'
	has_no "$out" secret
	put a.json '{"a":1}' '{"a":2,"n":"secret"}' '{"a":3}' '{"a":"x","n":"secret"}' \
		'{"a":"secret"'
	run_rc 0 map-fields --hash n --cast n:text,a:int --rejects bad.json a.json
	is "$(jq .a "$out" | xargs)" '2 3'
	is "$(jq -c '[.record,.field,.value,.raw]' bad.json | xargs)" \
		'[1,n,,] [4,a,,] [5,,,]'
	cat "$out" "$err" bad.json >all
	has_no all secret
	run_rc 65 map-fields --hash n --cast n:int <<<'{"n":"secret"}'
	has "$err" 'field "n"'
	has_no "$err" secret
}

@test "map-fields: --flatten makes fields of nested members, which other options can name" {
	put a.json '{"id":1,"a":{"b":1.50,"c":{"d":"x"},"e":[{"z":1}]},"n":null}' \
		'{"id":2,"a":5,"q":{}}' '{"id":3,"a":{"f":"\u00e9\""}}'
	run_ok map-fields --flatten a.json
	printed '{"id":1,"a.b":1.50,"a.c.d":"x","a.e":[{"z":1}],"n":null}' \
		'{"id":2,"a":5,"q":{}}' '{"id":3,"a.f":"é\""}'
	run_ok map-fields --flatten --select id,a.b --rename a.b:b --cast b:string -o csv a.json
	printed id,b 1,1.50 2, 3,
	run_rc 0 map-fields --flatten --drop a.x a.json
	has "$err" 'no record has "a.x"'
	put twice.json '{"a":{"b":1},"a.b":2}' '{"a":1}'
	run_rc 0 map-fields --flatten --rejects bad twice.json
	is "$(jq -r .why bad)" 'a nested member has the name of another field'
	# columns that a bad record brought have their places, too
	put late.json '{"a":1}' '{"n":2,"a":{"b":1},"a.b":2}' '{"a":3,"n":5}' '{"n":6}'
	run_rc 0 map-fields --flatten --rejects bad late.json
	printed '{"a":1}' '{"a":3,"n":5}' '{"n":6}'
	is "$(jq .record bad)" 2
	put t.csv a '"{""b"":1}"'
	run_ok map-fields --flatten t.csv
	same_file "$out" t.csv
}

@test "map-fields: names in quotes and by number in every option" {
	printf '"a,b","c:d","e=f"\n1,2,\n' >quoted.csv
	is_out() {
		run_ok map-fields "${@:2}" quoted.csv
		printf '%s\n' "$1" >wanted
		same_file "$out" wanted
	}
	is_out $'"y,z",x,e=f\n1,2,' --rename '"c:d":x,"a,b":"y,z"'
	is_out $'"a,b",c:d,e=f\n1,2.0,' --cast '"c:d":fractional,"a,b":int' --set '"c:d"=2.0'
	is_out $'"a,b",c:d,e=f\n1,2,3' --default '"e=f"=3'
	is_out $'"a,b",c:d,e=f\n1,9,' --set '#2=9' --cast '#1:int'
	is_out $'"a,b",c:d,e=f,a\n1,2,,"""x"""' --set 'a="x"'
	for each in --set=#9=x --default=#4=x --set-now=#9 --set=#0=x '--cast=#9:int' \
		'--select=#9 --set=#9=x' --drop=#9 --rename=#9:x; do
		# shellcheck disable=SC2086 # two options
		run_rc 65 map-fields $each quoted.csv
		has "$err" 'no column "#'
	done
	for each in '--rename=x' '--rename=a:b:c' '--rename="a:b' '--cast="a' '--set="a"' \
		'--default="a"b=c'; do
		run_rc 64 map-fields "$each" quoted.csv
	done
}

@test "map-fields: with --flatten nothing under what --hash names gets out" {
	export FERRY_HASH_KEY=0123456789abcdef

	put a.json '{"i":1,"p":{"name":{"first":"Kim","last":"Lee"}}}' \
		'{"i":2,"p":{"name":"Park"}}' '{"i":3,"p":null}' '{"i":4,"p":{"name":null}}'
	run_rc 0 map-fields --flatten --hash p.name a.json
	has_no "$out" Kim Lee Park
	is "$(jq -c 'map_values(if type == "string" then length else . end)' "$out")" \
		'{"i":1,"p.name.first":64,"p.name.last":64}
{"i":2,"p.name":64}
{"i":3,"p":null}
{"i":4,"p.name":null}'
	has "$err" '1 records have no "p.name", the first is record 3'
	run_rc 65 map-fields --flatten --hash p.name --strict a.json
	# it may be within what is no object
	put b.json '{"p":{"name":"x"}}' '{"p":[{"name":"Kim"}]}' '{"p":"Lee"}' '{"p":{}}'
	run_rc 65 map-fields --flatten --hash p.name b.json
	has_no "$out" Kim
	run_rc 0 map-fields --flatten --hash p.name --rejects bad.json b.json
	has_no "$out" Kim Lee
	is "$(jq .record bad.json | xargs)" '2 3'
	# an object without members holds nothing; but nor does it prove that the name is right
	is "$(sed 1d "$out")" '{"p":{}}'
	has "$err" '1 records have no "p.name", the first is record 4'
	run_rc 65 map-fields --flatten --hash p.name - <<<'{"p":{ }}'
	has "$err" 'no record had it so far'
	run_rc 0 map-fields --flatten --rename p.name:who --hash who --rejects bad.json b.json
	has_no "$out" Kim Lee
	run_rc 0 map-fields --flatten --drop p --hash p.name b.json
	has_no "$out" Kim Lee
	printf '%s\n' p.name.first,i Kim,1 >c.csv
	run_ok map-fields --flatten --hash p.name c.csv
	has_no "$out" Kim
}

@test "map-fields: records without what --hash names are counted, and an error with --strict" {
	export FERRY_HASH_KEY=0123456789abcdef

	printf '%s\n' '{"n":"Kim"}' '{"nn":"Lee"}' '{"n":null}' '{"nn":"Park"}' >a.json
	run_rc 0 map-fields --hash n a.json
	has "$err" '2 records have no "n", the first is record 2'
	run_rc 65 map-fields --hash n --strict a.json
}

@test "map-fields: a key is the same with a mark before it, and whatever its line end" {
	printf '{"n":"x"}\n' >a.json
	printf '0123456789abcdef' >key
	run_ok map-fields --hash n --hash-key key a.json
	mv "$out" wanted
	for form in 'KEY\n' 'KEY\r\n' '\xef\xbb\xbfKEY\r\n'; do
		printf '%b' "${form/KEY/0123456789abcdef}" >key
		run_ok map-fields --hash n --hash-key key a.json
		same_file "$out" wanted
	done
}

@test "map-fields: a column that only --default makes is said" {
	printf 'status,n\n,1\n' >a.csv
	printf '{"status":null}\n{}\n' >a.json
	for file in a.csv a.json; do
		run_ok map-fields --default status=x "$file"
		run_rc 0 map-fields --default stauts=x "$file"
		has "$err" '--default: no record has "stauts"'
		run_rc 65 map-fields --default stauts=x --strict "$file"
		run_ok map-fields --set stauts=x --strict "$file"
	done
}

@test "map-fields: records that are refused take no memory" {
	no_sanitizer 'it takes address space of its own'
	{ printf '%s\n' a,b,n 1,1,1 && yes 1e300,1e300,x | head -n 200000; } >a.csv
	run_rc 0 bash -c 'ulimit -v 65536
		exec map-fields --cast a:float,b:float,n:int --rejects /dev/null a.csv'
	is "$(wc -l <"$out")" 2
}
