# helper.bash: what every shell test loads.
#
#	load helper
#	@test "…" { run_ok pivot-wide in.csv; is "$(<"$out")" "…"; }
#
# A test starts in an empty folder of its own. Programs come from FERRY_BIN. A test that needs a
# database calls scratch_db, in setup_file for one per file or in the test for one of its own. A
# file that defines setup, setup_file, teardown or teardown_file itself calls the helper_* function
# of that name in it.
#
# `run a | b` does not test what it says: use run_pipe. Compare files with same_file: $(…) loses
# final newlines.
# shellcheck shell=bash

# without a process: this is read before each of many tests
root=${BASH_SOURCE[0]%/*/*}
[[ $root == /* && $root != */t/soak ]] || root=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd)
if [[ ! ${FERRY_BIN-} ]]; then
	FERRY_BIN=$root/bin
	[[ ! -d $root/build/test/bin ]] || FERRY_BIN=$root/build/test/bin
fi
export FERRY_BIN PATH=$FERRY_BIN:$PATH LC_ALL=C.UTF-8 TZ=UTC0
# The surroundings of whoever runs the tests do not reach the programs.
unset FERRY_SEAL NO_COLOR LANGUAGE

helper_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# bats takes a stack trace before each command, which is half a millisecond: those of the
	# test itself are enough
	set +T
	declare -ft "${BATS_TEST_NAME:?}"
	out=$BATS_TEST_TMPDIR/.out err=$BATS_TEST_TMPDIR/.err
	export HOME=$BATS_TEST_TMPDIR
	random_state=''
	export FERRY_SEED=${FERRY_SEED:-1}
	# seen where a test fails
	printf 'FERRY_SEED=%s\n' "$FERRY_SEED"
}

# Databases and servers of a file live until its end: a test that failed can be looked into with
# them.
helper_teardown_file() {
	local each
	local -a drop=()

	if [[ -f $BATS_FILE_TMPDIR/databases ]]; then
		while IFS= read -r each; do
			drop+=(-c "DROP DATABASE \"$each\" WITH (FORCE)")
		done <"$BATS_FILE_TMPDIR/databases"
		PGDATABASE=postgres psql -Xq "${drop[@]}" || :
	fi
	if [[ -f $BATS_FILE_TMPDIR/clusters ]]; then
		while IFS= read -r each; do
			"$root/pipelines/lib/cluster" destroy "$each"
		done <"$BATS_FILE_TMPDIR/clusters"
	fi
}

setup() { helper_setup; }
teardown_file() { helper_teardown_file; }

# ---- chance ------------------------------------------------------------------------------------

# random N: the next number below N is in $random. The sequence is that of FERRY_SEED and of the
# test's name, the same in every run (bash's own RANDOM begins anew in each subshell). `pause` MIN
# MAX sleeps so many milliseconds between, and $victim is one of the processes given to `any_of`.
pause() {
	random $(($2 - $1))
	nap $(($1 + random))
}
any_of() {
	random $#
	# shellcheck disable=SC2034  # for the caller
	victim=${*:random+1:1}
}
# shellcheck disable=SC2034  # for the caller
random() {
	if [[ ! ${random_state-} ]]; then
		random_state=$(cksum <<<"${FERRY_SEED:-1} ${BATS_TEST_NAME-}")
		random_state=${random_state%% *}
	fi
	random_state=$(((random_state * 1103515245 + 12345) & 0x7fffffff))
	random=$(((random_state >> 8) % $1))
}

# by_turns COUNT VARIANT...: so many of the variants, in their order, are in "${turns[@]}"; all of
# them with WHOLE=1, as t/soak/whole.bats has it.
by_turns() {
	local -i count=$1 left=$#-1
	local each

	turns=()
	for each in "${@:2}"; do
		random "$left"
		left+=-1
		[[ ${WHOLE-} ]] || ((random < count)) || continue
		turns+=("$each")
		count+=-1
	done
}

# ---- running programs --------------------------------------------------------------------------

# run_rc CODE COMMAND...: runs it with a time limit (RUN_TIMEOUT seconds, 300), standard output to
# the file $out and standard error to $err; its exit code must be CODE. `fails` as CODE takes any
# plain failure, 1 to 125: a death by signal, a sanitizer's 99 and a timeout's 124 are failures of
# the test unless asked for by number.
run_rc() {
	local want=$1 rc=0
	local -a limit=(timeout -k 5 "${RUN_TIMEOUT:-300}")
	shift

	! declare -F "$1" >/dev/null || limit=()
	"${limit[@]}" "$@" >"$out" 2>"$err" || rc=$?
	if [[ $want == "$rc" ]] ||
		{ [[ $want == fails ]] && ((rc > 0 && rc < 126 && rc != 99 && rc != 124)); }; then
		return 0
	fi
	printf 'ended with %s, not %s:' "$rc" "$want"
	printf ' %q' "$@"
	printf '\n'
	show_output
	return 1
}

# run_ok COMMAND...: success, and nothing to say on standard error.
run_ok() {
	run_rc 0 "$@" || return 1
	[[ -s $err ]] || return 0
	printf 'a success with messages:'
	printf ' %q' "$@"
	printf '\n'
	show_output
	return 1
}

# run_pipe CODES PIPELINE [NAME=VALUE...]: a pipeline of the shell as one text; CODES are the exit
# codes its stages must have, in order, as in PIPESTATUS, or a pattern of them:
# run_pipe '0 65 @(75|76)' 'a | b "$x" | c' x=1.
run_pipe() {
	local want=$1 pipeline=$2 codes=$BATS_TEST_TMPDIR/.codes got
	shift 2

	: >"$codes"
	# shellcheck disable=SC2016  # for the bash that runs it
	env "$@" timeout -k 5 "${RUN_TIMEOUT:-300}" bash -c "$pipeline"'
		printf "%s" "${PIPESTATUS[*]}" >&9' 9>"$codes" >"$out" 2>"$err" || :
	got=$(<"$codes")
	# shellcheck disable=SC2053  # a pattern
	[[ $got != $want ]] || return 0
	printf 'ended with %s, not %s: %s\n' "${got:-nothing}" "$want" "$pipeline"
	show_output
	return 1
}

show_output() {
	printf -- '--- standard output, %s bytes\n' "$(wc -c <"$out")"
	head -c 4000 "$out" | cat -v
	printf -- '--- standard error\n'
	head -c 4000 "$err" | cat -v
	printf -- '---\n'
}

# golden PROGRAM/CASE: runs the file `cmd` of t/cases/PROGRAM/CASE with bash in a copy of that
# folder and compares standard output, standard error and exit code with the files out, err and rc
# (absent: nothing, nothing, 0). UPDATE=1 writes them instead.
golden() {
	local case=$root/t/cases/$1 each rc=0 bad=0
	local work=$BATS_TEST_TMPDIR/golden

	rm -rf "$work"
	cp -r "$case" "$work"
	(cd "$work" && exec timeout -k 5 "${RUN_TIMEOUT:-300}" bash -uo pipefail ./cmd) \
		>"$out" 2>"$err" || rc=$?
	printf '%s\n' "$rc" >"$BATS_TEST_TMPDIR/.rc"
	for each in out err rc; do
		if [[ ${UPDATE-} ]]; then
			cp "$BATS_TEST_TMPDIR/.$each" "$case/$each"
			[[ -s $case/$each && $each$(<"$case/$each") != rc0 ]] || rm "$case/$each"
		fi
		if [[ -f $case/$each ]]; then
			cp "$case/$each" "$BATS_TEST_TMPDIR/.want"
		elif [[ $each == rc ]]; then
			printf '0\n' >"$BATS_TEST_TMPDIR/.want"
		else
			: >"$BATS_TEST_TMPDIR/.want"
		fi
		same_file "$BATS_TEST_TMPDIR/.$each" "$BATS_TEST_TMPDIR/.want" || bad=1
	done
	return "$bad"
}

# ---- assertions --------------------------------------------------------------------------------

# is GOT WANTED [WHAT]
is() {
	[[ $1 != "$2" ]] || return 0
	printf '%s\n   got: %q\nwanted: %q\n' "${3:-not the same}" "$1" "$2"
	return 1
}

# has FILE TEXT...: the file holds each text, taken literally. has_no is its opposite.
has() {
	local file=$1 each
	for each in "${@:2}"; do
		grep -qF -e "$each" -- "$file" || {
			printf 'not in %s: %s\n--- it holds\n' "${file##*/}" "$each"
			head -c 4000 "$file" | cat -v
			return 1
		}
	done
}
has_no() {
	local file=$1 each
	for each in "${@:2}"; do
		! grep -nF -e "$each" -- "$file" || return 1
	done
}

# same_file GOT WANTED: byte by byte.
same_file() {
	! cmp -s -- "$1" "$2" || return 0
	printf 'files differ: got %s (-), wanted %s (+)\n' "${1##*/}" "${2##*/}"
	diff -au -- "$1" "$2" | head -n 40 | cat -v
	return 1
}

# examples PAGE: the commands of its EXAMPLES, one a line
examples() {
	awk '/^\.Sh/ { on = $2 == "EXAMPLES" } /^\.Ed/ { code = 0 }
		on && code { more = sub(/\\e$/, "") || /[|]$/; text = text $0 " "
			if (!more) { print text; text = "" } }
		/^\.Bd -literal/ { code = 1 }' "$1" | sed 's/\\e/\\/g; s/\\(dq/"/g; s/\\&//g'
}

# wait_until SECONDS COMMAND...: until it succeeds; better than any sleep. The seconds are those of
# a machine that does nothing else; this one may be ten times as slow. It asks less often the longer
# it takes: to ask costs more than to wait.
wait_until() {
	local began=${EPOCHREALTIME/./} seconds=$1 waited
	shift

	until "$@" >/dev/null 2>&1; do
		waited=$(((${EPOCHREALTIME/./} - began) / 1000))
		((waited < seconds * 10000)) || {
			printf 'never came true: %s\n' "$*"
			return 1
		}
		nap $((waited > 2000 ? 220 : 20 + waited / 10))
	done
}

# marked MARK: the processes that were started with MARK=$MARK in their environment, and what they
# started. none_left MARK: none of them is there any more.
marked() {
	grep -lsxz -e "MARK=$1" /proc/[0-9]*/environ | cut -d / -f 3 || :
}
none_left() { [[ ! $(marked "$1") ]]; }

# nap MS: like sleep, without a process: reads what nobody ever writes.
nap() {
	local ms pipe=$BATS_FILE_TMPDIR/nap

	if [[ ! ${nap_fd-} ]]; then
		# two may make it at once
		[[ -p $pipe ]] || mkfifo "$pipe" 2>/dev/null || [[ -p $pipe ]]
		exec {nap_fd}<>"$pipe"
	fi
	printf -v ms '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -rt "$ms" -u "$nap_fd" || :
}

# need COMMAND / need_data FILE: skips the test where that is missing. need_data sets $data to its
# path.
need() { command -v "$1" >/dev/null || skip "no $1 on this machine"; }
need_data() {
	data=${FERRY_TEST_DATA:-/dev/null}/$1
	[[ -e $data ]] || skip "no $1: FERRY_TEST_DATA does not lead to it"
}

# no_sanitizer WHY: skips under `make check SAN=1` (strace and a leak check exclude each other, for
# one).
no_sanitizer() { [[ $FERRY_BIN != */asan/bin ]] || skip "not under sanitizers: $1"; }

# on_disk FOLDER COMMAND...: runs it, and leaves in FOLDER what is on the disk for sure once it has
# ended. Under sanitizers it only runs it.
on_disk() {
	if [[ $FERRY_BIN == */asan/bin ]]; then
		"${@:2}"
	else
		"$root/t/faults/power" cut 0 bare "$1" "${FERRY_BIN%/bin}/power.so" -- "${@:2}"
	fi
}

# ahead COMMAND...: runs it with a wall clock of its own, which `jump` SECONDS sets before and
# meanwhile: so far ahead of that of servers and files, or behind. Not under sanitizers.
ahead() { LD_PRELOAD=${FERRY_BIN%/bin}/clock.so CLOCK_AHEAD=$BATS_TEST_TMPDIR/.clock "$@"; }
jump() {
	local i bytes=''
	for ((i = 0; i < 64; i += 8)); do
		printf -v bytes '%s\\x%02x' "$bytes" "$((($1 >> i) & 255))"
	done
	# in place: who looks at the file sees it whole
	printf '%b' "$bytes" 1<>"$BATS_TEST_TMPDIR/.clock"
}

# jumps COUNT: so many while others are at work, by an hour or a day
jumps() {
	local i
	for ((i = 0; i < $1; i++)); do
		pause 100 400
		any_of 86400 -86400 3600 -3600 0
		jump "$victim"
	done
}

# ---- databases ---------------------------------------------------------------------------------

# sql QUERY, or sql <FILE: rows unaligned, fields split by |, NULL as nothing; an error ends it.
sql() {
	local code=''

	if (($# == 0)); then
		psql -XAtq -v ON_ERROR_STOP=1
		return
	fi
	ask_session "$1"
	[[ ! $code ]] || return "$code"
	psql -XAtq -v ON_ERROR_STOP=1 -c "$1"
}

# ask_session QUERY: asks the one session of this file (shim/session.c); its exit code is in $code.
# To begin a process and a session takes ten times as long as a question. Whoever finds it busy, or
# gets no answer, is to ask a psql of his own.
ask_session() {
	local LC_ALL=C IFS=' ' each token text got out err to=${BATS_FILE_TMPDIR-}/session
	local -a variables=("$BASHPID" "HOME=$HOME")

	[[ ! $1 =~ ^\\|[Ss][Tt][Dd][Ii][Nn]|[Bb][Ii][Nn][Aa][Rr][Yy] ]] || return 0
	if [[ ! -p $to/token ]]; then
		"${FERRY_BIN%/bin}/session" "$to" "$BATS_ROOT_PID" 2>/dev/null || return 0
	fi
	# one that comes at the last moment was taken all the same
	read -rN1 -t 0.2 token <>"$to/token" || [[ ${token-} ]] || return 0
	for each in "${!PG@}"; do
		variables+=("$each=${!each}")
	done
	printf '%s\0' "${variables[@]}" '' "$1" 1<>"$to/ask"
	read -r got out err <>"$to/answer"
	((out == 0)) || put_text "$out" "$to/out"
	((err == 0)) || put_text "$err" "$to/err" >&2
	printf '\0\0' 1<>"$to/ask"
	((got == 2 && err == 0)) || code=$got
}
put_text() {
	if (($1 > 1)); then
		cat -- "$2"
	else
		IFS= read -rd '' text <"$2" || :
		printf '%s' "$text"
	fi
}

# scratch_db [ORIGINAL]: a new database, empty or a copy, which PGDATABASE names from here on.
scratch_db() {
	local list=$BATS_FILE_TMPDIR/databases name=${BATS_TEST_FILENAME##*/}
	local -a before=()

	[[ ! -f $list ]] || mapfile -t before <"$list"
	name=${name%.bats}_${BATS_TEST_NUMBER:-file}_$$_${#before[@]}
	printf '%s\n' "$name" >>"$list"
	PGDATABASE=postgres sql "CREATE DATABASE \"$name\" TEMPLATE \"${1-template0}\""
	export PGDATABASE=$name
}

# filled_db COMMAND...: one in which the command has been run: by the first test of a file that asks
# for that; the others get a copy, whose jobs have it as their source.
filled_db() {
	local key original

	key=$(cksum <<<"$*")
	key=$BATS_FILE_TMPDIR/filled.${key%% *}
	if [[ ! -f $key ]]; then
		scratch_db
		"$@" || return
		printf '%s\n' "$PGDATABASE" >"$key"
	fi
	original=$(<"$key")
	scratch_db "$original"
	sql "UPDATE ferry.job SET origin = NULL,
		source = regexp_replace(source, '/[^/]*\$', '/' || current_database())"
}

# own_cluster [--option NAME=VALUE]...: a server for this test alone, to be killed or misconfigured;
# PG* name it, and $cluster is its folder, for the cluster program. It is a copy of one that was
# made once for the whole run; there are two of those, in turn, because a copy has the identifier of
# its original, by which programs tell one server from another.
own_cluster() {
	local list=$BATS_FILE_TMPDIR/clusters original

	touch "$list"
	original=${FERRY_TEST_POOL:?}/$(($(wc -l <"$list") % 2))
	(
		flock 9
		[[ -d $original ]] || {
			"$root/pipelines/lib/cluster" start "$original.new" --option fsync=off
			"$root/pipelines/lib/cluster" stop "$original.new"
			mv "$original.new" "$original"
		}
	) 9>"$original.lock"
	cluster=$(mktemp -d "${FERRY_TEST_POOL:?}/own.XXXXXX")
	printf '%s\n' "$cluster" >>"$list"
	chmod 711 "$cluster"
	# data alone: the folder of the socket is made where it is missing
	mkdir "$cluster/home"
	cp -a "$original/home/data" "$cluster/home/"
	chmod --reference="$original/home" "$cluster/home"
	chown --reference="$original/home" "$cluster/home"
	export cluster
	"$root/pipelines/lib/cluster" start "$cluster" \
		--option fsync=off --option shared_buffers=128MB "$@"
	# shellcheck disable=SC2046,SC2163  # a word each: no value holds a blank
	export $("$root/pipelines/lib/cluster" env "$cluster")
}

# same_rows QUERY QUERY: the same rows, each as often, and at least one. Equal is what SQL calls
# equal: cast to text where -0 and 0 must differ.
same_rows() {
	local got

	got=$(sql "WITH a AS MATERIALIZED ($1), b AS MATERIALIZED ($2) SELECT
		(SELECT count(*) FROM a), (SELECT count(*) FROM b),
		(SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x),
		(SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS x)") || return 1
	[[ $got == 0\|* || $got != *\|0\|0 ]] || return 0
	printf 'rows got|rows wanted|only in got (-)|only in wanted (+)\n%s\n' "$got"
	sql "SELECT '-', x FROM (($1) EXCEPT ALL ($2) LIMIT 5) AS x" | cut -c 1-400
	sql "SELECT '+', x FROM (($2) EXCEPT ALL ($1) LIMIT 5) AS x" | cut -c 1-400
	return 1
}
