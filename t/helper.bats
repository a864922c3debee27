#!/usr/bin/env bats
# The helpers of the other tests: that they pass what is right and, above all, fail what is wrong.

load helper

# no HELPER ARGUMENT...: the helper fails; what it said is in $output.
no() {
	run "$@"
	[ "$status" -ne 0 ] || { printf 'passed: %s\n' "$*"; return 1; }
}

@test "run_rc: wants exactly that code and keeps both streams as they are" {
	run_rc 3 bash -c 'printf "a\n\n"; printf "b\n" >&2; exit 3'
	printf 'a\n\n' | cmp - "$out"
	printf 'b\n' | cmp - "$err"
	no run_rc 0 bash -c 'echo seen; echo heard >&2; exit 3'
	[[ $output == *'ended with 3, not 0'*seen*heard* ]]
	no run_rc 3 true
}

@test "run_rc fails: takes plain failures only" {
	run_rc fails bash -c 'exit 65'
	no run_rc fails true
	no run_rc fails bash -c 'kill -SEGV $$'
	no run_rc fails bash -c 'exit 99'
	run_rc 139 bash -c 'kill -SEGV $$'
}

@test "run_rc: ends what hangs" {
	RUN_TIMEOUT=0.2 no run_rc 0 sleep 10
	RUN_TIMEOUT=0.2 no run_rc fails sleep 10
}

@test "run_rc: takes functions too" {
	seven() { echo seven; return 7; }
	run_rc 7 seven
	is "$(<"$out")" seven
}

@test "run_ok: a success says nothing on standard error" {
	run_ok echo fine
	no run_ok bash -c 'echo warning >&2'
	no run_ok false
}

@test "run_pipe: sees the code of every stage" {
	run_pipe '0 65 0' 'echo x | (cat >/dev/null; exit 65) | cat'
	no run_pipe '0 0 0' 'echo x | (cat >/dev/null; exit 65) | cat'
	run_pipe '0 0' 'printf "%s\n" "$word" | cat' 'word=a b'
	is "$(<"$out")" 'a b'
	no run_pipe '0 0' 'true | (kill -9 $$)'
}

@test "is, has, has_no, same_file" {
	is 'a b' 'a b'
	no is 'a b' 'a  b'
	printf 'x*y\n' >f
	has f 'x*y' x
	no has f xxy
	no has f x '*z'
	has_no f xxy
	no has_no f 'x*'
	printf 'x*y' >g
	no same_file f g
	cp f h
	same_file f h
	no same_file f absent
}

@test "golden: compares bytes, streams and exit code" {
	root=$BATS_TEST_TMPDIR
	mkdir -p t/cases/p/one
	printf 'cat in.txt; echo why >&2; exit 65\n' >t/cases/p/one/cmd
	printf 'no newline at the end' >t/cases/p/one/in.txt
	no golden p/one
	UPDATE=1 golden p/one
	is "$(cd t/cases/p/one && echo *)" 'cmd err in.txt out rc'
	golden p/one
	printf '\n' >>t/cases/p/one/out
	no golden p/one
	printf 'echo\n' >t/cases/p/one/cmd
	UPDATE=1 golden p/one
	is "$(cd t/cases/p/one && echo *)" 'cmd in.txt out'
	golden p/one
}

@test "wait_until: true in the end, or a failure" {
	(sleep 0.2 && touch now) &
	wait_until 5 test -e now
	no wait_until 0 test -e never
}

@test "need, need_data, no_sanitizer: skip where the thing is missing" {
	need bash
	FERRY_TEST_DATA=$BATS_TEST_TMPDIR
	touch here
	need_data here
	is "$data" "$BATS_TEST_TMPDIR/here"
	skip() { skipped=yes; }
	need no-such-program
	is "$skipped" yes
	skipped=
	need_data not-here
	is "$skipped" yes
	skipped=
	FERRY_BIN=/x/asan/bin no_sanitizer 'for the test'
	is "$skipped" yes
	skipped=
	FERRY_BIN=/x/test/bin no_sanitizer 'for the test'
	is "$skipped" ''
}

@test "scratch_db: new and empty each time, and sql stops at an error" {
	scratch_db
	first=$PGDATABASE
	sql 'create table t (a int)'
	is "$(sql <<<'select 1, null, 3')" '1||3'
	scratch_db
	[ "$PGDATABASE" != "$first" ]
	is "$(sql "select to_regclass('t')")" ''
	no sql 'select 1/0'
	no sql <<<$'select 1/0;\nselect 2'
	PGDATABASE=$first sql 'table t'
	has "$BATS_FILE_TMPDIR/databases" "$first" "$PGDATABASE"
}

@test "sql: asks one session, and no question finds what another left" {
	local pid

	scratch_db
	pid=$(sql 'SELECT pg_backend_pid()')
	is "$(sql 'SELECT pg_backend_pid()')" "$pid"
	sql "SET work_mem = '1MB'; CREATE TEMP TABLE t ()"
	is "$(sql "SELECT to_regclass('t'), current_setting('work_mem')")" \
		"|$(psql -XAtc 'SHOW work_mem')"
	sql 'SELECT pg_advisory_lock(1)' >/dev/null
	sql 'BEGIN; CREATE TABLE t ()'
	no sql 'CREATE TABLE t (); SELECT 1/0'
	[[ $output == *'division by zero'* ]]
	is "$(sql "SELECT to_regclass('t'), count(*) FROM pg_locks AS l
		JOIN pg_database AS d ON d.oid = database
		WHERE locktype = 'advisory' AND datname = current_database()")" '|0'
	is "$(PGOPTIONS='-c work_mem=2MB' sql 'SHOW work_mem')" 2MB
	# rows as psql has them, and as many
	sql "CREATE TABLE t AS SELECT E'a\\tb' AS a, NULL AS b, 3"
	is "$(sql 'TABLE t; SELECT; SELECT 1 WHERE false; COPY t TO STDOUT; SELECT 2')" \
		$'a\tb||3\na\\tb\t\\N\t3\n2'
	is "$(sql "SELECT repeat('x', 100000)" | wc -c)" 100001
	run_rc 0 sql "DO 'BEGIN RAISE NOTICE ''said''; END'"
	is "$(<"$out")$(<"$err")" 'NOTICE:  said'
}

@test "sql: whoever finds the session busy or gone has another" {
	local asleep="FROM pg_stat_activity WHERE datname = current_database()
		AND wait_event = 'PgSleep'" sleeper

	scratch_db
	no sql 'SELECT pg_terminate_backend(pg_backend_pid())'
	is "$(sql 'SELECT 7')" 7
	sql 'SELECT pg_sleep(600)' 2>said &
	sleeper=$!
	wait_until 20 sql "SELECT 1 / count(*) $asleep"
	sql "SELECT pg_terminate_backend(pid) $asleep" >/dev/null
	no wait "$sleeper"
	wait_until 20 grep -q 'terminating connection' said
	is "$(sql 'SELECT 7')" 7
	# whoever is killed while he asks leaves it to the others
	(sql 'SELECT pg_sleep(600)' 2>/dev/null) &
	sleeper=$!
	wait_until 20 sql "SELECT 1 / count(*) $asleep"
	kill -KILL "$sleeper"
	sql "SELECT pg_terminate_backend(pid) $asleep" >/dev/null
	kept() { is "$(sql 'SELECT pg_backend_pid()')" "$(sql 'SELECT pg_backend_pid()')"; }
	wait_until 20 kept
	# a database can be copied although it was asked last
	scratch_db "$PGDATABASE"
	PGDATABASE=none no sql 'SELECT 1'
	[[ $output == *'"none" does not exist'* ]]
}

@test "filled_db: made once, and a copy for each that asks" {
	fill() {
		printf 'x\n' >>filled
		sql "CREATE TABLE t AS SELECT '$1' AS a; CREATE SCHEMA ferry; CREATE TABLE
			ferry.job AS SELECT '1/' || current_database() AS source, 'x' AS origin"
	}
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	filled_db fill one
	sql 'DROP TABLE t'
	filled_db fill one
	is "$(sql 'TABLE t')" one
	is "$(sql 'TABLE ferry.job')" "1/$PGDATABASE|"
	filled_db fill two
	is "$(sql 'TABLE t')" two
	is "$(wc -l <filled)" 2
	helper_teardown_file
}

@test "by_turns: so many, in their order, the same again; all with WHOLE" {
	unset WHOLE
	by_turns 2 a b 'c d' e
	is "${#turns[@]}" 2
	[[ 'a b c d e' == *"${turns[0]}"*"${turns[1]}"* ]]
	random_state='' first=${turns[*]}
	by_turns 2 a b 'c d' e
	is "${turns[*]}" "$first"
	by_turns 9 a b
	is "${turns[*]}" 'a b'
	WHOLE=1 by_turns 1 a 'b c'
	is "${#turns[@]} ${turns[1]}" '2 b c'
	# every one has its turn
	for ((i = 0; i < 60; i++)); do
		by_turns 1 a b c
		printf '%s\n' "${turns[@]}"
	done | sort -u >seen
	is "$(paste -sd ' ' seen)" 'a b c'
}

@test "helper_teardown_file: drops the databases, even one in use" {
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	scratch_db
	psql -Xc 'select pg_sleep(60)' >/dev/null 2>&1 &
	gone=$PGDATABASE
	export PGDATABASE=postgres
	busy() { [ "$(sql "select count(*) from pg_stat_activity where datname = '$gone'")" = 1 ]; }
	wait_until 5 busy
	helper_teardown_file
	is "$(sql "select count(*) from pg_database where datname = '$gone'")" 0
}

@test "same_rows: counts repeats, sees a swap, and wants rows at all" {
	same_rows 'values (1, null), (2, null), (2, null)' 'values (2, null), (1, null), (2, null)'
	no same_rows 'values (1), (2), (2)' 'values (1), (1), (2)'
	[[ $output == *'3|3|1|1'* ]]
	no same_rows 'values (1), (2)' 'values (1), (2), (2)'
	no same_rows 'select 1 where false' 'select 1 where false'
	no same_rows "values ('a', 'b')" "values ('b', 'a')"
	no same_rows 'values (1)' 'select no_such_column'
}

@test "own_cluster: another server, which can die alone" {
	shared=$PGHOST
	own_cluster --option max_connections=33
	[ "$PGHOST" != "$shared" ]
	is "$(sql 'show max_connections')" 33
	"$root/pipelines/lib/cluster" stop "$cluster" --immediate
	no sql 'select 1'
	PGHOST=$shared sql 'select 1'
}

# A tree of its own for the runner: FILE... are its bats files, each with the text of a test.
runner() {
	local each
	mkdir -p tree/t tree/pipelines/lib tree/b/bin tree/b/unit
	cp "$root/t/run" tree/t/
	cp "$root/pipelines/lib/cluster" tree/pipelines/lib/
	for each; do
		cat >"tree/t/$each.bats"
	done
	FERRY_BIN=$PWD/tree/b/bin run_rc "${want:-1}" tree/t/run
}

# unit NAME <TEXT: a unit test as a script.
unit() {
	mkdir -p tree/b/unit
	{ printf '#!/bin/sh\n' && cat; } >"tree/b/unit/$1"
	chmod +x "tree/b/unit/$1"
}

@test "run: adds up unit and shell tests, and says so last" {
	unit good <<<'echo "ok 1 - a"; echo "ok 2 - b # skip no reason"; echo 1..2'
	want=0 runner x <<<'@test "one" { [ -d "$FERRY_BIN" ]; psql -XAtc "select 1"; }'
	is "$(tail -n 1 "$out")" '2 passed, 0 failed, 1 skipped'
	unit bad <<<'echo "ok 1 - a"; echo "not ok 2 - b"; echo "# 3 is not 4"; echo 1..2; exit 1'
	runner x <<<'@test "one" { false; }'
	is "$(tail -n 1 "$out")" '2 passed, 2 failed, 1 skipped'
	has "$out" '# 3 is not 4' 'one'
}

@test "run: what ends without saying how has failed" {
	runner x <<<'@test "one" { kill -9 $PPID; kill -9 $$; }'
	has_no "$out" ' 0 failed'
	rm tree/t/x.bats
	while IFS= read -r text; do
		unit odd <<<"$text"
		runner
		is "$(tail -n 1 "$out" | cut -d, -f2)" ' 1 failed' "$text"
	done <<'END'
echo "ok 1 - a"; echo 1..2
echo "ok 1 - a"
echo "ok 1 - a"; echo 1..1; kill -SEGV $$
exit 3
echo "ok 1 - a"; echo 1..1; f=${ASAN_OPTIONS#log_path=}; echo leak >"${f%%:*}.1"
END
}

@test "run: what fails beside others and passes alone is said and kept" {
	mkdir -p tree/build
	unit once <<<'[ -f seen ] && echo "ok 1 - a" || { touch seen; echo "not ok 1 - a"; }
		echo "ok 2 - b"; echo 1..2'
	want=0 runner x <<<'@test "one" { true; }'
	is "$(tail -n 1 "$out")" '3 passed, 0 failed, 0 skipped'
	has "$out" 'once failed beside the others, and passed alone' 'not ok 1 - a'
	has tree/build/unsteady 'not ok 1 - a'
	# six are no chance
	for each in 1 2 3 4 5 6; do
		unit "bad$each" <<<"[ -f seen$each ] && echo 'ok 1 - a' ||
			{ touch seen$each; echo 'not ok 1 - a'; }; echo 1..1"
	done
	runner
	is "$(tail -n 1 "$out")" '3 passed, 6 failed, 0 skipped'
}

@test "run: a variation is left out of everything, and runs with WHOLE and by name" {
	printf -v text '%s test "%s" { true; }\n' @ one '# bats test_tags=whole
@' two
	text=${text//@ test/@test}
	WHOLE='' want=0 runner x <<<"$text"
	is "$(tail -n 1 "$out")" '1 passed, 0 failed, 0 skipped'
	WHOLE=1 want=0 runner x <<<"$text"
	is "$(tail -n 1 "$out")" '2 passed, 0 failed, 0 skipped'
	FERRY_BIN=$PWD/tree/b/bin run_rc 0 tree/t/run "$PWD/tree/t/x.bats"
	is "$(tail -n 1 "$out")" '2 passed, 0 failed, 0 skipped'
}

@test "run: no test at all is a failure" {
	runner
	is "$(tail -n 1 "$out")" '0 passed, 1 failed, 0 skipped'
}
