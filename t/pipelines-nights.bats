# What cron, make and timers start every night.

load helper
load sandbox
load fs
load oracle
load nights

setup() {
	helper_setup
	sandbox_set
	false_clock
}

@test "nights: six, some of them bad, end as modelled; their mail is what is to be known" {
	nights 6
}

@test "nights: fs-sync sends nothing while the target lacks a feature, and then all of it" {
	group short-from
	group short-to
	fs add-features short-from -f more:Integral >/dev/null
	printf 'id,event_time,more\na,2024-01-01T00:00:00Z,7\n' >in.csv
	fs-put short-from in.csv
	wait_until 20 arrived short-from 1
	run_rc 69 fs-sync short-from short-to --iterations 1
	has "$err" 'features would be lost, nothing was done: more' \
		"'fs add-features' gives short-to"
	is "$(fs-extract-online short-to --no-seal | sed 1d)" ''
	run_rc 0 fs-sync short-from short-to --iterations 1 --leave-out --state other.json
	is "$(fs-extract-online short-to --no-seal -c id | sed 1d)" a
	fs add-features short-to -f more:Integral >/dev/null
	run_rc 0 fs-sync short-from short-to --iterations 1
	is "$(fs-extract-online short-to --no-seal -c id,more | sed 1d)" a,7
}

@test "nights: what a killed migration left goes with a later one of the same groups" {
	local left state=$HOME/.local/state/ferry

	group left-from
	group left-to
	records 3 >in.csv
	fs-put left-from in.csv
	wait_until 20 arrived left-from 3
	left=$state/fs-migrate/left-from-left-to-0123456789abcdef
	mkdir -p "$left" "${left%f}0" "${left%f}1" "$state/fs-extract-athena"
	echo left-from left-to | tee "$left/begun" >"${left%f}0/begun"
	echo left from-left-to >"${left%f}1/begun" # other groups, whose names look the same
	touch "$state/fs-extract-athena/"{old,new}.run
	touch -d '8 days ago' "$left" "${left%f}1" "$state/fs-extract-athena/old.run"
	run_rc 0 fs migrate left-from left-to --yes
	is "$(cd "$state/fs-migrate" && echo *)" \
		'left-from-left-to-0123456789abcde0 left-from-left-to-0123456789abcde1'
	is "$(ls "$state/fs-extract-athena")" new.run
}

@test "nights: without a place for its state a command says where it can have one" {
	local each command
	local -a commands=('fs migrate a b --yes' 'fs export place -'
		'fs-sync place b --iterations 1' 'fs-put place in.csv' 'fs-verify place place-2'
		'narrow-to-wide --mode migration-only --cutoff-time 2024-01-01')

	group place
	group place-2
	records 1 >in.csv
	touch file
	for command in "${commands[@]}"; do
		run_rc 78 env -u HOME -u XDG_STATE_HOME -u FERRY_STATE bash -c "$command"
		has "$err" 'hint: ' FERRY_STATE
		FERRY_STATE=$PWD/file/x run_rc 73 bash -c "$command"
		has "$err" 'hint: FERRY_STATE names another place'
	done
	# what keeps none asks for none
	run_rc 78 env -u HOME -u XDG_STATE_HOME narrow-to-wide --mode status
	has "$err" 'no job in the ledger'
	run_ok env -u HOME -u XDG_STATE_HOME fs list -o csv
}

@test "nights: batch.mk is silent with -s, forgets earlier runs, and tells of a log without room" {
	local -a batch=(make -s -f "$root/pipelines/examples/batch.mk" groups GROUPS='a b' STATE=s)

	printf '#!/bin/sh\necho "$@"\n[ "$2" != "$BAD" ]\n' >bin/fs
	chmod +x bin/fs
	run_ok "${batch[@]}" RUN=1
	is "$(<"$out")" ''
	BAD=b run_rc 2 "${batch[@]}" -k RUN=2
	has "$err" 'migrate b b-2 --yes'
	has_no "$err" 'migrate a'
	is "$(cd s/groups && echo *)" 'a.2.done a.2.log b.1.done b.1.log b.2.log'
	run_ok "${batch[@]}" RUN=3
	is "$(cd s/groups && echo *)" 'a.3.done a.3.log b.3.done b.3.log'
	# a ship whose name begins like another's keeps its stamps
	printf '#!/bin/sh\n' >bin/narrow-to-wide
	chmod +x bin/narrow-to-wide
	batch=(make -s -f "$root/pipelines/examples/batch.mk" ships STATE=s "SHIPS=A A.B")
	run_ok "${batch[@]}" CUTOFF='2024-01-01 00:00:00'
	run_ok "${batch[@]}" CUTOFF='2024-01-02 00:00:00' SHIPS=A
	is "$(cd s/ships && echo *.done)" 'A.2024-01-02T000000.done A.B.2024-01-01T000000.done'
	rm -rf s/groups
	mkdir s/groups
	ln -s none/x s/groups/a.4.log
	run_rc 2 make -s -f "$root/pipelines/examples/batch.mk" groups GROUPS=a STATE=s RUN=4
	has "$err" 'a: its log is empty: is the disk full?'
}

@test "nights: batch.mk carries over what came late for an earlier cutoff, and stamps no typo" {
	local day
	local -a batch=(make -s -k -f "$root/pipelines/examples/batch.mk" ships STATE=s)

	scratch_db
	"$root/t/telemetry" 1 2 40
	for day in 2 3; do
		run_ok "${batch[@]}" SHIPS=IMO9999993 CUTOFF="2024-10-0$day"
		is_carried_over "2024-10-0$day"
		sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format)
			VALUES ('IMO9999993', '/late', '2024-10-01 0$day:00', $day, 'Decimal')"
		run_rc 2 "${batch[@]}" SHIPS='TYPO IMO9999993' CUTOFF="2024-10-0$day"
		has "$err" 'ship "TYPO" has no rows'
	done
	is "$(cd s/ships && echo *.done)" IMO9999993.2024-10-03.done
	is "$(sql 'SELECT "/late" FROM tenant.tbl_data_timeseries_imo9999993
		WHERE "/late" IS NOT NULL')" 2
}
