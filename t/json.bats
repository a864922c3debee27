# shellcheck disable=SC2094  # as_said writes none of the files it reads
load helper
load oracle
load json

# What is written as JSON, against ferry-json(7): every field is in the page, of the type it says.

setup() {
	helper_setup
	scratch_db
}

teardown() { fits_schema; }

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
	local each
	run_rc 78 env -u FERRY_STATE -u HOME narrow-to-wide --mode schema-only --stats door
	as_said door <door
	is "$(jq -c '[.program, .mode, .exit, .error]' door)" \
		'["narrow-to-wide","schema-only",78,"there is no HOME to keep state in"]'
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
