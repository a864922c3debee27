# The examples of units in pipelines/systemd: systemd takes them, and what they start is there.
load helper
load oracle

setup() {
	helper_setup
	# as if they were installed
	mkdir units
	local each
	for each in "$root"/pipelines/systemd/*@.*; do
		sed "s|/usr/local/bin|$FERRY_BIN|g" "$each" >"units/${each##*/}"
	done
}

cutoff='2024-10-02 17:00:00' # also of the oracle

in_words() { python3 -c 'import shlex, sys; [print(w) for w in shlex.split(sys.argv[1])]' "$1"; }

# command_of UNIT: $words, as systemd makes them: no shell, the words of FERRY_OPTIONS, of
# FERRY_TABLE_OPTIONS and of FERRY_ALERT_OPTIONS apart; what Environment= says exported
command_of() {
	local line text=''
	local -a options

	while IFS= read -r line; do
		line=${line:1:-1} line=${line//%i/x}
		# shellcheck disable=SC2163  # NAME=VALUE
		[[ -v ${line%%=*} ]] || export "$line"
	done < <(sed -n "s/^Environment=\([\"'].*\)/\1/p" "units/$1")
	line=$(sed -n 's/^ExecStart=//p' "units/$1")
	[[ $line != *' $FERRY_ALERT_OPTIONS'* ]] || text+="$FERRY_ALERT_OPTIONS "
	[[ $line != *' $FERRY_TABLE_OPTIONS'* ]] || text+="${FERRY_TABLE_OPTIONS-} "
	[[ $line != *' $FERRY_OPTIONS'* ]] || text+=${FERRY_OPTIONS-}
	mapfile -t options < <(in_words "$text")
	line=${line//' $FERRY_ALERT_OPTIONS'/} line=${line//%i/x}
	line=${line//' $FERRY_TABLE_OPTIONS'/} line=${line//' $FERRY_OPTIONS'/}
	line=${line//'$$'/'$'}
	mapfile -t words < <(in_words "$line")
	words+=("${options[@]}")
}
start() {
	local -a words

	command_of "$1"
	"${before[@]}" "${words[@]}"
}

# shut_in UNIT: from here on `start` writes to `refused` what the unit's SystemCallFilter= refuses.
before=()
shut_in() {
	local allowed

	systemd-analyze syscall-filter >sets
	allowed=$(sed -n 's/^SystemCallFilter=//p' "units/$1" | python3 -c '
import sys
sets = {}
for line in open("sets"):
    words = line.split("#")[0].split()
    if line[:1] == "@":
        name = words[0]
    elif words:
        sets.setdefault(name, []).extend(words)
def calls(of):
    return {c for each in sets[of] for c in (calls(each) if each[0] == "@" else {each})}
allowed = set()
for line in sys.stdin:
    each = calls(line.strip().lstrip("~"))
    allowed = allowed - each if line[0] == "~" else allowed | each
print(",?".join(sorted(allowed)))')
	before=(strace -f -qqq --seccomp-bpf -e signal=none -e trace="!?$allowed" -o refused)
}

@test "systemd: every unit is one" {
	need systemd-analyze
	local -a names
	local each
	for each in units/*; do
		cp "$each" "${each/@./@x.}"
		names+=("./${each##*/}")
	done
	cd units
	SYSTEMD_UNIT_PATH=$PWD: run_rc 0 systemd-analyze verify --man=no "${names[@]//@./@x.}"
	is "$(grep -v '^$' "$out" "$err")" ''
	# so a mistake would have been seen
	sed -i 's/^Type=/Tipe=/' ferry-live@x.service
	SYSTEMD_UNIT_PATH=$PWD: systemd-analyze verify --man=no ./ferry-live@x.service \
		>seen 2>&1 || :
	has seen Tipe
}

@test "systemd: every service is shut in, runs as ferry, and says where it may write" {
	need systemd-analyze
	local each
	cp "$root"/pipelines/examples/*.service units
	for each in units/*.service; do
		run_rc 0 systemd-analyze security --offline=true --threshold=30 "./$each"
		has "$each" User=ferry ProtectSystem=strict
		grep -qE '^(StateDirectory|ReadWritePaths)=' "$each"
	done
	# so a looser one would have been seen
	sed -i '/^SystemCallFilter=/d; /^Protect/d; /^Private/d' "$each"
	run_rc 1 systemd-analyze security --offline=true --threshold=30 "./$each"
}

@test "systemd: the user and the folders of the units are made" {
	need systemd-sysusers
	local place=$PWD/place
	mkdir -p place/etc place/var/lib/prometheus/node-exporter
	: >place/etc/passwd
	: >place/etc/group
	run_rc 0 systemd-sysusers "--root=$place" "$root/pipelines/systemd/ferry.sysusers"
	grep -qE '^ferry:x:[0-9]+:[0-9]+:[^:]*:/var/lib/ferry:/usr/sbin/nologin$' place/etc/passwd
	((EUID == 0)) || return 0
	run_rc 0 systemd-tmpfiles --create "--root=$place" "$root/pipelines/systemd/ferry.tmpfiles"
	local id
	id=$(sed -n 's/^ferry:x:\([0-9]*\):.*/\1/p' place/etc/passwd)
	is "$(stat -c '%a %u' place/etc/ferry place/var/lib/ferry)" $'750 0\n750 '"$id"
}

@test "systemd: programs and options of the units are there" {
	local unit program option
	for unit in units/*.service; do
		for program in narrow-to-wide pg-wide-ledger; do
			grep -q "^ExecStart=.*/$program" "$unit" || continue
			"$program" --help >help
			grep -E '^(ExecStart|Environment)=' "$unit" | grep -oE -e '--[a-z-]+' >used
			while IFS= read -r option; do
				has help "$option"
			done <used
			has "$unit" "$FERRY_BIN/$program"
		done
		# a timer starts a service that is there
		[[ ! -e ${unit%.service}.timer ]] || has "${unit%.service}.timer" OnCalendar=
	done
	for unit in units/*.timer; do
		[[ -e ${unit%.timer}.service ]]
	done
}

@test "systemd: the live service starts again after what passes, after 77 not at once" {
	local code
	mkdir bin
	printf '#!/bin/sh\necho "$1" >>slept\n' >bin/sleep
	chmod +x bin/sleep
	has units/ferry-live@.service Restart=always
	is "$(sed -n 's/^RestartPreventExitStatus=//p' units/ferry-live@.service)" '64 65 78'
	# as systemd makes words of it, and what it tells
	sed -n 's/^ExecStopPost=//p' units/ferry-live@.service | sed 's/[$][$]/$/g' >after
	for code in 0 75 143 TERM 77; do PATH=$PWD/bin:$PATH EXIT_STATUS=$code sh -e after; done
	is "$(<slept)" 30
}

@test "systemd: what the units start does its work" {
	local each
	scratch_db
	"$root/t/telemetry" 2 10 2000
	export FERRY_RETRY_PAUSE=50 FERRY_STATE=$PWD/state
	sed -i "s|'/usr/bin/logger -t ferry'|true|" units/*
	# strace and a leak check exclude each other
	[[ $FERRY_BIN == */asan/bin ]] || ! command -v systemd-analyze >/dev/null ||
		shut_in ferry-migrate@.service
	FERRY_OPTIONS='--cutoff-time=2024-10-02T17:00:00 --workers=2' run_rc 0 \
		start ferry-migrate@.service
	is_carried_over
	if ((${#before[@]})); then
		is "$(<refused)" ''
		# so a call that is refused would have been seen
		"${before[@]}" chgrp "$(id -g)" units
		has refused chown
		before=()
	fi
	mkdir textfiles
	TEXTFILES=$PWD/textfiles run_rc 0 start ferry-status@.service
	is "$(ls textfiles)" ferry-x.prom
	has textfiles/ferry-x.prom 'ferry_rows_total{job="1",ship="IMO9999993"} ' \
		'ferry_status_up{unit="x"} 1'
	run_rc 0 start ferry-validate@.service
	# all of them look at the job that was named
	export FERRY_TABLE_OPTIONS="--target-schema 'tenant'"
	TEXTFILES=$PWD/textfiles run_rc 0 start ferry-status@.service
	export FERRY_TABLE_OPTIONS=--target-schema=other
	for each in validate watch status; do
		TEXTFILES=$PWD/textfiles run_rc 78 start "ferry-$each@.service"
	done
	unset FERRY_TABLE_OPTIONS
	sql 'UPDATE tenant.tbl_data_timeseries_imo9999993
		SET created_time = created_time + interval $$1 us$$'
	run_rc 1 start ferry-validate@.service
	# who cannot be asked is not as he was
	TEXTFILES=$PWD/textfiles PGDATABASE=none run_rc fails start ferry-status@.service
	is "$(<textfiles/ferry-x.prom)" 'ferry_status_up{unit="x"} 0'
	# others are told than the log
	printf '#!/bin/sh\ncat >>told\n' >tell
	chmod +x tell
	sql "INSERT INTO ferry.event (level, job_id, message) VALUES ('WARNING', 1, 'a trouble')"
	FERRY_ALERT_OPTIONS="--alert=WARNING=$PWD/tell" run_rc 0 start ferry-watch@.service
	has told 'a trouble'
}

@test "systemd: the live service follows until SIGTERM, and ends well" {
	scratch_db
	"$root/t/telemetry" 2 10 2000
	export FERRY_RETRY_PAUSE=50 FERRY_STATE=$PWD/state
	local code=0
	sed -i "s|'/usr/bin/logger -t ferry'|true|" units/*
	local -a words
	FERRY_OPTIONS=--follow=poll
	command_of ferry-live@.service
	"${words[@]}" >run.log 2>&1 3>&- &
	local run=$!
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('NEW', '/a', '2024-10-02 16:00:00', 1, 'Decimal')"
	wait_until 60 sql 'SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_new'
	wait_until 60 sql "SELECT 1 / (count(*) = 0)::int FROM ferry.chunk WHERE state <> 'done'"
	# systemd tells the main process alone
	kill "$run"
	wait "$run" || code=$?
	((code == 0)) || cat run.log
	is "$code" 0
	is_carried_over
}

@test "slurm: the comparison is of the tables and ships of the past" {
	mkdir bin
	cat >bin/sbatch <<-'END'
		#!/bin/bash
		[[ ${!#} != --wrap=* ]] || printf '%s\n' "${!##--wrap=}" >wrap
		echo 7
	END
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >bin/narrow-to-wide
	chmod +x bin/*
	PATH=$PWD/bin:$PATH run_ok "$root/pipelines/slurm/submit" -n 2 --cutoff-time today \
		-t "a b" --ship-id="o'x" --config c --time-column t --chunk 6h \
		--target-schema=other --targets t.conf --only=busan
	PATH=$PWD/bin:$PATH run_ok sh wrap
	is "$(<"$out")" "--mode
validate
-t
a b
--ship-id=o'x
--config
c
--time-column
t
--target-schema=other
--targets
t.conf
--only=busan"
}
