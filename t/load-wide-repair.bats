# pg-wide-validate --repair: the wide tables are made equal, also while others write to them.
load helper
load oracle

setup() { helper_setup; }

cutoff='2024-10-03'

# production [ROWS [OPTION...]]: three ships with 30 channels, in three tables each, carried over
production() {
	if (($#)); then
		scratch_db
		telemetry "$@"
	else
		filled_db telemetry 6000
	fi
}
telemetry() {
	"$root/t/telemetry" 3 30 "$@"
	carry_over --group-columns 12
}

carry_over() {
	run_rc 0 pg-wide-ledger plan --cutoff-time "$cutoff" --chunk "${chunk-20m}" "${types[@]}" ||
		return
	run_pipe '0 0 0' "pg-narrow-dump --job 1 --seal | pivot-wide |
		pg-copy-load --wide --keep-rejects ${types[*]} $*"
}
types=()

# repairs CODE [OPTION...]
repairs() {
	run_rc "$1" pg-wide-validate --repair "${types[@]}" "${@:2}"
}

# is_equal: by the servers' sums, and by plain SQL
is_equal() {
	run_rc 0 pg-wide-validate "${types[@]}"
	has "$out" ', 0 differences'
	is_carried_over
}

table() { printf 'tenant.tbl_data_timeseries_%s_%s' "$1" "$2"; }
column() {
	sql "SELECT quote_ident(attname) FROM pg_attribute
		WHERE attrelid = '$(table "$1" "$2")'::regclass AND attnum = 1 + $3"
}
# first TABLE [CONDITION]: the first instant there
first() { sql "SELECT min(created_time) FROM $1 WHERE ${2-true}"; }

# row_of CHANNEL TIME VALUE [SHIP]: one more row of the narrow table
row_of() {
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('${4-IMO9999993}', '$1', '$2', $3, 'Decimal')"
}

@test "repair: channels that are named like other columns get back what they had" {
	production 60
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT 'IMO9999993', name, '2024-10-02', n, 'Decimal'
		FROM unnest('{ship_id,@ship_id,created_time,@created_time,@seal,@@seal}'::text[])
			WITH ORDINALITY AS u (name, n)"
	sql 'DELETE FROM ferry.chunk'
	carry_over --group-columns 12
	sql "DELETE FROM $(table imo9999993 1) WHERE created_time = '2024-10-02'"
	sql "UPDATE tenant.$(sql "SELECT table_name FROM ferry.channel WHERE ship = 'IMO9999993'
		AND channel = '@ship_id'") SET \"@ship_id\" = NULL"
	repairs 0
	is_equal
}

@test "repair: lost values, lost rows, a lost table" {
	local t
	production
	t=$(table imo9999993 2)
	sql "UPDATE $t SET $(column imo9999993 2 1) = NULL;
		DELETE FROM $t WHERE created_time > '2024-10-01 00:10:00';
		DELETE FROM $(table imo9999994 1) WHERE created_time < '2024-10-01 00:05:00';
		TRUNCATE $(table imo9999995 1), $(table imo9999995 2), $(table imo9999995 3)"
	run_rc 1 pg-wide-validate
	repairs 0
	has "$out" ', 0 differences' 'repaired: '
	has_no "$out" 'repaired: 0 values'
	is_equal
	is "$(sql "SELECT count(*) > 2, count(DISTINCT level), min(level) FROM ferry.event
		WHERE message LIKE 'repaired: %'")" 't|1|INFO'
	repairs 0
	has "$out" 'repaired: 0 values and rows missing, 0 changed, 0 rows too many'
}

@test "repair: what a trigger undoes is said once, and not counted" {
	local t
	production
	t=$(table imo9999993 1)
	sql "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN RETURN CASE WHEN TG_OP = ''UPDATE'' THEN OLD END; END';
		UPDATE $t SET $(column imo9999993 1 1) = '-77';
		UPDATE $(table imo9999994 2) SET $(column imo9999994 2 1) = NULL;
		INSERT INTO $(table imo9999995 1) VALUES ('2024-10-01 00:00:00.5');
		CREATE TRIGGER undo BEFORE UPDATE ON $t FOR EACH ROW EXECUTE FUNCTION undo();
		CREATE TRIGGER undo BEFORE UPDATE ON $(table imo9999994 2)
			FOR EACH ROW EXECUTE FUNCTION undo();
		CREATE TRIGGER undo BEFORE DELETE ON $(table imo9999995 1)
			FOR EACH ROW EXECUTE FUNCTION undo()"
	repairs 1 --delete
	has "$out" 'repaired: 0 values and rows missing, 0 changed, 0 rows too many'
	has "$err" 'ship "IMO9999993": ' 'ship "IMO9999994": ' \
		'ship "IMO9999995": 1 cells or rows differ' \
		'although they were repaired: does a trigger or rule on its wide tables change'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE 'repaired:%'")" 0
}

@test "repair: changed values and swapped columns" {
	local t a b
	production
	t=$(table imo9999993 2) a=$(column imo9999993 2 1) b=$(column imo9999993 2 2)
	sql "UPDATE $t SET $a = $b, $b = $a;
		UPDATE $(table imo9999994 1) SET $(column imo9999994 1 1) = E'a\"b\\\\c,{}\\n'"
	repairs 0 --delete
	[[ $(grep -o '[0-9]* changed' "$out") != '0 changed' ]]
	is_equal
	is "$(sql "SELECT DISTINCT level FROM ferry.event WHERE message LIKE 'repaired: %'")" \
		WARNING
}

@test "repair: what the source has no more goes only when asked" {
	local t c
	production
	t=$(table imo9999993 2) c=$(column imo9999993 2 1)
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999993'
			AND created_time < '2024-10-01 00:02:00';
		UPDATE $t SET $c = 'x' WHERE created_time = (SELECT max(created_time) FROM $t
			WHERE $c IS NULL);
		INSERT INTO $(table imo9999994 1) (created_time) VALUES ('2024-10-01 00:00:01')"
	repairs 1 --max-differences 100000
	has "$out" 'not in the source' 'a row for no instant of the source' \
		'repaired: 0 values and rows missing, 0 changed, 0 rows too many'
	run_rc 64 pg-wide-validate --delete
	repairs 0 --delete
	is_equal
	is "$(sql "SELECT count(*) FROM $t WHERE created_time < '2024-10-01 00:02:00'")" 0
}

@test "repair: a row that the view does not show" {
	production
	sql "INSERT INTO $(table imo9999993 2) (created_time) VALUES ('2024-10-01 00:00:02');
		DELETE FROM $(table imo9999994 1)
			WHERE created_time = '$(first "$(table imo9999994 1)")'"
	repairs 0 --delete
	is_equal
}

@test "repair: rows that came late, of channels and ships nobody has seen" {
	production
	row_of /late '2024-10-01 00:01:07' 1.5
	row_of /late '2024-10-01 00:01:15' NULL
	row_of /late '2024-10-01 00:00:00' 1.5
	sql "UPDATE tenant.tbl_data_timeseries SET double_v = 77 WHERE id = (SELECT min(id)
		FROM tenant.tbl_data_timeseries WHERE value_format = 'Decimal')"
	repairs 0
	is_equal
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE channel = '/late'")" 1
	is "$(sql "SELECT sum(rows) FROM ferry.chunk")" 6003
	# status has the earliest one, too
	run_ok pg-wide-ledger status -f csv -s IMO9999993
	has "$out" ',2024-10-01 00:00:00,'
	# a ship without a chunk is for the next plan
	row_of /late '2024-10-01 00:01:07' 1.5 NEW
	repairs 1
	has "$out" ', 0 differences' '1 chunks or ranges are not carried over yet'
}

@test "repair: repeated rows, rejects, no index, timestamptz" {
	production 12000 --repeats --defects --no-index --type timestamptz
	sql "SET timezone = 'UTC'; UPDATE $(table imo9999993 1) SET
			$(column imo9999993 1 1) = 'x', $(column imo9999993 1 2) = NULL;
		DELETE FROM $(table imo9999994 2) WHERE created_time < '2024-10-01 00:03:00'"
	repairs 0 --delete
	run_rc 0 pg-wide-validate
	same_rows "SELECT ship_id, created_time::timestamptz, channel, value FROM ($(wide)) AS w" \
		"$(oracle)"
}

@test "repair: native types, and values that their column cannot hold" {
	scratch_db
	types=(--types native)
	"$root/t/telemetry" 2 30 6000
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, str_v, long_v, value_format)
		VALUES ('S', 'i', '2024-10-01 00:00', NULL, 7, 'Integer'),
			('S', 'i', '2024-10-01 00:01', '007', NULL, 'String'),
			('S', 'i', '2024-10-01 00:02', 'n/a', NULL, 'String'),
			('S', 'b', '2024-10-01 00:02', 'n/a', NULL, 'String')"
	printf 'ship_id,data_channel_id,value_format\nS,i,Integer\n' |
		run_rc 0 pg-wide-tables register "${types[@]}"
	carry_over
	sql "UPDATE tenant.tbl_data_timeseries_s SET i = i + 1 WHERE i IS NOT NULL;
		UPDATE tenant.tbl_data_timeseries_s SET i = 5 WHERE i IS NULL;
		UPDATE tenant.tbl_data_timeseries_s SET b = NULL;
		DELETE FROM tenant.tbl_data_timeseries_imo9999993"
	repairs 0
	run_rc 0 pg-wide-validate --types native
	is "$(sql 'SELECT i, b FROM tenant.tbl_data_timeseries_s ORDER BY created_time')" \
		$'7|\n7|\n|n/a'
}

# ---- while others write ------------------------------------------------------------------------

# stopped PROCESS: a program stands at its kill point
stopped() { [[ $(ps -o stat= -p "$1") == T* ]]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
waits_for_lock() {
	[[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
		AND datname = current_database()") != 0 ]]
}

# live VALUE: what a live loader does: the newest value, laid over what is there
live() {
	printf 'ship_id,created_time,%s\nIMO9999993,%s,%s\n' "$channel" "$at" "$1" |
		pg-copy-load --wide --live --accept-unsealed --group-columns 12 >live.out 2>&1 3>&-
}

# a value of the narrow table, wrong in the wide one: $channel, $at, $col and $t say where
one_wrong() {
	production
	t=$(table imo9999993 1) col=$(column imo9999993 1 1)
	at=$(first "$t" "$col IS NOT NULL")
	channel=$(sql "SELECT channel FROM ferry.channel WHERE quote_ident(column_name) = '$col'
		AND ship = 'IMO9999993'")
	sql "UPDATE $t SET $col = 'wrong' WHERE created_time = '$at'"
}
change_source() {
	sql "UPDATE tenant.tbl_data_timeseries SET double_v = NULL, long_v = NULL, bool_v = NULL,
			str_v = '$1', value_format = 'String'
		WHERE ship_id = 'IMO9999993' AND data_channel_id = '$channel'
			AND created_time = '$at'"
}

# The value changes in the source while the repair holds the row, before and after it has asked.
@test "repair: a live value is never overwritten by an older reading" {
	local repair live place
	one_wrong
	for place in repair_locked repair_read; do
		sql "UPDATE $t SET $col = 'wrong' WHERE created_time = '$at'"
		KP_STOP=$place:1 pg-wide-validate --repair >got 2>&1 3>&- &
		repair=$!
		wait_until 30 stopped "$repair"
		change_source "new at $place"
		live "new at $place" &
		live=$!
		wait_until 30 waits_for_lock
		kill -CONT "$repair"
		wait "$repair"
		wait "$live"
		is "$(sql "SELECT $col FROM $t WHERE created_time = '$at'")" "new at $place"
		is_equal
	done
}

@test "repair: a row that another holds is waited for only a moment, and comes later" {
	one_wrong
	mkfifo hold
	psql -XAtq <hold >psql.out 2>&1 3>&- &
	local psql=$! repair
	exec 7>hold
	printf 'BEGIN;\nSELECT 1 FROM %s WHERE created_time = %s FOR UPDATE;\n' "$t" "'$at'" >&7
	wait_until 10 grep -q 1 psql.out
	# others of the ship are repaired meanwhile
	sql "UPDATE $(table imo9999993 3) SET $(column imo9999993 3 1) = 'wrong'
		WHERE $(column imo9999993 3 1) IS NOT NULL"
	pg-wide-validate --repair >got 2>&1 3>&- &
	repair=$!
	wait_until 30 waits_for_lock
	wait_until 30 sql "SELECT 1 / (count(*) = 0)::int FROM $(table imo9999993 3)
		WHERE $(column imo9999993 3 1) = 'wrong'"
	is "$(sql "SELECT $col FROM $t WHERE created_time = '$at'")" wrong
	printf 'COMMIT;\n\\q\n' >&7
	exec 7>&-
	wait "$repair"
	wait "$psql"
	is_equal
}

# many: 31 ships in 48 ranges, more than a comparer is told of in advance
many() {
	scratch_db
	"$root/t/telemetry" 1 1 1
	sql "TRUNCATE tenant.tbl_data_timeseries"
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 's' || s, 'c', t, 1, 'Integer' FROM generate_series(10, 40) AS s,
			generate_series('2024-10-01'::timestamp, '2024-10-02 23:00', '1 h') AS t"
	chunk=1h carry_over
}

@test "repair: a new channel's column does not wait for those who compare beside it" {
	many
	row_of late '2024-10-01 00:00' 7 s10
	# by the time it is to be added, they are as far ahead as they can be
	repairs 0 --settle 2s
	has "$out" 'repaired: 1 values and rows missing'
	has_no "$err" 'locked'
	is "$(sql 'SELECT late FROM tenant.tbl_data_timeseries_s10 WHERE late IS NOT NULL')" 7
	is_equal
}

@test "repair: behind a lock nothing is half there, or said to be" {
	local psql asleep="datname = current_database() AND wait_event = 'PgSleep'"
	production 60
	row_of late '2024-10-01 00:00:00.5' 7
	timeout 90 psql -Xq -c BEGIN \
		-c 'SELECT count(*) FROM tenant.tbl_data_timeseries_imo9999993' \
		-c 'SELECT pg_sleep(1000)' >psql.out 2>&1 3>&- &
	psql=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE $asleep"
	repairs 1
	has "$out" 'repaired: 0 values and rows missing'
	has "$err" 'locked by server process'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE 'repaired%'")" 0
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo9999993
		WHERE created_time = '2024-10-01 00:00:00.5'")" 0
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $asleep" >/dev/null
	wait "$psql" || :
	repairs 0
	has "$out" 'repaired: 2 values and rows missing'
	is_equal
}

@test "repair: killed at any point it leaves nothing half done" {
	local each t c
	local -a points

	by_turns 1 repair_locked:1 repair_row_read:1 repair_read:1 repair_read:2
	points=("${turns[@]}")
	by_turns 1 between_groups:1 between_groups:2
	points+=("${turns[@]}")
	production 2000
	t=$(table imo9999993 2) c=$(column imo9999993 2 1)
	for each in "${points[@]}"; do
		sql "UPDATE $t SET $c = 'wrong';
			UPDATE $(table imo9999994 1) SET $(column imo9999994 1 1) = NULL;
			INSERT INTO $(table imo9999994 1) (created_time)
				VALUES ('2024-10-01 00:00:01')"
		KP_KILL=$each run_rc 137 pg-wide-validate --repair --delete
		# every cell is what it was or what it should be, and nothing else is touched
		is "$(sql "SELECT count(*) FROM ($(wide)) AS w WHERE value <> 'wrong' AND
			NOT EXISTS (SELECT FROM ($(oracle)) AS o WHERE o.ship_id = w.ship_id
				AND o.created_time = w.created_time
				AND o.data_channel_id = w.channel AND o.v = w.value)")" 0
		repairs 0 --delete
		is_equal
	done
}

# writer N: live writes of its own rows: the source first, then the wide tables; values only grow
writer() {
	local i at
	for ((i = 0; i < 16; i++)); do
		at="2024-10-01 00:0$((i % 8)):$((10 + 15 * ($1 % 3)))"
		psql -XAtq -c "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
			created_time, str_v, value_format)
			VALUES ('IMO9999993', '/w$1', '$at', '$i', 'String')
			ON CONFLICT (ship_id, data_channel_id, created_time)
				DO UPDATE SET str_v = excluded.str_v" || return
		printf 'ship_id,created_time,/w%s\nIMO9999993,%s,%s\n' "$1" "$at" "$i" |
			pg-copy-load --wide --live --accept-unsealed --group-columns 12 || return
	done
}
# spoiler: what goes wrong in the meantime
spoiler() {
	local i
	for ((i = 0; i < 12; i++)); do
		psql -XAtq -c "UPDATE $(table imo9999993 2) SET \"$1\" = 'wrong' || created_time
			WHERE created_time = (SELECT created_time FROM $(table imo9999993 2)
				ORDER BY md5(created_time || '$i') LIMIT 1)" || return
		psql -XAtq -c "DELETE FROM $(table imo9999993 3) WHERE created_time =
			(SELECT created_time FROM $(table imo9999993 3)
				ORDER BY md5(created_time || '$i') LIMIT 1)" || return
	done
}

# bats test_tags=whole
@test "repair: in a storm of live writes, damage and other repairs" {
	local each code
	local -a pids=() repairs=()
	production 3000
	row_of /w1 '2024-10-01 00:00:25' 1
	row_of /w2 '2024-10-01 00:00:40' 1
	repairs 0
	for each in 1 2; do
		writer "$each" >"writer.$each" 2>&1 3>&- &
		pids+=("$!")
	done
	spoiler "$(column imo9999993 2 3 | tr -d \")" >spoiler.log 2>&1 3>&- &
	pids+=("$!")
	while ! ended "${pids[0]}" || ! ended "${pids[1]}" || ! ended "${pids[2]}"; do
		repairs=()
		for each in 1 2; do
			pg-wide-validate --repair >"got.$each" 2>&1 3>&- &
			repairs+=("$!")
		done
		for each in "${repairs[@]}"; do
			code=0
			wait "$each" || code=$?
			# what is on its way differs for a moment
			((code <= 1)) || cat got.*
			((code <= 1))
		done
	done
	for each in "${pids[@]}"; do
		wait "$each" || cat writer.* spoiler.log
		wait "$each"
	done
	repairs 0
	is_equal
}

@test "repair: a difference counts when it is still there later" {
	one_wrong
	change_source later
	# on its way: it arrives while the comparison waits
	pg-wide-validate --settle 3s --ship-id IMO9999993 >got 2>&1 3>&- &
	local look=$!
	wait_until 30 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'pg-wide-validate'
			AND state = 'idle' AND query LIKE '%COPY (SELECT%'"
	live later
	wait "$look"
	has got ', 0 differences'
	sql "UPDATE $t SET $col = 'wrong' WHERE created_time = '$at'"
	run_rc 1 pg-wide-validate --settle 100ms
	has "$out" ', 1 differences'
	repairs 0 --settle 100ms
	is_equal
}

# ---- parts of a job, again and again ------------------------------------------------------------

doubt() { sql "INSERT INTO ferry.doubt (job_id, ship, time_from, time_to, why, instants)
	VALUES (1, $1, $2, $3, 'test', ARRAY[$2::timestamp])"; }
doubts() { sql "SELECT count(*) FROM ferry.doubt"; }
# spoil SHIP [WHERE]: a value of the first channel is wrong there
spoil() {
	sql "UPDATE $(table "$1" 1) SET $(column "$1" 1 1) = 'wrong'
		WHERE $(column "$1" 1 1) IS NOT NULL AND ${2-true}"
}
spoiled() { sql "SELECT count(*) FROM $(table "$1" 1) WHERE $(column "$1" 1 1) = 'wrong'"; }

@test "repair: what is in doubt, and no more than that" {
	production
	local at
	at=$(first "$(table imo9999993 1)")
	sql "DELETE FROM tenant.tbl_data_timeseries
		WHERE ship_id = 'IMO9999993' AND created_time = '$at'"
	spoil imo9999994
	run_rc 0 pg-wide-validate --repair --doubt
	doubt "'IMO9999993'" "'$at'" "'$at'::timestamp + interval '1 us'"
	# looking only, it stays in doubt
	run_rc 1 pg-wide-validate --doubt
	is "$(doubts)" 1
	repairs 0 --doubt
	is "$(doubts)" 0
	is "$(sql "SELECT count(*) FROM $(table imo9999993 1) WHERE created_time = '$at'")" 0
	[[ $(spoiled imo9999994) != 0 ]]
	# a chunk that is not done keeps its doubt
	doubt "'IMO9999994'" "'$at'" NULL
	sql "UPDATE ferry.chunk SET state = 'pending' WHERE ship = 'IMO9999994'"
	repairs 0 --doubt
	is "$(doubts)" 1
	sql "UPDATE ferry.chunk SET state = 'done'"
	repairs 0 --doubt
	is "$(doubts)" 0
	is_equal
}

@test "repair: a doubt of all deletes nothing by itself" {
	production
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999993'
		AND created_time > '2024-10-01 00:01:00'"
	spoil imo9999994
	doubt NULL NULL NULL
	repairs 1 --doubt
	is "$(doubts)" 1
	is "$(spoiled imo9999994)" 0
	[[ $(sql "SELECT count(*) FROM $(table imo9999993 1)") -gt 30 ]]
	repairs 0 --doubt --delete
	is "$(doubts)" 0
	is_equal
}

@test "repair: chunks that were done before a time" {
	scratch_db
	"$root/t/telemetry" 1 10 4000
	run_rc 0 pg-wide-ledger plan --cutoff-time "$cutoff" --chunk 20m
	run_pipe '0 0 0' "pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide"
	[[ $(sql "SELECT count(*) FROM ferry.chunk") -gt 2 ]]
	sql "UPDATE ferry.chunk SET finished_at = '2024-01-01 00:00+00'
			WHERE chunk_from = '2024-10-01';
		UPDATE tenant.tbl_data_timeseries_imo9999993 SET created_time =
			created_time + interval '1 us'"
	doubt "'IMO9999993'" "'2024-10-01 00:00'" "'2024-10-01 02:00'"
	repairs 0 --delete --doubt --done-before '2024-01-01 00:00:01'
	# it is about others, too, which nobody has compared
	is "$(doubts)" 1
	repairs 0 --delete --done-before '2024-01-01 00:00:01'
	run_rc 0 pg-wide-validate --done-before '2024-01-01 00:00:01'
	run_rc 1 pg-wide-validate
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE checked_at IS NOT NULL")" 1
	has "$out" '2024-10-01 00:20:'
	has_no "$out" '2024-10-01 00:19:'
}

# follower ALIVE: one is set up, and was heard of just now
follower() {
	sql "INSERT INTO ferry.follower (job_id, kind, worker, lease_until, at)
		VALUES (1, 'poll', 'x', now() + interval '$1', now())
		ON CONFLICT (job_id) DO UPDATE SET lease_until = excluded.lease_until"
}

@test "repair: what only a follower brings" {
	# the rest, to this day, is compared in pieces as long as a chunk
	chunk=90d production 6000
	row_of /late '2024-10-03 11:11:11' 1
	row_of /late '2031-11-11 11:11:11' 1 NEW
	run_rc 0 pg-wide-validate
	follower '1 hour'
	sql "INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows, dropped, deleted,
		rejects) VALUES (1, 'NEW', 1, 1, 1, 0, 0, 0)"
	run_rc 1 pg-wide-validate --settle 1ms
	has "$out" ', 4 differences' 2031-11-11
	repairs 0 --settle 1ms
	is "$(sql 'SELECT "/late" FROM tenant.tbl_data_timeseries_new')" 1
	cutoff=2100-01-01 is_carried_over
	# nobody follows: nothing is expected of what no chunk has
	follower '-1 hour'
	row_of /late '2024-12-12 12:12:12' 1
	run_rc 0 pg-wide-validate
}

# erase: what a follower does with a deletion that comes while the repair stands there
erase() {
	sql "BEGIN; CREATE TEMP TABLE ferry_erased (ship text, at timestamp);
		INSERT INTO ferry_erased VALUES ('IMO9999993', '$at');
		UPDATE $t SET $col = NULL WHERE created_time = '$at';
		$erased_sql; COMMIT"
}

@test "repair: a value that is deleted while it is on its way does not come back" {
	local repair erased_sql row
	local -a watch=(pg-wide-validate --repair --doubt --settle 1ms)
	one_wrong
	row="ship_id = 'IMO9999993' AND data_channel_id = '$channel' AND created_time = '$at'"
	follower '1 hour'
	sql "UPDATE ferry.follower SET kind = 'slot', slot = 'x';
		UPDATE ferry.chunk SET finished_at = now() - interval '1 hour';
		UPDATE $t SET $col = NULL WHERE created_time = '$at'"
	erased_sql=$(sed -n '/^-- name: erased_sql/,/^$/ { /^--/d
		s/\$1/1/g; s/\$2/false/; s/;$//; p }' \
		"$root/src/common/ledger/ledger_follow.sql")
	KP_STOP=repair_fill_read:1 pg-wide-validate --repair --settle 1ms >got 2>&1 3>&- &
	repair=$!
	wait_until 30 stopped "$repair"
	sql "CREATE TABLE gone AS SELECT * FROM tenant.tbl_data_timeseries WHERE $row;
		DELETE FROM tenant.tbl_data_timeseries WHERE $row"
	erase
	kill -CONT "$repair"
	wait "$repair"
	is "$(sql "SELECT count($col) FROM $t WHERE created_time = '$at'")" 0
	is "$(sql "SELECT count(*) FROM ferry.doubt WHERE instants IS NULL")" 0
	# nor where all of the job is in doubt
	sql "DELETE FROM ferry.doubt; INSERT INTO ferry.doubt (job_id, why) VALUES (1, 'x')"
	erase
	is "$(sql 'SELECT instants FROM ferry.doubt WHERE ship IS NOT NULL')" "{\"$at\"}"
	# nor where deletions are noted already; another that finds it equal settles only those
	sql "DELETE FROM ferry.doubt; INSERT INTO tenant.tbl_data_timeseries SELECT * FROM gone"
	doubt "'IMO9999993'" "'$at'" "'$at'::timestamp + interval '1 us'"
	KP_STOP=repair_fill_read:1 "${watch[@]}" >got 2>&1 3>&- &
	repair=$!
	wait_until 30 stopped "$repair"
	run_rc 0 "${watch[@]}"
	run_rc 0 "${watch[@]}"
	is "$(sql 'SELECT count(*), count(instants) FROM ferry.doubt')" '1|0'
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE $row"
	erase
	kill -CONT "$repair"
	wait "$repair"
	is "$(sql "SELECT count($col) FROM $t WHERE created_time = '$at'")" 0
	# what is not ours to take away is no work of a trigger; the doubt of one that was killed is
	# like others
	sql "DELETE FROM ferry.doubt;
		UPDATE $t SET $col = CASE created_time WHEN '$at' THEN 'x' END"
	KP_KILL=repair_fill_read:1 run_rc 137 pg-wide-validate --repair --settle 1ms
	is "$(doubts)" 1
	is_settled() {
		"${watch[@]}" >got 2>&1 || :
		[[ $(doubts) == 0 ]]
	}
	wait_until 10 is_settled
	sql "UPDATE $t SET $col = NULL WHERE created_time > '$at'"
	repairs 1 --settle 1ms
	has "$err" 'repaired: ' 'stays until validate --repair --delete'
	has_no "$err" 'trigger'
	is "$(sql "SELECT count(*) FROM $t WHERE $col = 'x'")" 1
}

is_done() {
	[[ $(doubts) == 0 && $(spoiled imo9999993) == 0 &&
		$(sql "SELECT count(*) FROM $(table imo9999993 1)
			WHERE created_time > '2024-10-03'") == 1 ]]
}

# looked_again: a pass began and ended behind this moment, which a chunk that is due tells
looked_again() {
	sql "UPDATE ferry.chunk SET checked_at = '2000-01-01' WHERE ship = 'IMO9999993'"
	wait_until 60 sql "SELECT 1 / (checked_at > '2001-01-01')::int FROM ferry.chunk
		WHERE ship = 'IMO9999993' ORDER BY chunk_from LIMIT 1"
}

@test "repair: again and again, until SIGTERM" {
	# the rest, to this day, is compared in pieces as long as a chunk
	chunk=90d production 6000
	follower '1 hour'
	local watch code=0 at
	at=$(first "$(table imo9999994 1)")
	run_rc 64 pg-wide-validate --every 1s
	# beside all chunks
	row_of /late '2024-10-03 11:11:11' 1
	pg-wide-validate --repair --every 200ms --settle 1ms >got 2>&1 3>&- &
	watch=$!
	# a chunk of an old time is due when it was not compared for long
	spoil imo9999993
	sql "UPDATE ferry.chunk SET checked_at = '2000-01-01' WHERE ship = 'IMO9999993'"
	# what is in doubt is due at once
	sql "DELETE FROM tenant.tbl_data_timeseries
		WHERE ship_id = 'IMO9999994' AND created_time = '$at'"
	doubt "'IMO9999994'" "'$at'" "'$at'::timestamp + interval '1 us'"
	wait_until 60 is_done
	# and what is in doubt while its chunk is read: when that is done
	at=$(first "$(table imo9999995 1)")
	sql "UPDATE ferry.chunk SET state = 'running', worker = 'x' WHERE ship = 'IMO9999995';
		DELETE FROM tenant.tbl_data_timeseries
		WHERE ship_id = 'IMO9999995' AND created_time = '$at'"
	doubt "'IMO9999995'" "'$at'" "'$at'::timestamp + interval '1 us'"
	looked_again
	looked_again
	is "$(doubts)" 1
	sql "UPDATE ferry.chunk SET state = 'done' WHERE ship = 'IMO9999995'"
	wait_until 60 is_done
	kill "$watch"
	wait "$watch" || code=$?
	is "$code" 0
	cutoff=2100-01-01 is_carried_over
}

@test "repair: what was rejected and is gone from the source is no reject any more" {
	scratch_db
	"$root/t/telemetry" 1 4 200
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, str_v, value_format)
		SELECT 'T', 'i', timestamp '2024-10-01' + i * interval '1 min', v, 'String'
		FROM unnest(ARRAY['n/a', 'n/a', 'n/a', '7']) WITH ORDINALITY AS u (v, i)"
	types=(--types native)
	printf 'ship_id,data_channel_id,value_format\nT,i,Integer\n' |
		run_rc 0 pg-wide-tables register "${types[@]}"
	run_rc 0 pg-wide-tables create "${types[@]}"
	carry_over
	counts() { sql "SELECT rows, cells, rejects, (SELECT count(*) FROM ferry.reject)
		FROM ferry.chunk WHERE ship = 'T'"; }
	is "$(counts)" '1|1|3|3'
	sql "DELETE FROM tenant.tbl_data_timeseries
			WHERE ship_id = 'T' AND created_time = '2024-10-01 00:01';
		UPDATE tenant.tbl_data_timeseries SET str_v = '8'
			WHERE ship_id = 'T' AND str_v = '7'"
	repairs 0 --delete
	is "$(counts)" '1|1|2|3'
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'T' AND str_v = 'n/a';
		UPDATE tenant.tbl_data_timeseries SET str_v = '9' WHERE ship_id = 'T'"
	repairs 0 --delete
	is "$(counts)" '1|1|0|0'
	run_rc 0 pg-wide-ledger status
}

@test "repair: what was rejected and is there now is no reject any more, what is not stays one" {
	scratch_db
	"$root/t/telemetry" 1 4 200
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, str_v, value_format)
		VALUES ('S', 'a', '2024-10-01 00:00', 'bad', 'String'),
			('S', 'a', '2024-10-01 00:01', 'good', 'String'),
			('T', 'i', '2024-10-01 00:00', 'n/a', 'String'),
			('T', 'i', '2024-10-01 00:01', '7', 'String')"
	types=(--types native)
	printf 'ship_id,data_channel_id,value_format\nS,a,String\nT,i,Integer\n' |
		run_rc 0 pg-wide-tables register "${types[@]}"
	run_rc 0 pg-wide-tables create "${types[@]}"
	sql "ALTER TABLE tenant.tbl_data_timeseries_s ADD CONSTRAINT c CHECK (a <> 'bad')"
	carry_over
	rejected() {
		sql "SELECT sum(rejects), (SELECT count(*) FROM ferry.reject r
			WHERE r.ship = c.ship), sum(rows) FROM ferry.chunk c
			WHERE ship = '$1' GROUP BY ship"
	}
	is "$(rejected S) $(rejected T)" '1|1|1 1|1|1'
	run_rc 0 pg-wide-ledger status --ship-id S
	has "$out" 'rejected: ' 'violates check constraint'
	run_rc 0 pg-wide-ledger failed -f csv
	has "$out" ',rejected,1,' 'not a bigint'
	sql "ALTER TABLE tenant.tbl_data_timeseries_s DROP CONSTRAINT c;
		DELETE FROM tenant.tbl_data_timeseries_t"
	pg-wide-validate "${types[@]}" --repair >/dev/null 2>&1 || :
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_s') $(rejected S)" '2 0|0|2'
	is "$(sql 'SELECT count(i) FROM tenant.tbl_data_timeseries_t') $(rejected T)" '1 1|1|1'
}

# one_ship OFFSETS [OPTION...]: S has channel a each five minutes, of no known format at these
one_ship() {
	scratch_db
	"$root/t/telemetry" 1 1 1 "${@:2}"
	sql "DELETE FROM tenant.tbl_data_timeseries; INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'S', 'a', timestamp '2024-10-01' + i * interval '5 min', i,
			CASE WHEN i IN ($1) THEN 'Colour' ELSE 'Integer' END
		FROM generate_series(0, 11) AS i"
}
# formats FORMAT CONDITION: of rows of the source
formats() { sql "UPDATE tenant.tbl_data_timeseries SET value_format = '$1' WHERE $2"; }
# of each chunk of a ship: rows, values that count, rejects, and those that have a reason
chunk_counts() {
	sql "SELECT string_agg(concat_ws(',', rows, cells - dropped, rejects, (SELECT count(*)
			FROM ferry.reject r WHERE r.ship = c.ship AND r.chunk_from = c.chunk_from)),
			' ' ORDER BY chunk_from) FROM ferry.chunk c WHERE ship = '$1'"
}
late() {
	sql "SELECT string_agg(to_char(chunk_from, 'HH24:MI ') || left(message, 2), ''
			ORDER BY chunk_from) FROM ferry.event WHERE level = 'WARNING'
		AND message LIKE '%rows cannot be carried over, some of which came%'"
}

@test "repair: chunks that are compared as one have counts and rejects of their own" {
	local each repeated
	local -a how=(--no-index --repeats)

	for repeated in 0 1; do
		one_ship '1, 5' --no-index "${how[repeated]}"
		((!repeated)) || sql "INSERT INTO tenant.tbl_data_timeseries
				(ship_id, data_channel_id, created_time, long_v, value_format)
			SELECT 'S', 'a', created_time, 7, 'Integer'
			FROM tenant.tbl_data_timeseries WHERE long_v = 4"
		carry_over
		is "$(chunk_counts S)" "3,3,1,1 $((3 + repeated)),3,1,1 4,4,0,0"
		# one is mended, one stays, and one is new
		formats Integer "created_time = '2024-10-01 00:05'"
		formats Colour "created_time = '2024-10-01 00:45'"
		for each in 1 2; do
			repairs 0 --delete
			is "$(chunk_counts S) $(late)" \
				"4,4,0,0 $((3 + repeated)),3,1,1 3,3,1,0 00:40 1 "
		done
		formats Integer true
		repairs 0
		is "$(chunk_counts S)" "4,4,0,0 $((4 + repeated)),4,0,0 4,4,0,0"
	done
}

@test "repair: of chunks that are compared as one, what no column can hold is a reject of its own" {
	one_ship -1 --no-index
	sql "UPDATE tenant.tbl_data_timeseries SET value_format = 'String', str_v = 'n/a'
		WHERE ship_id = 'S' AND long_v IN (1, 5)"
	types=(--types native)
	printf 'ship_id,data_channel_id,value_format\nS,a,Integer\n' |
		run_rc 0 pg-wide-tables register "${types[@]}"
	run_rc 0 pg-wide-tables create "${types[@]}"
	carry_over
	is "$(chunk_counts S)" '3,3,1,1 3,3,1,1 4,4,0,0'
	formats Integer "ship_id = 'S' AND long_v = 1"
	repairs 0
	is "$(chunk_counts S)" '4,4,0,0 3,3,1,1 4,4,0,0'
}

@test "repair: a chunk that is compared in parts has the counts of all of it" {
	one_ship '1, 5'
	chunk=1h carry_over
	# the chunks of a ship that came later
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, long_v, value_format)
		SELECT 'T', data_channel_id, created_time, long_v, 'Integer'
		FROM tenant.tbl_data_timeseries WHERE ship_id = 'S'"
	carry_over
	is "$(chunk_counts S) $(chunk_counts T)" '10,10,2,2 4,4,0,0 4,4,0,0 4,4,0,0'
	formats Integer "ship_id = 'S' AND created_time = '2024-10-01 00:05'"
	formats Colour "ship_id = 'S' AND created_time > '2024-10-01 00:40'"
	repairs 0 --delete
	is "$(chunk_counts S) $(late)" '8,8,4,2 00:00 4 '
	formats Integer true
	repairs 0
	is "$(chunk_counts S)" '12,12,0,0'
}
