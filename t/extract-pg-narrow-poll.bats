load helper

# What pg-narrow-dump --follow poll finds, on plain output: no ledger, no seals.

setup_file() { scratch_db; }
setup() {
	helper_setup
	sql "CREATE SCHEMA IF NOT EXISTS tenant;
		DROP TABLE IF EXISTS tenant.tbl_data_timeseries CASCADE;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC)" 2>/dev/null
	follower='' holders=()
}
teardown() {
	local each
	for each in $follower "${holders[@]}"; do
		kill "$each" 2>/dev/null || :
		wait "$each" || :
	done
}

# put NUMBER TIME [TABLE]: SQL that writes a value of that number
put() {
	printf '%s' "INSERT INTO tenant.${3-tbl_data_timeseries}
		(ship_id, data_channel_id, created_time, long_v, value_format)
		VALUES ('S1', 'c$1', '$2', $1, 'Integer');"
}

# follow: in the background, into ./stream
follow() { follow_table tbl_data_timeseries; }
# follow_table NAME [OPTION...]: what comes into it from here on is new
follow_table() {
	pg-narrow-dump --follow poll --interval 30ms --no-seal --table "tenant.$1" "${@:2}" \
		>stream 2>follow.err &
	follower=$!
	# it has looked once
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE application_name = 'pg-narrow-dump' AND datname = current_database()
			AND query = 'COMMIT'"
	sql "$(put 0 '2024-01-01 00:00:00' "$1")"
	wait_until 10 came 0
}
came() {
	local each
	for each; do
		cut -d , -f 4 stream | grep -qx "$each" || return 1
	done
}
not_yet() { if came "$1"; then return 1; fi; }

# hold SQL: a session that has done it and stays in its transaction until `release NUMBER`
hold() {
	local pipe=hold.${#holders[@]}
	mkfifo "$pipe"
	psql -XAtq -v ON_ERROR_STOP=1 <"$pipe" >"$pipe.out" &
	holders+=("$!")
	exec {fd}>"$pipe"
	printf 'BEGIN;\n%s\nSELECT 1;\n' "$1" >&"$fd"
	wait_until 10 test -s "$pipe.out"
}
release() { printf 'COMMIT;\n' >&"$1"; }

@test "poll: a transaction that stays open while later ones commit, of any snapshot's number" {
	local fd first
	follow
	hold "$(put 1 '2024-01-01 00:00:01')"
	first=$fd
	sql "$(put 2 '2024-01-01 00:00:02')"
	wait_until 10 came 2
	sql "$(put 3 '2024-01-01 00:00:03')"
	wait_until 10 came 3
	not_yet 1
	release "$first"
	wait_until 10 came 1
	is "$(cut -d , -f 4 stream | sort | uniq -d)" '' 'what was handed out twice'
}

@test "poll: a subtransaction, whose number no snapshot lists" {
	local fd
	follow
	hold "$(put 1 '2024-01-01 00:00:01') SAVEPOINT a; $(put 2 '2024-01-01 00:00:02')"
	sql "$(put 3 '2024-01-01 00:00:03')"
	wait_until 10 came 3
	release "$fd"
	wait_until 10 came 1 2
	is "$(cut -d , -f 4 stream | sort | uniq -d)" ''
}

@test "poll: rows of any age, out of order, and from the future; and an update" {
	follow
	sql "$(put 1 '2024-01-01 12:00:00') $(put 2 '1999-01-01 00:00:00')"
	wait_until 10 came 1 2
	sql "$(put 3 '2999-01-01 00:00:00')"
	wait_until 10 came 3
	# one clock that is wrong does not move the window away from the others
	sql "$(put 4 '2024-01-01 12:00:01') $(put 5 '2024-01-01 11:59:59')"
	wait_until 10 came 4 5
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = 6 WHERE long_v = 1"
	wait_until 10 came 6
}

@test "poll: what is committed together comes together, by time" {
	follow
	sql "$(put 1 '2024-01-01 00:00:05') $(put 2 '2001-01-01 00:00:00')
		$(put 3 '2024-01-01 00:00:04')"
	wait_until 10 came 1
	is "$(cut -d , -f 4 stream | tail -n 3)" $'2\n3\n1'
}

@test "poll: a view and a table without an index can be read, and what that costs is said" {
	sql "CREATE VIEW tenant.v AS TABLE tenant.tbl_data_timeseries"
	follow_table v
	sql "$(put 1 '2024-01-01 00:00:00')"
	wait_until 10 came 1
	has follow.err 'is no table'
	kill "$follower"
	wait "$follower"
	follower=''
	sql "CREATE TABLE tenant.bare (LIKE tenant.tbl_data_timeseries INCLUDING DEFAULTS)"
	follow_table bare
	sql "INSERT INTO tenant.bare SELECT * FROM tenant.tbl_data_timeseries WHERE long_v = 1"
	wait_until 10 came 1
	has follow.err 'no index begins with'
}

@test "poll: a partition that may not be read by itself is said; its new rows come" {
	sql "DROP TABLE tenant.tbl_data_timeseries; CREATE TABLE tenant.tbl_data_timeseries (
			ship_id text NOT NULL, data_channel_id text NOT NULL,
			created_time timestamp NOT NULL, long_v bigint, value_format text)
			PARTITION BY RANGE (created_time);
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time);
		CREATE TABLE tenant.shut PARTITION OF tenant.tbl_data_timeseries DEFAULT;
		CREATE ROLE partial;
		GRANT USAGE ON SCHEMA tenant TO partial;
		GRANT SELECT ON tenant.tbl_data_timeseries TO partial"
	follow_table tbl_data_timeseries --source "options='-c role=partial'"
	# what comes into an empty table is read whatever its time
	sql "$(put 0 '2024-01-01 00:00:00')"
	wait_until 10 came 0
	# the look that met it is over when two more have come, one behind the other
	for each in 8 9; do
		sql "$(put "$each" '2024-01-01 00:00:00')"
		wait_until 10 came "$each"
	done
	sql "$(put 1 '1999-01-01 00:00:00') $(put 2 '2024-01-01 00:00:01')"
	wait_until 10 came 2
	has follow.err 'tenant.shut cannot be read by itself' 'GRANT SELECT'
	not_yet 1
	# from then on what comes is read, wherever it goes
	sql "GRANT SELECT ON tenant.shut TO partial"
	sql "$(put 3 '1999-01-01 00:00:00')"
	wait_until 10 came 3
	sql "DROP OWNED BY partial; DROP ROLE partial"
}

@test "poll: --since begins there, and SIGTERM ends it well" {
	local fd
	# what was written beside an older transaction is not new because of it
	hold "$(put 4 '2024-01-01 00:00:04')"
	sql "$(put 1 '2024-01-01 00:00:00') $(put 2 '2024-01-02 00:00:00')
		$(put 3 '2024-01-03 00:00:00')"
	pg-narrow-dump --follow poll --interval 30ms --seal --since 2024-01-02 \
		>stream 2>follow.err &
	follower=$!
	wait_until 10 came 2 3
	release "$fd"
	wait_until 10 came 4
	not_yet 1
	kill -TERM "$follower"
	wait "$follower"
	follower=''
	is "$(<follow.err)" ''
	tail -n 1 stream >last
	has last '""final"":1'
	# whole to the last byte
	run_ok unpivot-narrow --help
	run_pipe '0 0' 'cat stream | via --sink -- cat'
}

@test "poll: options that make no sense are refused" {
	run_rc 64 pg-narrow-dump --follow poll --until 2024-01-01
	run_rc 64 pg-narrow-dump --interval 1s
	run_rc 64 pg-narrow-dump --overlap 1s
	run_rc 64 pg-narrow-dump --past --follow poll
	run_rc 64 pg-narrow-dump --follow often
}

# Of a source that crashes: transactions whose end was not flushed are as if they had never been,
# and their numbers are given to others.
@test "poll: transactions numbered again after a crash are new" {
	local source
	own_cluster --option autovacuum=off --option wal_writer_delay=10s
	source=$cluster
	export FERRY_SOURCE="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	own_cluster
	export FERRY_TARGET="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	at_source() { psql -XAtq -v ON_ERROR_STOP=1 -d "$FERRY_SOURCE" -c "$1"; }
	at_source "CREATE SCHEMA tenant; CREATE TABLE tenant.tbl_data_timeseries (id bigserial,
		ship_id text NOT NULL, data_channel_id text NOT NULL,
		created_time timestamp NOT NULL, long_v bigint, value_format varchar(50),
		PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC)"
	pg-wide-ledger follow --follow poll >job 2>follow.err
	carried() { is "$(sql "SELECT count($1) FROM tenant.tbl_data_timeseries_s1")" 1; }
	pipeline() {
		pg-narrow-dump --follow poll --job 1 --interval 30ms --seal |
			pivot-wide -q | pg-copy-load --wide -q
	}
	# one is kept, and what is rolled back behind it is in no WAL that is flushed
	printf '%s\n' "$(put 1 '2024-01-01 00:00:01')" \
		BEGIN\; "$(put 2 '2024-01-01 00:00:02')" ROLLBACK\; \
		BEGIN\; "$(put 2 '2024-01-01 00:00:02')" ROLLBACK\; |
		psql -XAtq -v ON_ERROR_STOP=1 -d "$FERRY_SOURCE"
	pipeline 2>>follow.err 3>&- &
	holders+=("$!")
	wait_until 20 carried c1
	"$root/pipelines/lib/cluster" stop "$source" --immediate
	wait "${holders[0]}" || :
	holders=()
	"$root/pipelines/lib/cluster" start "$source" --option fsync=off
	at_source "$(put 3 '2024-01-01 00:00:03')"
	# so many that the server's count is where it was
	at_source "$(put 4 '2024-01-01 00:00:04')"
	at_source "$(put 5 '2024-01-01 00:00:05')"
	at_source "$(put 6 '2024-01-01 00:00:06')"
	pipeline 2>>follow.err 3>&- &
	holders+=("$!")
	wait_until 20 carried c3
	pkill -TERM -P "${holders[0]}" -x pg-narrow-dump
	wait "${holders[0]}"
	holders=()
}
