load helper
load oracle

# Debian's pgbouncer between the programs and the source, in each of its modes. Other applications
# write through the same servers, and must never notice us.

setup_file() {
	scratch_db
	"$root/t/telemetry" 2 12 3000
	sql "CREATE TABLE app (at timestamptz DEFAULT now())"
	export direct="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
}
setup() {
	helper_setup
	need pgbouncer
	bouncer='' app='' run='' dir=''
	export FERRY_RETRY_PAUSE=50 FERRY_STATE=$BATS_TEST_TMPDIR/state FERRY_TARGET=$direct
	sql "SET client_min_messages = error; DROP SCHEMA IF EXISTS ferry CASCADE; TRUNCATE app;
		DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id IN ('/app', '/dual')"
	sql "SELECT format('DROP TABLE tenant.%I;', relname) FROM pg_class WHERE relname
		LIKE 'tbl_data_timeseries_imo%' AND relkind = 'r'" | sql
}
teardown() {
	[[ ${BATS_TEST_COMPLETED-} || ! -f run.err ]] || tail -n 20 run.err | cut -c 1-300
	local each
	touch stop
	for each in $run $app $bouncer; do
		kill "$each" 2>/dev/null || :
		wait "$each" || :
	done
	rm -rf "$dir" "$dir.log"
}
teardown_file() { helper_teardown_file; }

# pool MODE [SERVERS]: a pooler of four servers; $pool is the way through it, FERRY_SOURCE, too
pool() {
	local -a become=()

	dir=$(mktemp -d /tmp/ferry-pool.XXXXXX)
	cat >"$dir/ini" <<-END
		[databases]
		* = host=$PGHOST port=$PGPORT user=$PGUSER
		[pgbouncer]
		listen_port = 6432
		unix_socket_dir = $dir
		auth_type = any
		pool_mode = $1
		default_pool_size = ${2:-4}
		max_client_conn = 100
		server_idle_timeout = 600
	END
	chmod 755 "$dir"
	if ((EUID == 0)); then
		chown postgres "$dir"
		become=(setpriv --reuid postgres --regid "$(id -g postgres)" --init-groups)
	fi
	"${become[@]}" pgbouncer -q "$dir/ini" >"$dir.log" 2>&1 &
	bouncer=$!
	pool="host=$dir port=6432 user=$PGUSER dbname=$PGDATABASE"
	export FERRY_SOURCE=$pool
	wait_until 10 through_pool 'SELECT 1'
}
through_pool() { psql -XAtq -v ON_ERROR_STOP=1 -d "$pool" -c "$1"; }

# An application: many short transactions through the pool, as long as the file `stop` is not there.
application() {
	(while [[ ! -e stop ]]; do
		through_pool "INSERT INTO app DEFAULT VALUES; INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format) VALUES
			('IMO9999993', '/app', '2024-10-03'::timestamp + clock_timestamp()::time,
				1, 'Decimal');
			CREATE TEMP TABLE t (); DROP TABLE t" || exit
	done) >>app.out 2>&1 &
	app=$!
	wait_until 10 through_pool 'SELECT 1 / count(*) FROM app'
}

# What it says afterwards; every server of the pool is as it would be without us.
application_never_noticed() {
	local each
	local -a held=()

	touch stop
	wait "$app" || :
	app=''
	is "$(<app.out)" '' 'errors of the application'
	for each in 1 2 3 4; do
		through_pool "BEGIN; SELECT pg_sleep(0.2);
			SELECT pg_backend_pid() AS pid, name, setting FROM pg_settings
			WHERE source = 'session' AND name NOT IN (
			'client_encoding', 'application_name', 'DateStyle', 'TimeZone',
			'standard_conforming_strings');
			SELECT 'temp', relname FROM pg_class
				WHERE relnamespace = pg_my_temp_schema();
			SELECT 'prepared', name FROM pg_prepared_statements;
			SELECT 'lock', objid FROM pg_locks WHERE locktype = 'advisory'
				AND pid = pg_backend_pid(); COMMIT" >"left.$each" 2>&1 &
		held+=("$!")
	done
	wait "${held[@]}"
	is "$(cat left.*)" '' 'what we left behind'
}

all_is_there() {
	is "$(sql 'SELECT count("/app") FROM tenant.tbl_data_timeseries_imo9999993')" \
		"$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries
			WHERE data_channel_id = '/app'")"
}

@test "pool, transaction mode: batch, validation, polling and dual writes, and nobody notices" {
	pool transaction
	application
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2024-10-02
	run_rc 0 narrow-to-wide --mode validate
	has "$out" ', 0 differences'
	narrow-to-wide --mode concurrent --follow poll --interval 50ms >run.out 2>run.err &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.err
	application_never_noticed
	wait_until 30 all_is_there
	kill -TERM "$run"
	wait "$run"
	run=''
	run_rc 78 narrow-to-wide --mode concurrent --follow slot
	has "$err" 'pooler' 'address of the server itself; or --follow poll'
	FERRY_TARGET=$pool run_rc 1 narrow-to-wide --mode doctor --follow slot
	has "$out" 'FAIL         source  there is a connection pooler in the way' \
		'FAIL         target  the target is reached through a connection pooler in'
	is "$(sql 'SELECT count(*) FROM pg_replication_slots
		WHERE database = current_database()')" 0
}

# some rows to be written to both sides, as IMO9999993 would
new_rows() {
	printf 'ship_id,created_time,data_channel_id,value,value_format\n'
	printf 'IMO9999993,2024-10-04 00:00:0%s,/dual,%s,Integer\n' 1 10 2 20 3 30
}

@test "pool, transaction mode: no target, for what lasts longer than a transaction" {
	pool transaction
	application
	new_rows >rows.csv
	FERRY_TARGET=$pool run_rc 78 narrow-to-wide --mode migration-only --cutoff-time 2024-10-02
	has "$err" 'the target is reached through a connection pooler in transaction mode' hint:
	FERRY_TARGET=$pool run_rc 78 narrow-to-wide --mode dual-write --accept-unsealed rows.csv
	FERRY_TARGET=$pool run_rc 78 narrow-to-wide --mode status
	# past it, both work, whatever the source goes through
	run_rc 0 narrow-to-wide --mode dual-write --accept-unsealed rows.csv
	is "$(sql 'SELECT sum("/dual"::int) FROM tenant.tbl_data_timeseries_imo9999993')" 60
	application_never_noticed
}

@test "pool, session mode: source and target" {
	pool session 12 # a server for each connection of a run
	export FERRY_TARGET=$pool
	new_rows >rows.csv
	run_rc 0 narrow-to-wide --mode dual-write --accept-unsealed rows.csv
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2024-10-05 --workers 1
	run_rc 0 narrow-to-wide --mode validate
	has "$out" ', 0 differences'
	application
	application_never_noticed
}

@test "pool, statement mode: refused, on either side" {
	pool statement
	application
	run_rc 78 narrow-to-wide --mode migration-only --cutoff-time 2024-10-02
	has "$err" 'the source is reached through a connection pooler that allows no transactions'
	run_rc 78 narrow-to-wide --mode concurrent --follow poll
	FERRY_TARGET=$pool run_rc 78 narrow-to-wide --mode validate
	has "$err" 'the target is reached through a connection pooler that allows no transactions'
	touch stop
	wait "$app"
	is "$(<app.out)" '' 'errors of the application'
}

@test "pool, transaction mode: a source of another encoding, on the one server that all share" {
	local name=pool_euc_$$ each
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'EUC_KR' LOCALE 'C'"
	pool transaction 1
	export pool=${pool/dbname=*/dbname=$name} PGCLIENTENCODING=UTF8
	through_pool "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
		value text); INSERT INTO n VALUES ('S', '온도', '2024-01-01', '정상')"
	for each in 1 2; do
		run_rc 0 pg-narrow-dump --source "$pool" -t n --value-column value
		has "$out" 'S,2024-01-01 00:00:00,온도,정상'
		through_pool "INSERT INTO n SELECT 'S', '압력', '2024-01-02', '나쁨'
			WHERE EXISTS (SELECT FROM n WHERE value = '정상')"
		is "$(through_pool 'SELECT min(value) FROM n')" 나쁨
	done
}

@test "pool: wide tables are read through it, with no more servers than it has" {
	pool transaction 1
	# more groups than connections, even where there is no pooler
	narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --source "$direct" \
		--group-columns 1 -q
	run_ok pg-wide-dump --target "$direct"
	cp "$out" want
	run_ok pg-wide-dump --target "$pool"
	same_file "$out" want
	pg-narrow-dump --source "$direct" --progress none |
		stream-digest --narrow -o csv | cut -d , -f 1,3- >digest
	unpivot-narrow want | stream-digest --narrow -o csv | cut -d , -f 1,3- >got
	same_file got digest
}
