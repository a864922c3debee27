load helper
load oracle

setup() {
	helper_setup
	scratch_db
	export FERRY_RETRY_PAUSE=50
}

migrate() { narrow-to-wide --mode migration-only "$@"; }
cutoff='2024-10-02 17:00:00' # also of the oracle

ended() { wait "$1"; }

@test "narrow-to-wide: help, version, completion, and what is not there" {
	run_ok narrow-to-wide --help
	has "$out" 'usage: narrow-to-wide --mode MODE' '--cutoff-time=TIME'
	run_ok narrow-to-wide --version
	has "$out" 'narrow-to-wide (ferry)'
	run_ok narrow-to-wide --complete
	has "$out" --mode= --drop-tables
	run_rc 64 narrow-to-wide
	run_rc 64 narrow-to-wide --mode status --no-such-option
	has "$err" 'unknown option --no-such-option'
	run_rc 64 narrow-to-wide --mode
	run_rc 64 narrow-to-wide --mode status stray
	run_rc 64 narrow-to-wide -qvx --mode status
	run_rc 78 narrow-to-wide -qm status
	run_rc 64 narrow-to-wide --mode status --workers 0
	run_rc 64 narrow-to-wide --mode status --interval
	run_rc 64 narrow-to-wide --mode nonsense
	run_rc 64 narrow-to-wide --mode statsu
	has "$err" 'did you mean status?'
	# what an option is for is refused elsewhere, and never passed over
	run_rc 64 narrow-to-wide --mode status --repair
	has "$err" '--repair is an option of validate, not of "status"'
	run_rc 64 narrow-to-wide --mode validate --delete
	has "$err" '--delete needs --repair'
	# what only reads needs no place to write
	PGHOST=/nowhere FERRY_STATE=/dev/null/x run_rc 75 narrow-to-wide --mode status
	PGHOST=/nowhere FERRY_STATE=/dev/null/x run_rc 75 narrow-to-wide --mode validate
	is "$(<"$err")" "$(PGHOST=/nowhere narrow-to-wide --mode validate 2>&1)"
	PGHOST=/nowhere FERRY_STATE=/dev/null/x run_rc 73 narrow-to-wide --mode migration-only
}

@test "narrow-to-wide: step by step, as the guide has it" {
	"$root/t/telemetry" 3 40 12000 --defects
	run_rc 0 narrow-to-wide --mode schema-only
	is "$(wc -l <"$out")" 120
	is "$(sql "SELECT count(*) FROM ferry.channel")" 120
	run_rc 0 narrow-to-wide --mode tables-only
	is "$(sql "SELECT count(*) FROM pg_class
		WHERE relname ~ '^tbl_data_timeseries_imo\d{7}\$'")" 3
	run_rc 0 migrate --cutoff-time "$cutoff"
	is_carried_over
	run_ok narrow-to-wide --mode status
	has "$out" ' 0 failed (0 %); ' "history ends at $cutoff UTC"
	run_rc 0 narrow-to-wide --mode validate
	has "$out" ', 0 differences'
	run_rc 1 narrow-to-wide --mode rollback </dev/null
	run_rc 78 narrow-to-wide --mode rollback --yes --table tenant.zzz
	is_carried_over
	run_rc 0 narrow-to-wide --mode rollback --yes
	is "$(sql "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind IN ('r', 'v')
		AND relnamespace = 'tenant'::regnamespace")" tbl_data_timeseries
}

@test "narrow-to-wide: in one step, by many workers, in groups; again does nothing" {
	"$root/t/telemetry" 3 40 20000 --repeats --defects
	run_rc 0 migrate --cutoff-time "$cutoff" --chunk 10m --workers 3 --group-columns 15
	is_carried_over
	is "$(sql "SELECT DISTINCT attempt, state FROM ferry.chunk")" '1|done'
	is "$(sql "SELECT sum(rows) + (SELECT count(*) FROM ferry.reject) FROM ferry.chunk")" 20000
	is "$(sql "SELECT count(DISTINCT why) > 1 FROM ferry.reject")" t
	local before
	before=$(sql "SELECT sum(xmin::text::bigint) FROM ferry.chunk")
	run_rc 0 migrate --stats stats
	is "$(sql "SELECT sum(xmin::text::bigint) FROM ferry.chunk")" "$before"
	is "$(jq -c .programs stats)" '[]' 'no pipeline is started'
}

@test "narrow-to-wide: the cutoff is asked for once and kept; a later one carries on" {
	"$root/t/telemetry" 2 10 4000
	run_rc 78 migrate
	has "$err" '--cutoff-time'
	run_rc 0 migrate --cutoff-time '2024-10-01 00:20:00' --quiet
	is "$(<"$err")" ''
	is_carried_over '2024-10-01 00:20:00'
	# a row that is exactly at the cutoff, and one just before it, too late for its chunk
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format) VALUES
		('IMO9999993', '/edge', '2024-10-01 00:20:00', 1, 'Decimal'),
		('IMO9999993', '/edge', '2024-10-01 00:19:59.999999', 2, 'Decimal')"
	run_rc 0 migrate --cutoff-time "$cutoff"
	is "$(sql 'SELECT "/edge" FROM tenant.tbl_data_timeseries_imo9999993
		WHERE "/edge" IS NOT NULL')" 1
	run_rc 1 narrow-to-wide --mode validate
	has "$out" '2024-10-01 00:19:59.999999  /edge' 'no row for this instant' ', 2 differences'
	run_rc 0 narrow-to-wide --mode validate --repair --settle 50ms
	is_carried_over
}

# bats test_tags=whole
@test "narrow-to-wide: one ship, then the rest" {
	"$root/t/telemetry" 3 10 3000
	run_rc 0 migrate --ship-id IMO9999994 --cutoff-time "$cutoff"
	is "$(sql "SELECT DISTINCT ship FROM ferry.chunk")" IMO9999994
	run_rc 0 narrow-to-wide --mode validate --ship-id IMO9999994
	run_rc 1 narrow-to-wide --mode validate
	has "$out" 'not carried over yet'
	run_rc 0 migrate
	run_rc 0 narrow-to-wide --mode validate
	run_rc 0 narrow-to-wide --mode rollback --yes --ship-id IMO9999993
	run_rc 0 narrow-to-wide --mode status -f csv
	is "$(cut -d , -f 1 <"$out" | xargs)" 'ship IMO9999994 IMO9999995'
	run_rc 0 migrate
	is_carried_over
}

@test "narrow-to-wide: a mistyped ship ends each mode with 78, and nothing is changed" {
	local each known="SELECT ship, state, rows, attempt FROM ferry.chunk ORDER BY ship"
	local tables="SELECT relname, relfilenode FROM pg_class WHERE relname ~ '^tbl_' ORDER BY 1"

	"$root/t/telemetry" 2 10 400
	by_turns 1 schema-only tables-only "migration-only --cutoff-time ${cutoff% *}" \
		'realtime --since 2024-01-01'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086  # a mode and its option
		run_rc 78 narrow-to-wide --mode $each --ship-id IMO9999993 --ship-id TYPO
		has "$err" 'ship "'
		is "$(<"$out")" ''
	done
	is "$(sql "SELECT count(*) FROM ferry.job")" 0
	run_rc 0 migrate --cutoff-time "$cutoff"
	sql "$known" >want
	sql "$tables" >>want
	by_turns 3 schema-only 'tables-only --drop-tables' migration-only status failed events \
		validate analyze compare 'rollback --yes' 'rollback --yes --backup saved' \
		realtime 'migration-only --retry-failed'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 78 narrow-to-wide --mode $each --ship-id TYPO
		has "$err" 'ship "TYPO"'
		is "$(<"$out")" ''
	done
	run_rc 78 narrow-to-wide --mode validate --ship-id IMO9999993 --ship-id TYPO
	by_turns 2 'pg-narrow-dump --seal' 'pg-narrow-dump --seal --job 1' 'pg-wide-ledger retry' \
		'pg-wide-ledger watch --once' \
		'pg-narrow-dump --seal --since 2024-01-01'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 78 $each --ship-id IMO9999993 --ship-id TYPO
		has "$err" 'ship "TYPO" has no rows in'
	done
	{ sql "$known" && sql "$tables"; } >got
	same_file got want
	# one that the ledger knows is none, though its rows are gone; what is done stays done
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999994'"
	run_rc 0 migrate --ship-id IMO9999994
	has "$err" 'warning: ship "IMO9999994" has no rows'
	sql "$known" >got
	same_file got <(head -n 2 want)
	for each in 1 2; do
		run_rc 0 narrow-to-wide --mode rollback --yes --ship-id IMO9999993
	done
	is "$(sql "SELECT ship FROM ferry.chunk")" IMO9999994
}

@test "narrow-to-wide: tables-only --drop-tables, and all of it again" {
	"$root/t/telemetry" 2 10 2000
	run_rc 0 migrate --cutoff-time "$cutoff"
	sql "UPDATE tenant.tbl_data_timeseries_imo9999993
		SET created_time = created_time + interval '1 s'"
	run_rc 0 narrow-to-wide --mode tables-only --drop-tables
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo9999993")" 0
	run_rc 0 migrate
	is_carried_over
}

@test "narrow-to-wide: channels that the sample did not show" {
	"$root/t/telemetry" 2 10 4000
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT 'IMO9999993', '/early/' || n, '2024-09-20 10:00:00', n, 'Decimal'
		FROM generate_series(1, 30) AS n"
	run_rc 0 migrate --cutoff-time "$cutoff" --group-columns 8 --sample 5m
	is_carried_over
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE channel LIKE '/early/%'")" 30
}

@test "narrow-to-wide: native types, timestamptz, names of columns, another schema" {
	"$root/t/telemetry" 2 20 4000 --type timestamptz --schema live --table narrow
	sql 'ALTER TABLE live.narrow RENAME ship_id TO vessel;
		ALTER TABLE live.narrow RENAME created_time TO "at time"'
	local names='--table live.narrow --ship-column vessel --types native --target-schema wide
		--target-prefix vessel_'
	# shellcheck disable=SC2086  # words
	run_rc 0 migrate $names --time-column 'at time' --cutoff-time "$cutoff"
	# shellcheck disable=SC2086
	run_rc 0 narrow-to-wide --mode validate $names --time-column 'at time'
	has "$out" '4000 rows' ', 0 differences'
	# the job knows its columns
	run_rc 0 narrow-to-wide --mode validate --table live.narrow --types native \
		--target-schema wide --target-prefix vessel_ --repair --delete
	has "$out" '4000 rows' ', 0 differences'
	# shellcheck disable=SC2086
	run_rc 78 narrow-to-wide --mode validate $names --time-column other
	has "$err" '"time-column":"at time"}, not by ' '"time-column":"other"}'
	is "$(sql "SELECT string_agg(DISTINCT format_type(atttypid, NULL), ', ') FROM pg_attribute
		WHERE attrelid = 'wide.vessel_imo9999993'::regclass AND attnum > 0")" \
		'bigint, boolean, double precision, text, timestamp with time zone'
	# shellcheck disable=SC2086
	run_rc 0 narrow-to-wide --mode rollback --yes $names
}

@test "narrow-to-wide: a ship of another job comes neither by a follower nor by dual-write" {
	local run code=0 each
	sql "CREATE TABLE a (ship_id text, data_channel_id text, created_time timestamp,
			value text);
		CREATE TABLE b (LIKE a);
		INSERT INTO a VALUES ('two', 'x', '2024-01-01', 'a');
		INSERT INTO b VALUES ('three', 'x', '2024-01-01', 'b')"
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2024-02-01 --table a
	narrow-to-wide --mode concurrent --follow poll --interval 50ms --table b \
		>run.log 2>&1 3>&- &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.log
	sql "INSERT INTO b VALUES ('two', 'x', '2024-01-01', 'b')"
	wait_until 60 grep -q 'failed with exit code 78' run.log
	wait "$run" || code=$?
	is "$code" 78
	has run.log 'ship "two" has its tables in tenant already: job 1 carries a'
	printf 'ship_id,created_time,data_channel_id,value\ntwo,2024-01-01,x,b\n' >feed.csv
	run_rc 78 narrow-to-wide --mode dual-write --table b feed.csv
	has "$err" 'ship "two" has its tables in tenant already'
	is "$(sql "SELECT x FROM tenant.tbl_data_timeseries_two")" a
	is "$(sql "SELECT count(*) FROM b WHERE ship_id = 'two'")" 1
	run_rc 78 timeout 20 pg-narrow-dump --follow poll --table b --seal --ship-id two \
		--job "$(sql "SELECT job_id FROM ferry.job WHERE source_table = 'b'")"
	has "$err" 'ship "two" has its tables in tenant already'
	is "$(sql "SELECT count(*) FROM ferry.doubt WHERE ship = 'two'")" 0
	# nor does one go with the job of another table
	for each in '--mode rollback --yes --ship-id two' \
		'--mode tables-only --drop-tables --ship-id two'; do
		# shellcheck disable=SC2086  # words
		run_rc 78 narrow-to-wide $each --table b
		has "$err" 'nothing was changed: ship "two" is not one of b'
	done
	run_rc 0 narrow-to-wide --mode tables-only --drop-tables --table b
	run_rc 0 narrow-to-wide --mode rollback --yes --table b
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_three') IS NULL, x
		FROM tenant.tbl_data_timeseries_two")" 't|a'
	is "$(sql "SELECT source_table FROM ferry.job")" a
	run_rc 0 narrow-to-wide --mode validate --table a
}

@test "narrow-to-wide: of two jobs that are planned at once only one gets a ship" {
	local plan code=0
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	sql "CREATE TABLE a (ship_id text, data_channel_id text, created_time timestamp,
			value text);
		CREATE TABLE b (LIKE a);
		INSERT INTO a VALUES ('two', 'x', '2024-01-01', 'a');
		INSERT INTO b VALUES ('two', 'x', '2024-01-01', 'b')"
	# one has asked for jobs that share its ships, and has not planned them
	KP_STOP=origin:1 pg-wide-ledger plan --cutoff-time 2024-02-01 --table b \
		>plan.out 2>plan.err 3>&- &
	plan=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$plan/status"
	run_rc 0 migrate --cutoff-time 2024-02-01 --table a
	kill -CONT "$plan"
	wait "$plan" || code=$?
	is "$code" 78 "$(<plan.err)"
	has plan.err 'ship "two" has its tables in tenant already'
	is "$(sql 'SELECT source_table, count(*) FROM ferry.chunk JOIN ferry.job USING (job_id)
		GROUP BY 1')" 'a|1'
}

# Where no index begins with the ship, a chunk is a time of all ships.
@test "narrow-to-wide: a ship of another job does not come by a chunk that meets it either" {
	local job
	sql "CREATE TABLE a (ship_id text, data_channel_id text, created_time timestamp,
			value text);
		CREATE TABLE b (LIKE a);
		INSERT INTO a VALUES ('two', 'x', '2024-01-01', 'a');
		INSERT INTO b VALUES ('three', 'x', '2024-01-01', 'b')"
	run_rc 0 migrate --cutoff-time 2024-02-01 --table a
	job=$(pg-wide-ledger plan --quiet --cutoff-time 2024-02-01 --table b)
	sql "INSERT INTO b VALUES ('two', 'x', '2024-01-01 06:00', 'b')"
	run_pipe '0 @(0|141) 78' "pg-narrow-dump --job $job --table b --seal | pivot-wide --seal |
		pg-copy-load --wide --keep-rejects"
	has "$err" 'ship "two" has its tables in tenant already: job 1 carries a'
	is "$(sql "SELECT x FROM tenant.tbl_data_timeseries_two")" a
	is "$(sql "SELECT ship, state FROM ferry.chunk WHERE job_id = $job")" 'three|failed'
	run_rc 0 migrate --table b --ship-id three --retry-failed
	is "$(sql "SELECT x FROM tenant.tbl_data_timeseries_three")" b
}

@test "narrow-to-wide: bad chunks, however many, do not keep a follower's workers from the rest" {
	local run days=9
	sql "CREATE TABLE a (ship_id text, data_channel_id text, created_time timestamp,
			value text, PRIMARY KEY (ship_id, created_time, data_channel_id));
		INSERT INTO a SELECT 'S', c, '2024-01-01'::timestamp + i * interval '1 day', i
			FROM generate_series(1, $((days + 1))) AS i, (VALUES ('x'), ('')) AS v (c)
			WHERE c = 'x' OR i <= $days"
	narrow-to-wide --mode concurrent --follow poll --workers 1 --table a --max-rejects 0 \
		>run.out 2>run.log 3>&- &
	run=$!
	wait_until 60 grep -q 'some chunks failed and were left out' run.log
	kill -TERM "$run"
	wait "$run"
	is "$(sql "SELECT state, count(*) FROM ferry.chunk GROUP BY 1 ORDER BY 1")" \
		"done|1"$'\n'"failed|$days"
	is "$(sql 'SELECT x FROM tenant.tbl_data_timeseries_s')" $((days + 1))
}

@test "narrow-to-wide: a target that is not there is no reason to end for good" {
	local each
	run_rc 78 narrow-to-wide --mode realtime
	has "$err" 'realtime goes on where a migration ended, and there was none'
	PGHOST=/nowhere run_rc 75 narrow-to-wide --mode realtime
	has "$err" 'cannot connect, target'
	# in every language
	run_rc 78 env -u LC_ALL LANG=ko_KR.UTF-8 narrow-to-wide --mode realtime
	has "$err" '--mode migration-only --cutoff-time'
	run_rc 0 pg-wide-tables load <<<'{"end":0}'
	sql "INSERT INTO ferry.job (source, source_table, target_schema, target_prefix, types,
		chunk_us) VALUES ('s', 'tenant.tbl_data_timeseries', 'tenant',
		'tbl_data_timeseries_', 'text', 1)"
	for each in C ko_KR; do
		run_rc 78 env -u LC_ALL LANG=$each.UTF-8 narrow-to-wide --mode realtime
		has "$err" '--mode migration-only --cutoff-time'
	done
	PGHOST=/nowhere run_rc 75 env -u LC_ALL LANG=ko_KR.UTF-8 narrow-to-wide \
		--mode rollback --yes
	# nor is one that goes away when the slot was lost: the job is looked for later
	cat >lost.bash <<-END
		source $root/pipelines/lib.bash
		source $root/pipelines/lib/live.bash
		loud=() ships=() retry_failed='' how=poll job_id=7 runs=0
		tell() { :; }
		prepare_tables() { :; }
		show_progress() { :; }
		start_watch() { :; }
		ask_follower() { :; }
		set_up_follower() { echo set up; }
		attend() { ((runs++ > 0)) || return 66; }
		pg-wide-ledger() { return "\$answer"; }
		follow_source
	END
	answer=75 run_ok bash lost.bash
	is "$(<"$out")" $'set up\nset up'
	answer=78 run_rc 78 bash lost.bash
	has "$err" 'the job was rolled back'
}

@test "narrow-to-wide: several narrow tables; a ship of two of them is refused in one schema" {
	local each
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.a (ship_id text, data_channel_id text,
			created_time timestamp, value text);
		CREATE TABLE tenant.b (LIKE tenant.a);
		INSERT INTO tenant.a VALUES ('one', 'x', '2024-01-01', 'a'),
			('two', 'x', '2024-01-01', 'a');
		INSERT INTO tenant.b VALUES ('two', 'x', '2024-01-01', 'b'),
			('two', 'y', '2024-01-02', 'b'), ('three', 'x', '2024-01-01', 'b')"
	job() { run_rc "$1" narrow-to-wide --mode migration-only --cutoff-time 2024-02-01 \
		--table "tenant.$2" "${@:3}"; }
	job 0 a
	by_turns 1 '' '--target-prefix w_' '--ship-id two'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086
		job 78 b $each
		has "$err" 'ship "two" has its tables in tenant already: job 1 carries tenant.a'
	done
	run_rc 78 narrow-to-wide --mode concurrent --follow slot --table tenant.b
	# a ship that only came while it was followed counts, too
	narrow-to-wide --mode concurrent --follow poll --interval 50ms --table tenant.a \
		>run.log 2>&1 3>&- &
	local run=$!
	wait_until 30 grep -q 'all of the past is there' run.log
	sql "INSERT INTO tenant.a VALUES ('live', 'x', '2024-01-03', 'a');
		INSERT INTO tenant.b VALUES ('live', 'x', '2024-01-03', 'b')"
	wait_until 30 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_live"
	kill -TERM "$run"
	wait "$run"
	job 78 b --ship-id live
	has "$err" 'ship "live" has its tables in tenant already'
	is "$(sql "SELECT count(*) FROM ferry.job") $(sql "SELECT count(*) FROM
		pg_replication_slots WHERE database = current_database()")" '1 0'
	# what they do not share may stand beside each other, and each is compared by itself
	job 0 b --ship-id three
	job 0 b --target-schema other
	same_rows "SELECT created_time, x, y FROM other.tbl_data_timeseries_two" "VALUES
		('2024-01-01'::timestamp, 'b', NULL), ('2024-01-02', NULL, 'b')"
	for each in 'a --ship-id one --ship-id two' 'b --ship-id three' \
		'b --target-schema other'; do
		# shellcheck disable=SC2086
		run_rc 0 narrow-to-wide --mode validate --table tenant.$each
		has "$out" ', 0 differences'
	done
	run_ok narrow-to-wide --mode status --all
	has "$out" 'tenant.a to tenant.tbl_data_timeseries_' 'job 1: 2 of 2 chunks done' \
		'tenant.b to other.tbl_data_timeseries_' ': 4 of 4 chunks done'
	run_ok narrow-to-wide --mode status --all -f json
	is "$(jq -r '"\(.source_table) \(.target_schema)"' "$out" | paste -sd,)" \
		'tenant.a tenant,tenant.b tenant,tenant.b other'
	run_rc 64 narrow-to-wide --mode status --all -f csv
	# when the other has gone its place is free
	by_turns 1 '--table tenant.zzz' '--target-prefix zzz_' '--target-schema zzz'
	for each in "${turns[@]}"; do
		# shellcheck disable=SC2086  # words
		run_rc 78 narrow-to-wide --mode rollback --yes $each
		has "$err" 'there is nothing to roll back'
	done
	run_rc 78 narrow-to-wide --mode watch --once --table tenant.a --ship-id TYPO
	has "$err" 'TYPO'
	is "$(sql 'SELECT count(*) FROM ferry.job')" 3
	run_rc 0 narrow-to-wide --mode rollback --yes --table tenant.a
	job 0 b
	same_rows "SELECT created_time, x, y FROM tenant.tbl_data_timeseries_two" \
		"SELECT created_time, x, y FROM other.tbl_data_timeseries_two"
}

# Labels in jsonb, as metrics are often kept: ship, channel and value are made by expressions.
by_labels() {
	labels=(--table tenant.metric --time-column at
		--ship-expression "labels->>'ship' -- it ends the line"
		--channel-expression "lower(labels->>'sensor')" --value-expression 'round(v, 2)')
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.metric (at timestamptz NOT NULL, v numeric,
			labels jsonb NOT NULL, ship_id text, data_channel_id text, value text);
		CREATE INDEX ON tenant.metric ((labels->>'ship'), at);
		INSERT INTO tenant.metric (at, v, labels) SELECT '2024-01-01Z'::timestamptz
			+ g / 6 * interval '1 hour', g + 0.125,
			jsonb_build_object('ship', 'L' || g % 2, 'sensor', 'Temp' || g % 3)
			FROM generate_series(0, 599) AS g;
		INSERT INTO tenant.metric (at, labels) VALUES ('2024-01-02Z', '{\"ship\": \"L1\"}')"
	run_rc 0 migrate "${labels[@]}" --cutoff-time 2024-01-04
}
# as_labels_say: the wide tables of L0 and the table
as_labels_say() {
	same_rows "SELECT * FROM tenant.tbl_data_timeseries_l0" \
		"SELECT at AS created_time, max(v) FILTER (WHERE c = 'temp0'), max(v) FILTER
			(WHERE c = 'temp1'), max(v) FILTER (WHERE c = 'temp2') FROM (SELECT at,
			lower(labels->>'sensor') AS c, round(v, 2)::text AS v FROM tenant.metric
			WHERE labels->>'ship' = 'L0' AND at < '$1') AS x GROUP BY at"
}

@test "narrow-to-wide: expressions instead of columns, migrated and compared" {
	local labels

	by_labels
	as_labels_say 2024-01-04
	# what the columns of those names hold is another matter
	run_rc 0 narrow-to-wide --mode validate "${labels[@]}" --repair --delete
	has "$out" ', 0 differences'
	run_rc 78 narrow-to-wide --mode validate --table tenant.metric --repair --delete
	has "$err" 'job 1 reads its table by {"ship-expression":' 'give these options again'
	run_rc 78 narrow-to-wide --mode validate --table tenant.metric --time-column at
	has "$err" 'job 1 reads its table by {"ship-expression":' 'by {"time-column":"at"}'
	run_ok narrow-to-wide --mode status --table tenant.metric
	has "$out" '1 reject'
	run_rc 78 narrow-to-wide --mode realtime "${labels[@]}" --follow slot
	has "$err" 'which is not in the WAL' '--follow poll'
	run_rc 78 pg-dual-load "${labels[@]}" --accept-unsealed - </dev/null
	has "$err" 'no row can be written'
}

# bats test_tags=whole
@test "narrow-to-wide: expressions instead of columns, polled and compared" {
	local labels

	by_labels
	narrow-to-wide --mode concurrent "${labels[@]}" --follow poll --interval 50ms \
		>run.log 2>&1 3>&- &
	local run=$!
	sql "INSERT INTO tenant.metric (at, v, labels) VALUES (now(), 7.126,
		'{\"ship\": \"L0\", \"sensor\": \"TEMP1\"}')"
	wait_until 30 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_l0
		WHERE temp1 = '7.13'"
	# and what was there before, beside that
	wait_until 30 sql "SELECT 1 / (count(*) = 101)::int FROM tenant.tbl_data_timeseries_l0"
	wait_until 30 sql "SELECT 1 / (count(*) = 0)::int FROM ferry.chunk WHERE state <> 'done'"
	kill -TERM "$run"
	wait "$run"
	as_labels_say infinity
	run_rc 0 narrow-to-wide --mode validate "${labels[@]}"
	has "$out" ', 0 differences'
}

# Several values in a row: a view has a row for each.
@test "narrow-to-wide: several value columns are a view, migrated, polled and compared" {
	local run
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.stat (ship text, sensor text, at timestamp,
			lo float8, hi float8, n bigint, PRIMARY KEY (ship, sensor, at));
		CREATE INDEX ON tenant.stat (at);
		INSERT INTO tenant.stat SELECT 'V' || g % 2, 's' || g % 3, '2024-01-01'::timestamp
			+ g / 6 * interval '1 hour', g, nullif(g % 5, 0), g
			FROM generate_series(0, 599) AS g;
		CREATE VIEW tenant.narrow AS SELECT ship, sensor || '/' || k AS channel, at, v
			FROM tenant.stat, LATERAL (VALUES ('lo', lo::text), ('hi', hi::text),
				('n', n::text)) AS x (k, v)"
	local -a view=(--table tenant.narrow --ship-column ship --channel-column channel
		--time-column at --value-column v)
	run_rc 0 migrate "${view[@]}" --cutoff-time 2024-01-20
	narrow-to-wide --mode concurrent "${view[@]}" --follow poll --interval 50ms \
		>run.log 2>&1 3>&- &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.log
	sql "INSERT INTO tenant.stat VALUES ('V0', 's0', '2024-01-20', -1, -2, 3)"
	wait_until 30 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_v0
		WHERE \"s0/lo\" = '-1' AND \"s0/hi\" = '-2' AND \"s0/n\" = '3'"
	kill -TERM "$run"
	wait "$run"
	same_rows "SELECT created_time, \"s0/lo\", \"s0/hi\", \"s1/n\"
			FROM tenant.tbl_data_timeseries_v0" \
		"SELECT at, max(lo::text) FILTER (WHERE sensor = 's0'), max(hi::text) FILTER
			(WHERE sensor = 's0'), max(n::text) FILTER (WHERE sensor = 's1')
			FROM tenant.stat WHERE ship = 'V0' GROUP BY at"
	run_rc 0 narrow-to-wide --mode validate "${view[@]}"
	has "$out" ', 0 differences'
}

@test "narrow-to-wide: an expression is one value of one row, and nothing else" {
	local each
	"$root/t/telemetry" 1 2 10
	for each in 'str_v, id' 'count(*)' 'str_v) FROM x; DROP TABLE tenant.x; SELECT (1' \
		'nonsense' '' 'str_v)--' "unnest(ARRAY['a', 'b'])" ') AS x, (1'; do
		run_rc 78 pg-narrow-dump --value-expression "$each"
		has "$err" 'error: --value-expression: ' 'made of the columns of one row'
		is "$(wc -l <"$err")" 2
	done
	run_rc 64 pg-narrow-dump --value-expression str_v --value-column str_v
	# what is not its fault is said as what it is
	sql "CREATE FUNCTION public.secret(text) RETURNS text LANGUAGE sql AS 'SELECT \$1';
		REVOKE ALL ON FUNCTION public.secret FROM public;
		DROP ROLE IF EXISTS expression_reader;
		CREATE ROLE expression_reader LOGIN;
		GRANT USAGE ON SCHEMA tenant TO expression_reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO expression_reader" 2>/dev/null
	PGUSER=expression_reader run_rc 77 pg-narrow-dump \
		--value-expression 'public.secret(str_v)'
	has "$err" 'permission denied for function secret'
}

@test "narrow-to-wide: groups by file" {
	"$root/t/telemetry" 1 20 2000
	mkdir groups
	sql "SELECT DISTINCT data_channel_id FROM tenant.tbl_data_timeseries ORDER BY 1 LIMIT 7" \
		>groups/engine.txt
	run_rc 0 migrate --cutoff-time "$cutoff" --groups groups
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE table_name LIKE '%_1'")" 7
	is_carried_over
}

@test "narrow-to-wide: two runs at once carry every chunk over once" {
	"$root/t/telemetry" 3 40 40000
	migrate --cutoff-time "$cutoff" --chunk 5m --workers 2 >one.out 2>one.err &
	local one=$!
	migrate --cutoff-time "$cutoff" --chunk 5m --workers 2 >two.out 2>two.err &
	run_rc 0 ended "$!"
	run_rc 0 ended "$one"
	has_no one.err ' error: '
	has_no two.err ' error: '
	is "$(sql "SELECT DISTINCT attempt, state FROM ferry.chunk")" '1|done'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE level <> 'INFO'")" 0
	is_carried_over
}

@test "narrow-to-wide: a chunk with bad data is left out and said; the others go on" {
	"$root/t/telemetry" 2 20 8000
	# the first table of a ship does not take an instant: without its row there is none at all
	run_rc 0 narrow-to-wide --mode schema-only --complete-schema --group-columns 12
	run_rc 0 narrow-to-wide --mode tables-only --group-columns 12
	sql "ALTER TABLE tenant.tbl_data_timeseries_imo9999994_1 ADD CONSTRAINT odd
		CHECK (created_time NOT BETWEEN '2024-10-01 00:24' AND '2024-10-01 00:26')"
	run_rc 65 migrate --cutoff-time "$cutoff" --chunk 10m --workers 2
	has "$err" 'some chunks failed and were left out' '--retry-failed'
	# the index by time spans all ships, so a chunk is a range of time of all of them
	is "$(sql "SELECT DISTINCT chunk_from, state FROM ferry.chunk WHERE state <> 'done'")" \
		'2024-10-01 00:20:00|failed'
	is "$(sql "SELECT count(*) > 0 FROM ferry.event WHERE level = 'CRITICAL'")" t
	run_rc 0 narrow-to-wide --mode status
	has "$out" 'violates check constraint'
	run_rc 65 migrate --cutoff-time "$cutoff"
	sql 'ALTER TABLE tenant.tbl_data_timeseries_imo9999994_1 DROP CONSTRAINT odd'
	run_rc 0 migrate --retry-failed
	is_carried_over
}

@test "narrow-to-wide: SIGTERM stops it at once and cleanly; the same command goes on" {
	"$root/t/telemetry" 3 40 30000
	migrate --cutoff-time "$cutoff" --chunk 1m >out.1 2>err.1 &
	local run=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.chunk WHERE state = 'done'"
	kill -TERM "$run"
	run_rc 143 ended "$run"
	[[ $(sql "SELECT count(*) FROM ferry.chunk WHERE state <> 'done'") -gt 0 ]]
	run_rc 0 migrate
	is "$(sql "SELECT DISTINCT state FROM ferry.chunk")" 'done'
	is_carried_over
}

@test "narrow-to-wide: conninfo reaches the programs, their command lines do not show it" {
	local source=$PGDATABASE
	"$root/t/telemetry" 2 10 4000
	scratch_db
	mkdir bin
	cat >bin/pg-narrow-dump <<-END
		#!/bin/sh
		tr '\0' '\n' </proc/\$\$/cmdline >>$PWD/seen
		exec $FERRY_BIN/pg-narrow-dump "\$@"
	END
	chmod +x bin/pg-narrow-dump
	local each
	for each in "$FERRY_BIN"/*; do
		[[ -e bin/${each##*/} || ${each##*/} == narrow-to-wide ]] || ln -s "$each" bin/
	done
	ln -s "$(readlink -f "$FERRY_BIN/narrow-to-wide")" bin/narrow-to-wide
	local target="dbname=$PGDATABASE password=very-secret"
	run_rc 0 env PGDATABASE=postgres PATH="$PWD/bin:$PATH" bin/narrow-to-wide --quiet \
		--mode migration-only --cutoff-time "$cutoff" --target "$target" \
		--source "dbname=$source password=very-secret"
	has seen --job
	has_no seen very-secret
	is "$(sql "SELECT sum(rows) FROM ferry.chunk")" 4000
}

@test "narrow-to-wide: --embedded starts a server of its own and stops it" {
	unset "${!PG@}"
	export FERRY_STATE=$BATS_TEST_TMPDIR/state
	run_rc 78 narrow-to-wide --embedded --mode status
	run_rc 69 "$root/pipelines/lib/cluster" status "$FERRY_STATE/cluster"
	"$root/pipelines/lib/cluster" start "$FERRY_STATE/cluster"
	# shellcheck disable=SC2046  # words
	env $("$root/pipelines/lib/cluster" env "$FERRY_STATE/cluster") "$root/t/telemetry" 1 5 200
	# a server that runs already is left running
	run_rc 0 narrow-to-wide --embedded --mode migration-only --cutoff-time "$cutoff" --quiet
	run_ok "$root/pipelines/lib/cluster" status "$FERRY_STATE/cluster"
	"$root/pipelines/lib/cluster" stop "$FERRY_STATE/cluster"
	# another run uses what this one has started: the last one stops it
	flock --shared "$FERRY_STATE/cluster/users" sleep 300 &
	other=$!
	run_rc 0 narrow-to-wide --embedded --mode validate
	has "$out" '200 rows'
	run_ok "$root/pipelines/lib/cluster" status "$FERRY_STATE/cluster"
	# and does not hold the lock of the run that started it
	run_rc 0 narrow-to-wide --embedded --mode validate --skip-if-running
	has "$out" '200 rows'
	pkill -P "$other"
	wait "$other" || :
	run_rc 0 narrow-to-wide --embedded --mode status
	run_rc 69 "$root/pipelines/lib/cluster" status "$FERRY_STATE/cluster"
	"$root/pipelines/lib/cluster" destroy "$FERRY_STATE/cluster"
}

@test "narrow-to-wide: no server is told once, with a hint that the same command goes on" {
	run_rc 75 env FERRY_TARGET="host=$PWD/nowhere" narrow-to-wide --mode status
	has "$err" 'cannot connect, target'
}

@test "narrow-to-wide: nothing is left of a run that went well" {
	"$root/t/telemetry" 1 5 200
	export FERRY_STATE=$PWD/state
	run_rc 0 migrate --cutoff-time "$cutoff"
	is "$(find state -type f -not -path 'state/locks/*')" ''
	is "$(find state/run/narrow-to-wide -mindepth 1)" ''
}

@test "narrow-to-wide: all rows rejected is no good end; one that comes late is counted, once" {
	local each
	scratch_db
	"$root/t/telemetry" 1 4 40
	sql "UPDATE tenant.tbl_data_timeseries SET value_format = 'Nothing'"
	run_rc 65 migrate --quiet --cutoff-time "$cutoff"
	has "$err" 'no row could be carried over: 40, such as: ' '--mode failed lists them'
	run_rc 65 narrow-to-wide --mode validate
	has "$err" 'nothing was compared: none of the 40 rows can be carried over'
	scratch_db
	"$root/t/telemetry" 1 4 40
	run_rc 0 migrate --cutoff-time "$cutoff"
	has_no "$err" 'could not be carried over'
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			value_format)
		SELECT ship_id, '/bad', created_time, 'Nothing'
		FROM tenant.tbl_data_timeseries LIMIT 1"
	for each in 1 2; do
		run_rc 0 narrow-to-wide --mode validate --repair
		run_rc 0 narrow-to-wide --mode status -f json
		is "$(jq .rejects "$out")" 1
		is "$(sql "SELECT level, count(*) FROM ferry.event WHERE message LIKE
			'1 rows cannot be carried over, some of which came%' GROUP BY 1")" \
			'WARNING|1'
	done
	# the next migration says it, with the reason of those that have one
	sql "UPDATE tenant.tbl_data_timeseries SET value_format = 'Nothing' WHERE id = 1"
	run_rc 0 narrow-to-wide --mode rollback --yes
	run_rc 0 migrate --cutoff-time "$cutoff"
	has "$err" 'warning: 2 rows could not be carried over, such as: '
}

@test "narrow-to-wide: a later cutoff for one ship does not leave the others completed" {
	scratch_db
	"$root/t/telemetry" 2 4 400
	run_rc 0 migrate --cutoff-time '2024-10-01 00:10:00'
	run_rc 0 migrate --cutoff-time 2024-12-01 --ship-id IMO9999993
	has "$err" 'the other ships are planned to it, too'
	run_rc 0 narrow-to-wide --mode status -f json
	is "$(jq -c '[.status, (.left > 0)]' "$out")" '["pending",true]'
	run_rc 0 migrate
	run_rc 0 narrow-to-wide --mode status -f json
	is "$(jq -c '[.status, .percent, .rows]' "$out")" '["completed",100,400]'
}

@test "narrow-to-wide: a closed standard output is said, and 74; closed messages hurt nobody" {
	scratch_db
	"$root/t/telemetry" 1 4 40
	closed() { narrow-to-wide "$@" >&-; }
	muted() { narrow-to-wide "$@" >&- 2>&-; }
	run_rc 0 closed --mode migration-only --cutoff-time "$cutoff"
	run_rc 74 closed --mode status
	has "$err" 'standard output'
	run_rc 74 muted --mode status
	run_rc 74 closed --mode doctor
	has "$err" 'cannot write to standard output'
	run_rc 0 muted --mode migration-only
}
