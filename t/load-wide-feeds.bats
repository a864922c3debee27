load helper
load oracle

# What feeds the narrow table of a job, and whether it is the source it was: partitions, children,
# publications, keys and tables that change while it is followed, or while nobody does.

setup_file() { scratch_db; }
setup() {
	helper_setup
	pipeline='' how=slot cutoff=2100-01-01
	sql "DROP SCHEMA IF EXISTS tenant, ferry CASCADE; CREATE SCHEMA tenant" 2>/dev/null
}
teardown() {
	[[ ${BATS_TEST_COMPLETED-} || ! -f run.err ]] || tail -n 5 run.err
	[[ ! $pipeline ]] || kill -KILL -- "-$pipeline" 2>/dev/null || :
	[[ ! ${job-} ]] || pg-wide-ledger unfollow --quiet || :
	unset job
}

columns="ship_id text NOT NULL, data_channel_id text NOT NULL, created_time timestamp NOT NULL,
	id bigint, bool_v boolean, str_v text, long_v bigint, double_v float8, value_format text"
n=tenant.tbl_data_timeseries

plain() {
	sql "CREATE TABLE $n ($columns, PRIMARY KEY (ship_id, data_channel_id, created_time))"
}
# parted [KEY]: by month
parted() {
	sql "CREATE TABLE $n ($columns
		${1-, PRIMARY KEY (ship_id, data_channel_id, created_time)})
		PARTITION BY RANGE (created_time);
		CREATE TABLE tenant.p1 PARTITION OF $n
			FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')"
}
# put TABLE DAY NUMBER...: SQL that writes these numbers
put() {
	local each
	for each in "${@:3}"; do
		printf '%s' "INSERT INTO $1 (ship_id, data_channel_id, created_time, long_v,
			value_format) VALUES ('S', 'c', '$2 00:00'::timestamp
			+ $each * interval '1 s', $each, 'Integer');"
	done
}

follow_job() {
	job=$(pg-wide-ledger follow --follow "$how" --chunk 90d 2>follow.err)
	job=${job% *}
}
# begin: the job's pipeline in the background
begin() {
	# shellcheck disable=SC2016
	env job="$job" how="$how" ack="$([[ $how != slot ]] || printf -- '--ack ack')" \
		setsid bash -c 'export FERRY_WORKER=$$
		pg-narrow-dump --follow "$how" --job "$job" $ack --interval 20ms |
		pivot-wide -q | pg-copy-load --wide $ack
		printf "%s\n" "${PIPESTATUS[*]}" >codes' >>run.out 2>>run.err 3>&- &
	pipeline=$!
}
# follow_and: a job that is followed, with one row in the wide table
follow_and() {
	follow_job
	begin
	sql "$(put "$n" 2024-01-01 1)"
	wait_until 20 arrived 1
}
arrived() {
	local each
	for each; do
		is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_s WHERE c = '$each'")" 1
	done
}
# ends CODES: after SIGTERM to the follower; dies CODES: by itself
ends() {
	pkill -TERM -g "$pipeline" -x pg-narrow-dump
	dies "$1"
}
dies() {
	wait "$pipeline" || :
	pipeline=''
	is "$(<codes)" "$1" "$(tail -n 5 run.err)"
}
# doubts: the ranges that may be compared
doubts() { sql "SELECT count(*) FROM ferry.doubt WHERE NOT held"; }
in_doubt() { [[ $(sql "SELECT count(*) FROM ferry.doubt WHERE NOT held
	AND why LIKE '%$1%'") != 0 ]]; }
said() { [[ $(sql "SELECT count(*) FROM ferry.event WHERE level = '$1'
	AND message LIKE '%$2%'") != 0 ]]; }
# kept TEXT...: in the ledger, as what is promised, for those that do not ask the source
kept() { sql 'SELECT gap FROM ferry.follower' >gap && has gap "$@"; }
promises() { pg-wide-ledger status | grep -q "^guarantee: .*$1"; }
# repaired: what is in doubt is compared beside the follower, which ends then; both sides are equal
# (a doubt that the follower writes meanwhile is for another round)
undoubted() { pg-wide-validate --repair --doubt --settle 1ms "$@" && [[ $(doubts) == 0 ]]; }
repaired() {
	wait_until 20 undoubted "$@"
	run_rc 0 pg-wide-validate
	is_carried_over
	ends '0 0 0'
}
published() {
	sql "SELECT count(*) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
		WHERE p.pubname LIKE 'ferry_${job}_%'"
}

# known PARTITION NUMBER: so often it was seen
known() { is "$(sql "SELECT count(*) FROM ferry.feed WHERE name = 'tenant.$1'")" "$2"; }

# a_filled_partition: attached, and the end of one that is left
a_filled_partition() {
	parted
	how=$1
	follow_and
	sql "CREATE TABLE tenant.p2 (LIKE $n INCLUDING ALL); $(put tenant.p2 2024-02-01 2 3)
		ALTER TABLE $n ATTACH PARTITION tenant.p2
			FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"
	wait_until 20 in_doubt 'tenant.p2 feeds'
	is "$(sql "SELECT time_from, time_to FROM ferry.doubt")" \
		'2024-02-01 00:00:02|2024-02-01 00:00:03.000001'
	# an empty one puts nothing in doubt; so it is with what is two levels down
	sql "CREATE TABLE tenant.p3 PARTITION OF $n FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')
			PARTITION BY LIST (ship_id);
		CREATE TABLE tenant.p3_s PARTITION OF tenant.p3 FOR VALUES IN ('S')"
	wait_until 20 known p3_s 1
	# it was looked into, and nothing was there
	wait_until 20 sql 'SELECT 1 / (count(*) = 1)::int FROM ferry.doubt'
	sql "$(put "$n" 2024-03-01 4)"
	wait_until 20 arrived 4
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 1
	sql "ALTER TABLE $n DETACH PARTITION tenant.p1"
	wait_until 20 in_doubt 'tenant.p1 does not feed'
	repaired --delete
	# and what happens while nobody follows
	sql "ALTER TABLE $n ATTACH PARTITION tenant.p1
		FOR VALUES FROM ('2024-01-01') TO ('2024-02-01'); DROP TABLE tenant.p2"
	begin
	wait_until 20 in_doubt 'tenant.p1 feeds'
	wait_until 20 in_doubt 'tenant.p2 does not feed'
	repaired --delete
}

# bats test_tags=whole
@test "feeds: partitions that come and go with their rows, from a slot" {
	a_filled_partition slot
}

@test "feeds: partitions that come and go with their rows, by polling" {
	a_filled_partition poll
}

# late TABLE DAY SHIP...: SQL that writes a row of each ship; has_come SHIP...: it is there
late() {
	local each
	for each in "${@:3}"; do
		printf '%s' "INSERT INTO $1 (ship_id, data_channel_id, created_time, long_v,
			value_format) VALUES ('$each', 'c', '$2', ascii('$each'), 'Integer');"
	done
}
has_come() {
	local each
	for each; do
		is "$(sql "SELECT c = ascii('$each')::text
			FROM tenant.tbl_data_timeseries_${each,,}")" t
	done
}

@test "feeds: rows of any age in partitions of any kind, by polling" {
	parted
	how=poll
	sql "CREATE TABLE tenant.p0 PARTITION OF $n
			FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
		CREATE TABLE tenant.other PARTITION OF $n DEFAULT;
		CREATE TABLE tenant.deep PARTITION OF $n
			FOR VALUES FROM ('2021-01-01') TO ('2021-02-01')
			PARTITION BY LIST (ship_id);
		CREATE TABLE tenant.deeper PARTITION OF tenant.deep DEFAULT;
		$(put "$n" 2024-01-20 0)"
	follow_and
	sql "$(late "$n" 2020-01-05 A) $(late "$n" 2019-01-05 B) $(late "$n" 2021-01-05 C)
		$(late "$n" 2024-01-03 D) CREATE TABLE tenant.p8 PARTITION OF $n
			FOR VALUES FROM ('2018-01-01') TO ('2018-02-01');
		$(late "$n" 2018-01-05 E)"
	wait_until 20 has_come A B C D E
	# a second one into the room of the first, and what is done while nobody follows
	sql "$(late "$n" 2020-01-06 F) $(late "$n" 2018-01-06 G)"
	wait_until 20 has_come F G
	ends '0 0 0'
	sql "$(late "$n" 2020-01-07 H) $(late "$n" 2019-01-07 I)
		CREATE TABLE tenant.p9 PARTITION OF $n
			FOR VALUES FROM ('2017-01-01') TO ('2017-02-01');
		$(late "$n" 2017-01-05 J)"
	begin
	wait_until 20 has_come H I J
	# one that is attached with a ship that nobody has seen: who compares beside the follower
	sql "CREATE TABLE tenant.pk (LIKE $n INCLUDING ALL); $(late tenant.pk 2016-01-05 K)
		ALTER TABLE $n ATTACH PARTITION tenant.pk
			FOR VALUES FROM ('2016-01-01') TO ('2016-02-01')"
	pg-wide-validate --repair --every 300ms --settle 1ms >got 2>&1 3>&- &
	wait_until 20 has_come K
	wait_until 20 arrived 0 # what was there before the job, and nobody planned
	kill "$!"
	wait "$!" || is "$?" 143
	repaired
}

@test "feeds: a ship whose table somebody has changed is left out, and the others go on" {
	local t=tenant.tbl_data_timeseries_s
	plain
	follow_and
	# a column that nobody can write
	sql "ALTER TABLE $t DROP c, ADD c text GENERATED ALWAYS AS ('x') STORED"
	sql "UPDATE $n SET long_v = 7; $(late "$n" 2024-01-02 T)"
	wait_until 20 has_come T
	said CRITICAL 'nothing more is loaded of this ship'
	promises 'what is written of ship S waits until its table is mended'
	run_rc 0 pg-wide-ledger status
	has "$out" '1 ranges are in doubt'
	# nor do others wait for it where it is compared
	run_rc 1 pg-wide-validate --repair --doubt --settle 1ms
	sql "UPDATE $n SET long_v = 8 WHERE ship_id = 'S'; $(late "$n" 2024-01-03 U)"
	wait_until 20 has_come U
	is "$(sql "SELECT count(*) FROM ferry.doubt")" 1
	# nor for a deletion that it refuses
	sql "DELETE FROM $n WHERE ship_id = 'S'"
	sql "$(late "$n" 2024-01-03 V)"
	wait_until 20 has_come V
	sql "ALTER TABLE $t DROP c, ADD c text; $(put "$n" 2024-01-01 8)"
	wait_until 20 undoubted --delete
	# nor where something else has its name, also of who begins then, or a new ship's
	sql "ALTER TABLE $t RENAME TO kept; CREATE VIEW $t AS TABLE tenant.kept;
		CREATE VIEW ${t%_s}_w AS SELECT 1;
		$(put "$n" 2024-01-01 9) $(late "$n" 2024-01-04 W X)"
	wait_until 20 has_come X
	ends '0 0 0'
	sql "$(put "$n" 2024-01-01 10)"
	begin
	sql "$(late "$n" 2024-01-04 Y)"
	wait_until 20 has_come Y
	promises 'what is written of ship S, W waits until its table is mended'
	sql "DROP VIEW $t, ${t%_s}_w; ALTER TABLE tenant.kept RENAME TO tbl_data_timeseries_s"
	wait_until 20 undoubted
	promises 'nothing that was committed is lost'
	# nor is it the rows' fault where a column of somebody else wants a value
	sql "ALTER TABLE $t ADD mine int; UPDATE $t SET mine = 1;
		ALTER TABLE $t ALTER mine SET NOT NULL; $(put "$n" 2024-01-05 5)"
	wait_until 20 in_doubt 'nothing more is loaded'
	sql "ALTER TABLE $t DROP mine"
	repaired
	is "$(sql "SELECT count(*) FROM ferry.reject; SELECT c FROM $t WHERE c = '5'")" $'0\n5'
}

# holds SQL: an application that has run it in a transaction, and goes on holding what it locked
holds() {
	PGAPPNAME=report psql -Xq -c "BEGIN; $1" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 3>&- &
	holder=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE application_name = 'report' AND wait_event = 'PgSleep'"
}
holds_no_more() {
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = 'report'" >/dev/null
	wait "$holder" || :
}

@test "feeds: a ship whose tables others lock is left out until they end, and the others go on" {
	local t=tenant.tbl_data_timeseries_s each why
	local -i day=2 pid
	plain
	export FERRY_PG_COPY_LOAD_GROUP_COLUMNS=1
	follow_and
	sql "$(put "$n" 2024-01-01 2 3) UPDATE $n SET data_channel_id = 'd' WHERE long_v = 3"
	wait_until 20 sql "SELECT 1 / count(*) FROM $t WHERE d = '3'"
	pg-wide-validate --repair --doubt --every 300ms --settle 1ms >watch.out 2>watch.err 3>&- &
	pid=$!
	# one who reads the view, where a column is needed; one whose lock no row gets past
	by_turns 1 "SELECT count(*) FROM $t" "LOCK TABLE $t"
	for each in "${turns[@]}"; do
		day+=1
		holds "$each"
		sql "$(put "$n" "2024-01-0$day" 5 6) DELETE FROM $n WHERE long_v = $((day - 1));
			UPDATE $n SET data_channel_id = 'e$day' WHERE long_v = 6"
		sql "$(late "$n" 2024-01-02 T$day)"
		wait_until 40 has_come "T$day"
		wait_until 20 promises 'written of ship S waits until nobody locks its tables'
		is "$(pg-wide-ledger status -f json | jq -r .status)" waiting
		# not for every chunk anew, nor with a comparison that would be in vain
		sql "$(put "$n" "2024-01-0$day" 7) $(late "$n" 2024-01-02 U$day)"
		wait_until 20 has_come "U$day"
		is "$(sql "SELECT count(*) FROM ferry.doubt WHERE why LIKE 'nothing more%'")" 1
		holds_no_more
		wait_until 40 undoubted
		arrived 5 7
		is "$(sql "SELECT count(*) FROM $t WHERE e$day = '6'")" 1
		is "$(sql "SELECT count(*) FROM $t
			WHERE c = '$((day - 1))' OR d = '$((day - 1))'")" 0
		sql "DELETE FROM $n WHERE long_v > 4"
	done
	kill "$pid"
	wait "$pid" || is "$?" 143
	why='nothing more is loaded while its tables are locked by server process'
	is "$(sql "SELECT count(*) FROM ferry.event WHERE level = 'WARNING' AND ship = 'S'
		AND message ~ '^$why [0-9]+ \(report\)'")" ${#turns[@]}
	is "$(grep -c "cannot load ship \"S\": $why [0-9]* (report)" run.err)" ${#turns[@]}
	# a comparison that had begun when the lock came meets it; none begins behind that
	(($(grep -c 'cannot load ship' watch.err) <= ${#turns[@]}))
	ends '0 0 0'
}

@test "feeds: what is left out of a ship while its doubt is compared stays in doubt" {
	local t=tenant.tbl_data_timeseries_s pid
	plain
	follow_and
	# left_out DAY SHIP: a row of that day is not loaded, since somebody locks the table
	left_out() {
		holds "LOCK TABLE $t"
		sql "$(put "$n" "2024-01-0$1" "$1") $(late "$n" 2024-01-02 "$2")"
		wait_until 40 has_come "$2"
		holds_no_more
		is "$(sql 'SELECT count(*) FROM ferry.doubt')" 1
	}
	left_out 3 T
	KP_STOP=verify_compared:1 pg-wide-validate --repair --doubt --settle 1ms >got 2>&1 3>&- &
	pid=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$pid/status"
	left_out 4 U
	kill -CONT "$pid"
	wait "$pid"
	in_doubt 'nothing more is loaded'
	wait_until 20 undoubted
	arrived 3 4
	ends '0 0 0'
}

@test "feeds: a table that somebody drops is made anew, and what was in it is in doubt" {
	local how
	for how in slot poll; do
		sql "DROP SCHEMA IF EXISTS tenant, ferry CASCADE; CREATE SCHEMA tenant" 2>/dev/null
		plain
		follow_and
		wait_until 20 undoubted
		sql 'DROP TABLE tenant.tbl_data_timeseries_s'
		# a column that is new is made with all the others
		sql "$(put "$n" 2024-01-02 2 3)
			UPDATE $n SET data_channel_id = 'd' WHERE long_v = 3"
		wait_until 20 arrived 2
		wait_until 20 in_doubt 'were gone, and are made anew'
		said CRITICAL 'were gone, and are made anew'
		run_rc 0 pg-wide-ledger status
		has "$out" 'ranges are in doubt'
		wait_until 20 undoubted --delete
		arrived 1
		# and a column alone; one that is registered only now is none
		printf '{"ship_id":"S","data_channel_id":"e"}\n' | pg-wide-tables register -q
		sql "$(put "$n" 2024-01-03 4 5)
			UPDATE $n SET data_channel_id = 'e' WHERE long_v = 5"
		wait_until 20 arrived 4
		is "$(sql "SELECT count(*) FROM ferry.doubt WHERE why LIKE '%made anew%'")" 0
		sql 'ALTER TABLE tenant.tbl_data_timeseries_s RENAME d TO mine'
		sql "$(put "$n" 2024-01-04 6 7)
			UPDATE $n SET data_channel_id = 'd' WHERE long_v = 7"
		wait_until 20 in_doubt ''
		repaired --delete
		is "$(sql 'SELECT count(d) FROM tenant.tbl_data_timeseries_s')" 2
		pg-wide-ledger unfollow --quiet
	done
}

@test "feeds: what is deleted while a ship's table is broken goes when it is mended" {
	local t=tenant.tbl_data_timeseries_s each next=T
	plain
	follow_and
	for each in "ALTER TABLE $t DROP CONSTRAINT ${t#*.}_pkey/
			ALTER TABLE $t
			ADD PRIMARY KEY (created_time)" \
		"ALTER TABLE $t RENAME TO kept; CREATE VIEW $t AS TABLE tenant.kept LIMIT 9/
			DROP VIEW $t; ALTER TABLE tenant.kept RENAME TO ${t#*.}"; do
		sql "TRUNCATE $n; $(put "$n" 2024-01-01 1 2 3 4)"
		wait_until 20 arrived 2 3 4
		wait_until 20 undoubted --delete
		ends '0 0 0'
		sql "${each%/*}; $(put "$n" 2024-01-01 5)"
		begin
		wait_until 20 in_doubt 'nothing more is loaded'
		sql "DELETE FROM $n WHERE long_v = 2;
			UPDATE $n SET created_time = '2024-01-02' WHERE long_v = 3"
		sql "$(late "$n" 2024-01-03 "$next")"
		wait_until 20 has_come "$next"
		promises 'what is written of ship S waits'
		# nor does a comparison in between forget it
		run_rc 1 pg-wide-validate --repair --doubt --settle 1ms
		has_no "$err" 'a trigger or rule'
		has "$err" 'cannot load ship "S"'
		promises 'what is written of ship S waits'
		sql "${each#*/}"
		wait_until 20 undoubted
		is "$(sql "SELECT c, created_time::date FROM $t ORDER BY 1")" \
			$'1|2024-01-01\n3|2024-01-02\n4|2024-01-01\n5|2024-01-01'
		promises 'nothing that was committed is lost, whenever and for whatever time$'
		next=U
	done
	run_rc 0 pg-wide-validate
	ends '0 0 0'
}

@test "feeds: a partition that came and went while nobody followed" {
	parted
	follow_and
	ends '0 0 0'
	sql "CREATE TABLE tenant.p2 PARTITION OF $n
			FOR VALUES FROM ('2024-02-01') TO ('2024-03-01'); $(put "$n" 2024-02-01 2)"
	sql "DROP TABLE tenant.p2"
	begin
	wait_until 20 arrived 2
	wait_until 20 in_doubt 'gone by now'
	said CRITICAL 'gone by now'
	repaired --delete
}

@test "feeds: a deletion licenses the removal of its own instants, and of no others" {
	parted
	follow_and
	sql "CREATE TABLE tenant.p2 PARTITION OF $n
			FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
		$(put "$n" 2024-01-01 2 3) $(put "$n" 2024-02-01 4)"
	wait_until 20 arrived 2 3 4
	sql "INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, finished_at)
		VALUES ($job, 'S', '2024-01-01', '2024-01-02', 'done', now());
		DELETE FROM $n WHERE long_v = 2; ALTER TABLE $n DETACH PARTITION tenant.p1"
	wait_until 20 in_doubt 'deleted in the source'
	wait_until 20 in_doubt 'does not feed'
	# as a chunk brings it back that was read before
	sql "INSERT INTO tenant.tbl_data_timeseries_s (created_time, c)
		VALUES ('2024-01-01 00:00:02', 2)"
	run_rc 1 pg-wide-validate --repair --doubt --settle 1ms
	is "$(sql "SELECT c FROM tenant.tbl_data_timeseries_s ORDER BY 1")" $'1\n3\n4'
	# the ship's doubt is settled, and says so; that of all stays
	# (p2, made with its rows, may be looked into still)
	is "$(sql "SELECT count(*), count(ship) FROM ferry.doubt
		WHERE why NOT LIKE '%tenant.p2 feeds%'")" '1|0'
	said WARNING 'what else the source has no more stays'
	repaired --delete
}

@test "feeds: TRUNCATE of a partition alone, which no slot tells of" {
	parted
	sql "CREATE TABLE tenant.p2 PARTITION OF $n
		FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"
	follow_and
	sql "$(put "$n" 2024-02-01 2)"
	wait_until 20 arrived 2
	wait_until 20 known p2 1
	sql "TRUNCATE tenant.p1"
	wait_until 20 in_doubt 'truncated (tenant.p1)'
	said CRITICAL 'until validate --repair --delete'
	promises 'once what is in doubt is compared'
	arrived 1
	repaired --delete
	is "$(sql "SELECT c FROM tenant.tbl_data_timeseries_s")" 2
}

@test "feeds: a ship that is rolled back while it is followed comes back whole" {
	plain
	follow_and
	sql "$(put "$n" 2024-01-01 2) $(late "$n" 2024-01-01 T)"
	wait_until 20 has_come T
	run_rc 0 pg-wide-tables rollback --yes --ship-id S
	has "$err" 'comes back with its past'
	# that is nobody's concern before there is something new
	run_rc 0 pg-wide-ledger status
	has_no "$out" 'in doubt'
	kill -KILL -- "-$pipeline"
	wait "$pipeline" || :
	begin
	sql "$(put "$n" 2024-01-01 3)"
	wait_until 20 arrived 3
	run_rc 0 pg-wide-ledger status
	has "$out" '1 ranges are in doubt'
	repaired
	run_rc 0 pg-wide-ledger status
	has_no "$out" 'in doubt'
}

@test "feeds: rows of any age in tables that inherit, by polling" {
	plain
	how=poll
	sql "CREATE TABLE tenant.child () INHERITS ($n)"
	follow_and
	sql "$(put "$n" 2024-01-20 0)"
	wait_until 20 arrived 0
	sql "$(late tenant.child 2020-01-05 A) $(late "$n" 2020-01-05 B)
		$(late tenant.child 2020-01-04 B)"
	both() { is "$(sql 'SELECT count(c) FROM tenant.tbl_data_timeseries_b')" 2; }
	wait_until 20 both
	has_come A
	repaired
}

@test "feeds: detached and attached between two looks" {
	parted
	follow_and
	sql "ALTER TABLE $n DETACH PARTITION tenant.p1; $(put tenant.p1 2024-01-02 2)
		ALTER TABLE $n ATTACH PARTITION tenant.p1
			FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')"
	wait_until 20 in_doubt 'p1 was not followed for a while'
	said CRITICAL 'p1 was not followed'
	repaired
}

@test "feeds: children by INHERITS are added, and what they had is in doubt when all is seen" {
	local writer
	plain
	follow_and
	# a transaction that is open when the child is published will not be told of
	mkfifo pipe
	psql -XAtq <pipe &
	writer=$!
	exec 7>pipe
	printf 'BEGIN; SELECT pg_current_xact_id();\n' >&7
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL
		AND state = 'idle in transaction' AND datname = current_database()"
	sql "CREATE TABLE tenant.child () INHERITS ($n)" 2>/dev/null
	put tenant.child 2024-01-03 2 >&7
	printf '\n' >&7
	is_held() { is "$(sql "SELECT held FROM ferry.doubt WHERE why LIKE '%child%'")" t; }
	wait_until 20 is_held
	# the child has no key: updates are not published any more, or they would fail
	wait_until 20 promises 'updates and deletions are not published'
	is "$(published)" 2
	sql "UPDATE tenant.child SET long_v = 7; $(put tenant.child 2024-01-02 3)"
	wait_until 20 arrived 3
	is_held
	printf 'COMMIT;\n' >&7
	exec 7>&-
	wait "$writer"
	wait_until 20 in_doubt 'child'
	said WARNING 'updates and deletions are not followed from here'
	# and what the follower itself has changed of the publication is nobody else's doing
	! said CRITICAL 'was not followed for a while' || false
	repaired
}

@test "feeds: what an administrator takes out of the publication" {
	local name
	plain
	follow_and
	name=$(sql "SELECT publication FROM ferry.follower")
	sql "ALTER PUBLICATION $name DROP TABLE $n; $(put "$n" 2024-01-02 2)
		DELETE FROM $n WHERE long_v = 1"
	wait_until 20 in_doubt 'was not followed for a while'
	said CRITICAL 'was not followed'
	is "$(published)" 1
	sql "ALTER PUBLICATION $name SET (publish = 'delete'); $(put "$n" 2024-01-03 3)"
	inserts() { is "$(sql "SELECT pubinsert FROM pg_publication WHERE pubname = '$name'")" t; }
	wait_until 20 inserts
	sql "ALTER PUBLICATION $name SET TABLE $n WHERE (long_v > 9)" 2>/dev/null
	sql "$(put "$n" 2024-01-04 4)"
	wait_until 20 promises 'ALTER PUBLICATION'
	is "$(sql 'SELECT bool_or(held) FROM ferry.doubt')" t
	sql "ALTER PUBLICATION $name SET TABLE $n"
	wait_until 20 sql 'SELECT 1 / (NOT bool_or(held))::int FROM ferry.doubt'
	repaired --delete
}

@test "feeds: what was away when its key was dropped, too, is told all the same" {
	local name
	plain
	follow_and
	name=$(sql "SELECT publication FROM ferry.follower")
	sql "BEGIN; ALTER PUBLICATION $name DROP TABLE $n; ALTER PUBLICATION $name ADD TABLE $n;
		ALTER TABLE $n DROP CONSTRAINT tbl_data_timeseries_pkey; COMMIT"
	wait_until 20 said WARNING 'updates and deletions are not followed from here'
	wait_until 20 said CRITICAL 'was not followed for a while'
	repaired
}

@test "feeds: a publication that is dropped, or made anew, heals as a lost slot does" {
	local name
	plain
	follow_and
	name=$(sql "SELECT publication FROM ferry.follower")
	sql "DROP PUBLICATION $name; $(put "$n" 2024-01-02 2)"
	dies '66 66 66'
	said CRITICAL 'publication of the source is gone'
	kept 'is not carried over: ' 'publication of the source is gone'
	promises 'is gone; following again makes another'
	run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal
	sql "CREATE PUBLICATION $name FOR TABLE $n"
	run_rc 0 pg-wide-ledger follow
	has "$err" 'publication of the source is gone; a new one is made'
	begin
	sql "$(put "$n" 2024-01-03 3)"
	wait_until 20 arrived 3
	repaired
}

@test "feeds: a partition that no publication can have is said, and what is promised" {
	parted
	follow_and
	sql "CREATE UNLOGGED TABLE tenant.p2 PARTITION OF $n
		FOR VALUES FROM ('2024-02-01') TO ('2024-03-01'); $(put "$n" 2024-02-01 2)"
	wait_until 20 promises 'tenant.p2 is missing'
	said CRITICAL 'tenant.p2 does not come'
	is "$(pg-wide-ledger status -f json | grep -c 'no publication can have it')" 1
	is "$(sql 'SELECT held FROM ferry.doubt')" t
	# a comparison in the meantime does not settle it
	run_rc 0 pg-wide-validate --repair --settle 1ms
	is "$(sql 'SELECT held FROM ferry.doubt')" t
	sql 'ALTER TABLE tenant.p2 SET LOGGED'
	wait_until 20 in_doubt p2
	wait_until 20 promises 'nothing that was committed is lost'
	repaired
}

@test "feeds: an identity that new partitions do not inherit is not relied on" {
	local kind
	for kind in FULL 'USING INDEX p1_x'; do
		sql "DROP SCHEMA IF EXISTS tenant, ferry CASCADE; CREATE SCHEMA tenant" 2>/dev/null
		parted ''
		sql "CREATE UNIQUE INDEX x ON $n (ship_id, data_channel_id, created_time);
			ALTER INDEX tenant.p1_ship_id_data_channel_id_created_time_idx
				RENAME TO p1_x;
			ALTER TABLE tenant.p1 REPLICA IDENTITY $kind"
		[[ $kind != FULL ]] || sql "ALTER TABLE $n REPLICA IDENTITY FULL"
		follow_and
		has follow.err 'updates and deletions are not followed' 'which alone new partitions'
		sql "CREATE TABLE tenant.p2 PARTITION OF $n
			FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
			$(put "$n" 2024-02-01 2 3) UPDATE $n SET long_v = long_v + 10;
			DELETE FROM $n WHERE long_v = 12"
		wait_until 20 in_doubt 'updated or deleted'
		promises 'updates and deletions are not published'
		repaired --delete
		pg-wide-ledger unfollow --quiet
	done
}

@test "feeds: a key that is dropped is noticed, and updates work again" {
	plain
	follow_and
	sql "ALTER TABLE $n DROP CONSTRAINT tbl_data_timeseries_pkey"
	wait_until 20 sql "UPDATE $n SET long_v = 5"
	wait_until 20 promises 'updates and deletions are not published'
	said WARNING 'no key'
	wait_until 20 in_doubt 'updated or deleted'
	# a ship that waits beside that is told of, too, and not counted
	sql "ALTER TABLE tenant.tbl_data_timeseries_s DROP c,
		ADD c text GENERATED ALWAYS AS ('x') STORED; $(put "$n" 2024-01-06 6)"
	wait_until 20 in_doubt 'nothing more is loaded'
	promises 'updates and deletions are not published.*; what is written of ship S waits until'
	is "$(pg-wide-ledger status -f json | jq -c '.ships[] | [.status, .live_cells, .lag]')" \
		'["waiting",1,null]'
	sql "ALTER TABLE tenant.tbl_data_timeseries_s DROP c, ADD c text"
	# one that does not say which cell it is about: the job goes on
	repaired
	pg-wide-ledger unfollow --quiet
	sql "ALTER TABLE $n ADD PRIMARY KEY (ship_id, data_channel_id, created_time)"
	follow_job
	sql "ALTER TABLE $n ADD serial bigserial; CREATE UNIQUE INDEX by_serial ON $n (serial);
		ALTER TABLE $n REPLICA IDENTITY USING INDEX by_serial;
		UPDATE $n SET long_v = 6; $(put "$n" 2024-01-05 8)"
	begin
	wait_until 20 arrived 8
	wait_until 20 in_doubt 'does not say of which'
	repaired
}

@test "feeds: TRUNCATE while polling, and a table that is written anew" {
	plain
	how=poll
	follow_and
	# a look that no older transaction of another test holds back has seen the row
	wait_until 20 sql "SELECT 1 / (txid_snapshot_xmin(txid_current_snapshot()) >
		(SELECT max(xmin::text::bigint) FROM $n))::int"
	nap 2200
	sql "VACUUM FULL $n"
	sql "$(put "$n" 2024-01-02 2)"
	wait_until 20 arrived 2
	files() { is "$(sql 'SELECT file FROM ferry.feed')" \
		"$(sql "SELECT pg_relation_filenode('$n')")"; }
	wait_until 20 files
	is "$(doubts)" 0
	sql "TRUNCATE $n; $(put "$n" 2024-01-02 3)"
	wait_until 20 in_doubt truncated
	said CRITICAL truncated
	wait_until 20 arrived 3
	repaired --delete
	sql "TRUNCATE $n; $(put "$n" 2024-01-04 4)"
	begin
	wait_until 20 in_doubt truncated
	repaired --delete
}

# settled_alone: what is in doubt, while nobody follows
settled_alone() {
	how=$1
	plain
	follow_and
	sql "TRUNCATE $n; $(put "$n" 2024-01-02 2)"
	wait_until 20 in_doubt truncated
	wait_until 20 arrived 2
	ends '0 0 0'
	# the next follower brings that, too
	sql "$(put "$n" 2024-01-03 3)"
	run_rc 0 pg-wide-validate --repair --delete "${@:2}"
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 0
	is "$(sql "SELECT c FROM tenant.tbl_data_timeseries_s ORDER BY 1")" $'2\n3'
	pg-wide-ledger status >told
	has_no told doubt
	begin
	sql "UPDATE $n SET long_v = 5 WHERE long_v = 3; $(put "$n" 2024-01-04 4)"
	wait_until 20 arrived 4
	[[ $how != slot ]] || wait_until 20 arrived 5
	repaired
}

@test "feeds: a doubt is settled while nobody follows, too, of a slot" { settled_alone slot; }
# bats test_tags=whole
@test "feeds: a doubt is settled while nobody follows, too, of polling" {
	settled_alone poll --doubt
}

@test "feeds: a slot that holds too much is dropped, by who follows and by who only looks" {
	local name slots
	plain
	follow_job
	has follow.err "ALTER SYSTEM SET max_slot_wal_keep_size = '20GB'" ferry-watch@.timer
	begin
	sql "$(put "$n" 2024-01-01 1)"
	wait_until 20 arrived 1
	ends '0 0 0'
	has run.err 'bytes an hour'
	name=$(sql 'SELECT slot FROM ferry.follower')
	slots() { is "$(sql "SELECT count(*) FROM pg_replication_slots
		WHERE slot_name = '$name'")" "$1"; }
	noise() { sql "CREATE TABLE public.noise AS SELECT repeat(md5(i::text), 20)
		FROM generate_series(1, 4000) AS i; DROP TABLE public.noise"; }
	noise
	run_rc 0 narrow-to-wide --mode watch --once
	slots 1
	pg-wide-ledger status >told
	grep -E 'the source keeps [0-9.]+ MB of WAL' told
	run_rc 0 narrow-to-wide --mode watch --once --max-slot-lag 1M
	slots 0
	said CRITICAL 'more than --max-slot-lag 1048576, and was dropped'
	is "$(sql 'SELECT held FROM ferry.doubt')" t
	follow_job
	noise
	run_rc 66 pg-narrow-dump --follow slot --job "$job" --seal --max-slot-lag 1M
	has "$err" 'was dropped so that the disk does not fill'
	slots 0
	follow_job
	begin
	sql "$(put "$n" 2024-01-02 2)"
	wait_until 20 arrived 2
	wait_until 20 sql 'SELECT 1 / (NOT bool_or(held))::int FROM ferry.doubt'
	repaired
}

# ---- another source ----------------------------------------------------------------------------

# refused TEXT: by all that would go on, or by followers and so many others, $some, by turns
refused() {
	local how
	for how in slot poll; do
		sql "UPDATE ferry.follower SET kind = '$how'"
		run_rc 78 pg-narrow-dump --follow "$how" --job "$job" --seal
		has "$err" "$1" 'accept-source'
	done
	by_turns "${some-5}" "pg-narrow-dump --job $job --seal" \
		'pg-wide-validate --repair --delete' \
		pg-wide-ledger\ {'plan --live','follow --follow poll','follow --follow slot'}
	for how in "${turns[@]}"; do
		# shellcheck disable=SC2086  # words
		run_rc 78 $how
		has "$err" "$1" 'accept-source'
	done
	said CRITICAL "$1"
}
# accepted: with what is there, all is made equal
accepted() {
	run_rc 0 pg-wide-ledger accept
	is "$(sql 'SELECT count(*) > 0 FROM ferry.doubt')" t
	follow_job
	begin
	sql "$(put "$n" 2024-01-09 9)"
	wait_until 20 arrived 9
	wait_until 20 in_doubt 'another one'
	repaired --delete
}

# a_swapped_table: while it is followed
a_swapped_table() {
	how=$1
	plain
	follow_and
	sql "ALTER TABLE $n RENAME TO old; CREATE TABLE $n (LIKE tenant.old INCLUDING ALL);
		$(put "$n" 2024-01-02 2)"
	dies '78 78 78'
	said CRITICAL 'is another one'
	kept 'is not carried over: ' 'another one'
	promises 'is another one.*accept-source'
	refused 'is another one'
	kept 'is another one' 'accept-source'
	accepted
	# while nobody follows; and nothing is amiss when it is put back
	sql "ALTER TABLE $n RENAME TO new; ALTER TABLE tenant.old RENAME TO ${n#*.}"
	promises 'is another one.*accept-source'
	run_rc 78 pg-wide-validate
	sql "ALTER TABLE $n RENAME TO old; ALTER TABLE tenant.new RENAME TO ${n#*.};
		$(put "$n" 2024-01-10 10)"
	begin
	wait_until 20 arrived 10
	wait_until 20 sql 'SELECT 1 / (gap IS NULL)::int FROM ferry.follower'
	ends '0 0 0'
	! promises accept-source
}

@test "source: a table that is swapped, from a slot" { a_swapped_table slot; }
# bats test_tags=whole
@test "source: a table that is swapped, by polling" { a_swapped_table poll; }

# at_source SQL
at_source() { psql -XAtq -v ON_ERROR_STOP=1 -d "$FERRY_SOURCE" -c "$1"; }
# taken: the source as it is now is accepted; it is followed, and both sides are made equal
taken() {
	run_rc 0 pg-wide-ledger accept
	follow_job
	begin
	at_source "$(put "$n" 2024-01-09 "$1")"
	wait_until 30 arrived "$1"
	wait_until 30 in_doubt 'another one'
	run_rc 0 pg-wide-validate --repair --delete --doubt --settle 1ms
	is "$(doubts)" 0
	run_rc 0 pg-wide-validate
	ends '0 0 0'
}

@test "source: dumped and restored, recovered to a new timeline, set back, another server" {
	local dir some=1
	export FERRY_TARGET="host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE"
	dir=$(own_cluster --option wal_level=logical >&2; printf %s "$cluster")
	export FERRY_SOURCE="host=$dir/home/socket user=postgres dbname=fleet"
	restart() {
		"$root/pipelines/lib/cluster" start "$dir" --option fsync=off \
			--option wal_level=logical
	}
	stop() { "$root/pipelines/lib/cluster" stop "$dir"; }
	psql -XAtq -d "host=$dir/home/socket user=postgres dbname=postgres" \
		-c 'CREATE DATABASE fleet' -c 'CREATE DATABASE copy'
	at_source "CREATE SCHEMA tenant; CREATE TABLE $n ($columns,
		PRIMARY KEY (ship_id, data_channel_id, created_time))"
	follow_job
	begin
	at_source "$(put "$n" 2024-01-01 1)"
	wait_until 30 arrived 1
	ends '0 0 0'
	# restored beside it, and named as it was
	pg_dump -d "$FERRY_SOURCE" -n tenant >dump.sql
	psql -Xq -v ON_ERROR_STOP=1 -d "${FERRY_SOURCE/fleet/copy}" -f dump.sql >/dev/null
	pg-wide-ledger unfollow --quiet
	follow_job
	at_source "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots" >/dev/null
	psql -XAtq -d "${FERRY_SOURCE/fleet/postgres}" -c 'ALTER DATABASE fleet RENAME TO before' \
		-c 'ALTER DATABASE copy RENAME TO fleet'
	refused 'the database of the source was made anew'
	taken 2
	# a copy of its files, which is older than what was seen
	stop
	cp -a "$dir/home/data" older
	restart
	begin
	# further than a server writes by itself when it starts
	at_source 'SELECT pg_switch_wal()' >/dev/null
	at_source "$(put "$n" 2024-01-03 3)"
	wait_until 30 arrived 3
	ends '0 0 0'
	stop
	rm -rf "$dir/home/data"
	cp -a older "$dir/home/data"
	restart
	refused 'was set back'
	taken 4
	# recovered: the same, on another timeline
	stop
	touch "$dir/home/data/recovery.signal"
	chown --reference="$dir/home/data" "$dir/home/data/recovery.signal"
	printf "restore_command = 'false'\n" >>"$dir/home/data/postgresql.conf"
	restart
	refused 'is on timeline 2, not 1'
	taken 5
	# another server, at the same address
	stop
	rm -rf "$dir/home/data"
	restart
	psql -XAtq -d "${FERRY_SOURCE/fleet/postgres}" -c 'CREATE DATABASE fleet'
	at_source "CREATE SCHEMA tenant; CREATE TABLE $n ($columns,
		PRIMARY KEY (ship_id, data_channel_id, created_time))"
	refused 'reads another database'
	taken 6
	pg-wide-ledger unfollow --quiet
	unset job
}
