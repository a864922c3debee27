load helper
load oracle

# A job that is followed through a slot: set up, followed, loaded, killed, lost, removed. Source and
# target are one database here.

setup_file() { scratch_db; }
setup() {
	helper_setup
	pipeline=''
	cutoff=2100-01-01
	sql "DROP SCHEMA IF EXISTS tenant, ferry CASCADE; CREATE SCHEMA tenant;
		$(table)" 2>/dev/null
}
teardown() {
	[[ ! $pipeline ]] || kill -KILL -- "-$pipeline" 2>/dev/null || :
	[[ ! ${job-} ]] || pg-wide-ledger unfollow --quiet || :
	unset job
}

table() {
	printf '%s' "CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC);
		CREATE OR REPLACE PROCEDURE tenant.put(first int, last int, channels int DEFAULT 20)
		LANGUAGE plpgsql SET search_path = '' AS 'BEGIN
			INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
				created_time, long_v, value_format)
			SELECT ''S'' || s, ''c'' || c,
				''2024-01-01''::timestamp + i * interval ''15 s'',
				i * 1000 + c, ''Integer''
			FROM generate_series(first, last) AS i, generate_series(1, channels) AS c,
				generate_series(1, 2) AS s; END'"
}

# follow_job: $job is followed from here on
follow_job() {
	job=$(pg-wide-ledger follow --follow slot --chunk 90d 2>follow.err)
	is "${job#* }" slot
	job=${job% *}
}

# begin [NAME=VALUE]...: the job's pipeline, in the background, as a process group of its own;
# "only" has options of the follower
begin() {
	# shellcheck disable=SC2016
	env "$@" job="$job" setsid bash -c 'export FERRY_WORKER=$$
		pg-narrow-dump --follow slot --job "$job" --ack ack --interval 20ms $only |
		pivot-wide -q | pg-copy-load --wide --group-columns 15 --ack ack
		printf "%s\n" "${PIPESTATUS[*]}" >codes' >>run.out 2>>run.err 3>&- &
	pipeline=$!
}
# ends CODES: after SIGTERM to the follower
ends() {
	pkill -TERM -g "$pipeline" -x pg-narrow-dump
	wait "$pipeline" || :
	pipeline=''
	is "$(<codes)" "$1" "$(tail -n 5 run.err)"
}
# kill_all: as the machine's end would
kill_all() {
	kill -KILL -- "-$pipeline" 2>/dev/null || :
	wait "$pipeline" || :
	pipeline=''
}
# dies: the pipeline, by itself
dies() {
	wait "$pipeline" || :
	pipeline=''
}

reached() {
	is "$(sql "SELECT upto::pg_lsn >= '$1' FROM ferry.follower")" t
}
# move_on: a change that is no news, for which an idle follower need not wait ten seconds
move_on() {
	sql "UPDATE tenant.tbl_data_timeseries SET server_created_time = now()
		WHERE id = (SELECT max(id) FROM tenant.tbl_data_timeseries)"
}
# caught_up: the target has everything the source has now
caught_up() {
	local at
	at=$(sql 'SELECT pg_current_wal_insert_lsn()')
	move_on
	wait_until 30 reached "$at"
}

# hold NAME SQL: a session that has done it and stays in its transaction until it is told more
hold() {
	mkfifo "$1"
	psql -XAtq <"$1" &
	exec {hold}>"$1"
	held[$1]=$hold
	tell "$1" "SET application_name = '$1'; BEGIN; $2"
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE application_name = '$1' AND state = 'idle in transaction'
			AND backend_xid IS NOT NULL"
}
tell() { printf '%s\n' "$2" >&"${held[$1]}"; }
row_at() {
	printf '%s' "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, long_v, value_format)
		VALUES ('S1', 'c1', '2024-01-01 00:00:$1', 1, 'Integer');"
}

# Its COMMIT is in the WAL before the slot begins, and other sessions see it later. However long
# somebody writes, he is waited for: 10 s is the limit of our locks.
@test "slot job: what the slot does not tell is there to be read when it is made" {
	local -A held=()
	local hold setup writer
	own_cluster --option wal_level=logical
	export PGOPTIONS='-c synchronous_commit=local'
	sql "CREATE SCHEMA tenant; $(table)"
	waits_for() { is "$(sql "SELECT count(*) FROM pg_stat_activity AS a,
			unnest(pg_blocking_pids(pid)) AS b JOIN pg_stat_activity AS o ON o.pid = b
		WHERE o.application_name = '$1' AND a.query LIKE '%pg_create_logical%'")" 1; }
	made() { is "$(sql 'SELECT count(confirmed_flush_lsn) FROM pg_replication_slots')" 1; }
	waited() { ! kill -0 "$setup" || sql "SELECT 1 / count(*) FROM pg_locks
		WHERE waitstart < clock_timestamp() - interval '10.5 s'"; }
	asks() { ! kill -0 "$setup" || sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE query LIKE '%txid_snapshot_xmin%' AND pid <> pg_backend_pid()"; }
	# the slot's server is led through its three steps: a transaction begins in each
	hold one "$(row_at 01)"
	pg-wide-ledger follow --follow slot >job 2>follow.err 3>&- &
	setup=$!
	wait_until 20 waits_for one
	hold two "$(row_at 02)"
	tell one 'COMMIT;'
	wait_until 20 waits_for two
	wait_until 20 waited
	kill -0 "$setup"
	sql "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
	sql 'SELECT pg_reload_conf()' >reloaded
	wait_until 10 sql "SELECT 1 / (current_setting('synchronous_standby_names') <> '')::int"
	sql "SET synchronous_commit = on; $(row_at 03)" &
	writer=$!
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	tell two 'COMMIT;'
	wait_until 20 made
	wait_until 20 asks
	kill -0 "$setup"
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 2
	sql "ALTER SYSTEM RESET synchronous_standby_names"
	sql 'SELECT pg_reload_conf()' >reloaded
	wait "$setup"
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 3
	wait "$writer"
	pg-wide-ledger unfollow --quiet
}

# A worker reads the range of all ships; what comes live of another one is nobody's chunk.
@test "slot job: a value that is deleted while a worker meets its ship stays deleted" {
	local reader
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	sql 'CALL tenant.put(1, 4)'
	follow_job
	pg-wide-ledger plan --live >/dev/null 2>&1
	begin
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'S9', c, '2024-01-01 00:00:15', 1, 'Integer'
		FROM unnest(ARRAY['gone', 'kept']) AS c"
	caught_up
	export FERRY_WORKER=$BASHPID
	KP_STOP=dump_seal:1 pg-narrow-dump --job "$job" --seal >past.csv 2>past.err 3>&- &
	reader=$!
	wait_until 10 grep -q '^State:.*stopped' "/proc/$reader/status"
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = 'gone'"
	caught_up
	is "$(sql 'SELECT ship FROM ferry.doubt')" S9
	# not settled before the chunk that may undo it, whether the follower is there or not
	run_ok pg-wide-validate --repair --doubt --settle 1ms
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 1
	ends '0 0 0'
	run_ok pg-wide-validate --repair --doubt --settle 1ms
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 1
	kill -CONT "$reader"
	wait "$reader"
	pivot-wide -q past.csv | pg-copy-load --wide
	is "$(sql "SELECT state, attempt FROM ferry.chunk WHERE ship = 'S9'")" 'done|0'
	is "$(sql 'SELECT gone, kept FROM tenant.tbl_data_timeseries_s9')" '1|1'
	run_rc 0 pg-wide-validate --repair --doubt --settle 1ms
	is "$(sql 'SELECT gone, kept FROM tenant.tbl_data_timeseries_s9')" '|1'
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	run_ok pg-wide-validate
}

@test "slot job: killed before all is in doubt, it is set up once more" {
	sql 'CALL tenant.put(1, 5)'
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2024-01-02
	run_rc 137 env KP_KILL=follower_set:1 pg-wide-ledger follow --follow slot
	follow_job
	is "$(sql "SELECT why FROM ferry.doubt WHERE job_id = $job")" \
		'rows may have come late for chunks that were done before'
}

@test "slot job: rows that a chunk at work did not see, nor the slot made since, are in doubt" {
	local kind reader
	sql 'CALL tenant.put(1, 5)'
	for kind in slot poll; do
		job=$(pg-wide-ledger plan --cutoff-time 2024-01-02)
		KP_STOP=dump_seal:1 pg-narrow-dump --job "$job" --seal >past.csv 2>past.err 3>&- &
		reader=$!
		wait_until 10 grep -q '^State:.*stopped' "/proc/$reader/status"
		sql "DELETE FROM tenant.tbl_data_timeseries WHERE long_v > 6000;
			CALL tenant.put(6, 7)"
		run_rc 0 pg-wide-ledger follow --follow "$kind"
		is "$(sql "SELECT why FROM ferry.doubt WHERE job_id = $job")" \
			'rows may have come late for chunks that were done before'
		kill -KILL "$reader"
		pg-wide-ledger unfollow --quiet
		sql 'DROP SCHEMA ferry CASCADE' 2>/dev/null
	done
}

@test "slot job: live rows, updates, deletions and new channels end up in the wide tables" {
	follow_job
	has follow.err "slot ferry_${job}_" 'is made'
	sql 'CALL tenant.put(1, 5)'
	begin
	caught_up
	is_carried_over
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = -long_v WHERE data_channel_id = 'c3';
		DELETE FROM tenant.tbl_data_timeseries WHERE created_time = '2024-01-01 00:00:30';
		UPDATE tenant.tbl_data_timeseries SET data_channel_id = 'moved'
			WHERE data_channel_id = 'c4';
		UPDATE tenant.tbl_data_timeseries SET created_time = created_time + interval '1 d'
			WHERE data_channel_id = 'c5' AND ship_id = 'S1';
		CALL tenant.put(6, 9, 40);
		DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = 'c40'"
	caught_up
	ends '0 0 0'
	is_carried_over
	is "$(sql "SELECT count(*),
			bool_and(newest_commit > now() AT TIME ZONE 'UTC' - interval '5 min')
		FROM ferry.follow_ship WHERE job_id = $job AND rows > 100")" '2|t'
	is "$(sql "SELECT count(*) FROM ferry.doubt WHERE job_id = $job")" 0
}

@test "slot job: the server forgets what the target has, and nothing else" {
	follow_job
	slot() { sql "SELECT confirmed_flush_lsn FROM pg_replication_slots
		WHERE slot_name = (SELECT slot FROM ferry.follower)"; }
	follower() { sql "SELECT upto FROM ferry.follower"; }
	sql 'CALL tenant.put(1, 5)'
	is "$(slot)" "$(follower)"
	begin
	caught_up
	same() { is "$(slot)" "$(follower)"; }
	wait_until 10 same
	acked() { is "$(<ack)" "$(follower)"; }
	wait_until 10 acked
	watched() { is "$(sql 'SELECT wal_status, lag_bytes >= 0 FROM ferry.follower')" \
		'reserved|t'; }
	wait_until 10 watched
	ends '0 0 0'
}

@test "slot job: kill -9 of the follower or the loader at any point, then the same again" {
	local place
	local -a places
	local -i i=1
	follow_job
	# the follower, the loader before it commits, and behind that
	by_turns 1 slot_row:30 slot_commit:2 live_row:50 live_seal:2
	places=("${turns[@]}")
	by_turns 1 in_copy:2 between_groups:2 before_finish:2 before_commit:2
	places+=("${turns[@]}")
	by_turns 1 after_commit:2 before_ack:2
	for place in "${places[@]}" "${turns[@]}"; do
		sql "CALL tenant.put($i, $((i + 3)))"
		begin KP_KILL="$place"
		sql "CALL tenant.put($((i + 4)), $((i + 6)))
			DELETE FROM tenant.tbl_data_timeseries WHERE long_v = $((i * 1000 + 7));
			CALL tenant.put($((i + 7)), $((i + 9)), $((20 + i)))" 2>/dev/null ||
			sql "DELETE FROM tenant.tbl_data_timeseries
				WHERE long_v = $((i * 1000 + 7))"
		sql "CALL tenant.put($((i + 7)), $((i + 9)), $((20 + i)))" || :
		while kill -0 "$pipeline" 2>/dev/null; do
			move_on
			nap 50
		done
		dies
		has codes 137
		i+=10
	done
	begin
	caught_up
	ends '0 0 0'
	is_carried_over
}

# bats test_tags=whole
@test "slot job: kills at random, of single stages and of all of them" {
	local victims
	local -i i killed=0
	follow_job
	begin
	for ((i = 1; killed < 4; i += 3)); do
		sql "CALL tenant.put($i, $((i + 2)), $((10 + killed)));
			DELETE FROM tenant.tbl_data_timeseries WHERE long_v = $((i * 1000 + 2))"
		kill -0 "$pipeline" 2>/dev/null || {
			dies
			begin
		}
		mapfile -t victims < <(pgrep -P "$pipeline")
		((${#victims[@]} == 3)) || continue
		pause 0 100
		if ((killed % 4 == 3)); then
			kill_all
		else
			any_of "${victims[@]}"
			kill -KILL "$victim" 2>/dev/null || continue
			dies
		fi
		killed+=1
		begin
	done
	caught_up
	ends '0 0 0'
	is_carried_over
}

@test "slot job: of two followers one works; when it is gone the other may" {
	follow_job
	begin
	sql 'CALL tenant.put(1, 2)'
	caught_up
	run_rc 75 pg-narrow-dump --follow slot --job "$job" --seal
	has "$err" 'another follower of job' 'is at work'
	# one that waits says so once, and takes over; told to end it never followed
	FERRY_WORKER=standby pg-narrow-dump --follow slot --standby --job "$job" --seal \
		>standby.out 2>standby.err 3>&- &
	wait_until 20 grep -q 'waits for its end' standby.err
	kill -TERM "$!"
	wait "$!" || is "$?" 143
	kill_all
	begin
	sql 'CALL tenant.put(3, 4)'
	caught_up
	ends '0 0 0'
	is_carried_over
}

# bats test_tags=whole
@test "slot job: told to end, it waits for a loader that is busy with a chunk, and ends well" {
	local dump psql asleep
	follow_job
	pg-narrow-dump --follow slot --job "$job" --seal >stream 2>dump.err 3>&- &
	dump=$!
	wait_until 20 sql 'SELECT 1 / count(watched_at) FROM ferry.follower'
	# as the loader does
	timeout 90 psql -Xq -c BEGIN -c 'SELECT FROM ferry.follower FOR NO KEY UPDATE' \
		-c 'SELECT pg_sleep(1000)' >psql.out 2>&1 3>&- &
	psql=$!
	asleep="datname = current_database() AND wait_event = 'PgSleep'"
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE $asleep"
	kill -TERM "$dump"
	# longer than locks are waited for elsewhere
	wait_until 30 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
		AND datname = current_database() AND application_name = 'pg-narrow-dump'
		AND query_start < clock_timestamp() - interval '10.5 s'"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $asleep" >/dev/null
	wait "$psql" || :
	wait "$dump" || is "$?" 0 "$(<dump.err)"
	is "$(sql 'SELECT lease_until < clock_timestamp() FROM ferry.follower')" t
}

@test "slot job: what was read before a deletion and is loaded behind it is in doubt" {
	sql 'CALL tenant.put(1, 4)'
	follow_job
	pg-wide-ledger plan --quiet --live --chunk 1h >/dev/null
	pg-narrow-dump --job "$job" | pivot-wide -q --seal >past.csv
	begin
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE created_time = '2024-01-01 00:00:30'"
	caught_up
	is "$(sql "SELECT DISTINCT ship, time_from, time_to FROM ferry.doubt ORDER BY 1")" \
		"S1|2024-01-01 00:00:30|2024-01-01 00:00:30.000001
S2|2024-01-01 00:00:30|2024-01-01 00:00:30.000001"
	ends '0 0 0'
}

@test "slot job: a slot that is gone, ahead, behind or lost is said, and made anew" {
	local name
	follow_job
	sql 'CALL tenant.put(1, 2)'
	name=$(sql 'SELECT slot FROM ferry.follower')
	sql "SELECT pg_drop_replication_slot('$name')" >/dev/null
	run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal
	has "$err" 'the slot of the source is gone'
	is "$(sql "SELECT min(level) FROM ferry.event WHERE message LIKE '%is gone%'")" CRITICAL
	run_rc 0 pg-wide-ledger follow
	has "$err" 'the slot of the source is gone; a new one is made'
	is "$(sql "SELECT count(*) FROM ferry.doubt WHERE ship IS NULL AND time_from IS NULL")" 1
	# somebody else has read it
	sql 'CALL tenant.put(3, 4)'
	sql "SELECT pg_replication_slot_advance('$name', pg_current_wal_lsn())" >/dev/null
	run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal
	has "$err" 'ahead of the target'
	run_rc 0 pg-wide-ledger follow
	has "$err" 'ahead of the target; a new one is made'
	# a copy of the source that is older than what the target has: it would be silent until then
	sql "UPDATE ferry.follower SET upto = 'F/0'"
	run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal
	has "$err" 'the source was set back'
	run_rc 0 pg-wide-ledger follow
	has "$err" 'set back behind what the target has; a new one is made'
	# asked again, nothing is done
	run_ok pg-wide-ledger follow
	begin
	sql 'CALL tenant.put(5, 6)'
	caught_up
	ends '0 0 0'
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_s1')" 2
}

@test "slot job: a set-up that was cut short is taken up again, or undone, whatever its name" {
	local place name=mine_$$ maker
	for place in slot_published:1 slot_made:1; do
		KP_KILL=$place run_rc 137 pg-wide-ledger follow --follow slot
	done
	run_ok pg-wide-ledger unfollow
	run_rc 0 pg-wide-ledger unfollow
	has "$err" 'had no follower'
	# a name of the user's: it is taken up again, and one of others is not
	for place in slot_published:1 slot_made:1; do
		KP_KILL=$place run_rc 137 pg-wide-ledger follow --slot "$name"
	done
	run_rc 0 pg-wide-ledger follow --slot "$name"
	is "$(sql "SELECT count(*) FROM ferry.event WHERE level = 'CRITICAL'")" 0
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|0'
	KP_KILL=slot_made:1 run_rc 137 pg-wide-ledger follow --slot "$name"
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|0'
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >slot
	run_rc 78 narrow-to-wide --mode concurrent --slot "$name"
	has_no "$err" removed
	has "$err" "slot $name" "SELECT pg_drop_replication_slot('$name')"
	run_rc 0 pg-wide-ledger unfollow
	is "$(left)" '0|1'
	# one that is refused takes away what it has begun, and not what another has made since
	sql "SELECT pg_drop_replication_slot('$name')"
	KP_STOP=slot_published:1 pg-wide-ledger follow --slot "$name" >maker.out 2>&1 3>&- &
	maker=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$maker/status"
	run_rc 0 pg-wide-ledger follow --slot "other_$$"
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >slot
	kill -CONT "$maker"
	wait "$maker" || is "$?" 78
	is "$(sql 'SELECT slot FROM ferry.follower')" "other_$$"
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|1'
	sql "SELECT pg_drop_replication_slot('$name')"
}
# made_by PID: the slot is being made, by another backend than this one
made_by() {
	sql "SELECT 1 / count(*) FROM pg_replication_slots
		WHERE database = current_database() AND active_pid <> $1"
}

# The backend of one that was killed goes on waiting, and has the slot.
@test "slot job: a set-up that is cut while its slot waits for writers is taken up, or undone" {
	local writer set_up backend=0
	mkfifo go
	psql -Xq <go >psql.out 2>&1 3>&- &
	writer=$!
	exec {fd}>go
	printf 'BEGIN; SELECT txid_current();\n\\! touch begun\n' >&"$fd"
	wait_until 20 test -e begun
	for _ in 1 2; do
		pg-wide-ledger follow --follow slot >set_up.out 2>&1 3>&- {fd}>&- &
		set_up=$!
		wait_until 20 made_by "$backend"
		backend=$(sql 'SELECT active_pid FROM pg_replication_slots
			WHERE database = current_database()')
		kill -KILL "$set_up"
	done
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|0'
	exec {fd}>&-
	wait "$writer"
}

@test "slot job: who polls goes on until the slot is there, and no other slot is taken for it" {
	local row name=mine_$$ maker
	job=$(pg-wide-ledger follow --follow poll) && job=${job% *}
	polled() { sql "SELECT kind, attempt, upto FROM ferry.follower"; }
	row=$(polled)
	# it cannot be made
	sql 'CREATE TABLE aside (a int); CREATE PUBLICATION ferry_aside FOR TABLE aside;
		ALTER PUBLICATION ferry_aside RENAME TO aside'
	run_rc 78 pg-wide-ledger follow --slot "$name" --publication aside
	is "$(polled)" "$row"
	# another has the name just then
	KP_STOP=slot_published:1 pg-wide-ledger follow --slot "$name" >maker.out 2>&1 3>&- &
	maker=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$maker/status"
	is "$(polled)" "$row"
	sql "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')" >slot
	kill -CONT "$maker"
	wait "$maker" || is "$?" 78
	is "$(polled)" "$row"
	run_rc 0 pg-wide-ledger follow
	is "$(cat "$out")" "$job poll"
	is "$(left)" '0|1'
	sql "SELECT pg_drop_replication_slot('$name')"
	# it was made, and not taken
	KP_KILL=slot_made:1 run_rc 137 pg-wide-ledger follow --slot "$name"
	is "$(polled)" "$row"
	run_rc 0 pg-wide-ledger follow
	is "$(cat "$out")" "$job poll"
	is "$(left)" '0|0'
	KP_KILL=slot_made:1 run_rc 137 pg-wide-ledger follow --slot "$name"
	run_rc 0 pg-wide-ledger follow --slot "$name"
	is "$(sql 'SELECT kind, slot FROM ferry.follower')" "slot|$name"
	# and goes with all else, also when the way back was cut short
	KP_KILL=follower_set:1 run_rc 137 pg-wide-ledger follow --follow poll
	run_rc 0 pg-wide-ledger follow --follow poll
	is "$(left)" '0|0'
	KP_KILL=slot_made:1 run_rc 137 pg-wide-ledger follow --slot "$name"
	is "$(left)" '1|1'
	run_rc 0 pg-wide-tables rollback --yes
	is "$(left)" '0|0'
	sql 'DROP PUBLICATION aside; DROP TABLE aside'
}

@test "slot job: nobody follows a set-up that was cut short, and nothing is lost by it" {
	local place each code=0
	for place in slot_published:1 slot_made:1; do
		KP_KILL=$place run_rc 137 pg-wide-ledger follow --follow slot
		[[ $place == slot_made* ]] || sql "DO \$\$ BEGIN EXECUTE 'DROP PUBLICATION '
			|| (SELECT publication FROM ferry.follower); END \$\$"
		job=$(sql 'SELECT max(job_id) FROM ferry.job')
		run_rc 0 pg-wide-ledger status --source "dbname=$PGDATABASE"
		has_no "$out" 'compares all'
		# the front door sets up again then
		wait_until 10 nobody_sets_up
		for each in '' --standby; do
			run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal $each
			has "$err" 'no slot yet'
		done
		is "$(sql "SELECT count(*) FROM ferry.event WHERE level = 'CRITICAL'")" 0
	done
	KP_STOP=slot_made:1 pg-wide-ledger follow >maker.out 2>&1 3>&- &
	each=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$each/status"
	run_rc 75 pg-narrow-dump --follow slot --job "$job" --seal --standby
	has "$err" 'no slot yet'
	kill -CONT "$each"
	wait "$each"
	# a standby that waits for who follows
	sql "UPDATE ferry.follower SET worker = 'another', lease_until = now() + interval '1 hour'"
	pg-narrow-dump --follow slot --standby --job "$job" --seal >standby.out 2>standby.err 3>&- &
	each=$!
	wait_until 20 grep -q 'waits for its end' standby.err
	kill -STOP "$each"
	sql "SELECT pg_drop_replication_slot(slot) FROM ferry.follower" >dropped
	KP_KILL=slot_published:1 run_rc 137 pg-wide-ledger follow
	wait_until 10 nobody_sets_up
	kill -CONT "$each"
	wait "$each" || code=$?
	is "$code" 66 "$(<standby.err)"
}
nobody_sets_up() {
	sql "SELECT 1 / (count(*) = 0)::int FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
}
left() {
	sql "SELECT (SELECT count(*) FROM pg_publication WHERE pubname LIKE 'ferry%'),
		(SELECT count(*) FROM pg_replication_slots WHERE database = current_database())"
}

@test "slot job: a copy of the ledger does not take the slot away from who reads it" {
	local slot reader publication each
	follow_job
	slot=$(sql 'SELECT slot FROM ferry.follower')
	pg-narrow-dump --follow slot --slot "$slot" --publication "$slot" --no-seal \
		>rows 2>&1 3>&- &
	reader=$!
	read_by() { sql "SELECT 1 / count(*) FROM pg_replication_slots
		WHERE slot_name = '$slot' AND active_pid = $1"; }
	wait_until 20 read_by active_pid
	local pid
	pid=$(sql "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '$slot'")
	sql "UPDATE ferry.follower SET upto = '0/1'" # the copy is older
	run_rc 78 pg-wide-ledger follow
	has "$err" "slot $slot is being read"
	run_rc 78 pg-wide-ledger unfollow
	run_rc 0 pg-wide-ledger follow --slot "other_$$"
	has "$err" "slot $slot is left"
	# nor when the copy has a follower at its own slot
	for each in --slot="mine_$$" --follow=poll; do
		sql "UPDATE ferry.follower SET lease_until = now() + interval '1 hour'"
		run_rc 0 pg-wide-ledger follow "$each"
		has "$err" "slot $slot is left"
		is "$(sql "SELECT slot_name FROM pg_replication_slots
			WHERE database = current_database() AND slot_name LIKE 'other%'")" ''
	done
	read_by "$pid"
	run_rc 0 pg-wide-ledger follow --slot "mine_$$"
	kill "$reader"
	wait "$reader"
	# one of a name that was given, neither
	slot=mine_$$
	publication=$(sql 'SELECT publication FROM ferry.follower')
	pg-narrow-dump --follow slot --slot "$slot" --publication "$publication" --no-seal \
		>rows 2>&1 3>&- &
	reader=$!
	wait_until 20 read_by active_pid
	run_rc 0 pg-wide-ledger follow --follow poll
	has "$err" "slot $slot is left"
	is "$(left)" '1|1'
	run_rc 0 pg-wide-ledger follow # it is still known whose publication that is
	has "$err" "slot $slot is left"
	is "$(left)" '1|1'
	# nor is it forgotten, or another one made beside it
	run_rc 0 narrow-to-wide --mode rollback --dry-run
	has "$out" 'would drop the slot'
	run_rc 0 narrow-to-wide --mode rollback --dry-run --leave-slot
	has_no "$out" 'the slot'
	for each in 'pg-wide-ledger unfollow' 'pg-wide-tables rollback --yes' \
		'pg-wide-ledger follow --follow slot'; do
		# shellcheck disable=SC2086  # words
		run_rc 78 $each
		has "$err" "slot $slot is being read"
	done
	is "$(sql 'SELECT kind, slot FROM ferry.follower')" "poll|$slot"
	kill "$reader"
	wait "$reader"
	run_rc 0 pg-wide-ledger follow --follow slot
	is "$(sql 'SELECT kind, slot FROM ferry.follower')" "slot|$slot"
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|0'
}

@test "slot job: another source is accepted, and the slot of before is still known" {
	local name=mine_$$ how
	for how in slot poll; do
		run_rc 0 pg-wide-ledger follow --slot "$name"
		sql "UPDATE ferry.follower SET kind = '$how', source_lsn = 'F/0'"
		run_rc 0 pg-wide-ledger accept
		is "$(sql 'SELECT DISTINCT held FROM ferry.doubt')" t
		run_rc 0 pg-wide-ledger follow
		is "$(sql "SELECT kind, slot, upto::pg_lsn > '0/0', source_lsn < 'F/0'
			FROM ferry.follower")" "slot|$name|t|t"
		is "$(left)" '1|1'
		run_rc 0 pg-wide-ledger accept
		run_ok pg-wide-ledger unfollow
		is "$(left)" '0|0'
		sql 'DELETE FROM ferry.doubt'
	done
}

@test "slot job: unfollow leaves nothing at the source, and another way of following neither" {
	follow_job
	begin
	sql 'CALL tenant.put(1, 2)'
	caught_up
	is "$(left)" '1|1'
	run_ok pg-wide-ledger unfollow
	is "$(left)" '0|0'
	dies
	is "$(sql "SELECT count(*) FROM ferry.follower")" 0
	# from a slot to polling: nothing is left either
	follow_job
	run_rc 0 pg-wide-ledger follow --follow poll
	is "$(left)" '0|0'
	is "$(sql 'SELECT kind FROM ferry.follower')" poll
}

@test "slot job: tables that a slot cannot tell of are refused, with the reason" {
	sql "CREATE SCHEMA _timescaledb_catalog;
		CREATE TABLE _timescaledb_catalog.hypertable (schema_name name, table_name name);
		INSERT INTO _timescaledb_catalog.hypertable
		VALUES ('tenant', 'tbl_data_timeseries')"
	run_rc 78 pg-wide-ledger follow --follow slot
	sql 'DROP SCHEMA _timescaledb_catalog CASCADE' 2>/dev/null
	has "$err" 'hypertable of TimescaleDB' '--follow poll'
	sql 'ALTER TABLE tenant.tbl_data_timeseries SET UNLOGGED'
	run_rc 78 pg-wide-ledger follow --follow slot
	has "$err" 'not in the WAL'
	sql "CREATE TABLE made (k text, created_time timestamp, v float8,
		ship_id text GENERATED ALWAYS AS (split_part(k, '/', 1)) STORED,
		data_channel_id text GENERATED ALWAYS AS (split_part(k, '/', 2)) STORED);
		INSERT INTO made VALUES ('S/a', '2024-01-01', 1)"
	run_rc 78 pg-wide-ledger follow --follow slot --table public.made --value-column v
	has "$err" 'generated' '--follow poll'
	run_ok pg-narrow-dump --table public.made --value-column v
	has "$out" 'S,2024-01-01 00:00:00,a,1'
	run_rc 0 pg-wide-ledger follow --table public.made --value-column v
	is "$(sql 'SELECT kind FROM ferry.follower')" poll
	sql 'DROP SCHEMA ferry CASCADE' 2>/dev/null
	sql 'CREATE VIEW tenant.v AS TABLE tenant.tbl_data_timeseries'
	run_rc 78 pg-wide-ledger follow --follow slot --table tenant.v
	is "$(sql "SELECT count(*) FROM pg_publication WHERE pubname LIKE 'ferry%'")" 0
}

@test "slot job: updates of a table without an identity go on, and are not followed" {
	sql 'ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey'
	follow_job
	has follow.err 'updates and deletions are not followed'
	sql 'CALL tenant.put(1, 1)'
	# PostgreSQL refuses them where they are published without an identity
	sql 'UPDATE tenant.tbl_data_timeseries SET long_v = 7'
	begin
	sql 'CALL tenant.put(2, 2)'
	wait_until 20 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_s2
		WHERE created_time = '2024-01-01 00:00:30'"
	ends '0 0 0'
	is "$(sql 'SELECT min(c1) FROM tenant.tbl_data_timeseries_s1')" 1001
}

# Such a key is no identity for PostgreSQL, whatever it is called.
@test "slot job: a deferrable primary key publishes no updates, and they go on" {
	sql 'ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey,
		ADD PRIMARY KEY (ship_id, data_channel_id, created_time) DEFERRABLE'
	follow_job
	has follow.err 'updates and deletions are not followed'
	sql 'CALL tenant.put(1, 1)'
	sql 'UPDATE tenant.tbl_data_timeseries SET long_v = 7'
}

# keyed KEY: what the source promises, beside an identity that says all
keyed() {
	sql "ALTER TABLE tenant.tbl_data_timeseries REPLICA IDENTITY FULL,
		DROP CONSTRAINT tbl_data_timeseries_pkey $1"
}
last_rows() {
	is "$(sql "SELECT to_char(created_time, 'SS'), c1 FROM tenant.tbl_data_timeseries_s1
		ORDER BY 1")" "$1"
}

@test "slot job: a key that may repeat within a transaction keeps each cell" {
	keyed ', ADD UNIQUE (ship_id, data_channel_id, created_time) DEFERRABLE'
	sql "$(row_at 01) $(row_at 02) $(row_at 03)"
	follow_job
	begin
	sql "$(row_at 11) $(row_at 12) $(row_at 13)"
	sql "UPDATE tenant.tbl_data_timeseries SET created_time = created_time + interval '1 s'
		WHERE created_time > '2024-01-01 00:00:10'"
	caught_up
	ends '0 0 0'
	last_rows $'12|1\n13|1\n14|1'
}

@test "slot job: a key of the parent is none of the tables that inherit" {
	keyed ', ADD PRIMARY KEY (ship_id, data_channel_id, created_time)'
	sql 'CREATE TABLE tenant.child () INHERITS (tenant.tbl_data_timeseries);
		ALTER TABLE tenant.child REPLICA IDENTITY FULL'
	follow_job
	begin
	row=$(row_at 01)
	sql "$row ${row/tbl_data_timeseries/child} $(row_at 02)"
	sql 'DELETE FROM tenant.child'
	caught_up
	ends '0 0 0'
	last_rows $'01|1\n02|1'
}

@test "slot job: of repeated rows the one that counts has the last word, whoever commits last" {
	local watch id
	keyed ''
	sql "$(row_at 01) UPDATE tenant.tbl_data_timeseries SET id = 99" # which moves on
	follow_job
	begin
	# two sessions, or a sequence that is cached
	for id in 20 15; do
		sql "INSERT INTO tenant.tbl_data_timeseries (id, ship_id, data_channel_id,
				created_time, long_v, value_format)
			VALUES ($id, 'S1', 'c1', '2024-01-01 00:00:02', $id, 'Integer')"
		caught_up
	done
	run_ok pg-wide-ledger status --job "$job"
	has "$out" 'of several rows of a cell the last that was committed counts until'
	last_rows $'01|1\n02|15'
	pg-wide-validate --repair --doubt --every 300ms --settle 1ms >watch.out 2>&1 3>&- &
	watch=$!
	wait_until 20 last_rows $'01|1\n02|20'
	kill "$watch"
	wait "$watch" || is "$?" 143
	ends '0 0 0'
}

# The wide tables have a row for what the source has a row of, with a value or none.
@test "slot job: an instant whose last value goes keeps its row where the source has one" {
	sql "ALTER TABLE tenant.tbl_data_timeseries ALTER value_format SET DEFAULT 'Integer'"
	follow_job
	begin
	sql "$(row_at 04) $(row_at 05)"
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE created_time = '2024-01-01 00:00:04'"
	caught_up
	# nor is anything in doubt where every row has a value
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	sql "$(row_at 06) $(row_at 07)
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time)
		VALUES ('S1', 'c2', '2024-01-01 00:00:07')"
	caught_up
	sql "UPDATE tenant.tbl_data_timeseries SET long_v = NULL
			WHERE created_time = '2024-01-01 00:00:06';
		DELETE FROM tenant.tbl_data_timeseries WHERE created_time = '2024-01-01 00:00:07'
			AND data_channel_id = 'c1'"
	caught_up
	is "$(sql 'SELECT ship, time_from, time_to FROM ferry.doubt')" \
		'S1|2024-01-01 00:00:06|2024-01-01 00:00:07.000001'
	run_rc 0 pg-wide-validate --job "$job" --doubt --repair
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	ends '0 0 0'
	last_rows $'05|1\n06|\n07|'
}

@test "slot job: a ship that was left out for a while is compared when it is followed again" {
	local status
	status() { pg-wide-ledger status --job "$job" -f csv | cut -d , -f 1,15 | tail -n +2; }
	sql 'CALL tenant.put(1, 1)'
	follow_job
	pg-wide-ledger plan --quiet --live --chunk 1h >planned
	pg-narrow-dump --job "$job" | pivot-wide -q | pg-copy-load -q --wide
	begin only='-s S1'
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	caught_up
	ends '0 0 0'
	sql 'CALL tenant.put(2, 2)'
	begin only='-s S2'
	sql 'CALL tenant.put(3, 3)'
	caught_up
	is "$(sql 'SELECT ship FROM ferry.doubt')" S2
	run_ok pg-wide-ledger status --job "$job"
	has "$out" 'ship S1 is not followed'
	is "$(status)" $'S1,stopped\nS2,live'
	ends '0 0 0'
	begin
	sql 'CALL tenant.put(4, 4)'
	caught_up
	is "$(sql 'SELECT ship FROM ferry.doubt ORDER BY 1')" $'S1\nS2'
	is "$(status)" $'S1,live\nS2,live'
	run_rc 0 pg-wide-validate --job "$job" --doubt --repair
	is_carried_over
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	ends '0 0 0'
}

# Its rows came while nobody knew of it, so it has no chunk, and none of it was followed.
@test "slot job: a ship of which nothing is known is compared when it is followed at last" {
	local watch
	carried() {
		is_carried_over && is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	}
	repaired() {
		pg-wide-validate --job "$job" --repair --doubt --every 100ms --settle 1ms \
			>watch.out 2>&1 3>&- &
		watch=$!
		wait_until 20 carried
		kill "$watch"
		wait "$watch" || is "$?" 143
		ends '0 0 0'
	}
	follow_job
	sql 'CALL tenant.put(1, 1)'
	begin only='-s S1'
	caught_up
	ends '0 0 0'
	begin only='-s S1 -s S2'
	caught_up
	is "$(sql 'SELECT ship, why FROM ferry.doubt')" 'S2|it was not followed for a while'
	repaired
	begin only='-s S1 -s S2'
	sql "$(row_at 40 | sed s/S1/S3/)"
	caught_up
	ends '0 0 0'
	begin
	caught_up
	is "$(sql 'SELECT ship, why FROM ferry.doubt')" '|only some ships were followed for a while'
	repaired
	is "$(sql 'SELECT c1 FROM tenant.tbl_data_timeseries_s3')" 1
}

# bats test_tags=whole
@test "slot job: narrow-to-wide makes a slot that was lost anew, and carries over what it missed" {
	local first code=0 stopped
	sql 'CALL tenant.put(1, 20)'
	MARK=$BATS_TEST_TMPDIR FERRY_RETRY_PAUSE=50 FERRY_STATE=$PWD/state \
		narrow-to-wide --mode concurrent --workers 1 --chunk 1m >>run.out 2>>run.err 3>&- &
	pipeline=$!
	job=1
	here() { is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_s2
		WHERE created_time = '2024-01-01'::timestamp + $1 * interval '15 s'")" 1; }
	sql 'CALL tenant.put(21, 22)'
	wait_until 30 here 22
	first=$(sql 'SELECT consistent_point FROM ferry.follower')
	# taken from its readers while they stand still, or they would be back before it is gone
	mapfile -t stopped < <(marked "$BATS_TEST_TMPDIR")
	kill -STOP "${stopped[@]}"
	sql "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots
		WHERE database = current_database() AND active_pid IS NOT NULL;
		SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
		WHERE database = current_database()" >dropped
	kill -CONT "${stopped[@]}"
	sql "CALL tenant.put(23, 30);
		INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
			long_v, value_format)
		VALUES ('S1', 'late', '2024-01-01 00:00:30', 1, 'Integer')"
	made_anew() { is "$(sql "SELECT consistent_point <> '$first' AND worker IS NOT NULL
		FROM ferry.follower")" t; }
	wait_until 30 made_anew
	sql 'CALL tenant.put(31, 32)'
	wait_until 30 here 30
	wait_until 30 here 32
	kill -TERM "$pipeline"
	wait "$pipeline" || code=$?
	pipeline=''
	is "$code" 0
	# what was late for a chunk that was done before is in doubt, which validate ends
	run_rc 0 narrow-to-wide --mode validate --repair
	is_carried_over
}

@test "slot job: rollback takes slot and publication with it" {
	follow_job
	begin
	sql 'CALL tenant.put(1, 2)'
	caught_up
	run_rc 0 narrow-to-wide --mode rollback --yes
	dies
	is "$(sql "SELECT (SELECT count(*) FROM pg_publication WHERE pubname LIKE 'ferry%'),
		(SELECT count(*) FROM pg_replication_slots WHERE database = current_database())")" \
		'0|0'
	unset job
}

# ---- servers of their own ----------------------------------------------------------------------

# servers OPTION...: one server for both, with these options
servers() {
	own_cluster "$@"
	PGDATABASE=postgres sql "CREATE SCHEMA tenant; $(table)"
}

@test "slot job: without wal_level = logical the reason is said" {
	servers --option wal_level=replica
	run_rc 78 pg-wide-ledger follow --follow slot
	has "$err" 'no wal_level = logical' '--follow poll'
	run_rc 0 pg-wide-ledger follow
	has "$err" 'so it is polled'
	is "$(sql 'SELECT kind FROM ferry.follower')" poll
}

@test "slot job: a slot that lost its WAL is found out while following, and set up anew" {
	servers --option max_slot_wal_keep_size=16MB --option max_wal_size=64MB \
		--option min_wal_size=32MB
	follow_job
	sql 'CALL tenant.put(1, 2)'
	sql "CREATE TABLE public.noise (a text); INSERT INTO public.noise
		SELECT repeat(md5(i::text), 40) FROM generate_series(1, 80000) AS i; CHECKPOINT"
	lost() { is "$(sql 'SELECT wal_status FROM pg_replication_slots')" lost; }
	wait_until 20 lost
	begin
	dies
	has codes 66
	has run.err 'max_slot_wal_keep_size'
	is "$(sql "SELECT min(level) FROM ferry.event WHERE message LIKE '%max_slot_wal%'")" \
		CRITICAL
	run_rc 0 pg-wide-ledger follow
	has "$err" 'a new one is made'
	begin
	sql 'CALL tenant.put(3, 4)'
	caught_up
	ends '0 0 0'
	is "$(sql 'SELECT count(*) FROM ferry.doubt WHERE ship IS NULL')" 1
}

@test "slot job: slot and publication by names of the user, who keeps his publication" {
	sql 'CREATE PUBLICATION mine FOR TABLE tenant.tbl_data_timeseries'
	made() {
		sql "SELECT (SELECT string_agg(slot_name, ' ') FROM pg_replication_slots
			WHERE database = current_database()),
			(SELECT string_agg(pubname, ' ') FROM pg_publication)"
	}
	run_rc 64 pg-wide-ledger follow --slot ferry_x
	run_rc 0 pg-wide-ledger follow --slot "own_$$" --publication mine
	is "$(made)" "own_$$|mine"
	# as it was, also without the names; another name is another slot
	run_rc 0 pg-wide-ledger follow
	is "$(sql 'SELECT slot, publication FROM ferry.follower')" "own_$$|mine"
	run_rc 0 pg-wide-ledger follow --slot "other_$$"
	is "$(made)" "other_$$|mine"
	has <(sql 'SELECT why FROM ferry.doubt') 'another way'
	# lost, it is made anew under its name
	sql "SELECT pg_drop_replication_slot('other_$$')" >/dev/null
	run_rc 0 pg-wide-ledger follow
	is "$(made)" "other_$$|mine"
	job=$(sql 'SELECT job_id FROM ferry.follower')
	begin
	sql 'CALL tenant.put(0, 3)'
	wait_until 20 sql "SELECT 1 / count(*) FROM tenant.tbl_data_timeseries_s1"
	ends '0 0 0'
	run_rc 0 pg-wide-ledger unfollow
	is "$(made)" '|mine'
}
