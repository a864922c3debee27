load helper

# Programs of the user that are told what happens: hooks by name, alerts by level.

setup_file() {
	scratch_db
	"$root/t/telemetry" 1 4 200
}
setup() {
	helper_setup
	export FERRY_RETRY_PAUSE=50
	mkdir hooks
}
teardown() { narrow-to-wide --mode rollback --yes >/dev/null 2>&1 || :; }

# recorder FILE [CODE]: a program that writes down its facts, its arguments and its input
recorder() {
	cat >"$1" <<-END
		#!/bin/bash
		IFS= read -r line
		printf '%s|%s|%s|%s|%s\n' "\${0##*/}" "\$*" "\$line" "\${FERRY_ALERT_LEVEL-}" \
			"\${FERRY_HOOK_EXIT-}\${FERRY_SOURCE-}" >>"$PWD/told"
		exit ${2-0}
	END
	chmod +x "$1"
	: >>told
}
migrate() { narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1 "$@"; }
event() { sql "INSERT INTO ferry.event (level, job_id, message) SELECT '$1', job_id, '$2'
	FROM ferry.job"; }
was_told() { grep -qF -e "$1" told; }

@test "hooks: start, finished, failed and rollback, with facts, in nobody's way" {
	local each
	for each in start finished failed rollback chunk-failed; do
		recorder "hooks/$each"
	done
	recorder hooks/finished 3
	FERRY_SOURCE="dbname=$PGDATABASE" run_rc 0 migrate --hook-dir hooks
	wait_until 5 was_told 'start||{"hook":"start","mode":"migration-only"}||'
	wait_until 5 was_told 'finished||{"hook":"finished","mode":"migration-only","job":"'
	grep finished told >line
	has line '"exit":"0","seconds":"' '||0'
	has "$err" 'warning: hook finished failed with exit code 3'
	# rows that could not be carried over are facts, too
	sql "UPDATE ferry.chunk SET rejects = 2;
		INSERT INTO ferry.reject (job_id, ship, chunk_from, attempt, worker, record, why)
		SELECT job_id, ship, chunk_from, attempt, 'w', '{}', 'no \"such\" value'
		FROM ferry.chunk LIMIT 1"
	run_rc 0 migrate --hook-dir hooks
	was_told '"rejected":"2","reason":"no \"such\" value"'
	run_rc 64 migrate --hook-dir hooks --chunk 0
	run_rc 78 migrate --hook-dir hooks --table public.none
	was_told 'failed||{"hook":"failed","mode":"migration-only","job":"","exit":"78"'
	# a hook that does not end is ended, and the command is as good as without it
	printf '#!/bin/bash\nsleep 300\n' >hooks/rollback
	FERRY_HOOK_SECONDS=1 run_rc 0 narrow-to-wide --mode rollback --yes --hook-dir hooks
	has "$err" 'hook rollback had not ended after 1 s'
	is "$(sql "SELECT count(*) FROM ferry.job")" 0
	# what would never run is a mistake
	recorder hooks/begin
	run_rc 78 migrate --hook-dir hooks
	has "$err" 'no hook has this name: begin' 'there are start chunk-failed'
	rm hooks/begin
	printf '#!/no/such/shell\n' >hooks/lag
	chmod +x hooks/lag
	run_rc 78 migrate --hook-dir hooks
	has "$err" 'lag wants /no/such/shell'
	chmod -x hooks/lag
	run_rc 78 migrate --hook-dir hooks
	has "$err" 'lag cannot be run' 'chmod +x lag'
	rm hooks/lag
	FERRY_HOOK_SECONDS=soon run_rc 78 migrate --hook-dir hooks
	has "$err" 'FERRY_HOOK_SECONDS is no number of seconds'
	run_rc 66 migrate --hook-dir nowhere
	run_rc 64 narrow-to-wide --mode status --hook-dir hooks
}

recorders() {
	recorder all && recorder worst && recorder hooks/chunk-failed
	recorder broken 1
}
watch() {
	run_rc 0 narrow-to-wide --mode watch --once --hook-dir hooks \
		--alert "WARNING=$PWD/all to ops" --alert "CRITICAL=$PWD/worst" "$@"
}

@test "alerts: by level, repeats folded, recovery told, what fails is said" {
	recorders
	run_rc 0 migrate
	event WARNING 'chunk failed, attempt 1: x $(touch pwned)'
	event WARNING 'chunk failed, attempt 2: x $(touch pwned)'
	event CRITICAL 'the slot is lost: rows have to be copied again'
	watch --alert-disk 0
	is "$(grep -c '^all|to ops|' told)" 2
	is "$(grep -c '^worst||.*slot is lost.*|CRITICAL|' told)" 1
	is "$(grep -c '^chunk-failed||{"hook":"chunk-failed","level":"WARNING","mess' told)" 2
	[[ ! -e pwned ]]
	# the next one says how many there were
	: >told
	event WARNING 'chunk failed, attempt 3: x $(touch pwned)'
	FERRY_ALERT_FOLD=0 watch --alert-disk 0
	was_told '(1 more like it were not told)'
	# what is over is told to those who hear of all that is no worse
	: >told
	watch --alert-disk 100
	was_told "of the target's disk are free"
	watch --alert-disk 0
	was_told "all|to ops|INFO: ferry job"
	grep 'disk has room again' told >line
	has line '|INFO|'
	event CRITICAL 'another thing'
	watch --alert-disk 0 --alert "WARNING=$PWD/broken"
	has "$err" 'warning: nobody was told by broken: another thing'
	was_told 'another thing'
	# who wants it later is told, and who could not be told is told again
	: >told
	event WARNING 'not for the worst'
	run_rc 0 narrow-to-wide --mode watch --once --alert-disk 0 --alert "CRITICAL=$PWD/all"
	run_rc 0 narrow-to-wide --mode watch --once --alert-disk 0 --alert "WARNING=$PWD/broken"
	run_rc 0 narrow-to-wide --mode watch --once --alert-disk 0 --alert "WARNING=$PWD/all"
	is "$(grep -c '^all.*not for the worst' told)" 1
	# nobody can be asked
	: >told
	PGPORT=1 run_rc 75 narrow-to-wide --mode watch --once --alert "CRITICAL=$PWD/all"
	was_told '|CRITICAL|'
	run_rc 78 narrow-to-wide --mode watch --once --alert WARNING=no-such-program
	run_rc 64 narrow-to-wide --mode watch --once --alert "INFO=$PWD/all"
	run_rc 64 narrow-to-wide --mode watch --once --alert "WARNING=$PWD/all" --alert-command true
}

@test "alerts: what is kept of the last one keeps nobody from hearing of the next" {
	local kept
	export FERRY_STATE=$PWD/state FERRY_ALERTS=WARNING=$PWD/all
	export FERRY_ALERT_LEVEL=WARNING FERRY_ALERT_MESSAGE='it broke'
	recorder all
	# tell N: so often it was told by then
	tell() {
		run_rc 0 "$root/pipelines/lib/ferry-alert" <<<'WARNING: it broke'
		is "$(wc -l <told)" "$1" "$(<"$err")"
	}
	tell 1
	tell 1
	kept=$(find state -type f ! -name '*.lock')
	# the disk was full, and is
	: >"$kept"
	tell 2
	tell 2
	ln -s /dev/full "$kept.new"
	rm "$kept"
	tell 3
	tell 4
	rm "$kept.new"
	rm "$kept.lock"
	mkdir "$kept.lock"
	tell 5
	rmdir "$kept.lock"
	# the clock was wrong
	printf '%s 3\n' $((EPOCHSECONDS + 86400)) >"$kept"
	tell 6
	has told '(3 more like it were not told)'
	tell 6
}

# bats test_tags=whole
@test "alerts: a job of another database is another one; a command that hangs is ended" {
	recorders
	run_rc 0 migrate
	event WARNING 'not for the worst'
	run_rc 0 narrow-to-wide --mode watch --once --alert-disk 0 --alert "WARNING=$PWD/all"
	is "$(grep -c '^all.*not for the worst' told)" 1
	# who looks after a job of another database, which has the same number, is told, too
	: >told
	(scratch_db "$PGDATABASE"
		event WARNING 'not for the worst'
		run_rc 0 narrow-to-wide --mode watch --once --alert-disk 0 \
			--alert "WARNING=$PWD/all")
	is "$(grep -c '^all.*not for the worst' told)" 1
	# the watch looks while a command hangs, and says nothing of how that was ended
	printf '#!/bin/bash\nsleep 300\n' >hooks/chunk-failed
	event WARNING 'chunk failed, attempt 9: hangs'
	FERRY_HOOK_SECONDS=1 FERRY_ALERT_FOLD=0 watch --alert-disk 0
	has "$err" 'hook chunk-failed had not ended after 1 s'
	has_no "$err" Killed
	was_told 'attempt 9: hangs'
}

@test "alerts: mail, webhook and syslog say the same, and no secret" {
	export FERRY_ALERT_LEVEL=CRITICAL FERRY_ALERT_MESSAGE='디스크 "가득"' FERRY_ALERT_JOB=7
	local line='CRITICAL: ferry job 7: 디스크 "가득" \ 참' alerts=$root/pipelines/alerts
	printf '#!/bin/bash\nprintf "%%s\\n" "$*" >>args\ncat >>body\n' >sendmail
	chmod +x sendmail
	FERRY_SENDMAIL=./sendmail run_ok "$alerts/mail" a@example.com b@example.com <<<"$line"
	has body 'To: a@example.com,b@example.com' 'Subject: =?UTF-8?B?'
	is "$(sed '1,/^$/d' body | base64 -d | head -n 1)" "$line"
	sed -n 's/^Subject: =?UTF-8?B?\(.*\)?=$/\1/p' body | base64 -d >subject
	has subject "${line:0:24}"
	is "$(<args)" '-oi -t'
	run_rc 64 "$alerts/mail" <<<"$line"
	# a curl that writes down what it is given
	printf "%s\n" "#!/bin/bash" 'printf "%s\n" "$@" >args; cat >config' \
		'while [[ $1 != --data-binary ]]; do shift; done' \
		'cat "${2#@}" >body; exit "${CODE-0}"' >curl
	chmod +x curl
	printf 'https://hooks.example.com/T0P/SECRET\n' >url
	PATH=$PWD:$PATH run_ok "$alerts/webhook" url <<<"$line"
	has config 'url = "https://hooks.example.com/T0P/SECRET"'
	has_no args SECRET
	is "$(jq -r '[.text, .level, .message, .job] | join("|")' body)" \
		"$line|CRITICAL|디스크 \"가득\"|7"
	PATH=$PWD:$PATH run_ok "$alerts/webhook" url slack <<<"$line"
	is "$(jq -c . body)" "$(jq -nc --arg text "$line" '{$text}')"
	CODE=22 PATH=$PWD:$PATH run_rc 75 "$alerts/webhook" url teams <<<"$line"
	has_no "$err" SECRET
	printf 'no address"\n' >url
	PATH=$PWD:$PATH run_rc 78 "$alerts/webhook" url <<<"$line"
	printf '#!/bin/bash\nprintf "%%s " "$@" >args\ncat >body\n' >./logger
	chmod +x logger
	PATH=$PWD:$PATH run_ok "$alerts/syslog" <<<"$line"
	is "$(<args)" '-t ferry -p daemon.crit '
	is "$(<body)" "$line"
}
