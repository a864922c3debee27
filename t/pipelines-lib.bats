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
