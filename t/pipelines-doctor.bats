load helper

# narrow-to-wide --mode doctor: each line of it, well and not.

setup_file() {
	own_cluster --option wal_level=logical --option max_slot_wal_keep_size=1GB \
		--option archive_mode=on --option archive_command=true --option fsync=on \
		--option max_prepared_transactions=2
	"$root/t/telemetry" 1 5 500
	export owner="host=$PGHOST port=$PGPORT dbname=postgres"
	narrow-to-wide --mode grants | sql
	sql 'REVOKE TEMP, CREATE ON DATABASE postgres FROM PUBLIC;
		GRANT TEMP ON DATABASE postgres TO ferry_target;
		GRANT pg_read_all_settings TO ferry_target'
}
setup() {
	helper_setup
	export FERRY_SOURCE="$owner user=ferry_follower" FERRY_TARGET="$owner user=ferry_target"
}

# doctor CODE [OPTION...]: its lines as SIDE.CHECK VERDICT, in `lines`
doctor() {
	run_rc "$1" narrow-to-wide --mode doctor --format json "${@:2}"
	cp "$out" doctor.json
	jq -r '.[] | "\(.side).\(.check) \(.verdict)"' doctor.json >lines
}

# says CHECK VERDICT TEXT...: that line of it, and what is in its finding or remedy
says() {
	has lines "$1 $2"
	jq -r --arg name "$1" '.[] | select("\(.side).\(.check)" == $name) | .finding, .remedy' \
		doctor.json >line
	has line "${@:3}"
}

# mended CHECK: by its remedy, as it stands
mended() {
	jq -r --arg name "$1" '.[] | select("\(.side).\(.check)" == $name).remedy' doctor.json |
		sql
}

@test "doctor: all is well where it is, and nothing is changed" {
	doctor 0
	grep -vE ' OK$' lines >other || :
	is "$(<other)" ''
	is "$(sort -u lines | wc -l)" "$(wc -l <lines)"
	[[ $(wc -l <lines) -gt 30 ]]
	is "$(sql "SELECT to_regclass('ferry.job')")" ''
	is "$(find "$HOME" -name '.ferry*' -o -name .local)" ''
	# for people
	run_rc 0 narrow-to-wide --mode doctor
	is "$(grep -c '^OK' "$out")" "$(wc -l <lines)"
	has "$out" 'OK           source  wal_level is logical'
	run_rc 64 narrow-to-wide --mode doctor --format csv
}

@test "doctor: what a role may not do fails, and its remedy is the statement that mends it" {
	local each
	FERRY_SOURCE="$owner user=ferry_source"
	sql 'REVOKE SELECT ON tenant.tbl_data_timeseries FROM ferry_source;
		REVOKE CREATE ON SCHEMA tenant FROM ferry_target; DROP SCHEMA ferry;
		REVOKE TEMP ON DATABASE postgres FROM ferry_target;
		ALTER ROLE ferry_target SET default_transaction_read_only = on'
	doctor 1
	says source.replication WARN 'ferry_source may not have a slot'
	doctor 1 --follow slot
	for each in source.read source.replication target.wide target.ledger target.temporary \
		target.writable; do
		says "$each" FAIL ';'
		mended "$each"
	done
	doctor 0 --follow slot
	sql 'ALTER ROLE ferry_source NOREPLICATION'
}

# bats test_tags=whole
@test "doctor: rights by a role, on one column, and what cannot be asked" {
	FERRY_SOURCE="$owner user=ferry_source"
	# as on Amazon RDS, where a role stands for the attribute
	sql 'ALTER ROLE ferry_source NOREPLICATION; CREATE ROLE rds_replication'
	doctor 1 --follow slot
	says source.replication FAIL 'GRANT rds_replication TO ferry_source;'
	mended source.replication
	doctor 0 --follow slot
	sql 'DROP ROLE rds_replication'
	sql 'GRANT SELECT (ship_id) ON tenant.tbl_data_timeseries TO ferry_source;
		REVOKE SELECT ON tenant.tbl_data_timeseries FROM ferry_source;
		GRANT SELECT (ship_id) ON tenant.tbl_data_timeseries TO ferry_source'
	doctor 0
	says source.read WARN 'may not read all'
	mended source.read
	doctor 1 --table 'tenant.None'
	says source.table FAIL 'tenant."None"' '--table'
	says source.read 'NOT CHECKED' 'no such table'
	# what cannot be asked is not taken for granted
	sql 'REVOKE SELECT ON pg_stat_archiver FROM PUBLIC;
		REVOKE pg_read_all_settings FROM ferry_target'
	doctor 0
	says source.archive 'NOT CHECKED' 'permission denied'
	says target.disk 'NOT CHECKED' pg_read_all_settings
	sql 'GRANT SELECT ON pg_stat_archiver TO PUBLIC; ALTER ROLE ferry_source NOREPLICATION'
}

@test "doctor: settings that lose something, and WAL that is not archived" {
	sql "ALTER SYSTEM SET max_slot_wal_keep_size = -1"
	sql "ALTER SYSTEM SET fsync = off"
	sql "SELECT pg_reload_conf()"
	wait_until 5 sql "SELECT 1 / (current_setting('fsync') = 'off')::int"
	doctor 0
	says source.slot_limit WARN 'fills the disk'
	mended source.slot_limit
	says target.durable WARN 'fsync = off'
	sql "ALTER SYSTEM RESET fsync"
	sql "ALTER SYSTEM SET archive_command = 'false'"
	sql "SELECT pg_reload_conf()"
	sql 'SELECT pg_switch_wal() FROM txid_current()'
	wait_until 20 sql 'SELECT 1 / (failed_count > 0)::int FROM pg_stat_archiver'
	doctor 1
	says source.slot_limit OK 20GB
	says target.archive FAIL 'archive_command fails'
	sql "ALTER SYSTEM RESET archive_command"
	sql "SELECT pg_reload_conf()"
	sql "SELECT pg_stat_reset_shared('archiver')"
}

@test "doctor: slots left over or lost, and publications that miss a partition" {
	sql "CREATE TABLE tenant.parted (LIKE tenant.tbl_data_timeseries,
			PRIMARY KEY (ship_id, data_channel_id, created_time))
			PARTITION BY RANGE (created_time);
		CREATE TABLE tenant.old PARTITION OF tenant.parted
			FOR VALUES FROM ('2024-01-01') TO ('2024-10-01');
		CREATE TABLE tenant.new PARTITION OF tenant.parted
			FOR VALUES FROM ('2024-10-01') TO ('2024-11-01');
		GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO ferry_source"
	FERRY_SOURCE=$owner FERRY_TARGET=$owner run_rc 0 pg-wide-ledger follow --follow slot \
		--slot ours --publication of_ours --table tenant.parted
	FERRY_TARGET=$owner doctor 0 --table tenant.parted
	sql 'ALTER PUBLICATION of_ours SET TABLE tenant.old'
	FERRY_TARGET=$owner doctor 0 # of another job
	says source.publications OK ''
	sql "SELECT pg_create_logical_replication_slot('ferry_1_nobodys', 'pgoutput')"
	# one of another database is for whoever works there to judge
	PGDATABASE=template1 sql "SELECT pg_create_logical_replication_slot(
		'ferry_1_others', 'pgoutput')"
	FERRY_TARGET=$owner doctor 1 --table tenant.parted
	says source.publications FAIL 'of_ours does not have tenant.new' \
		'ALTER PUBLICATION of_ours ADD TABLE ONLY tenant.new;'
	mended source.publications
	says source.slots_left WARN ferry_1_nobodys
	has_no line ferry_1_others
	has_no line ours # that of the job
	PGDATABASE=template1 sql "SELECT pg_drop_replication_slot('ferry_1_others')"
	sql "SELECT pg_drop_replication_slot('ferry_1_nobodys'), pg_drop_replication_slot('ours')"
	FERRY_TARGET=$owner doctor 1 --table tenant.parted
	says source.publications OK ''
	says source.slots_left OK ''
	says source.slots_lost FAIL 'gone or lost: ours'
	sql "UPDATE ferry.chunk SET state = 'failed'; DROP SCHEMA ferry CASCADE;
		DROP PUBLICATION of_ours" 2>/dev/null
	sql 'CREATE SCHEMA ferry AUTHORIZATION ferry_target'
}

@test "doctor: a server that is not there, or whose clock is another" {
	FERRY_SOURCE="$FERRY_SOURCE port=1" doctor 1
	says source.connect FAIL 'cannot connect'
	says source.rest 'NOT CHECKED' ''
	says target.wide OK ''
	FERRY_TARGET="$FERRY_TARGET dbname=none" doctor 1
	says target.connect FAIL none
	says source.table OK ''
	says source.slots_left 'NOT CHECKED' 'the ledger could not be asked'
	jump 7200
	ahead doctor 1
	says source.clock FAIL '-7' NTP
}

# bats test_tags=whole
@test "doctor: a standby" {
	"$root/pipelines/lib/cluster" stop "$cluster"
	touch "$cluster/home/data/standby.signal"
	"$root/pipelines/lib/cluster" start "$cluster" --option archive_mode=off \
		--option wal_level=replica --option max_prepared_transactions=2
	doctor 1
	says source.standby WARN 'standby'
	says source.wal_level WARN "ALTER SYSTEM SET wal_level = 'logical'; -- and a restart"
	says target.writable FAIL standby
	says target.archive WARN "ALTER SYSTEM SET archive_mode = 'on';" 'back to a time'
	doctor 1 --follow slot
	says source.standby FAIL primary
	says source.wal_level FAIL ''
}

@test "doctor: this machine" {
	local each
	(ulimit -Sn 50 && ulimit -Sf 1000000 && LC_ALL=xx_YY.UTF-8 FERRY_STATE=/proc/none \
		doctor 1)
	says here.open_files FAIL 'may open 50 files' 'ulimit -n'
	says here.limits WARN 'ulimit -f unlimited'
	says here.state FAIL /proc FERRY_STATE
	says here.locale WARN 'xx_YY.UTF-8' localedef
	by_turns 1 '>&-' '>/dev/full' '-f json >/dev/full'
	for each in "${turns[@]}"; do
		run_rc 74 bash -c "narrow-to-wide --mode doctor $each"
		is "$(grep -c . "$err")" 1 "$each"
	done
	# another door, beside which some programs say what they are told to
	mkdir door
	ln -s "$FERRY_BIN"/* door
	for each in df pg_dump pg-wide-analyze pg-dual-load; do
		rm -f "door/$each"
		printf '#!/bin/sh\ncat "$0.says"\n' >"door/$each"
		chmod +x "door/$each"
	done
	printf 'Size\nx x x 60000 x\n' >door/df.says
	printf 'pg_dump (PostgreSQL) 9.6\n' >door/pg_dump.says
	printf 'pg-dual-load (ferry) 0.0.1\n' >door/pg-dual-load.says
	printf 'figure,value\n%s\n' server_version,100009 pooled,1 round_trip_ms,42.5 \
		'"free_percent of tablespace ""x"" y",4.9' >door/pg-wide-analyze.says
	run_rc 1 door/narrow-to-wide --mode doctor -f json --follow slot
	cp "$out" doctor.json
	jq -r '.[] | "\(.side).\(.check) \(.verdict)"' doctor.json >lines
	says here.versions FAIL 'pg-dual-load is of version 0.0.1'
	says here.state FAIL '58 MiB'
	says here.pg_dump WARN 'version 9' 'postgresql-client-10'
	says source.version WARN 10.9
	says source.pooler FAIL 'pooler in the way'
	says target.pooler WARN ''
	says source.round_trip WARN 42.5
	says target.disk FAIL '4.9 % of the disk of tablespace "x" y'
}
