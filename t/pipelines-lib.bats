#!/usr/bin/env bats
# The functions all front doors share.

load helper

setup() {
	helper_setup
	export FERRY_STATE=$BATS_TEST_TMPDIR/state FERRY_RETRY_PAUSE=10
}

# script NAME <TEXT: a front door that sources the library.
script() {
	{
		printf '#!/usr/bin/env bash\nsource %q\n' "$root/pipelines/lib.bash"
		cat
	} >"$1"
	chmod +x "$1"
}

@test "lib: messages have one form, and data cannot reach the terminal" {
	script s <<'END'
begin voyage
note "$(printf 'a\033[31mb\nc')"
fail 78 'no cutoff' 'give --since'
END
	run_rc 78 ./s
	is "$(<"$err")" 'voyage: note: a?[31mb?c
voyage: error: no cutoff
voyage: hint: give --since'
}

@test "lib: the facts of a feature group are not those of its features" {
	script s <<END
source "$root/pipelines/lib/options.bash"
fs-group() { cat described; }
facts g
printf '%s\\n' "\$created|\$table_format|\$online|\$offline|\$identifier|\$time|\$time_type|\$arn"
END
	cat >described <<-'END'
		Property,Value
		FeatureGroupName,G
		FeatureGroupArn,arn:aws:x/g
		Description,"two

		lines"
		CreationTime,2026-01-01T00:00:00Z
		IngestMode,Online + Offline
		TableFormat,Iceberg

		FeatureName,FeatureType,Collection,Role
		id,String,,record identifier
		CreationTime,Fractional,,event time
		TableFormat,String,,
	END
	run_rc 0 ./s
	is "$(<"$out")" '2026-01-01T00:00:00Z|Iceberg|1|1|id|CreationTime|Fractional|arn:aws:x/G'
}

@test "lib: what programs said is said again as it is, whatever is in it" {
	script s <<'END'
relay <said
END
	printf '%s\n' '2024-01-01T00:00:00Z fs-put: error: a: b' 'fs-put: AWS: denied' \
		'fs-put: hint: ask' 'fs-put: ' '' 'no program' 'fs-put: a note' >said
	printf 'cut' >>said
	FERRY_LOG_FORMAT=json run_rc 0 ./s
	is "$(jq -r '.level + "|" + .program + "|" + .message' "$err")" 'error|fs-put|a: b
error|fs-put|denied
hint|fs-put|ask
note|fs-put|
note|s|no program
note|fs-put|a note
note|s|cut'
	# which is not to be seen is not in the log either
	script probes <<'END'
reformat none.csv 2>/dev/null || note 'went on'
END
	FERRY_LOG_FILE=$PWD/log run_rc 0 sh -c './probes 2>/dev/null'
	is "$(cut -d ' ' -f 3- log)" 'probes: note: went on'
}

@test "lib: a mistake on the command line has its code, also when bash lost it" {
	script s <<'END'
wait() { return 127; }
begin voyage
take() { :; }
parse_options $'to sea\nusage: voyage\n  --port=N  where\n' take "$@"
end_well
END
	run_rc 64 ./s --prot 1
	has "$err" 'did you mean --port?'
	run_rc 66 ./s --config none
	run_rc 0 ./s --help
	run_rc 0 ./s --port 1
}

@test "lib: deferred commands run last first, with their words as they were, at any end" {
	script s <<'END'
defer printf '%s|' one 'two  words' '$(echo no)' ''
defer echo second
case $1 in
plain) ;;
error) false ;;
exit) exit 9 ;;
unset) echo "$no_such_name" ;;
esac
END
	wanted=$'second\none|two  words|$(echo no)||'
	run_rc 0 ./s plain
	is "$(<"$out")" "$wanted"
	run_rc 1 ./s error
	is "$(<"$out")" "$wanted"
	run_rc 9 ./s exit
	is "$(<"$out")" "$wanted"
	run_rc fails ./s unset
	is "$(<"$out")" "$wanted"
}

@test "lib: a run's folder goes after success, stays after failure, and is nobody else's" {
	script s <<'END'
begin voyage
stat -c %a "$run"
[[ $1 == empty ]] || echo rejects >"$run/rejects"
[[ $1 != bad && $1 != empty ]] || exit 65
END
	run_ok ./s good
	is "$(<"$out")" 700
	is "$(find state/run/voyage -mindepth 1)" ''
	run_rc 65 ./s empty
	is "$(find state/run/voyage -mindepth 1)" ''
	run_rc 65 ./s bad
	kept=$(find "$FERRY_STATE/run/voyage" -mindepth 1 -type d)
	is "$(<"$kept/rejects")" rejects
	has "$err" "$kept"
}

@test "lib: what earlier runs left goes after some days, but not while one of them lasts" {
	script s <<'END'
begin voyage
echo kept >"$run/kept"
[[ ! ${1-} ]] || { mkfifo "$1" && read -r _ <"$1"; }
exit 65
END
	runs=$FERRY_STATE/run/voyage
	run_rc 65 ./s
	./s fifo 2>late.err 3>&- &
	local lasting=$!
	both() { is "$(cat "$runs"/*/kept | wc -l)" 2 && [[ -p fifo ]]; }
	wait_until 20 both
	mkdir -p "$FERRY_STATE"/{fs-sync,locks}
	touch "$FERRY_STATE"/{fs-sync/{a-b.json{,.712.0},young.1.0},locks/v1.712.0}
	touch -d '8 days ago' "$runs"/* "$FERRY_STATE"/{fs-sync/a*,locks/*}
	FERRY_KEEP_RUNS=9 run_rc 65 ./s
	is "$(find "$runs" -mindepth 1 -maxdepth 1 | wc -l)" 3
	run_rc 65 ./s
	has "$err" 'note: removed what 1 runs had left more than 7 days ago'
	is "$(find "$runs" -mindepth 1 -maxdepth 1 | wc -l)" 3
	is "$(cd "$FERRY_STATE" && echo fs-sync/* locks/*)" \
		'fs-sync/a-b.json fs-sync/young.1.0 locks/v1.712.0'
	echo >fifo
	wait "$lasting" || :
	has late.err "what this run left is in $runs/"
	FERRY_KEEP_RUNS=0 run_rc 65 ./s
	is "$(find "$runs" -mindepth 1 -maxdepth 1 -mmin +1 | wc -l)" 0
	FERRY_KEEP_RUNS=week run_rc 78 ./s
	has "$err" 'FERRY_KEEP_RUNS=week is no number of days'
}

@test "lib: clean takes what ended runs left, and names what one holds or needs to go on" {
	local cleaner held
	clean() { run_ok "${cleaner[@]}" "$@"; }
	script s <<'END'
begin narrow-to-wide
echo kept >"$run/kept"
mkfifo fifo && read -r _ <fifo
END
	./s 2>late.err 3>&- &
	wait_until 20 test -p fifo
	cd "$FERRY_STATE"
	held=$(cd run/narrow-to-wide && echo *)
	mkdir -p run/narrow-to-wide/{old,young} run/fs/old fs-ask fs-extract-athena fs-put fs-sync \
		locks fs-migrate/a-b-{0123456789abcdef,fedcba9876543210}
	head -c 50000 /dev/zero >run/narrow-to-wide/old/rejects
	echo a b >fs-migrate/a-b-0123456789abcdef/begun
	touch fs-{ask,extract-athena}/x.run fs-put/none-0123456789abcdef.journal fs-sync/a-b.json \
		locks/a
	# one that tells of records, and one that tells of nothing
	head -c 200 /dev/zero >fs-put/a-0123456789abcdef.journal
	find . -not -path '*/young*' -exec touch -d '8 days ago' {} +
	find . | sort >"$BATS_TEST_TMPDIR/before"

	cleaner=(narrow-to-wide --mode clean)
	clean --dry-run
	has "$out" "State folder: $FERRY_STATE, " "kept" "$held (a run has it)" \
		'young (not old enough)'
	grep -qE '^would go +[45][0-9]K  run/narrow-to-wide/old$' "$out"
	has_no "$out" run/fs
	find . | sort >"$BATS_TEST_TMPDIR/after"
	same_file "$BATS_TEST_TMPDIR/after" "$BATS_TEST_TMPDIR/before"
	clean
	has "$out" removed
	[[ ! -e run/narrow-to-wide/old && -e run/narrow-to-wide/young && -e run/fs/old ]]
	clean --all --keep-runs 9d
	[[ -e run/fs/old ]]

	cleaner=(fs clean)
	FERRY_KEEP_RUNS=9 clean
	[[ -e run/fs/old && -e fs-ask/x.run ]]
	clean
	has "$out" "a-b-0123456789abcdef ('fs migrate a b' goes on from it)" \
		'a-0123456789abcdef.journal (an interrupted load goes on from it)'
	is "$(find . -type f -not -path './run/*' | sort)" './fs-migrate/a-b-0123456789abcdef/begun
./fs-put/a-0123456789abcdef.journal
./fs-sync/a-b.json
./locks/a'
	is "$(ls fs-migrate run/fs)" $'fs-migrate:\na-b-0123456789abcdef\n\nrun/fs:'
	clean --all --keep-runs 0s
	is "$(ls run/narrow-to-wide)" "$held"
	cd "$BATS_TEST_TMPDIR"
	echo >fifo
	wait || :
	run_rc 64 fs clean --keep-runs week
	FERRY_STATE=$PWD/none clean
	has "$out" 'not there yet'
	[[ ! -e none ]]
}

@test "lib: pipe_failed names the stage that failed first and returns its code" {
	script s <<'END'
case $1 in
good) true | true || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
first) (exit 65) | (exit 76) || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
reader) (exit 141) | (exit 69) || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
killed) (exit 141) | (exit 137) | (exit 76) || pipe_failed a b c -- "${PIPESTATUS[@]}" ;;
crash) true | (exit 139) || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
term) (exit 143) | (exit 76) || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
pipe) (exit 141) | true || pipe_failed a b -- "${PIPESTATUS[@]}" ;;
esac
echo went on
END
	run_ok ./s good
	is "$(<"$out")" 'went on'
	while read -r how code what; do
		run_rc "$code" ./s "$how"
		is "$(<"$err")" "s: error: $what"
		is "$(<"$out")" ''
	done <<'END'
first 65 a failed with exit code 65
reader 69 b failed with exit code 69
killed 75 b was ended by SIGKILL
crash 70 b was ended by SIGSEGV
term 143 a was ended by SIGTERM
pipe 74 a was ended by SIGPIPE
END
}

@test "lib: attend passes a signal on to the whole pipe, waits for it, and keeps its code" {
	script stage <<'END'
trap 'echo rolled back; exit 143' TERM
trap 'echo rolled back; exit 130' INT
touch ready
while :; do sleep 0.05; done
END
	script s <<'END'
defer echo bye
work() { cat | ./stage || pipe_failed a b -- "${PIPESTATUS[@]}"; }
attend work
echo went on
END
	for signal in TERM:143 INT:130; do
		rm -f ready
		mkfifo in
		# Not a function of bats: a background job of a shell without job control would
		# ignore SIGINT.
		python3 - "${signal%:*}" <<'END' >"$out" 2>"$err"
import os, signal, subprocess, sys, time
feed = os.open("in", os.O_RDWR)
signal.signal(signal.SIGINT, signal.SIG_DFL)
p = subprocess.Popen(["./s"], stdin=feed)
while not os.path.exists("ready"):
    time.sleep(0.01)
p.send_signal(getattr(signal, "SIG" + sys.argv[1]))
print("code", p.wait(10), flush=True)
END
		rm in
		is "$(<"$out")" $'rolled back\nbye\n'"code ${signal#*:}"
	done
}

@test "lib: what starts while a signal is passed on ends by it, too" {
	local each code
	script s <<'END'
run=$PWD/run
# both stages miss the signal, and the second one starts afterwards
work() {
	(trap '' TERM INT && touch ready && until [[ -e $FERRY_TOLD ]]; do sleep 0.02; done)
	pg-narrow-dump --follow poll --interval 1h --no-seal >rows
}
attend work
END
	mkdir run
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.tbl_data_timeseries (ship_id text,
		data_channel_id text, created_time timestamp, long_v bigint, value_format text,
		PRIMARY KEY (ship_id, data_channel_id, created_time))"
	for each in TERM INT HUP; do
		rm -f ready
		# not a function of bats: see above
		python3 - "$each" <<'END' >"$out" 2>"$err"
import os, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
p = subprocess.Popen(["./s"])
while not os.path.exists("ready"):
    time.sleep(0.01)
p.send_signal(getattr(signal, "SIG" + sys.argv[1]))
print("code", p.wait(60))
END
		is "$(<"$out")" 'code 0' "$each: $(<"$err")"
		is "$(ls run)" ''
	done
	sql "INSERT INTO tenant.tbl_data_timeseries VALUES ('S', 'c', '2024-01-01', 1, 'Integer')"
	printf 'INT\n' >told
	FERRY_TOLD=told run_rc 130 pg-narrow-dump --no-seal
	printf 'TERM\n' >told
	FERRY_TOLD=told run_rc 143 pg-narrow-dump --no-seal
}

@test "lib: what was told to stop ended by the signal, whatever its parts make of that" {
	local each code try
	script s <<'END'
work() { trap 'exit "$ends"' TERM; touch ready; while :; do sleep 0.05; done; }
ends=$1
attend work
END
	# a code that bash has lost is 75; what failed by itself says so
	for each in 75:143 74:143 76:143 143:143 65:65 0:0; do
		for try in 1 2 3; do # it loses one now and then
			rm -f ready
			./s "${each%:*}" 3>&- &
			wait_until 20 test -e ready
			kill -TERM "$!"
			code=0
			wait "$!" || code=$?
			[[ $code != "${each#*:}" ]] || break
		done
		is "$code" "${each#*:}"
	done
}

# What a run consists of, by what kills it: of the same pipe, whose foreign command reads nothing.
@test "lib: whatever of a run is killed, nothing of it is left" {
	printf 'a,b\n1,2\n' >n.csv
	mkfifo pipe
	script s <<'END'
work() {
	retry75 3 stages
}
stages() (
	answer_for
	reformat -O - <pipe | via -- sh -c 'echo $$ >command; exec sleep 1000' | reformat
)
case $1 in
attended) attend work ;;
plain) stages ;;
substituted) got=$(stages) ;;
beside) work & wait ;;
esac
END
	for way in attended:KILL:s substituted:KILL:s beside:KILL:s attended:HUP:s \
		attended:KILL:subshell attended:KILL:reformat plain:KILL:via; do
		IFS=: read -r how signal victim <<<"$way"
		rm -f command
		exec 7<>pipe # the records never end
		reformat --seal n.csv | head -n 2 >&7
		MARK=$BATS_TEST_TMPDIR FERRY_RETRY_PAUSE=60000 ./s "$how" >log 2>&1 7>&- &
		door=$!
		wait_until 10 test -s command
		case $victim in
		s) kill -"$signal" "$door" ;;
		subshell) kill -KILL "$(ps -o pid= --ppid "$door" | tr -d ' ')" ;;
		*) kill -KILL "$(comm -12 <(pgrep -x "$victim" | sort) \
			<(marked "$BATS_TEST_TMPDIR" | sort) | head -n 1)"
			exec 7>&- ;; # who waits for records learns nothing of its reader
		esac
		wait_until 20 none_left "$BATS_TEST_TMPDIR" || {
			printf 'left after %s\n' "$way"
			ps -fp "$(marked "$BATS_TEST_TMPDIR" | tr '\n' , | sed s/,$//)"
			return 1
		}
		wait "$door" || :
		exec 7>&-
	done
}

@test "lib: a terminal that is closed ends the run" {
	mkfifo pipe
	script s <<'END'
attend reformat -O - <pipe
END
	exec 7<>pipe
	MARK=$BATS_TEST_TMPDIR command script -qec ./s /dev/null >log 2>&1 </dev/null 7>&- &
	reads() { marked "$BATS_TEST_TMPDIR" | xargs ps -o comm= -p | grep -qx reformat; }
	wait_until 20 reads
	kill -KILL "$!" # who holds the terminal
	wait_until 20 none_left "$BATS_TEST_TMPDIR"
	exec 7>&-
}

@test "lib: a code that bash has lost is worth another run" {
	script s <<'END'
for each in -1 0 7 143; do
	code=0
	known_code "$each" || code=$?
	printf '%s ' "$code"
done
END
	run_rc 0 ./s
	is "$(<"$out")" '75 0 7 143 '
}

@test "lib: attend keeps standard input and ends the script as any command would" {
	script s <<'END'
attend cat
attend false
echo went on
END
	run_rc 1 ./s <<<hello
	is "$(<"$out")" hello
}

@test "lib: retry75 runs again what ends with 75, and nothing else, a limited number of times" {
	script again <<'END'
echo x >>tries
exit "$1"
END
	script s <<'END'
retry75 3 ./again "$1"
END
	run_rc 75 ./s 75
	is "$(wc -l <tries)" 3
	rm tries
	run_rc 65 ./s 65
	is "$(wc -l <tries)" 1
	rm tries
	run_ok ./s 0
	is "$(wc -l <tries)" 1
}

@test "lib: a question goes to standard error, one line answers it, and no line means no" {
	script s <<'END'
if confirm 'drop all?'; then echo yes; else echo no; fi
cat
END
	run_rc 0 ./s <<<$'Y\nrest'
	is "$(<"$out")" $'yes\nrest'
	has "$err" 'drop all? [y/N]'
	run_rc 0 ./s <<<'maybe'
	is "$(<"$out")" no
	run_rc 0 ./s </dev/null
	is "$(<"$out")" no
}

@test "lib: use_cluster leaves nothing of another server's settings" {
	script s <<'END'
use_cluster "$1"
psql -XAtc "select 'here'"
END
	PGSERVICE=none PGHOSTADDR=192.0.2.1 PGPASSWORD=x run_ok ./s "$FERRY_TEST_CLUSTER"
	is "$(<"$out")" here
	run_rc 69 ./s "$BATS_TEST_TMPDIR/none"
}

@test "lib: programs are found beside the front door as it was called" {
	mkdir bin elsewhere
	printf '#!/bin/sh\necho mine\n' >bin/pivot-wide
	chmod +x bin/pivot-wide
	script elsewhere/s <<<'pivot-wide'
	ln -s ../elsewhere/s bin/s
	run_ok bin/s
	is "$(<"$out")" mine
	PATH=$PWD/bin:$PATH run_ok s
	is "$(<"$out")" mine
}

@test "lib: a link to a link finds the programs, and a front door without any says so" {
	ln -s "$FERRY_BIN/fs" one
	ln -s one two
	PATH=/usr/bin:/bin run_ok ./two --version
	mkdir -p alone/pipelines
	cp -r "$root/pipelines/." alone/pipelines
	PATH=/usr/bin:/bin run_rc 78 alone/pipelines/fs --version
	has "$err" 'the programs of ferry are not beside it'
}

@test "lib: no failure of bash or of a tool ends as 1, which says that something differs" {
	local each
	script s <<'END'
begin voyage
answer() { return 1; }
asked() { pg-wide-validate --no-such-option || return 1; }
case $1 in
full) fill 'much\n' >/dev/full ;;
open) answer >no/such/file ;;
tool) mkdir no/such/folder ;;
missing) nosuchtool-at-all ;;
inner) x=$(cat no-such-file) ;;
pipe) cat no-such-file | sort ;;
attend) attend cat no-such-file ;;
answer) answer ;;
asked) asked ;;
handled) mkdir no/such/folder || true ;;
esac
END
	for each in full open tool inner pipe; do
		run_rc 74 ./s "$each"
		has "$err" 'voyage: error: ' FERRY_STATE
	done
	run_rc 78 ./s missing
	has "$err" 'cannot run nosuchtool-at-all'
	for each in answer asked; do run_rc 1 ./s "$each"; done
	run_rc 0 ./s handled
	# nowhere to keep anything
	run_rc 78 env -u HOME -u FERRY_STATE -u XDG_STATE_HOME ./s answer
	has "$err" 'FERRY_STATE names a folder'
	for each in /dev/null/x /proc/x; do
		FERRY_STATE=$each run_rc 73 ./s answer
		has "$err" 'FERRY_STATE names another place'
	done
	# reports go to a full disk
	for each in narrow-to-wide fs fs-copy; do
		run_rc 74 bash -c "$each --help >/dev/full"
		run_rc 74 bash -c "$each --version >/dev/full"
	done
}

@test "lib: -q says errors only, in every front door" {
	script s <<'END'
source "$FERRY_LIB/lib/options.bash"
usage() { :; }
command=$ferry_name
read_options dry-run -- "$@"
note one
warn two
printf '%s\n' a,b 1,2 a,b | reformat >/dev/null
fail 69 three four
END
	run_rc 69 ./s -q
	is "$(<"$err")" $'s: error: three\ns: hint: four'
	run_rc 69 ./s
	has "$err" 's: note: one' 's: warning: two' 'reformat: warning: '
}

@test "lib: a relative time is one time for all programs of a run" {
	cat >x <<-'END'
		source "$root/pipelines/lib.bash"
		take() { printf '%s=%s\n' "$1" "$2"; }
		parse_options $'t does it\nusage: x [options]\n  --since=TIME   from then on' \
			take "$@"
	END
	export root
	run_ok bash x --since @1700000000
	is "$(<"$out")" 'since=2023-11-14 22:13:20'
	run_ok bash x --since '2 days ago'
	[[ $(<"$out") == since=20[0-9][0-9]-*:* ]]
	run_rc 64 bash x --since 'some day'
	has "$err" yesterday
}
