load helper

setup_file() { scratch_db; }

# table NAME COLUMNS: a new table public.NAME
table() {
	sql "DROP TABLE IF EXISTS public.$1; CREATE TABLE public.$1 ($2)" 2>"$err"
}

# ---- columns and values ------------------------------------------------------------------------

@test "table: columns are matched by name, in any order; others get their defaults" {
	table t 'a int, b text, c text DEFAULT $$def$$'
	printf 'b,a\nx,1\ny,2\n' >in.csv
	run_ok pg-copy-load --table public.t in.csv
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'x', 'def'), (2, 'y', 'def')"
}

@test "table: NULL and the empty string are two things" {
	table t 'a text, b text'
	printf 'a,b\n1,\n2,""\n' >in.csv
	run_ok pg-copy-load --table public.t in.csv
	printf '%s\n' '{"a":"3","b":null}' '{"a":"4","b":""}' >in.json
	run_ok pg-copy-load --table public.t in.json
	same_rows 'SELECT * FROM public.t' "VALUES ('1', NULL), ('2', ''), ('3', NULL), ('4', '')"
}

@test "table: what COPY treats as special arrives as it is" {
	table t 'n int, v text'
	# shellcheck disable=SC1003
	printf '%s\n' 'n,v' '1,\.' '2,\N' '3,"a	b"' '4,"line' 'two"' '5,back\slash\\' '6," x "' \
		'7,"say ""hi"", ok"' \
		'8,\t' '9,"\."' >in.csv
	run_ok pg-copy-load --table public.t in.csv
	same_rows 'SELECT * FROM public.t' "VALUES (1, '\\.'), (2, '\\N'), (3, E'a\\tb'),
		(4, E'line\\ntwo'),
		(5, 'back\\slash\\\\'), (6, ' x '), (7, 'say \"hi\", ok'), (8, '\\t'), (9, '\\.')"
	printf '%s\n' '{"n":1,"v":"a\tb\r\n\\."}' '{"n":2,"v":"\u00e9\ud83d\ude00"}' >in.json
	sql 'TRUNCATE public.t'
	run_ok pg-copy-load --table public.t in.json
	same_rows 'SELECT * FROM public.t' "VALUES (1, E'a\\tb\\r\\n\\\\.'), (2, 'é😀')"
}

@test "table: a table of one column keeps empty lines" {
	table t 'v text'
	printf 'v\n""\n\nx\n' >in.csv
	run_ok pg-copy-load --table public.t in.csv
	same_rows 'SELECT * FROM public.t' "VALUES (''), (NULL), ('x')"
}

@test "table: values keep their text" {
	table t 'v text, d double precision, i bigint'
	printf '%s\n' v,d,i 007,NaN,9223372036854775807 1e5,-Infinity,-9223372036854775808 \
		9007199254740993,-0,9007199254740993 >in.csv
	run_ok pg-copy-load --table public.t in.csv
	same_rows 'SELECT v, d::text, i::text FROM public.t' "VALUES
		('007', 'NaN', '9223372036854775807'), ('1e5', '-Infinity', '-9223372036854775808'),
		('9007199254740993', '-0', '9007199254740993')"
}

@test "table: JSON objects and arrays go into json columns as written" {
	table t 'k int PRIMARY KEY, j json'
	printf '%s\n' '{"k":1,"j":{"b": [1,2.50],"a":null}}' '{"k":2,"j":[]}' >in.json
	run_ok pg-copy-load --table public.t in.json
	same_rows 'SELECT k, j::text FROM public.t' \
		"VALUES (1, '{\"b\": [1,2.50],\"a\":null}'), (2, '[]')"
	# a type without an equality can be replaced, too
	printf '%s\n' '{"k":1,"j":[7]}' '{"k":2,"j":[]}' >in.json
	run_ok pg-copy-load --table public.t --key k in.json
	same_rows 'SELECT k, j::text FROM public.t' "VALUES (1, '[7]'), (2, '[]')"
}

@test "table: names are compared with their case, and may be quoted" {
	sql 'CREATE SCHEMA "My.Schema"; CREATE TABLE "My.Schema"."T" ("A" text, a text)'
	printf 'a,A\nlow,up\n' >in.csv
	run_ok pg-copy-load --table '"My.Schema".T' in.csv
	same_rows 'SELECT "A", a FROM "My.Schema"."T"' "VALUES ('up', 'low')"
	run_rc 78 pg-copy-load --table '"My.Schema".t' in.csv
	has "$err" 'no such table' --create
	run_rc 64 pg-copy-load --table 'a.b.c' in.csv
}

@test "table: a column the table does not have is 65, or left out on demand" {
	table t 'a text'
	printf 'a,b,A\n1,2,3\n' >in.csv
	run_rc 65 pg-copy-load --table public.t in.csv
	has "$err" '"b"' '"A"' --ignore-unknown
	printf 'a,op\n1,d\n' >op.csv # without op it would be a row of nothing
	run_rc 65 pg-copy-load --table public.t op.csv
	has "$err" 'only --wide carries out'
	has_no "$err" --ignore-unknown
	is "$(sql 'SELECT count(*) FROM public.t')" 0
	run_rc 0 pg-copy-load --table public.t --ignore-unknown in.csv
	same_rows 'SELECT * FROM public.t' "VALUES ('1')"
	printf '%s\n' '{"a":"2"}' '{"a":"3","z":1}' >in.json
	run_rc 65 pg-copy-load --table public.t in.json
	run_rc 0 pg-copy-load --table public.t --ignore-unknown in.json
	same_rows 'SELECT * FROM public.t' "VALUES ('1'), ('2'), ('3')"
	printf 'x,y\n1,2\n' >in.csv
	run_rc 65 pg-copy-load --table public.t --ignore-unknown in.csv
	has "$err" "none of the input's columns"
}

@test "table: the text options of filters, in files of others" {
	table t 'a int, b text'
	printf 'x\n# c\n1;\xb0\xa1\n' >k.txt
	run_ok pg-copy-load --table public.t --delimiter ';' --skip-lines 1 --comment '#' \
		--encoding EUC-KR --names a,b k.txt
	printf 'a\tb\n2\t"x,y"\n\\N\t\\N\n' >t.tsv
	run_rc 65 pg-copy-load --table public.t -i tsv t.tsv
	has "$err" "--null '"
	run_ok pg-copy-load --table public.t -i tsv --null '\N' t.tsv
	sql 'DELETE FROM public.t WHERE a IS NULL AND b IS NULL'
	printf '{"d":{"items":[{"a":3,"b":null}]}}' >d.json
	run_ok pg-copy-load --table public.t -i json --at d.items d.json
	printf 'a|b|b\n4|z|\n' >p.txt
	run_rc 0 pg-copy-load --table public.t --delimiter '|' --rename-columns \
		--ignore-unknown p.txt
	is "$(sql 'SELECT * FROM public.t ORDER BY a')" $'1|가\n2|x,y\n3|\n4|z'
}

@test "table: several files are one input, of one header, and all whole" {
	table t 'a int, b text'
	printf 'a,b\n1,x\n' >1.csv
	printf 'a,b\n2,y\n' | gzip >2.csv
	: >3.csv
	run_rc 0 pg-copy-load --table public.t 1.csv 2.csv 3.csv
	is "$(<"$err")" 'pg-copy-load: warning: 3.csv: nothing was read, not even a header'
	same_rows 'TABLE public.t' "VALUES (1, 'x'), (2, 'y')"
	printf 'b,a\nz,3\n' >4.csv
	run_rc 65 pg-copy-load --table public.t --truncate 1.csv 4.csv
	has "$err" '4.csv: header: column 1 is "b", but "a" in 1.csv'
	run_rc 76 pg-copy-load --table public.t 1.csv <(cat 2.csv)
	has "$err" 'one of the files is a pipe'
	run_rc 66 pg-copy-load --table public.t 1.csv 6.csv
	has "$err" 'cannot open "6.csv"'
	run_rc 66 pg-copy-load --table public.t 1.csv /
	has "$err" 'cannot read "/": it is a directory'
	run_rc 64 pg-copy-load --table public.t --rejects 2.csv 1.csv 2.csv
	same_rows 'TABLE public.t' "VALUES (1, 'x'), (2, 'y')"
	printf 'a,b\n3,\nx,u\n' >5.csv
	run_rc 0 pg-copy-load --table public.t --truncate --rejects bad 1.csv 5.csv
	is "$(jq -r '.file + ":" + (.line | tostring)' bad)" 5.csv:3
	same_rows 'TABLE public.t' "VALUES (1, 'x'), (3, NULL)"
	printf 'ship_id,created_time,c\nF,2024-01-01,1\n' >w1.csv
	printf 'ship_id,created_time,c\nF,2024-01-02,2\n' >w2.csv
	run_ok pg-copy-load --wide w1.csv w2.csv
	is "$(sql 'SELECT c FROM tenant.tbl_data_timeseries_f ORDER BY 1' | xargs)" '1 2'
}

@test "table: an absent member is not written, null is" {
	table t "k int PRIMARY KEY, v text DEFAULT 'def', w text DEFAULT 'dew'"
	printf '%s\n' '{"k":1}' '{"k":2,"v":null}' '{"w":"x","k":3}' '{"k":4,"v":"a","w":"b"}' \
		>in.json
	run_ok pg-copy-load --table public.t --key k in.json
	same_rows 'SELECT * FROM public.t' \
		"VALUES (1, 'def', 'dew'), (2, NULL, 'dew'), (3, 'def', 'x'), (4, 'a', 'b')"
	printf '%s\n' '{"k":1,"w":"new"}' '{"k":2,"v":"got"}' '{"k":3,"w":null}' '{"k":4}' >in.json
	run_ok pg-copy-load --table public.t --key k in.json
	same_rows 'SELECT * FROM public.t' \
		"VALUES (1, 'def', 'new'), (2, 'got', 'dew'), (3, 'def', NULL), (4, 'a', 'b')"
}

@test "table: gzip is taken as it comes" {
	table t 'a text'
	printf 'a\n1\n2\n' | gzip >in.csv.gz
	run_ok pg-copy-load --table public.t in.csv.gz
	is "$(sql 'SELECT count(*) FROM public.t')" 2
	head -c 25 in.csv.gz >cut.csv.gz
	run_rc fails pg-copy-load --table public.t cut.csv.gz
	is "$(sql 'SELECT count(*) FROM public.t')" 2
}

# ---- create ------------------------------------------------------------------------------------

@test "create: all text, or as told; the key becomes the primary key" {
	sql 'DROP TABLE IF EXISTS public.c'
	printf 'id,when,x y\n1,2024-01-01,\n' >in.csv
	run_rc 78 pg-copy-load --table public.c in.csv
	run_ok pg-copy-load --table public.c --create --key id -T id=bigint -T when=timestamptz \
		in.csv
	is "$(sql "SELECT attname, atttypid::regtype FROM pg_attribute
		WHERE attrelid = 'public.c'::regclass AND attnum > 0 ORDER BY attnum" | xargs)" \
		'id|bigint when|timestamp with time zone x y|text'
	is "$(sql "SELECT pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = 'public.c'::regclass")" 'PRIMARY KEY (id)'
	# a table that is there is used as it is
	printf 'id,x y\n1,z\n' >in.csv
	run_ok pg-copy-load --table public.c --create --key id in.csv
	same_rows 'SELECT id, "x y" FROM public.c' "VALUES (1, 'z')"
}

@test "create: a type is a type and nothing else" {
	printf 'a\n1\n' >in.csv
	run_rc 64 pg-copy-load --table public.evil --create -T 'a=text); DROP TABLE x; --' in.csv
	run_rc 64 pg-copy-load --table public.evil --create -T a in.csv
	run_rc fails pg-copy-load --table public.evil --create -T a=nosuchtype in.csv
	is "$(sql "SELECT to_regclass('public.evil')")" ''
}

@test "create: a table made in this run grows with NDJSON, and is not there when the run fails" {
	sql 'DROP TABLE IF EXISTS public.g'
	printf '%s\n' '{"a":1}' '{"a":2,"b":"x"}' '{"c":true}' >in.json
	run_ok pg-copy-load --table public.g --create in.json
	same_rows 'SELECT a, b, c FROM public.g' "VALUES ('1', NULL, NULL), ('2', 'x', NULL),
		(NULL, NULL, 'true')"
	sql 'DROP TABLE public.g'
	printf '%s\n' '{"a":1}' '{"a":' >in.json
	run_rc 65 pg-copy-load --table public.g --create in.json
	is "$(sql "SELECT to_regclass('public.g')")" ''
}

# ---- upsert ------------------------------------------------------------------------------------

@test "key: new rows are added, others replaced, equal ones not written again" {
	table t 'a int, b text, v text, PRIMARY KEY (a, b)'
	sql "INSERT INTO public.t VALUES (1, 'x', 'old'), (2, 'y', 'same'), (3, 'z', 'kept')"
	printf 'v,b,a\nnew,x,1\nsame,y,2\nadded,w,4\n' >in.csv
	before=$(sql 'SELECT ctid, xmin FROM public.t WHERE a = 2')
	run_ok pg-copy-load --table public.t --key a,b in.csv
	same_rows 'SELECT * FROM public.t' \
		"VALUES (1, 'x', 'new'), (2, 'y', 'same'), (3, 'z', 'kept'), (4, 'w', 'added')"
	is "$(sql 'SELECT ctid, xmin FROM public.t WHERE a = 2')" "$before"
}

@test "key: of several rows of one key the last one wins, whatever lies between" {
	table t 'k text PRIMARY KEY, v text'
	seq 3000 | awk 'BEGIN { print "k,v" } { print "k" $1 % 7 ",v" $1 }' >in.csv
	run_ok pg-copy-load --table public.t --key k --buffer 1K in.csv
	same_rows 'SELECT * FROM public.t' \
		"SELECT 'k' || i % 7, 'v' || i FROM generate_series(2994, 3000) AS i"
}

@test "key: a row replaced in the input still counts when the later one is refused" {
	table t 'k int PRIMARY KEY, v int, w int'
	sql 'INSERT INTO public.t VALUES (3, 0, 0)'
	printf '%s\n' '{"k":1,"v":1,"w":1}' '{"k":2,"v":2,"w":2}' '{"k":1,"v":"x","w":1}' \
		'{"k":2,"v":3,"w":3}' \
		'{"k":3,"v":4}' '{"k":3,"w":5}' '{"k":3,"v":"y"}' '{"k":2,"w":6}' >in.json
	run_rc 0 pg-copy-load --table public.t --key k --rejects bad.json in.json
	is "$(jq -r .record bad.json | xargs)" '3 7'
	same_rows 'SELECT * FROM public.t' 'VALUES (1, 1, 1), (2, 3, 6), (3, 4, 5)'
}

@test "key: equal keys in different words are found by the server, and merged in order" {
	table t 'k int PRIMARY KEY, v text'
	printf 'k,v\n1,a\n2,b\n01,c\n+2,d\n3,e\n 1,f\n' >in.csv
	sql "INSERT INTO public.t VALUES (3, 'old')"
	run_ok pg-copy-load --table public.t --key k in.csv
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'f'), (2, 'd'), (3, 'e')"
}

@test "key: columns with a default that the input does not have stay as they are" {
	table t 'id bigserial NOT NULL, k text PRIMARY KEY, v text,
		made timestamptz NOT NULL DEFAULT now()'
	printf 'k,v\na,1\nb,2\n' >in.csv
	run_ok pg-copy-load --table public.t --key k in.csv
	before=$(sql 'SELECT id, made FROM public.t ORDER BY k')
	printf 'k,v\na,1\nb,3\nc,4\n' >in.csv
	run_ok pg-copy-load --table public.t --key k in.csv
	is "$(sql "SELECT id, made FROM public.t WHERE k <> 'c' ORDER BY k")" "$before"
	same_rows 'SELECT k, v FROM public.t' "VALUES ('a', '1'), ('b', '3'), ('c', '4')"
}

@test "key: -0 replaces 0, and NULL replaces a value" {
	table t 'k int PRIMARY KEY, d double precision, v text'
	sql "INSERT INTO public.t VALUES (1, 0, 'x')"
	printf 'k,d,v\n1,-0,\n' >in.csv
	run_ok pg-copy-load --table public.t --key k in.csv
	same_rows 'SELECT k, d::text, v FROM public.t' "VALUES (1, '-0', NULL)"
}

# ---- bad rows ----------------------------------------------------------------------------------

@test "bad rows: the first one is named by record, line, field and value, and nothing is loaded" {
	table t 'a int, b text'
	printf 'a,b\n1,x\n2,"two\nlines"\n3x,y\n4,z\n' >in.csv
	run_rc 65 pg-copy-load --table public.t in.csv
	has "$err" 'in.csv:5: record 3: field "a": invalid input syntax for type integer: "3x"' \
		--rejects
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

@test "bad rows: with --rejects the others are loaded, wherever the bad ones are" {
	local i
	table t 'n int, a int CHECK (a <> 13)'
	{
		printf 'n,a\n'
		for i in {1..500}; do
			case $i in
			1 | 2 | 250 | 251 | 400 | 500) printf '%d,bad%d\n' "$i" "$i" ;;
			300) printf '300,13\n' ;;
			301) printf '301,99999999999\n' ;;
			*) printf '%d,%d\n' "$i" $((i * 20)) ;;
			esac
		done
	} >in.csv
	run_rc 0 pg-copy-load --table public.t --rejects bad.json in.csv
	has "$err" '8 of 500 records rejected'
	same_rows 'SELECT * FROM public.t' "SELECT i, i * 20 FROM generate_series(1, 500) AS i
		WHERE i NOT IN (1, 2, 250, 251, 300, 301, 400, 500)"
	is "$(jq -r .record bad.json | xargs)" '1 2 250 251 300 301 400 500'
	is "$(jq -c 'select(.record == 250)' bad.json)" \
		"$(printf '%s' '{"file":"in.csv","record":250,"line":251,"column":0,' \
			'"field":"a","value":"bad250",' \
			'"why":"invalid input syntax for type integer","raw":"250,bad250"}')"
	is "$(jq -r 'select(.record == 300).why' bad.json | cut -c 1-40)" \
		'new row for relation "t" violates check '
	is "$(jq -r 'select(.record == 301).why' bad.json)" \
		'value "99999999999" is out of range for type integer'
	# whole, without the value, whatever it is, and the same for the same reason
	{
		printf 'n,a\nx: y,1\n"x\ty",1\n"a ""b"": c",1\n"x\ny",1\n%0300d,1\n' 0
		seq 1000 1200 | sed 's/.*/q&,1/'
	} | sed 's/^0/x/' >in.csv
	run_rc 65 pg-copy-load --table public.t --rejects bad.json in.csv
	is "$(jq -r .why bad.json | sort | uniq -c | xargs)" \
		'206 invalid input syntax for type integer'
}

@test "bad rows: found among upserted ones too, and where the server names no line" {
	table r 'id int PRIMARY KEY'
	table t 'k int PRIMARY KEY, r int REFERENCES public.r, v int NOT NULL'
	sql 'INSERT INTO public.r SELECT generate_series(1, 50);
		INSERT INTO public.t VALUES (5, 1, 1)'
	seq 40 | awk 'BEGIN { print "k,r,v" }
		{ print $1 "," ($1 == 17 || $1 == 33 ? 99 : $1) "," ($1 == 20 ? "" : $1) }' >in.csv
	run_rc 0 pg-copy-load --table public.t --key k --rejects bad.json in.csv
	# whoever refers to what is not there has waited for it
	is "$(jq -r .record bad.json | xargs)" '20 17 33'
	same_rows 'SELECT * FROM public.t' \
		'SELECT i, i, i FROM generate_series(1, 40) AS i WHERE i NOT IN (17, 20, 33)'
}

@test "bad rows: --max-rejects as a number or a share, checked before anything is committed" {
	local i
	table t 'a int'
	{
		printf 'a\n'
		for i in {1..100}; do [[ $i == *7 ]] && printf 'x\n' || printf '%d\n' "$i"; done
	} >in.csv
	run_rc 65 pg-copy-load --table public.t --rejects bad.json --max-rejects 9 in.csv
	run_rc 65 pg-copy-load --table public.t --rejects bad.json --max-rejects 9% in.csv
	is "$(sql 'SELECT count(*) FROM public.t')" 0
	run_rc 0 pg-copy-load --table public.t --rejects bad.json --max-rejects 10% in.csv
	is "$(sql 'SELECT count(*) FROM public.t')" 90
	is "$(wc -l <bad.json)" 10
}

@test "bad rows: a row too wide for a page is one" {
	table t "$(printf 'c%d text, ' {1..500})k int"
	{
		printf 'c%d,' {1..500} && printf 'k\n'
		printf 'x%.0s,' {1..500} && printf '1\n'
		printf 'twenty-three-characters%.0s,' {1..500} && printf '2\n'
		printf '%.0s,' {1..500} && printf '3\n'
	} >in.csv
	run_rc 0 pg-copy-load --table public.t --rejects bad.json in.csv
	has bad.json 'row is too big'
	is "$(sql 'SELECT k FROM public.t ORDER BY k' | xargs)" '1 3'
}

@test "bad records: malformed input is named, and nothing is loaded" {
	table t 'a text, b text'
	printf 'a,b\n1,2\n3\n' >in.csv
	run_rc 65 pg-copy-load --table public.t in.csv
	has "$err" 'in.csv:3'
	printf 'a,b\n1,2\n3,\xff\n' >in.csv
	run_rc 65 pg-copy-load --table public.t in.csv
	has "$err" 'UTF-8'
	printf 'a,b\n1,2\n3,4' >in.csv
	run_rc 65 pg-copy-load --table public.t in.csv
	printf '{"a":"1","b":"x\\u0000y"}\n' >in.json
	run_rc 65 pg-copy-load --table public.t in.json
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

# ---- what is whole -----------------------------------------------------------------------------

@test "trust: a pipe without seals is refused at the first record, with the ways out" {
	table t 'a text'
	run_pipe '0 76' 'true | pg-copy-load --table public.t'
	has "$err" 'ended before its first byte: the program before it did not begin'
	for input in 'a\n1\n' '{"a":"1"}\n'; do
		run_pipe '0 76' 'printf "$input" | pg-copy-load --table public.t' input="$input"
		has "$err" 'pipe without a seal' --accept-unsealed 'via --source'
	done
	for what in '--table public.t' --wide; do
		run_pipe '1 76' "false | pg-copy-load $what"
		has "$err" 'ended before its first byte'
	done
	is "$(sql 'SELECT count(*) FROM public.t')" 0
	run_pipe '0 0' 'printf "a\n1\n" | pg-copy-load --table public.t --accept-unsealed'
	run_pipe '0 0' 'via --source -- printf "a\n2\n" | pg-copy-load --table public.t'
	same_rows 'SELECT * FROM public.t' "VALUES ('1'), ('2')"
}

@test "trust: a file that says it is sealed needs its seal" {
	table t 'a text'
	printf '%s\n' 'a,@seal' 'x,' 'y,' >in.csv
	run_rc 76 pg-copy-load --table public.t in.csv
	has "$err" 'without its seal'
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

@test "trust: a stream cut in its second chunk keeps the first" {
	table t 'ship_id text, created_time timestamp, data_channel_id text, value text'
	sql "DROP TABLE IF EXISTS public.n; CREATE TABLE public.n (ship_id text,
			created_time timestamp, data_channel_id text, v text);
		INSERT INTO public.n SELECT 'S', t, 'c' || i, i
		FROM generate_series('2024-01-01'::timestamp, '2024-01-03', '6h') AS t,
			generate_series(1, 3) AS i"
	pg-narrow-dump --seal --table public.n --value-column v >sealed.csv
	is "$(grep -c '""seal""' sealed.csv)" 4
	sed '$d' sealed.csv | sed '$d' | sed '$d' >cut.csv
	run_rc 76 pg-copy-load --table public.t cut.csv
	same_rows 'SELECT * FROM public.t' "SELECT * FROM public.n
		WHERE created_time < '2024-01-03'"
}

@test "trust: an abort from upstream ends with its code and reason" {
	table t 'a text'
	printf '%s\n' 'a,@seal' '1,' \
		',"{""v"":1,""abort"":69,""by"":""pg-narrow-dump"",""msg"":""no such luck""}"' \
		>in.csv
	run_rc 69 pg-copy-load --table public.t in.csv
	has "$err" 'pg-narrow-dump: no such luck'
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

# ---- dying -------------------------------------------------------------------------------------

# stopped_at PLACE COMMAND...: starts it, and it stops at the kill point; $pid is its number
stopped_at() {
	KP_STOP=$1 "${@:2}" >"$out" 2>"$err" 3>&- &
	pid=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$pid/status"
}

@test "dying: kill -9 at any point leaves all or nothing" {
	table t 'a text'
	printf 'a\n1\n2\n' >in.csv
	for place in in_copy before_finish before_commit; do
		run_rc 137 env KP_KILL=$place:1 pg-copy-load --table public.t in.csv
		is "$(sql 'SELECT count(*) FROM public.t')" 0 "$place"
	done
	run_rc 137 env KP_KILL=after_commit:1 pg-copy-load --table public.t in.csv
	is "$(sql 'SELECT count(*) FROM public.t')" 2
}

@test "dying: SIGTERM is 143 and SIGINT 130, waiting for input or a lock; nothing is loaded" {
	local rc
	table t 'a text'
	mkfifo pipe
	drained() { ! read -r -t 0 -u 7; }
	for signal in TERM:143 INT:130; do
		pg-copy-load --table public.t --accept-unsealed <pipe 2>"$err" 3>&- &
		pid=$!
		exec 7<>pipe # both ways: this shell sees when it is empty
		printf 'a\n1\n' >&7
		wait_until 10 drained
		# bash starts it with SIGINT ignored; it catches it all the same
		kill -"${signal%:*}" "$pid"
		rc=0
		wait "$pid" || rc=$?
		exec 7>&-
		is "$rc" "${signal#*:}"
	done
	printf 'a\n1\n' >in.csv
	mkfifo hold
	psql -Xq <hold >/dev/null 3>&- &
	exec 8>hold
	printf 'BEGIN; LOCK TABLE public.t;\n' >&8
	wait_until 5 bash -c "[[ \$(psql -XAtc \"SELECT count(*) FROM pg_locks WHERE granted
		AND relation = 'public.t'::regclass\") != 0 ]]"
	pg-copy-load --table public.t in.csv 2>"$err" 3>&- 8>&- &
	pid=$!
	wait_until 5 bash -c "[[ \$(psql -XAtc \"SELECT count(*) FROM pg_locks WHERE NOT granted
		AND relation = 'public.t'::regclass\") != 0 ]]"
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 143
	exec 8>&-
	wait
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

@test "dying: a connection lost during COMMIT is 75, and says what is not known" {
	local rc
	table t 'k text PRIMARY KEY'
	printf 'k\n1\n' >in.csv
	for options in '--key k' ''; do
		# shellcheck disable=SC2086
		stopped_at before_commit:1 pg-copy-load --table public.t $options in.csv
		sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'pg-copy-load'
			AND datname = current_database()" >/dev/null
		kill -CONT "$pid"
		rc=0
		wait "$pid" || rc=$?
		is "$rc" 75
		has "$err" 'connection lost' 'not known whether the last chunk was committed'
		[[ $options ]] && has "$err" 'is safe' || has "$err" 'may add rows twice'
	done
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

@test "dying: what the server says decides the code" {
	table t 'a text'
	printf 'a\n1\n' >in.csv
	sql 'DO $$ BEGIN CREATE ROLE ferry_nobody LOGIN;
		EXCEPTION WHEN duplicate_object THEN END $$'
	run_rc 77 pg-copy-load --table public.t --target 'user=ferry_nobody' in.csv
	run_rc 78 pg-copy-load --table public.t --target 'dbname=no_such_database' in.csv
	run_rc 75 pg-copy-load --table public.t --target "host=$PWD/nowhere" in.csv
}

# ---- options -----------------------------------------------------------------------------------

@test "options: combinations that mean nothing are 64" {
	printf 'a\n1\n' >in.csv
	run_rc 64 pg-copy-load in.csv
	run_rc 64 pg-copy-load --wide --table public.t in.csv
	for each in target-schema=x target-prefix=x types=native groups=x group-columns=9; do
		run_rc 64 pg-copy-load --table public.t "--$each" in.csv
		has "$err" 'only --target goes with --table'
	done
	run_rc 64 pg-copy-load --table public.t --live in.csv
	run_rc 64 pg-copy-load --wide --create in.csv
	run_rc 64 pg-copy-load --table public.t -T a=int in.csv
	run_rc 64 pg-copy-load --wide --rejects x --keep-rejects in.csv
	run_rc 64 pg-copy-load --table public.t --max-rejects 5 in.csv
	has "$err" '--max-rejects needs --rejects or --keep-rejects'
	run_rc 64 pg-copy-load --table public.t --key a,,b --create in.csv
}

@test "options: files that are named are looked at before the server is asked" {
	printf 'a\n1\n' >in.csv
	export PGHOST=$PWD # whoever asks ends with 75
	run_rc 75 pg-copy-load --wide in.csv
	for each in '73 --wide --ack none/x' '73 --table t --rejects none/x' \
		'73 --wide --ack .' '73 --table t --stats none/x'; do
		# shellcheck disable=SC2086 # words
		run_rc ${each%% *} pg-copy-load ${each#* } in.csv
	done
	run_rc 66 pg-copy-load --table t none.csv
	run_rc 73 kafka-put -b localhost:1 -t x --ack none/x in.csv
	run_rc 73 pg-wide-web --report -O none/x
	is "$(ls)" in.csv
}

@test "options: a file without records is told of" {
	printf 'ship_id,created_time,a\n' >head.csv
	sql 'DROP TABLE IF EXISTS public.h; CREATE TABLE public.h (a text)' 2>/dev/null
	run_rc 0 pg-copy-load -t public.h --ignore-unknown head.csv
	has "$err" 'the input has no records'
	run_rc 0 pg-copy-load --wide head.csv
	has "$err" 'the input has no records'
	run_pipe '0 0' 'map-fields --seal head.csv | pg-copy-load --wide --live'
	has "$err" 'the input has no records'
}

@test "options: --stats counts, also in a run without a row" {
	table t 'a text'
	printf 'a\n' >in.csv
	run_rc 0 pg-copy-load --table public.t --stats stats.json in.csv
	is "$(jq -c '[.program, .rows_in, .rejects]' stats.json)" '["pg-copy-load",0,0]'
}

@test "manual: its examples run" {
	table rates 'day date, currency text, rate numeric, PRIMARY KEY (day, currency)'
	sql 'DROP TABLE IF EXISTS public.log'
	printf 'day,currency,rate\n2024-01-01,KRW,1300.5\n2024-01-01,EUR,0.91\n' >rates.csv
	printf '%s\n' '{"at":"2024-01-01T00:00:00Z","msg":"x"}' | gzip >log.ndjson.gz
	sed -n '/^pg-copy-load --table/p' "$root/src/load/pg-copy-load.1" >examples
	is "$(wc -l <examples)" 2
	run_ok bash -e examples
	is "$(sql 'SELECT count(*) FROM public.rates')" 2
	is "$(sql 'SELECT at, msg FROM public.log')" '2024-01-01 00:00:00+00|x'
}

@test "table: options that are wrong by themselves are told before the server is asked" {
	printf 'a,b\n1,2\n' >in.csv
	while read -r -a each; do
		PGHOST=$PWD run_rc 64 pg-copy-load "${each[@]}" in.csv
	done <<-'END'
		--table=
		--table a.b.c
		--table t -k a,a
		--table t -k a,
		--table t --create -T a
		--table t --create -T =int
		--table t --create -T a=int;x
		--table t --create -T a=int -T a=text
	END
	PGHOST=$PWD run_rc 64 pg-copy-load --table t -k '' in.csv
	PGHOST=$PWD run_rc 64 pg-narrow-dump --table a.b.c
	PGHOST=$PWD run_rc 64 pg-dual-load --table a.b.c in.csv
	PGHOST=$PWD run_rc 64 pg-wide-analyze queries --ship-id a --ship-id b
	PGHOST=$PWD run_rc 75 pg-copy-load --table t -k a --create -T a=int -T b=text in.csv
}
