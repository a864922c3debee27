load helper
load oracle

# Roles as they are on managed servers: no superuser, no CREATE on the database; timeouts on every
# role and database; a source that cannot be written to.

setup_file() {
	own_cluster --option wal_level=logical
	"$root/t/telemetry" 2 10 2000
	export owner="host=$PGHOST port=$PGPORT dbname=postgres"
	export FERRY_RETRY_PAUSE=50
	narrow-to-wide --mode grants | sql
	# on managed servers they may not do this by default, either
	sql 'REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE TEMP, CREATE ON DATABASE postgres
		FROM PUBLIC'
}
setup() {
	helper_setup
	export FERRY_SOURCE="$owner user=ferry_source" FERRY_TARGET="$owner user=ferry_target"
	run=''
}
teardown() {
	[[ ! $run ]] || { kill "$run" && wait "$run"; } || :
	narrow-to-wide --mode rollback --yes --leave-slot >/dev/null 2>&1 || :
}

migrate() { narrow-to-wide --mode migration-only --cutoff-time 2024-10-02 "$@"; }

# everything but the slot
all_modes() {
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = '/$1'"
	run_rc 0 migrate
	run_rc 0 narrow-to-wide --mode validate
	has "$out" ', 0 differences'
	run_ok narrow-to-wide --mode status
	rm -f run.err # of before
	narrow-to-wide --mode concurrent --follow "$1" >run.out 2>run.err &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.err
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, long_v,
		value_format) VALUES ('IMO9999993', '/$1', '2024-10-03', 1, 'Integer')"
	wait_until 30 sql "SELECT 1 / count(\"/$1\") FROM tenant.tbl_data_timeseries_imo9999993"
	kill -TERM "$run"
	wait "$run"
	run=''
}

# bats test_tags=whole
@test "roles: what --mode grants prints is enough for polling" {
	all_modes poll
}

@test "roles: what --mode grants prints is enough" {
	FERRY_SOURCE="$owner user=ferry_follower" all_modes slot
	FERRY_SOURCE="$owner user=ferry_follower" run_rc 0 narrow-to-wide --mode rollback --yes
	is "$(sql 'SELECT count(*) FROM pg_replication_slots')" 0
	is "$(sql 'SELECT count(*) FROM pg_publication')" 0
}

# mended COMMAND...: refused; and what its hint says, run as it stands, is what was missing
mended() {
	run_rc 77 "$@"
	has "$err" 'hint: an administrator runs: '
	sed -n 's/.*hint: an administrator runs: //p' "$err" >hint.sql
	sql <hint.sql
}

@test "roles: each right that is missing is named, and the statement that gives it" {
	sql 'REVOKE SELECT ON tenant.tbl_data_timeseries FROM ferry_source'
	mended migrate
	sql 'REVOKE USAGE ON SCHEMA tenant FROM ferry_source'
	mended migrate
	sql 'REVOKE CREATE ON SCHEMA tenant FROM ferry_target'
	mended migrate
	sql 'DROP SCHEMA ferry CASCADE' 2>/dev/null
	mended migrate
	mended migrate --target-schema 'An Other'
	run_rc 0 migrate
	# a row that is there already is merged by a temporary table; that is no ship's fault
	sql 'REVOKE TEMP ON DATABASE postgres FROM ferry_target'
	pg-narrow-dump | pivot-wide --no-seal >again.csv
	mended pg-copy-load --wide --live again.csv
	run_rc 0 pg-copy-load --wide --live again.csv
	sql 'ALTER ROLE ferry_target SET default_transaction_read_only = on'
	run_rc 69 narrow-to-wide --mode migration-only --cutoff-time 2024-10-05
	has "$err" 'hint: a standby cannot be written to, nor what default_transaction_read_only'
	sql 'ALTER ROLE ferry_target RESET ALL'
	sql 'CREATE ROLE ferry_reader LOGIN'
	export FERRY_TARGET="$owner user=ferry_reader"
	mended narrow-to-wide --mode status
	run_ok narrow-to-wide --mode status
	export FERRY_TARGET="$owner user=ferry_target"
}

@test "roles: timeouts of roles and databases break nothing" {
	local each
	export FERRY_TARGET="$owner user=ferry_target"
	for each in statement_timeout lock_timeout idle_in_transaction_session_timeout \
		idle_session_timeout; do
		sql "ALTER DATABASE postgres SET $each = '900ms'"
	done
	# slow to read, slow to be read
	sql "CREATE VIEW tenant.slow AS SELECT * FROM tenant.tbl_data_timeseries
		WHERE (SELECT pg_sleep(1) IS NOT NULL); GRANT SELECT ON tenant.slow TO ferry_source"
	run_pipe '0 0 0' 'pg-narrow-dump -t tenant.slow --seal | { sleep 1.2; cat; } |
		pivot-wide --seal >wide.csv'
	run_pipe '0 0' '{ head -c 3000 wide.csv; sleep 1.2; tail -c +3001 wide.csv; } |
		pg-copy-load --wide --buffer 1K --live'
	has_no "$err" error
	is "$(sql 'SELECT count(*) > 0 FROM tenant.tbl_data_timeseries_imo9999993')" t
	# also what front doors ask: a query that waits for longer than that
	coproc holder { exec psql -qXAt; }
	local to=${holder[1]} from=${holder[0]} other=$holder_PID
	printf '%s\n' 'SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;' \
		'BEGIN; LOCK TABLE ferry.job IN ACCESS EXCLUSIVE MODE; SELECT 1;' >&"$to"
	read -r _ <&"$from"
	narrow-to-wide --mode route 2>"$err" 3>&- &
	local pid=$!
	waits_longer() {
		is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
			AND application_name = 'psql'
			AND clock_timestamp() - query_start > '1 s'")" 1
	}
	wait_until 9 waits_longer
	printf 'COMMIT;\n' >&"$to"
	exec {to}>&-
	wait "$other"
	wait "$pid"
	is "$(<"$err")" ''
	sql "ALTER DATABASE postgres RESET ALL; DROP VIEW tenant.slow"
}

# Whoever may make functions could have ours find his first.
@test "roles: functions and operators that others put into the search path are not called" {
	local each
	sql "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO ferry_source, ferry_target;
		CREATE FUNCTION evil.eq(text, text) RETURNS bool LANGUAGE plpgsql AS
			'BEGIN RAISE EXCEPTION ''evil was called''; END';
		CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq)"
	for each in 'clock_timestamp() RETURNS timestamptz' 'now() RETURNS timestamptz' \
		'hashtextextended(text, bigint) RETURNS bigint' 'upper(text) RETURNS text' \
		'date_bin(interval, timestamp, timestamp) RETURNS timestamp' \
		'set_config(text, text, bool) RETURNS text' 'md5(text) RETURNS text' \
		'starts_with(text, text) RETURNS bool'; do
		sql "CREATE FUNCTION evil.$each LANGUAGE plpgsql AS
			'BEGIN RAISE EXCEPTION ''evil was called''; END'"
	done
	for each in ferry_source ferry_target; do
		sql "ALTER ROLE $each SET search_path = evil, pg_catalog"
	done
	is "$(psql -XAt "$FERRY_TARGET" -c 'SELECT now()' 2>&1 | grep -c 'evil was called')" 1
	run_rc 0 migrate
	run_rc 0 narrow-to-wide --mode validate
	run_ok narrow-to-wide --mode status
	run_rc 0 narrow-to-wide --mode rollback --yes
	for each in ferry_source ferry_target; do
		sql "ALTER ROLE $each RESET search_path"
	done
	sql 'DROP SCHEMA evil CASCADE' 2>/dev/null
}

# bats test_tags=whole
@test "roles: a source that only reads is polled, and has no slot" {
	sql 'ALTER ROLE ferry_follower SET default_transaction_read_only = on'
	FERRY_SOURCE="$owner user=ferry_follower" all_modes poll
	FERRY_SOURCE="$owner user=ferry_follower" run_rc 78 narrow-to-wide --mode concurrent \
		--follow slot
	has "$err" default_transaction_read_only '--follow poll'
	sql 'ALTER ROLE ferry_follower RESET ALL'
}

# bats test_tags=whole
@test "roles: a follower that owns nothing says which publication it needs, and takes it" {
	sql 'CREATE ROLE ferry_guest LOGIN REPLICATION IN ROLE ferry_source;
		GRANT USAGE ON SCHEMA tenant TO ferry_guest;
		GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO ferry_guest'
	export FERRY_SOURCE="$owner user=ferry_guest"
	run_rc 0 migrate
	mended narrow-to-wide --mode concurrent --follow slot
	has hint.sql 'CREATE PUBLICATION "ferry_'
	all_modes slot
	run_rc 0 narrow-to-wide --mode rollback --yes
	is "$(sql 'SELECT count(*) FROM pg_publication')" 1
	sql <<<"SELECT format('DROP PUBLICATION %I', pubname) FROM pg_publication \\gexec"
}

# standby_of_owner: a hot standby of the file's server; PGHOST names it from here on
standby_of_owner() {
	local dir copy
	dir=$(mktemp -d "${FERRY_TEST_POOL:?}/standby.XXXXXX")
	printf '%s\n' "$dir" >>"$BATS_FILE_TMPDIR/clusters"
	copy=$BATS_TEST_TMPDIR/copy
	"$(pg_config --bindir)/pg_basebackup" -D "$copy" -R -X stream -c fast \
		-d "$owner user=postgres"
	chmod 711 "$dir"
	mkdir "$dir/home"
	mv "$copy" "$dir/home/data"
	chmod --reference="$cluster/home" "$dir/home"
	chown -R --reference="$cluster/home" "$dir/home"
	"$root/pipelines/lib/cluster" start "$dir" --option fsync=off --option shared_buffers=16MB \
		--option wal_level=logical
	# shellcheck disable=SC2046,SC2163  # a word each: no value holds a blank
	export $("$root/pipelines/lib/cluster" env "$dir")
}

@test "roles: a hot standby is a source in batch and by polling, and has no slot" {
	local primary=$PGHOST what
	standby_of_owner
	is "$(sql 'SELECT pg_is_in_recovery()')" t
	export FERRY_SOURCE="host=$PGHOST port=$PGPORT dbname=postgres user=ferry_source"
	# rows are written, and wide tables are, at the primary
	export PGHOST=$primary
	all_modes poll
	run_rc 78 narrow-to-wide --mode concurrent --follow slot
	has "$err" 'the source is a standby' '--follow poll'
	# by itself it is polled, and rollback needs to drop nothing there
	rm -f run.err
	narrow-to-wide --mode concurrent >run.out 2>run.err &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.err
	is "$(sql 'SELECT kind FROM ferry.follower')" poll
	kill -TERM "$run"
	wait "$run"
	run=''
	# one that crashed has less than was seen of it, until it has read its WAL again
	sql "UPDATE ferry.follower SET source_lsn = 'FFFF/0'"
	by_turns 1 'migration-only' 'validate --repair' 'realtime'
	for what in "${turns[@]}"; do
		# shellcheck disable=SC2086
		run_rc 75 narrow-to-wide --mode $what
		has "$err" 'the standby is behind'
	done
	is "$(sql "SELECT count(*) FROM ferry.event WHERE level = 'CRITICAL'")" 0
	sql "UPDATE ferry.follower SET source_lsn = '0/1'"
	run_rc 0 narrow-to-wide --mode migration-only
	run_rc 0 narrow-to-wide --mode rollback --yes
}
