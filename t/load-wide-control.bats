load helper

# What an operator asks of a job while it runs: narrow-to-wide --mode control.

setup_file() {
	scratch_db
	"$root/t/telemetry" 2 4 4000
}
setup() {
	helper_setup
	export FERRY_RETRY_PAUSE=50
	run=''
}
teardown() {
	[[ ! $run ]] || { kill "$run" && wait "$run"; } || :
	narrow-to-wide --mode rollback --yes >/dev/null 2>&1 || :
}

control() { run_rc 0 narrow-to-wide --mode control "${@/#/--set=}"; }
chunks() { sql "SELECT count(*) FROM ferry.chunk WHERE state = '$1'"; }
migrate() {
	narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --chunk 10m "$@" \
		>run.out 2>run.err
}

@test "control: a job that is paused begins no chunk until it is resumed" {
	local code=0 each
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 10m
	control paused=true
	has "$out" '{"paused": 1}'
	migrate --workers 2 &
	run=$!
	wait_until 20 grep -q 'the past waits: an operator has paused it' run.err
	is "$(chunks "done") $(chunks running)" '0 0'
	run_rc 0 narrow-to-wide --mode status
	has "$out" 'under control: {"paused": 1}' 'paused by an operator: no chunk begins'
	run_rc 0 narrow-to-wide --mode status -f json
	is "$(jq -c '[.control, .eta_seconds]' "$out")" '[{"paused":1},null]'
	# one that is forgotten is seen everywhere, and told once a day
	by_turns 1 prometheus web doctor
	for each in "${turns[@]}"; do
		case $each in
		prometheus)
			run_rc 0 narrow-to-wide --mode status -f prometheus
			has "$out" 'ferry_paused{job="1"} 1'
			;;
		web)
			run_rc 0 pg-wide-web --report -O page.html
			has page.html 'paused by an operator'
			;;
		doctor)
			narrow-to-wide --mode doctor >doctor.txt || :
			has doctor.txt 'WARN         target  jobs that an operator has paused: 1'
			;;
		esac
	done
	run_rc 0 narrow-to-wide --mode watch --once
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE 'paused by %'")" 0
	sql "UPDATE ferry.event SET at = at - interval '2 hours'"
	run_rc 0 narrow-to-wide --mode watch --once
	run_rc 0 narrow-to-wide --mode watch --once
	is "$(sql "SELECT level, count(*) FROM ferry.event
		WHERE message LIKE 'paused by an operator since 20%' GROUP BY 1")" 'WARNING|1'
	# it is said also to whoever wants silence, and in the statistics of a run that was ended
	narrow-to-wide --mode migration-only --chunk 10m --workers 1 --quiet --stats stats.json \
		2>quiet.err &
	wait_until 20 grep -q 'warning: the past waits: an operator has paused it' quiet.err
	is "$(wc -l <quiet.err)" 1
	kill "$!"
	wait "$!" || code=$?
	((code > 0))
	is "$(jq '.error | test("the past waits: an operator has paused it$")' stats.json)" true
	control paused=false
	wait "$run"
	run=''
	is "$(chunks "done")" "$(sql 'SELECT count(*) FROM ferry.chunk')"
	run_rc 0 narrow-to-wide --mode events
	has "$out" 'control: {"paused": 1}' 'control: {}'
	# with nothing left nobody waits
	control paused=true
	migrate
	has_no run.err 'the past waits'
}

locked() {
	is "$(sql "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock'
		AND relation = 'tenant.tbl_data_timeseries_imo9999994'::regclass")" 1
}

@test "control: as many work at once as may, on one machine and on several" {
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 10m
	control workers=1
	# the one that works cannot end before another has asked
	run_rc 0 narrow-to-wide --mode schema-only
	run_rc 0 narrow-to-wide --mode tables-only
	mkfifo pipe
	sql <pipe &
	exec {fd}>pipe
	printf 'BEGIN; LOCK TABLE %s, %s IN SHARE MODE;\n' \
		tenant.tbl_data_timeseries_imo999999{3,4} >&"$fd"
	wait_until 20 locked
	migrate --workers 3 &
	run=$!
	wait_until 20 grep -q 'the past waits: as many as may work on it do' run.err
	printf 'COMMIT;\n' >&"$fd"
	exec {fd}>&-
	wait "$run"
	run=''
	is "$(sql "SELECT count(DISTINCT worker), count(*) FILTER (WHERE state <> 'done')
		FROM ferry.chunk")" '1|0'
}

@test "control: a rate holds the rows back, that of the ledger before one's own" {
	local began now rows
	rows=$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')
	uptime() { read -r now _ </proc/uptime && now=${now/./}0; }
	uptime
	began=$now
	# one second's rows are free; slower is allowed, faster is not
	run_rc 0 pg-narrow-dump --rate $((rows / 3)) -O all.csv
	uptime
	((now - began >= 1900)) || { printf 'only %s ms\n' "$((now - began))" && return 1; }
	is "$(grep -c , all.csv)" "$((rows + 1))"
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 1000d
	control rate=$((rows / 3))
	uptime
	began=$now
	migrate --workers 1 --rate 100M --chunk 1000d
	uptime
	((now - began >= 1400)) || { printf 'only %s ms\n' "$((now - began))" && return 1; }
	is "$(sql 'SELECT sum(rows) FROM ferry.chunk')" "$rows"
}

# bats test_tags=whole
@test "control: the end is guessed by the rate of this run, not by what was measured before" {
	local half
	eta() { pg-wide-ledger status -f json | jq ".eta_seconds as \$s | .control, $1"; }
	half=$(sql 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY created_time)
		FROM tenant.tbl_data_timeseries')
	migrate --until "$half"
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 10m --rate 2
	is "$(eta '$s > 500')" $'{}\ntrue'
	control rate=1M
	is "$(eta '$s < 500')" $'{\n  "rate": 1000000\n}\ntrue'
	control rate=0
	run_rc 0 pg-wide-ledger plan --chunk 10m
	is "$(eta '$s < 500')" $'{}\ntrue'
	# the front door hands its own on
	migrate --rate 1M
	is "$(sql 'SELECT control FROM ferry.job')" '{"run_rate": 1000000}'
}

@test "control: chunks are cut so that they have about as many rows as asked for" {
	local each
	local -a rows
	run_rc 64 migrate --chunk-rows 0k5
	run_rc 64 migrate --chunk-rows 0
	migrate --chunk 2h --workers 1 --chunk-rows 400
	mapfile -t rows < <(sql 'SELECT sum(rows) FROM ferry.chunk GROUP BY chunk_from
		ORDER BY chunk_from')
	# the first is a guess, and the last of each chunk of two hours a rest
	((${#rows[@]} > 6)) || is "${rows[*]}" 'more chunks'
	for each in "${rows[@]:1}"; do
		((each <= 800)) || is "${rows[*]}" 'no larger ones'
	done
	is "$(sql 'SELECT sum(rows) FROM ferry.chunk')" \
		"$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')"
}

@test "control: mistakes change nothing" {
	local each
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 1d
	control pace=20s rate=200k workers=4
	has "$out" '{"rate": 200000, "pace_us": 20000000, "workers": 4}'
	by_turns 3 rate=fast rate= workers=-1 paused=yes pace=often speed=1 workers
	for each in "${turns[@]}"; do
		run_rc 64 narrow-to-wide --mode control --set "$each"
	done
	run_rc 64 narrow-to-wide --mode control --set paused=true --ship-id IMO9999991
	# nothing is asked for, and nothing is changed
	run_rc 0 narrow-to-wide --mode control
	has "$out" '{"rate": 200000, "pace_us": 20000000, "workers": 4}'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE 'control: %'")" 1
	control pace=0 workers=3
	has "$out" '{"rate": 200000, "workers": 3}'
	control pace=20s workers=4
	run_rc 64 narrow-to-wide --mode migration-only --rate 1k5
	control rate=0
	has "$out" '{"pace_us": 20000000, "workers": 4}'
	run_rc 78 narrow-to-wide --mode control --set rate=1 --table public.none
}

# bats test_tags=whole
@test "control: a pace cuts chunks of those at work" {
	run_rc 0 pg-wide-ledger plan --cutoff-time 2025-01-01 --chunk 1d
	control pace=20s workers=4
	migrate --workers 1 --chunk 1d
	[[ $(chunks "done") -gt 2 ]]
	run_rc 0 narrow-to-wide --mode validate
	has "$out" ', 0 differences'
}
