load helper

# pg-copy-load --table: keys, conflicts, and rows that are refused. The columns, values and endings
# are in load-pg-copy-load.bats.

setup_file() { scratch_db; }

# table NAME COLUMNS: a new table public.NAME
table() {
	sql "DROP TABLE IF EXISTS public.$1 CASCADE; CREATE TABLE public.$1 ($2)" 2>"$err"
}

# into NAME [OPTION...]: loads in.csv or, when it is newer, in.json
into() {
	local file=in.csv
	[[ ! in.json -nt in.csv ]] || file=in.json
	pg-copy-load --table "public.$1" "${@:2}" "$file"
}

# ---- keys --------------------------------------------------------------------------------------

@test "key: what is no unique key of the table is 78, and names those there are" {
	table t 'a int, b text, c text, d int, PRIMARY KEY (a, b)'
	sql 'CREATE UNIQUE INDEX ON public.t (c) INCLUDE (d);
		CREATE UNIQUE INDEX ON public.t (d) WHERE d > 0;
		CREATE UNIQUE INDEX ON public.t (lower(b));
		ALTER TABLE public.t ADD UNIQUE (a) DEFERRABLE'
	printf 'a,b,c,d\n1,x,y,2\n' >in.csv
	for key in a b d a,d c,d a,b,c; do
		run_rc 78 into t --key "$key"
		has "$err" "--key $key is no key" '"a","b"; "c"'
	done
	is "$(sql 'SELECT count(*) FROM public.t')" 0
	run_ok into t --key b,a
	run_ok into t --key c
	is "$(sql 'SELECT count(*) FROM public.t')" 1
	table t 'a int'
	run_rc 78 into t --key a --ignore-unknown
	has "$err" 'has none'
}

@test "key: NULL in a key is a bad record, unless NULLs are equal" {
	table t 'a int UNIQUE, b text'
	printf 'a,b\n1,x\n,y\n' >in.csv
	run_rc 65 into t --key a
	has "$err" 'in.csv:3: record 2: field "a"' 'NULL is equal to nothing'
	run_rc 0 into t --key a --rejects bad.json
	printf '{"a":2,"b":"z"}\n{"b":"w"}\n' >in.json
	run_rc 0 into t --key a --rejects bad.json
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'x'), (2, 'z')"
	table t 'a int UNIQUE NULLS NOT DISTINCT, b text'
	for value in one two; do
		printf 'a,b\n1,x\n,%s\n' "$value" >in.csv
		run_ok into t --key a
	done
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'x'), (NULL, 'two')"
}

@test "key: rows are compared by the key's own equality, wherever its operator lies" {
	sql 'CREATE EXTENSION IF NOT EXISTS citext'
	sql "CREATE COLLATION IF NOT EXISTS public.nocase
		(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
	for type in citext 'text COLLATE public.nocase'; do
		table t "k $type PRIMARY KEY, v int"
		sql "INSERT INTO public.t VALUES ('Abc', 1)"
		printf 'k,v\naBC,2\nx,3\nX,4\n' >in.csv
		run_ok into t --key k
		same_rows 'SELECT k::text, v FROM public.t' "VALUES ('Abc', 2), ('X', 4)"
	done
}

@test "key: records with other fields come in their order, however their key is spelled" {
	local type one two

	while read -r type one two; do
		table t "k $type PRIMARY KEY, a int, b int"
		printf '{"k":%s,"a":1}\n{"k":%s,"a":2,"b":2}\n{"k":%s,"a":3}\n' \
			"$one" "$two" "$one" >in.json
		touch -d '+1 minute' in.json
		run_ok into t --key k --target "dbname=$PGDATABASE options='-c TimeZone=Asia/Seoul'"
		is "$(sql 'SELECT a, b FROM public.t')" '3|2' "$type"
	done <<-'END'
		numeric 1 1.0
		numeric 1e2 "100.00"
		int 7 "007"
		float8 0.5 5e-1
		text "a" "\u0061"
		uuid "0a000000-0000-0000-0000-00000000000b" "{0A000000-0000-0000-0000-00000000000B}"
		timestamptz "2024-01-01T00:00:00Z" "2024-01-01 09:00:00"
		timestamptz "2024-01-01T05:30:00.5+05:30" "2024-01-01T00:00:00.500Z"
		timestamp "2024-01-01T00:00:00" "2024-01-01 00:00:00+05"
	END
}

@test "key: names are quoted as in SQL, and may hold a comma" {
	table t '"Id" int, "a,b" int, v int, PRIMARY KEY ("Id", "a,b")'
	printf 'Id,"a,b",v\n1,2,3\n' >in.csv
	run_ok into t --key '"Id","a,b"'
	run_ok into t --key 'Id,"a,b"'
	is "$(sql 'SELECT count(*) FROM public.t')" 1
	run_rc 64 into t --key '"Id'
	run_rc 64 into t --key 'Id,'
}

@test "key: an identity that is GENERATED ALWAYS may be the key, or must stay" {
	table t 'id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text'
	printf 'id,v\n5,a\n6,b\n' >in.csv
	run_rc 0 into t --key id
	printf 'id,v\n6,c\n7,d\n' >in.csv
	run_rc 0 into t --key id
	same_rows 'SELECT * FROM public.t' "VALUES (5, 'a'), (6, 'c'), (7, 'd')"
	table t 'id int GENERATED ALWAYS AS IDENTITY, k text PRIMARY KEY, v text'
	sql "INSERT INTO public.t (k, v) VALUES ('a', 'old'), ('b', 'old')"
	printf 'id,k,v\n1,a,new\n9,b,new\n8,c,new\n' >in.csv
	run_rc 65 into t --key k
	has "$err" 'record 2' 'GENERATED ALWAYS'
	run_rc 0 into t --key k --rejects bad.json
	is "$(jq .record bad.json)" 2
	same_rows 'SELECT * FROM public.t' \
		"VALUES (1, 'a', 'new'), (2, 'b', 'old'), (8, 'c', 'new')"
}

@test "key: a row that is there may lack what a new one must have" {
	table t "k int PRIMARY KEY, must text NOT NULL, v text,
		CHECK (v <> 'x' OR must = 'there')"
	sql "INSERT INTO public.t VALUES (1, 'there', 'old'), (2, 'there', 'old')"
	printf 'k,v\n1,x\n2,same\n' >in.csv
	run_ok into t --key k
	printf 'k,v\n2,new\n3,y\n' >in.csv
	run_rc 0 into t --key k --rejects bad.json
	is "$(jq .record bad.json)" 2
	has bad.json 'null value in column' must
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'there', 'x'), (2, 'there', 'new')"
}

@test "key: a check that only a new row fails is no fault where the row is there" {
	table t 'id int PRIMARY KEY, a text, b int, CHECK (b IS NOT NULL)'
	sql "INSERT INTO public.t VALUES (1, 'x', 1), (2, 'x', 2)"
	printf '{"id":%s,"a":"y"}\n' 1 2 >in.json
	run_ok into t --key id
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'y', 1), (2, 'y', 2)"
	printf 'id,a,b\n1,z,\n3,z,3\n' >in.csv
	run_rc 0 into t --key id --on-conflict ignore
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'y', 1), (2, 'y', 2), (3, 'z', 3)"
	printf '{"id":%s,"a":"v"}\n' 1 4 2 >in.json
	run_rc 0 into t --key id --rejects bad.json
	is "$(jq .record bad.json)" 2
	same_rows 'SELECT id, a FROM public.t' "VALUES (1, 'v'), (2, 'v'), (3, 'z')"
}

@test "key: what --on-conflict says becomes of rows that are there" {
	printf 'k,v\n1,new\n2,same\n3,first\n3,last\n' >in.csv
	reset() {
		table t 'k int PRIMARY KEY, v text'
		sql "INSERT INTO public.t VALUES (1, 'old'), (2, 'same')"
	}
	counts() {
		jq -c '[.inserted, .updated, .equal, .skipped, .superseded, .rejected, .rows_out]' s
	}
	reset
	run_ok into t --key k --stats s
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'new'), (2, 'same'), (3, 'last')"
	is "$(counts)" '[1,1,1,0,1,0,2]'
	reset
	run_rc 0 into t --key k --stats s --on-conflict ignore
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'old'), (2, 'same'), (3, 'first')"
	is "$(counts)" '[1,0,0,2,1,0,1]'
	has "$err" '2 records are left out'
	reset
	run_rc 0 into t --key k --stats s --on-conflict update-only
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'new'), (2, 'same')"
	is "$(counts)" '[0,1,1,1,1,0,1]'
	reset
	run_rc 65 into t --key k --on-conflict error
	run_rc 0 into t --key k --stats s --on-conflict error --rejects bad.json
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'old'), (2, 'same'), (3, 'first')"
	is "$(counts)" '[1,0,0,0,0,3,1]'
	is "$(jq .record bad.json | xargs)" '1 2 4'
}

@test "stats: rows of a table and of ships are counted" {
	table t 'a int'
	printf 'a\n1\n2\n' >in.csv
	run_ok into t --stats s
	is "$(jq -c '[.rows_in, .rows_out, .inserted]' s)" '[2,2,2]'
	printf 'ship_id,created_time,c\nS,2024-01-01,1\nS,2024-01-02,2\n' >wide.csv
	run_ok pg-copy-load --wide --stats s wide.csv
	is "$(jq -c '[.rows_in, .rows_out]' s)" '[2,2]'
}

@test "stats: of ships' tables, what became of their rows" {
	local of='[.rows_in, .rows_out, .inserted, .updated, .equal, .removed, .rejected]'

	# two tables: the first has a row of each instant
	printf 'ship_id,created_time,a,b\nC,2024-01-01,1,\nC,2024-01-02,2,\n' >wide.csv
	run_ok pg-copy-load --wide --group-columns 1 --stats s wide.csv
	is "$(jq -c "$of" s)" '[2,2,2,0,0,0,0]'
	# two equal ones, one new in either table; then a value is replaced
	printf 'C,2024-01-02,2,3\nC,2024-01-03,4,\n' >added
	sed -i '$d' wide.csv
	cat added >>wide.csv
	run_ok pg-copy-load --wide --group-columns 1 --stats s wide.csv
	is "$(jq -c "$of" s)" '[3,2,2,0,2,0,0]'
	sed -i "s/,4,/,5,/" wide.csv
	run_ok pg-copy-load --wide --live --group-columns 1 --stats s wide.csv
	is "$(jq -c "$of" s)" '[3,1,0,1,3,0,0]'
	# a null clears a cell, in an array as in NDJSON, and a row without any goes
	printf '%s\n' '[{"ship_id":"C","created_time":"2024-01-01","a":null}]' >null.json
	run_ok pg-copy-load --wide --live -i json --stats s null.json
	is "$(jq -c '[.rows_in, .inserted, .removed]' s)" '[1,0,1]'
}

# ---- rows that are refused ---------------------------------------------------------------------

# raising TABLE BODY: a trigger on public.TABLE
raising() {
	sql "CREATE OR REPLACE FUNCTION public.judge() RETURNS trigger LANGUAGE plpgsql
			AS \$f\$ BEGIN $2 RETURN NEW; END \$f\$;
		CREATE TRIGGER judge BEFORE INSERT OR UPDATE ON public.$1
			FOR EACH ROW EXECUTE FUNCTION public.judge()"
}

@test "refused: what a trigger raises is a row's fault, whatever its class" {
	table t 'a int, v text'
	raising t "IF NEW.a IN (3, 17) THEN
		RAISE EXCEPTION 'no % here', NEW.a USING ERRCODE = NEW.v; END IF;"
	for state in P0001 23514 44000 45000 UE001 P0004 38000; do
		sql 'TRUNCATE public.t'
		seq 20 | awk -v s="$state" 'BEGIN { print "a,v" } { print $1 "," s }' >in.csv
		run_rc 0 into t --rejects bad.json
		is "$(jq -c '[.record, .why]' bad.json | xargs)" '[3,no 3 here] [17,no 17 here]'
		is "$(sql 'SELECT count(*) FROM public.t')" 18
	done
	run_rc 65 into t
	has "$err" 'record 3' 'no 3 here'
	# what is nobody's fault but the server's ends the program
	sed 's/38000/53100/' in.csv >other.csv
	run_rc 75 pg-copy-load --table public.t --rejects bad.json other.csv
}

@test "refused: a view's check option is one too" {
	table t 'a int'
	sql 'CREATE VIEW public.v AS SELECT * FROM public.t WHERE a < 10 WITH CHECK OPTION'
	printf 'a\n1\n12\n3\n' >in.csv
	run_rc 0 into v --rejects bad.json
	is "$(jq .record bad.json)" 2
	same_rows 'SELECT * FROM public.t' 'VALUES (1), (3)'
}

@test "refused: the field is named, also where the value is JSON" {
	table t 'a int, j json, b jsonb, n numeric(4,2), c varchar(3)'
	printf '%s\n' 'a,j,b,n,c' '1,"{""a"":1}",[],1.5,abc' '2,{x,[],1,a' '3,{},{y,1,a' \
		'4,{},[],123.4,a' '5,{},[],1,abcd' >in.csv
	run_rc 0 into t --rejects bad.json
	is "$(jq -r .field bad.json | xargs)" 'j b n c'
	is "$(jq -r .record bad.json | xargs)" '2 3 4 5'
	is "$(sql 'SELECT count(*) FROM public.t')" 1
}

@test "refused: many are found by the server, with the same reasons as few" {
	local n bad
	table t 'k int PRIMARY KEY, a int, c varchar(3), d date CHECK (d > $$2000-01-01$$)'
	bad=('x,1,a,2024-01-01' '1,y,a,2024-01-01' '1,1,abcd,2024-01-01')
	bad+=('1,1,a,2024-13-01' '1,1,a,1999-01-01')
	for n in 1 400; do
		{
			printf 'k,a,c,d\n'
			for ((i = 0; i < n; i++)); do
				printf '%d,1,a,2024-01-01\n' $((i + 100))
				printf '%s\n' "${bad[@]}"
			done
		} >in.csv
		for options in '' '--key k'; do
			sql 'TRUNCATE public.t'
			# shellcheck disable=SC2086
			run_rc 0 into t $options --rejects bad.json
			same_rows 'SELECT k FROM public.t' \
				"SELECT 100 + generate_series(0, $((n - 1)))"
			# the first of the good ones may be met again
			jq -c '[.record, .line, .field, .value, .why, .raw]' bad.json |
				sort -V >"$n.bad"
			is "$(wc -l <"$n.bad")" $((5 * n))
			head -n 5 "$n.bad" >"first$n"
			same_file first1 "first$n"
		done
	done
}

@test "refused: a row that needs another one waits for it, also behind a bad one" {
	table t 'id int PRIMARY KEY, up int REFERENCES public.t, v int'
	printf '%s\n' 'id,up,v' 1,9,1 2,1,1 3,,x 9,,1 4,3,1 5,4,1 6,7,1 7,6,1 8,99,1 >in.csv
	run_rc 0 into t --rejects bad.json
	is "$(jq .record bad.json | sort -n | xargs)" '3 5 6 9'
	same_rows 'SELECT id, up FROM public.t' 'VALUES (1, 9), (2, 1), (9, NULL), (6, 7), (7, 6)'
	# across buffers; and what came later of the same key is not overwritten by what waited
	table t 'id int PRIMARY KEY, up int REFERENCES public.t, v text'
	{
		printf '%s\n' 'id,up,v' 1,5000,early 2,5000,early 2,,late
		seq 10 5000 | awk '{ print $1 ",,x" }'
		printf '2,,latest\n'
	} >in.csv
	run_ok into t --key id --buffer 4K --rejects none.json
	same_rows 'SELECT id, up, v FROM public.t WHERE id < 10' \
		"VALUES (1, 5000, 'early'), (2, NULL, 'latest')"
}

@test "refused: constraints that are checked at COMMIT, and the rows that violate them" {
	table p 'id int PRIMARY KEY'
	table t 'id int PRIMARY KEY, up int REFERENCES public.t DEFERRABLE INITIALLY DEFERRED,
		p int REFERENCES public.p DEFERRABLE INITIALLY DEFERRED,
		u int UNIQUE DEFERRABLE INITIALLY DEFERRED'
	sql 'INSERT INTO public.p VALUES (1)'
	printf '%s\n' 'id,up,p,u' 1,3,1,1 2,1,1,2 3,,1,3 >in.csv
	run_ok into t
	same_rows 'SELECT id, up FROM public.t' 'VALUES (1, 3), (2, 1), (3, NULL)'
	# two that need each other, one that needs nobody there is, one that comes twice
	printf '%s\n' 'id,up,p,u' 11,12,1,11 12,11,1,12 13,99,1,13 14,11,2,14 15,13,1,15 16,11,1,2 \
		17,11,1,17 18,x,1,1 >in.csv
	run_rc 65 into t --ignore-unknown
	has "$err" 'record 8'
	run_rc 0 into t --rejects bad.json
	is "$(jq .record bad.json | sort -n | xargs)" '3 4 5 6 8'
	same_rows 'SELECT id FROM public.t' 'VALUES (1), (2), (3), (11), (12), (17)'
	printf '%s\n' 'id,up,p,u' 21,99,1,21 22,,1,22 >in.csv
	run_rc 65 into t
	has "$err" 'record 1' 'is not present'
	is "$(sql 'SELECT count(*) FROM public.t WHERE id > 20')" 0
}

@test "refused: a row that waits is replaced only by a later one that gets in" {
	table t "id int PRIMARY KEY, up int REFERENCES public.t, v text CHECK (v <> 'bad')"
	printf '%s\n' id,up,v 1,2,first 1,99,lost 2,,there 3,2,first 3,2,bad 4,5,first 4,2,last \
		5,,x >in.csv
	for size in 4M 1K; do
		sql 'TRUNCATE public.t'
		run_rc 0 into t --key id --buffer "$size" --rejects bad.json
		is "$(jq .record bad.json | sort | xargs)" '2 5'
		same_rows 'SELECT * FROM public.t' "VALUES (1, 2, 'first'), (2, NULL, 'there'),
			(3, 2, 'first'), (4, 2, 'last'), (5, NULL, 'x')"
	done
}

@test "refused: a row that waits puts nothing back that a later one has changed" {
	table t 'id int PRIMARY KEY, up int REFERENCES public.t, v text'
	printf '%s\n' '{"id":1,"up":9,"v":"old"}' '{"id":1,"v":"new"}' \
		'{"id":2,"up":9}' '{"id":2,"up":null,"v":"new"}' \
		'{"id":9,"up":null,"v":"x"}' >in.json
	run_rc 65 into t --key id
	run_rc 0 into t --key id --rejects bad.json
	is "$(jq -c '[.record, .raw]' bad.json)" '[1,"{\"id\":1,\"up\":9,\"v\":\"old\"}"]
[3,"{\"id\":2,\"up\":9}"]'
	same_rows 'SELECT * FROM public.t' \
		"VALUES (1, NULL::int, 'new'), (2, NULL, 'new'), (9, NULL, 'x')"
	# where the first record counts, it may come late
	sql 'TRUNCATE public.t'
	run_rc 0 into t --key id --on-conflict ignore --rejects bad.json
	same_rows 'SELECT id, v FROM public.t' "VALUES (1, 'new'), (2, 'new'), (9, 'x')"
}

@test "refused: a deferred constraint that a later chunk violates, behind an earlier merge" {
	table t 'ship_id int, created_time timestamp, PRIMARY KEY (ship_id, created_time),
		value text UNIQUE DEFERRABLE INITIALLY DEFERRED'
	sql "CREATE TABLE public.n (ship_id int, created_time timestamp, data_channel_id text,
			value text,
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		INSERT INTO public.n VALUES (1, '2024-01-01', 'c', 'a'),
			(2, '2024-01-01', 'c', 'b'), (1, '2024-01-02', 'c', 'c'),
			(2, '2024-01-02', 'c', 'a');
		INSERT INTO public.t VALUES (1, '2024-01-01', 'was')"
	pg-narrow-dump --seal --chunk 1d --table public.n --value-column value \
		>in.sealed 2>"$err"
	run_rc 0 pg-copy-load --table public.t --key ship_id,created_time --ignore-unknown \
		--rejects bad.json in.sealed
	is "$(jq -c '[.record, .raw]' bad.json)" '[4,"2,2024-01-02 00:00:00,c,a,"]'
	same_rows 'SELECT * FROM public.t' "VALUES (1, timestamp '2024-01-01', 'a'),
		(2, '2024-01-01', 'b'), (1, '2024-01-02', 'c')"
}

@test "refused: when nothing is left it is 65, and no table is made" {
	table t 'a int'
	printf 'a\nx\ny\n' >in.csv
	run_rc 65 into t --rejects bad.json
	has "$err" 'all 2 records were rejected'
	run_rc 65 into made --create -T a=int --rejects bad.json
	is "$(sql "SELECT to_regclass('public.made')")" ''
}

@test "refused: 20,000 of 200,000 rows cost little more than none" {
	table t 'a int, b int CHECK (b < 7)'
	seq 200000 | awk 'BEGIN { print "a,b" } { print ($1 % 10 ? $1 : "x" $1) ",1" }' >in.csv
	before=$EPOCHREALTIME
	run_rc 0 into t --rejects bad.json
	after=$EPOCHREALTIME
	is "$(sql 'SELECT count(*) FROM public.t')" 180000
	is "$(wc -l <bad.json)" 20000
	# how many statements that took, not how long
	printf 'took %s us\n' "$((${after/./} - ${before/./}))"
}

# ---- what else a table may be ------------------------------------------------------------------

@test "columns: those the table computes are left out, with a note" {
	table t 'a int, twice int GENERATED ALWAYS AS (a * 2) STORED'
	printf 'a,twice\n1,9\n2,9\n' >in.csv
	run_rc 0 into t
	has "$err" 'column "twice" is computed by the table'
	same_rows 'SELECT * FROM public.t' 'VALUES (1, 2), (2, 4)'
}

@test "columns: names beyond 63 bytes are cut as the server cuts them" {
	local long
	long=naïve_$(printf 'x%.0s' {1..70})
	printf '%s,b\n1,2\n' "$long" >in.csv
	sql 'DROP TABLE IF EXISTS public.long'
	run_ok into long --create --key "$long"
	run_ok into long --key "$long"
	is "$(sql 'SELECT count(*) FROM public.long')" 1
	is "$(sql "SELECT octet_length(attname) FROM pg_attribute WHERE attnum = 1
		AND attrelid = 'public.long'::regclass")" 63
	printf '%sa,%sb\n1,2\n' "$long" "$long" >in.csv
	sql 'DROP TABLE public.long'
	run_rc fails into long --create
	has "$err" 'first 63 bytes'
	printf 'a\n1\n' >in.csv
	run_ok into "$long" --create
	run_ok into "$long"
	is "$(sql "SELECT count(*) FROM public.\"$long\"" 2>/dev/null)" 2
}

@test "columns: a table's name in another case is hinted" {
	sql 'DROP TABLE IF EXISTS public."Rates"; CREATE TABLE public."Rates" (a int)'
	printf 'a\n1\n' >in.csv
	run_rc 78 into rates
	has "$err" 'there is public."Rates"'
}

@test "columns: a type for a column that never comes is 65" {
	sql 'DROP TABLE IF EXISTS public.c'
	printf 'a\n1\n' >in.csv
	run_rc 65 into c --create -T A=int
	has "$err" 'no such column'
	is "$(sql "SELECT to_regclass('public.c')")" ''
}

@test "json: strings stay strings, arrays and objects become arrays and rows" {
	sql 'DROP TABLE IF EXISTS public.t; DROP TYPE IF EXISTS public.pair CASCADE;
		CREATE TYPE public.pair AS (x int, y text)'
	table t 'k int PRIMARY KEY, j json, b jsonb, a int[], t text[], p public.pair,
		ps public.pair[], r int4range, m int[][]'
	printf '%s\n' '{"k":1,"j":"123","b":"abc","a":[1,null,3],"t":["a,b","\"q\"",null]}' \
		'{"k":2,"j":"{\"a\":1}","b":"tab\there \\ \u00e9","p":{"y":"a\"b","x":7},'\
'"r":"[1,5)"}' \
		'{"k":3,"j":{"a":1},"b":[1],"ps":[{"x":1,"y":"z"},null],"m":[[1,2],[3,4]]}' \
		'{"k":4,"j":12,"b":true,"a":"{5,6}","p":"(8,w)"}' >in.json
	want="VALUES (1, '\"123\"', '\"abc\"', '{1,NULL,3}', E'{\"a,b\",\"\\\\\"q\\\\\"\",NULL}',
			NULL, NULL, NULL, NULL),
		(2, '\"{\\\"a\\\":1}\"', E'\"tab\\\\there \\\\\\\\ é\"', NULL, NULL,
			'(7,\"a\"\"b\")', NULL, '[1,5)', NULL),
		(3, '{\"a\":1}', '[1]', NULL, NULL, NULL,
			'{\"(1,z)\",NULL}', NULL, '{{1,2},{3,4}}'),
		(4, '12', 'true', '{5,6}', NULL, '(8,w)', NULL, NULL, NULL)"
	query='SELECT k, j::text, b::text, a::text, t::text, p::text, ps::text, r::text, m::text
		FROM public.t'
	run_ok into t
	same_rows "$query" "$want"
	run_ok into t --key k
	same_rows "$query" "$want"
	printf '%s\n' '{"k":5,"a":[1,"x"]}' '{"k":6,"a":[2]}' '{"k":7,"p":{"x":[]}}' >in.json
	run_rc 0 into t --rejects bad.json
	is "$(jq .record bad.json | sort -n | xargs)" '1 3'
	# CSV has no types: there a text is JSON as it stands
	printf 'k,j,b\n8,"""s""",123\n' >in.csv
	run_ok into t
	is "$(sql 'SELECT j::text, b FROM public.t WHERE k = 8')" '"s"|123'
}

@test "insert: row-level security and INSERT rules are minded" {
	table t 'a int PRIMARY KEY, who text DEFAULT current_user'
	table log 'a int'
	sql "DO \$\$ BEGIN CREATE ROLE ferry_tenant LOGIN;
			EXCEPTION WHEN duplicate_object THEN END \$\$;
		ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
		CREATE POLICY p ON public.t USING (a < 100);
		GRANT ALL ON public.t TO ferry_tenant; GRANT USAGE ON SCHEMA public TO ferry_tenant"
	printf 'a\n1\n200\n3\n' >in.csv
	run_rc 65 into t --target user=ferry_tenant
	has "$err" 'record 2' 'row-level security'
	run_rc 0 into t --target user=ferry_tenant --rejects bad.json
	is "$(jq .record bad.json)" 2
	run_rc 0 into t --target user=ferry_tenant --key a --rejects bad.json
	same_rows 'SELECT * FROM public.t' "VALUES (1, 'ferry_tenant'), (3, 'ferry_tenant')"
	table t 'a int'
	sql 'CREATE RULE r AS ON INSERT TO public.t DO ALSO INSERT INTO public.log VALUES (NEW.a)'
	run_ok into t
	same_rows 'TABLE public.log' 'VALUES (1), (200), (3)'
	same_rows 'TABLE public.t' 'VALUES (1), (200), (3)'
	run_rc 78 into t --key a
	has "$err" 'rules'
}

@test "insert: views with and without a trigger, and foreign tables" {
	table t 'a int PRIMARY KEY, b text'
	sql "CREATE VIEW public.plain AS SELECT * FROM public.t;
		CREATE VIEW public.led AS SELECT a AS n FROM public.t;
		CREATE OR REPLACE FUNCTION public.lead() RETURNS trigger LANGUAGE plpgsql
			AS 'BEGIN INSERT INTO public.t VALUES (NEW.n, ''led''); RETURN NEW; END';
		CREATE TRIGGER l INSTEAD OF INSERT ON public.led
			FOR EACH ROW EXECUTE FUNCTION public.lead()"
	printf 'a,b\n1,x\n2,y\n' >in.csv
	run_ok into plain
	printf 'n\n3\n4\n' >in.csv
	run_ok into led
	same_rows 'TABLE public.t' "VALUES (1, 'x'), (2, 'y'), (3, 'led'), (4, 'led')"
	sql "CREATE OR REPLACE FUNCTION public.lead() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN IF NEW.n = 5 THEN RETURN NULL; END IF;
			INSERT INTO public.t VALUES (NEW.n, ''led''); RETURN NEW; END'"
	printf 'n\n5\n6\n' >in.csv
	run_rc 0 into led --stats s
	is "$(jq -r '[.inserted, .dropped] | @tsv' s)" $'1\t1'
	has "$err" '1 records are not in public.led'
	run_rc 78 into led --key n
	has "$err" 'is a view'
	run_rc 78 into led --truncate
	sql "CREATE EXTENSION IF NOT EXISTS postgres_fdw;
		CREATE SERVER IF NOT EXISTS self FOREIGN DATA WRAPPER postgres_fdw
			OPTIONS (host '$PGHOST', dbname '$PGDATABASE', port '${PGPORT-5432}');
		CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER self
			OPTIONS (user '$PGUSER');
		CREATE FOREIGN TABLE public.far (a int, b text) SERVER self
			OPTIONS (schema_name 'public', table_name 't')"
	printf 'a,b\n9,far\n' >in.csv
	run_ok into far
	is "$(sql 'SELECT b FROM public.t WHERE a = 9')" far
	run_rc 78 into far --key a
	has "$err" 'foreign table'
}

# settings VALUE...: of the database
settings() {
	local each
	for each; do sql "ALTER DATABASE \"$PGDATABASE\" $each"; done
}

@test "session: settings of role and database hold, as with psql" {
	sql 'DROP SCHEMA IF EXISTS own CASCADE; CREATE SCHEMA own;
		CREATE TYPE own.mood AS ENUM ($$ok$$)'
	sql "CREATE FUNCTION own.unqualified(t text) RETURNS text LANGUAGE sql AS 'SELECT ''ok''';
		CREATE FUNCTION own.judge() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN NEW.m = unqualified(NEW.m); RETURN NEW; END'"
	table t 'a int PRIMARY KEY, at timestamptz, d date, m text'
	sql 'CREATE TRIGGER j BEFORE INSERT ON public.t
		FOR EACH ROW EXECUTE FUNCTION own.judge()'
	settings 'SET search_path = own, public' "SET timezone = 'Asia/Seoul'" \
		"SET datestyle = 'ISO, DMY'"
	printf 'a,at,d,m\n1,2024-01-01 09:00,01/02/2024,x\n' >in.csv
	run_ok into t --key a
	printf 'm\nok\n' >mood.csv
	run_ok pg-copy-load --table own.typed --create -T m=mood mood.csv
	want="SELECT 1, timestamptz '2024-01-01 00:00Z', date '2024-02-01', 'ok'"
	same_rows 'TABLE public.t' "$want"
	sql 'TRUNCATE public.t'
	run_ok into t --time-zone Europe/Berlin
	same_rows 'TABLE public.t' "${want/00:00Z/08:00Z}"
	sql 'TRUNCATE public.t'
	PGTZ=UTC PGDATESTYLE=ISO,MDY run_ok into t
	same_rows 'SELECT at, d FROM public.t' \
		"SELECT timestamptz '2024-01-01 09:00Z', date '2024-01-02'"
	sql 'TRUNCATE public.t'
	PGOPTIONS='-c timezone=America/New_York' run_ok into t
	same_rows 'SELECT at FROM public.t' "SELECT timestamptz '2024-01-01 14:00Z'"
	run_rc 64 into t --time-zone Nowhere/Else
	has "$err" 'Nowhere/Else'
	settings 'RESET search_path' 'RESET timezone' 'RESET datestyle'
}

# ---- what is made and replaced -----------------------------------------------------------------

# counted OPTION...: loads into t; the figures are the words of $1
counted() {
	run_rc 0 into t --stats s "${@:2}"
	is "$(jq -r '[.inserted, .updated, .equal, .skipped, .dropped] | @tsv' s | xargs)" "$1"
}

@test "counts: rows that a trigger drops are not inserted, and are said to be missing" {
	drops() {
		table t 'k int PRIMARY KEY, v int'
		sql "INSERT INTO public.t VALUES (1, 1), (2, 2)"
		raising t 'IF NEW.v > 90 THEN RETURN NULL; END IF; NEW.v := NEW.v % 80;'
	}
	drops
	printf 'k,v\n3,3\n4,99\n5,5\n' >in.csv
	counted '2 0 0 0 1'
	is "$(cat "$err")" 'pg-copy-load: warning: 1 records are not in public.t: a trigger '\
'or rule of it drops them, or puts them elsewhere'
	drops
	printf 'k,v\n1,1\n2,99\n3,3\n4,98\n5,81\n' >in.csv
	counted '2 0 1 0 2' --key k
	counted '0 1 2 1 1' --key k --on-conflict update-only
	drops
	counted '2 0 0 2 1' --key k --on-conflict ignore
	drops
	run_rc 0 into t --key k --dry-run -f csv
	has "$out" 'insert,2,' 'drop,2,'
	drops
	counted '3 0 0 0 2' --truncate
	has "$err" '2 records are not in public.t'
	same_rows 'TABLE public.t' 'VALUES (1, 1), (3, 3), (5, 1)'
}

@test "truncate: all rows are replaced in one transaction, or none" {
	table t 'id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k text UNIQUE,
		v int CHECK (v < 10)'
	sql "INSERT INTO public.t (k, v) VALUES ('old', 1), ('older', 2)"
	printf 'k,v\na,1\nb,x\n' >in.csv
	run_rc 65 into t --truncate
	printf 'k,v\na,1\nb,10\na,2\nc,3\n' >in.csv
	run_rc 65 into t --truncate
	same_rows 'SELECT id, k, v FROM public.t' "VALUES (1, 'old', 1), (2, 'older', 2)"
	run_rc 0 into t --truncate --key k --rejects bad.json --stats s
	same_rows 'SELECT k, v FROM public.t' "VALUES ('a', 2), ('c', 3)"
	is "$(sql 'SELECT min(id) > 2 FROM public.t')" t
	is "$(jq -c '[.inserted, .rejected]' s)" '[2,1]'
}

@test "truncate: a good input without records empties the table, and says so" {
	table t 'k text, v int'
	empties() {
		sql "INSERT INTO public.t VALUES ('old', 1)"
		run_rc 0 pg-copy-load --table public.t --truncate "$@"
		is "$(cat "$err")" 'pg-copy-load: the input has no records: public.t is empty now'
		is "$(sql 'SELECT count(*) FROM public.t')" 0
	}
	printf 'k,v\n' >in.csv
	printf '[]\n' >in.json
	: >none
	reformat --seal -i ndjson none >sealed.json
	empties in.csv
	empties -i json in.json
	empties -i ndjson none
	empties sealed.json
	sql "INSERT INTO public.t VALUES ('old', 1)"
	run_rc 65 pg-copy-load --table public.t --truncate none
	run_rc 0 pg-copy-load --table public.t --truncate --dry-run -i json in.json
	is "$(sql 'SELECT count(*) FROM public.t')" 1
	run_ok pg-copy-load --table public.made --create --truncate -i json in.json
}

@test "truncate: what is refused is said of the user's table, and kept when nothing is loaded" {
	sql 'DROP TABLE IF EXISTS public.far_ones CASCADE;
		CREATE TABLE public.far_ones (a int PRIMARY KEY);
		INSERT INTO public.far_ones VALUES (1)' 2>"$err"
	table t 'a int REFERENCES public.far_ones, b int CHECK (b < 10), c text UNIQUE'
	printf 'a,b,c\n1,1,x\n1,11,y\n2,2,z\n1,3,x\n' >in.csv
	run_rc 65 into t --truncate --rejects bad.json
	has "$err" 'foreign key constraint "t_a_fkey"'
	is "$(jq .record bad.json | xargs)" '2 4'
	has bad.json 'relation \"t\"' 'constraint \"t_b_check\"' 'constraint \"t_c_key\"'
	has_no bad.json ferry_
	printf 'a,b,c\n1,1,x\n1,2,z\n1,3,x\n' >in.csv
	run_rc 65 into t --truncate
	has "$err" '"t_c_key"'
	is "$(sql 'SELECT count(*) FROM public.t')" 0
}

@test "truncate: of two at once the second waits for the first" {
	table t 'a int'
	printf 'a\n2\n3\n' >in.csv
	KP_STOP=in_copy:1 pg-copy-load --table public.t --truncate in.csv 2>one 3>&- &
	pid=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$pid/status"
	printf 'a\n4\n' >other.csv
	pg-copy-load --table public.t --truncate other.csv 2>two 3>&- &
	other=$!
	waits() {
		[[ $(sql "SELECT count(*) FROM pg_locks WHERE NOT granted
			AND relation = 'public.t'::regclass") == 1 ]]
	}
	wait_until 10 waits
	kill -CONT "$pid"
	wait "$pid"
	wait "$other"
	is "$(cat one two)" ''
	same_rows 'TABLE public.t' 'VALUES (4)'
}

@test "truncate: readers see the old rows while the new ones are read" {
	table t 'a int'
	sql 'INSERT INTO public.t VALUES (1)'
	printf 'a\n2\n3\n' >in.csv
	KP_STOP=in_copy:1 pg-copy-load --table public.t --truncate in.csv 2>"$err" 3>&- &
	pid=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$pid/status"
	is "$(PGOPTIONS='-c lock_timeout=2s' sql 'SELECT a FROM public.t')" 1
	kill -CONT "$pid"
	wait "$pid"
	same_rows 'TABLE public.t' 'VALUES (2), (3)'
}

@test "dry run: says what would be inserted, updated and rejected, and changes nothing" {
	table t 'k int PRIMARY KEY, v int'
	sql 'INSERT INTO public.t VALUES (1, 1), (2, 2)'
	printf 'k,v\n1,1\n2,9\n3,3\n4,x\n5,y\n5,5\n' >in.csv
	run_rc 65 into t --key k --dry-run --format csv
	is "$(tr '\n' ' ' <"$out")" "what,records,first_record,field,why insert,2,,, update,1,,, \
equal,1,,, skip,0,,, superseded,0,,, reject,2,4,v,invalid input syntax for type integer "
	run_rc 0 into t --key k --dry-run --rejects bad.json
	is "$(jq .record bad.json | xargs)" '4 5'
	same_rows 'TABLE public.t' 'VALUES (1, 1), (2, 2)'
	sql 'DROP TABLE IF EXISTS public.made'
	run_rc 0 into made --create --dry-run
	is "$(sql "SELECT to_regclass('public.made')")" ''
}

@test "infer: a table that is made holds all values, in the types they have" {
	sql 'DROP TABLE IF EXISTS public.i'
	printf '%s\n' 'i,n,big,zip,b,d,t,z,x,e,neg' \
		'1,1.50,99999999999999999999,007,true,2024-02-29,2024-01-01 10:00,'\
'2024-01-01T10:00:00Z,a,,-0' \
		'-2,100000,1,1,false,2023-12-31,2024-01-01T10:00:00.123456,'\
'2024-01-01 10:00+09,,,1' >in.csv
	run_ok into i --create --infer
	is "$(sql "SELECT string_agg(atttypid::regtype::text, ',' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'public.i'::regclass AND attnum > 0")" \
		'bigint,numeric,numeric,text,boolean,date,timestamp without time zone,'\
'timestamp with time zone,text,text,text'
	# what is no number to a person, and a key that would be another's
	printf '%s\n' sku,ver 1E5,1.1 2E3,1.10 >in.csv
	run_ok into keyed --create --infer --key ver
	same_rows 'SELECT * FROM public.keyed' "VALUES ('1E5', '1.1'), ('2E3', '1.10')"
	same_rows 'SELECT i, n::text, big::text, zip, b, neg FROM public.i' \
		"VALUES (1, '1.50', '99999999999999999999', '007', true, '-0'),
		(-2, '100000', '1', '1', false, '1')"
	sql 'DROP TABLE public.i'
	printf '%s\n' '{"a":1,"s":"1","z":-0e1}' '{"a":2.5,"o":{"x":1}}' \
		'{"late":"2024-01-01","o":[1]}' >in.json
	run_pipe '0 0' 'via --source -- cat in.json |
		pg-copy-load --table public.i --create --infer -T s=int'
	is "$(sql "SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'public.i'::regclass AND attnum > 0")" \
		'a numeric,s integer,z text,o json,late date'
	same_rows 'SELECT a, s, o::text, late FROM public.i' "VALUES (1, 1, NULL, NULL::date),
		(2.5, NULL, '{\"x\":1}', NULL), (NULL, NULL, '[1]', '2024-01-01')"
}

@test "create: whoever comes second loads into the table of the first" {
	sql 'DROP TABLE IF EXISTS public.race'
	printf 'a\n1\n' >one.csv
	printf 'a\n2\n' >two.csv
	KP_STOP=before_commit:1 pg-copy-load --table public.race --create one.csv 2>one.err 3>&- &
	one=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$one/status"
	pg-copy-load --table public.race --create two.csv 2>two.err 3>&- &
	two=$!
	wait_until 10 bash -c \
		'[[ $(psql -XAtc "SELECT count(*) FROM pg_locks WHERE NOT granted") != 0 ]]'
	kill -CONT "$one"
	wait "$one"
	wait "$two"
	same_rows 'SELECT a FROM public.race' "VALUES ('1'), ('2')"
}

@test "sequences: behind what was loaded, they are advanced or warned of" {
	table t 'id serial PRIMARY KEY, v text'
	printf 'id,v\n5,a\n7,b\n' >in.csv
	run_rc 0 into t
	has "$err" 'column "id" now has 7' '--advance-sequences'
	run_ok into t --key id --advance-sequences
	is "$(sql "INSERT INTO public.t (v) VALUES ('c') RETURNING id")" 8
	printf 'id,v\n1000000,a\n' >in.csv
	run_ok into t --advance-sequences
	is "$(sql "INSERT INTO public.t (v) VALUES ('c') RETURNING id")" 1000001
	# one that is ahead stays there
	printf 'id,v\n9,a\n' >in.csv
	run_ok into t --advance-sequences
	is "$(sql "INSERT INTO public.t (v) VALUES ('c') RETURNING id")" 1000002
}
