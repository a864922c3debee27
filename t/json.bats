# shellcheck disable=SC2094  # as_said writes none of the files it reads
load helper
load oracle
load json

# What is written as JSON, against ferry-json(7): every field is in the page, of the type it says.

setup() {
	helper_setup
	scratch_db
}

teardown() { [[ ! -d said ]] || fits_schema; }

ended() { wait "$1"; }
is_wrong() { if as_said "$@" >/dev/null; then return 1; fi; }

@test "json: of filters, loaders and their rejects" {
	local each
	printf 'a,b\n1,2\n1\n3,4\n' >in.csv
	run_rc 0 reformat --rejects rejects --stats stats --progress json in.csv
	as_said reject <rejects
	# it does see what is wrong
	is_wrong reject </dev/null
	is_wrong reject < <(jq -c 'del(.why)' rejects)
	is_wrong reject < <(jq -c '.line = "3"' rejects)
	is_wrong reject < <(jq -c '.more = 1' rejects)
	as_said stats <stats
	grep '^{' "$err" | as_said progress
	if python3 -c 'import jsonschema' 2>/dev/null; then
		mkdir wrong
		jq -c '.line = "3"' rejects >wrong/reject
		run_rc 1 fits_schema wrong
		has "$err" "'3' is not of type 'integer'"
	fi
	run_rc 0 reformat --rejects latin <<<$'a,b\n1,2\ncaf\xe9,1'
	as_said reject <latin
	run_rc 65 reformat --stats stats in.csv
	as_said stats <stats
	is "$(jq .exit stats)" 65
	for each in '--table public.t --create --key a --rejects r' \
		'--table public.t --key a --on-conflict ignore --rejects r'; do
		# shellcheck disable=SC2086
		run_rc 0 pg-copy-load $each --stats stats --progress json in.csv
		as_said stats <stats
		grep '^{' "$err" | as_said progress
	done
}

@test "json: of reports on quality and columns" {
	printf '%s\n' day,n 31.12.2024,1 never, >in.csv
	printf '{"rules":[{"name":"convert_times","action":"count",
		"config":{"day":"%%d.%%m.%%Y"}}]}' >rules
	run_rc 0 quality-clean -r rules -R report --profile profile --report-format json in.csv
	as_said quality <report
	is "$(jq .times_of_another_format report)" 1
	jq -c '.[]' profile | as_said profile
}

@test "json: of a front door, whichever way it ends" {
	# what others have there is not looked at
	mkdir tmp
	local -x TMPDIR=$PWD/tmp
	local each
	run_rc 78 env -u FERRY_STATE -u HOME narrow-to-wide --mode schema-only --stats door
	as_said door <door
	is "$(jq -c '[.program, .mode, .exit, .reason, .error]' door)" \
		'["narrow-to-wide","schema-only",78,"configuration",'\
'"there is no HOME to keep state in"]'
	# what a program says that has no --stats, and one of another door
	run_rc fails narrow-to-wide --mode status --stats=door --target 'host=/nonexistent "'
	as_said door <door
	is "$(jq -c '[.exit, .error] == [(.programs[-1] | .exit, .error)]' door)" true
	has door 'connection string'
	run_rc fails env -u AWS_REGION AWS_CONFIG_FILE=none fs-copy a b --stats door
	as_said door <door
	has door 'feature groups: no region'
	run_rc fails env -u AWS_REGION AWS_CONFIG_FILE=none fs list --stats door
	as_said door <door
	is "$(jq -r .mode door)" list
	run_rc 73 narrow-to-wide --mode status --stats "$PWD/none/door"
	# never over what is read
	printf 'id,event_time\na,2024-01-01T00:00:00Z\n' >in.csv
	cp in.csv kept.csv
	for each in 'fs bulk-put g in.csv' 'fs-subset a b in.csv' \
		'fs create g --schema-file in.csv' \
		'narrow-to-wide --mode correct --ship-id S in.csv'; do
		# shellcheck disable=SC2086  # words
		run_rc 64 $each --stats ./in.csv
		same_file in.csv kept.csv
	done
	run_rc fails fs-put g in.csv --region x --stats in.csv
	same_file in.csv kept.csv
	# a place for the time of the run that is not there, and descriptors
	run_rc 73 env TMPDIR="$PWD/none" narrow-to-wide --mode grants --stats door
	has "$err" 'TMPDIR names another place'
	[[ $(jq .exit door) != 0 ]]
	for each in - /dev/stdout; do
		narrow-to-wide --mode grants --stats "$each" >both
		is "$(tail -n 1 both | jq -c '[.mode, .exit]')" '["grants",0]'
		grep -q GRANT both
	done
	mkfifo pipe
	jq -c .exit <pipe >got &
	run_rc fails narrow-to-wide --mode status --stats pipe --target 'host=/nonexistent'
	wait "$!"
	is "$(<got)" 75
	# what killed ones left goes some day
	touch -d '8 days ago' "${TMPDIR:-/tmp}/ferry-stats.old"
	# killed, it does not look like a good end
	mkdir bin && ln -s "$FERRY_BIN"/* bin/ && rm bin/pg-wide-ledger
	printf '#!/bin/sh\nprintf "%%s" $$ >"%s/began"\nexec sleep 60\n' "$PWD" >bin/pg-wide-ledger
	chmod +x bin/pg-wide-ledger
	# nor like the run before, whoever killed it, and it is whole at any time
	bin/narrow-to-wide --mode status --stats door 3>&- &
	wait_until 10 test -s began
	kill -KILL "$!"
	run_rc 137 ended "$!"
	is "$(jq -c '[.exit, .error]' door)" \
		'[143,"it was ended by a signal, or it still runs"]'
	kill "$(<began)" 2>/dev/null || :
	rm -f began "${TMPDIR:-/tmp}"/ferry-stats.*
	bin/narrow-to-wide --mode status --stats door 3>&- &
	wait_until 10 test -s began
	kill -TERM "$!"
	run_rc 143 ended "$!"
	kill "$(<began)" 2>/dev/null || : # it may have ended with the door
	as_said door <door
	is "$(jq -c '[.exit, .error]' door)" '[143,"ended by a signal"]'
	is "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'ferry-stats.*')" ''
}

@test "json: of a migration, its state, comparison and events" {
	"$root/t/telemetry" 2 4 400
	run_rc 0 pg-narrow-schema
	as_said channel <"$out"
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time '2024-10-02 17:00:00' \
		--stats door --workers 1
	as_said door <door
	jq -c '.programs[]' door | as_said stats
	is "$(jq -c '[.mode, .exit, (.programs | map(select(.program == "pg-copy-load")) |
		[(map(.inserted) | add), length])]' door)" \
		"[\"migration-only\",0,[$(sql "SELECT (SELECT count(*) FROM
			tenant.tbl_data_timeseries_imo9999993) + (SELECT count(*) FROM
			tenant.tbl_data_timeseries_imo9999994)"),1]]"
	run_rc 0 pg-narrow-dump --stats stats --progress json
	as_said stats <stats
	run_rc 0 narrow-to-wide --mode status -f json --count
	as_said status <"$out"
	jq -c '.ships[]' "$out" | as_said ship
	sql "UPDATE tenant.tbl_data_timeseries_imo9999993 SET created_time = created_time
		+ interval '1 year' WHERE created_time = (SELECT min(created_time)
		FROM tenant.tbl_data_timeseries_imo9999993)"
	run_rc 1 narrow-to-wide --mode validate -f json
	as_said validate <"$out"
	jq -c '.differing[]' "$out" | as_said difference
	run_rc 0 narrow-to-wide --mode events -f json
	jq -c '.[]' "$out" | as_said event
	run_rc 0 narrow-to-wide --mode analyze -f json
	jq -c '.[]' "$out" | as_said figure
	# the rows differ, which has been made so above
	run_rc 1 narrow-to-wide --mode compare -f json
	jq -c '.[]' "$out" | as_said query
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		value_format) VALUES ('IMO9999993', '/c1', '2024-10-01 00:00:30.5', 'Odd')"
	run_rc 0 narrow-to-wide --mode rollback --yes
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time '2024-10-02 17:00:00'
	run_rc 0 narrow-to-wide --mode failed -f json
	jq -c '.[]' "$out" | as_said failed
	run_rc 0 narrow-to-wide --mode doctor -f json
	jq -c '.[]' "$out" | as_said doctor
	run_ok pg-wide-ledger follow --follow poll
	run_rc 0 narrow-to-wide --mode status -f json
	as_said status <"$out"
	jq -c .live "$out" | as_said live
}

# why COMMAND...: in a word, by its own statistics
why() { run_rc fails "$@" --stats why && jq -r .reason why; }

@test "json: a word tells what one exit code does not" {
	local locked

	printf 'a,b\n1,2\n' >in.csv
	printf 'a,b\n1\n' >bad.csv
	sql 'CREATE TABLE public.known (a int, b int)'
	is "$(why pg-copy-load --table public.known in.csv --target "host=$PWD/nowhere")" away
	is "$(why pg-copy-load --table public.known bad.csv)" data
	is "$(why pg-copy-load --table public.unknown in.csv)" configuration
	is "$(why pg-copy-load --table public.known no.csv)" no-input
	is "$(why narrow-to-wide --mode status --target "host=$PWD/nowhere")" away
	# a lock that another session has
	psql -XAtqc BEGIN -c 'LOCK TABLE public.known' -c 'SELECT pg_sleep(60)' 3>&- &
	locked=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_locks
		WHERE relation = 'public.known'::regclass"
	is "$(PGOPTIONS='-c lock_timeout=50ms' why pg-copy-load --table public.known in.csv)" busy
	kill "$locked"
	# in the words of the page
	sed -nE '/^\.Ss Reasons/,/^\.Ss/s/^\.(It )?Cm ([a-z-]+).*/\2/p' \
		"$root/pipelines/ferry-json.7" >words
	jq -r .reason why | grep -qxF -f words
}

@test "json: every program and front door has --stats" {
	local each

	for each in "$FERRY_BIN"/*; do
		run_ok "$each" --help
		grep -qE '^ +--stats[= ]' "$out" || {
			printf '%s has none\n' "$each"
			return 1
		}
	done
	"$root/t/telemetry" 1 2 40
	run_rc 0 pg-wide-analyze migration --stats stats
	as_said stats <stats
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2030-01-01
	for each in 'pg-wide-ledger status' 'pg-wide-tables list' pg-wide-validate; do
		# shellcheck disable=SC2086  # words
		run_rc 0 $each --stats stats
		as_said stats <stats
		is "$(jq -c '[.program, .exit]' stats)" "[\"${each% *}\",null]"
	done
	sql 'DELETE FROM tenant.tbl_data_timeseries WHERE id = 1'
	run_rc 1 pg-wide-validate --stats stats
	as_said stats <stats
	is "$(jq -c '[.exit, .reason]' stats)" '[1,"differs"]'
	run_rc 75 pg-wide-ledger status --stats stats --target "host=$PWD/nowhere"
	is "$(jq -c '[.exit, .reason]' stats)" '[75,"away"]'
	run_rc 73 pg-wide-ledger status --stats no/where/stats
	run_ok pg-wide-ledger cutoff --stats -
	is "$(tail -n 1 "$out" | jq -r .program)" pg-wide-ledger
	[[ ! -e - ]]
}

@test "json: another run of one mode is told from an outage, waited for, or left alone" {
	local held

	export FERRY_STATE=$PWD/state
	"$root/t/telemetry" 1 2 40
	migrate() { narrow-to-wide -q --mode migration-only --cutoff-time 2030-01-01 "$@"; }
	run_ok migrate --skip-if-running
	exec {held}>>"$(printf '%s\n' state/locks/narrow-to-wide-migration-only-*)"
	flock "$held"
	run_rc 75 migrate --wait-lock 1s --stats door
	has "$err" 'another run of this job is at work'
	is "$(jq -r .reason door)" busy
	run_rc 0 migrate --skip-if-running --stats door
	is "$(jq -c '[.exit, .reason]' door)" '[0,null]'
	# who asks for neither shares the work, and another mode or ship is another run
	run_rc 0 migrate
	run_rc 0 narrow-to-wide --mode validate --skip-if-running
	has "$out" '40 rows'
	flock -u "$held"
	run_rc 0 migrate --wait-lock 30s
	# one that shares is one that runs
	flock --shared "$held"
	run_rc 75 migrate --wait-lock 1s
	exec {held}>&-
	run_rc 64 narrow-to-wide --mode status --skip-if-running
	# so is one that asks for neither, where none has run before
	export FERRY_STATE=$PWD/fresh
	mkfifo records
	exec {held}<>records
	narrow-to-wide -q --mode dual-write <records {held}>&- 2>ended &
	locked() {
		local -a name=(fresh/locks/narrow-to-wide-dual-write-*)

		[[ -e ${name[0]} ]] && ! flock -n "${name[0]}" true
	}
	wait_until 20 locked
	run_rc 0 narrow-to-wide --mode dual-write --skip-if-running </dev/null
	has "$err" 'another run of this job is at work'
	exec {held}>&-
	wait "$!" || :
}
