load helper

# What pg-narrow-dump --follow slot reads from a slot, by hand: no ledger.

setup_file() { scratch_db; }
setup() {
	helper_setup
	follower='' name=f_${BATS_TEST_NUMBER}_$$
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/slots"
	sql "CREATE SCHEMA IF NOT EXISTS tenant; $(table)" 2>/dev/null
}
teardown() {
	[[ ! $follower ]] || kill -KILL "$follower" 2>/dev/null || :
	if [[ ! ${cluster-} ]]; then
		wait_until 10 idle
		sql "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
			WHERE slot_name = '$name'" >/dev/null
		sql "DROP PUBLICATION IF EXISTS $name"
	fi
}
idle() { is "$(sql "SELECT count(*) FROM pg_replication_slots
	WHERE slot_name = '$name' AND active")" 0; }

table() {
	printf '%s' "DROP TABLE IF EXISTS tenant.tbl_data_timeseries CASCADE;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC)"
}

# slot [PUBLISH]: publication and slot named $name
slot() {
	sql "CREATE PUBLICATION $name FOR TABLE tenant.tbl_data_timeseries
		WITH (publish = '${1-insert, update, delete, truncate}')"
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >/dev/null
}

# put NUMBER SECOND [CHANNEL [SHIP]]: SQL that writes that number
put() {
	printf '%s' "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, long_v, value_format) VALUES
		('${4-S}', '${3-c}', '2024-01-01 00:00:$2', $1, 'Integer');"
}

# follow OPTION...: in the background, into ./stream
follow() {
	pg-narrow-dump --follow slot --slot "$name" --interval 30ms --ack ack --no-seal "$@" \
		>>stream 2>>follow.err &
	follower=$!
}
has_line() { grep -qxF -e "$1" stream; }
came() { wait_until 10 has_line "$1"; }
stop() {
	kill -TERM "$follower"
	ends 0
}
# ends CODE: of the follower
ends() {
	local code=0
	wait "$follower" || code=$?
	follower=''
	is "$code" "$1" "$(cat follow.err)"
}
rows() { is "$(tail -n +2 stream)" "$1"; }

@test "slot: whole transactions, in the order of their commits, each sorted by time" {
	slot
	sql "BEGIN; $(put 2 02) $(put 1 01) $(put 3 03 a) $(put 4 03 b) COMMIT;
		BEGIN; $(put 9 09) ROLLBACK;
		BEGIN; $(put 5 05) SAVEPOINT s; $(put 9 08) ROLLBACK TO s; $(put 6 04) COMMIT;
		CREATE TABLE tenant.other (a int); INSERT INTO tenant.other VALUES (1);
		DROP TABLE tenant.other"
	follow
	came "S,2024-01-01 00:00:05,c,5,"
	stop
	head -n 1 stream >header
	is "$(<header)" ship_id,created_time,data_channel_id,value,op
	tail -n +2 stream | cut -d , -f 2-4 | sed 's/2024-01-01 00:00://' >got
	is "$(sort got)" $'01,c,1\n02,c,2\n03,a,3\n03,b,4\n04,c,6\n05,c,5'
	# one chunk or two: sorted within each
	is "$(head -n 4 got | sort -c 2>&1)" ''
}

@test "slot: a chunk holds whole transactions, and its seal says how far" {
	local upto
	slot
	sql "BEGIN; $(put 1 01) $(put 2 02) COMMIT; BEGIN; $(put 3 03) $(put 4 04) COMMIT"
	upto=$(sql 'SELECT pg_current_wal_lsn()')
	pg-narrow-dump --follow slot --slot "$name" --interval 30ms --seal -o ndjson >stream \
		2>follow.err &
	follower=$!
	wait_until 10 grep -q '"value":4' stream
	wait_until 10 grep -q '"upto"' stream
	stop
	is "$(grep -c '"ship_id"' stream)" 4
	python3 - "$upto" <<-'END'
		import json, sys
		seals = [json.loads(l)["@seal"] for l in open("stream") if "@seal" in l]
		src = [s["src"] for s in seals if "src" in s]
		assert all(s["rows"] in (2, 4, 0) for s in src), src
		assert sum(s["cells"] for s in src) == 4
		assert src[-1]["follow"]["kind"] == "slot" and "commit" in src[-1]["follow"]
		assert src[-1]["follow"]["upto"] <= sys.argv[1], src
		assert seals[-1]["final"] == 1
	END
}

@test "slot: values are what a chunk of the table has, and bad rows are refused alike" {
	slot
	follow --rejects bad.slot
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, bool_v,
		str_v, long_v, double_v, value_format) VALUES
		('S', 'f1', '2024-01-01', NULL, NULL, NULL, 'NaN', 'Decimal'),
		('S', 'f2', '2024-01-01', NULL, NULL, NULL, '-Infinity', 'Decimal'),
		('S', 'f3', '2024-01-01', NULL, NULL, NULL, '-0', 'Decimal'),
		('S', 'f4', '2024-01-01', NULL, NULL, NULL, 0.1 + 0.2, 'Decimal'),
		('S', 'f5', '2024-01-01', NULL, NULL, NULL, 1e-320, 'Decimal'),
		('S', 'i1', '2024-01-01', NULL, NULL, -9223372036854775808, NULL, 'Integer'),
		('S', 'i2', '2024-01-01 00:00:00.123456', NULL, NULL, 7, NULL, 'Integer'),
		('S', 'b1', '2024-01-01', true, NULL, NULL, NULL, 'Boolean'),
		('S', 'b2', '2024-01-01', false, NULL, NULL, NULL, 'Boolean'),
		('S', 's1', '2024-01-01', NULL, '', NULL, NULL, 'String'),
		('S', 's2', '2024-01-01', NULL, E'a,\"b\"\nc\\\\ 선박', NULL, NULL, 'String'),
		('S', 's3', '2024-01-01', NULL, 't', NULL, NULL, 'String'),
		('S', 's4', '2024-01-01', NULL, (SELECT string_agg(md5(i::text), '')
			FROM generate_series(1, 9000) AS i), NULL, NULL, 'String'),
		('S,\"', 'n', '0001-01-01', NULL, NULL, NULL, NULL, 'String'),
		('S', 'x1', '2024-01-01', NULL, NULL, NULL, 1, 'Float'),
		('S', 'x2', '2024-01-01', NULL, NULL, NULL, 1, NULL),
		('S', 'x3', '2024-01-01', true, NULL, NULL, NULL, 'Decimal'),
		('S', 'x4', 'infinity', NULL, NULL, 1, NULL, 'Integer'),
		('S', 'x5', '0044-03-15 BC', NULL, NULL, 1, NULL, 'Integer')"
	sql "$(put 1 59 last)"
	came 'S,2024-01-01 00:00:59,last,1,'
	stop
	pg-narrow-dump --since 0001-01-01 --until 9999-01-01 --chunk 10000w --no-seal \
		--rejects bad.chunk >chunk 2>/dev/null
	tail -n +2 stream | sed 's/,$//; s/,"$/"/' | sort >got
	tail -n +2 chunk | sort >wanted
	same_file got wanted
	is "$(wc -l <wanted)" 16
	cut -d , -f 2- bad.slot | sed 's/"record":[0-9]*,//' | sort >got
	cut -d , -f 2- bad.chunk | sed 's/"record":[0-9]*,//' | sort >wanted
	is "$(grep -c x got)" 5
	has got x1 x2 x3 x4 x5
	# those without a place in time are in no range of it
	grep -v 'x[45]' got >in.range
	same_file in.range wanted
}

@test "slot: updates and deletions, and a cell that moved" {
	slot
	sql "$(put 1 01) $(put 2 02) $(put 3 03) $(put 4 04) $(put 5 05)"
	follow
	came 'S,2024-01-01 00:00:05,c,5,'
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = 10 WHERE long_v = 1"
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE long_v = 2"
	sql "UPDATE tenant.tbl_data_timeseries SET data_channel_id = 'd' WHERE long_v = 3"
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = NULL WHERE long_v = 4"
	came 'S,2024-01-01 00:00:04,c,,'
	sql "UPDATE tenant.tbl_data_timeseries SET value_format = 'What' WHERE long_v = 5" || :
	wait_until 10 grep -q 'unknown format' follow.err
	ends 65
	tail -n +7 stream >got
	is "$(<got)" 'S,2024-01-01 00:00:01,c,10,
S,2024-01-01 00:00:02,c,,d
S,2024-01-01 00:00:03,c,,d
S,2024-01-01 00:00:03,d,3,
S,2024-01-01 00:00:04,c,,d
S,2024-01-01 00:00:04,c,,'
	# a row that cannot be carried over any more leaves no value behind
	follow --rejects bad
	came 'S,2024-01-01 00:00:05,c,,d'
	stop
}

@test "slot: a long text that an update did not touch" {
	slot
	sql "ALTER TABLE tenant.tbl_data_timeseries ALTER str_v SET STORAGE EXTERNAL;
		INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, str_v, value_format)
		SELECT 'S', 'c' || i, '2024-01-01', repeat(i::text, 5000), 'String'
		FROM generate_series(1, 3) AS i"
	follow
	came "S,2024-01-01 00:00:00,c3,$(printf '3%.0s' {1..5000}),"
	: >stream
	# it goes with a row that moves; and a format that is put right uncovers it
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, str_v, long_v, value_format)
		VALUES ('S', 'late', '2024-01-01', repeat('4', 5000), 5, 'Integer')"
	came 'S,2024-01-01 00:00:00,late,5,'
	sql "UPDATE tenant.tbl_data_timeseries SET value_format = 'String'
		WHERE data_channel_id = 'late'"
	came "S,2024-01-01 00:00:00,late,$(printf '4%.0s' {1..5000}),"
	sql "UPDATE tenant.tbl_data_timeseries SET data_channel_id = 'new'
		WHERE data_channel_id = 'c2'"
	came "S,2024-01-01 00:00:00,new,$(printf '2%.0s' {1..5000}),"
	has_line 'S,2024-01-01 00:00:00,c2,,d'
	sql "ALTER TABLE tenant.tbl_data_timeseries REPLICA IDENTITY FULL;
		UPDATE tenant.tbl_data_timeseries SET data_channel_id = 'full'
		WHERE data_channel_id = 'c3'"
	came "S,2024-01-01 00:00:00,full,$(printf '3%.0s' {1..5000}),"
	stop
}

@test "slot: of several rows of one cell the others stay when one is deleted" {
	sql "ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey,
		REPLICA IDENTITY FULL"
	slot
	sql "$(put 1 01) $(put 2 01) $(put 3 02)"
	follow
	came 'S,2024-01-01 00:00:02,c,3,'
	: >stream
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE long_v IN (2, 3)"
	came 'S,2024-01-01 00:00:02,c,,d'
	stop
	is "$(<stream)" 'S,2024-01-01 00:00:01,c,,d
S,2024-01-01 00:00:01,c,1,
S,2024-01-01 00:00:02,c,,d'
}

# two_rows_of_a_cell: in a table without a key, followed; the stream is empty
two_rows_of_a_cell() {
	sql "ALTER TABLE tenant.tbl_data_timeseries
		DROP CONSTRAINT tbl_data_timeseries_pkey, REPLICA IDENTITY FULL"
	slot
	sql "$(put 1 01) $(put 2 01)"
	follow
	came 'S,2024-01-01 00:00:01,c,2,'
	: >stream
}

@test "slot: a source that dies while a cell is read from its table ends the program" {
	local reader="pid FROM pg_stat_activity WHERE wait_event = 'ClientWrite'
		AND query LIKE '%COPY (SELECT%'"
	own_cluster --option wal_level=logical
	sql "CREATE SCHEMA tenant; $(table)"
	KP_STOP=copy_out:1 two_rows_of_a_cell
	# more than there is room for on the way
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, str_v, value_format)
		VALUES ('S', 'c', '2024-01-01 00:00:01', repeat('x', 8000000), 'String')"
	sql 'DELETE FROM tenant.tbl_data_timeseries WHERE long_v = 2'
	wait_until 20 grep -q '^State:.*T' "/proc/$follower/status"
	wait_until 20 sql "SELECT 1 / count(*), min(pid) FROM (SELECT $reader) AS r"
	kill -KILL "$(sql "SELECT $reader")"
	kill -CONT "$follower"
	ended() { ! kill -0 "$follower" 2>/dev/null; }
	wait_until 60 ended
	ends 75
	has follow.err 'read failed, source'
}

@test "slot: an update of a row that is not the last of its cell changes nothing there" {
	two_rows_of_a_cell
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = 3 WHERE long_v = 1"
	sql "$(put 9 09)"
	came 'S,2024-01-01 00:00:09,c,9,'
	stop
	is "$(grep ':01,c' stream | tail -n 1)" 'S,2024-01-01 00:00:01,c,2,'
}

# own_server: another one, with the table and a slot
own_server() {
	own_cluster --option wal_level=logical
	sql "CREATE SCHEMA tenant; $(table)"
	slot
}

# sync_with NAMES: commits wait for these standbys
sync_with() {
	if [[ $1 ]]; then
		sql "ALTER SYSTEM SET synchronous_standby_names = '$1'"
	else
		sql 'ALTER SYSTEM RESET synchronous_standby_names'
	fi
	sql 'SELECT pg_reload_conf()' >reloaded
	wait_until 10 sql "SELECT 1 / (current_setting('synchronous_standby_names') = '$1')::int"
}

# Whoever repairs a table in the meantime would put back what was there before.
@test "slot: nothing is handed on that other sessions do not see yet" {
	local writer asks="SELECT 1 / count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
	own_server
	sql "$(put 1 01)"
	follow
	came 'S,2024-01-01 00:00:01,c,1,'
	sync_with nobody
	sql 'UPDATE tenant.tbl_data_timeseries SET long_v = 2' &
	writer=$!
	wait_until 10 sql "$asks AND wait_event = 'SyncRep'"
	wait_until 10 sql "$asks AND query LIKE '%txid_visible_in_snapshot%'"
	sql "SET synchronous_commit = local; $(put 3 03)"
	wait_until 10 grep -q 'waiting for a synchronous standby' follow.err
	stop
	has follow.err 'are not seen by others yet'
	is "$(wc -l <stream)" 2
	follow
	sync_with ''
	wait "$writer"
	came 'S,2024-01-01 00:00:03,c,3,'
	stop
	is "$(sed '/ship_id/d' stream | sort -u)" 'S,2024-01-01 00:00:01,c,1,
S,2024-01-01 00:00:01,c,2,
S,2024-01-01 00:00:03,c,3,'
}

@test "slot: a source that waits for the follower is not waited for" {
	own_server
	sql 'SELECT pg_current_wal_lsn()' >ack
	sql "$(put 1 01)"
	follow
	came 'S,2024-01-01 00:00:01,c,1,'
	sync_with '*'
	sql "$(put 2 02)" &
	came 'S,2024-01-01 00:00:02,c,2,'
	sync_with ''
	wait "$!"
	stop
}

# A COMMIT is sent before other sessions see it; with a synchronous standby, long before.
# bats test_tags=whole
@test "slot: the table is asked only when everybody sees what was committed" {
	local deleter asks="SELECT 1 / count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
	own_cluster --option wal_level=logical
	sql "CREATE SCHEMA tenant; $(table)"
	two_rows_of_a_cell
	sync_with nobody
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE long_v = 2" &
	deleter=$!
	wait_until 10 sql "$asks AND wait_event = 'SyncRep'"
	wait_until 10 sql "$asks AND query LIKE '%txid_visible_in_snapshot%'"
	sql "SET synchronous_commit = local; $(put 3 03)"
	is "$(<stream)" ''
	sync_with ''
	wait "$deleter"
	came 'S,2024-01-01 00:00:03,c,3,'
	stop
	is "$(sed '/ship_id/d' stream)" 'S,2024-01-01 00:00:01,c,,d
S,2024-01-01 00:00:01,c,1,
S,2024-01-01 00:00:03,c,3,'
}

# The transaction that makes a table a partition brings rows, and a TRUNCATE, before others see it.
@test "slot: what a partition is, is asked when everybody sees that it is one" {
	local writer asks="SELECT 1 / count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
	own_cluster --option wal_level=logical
	sql "CREATE SCHEMA tenant; CREATE TABLE tenant.tbl_data_timeseries (ship_id text,
		data_channel_id text, created_time timestamp, value text,
		PRIMARY KEY (ship_id, data_channel_id, created_time)) PARTITION BY LIST (ship_id);
		CREATE TABLE tenant.part_s PARTITION OF tenant.tbl_data_timeseries
			FOR VALUES IN ('S')"
	slot
	follow --value-column value
	sql "INSERT INTO tenant.tbl_data_timeseries VALUES ('S', 'c', '2024-01-01', 's')"
	came 'S,2024-01-01 00:00:00,c,s,'
	sync_with nobody
	sql "BEGIN; CREATE TABLE tenant.part_t (LIKE tenant.tbl_data_timeseries INCLUDING ALL);
		CREATE TABLE tenant.part_u (LIKE tenant.tbl_data_timeseries INCLUDING ALL);
		ALTER TABLE tenant.tbl_data_timeseries
			ATTACH PARTITION tenant.part_t FOR VALUES IN ('T');
		ALTER TABLE tenant.tbl_data_timeseries
			ATTACH PARTITION tenant.part_u FOR VALUES IN ('U');
		TRUNCATE tenant.part_u;
		INSERT INTO tenant.part_t VALUES ('T', 'c', '2024-01-01', 't'); COMMIT" \
		2>attach.err &
	writer=$!
	wait_until 10 sql "$asks AND wait_event = 'SyncRep'"
	wait_until 10 sql "$asks AND query LIKE '%txid_visible_in_snapshot%'"
	has_no stream 'T,'
	has_no follow.err truncated
	sync_with ''
	wait "$writer"
	came 'T,2024-01-01 00:00:00,c,t,'
	stop
	has follow.err truncated
}

@test "slot: a change that does not say which cell it is about ends it with a reason" {
	slot
	follow
	sql "$(put 1 01)"
	came 'S,2024-01-01 00:00:01,c,1,'
	sql "CREATE UNIQUE INDEX by_id ON tenant.tbl_data_timeseries (id);
		ALTER TABLE tenant.tbl_data_timeseries ALTER id SET NOT NULL,
			REPLICA IDENTITY USING INDEX by_id"
	sql "DELETE FROM tenant.tbl_data_timeseries"
	ends 78
	has follow.err 'does not say of which ship, channel and time' 'REPLICA IDENTITY FULL'
}

@test "slot: an insert-only publication has no deletions, and no column for them" {
	slot insert
	sql "$(put 1 01) UPDATE tenant.tbl_data_timeseries SET long_v = 7;
		DELETE FROM tenant.tbl_data_timeseries; $(put 2 02)"
	follow
	came 'S,2024-01-01 00:00:02,c,2'
	is "$(head -n 1 stream)" ship_id,created_time,data_channel_id,value
	sql "ALTER PUBLICATION $name SET (publish = 'insert, delete');
		DELETE FROM tenant.tbl_data_timeseries"
	ends 75
	has follow.err 'has begun to tell of deletions'
	rows $'S,2024-01-01 00:00:01,c,1\nS,2024-01-01 00:00:02,c,2'
}

@test "slot: columns that come, go and change places; one that is needed ends it" {
	slot
	follow
	sql "$(put 1 01)
		ALTER TABLE tenant.tbl_data_timeseries ADD note text DEFAULT 'x';
		$(put 2 02)
		ALTER TABLE tenant.tbl_data_timeseries DROP server_created_time;
		$(put 3 03)
		ALTER TABLE tenant.tbl_data_timeseries RENAME long_v TO before;
		ALTER TABLE tenant.tbl_data_timeseries ADD long_v bigint;
		$(put 4 04)"
	came 'S,2024-01-01 00:00:04,c,4,'
	is "$(grep -c 'S,2024' stream)" 4
	sql "ALTER TABLE tenant.tbl_data_timeseries RENAME long_v TO other;
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time)
		VALUES ('S', 'x', '2024-01-02')"
	ends 75
	has follow.err 'columns of the table have changed' long_v
}

@test "slot: TRUNCATE is said, loudly" {
	slot
	sql "$(put 1 01) TRUNCATE tenant.tbl_data_timeseries; $(put 2 02)"
	follow
	came 'S,2024-01-01 00:00:02,c,2,'
	stop
	has follow.err 'the source table was truncated'
}

@test "slot: partitions, also one attached later, and other tables of the publication" {
	sql "DROP TABLE tenant.tbl_data_timeseries; CREATE TABLE tenant.tbl_data_timeseries (
		ship_id text, data_channel_id text, created_time timestamptz, value text,
		PRIMARY KEY (ship_id, data_channel_id, created_time)) PARTITION BY LIST (ship_id);
		CREATE TABLE tenant.part_s PARTITION OF tenant.tbl_data_timeseries
			FOR VALUES IN ('S');
		CREATE TABLE IF NOT EXISTS tenant.stranger (a int)"
	sql "CREATE PUBLICATION $name FOR TABLE tenant.tbl_data_timeseries, tenant.stranger
		WITH (publish_via_partition_root = ${1-false})"
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >/dev/null
	follow --value-column value
	sql "INSERT INTO tenant.tbl_data_timeseries VALUES ('S', 'c', '2024-01-01 00:00+01', 'v');
		INSERT INTO tenant.stranger VALUES (1);
		CREATE TABLE tenant.part_t (LIKE tenant.tbl_data_timeseries INCLUDING ALL);
		ALTER TABLE tenant.tbl_data_timeseries ATTACH PARTITION tenant.part_t
			FOR VALUES IN ('T');
		INSERT INTO tenant.part_t VALUES ('T', 'c', '2024-01-01', 'w')"
	came 'T,2024-01-01 00:00:00+00,c,w,'
	stop
	rows $'S,2023-12-31 23:00:00+00,c,v,\nT,2024-01-01 00:00:00+00,c,w,'
	sql 'DROP TABLE tenant.stranger'
}

@test "slot: --ship-id takes one ship, and the rest moves the slot on" {
	slot
	follow -s B --new-ship # its rows are to come
	sql "$(put 1 01 c A) $(put 2 01 c B) $(put 3 02 c A) $(put 4 02 c B)"
	came 'B,2024-01-01 00:00:02,c,4,'
	stop
	rows $'B,2024-01-01 00:00:01,c,2,\nB,2024-01-01 00:00:02,c,4,'
}

# ---- what is confirmed -------------------------------------------------------------------------

confirmed() { sql "SELECT confirmed_flush_lsn FROM pg_replication_slots
	WHERE slot_name = '$name'"; }
moved() { [[ $(confirmed) == "$1" ]]; }
# replied TIME: a reply of the follower has gone by since
replied() { is "$(sql "SELECT reply_time > '$1' FROM pg_stat_replication
	WHERE application_name LIKE 'pg-narrow-dump%'
		AND pid = (SELECT active_pid FROM pg_replication_slots
			WHERE slot_name = '$name')")" t; }

@test "slot: nothing is confirmed but what was acknowledged" {
	local before upto
	slot
	before=$(confirmed)
	pg-narrow-dump --follow slot --slot "$name" --ack ack -o ndjson --seal >stream \
		2>follow.err &
	follower=$!
	sql "$(put 1 01)"
	wait_until 10 grep -q '"upto"' stream
	upto=$(grep -o '"upto":"[^"]*"' stream | tail -n 1 | cut -d '"' -f 4)
	# not by a file of another time, and not by itself: a reply of the follower goes by
	printf 'F/FFFFFFF0\n' >ack
	wait_until 10 replied "$(sql "SELECT clock_timestamp() + '1.5 s'")"
	is "$(confirmed)" "$before"
	printf '%s\n' "$upto" >ack
	wait_until 10 moved "$upto"
	stop
	# the next one begins behind it, and does so again until that is acknowledged, too
	sql "$(put 2 02)"
	: >stream
	follow
	came 'S,2024-01-01 00:00:02,c,2,'
	kill -KILL "$follower"
	wait "$follower" || :
	wait_until 10 idle
	: >stream
	follow
	came 'S,2024-01-01 00:00:02,c,2,'
	has_no stream 00:00:01
	stop
}

@test "slot: a file of another source is not taken for what this one has to forget" {
	local before
	slot
	before=$(confirmed)
	printf 'F/FFFFFFF0\n' >ack
	run_rc 78 pg-narrow-dump --follow slot --slot "$name" --ack ack --no-seal
	has "$err" 'the source was set back behind what the target has' 'remove the file of --ack'
	# nor one that may as well be of this one: only what comes now is confirmed
	sql "$(put 1 01)"
	sql 'SELECT pg_current_wal_lsn()' >ack
	follow
	wait_until 10 replied "$(sql "SELECT clock_timestamp() + '1.5 s'")"
	is "$(confirmed)" "$before"
	sql "$(put 2 02)"
	came 'S,2024-01-01 00:00:02,c,2,'
	stop
}

@test "slot: rows that move between names which the source holds in another encoding" {
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'EUC_KR' LOCALE 'C'"
	export PGDATABASE=$name
	sql() { PGCLIENTENCODING=UTF8 psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
	update() { sql "UPDATE tenant.tbl_data_timeseries SET $1 WHERE long_v = $2"; }
	sql "CREATE SCHEMA tenant; $(table)"
	slot
	sql "$(put 1 01 온도 선박)"
	follow
	came '선박,2024-01-01 00:00:01,온도,1,'
	update "data_channel_id = '압력'" 1
	came '선박,2024-01-01 00:00:01,압력,1,'
	has_line '선박,2024-01-01 00:00:01,온도,,d'
	update "ship_id = '화물선'" 1
	came '화물선,2024-01-01 00:00:01,압력,1,'
	has_line '선박,2024-01-01 00:00:01,압력,,d'
	stop
	# where a cell may have several rows it is read from the table, by the same reader
	sql "ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey;
		ALTER TABLE tenant.tbl_data_timeseries REPLICA IDENTITY FULL;
		$(put 2 02 온도 선박) $(put 3 02 압력 선박)"
	rm stream
	follow
	came '선박,2024-01-01 00:00:02,압력,3,'
	: >stream
	update "data_channel_id = '습도'" 2
	came '선박,2024-01-01 00:00:02,습도,2,'
	update "ship_id = '화물선', data_channel_id = '온도'" 3
	came '화물선,2024-01-01 00:00:02,온도,3,'
	is "$(sort stream)" "선박,2024-01-01 00:00:02,습도,,d
선박,2024-01-01 00:00:02,습도,2,
선박,2024-01-01 00:00:02,압력,,d
선박,2024-01-01 00:00:02,온도,,d
화물선,2024-01-01 00:00:02,온도,,d
화물선,2024-01-01 00:00:02,온도,3,"
	stop
}

@test "slot: when only others write, the slot moves on all the same" {
	local upto
	slot
	pg-narrow-dump --follow slot --slot "$name" --ack ack -o ndjson --seal >stream \
		2>follow.err &
	follower=$!
	sql "CREATE TABLE IF NOT EXISTS tenant.noise AS SELECT generate_series(1, 1000) AS a"
	upto=$(sql 'SELECT pg_current_wal_lsn()')
	# an empty chunk comes now and then; a loader would acknowledge it
	wait_until 20 grep -q '"rows":0' stream
	sql 'DROP TABLE tenant.noise'
	grep -o '"upto":"[^"]*"' stream | tail -n 1 | cut -d '"' -f 4 >ack
	wait_until 10 moved "$(<ack)"
	is "$(sql "SELECT '$(<ack)'::pg_lsn >= '$upto'::pg_lsn")" t
	stop
}

@test "slot: a server that times out is answered while the reader lets us wait" {
	local pid
	slot
	mkfifo pipe
	exec 7<>pipe
	PGOPTIONS='-c wal_sender_timeout=8s' pg-narrow-dump --follow slot --slot "$name" \
		--ack ack --no-seal >pipe 2>follow.err &
	follower=$!
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, str_v, value_format)
		SELECT 'S', 'c' || i % 10, '2024-01-01'::timestamp + i * interval '1 s',
			repeat('x', 100), 'String' FROM generate_series(1, 30000) AS i"
	sender() { sql "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$name'"; }
	is_blocked() { grep -q pipe_ "/proc/$follower/wchan" 2>/dev/null || grep -q poll \
		"/proc/$follower/wchan"; }
	wait_until 10 is_blocked
	pid=$(sender)
	answered() { is "$(sql "SELECT reply_time > '$1' FROM pg_stat_replication
		WHERE pid = $pid")" t; }
	wait_until 60 answered "$(sql "SELECT clock_timestamp() + '17 s'")"
	is "$(sender)" "$pid" 'the same connection'
	cat <&7 >stream &
	local reader=$!
	wait_until 20 grep -q 'S,2024-01-01 08:20:00,' stream
	kill "$reader"
	exec 7>&-
	is "$(grep -c '^S,2024' stream)" 30000
	is "$(sender)" "$pid" 'the same connection'
	stop
}

@test "slot: a connection that is lost is made again; nothing comes twice, nothing is lost" {
	local i
	slot
	follow
	for i in {10..49}; do
		sql "BEGIN; $(put "$i" "$i" a) $(put "$i" "$i" b) COMMIT"
		if ((i % 8 == 0)); then
			sql "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
				WHERE slot_name = '$name'" >/dev/null
		fi
	done
	came 'S,2024-01-01 00:00:49,b,49,'
	stop
	has follow.err 'connection lost' 'the source is there again'
	is "$(tail -n +2 stream | sort | uniq -c | awk '{ print $1 }' | sort -u)" 1
	is "$(tail -n +2 stream | wc -l)" 80
}

@test "slot: SIGTERM leaves an open transaction for the next time, and ends with 0" {
	slot
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'S', 'c', '2024-01-01'::timestamp + i * interval '1 s', i, 'Integer'
		FROM generate_series(1, 20000) AS i"
	KP_STOP=slot_row:5000 pg-narrow-dump --follow slot --slot "$name" --ack ack -o ndjson \
		--seal >stream 2>follow.err &
	follower=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$follower/status"
	kill -TERM "$follower"
	kill -CONT "$follower"
	ends 0
	is "$(grep -c ship_id stream)" 0
	has stream '"final":1'
	follow
	came 'S,2024-01-01 05:33:20,c,20000,'
	stop
}

# ---- refusals ----------------------------------------------------------------------------------

@test "slot: what is asked for wrongly" {
	run_rc 64 pg-narrow-dump --follow slot
	has "$err" '--follow=slot needs --job or --slot'
	run_rc 64 pg-narrow-dump --follow poll --slot s
	run_rc 64 pg-narrow-dump --follow slot --slot s --since 2024-01-01
	run_rc 64 pg-narrow-dump --follow slot --slot s --job 1
	run_rc 78 pg-narrow-dump --follow slot --slot "$name"
	has "$err" "no publication \"$name\""
	sql "CREATE PUBLICATION $name FOR TABLE tenant.tbl_data_timeseries"
	run_rc 69 pg-narrow-dump --follow slot --slot "$name" --ack ack
	has "$err" 'the slot of the source is gone' "$name"
	printf 'what\n' >ack
	run_rc 78 pg-narrow-dump --follow slot --slot "$name" --ack ack
	has "$err" 'no position in the WAL'
}

@test "slot: one that is older than its publication can never be read" {
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >/dev/null
	sql "$(put 1 01)"
	sql "CREATE PUBLICATION $name FOR TABLE tenant.tbl_data_timeseries"
	run_rc 69 pg-narrow-dump --follow slot --slot "$name" --ack ack
	has "$err" "publication \"$name\" does not exist"
}

@test "slot: two cannot read one slot" {
	slot
	follow
	sql "$(put 1 01)"
	came 'S,2024-01-01 00:00:01,c,1,'
	pg-narrow-dump --follow slot --slot "$name" --ack ack2 >second.out 2>second.err 3>&- &
	local second=$!
	wait_until 20 grep -q 'trying again' second.err
	has second.err 'is active for PID'
	kill "$second"
	wait "$second" || :
	has_no second.out 2024
	stop
}
