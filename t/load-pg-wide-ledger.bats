load helper

setup() {
	helper_setup
	scratch_db
}

# narrow [TABLE OPTIONS]: ships A and B, a row each at and around borders of days
narrow() {
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			bool_v boolean, str_v text, long_v bigint, double_v double precision,
			value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC);
		INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT ship, channel, t::timestamp, 1, 'Decimal'
		FROM (VALUES ('A', 'x', '2024-01-01 05:00:00'), ('A', 'x', '2024-01-02 00:00:00'),
			('A', 'x', '2024-01-03 16:59:59.999999'), ('A', 'x', '2024-01-03 17:00:00'),
			('B', 'y', '2024-01-02 23:59:59.999999'), ('B', 'y', '2024-01-03 00:00:00'))
			AS r (ship, channel, t)"
}

chunks() {
	sql "SELECT ship, chunk_from, chunk_to, state FROM ferry.chunk ORDER BY ship, chunk_from"
}

plan() { run_rc 0 pg-wide-ledger plan "$@"; }

ended() { wait "$1"; }

# migrate JOB: everything there is to claim
migrate() {
	run_pipe '0 0 0' 'pg-narrow-dump --job "$job" --seal | pivot-wide | pg-copy-load --wide' \
		job="$1"
}

@test "ledger: chunks are aligned in UTC, from each ship's first row to the cutoff" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	is "$(<"$out")" 1
	has "$err" 'job 1: 5 new chunks of 1d for 2 ships, history ends at 2024-01-03 17:00:00 UTC'
	is "$(chunks)" 'A|2024-01-01 00:00:00|2024-01-02 00:00:00|pending
A|2024-01-02 00:00:00|2024-01-03 00:00:00|pending
A|2024-01-03 00:00:00|2024-01-03 17:00:00|pending
B|2024-01-02 00:00:00|2024-01-03 00:00:00|pending
B|2024-01-03 00:00:00|2024-01-03 17:00:00|pending'
}

@test "ledger: a row at a border is carried over once, one at the cutoff not at all" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	migrate 1
	is "$(sql "SELECT string_agg(created_time::text, ' ' ORDER BY created_time)
		FROM tenant.tbl_data_timeseries_a")" \
		'2024-01-01 05:00:00 2024-01-02 00:00:00 2024-01-03 16:59:59.999999'
	is "$(sql "SELECT string_agg(created_time::text, ' ' ORDER BY created_time)
		FROM tenant.tbl_data_timeseries_b")" \
		'2024-01-02 23:59:59.999999 2024-01-03 00:00:00'
	is "$(sql "SELECT sum(rows), count(*), bool_and(state = 'done' AND attempt = 1)
		FROM ferry.chunk")" '5|5|t'
}

@test "ledger: planning again adds what has become missing, and nothing else" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	plan
	has "$err" 'job 1: 0 new chunks'
	migrate 1
	# rows before the first, a new ship, a later cutoff
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('B', 'y', '2023-12-31 12:00:00', 1, 'Decimal'),
			('C', 'z', '2024-01-04 01:00:00', 1, 'Decimal')"
	plan --cutoff-time '2024-01-04 02:00:00'
	is "$(chunks | grep pending)" 'A|2024-01-03 17:00:00|2024-01-04 00:00:00|pending
B|2023-12-31 00:00:00|2024-01-01 00:00:00|pending
B|2024-01-01 00:00:00|2024-01-02 00:00:00|pending
B|2024-01-03 17:00:00|2024-01-04 00:00:00|pending
C|2024-01-04 00:00:00|2024-01-04 02:00:00|pending'
	is "$(sql "SELECT count(*) FROM ferry.chunk a JOIN ferry.chunk b USING (job_id, ship)
		WHERE a.chunk_from < b.chunk_from AND b.chunk_from < a.chunk_to")" 0 'overlaps'
	migrate 1
	run_ok pg-wide-validate
}

@test "ledger: the cutoff is kept; an earlier one is ignored, and said" {
	narrow
	run_rc 78 pg-wide-ledger plan
	has "$err" 'no cutoff: say where history ends with --cutoff-time'
	is "$(sql "SELECT count(*) FROM ferry.job")" 0
	plan --cutoff-time '2024-01-03 17:00:00'
	run_ok pg-wide-ledger cutoff
	is "$(<"$out")" '2024-01-03 17:00:00'
	plan --cutoff-time '2024-01-02'
	has "$err" 'history ends at 2024-01-03 17:00:00 UTC' \
		'the cutoff of the job is later than --cutoff-time, and stays'
	plan --cutoff-time '2024-01-03T20:00+02:00'
	run_ok pg-wide-ledger cutoff
	is "$(<"$out")" '2024-01-03 18:00:00'
}

@test "ledger: another length of chunks waits until none is open" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	run_rc 78 pg-wide-ledger plan --chunk 6h
	has "$err" 'job 1 has open chunks of 1d, not 6h'
	migrate 1
	plan --chunk 6h --cutoff-time '2024-01-04'
	is "$(chunks | grep pending)" 'A|2024-01-03 17:00:00|2024-01-03 18:00:00|pending'
}

@test "ledger: nothing is planned behind the last row, so nothing is done before it comes" {
	narrow
	plan --cutoff-time '2100-01-01'
	has "$err" 'the cutoff lies in the future, so this run ends now'
	is "$(chunks | tail -n 1)" 'B|2024-01-03 00:00:00|2024-01-04 00:00:00|pending'
	migrate 1
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('B', 'y', '2024-02-01 12:00:00', 1, 'Decimal')"
	plan
	is "$(chunks | tail -n 1)" 'B|2024-02-01 00:00:00|2024-02-02 00:00:00|pending'
	# nor what is not over: rows that come later into the chunk of now are carried over, too
	local each now="(now() AT TIME ZONE 'UTC')"
	for each in "$now - interval '1 s'" "$now"; do
		sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format)
			VALUES ('C', 'y', $each, 1, 'Decimal')"
		wait_until 10 sql "SELECT 1 / (max(created_time) < date_trunc('second', $now))::int
			FROM tenant.tbl_data_timeseries"
		plan --until tomorrow
		migrate 1
	done
	same_rows 'SELECT created_time FROM tenant.tbl_data_timeseries_c' \
		"SELECT created_time FROM tenant.tbl_data_timeseries WHERE ship_id = 'C'"
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries_c')" 2
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE chunk_to > $now")" 0
	# nor is it complete before the cutoff is there; one of the future is there already
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('C', 'y', '2099-01-01', 1, 'Decimal')"
	plan
	migrate 1
	run_ok pg-wide-ledger status
	has "$out" 'not all up to the cutoff was planned'
	has_no "$out" completed
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE created_time = '2099-01-01';
		UPDATE ferry.job SET cutoff = date_trunc('second', $now) - interval '1 s'"
	plan
	run_ok pg-wide-ledger status
	has "$out" completed 'what was committed before its chunk was read'
	migrate 1
	run_ok pg-wide-validate
}

@test "ledger: other types for the same tables, and too many chunks, are refused" {
	narrow
	plan --cutoff-time '2024-01-03'
	run_rc 78 pg-wide-ledger plan --types native
	has "$err" 'job 1 makes columns of types text, not native'
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT 'A', 'x', timestamp '2023-12-01' + n * interval '390 s', 1, 'Decimal'
		FROM generate_series(1, 3000) AS n"
	run_rc 78 pg-wide-ledger plan --chunk 1s --target-schema other --cutoff-time '2024-01-03'
	has "$err" 'at most 1000000 are planned' 'take a longer --chunk'
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE chunk_to - chunk_from < '1 h'")" 0
}

@test "ledger: where a ship has no rows for years there is one chunk" {
	narrow
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('A', 'x', '0001-01-01', 1, 'Decimal'),
			('A', 'x', '9999-12-31 23:00', 2, 'Decimal')"
	plan --live --chunk 1h
	is "$(chunks | sed -n '2p; $p')" 'A|0001-01-01 01:00:00|2024-01-01 05:00:00|pending
B|2024-01-03 00:00:00|2024-01-03 01:00:00|pending'
	is "$(sql "SELECT count(*), sum(chunk_to - chunk_from) =
		(timestamp '9999-12-31' + '1 d') - '0001-01-01'
		FROM ferry.chunk WHERE ship = 'A'")" '65|t'
	plan --live --chunk 1h
	has "$err" 'job 1: 0 new chunks'
	migrate 1
	run_ok pg-wide-ledger status
	has_no "$out" 'history ends'
	run_ok pg-wide-validate
	is "$(sql "SELECT min(x), max(x) FROM tenant.tbl_data_timeseries_a")" '1|2'
	# what comes into it later is in no other chunk
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('A', 'x', '1024-01-01', 3, 'Decimal')"
	run_rc 1 pg-wide-validate
	run_rc 0 pg-wide-validate --repair
	sql 'DROP INDEX tenant.tbl_data_timeseries_created_time_idx'
	sql 'ALTER TABLE tenant.tbl_data_timeseries DROP CONSTRAINT tbl_data_timeseries_pkey;
		CREATE INDEX ON tenant.tbl_data_timeseries (ship_id, created_time)'
	plan --live --chunk 1h --target-schema other
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE job_id > 1 AND ship = 'A'")" 67
}

@test "ledger: --since and --ship-id leave out what they say" {
	narrow
	run_rc 0 pg-wide-ledger plan --ship-id A --ship-id nobody --new-ship \
		--since '2024-01-02 12:00:00' --cutoff-time '2024-01-04'
	has "$err" 'ship "nobody" has no rows in tenant.tbl_data_timeseries'
	is "$(chunks)" 'A|2024-01-02 12:00:00|2024-01-03 00:00:00|pending
A|2024-01-03 00:00:00|2024-01-04 00:00:00|pending'
}

@test "ledger: names that their type or collation takes for equal are those they are" {
	local type
	sql "CREATE EXTENSION citext;
		CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2',
			deterministic = false)"
	for type in citext 'text COLLATE folds'; do
		narrow
		sql "ALTER TABLE tenant.tbl_data_timeseries ALTER ship_id TYPE $type,
				ALTER data_channel_id TYPE $type;
			INSERT INTO tenant.tbl_data_timeseries
				(ship_id, data_channel_id, created_time, double_v, value_format)
			VALUES ('a', 'x', '2024-01-01 06:00', 1, 'Decimal'),
				('A', 'X', '2024-01-01 07:00', 2, 'Decimal');
			CREATE INDEX ON tenant.tbl_data_timeseries (ship_id, created_time)"
		plan --cutoff-time 2024-01-05
		migrate 1
		is "$(sql "SELECT ship, sum(rows) FROM ferry.chunk GROUP BY ship ORDER BY ship")" \
			$'A|5\nB|2\na|1'
		is "$(sql 'SELECT count(*), count(x), sum("X"::float)
			FROM tenant.tbl_data_timeseries_a')" '5|4|2'
		run_ok pg-wide-validate
		sql 'DROP SCHEMA ferry, tenant CASCADE' 2>/dev/null
	done
}

@test "ledger: an earlier --since than the job was made with is said" {
	narrow
	plan --cutoff-time 2024-01-04 --since 2024-01-03
	has_no "$err" since
	plan --since 2024-01-02
	has "$err" 'the job was made with a later --since, which stays'
	is "$(sql 'SELECT min(chunk_from) FROM ferry.chunk')" '2024-01-03 00:00:00'
	plan --since 2024-01-04
	has_no "$err" since
}

@test "ledger: a ship that a worker meets while it is planned is planned around it" {
	narrow
	plan --cutoff-time 2024-01-02 --ship-id A
	mkfifo worker
	psql -XAtqv ON_ERROR_STOP=1 <worker &
	exec 7>worker
	cat >&7 <<-'END'
		BEGIN;
		INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state)
			VALUES (1, 'B', '2024-01-02', '2024-01-02 23:00', 'done');
	END
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
		WHERE datname = current_database() AND mode = 'RowExclusiveLock'
		AND relation = 'ferry.chunk'::regclass"
	pg-wide-ledger plan --cutoff-time 2024-01-04 >job 2>said 7>&- &
	planner=$!
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND datname = current_database()"
	echo 'COMMIT;' >&7
	exec 7>&-
	run_rc 0 ended "$planner"
	is "$(<job)" 1
	is "$(chunks | grep B)" 'B|2024-01-02 00:00:00|2024-01-02 23:00:00|done
B|2024-01-02 23:00:00|2024-01-03 00:00:00|pending
B|2024-01-03 00:00:00|2024-01-04 00:00:00|pending'
}

@test "ledger: the ship with the fewest rows goes first" {
	narrow
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format)
		SELECT 'A', 'x' || n, '2024-01-02', 1, 'Decimal' FROM generate_series(1, 1000) AS n;
		CREATE INDEX ON tenant.tbl_data_timeseries (ship_id, created_time);
		ANALYZE tenant.tbl_data_timeseries"
	plan --cutoff-time '2024-01-03'
	run_ok pg-narrow-dump --job 1 --seal
	is "$(tail -n +2 "$out" | cut -d , -f 1 | grep . | uniq | head -n 1)" B
}

@test "ledger: status in every form" {
	narrow
	run_rc 78 pg-wide-ledger status
	has "$err" 'nothing was planned'
	plan --cutoff-time '2024-01-03 17:00:00'
	migrate 1
	sql "UPDATE ferry.chunk SET state = 'failed', error = 'it broke | twice'
		WHERE ship = 'B' AND chunk_from = '2024-01-03'"
	run_ok pg-wide-ledger status
	has "$out" 'job 1: 4 of 5 chunks done, 1 failed (20 %); ' \
		'history ends at 2024-01-03 17:00:00 UTC' 'guarantee: ' 'it broke | twice'
	run_ok pg-wide-ledger status -f csv --ship-id B
	is "$(cut -d , -f 1-7 <"$out")" 'ship,done,failed,left,rows,cells,wide_rows
B,1,1,0,2,2,2'
	run_ok pg-wide-ledger status -f markdown
	has "$out" '| ship | done | failed |' '| it broke \| twice |'
	run_ok pg-wide-ledger status -f json
	cp "$out" status.json
	run_ok python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))
assert (s["job"], s["done"], s["failed"], s["left"]) == (1, 4, 1, 0), s
assert s["ships"][1]["last_error"] == "it broke | twice", s
assert s["ships"][0]["first"] == "2024-01-01 05:00:00", s
assert s["ships"][0]["last"] == "2024-01-03 16:59:59.999999", s' status.json
}

@test "ledger: failed chunks are pending again after retry" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	sql "UPDATE ferry.chunk SET state = 'failed', failures = 3"
	run_rc 0 pg-wide-ledger retry --ship-id B
	has "$err" '2 failed chunks are pending again'
	run_rc 0 pg-wide-ledger retry
	has "$err" '3 failed chunks are pending again'
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'pending' AND failures = 0")" 5
}

@test "ledger: a stage that fails before a seal counts, and three times is the end" {
	local each word=(retrying retrying failed)
	export FERRY_WORKER=$$
	narrow
	plan --cutoff-time '2024-01-03 17:00:00' --chunk 30d --ship-id B
	for each in 0 1 2; do
		run_pipe '0 69 69' "{ pg-narrow-dump --job 1 --seal || :; } |
			via -- sh -c 'cat >/dev/null; exit 9' | pg-copy-load --wide --keep-rejects"
		has_no "$err" warning
		# The reader may have taken it once more before it saw that nobody reads on: no
		# other run of this worker takes it away.
		sql "UPDATE ferry.chunk SET worker = 'w', lease_until = now()
			WHERE state = 'running'"
		is "$(sql 'SELECT failures, attempt >= failures FROM ferry.chunk')" \
			"$((each + 1))|t"
		run_ok pg-wide-ledger status -f json
		is "$(jq -r '.status, .ships[0].status' "$out" | uniq)" "${word[each]}"
		is "$(jq -r '.ships[0].last_error' "$out")" "$(sql 'SELECT error FROM ferry.chunk')"
	done
	run_rc 65 pg-wide-ledger wait
	is "$(sql "SELECT level FROM ferry.event WHERE message ~ '^chunk failed' ORDER BY id")" \
		$'WARNING\nWARNING\nCRITICAL'
}

@test "ledger: a chunk whose readers all die is given up" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00' --chunk 30d --ship-id B
	# a hundred that were killed, each of which left nothing but its claim
	sql "UPDATE ferry.chunk SET state = 'running', attempt = 100, worker = 'w',
		lease_until = now() - interval '1 s'"
	run_ok pg-wide-ledger status -f json
	is "$(jq -r .status "$out")" retrying
	run_ok pg-narrow-dump --job 1 --seal
	has_no "$out" 2024-01-02
	is "$(sql 'SELECT state FROM ferry.chunk')" failed
	has <(sql 'SELECT error FROM ferry.chunk') 'given up: whoever took it has died each time'
	run_ok pg-wide-ledger failed -f json
	is "$(jq -c 'map([.failures, .attempts])' "$out")" '[[1,100]]'
	run_rc 65 pg-wide-ledger wait
	# and a person may want one more try
	run_rc 0 pg-wide-ledger retry
	migrate 1
	run_ok pg-wide-ledger wait
}

@test "ledger: wait tells done, something to claim, and failed for good" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	run_rc 75 pg-wide-ledger wait
	migrate 1
	run_ok pg-wide-ledger wait
	sql "UPDATE ferry.chunk SET state = 'failed' WHERE ship = 'A'"
	run_rc 65 pg-wide-ledger wait
	run_ok pg-wide-ledger wait --ship-id B
}

@test "ledger: a ship that is not there is not followed, unless it is to come" {
	narrow
	for each in slot poll; do
		run_rc 78 pg-wide-ledger follow --follow "$each" -s A -s TYPO
		has "$err" 'ship "TYPO" has no rows in tenant.tbl_data_timeseries' '--new-ship'
	done
	is "$(sql 'SELECT count(*) FROM pg_publication')" 0
	is "$(sql 'SELECT count(*) FROM ferry.job')" 0
	run_rc 78 narrow-to-wide --mode realtime --since 2024-01-01 --ship-id TYPO
	has "$err" '--new-ship'
	run_rc 0 pg-wide-ledger follow --follow poll -s A -s TYPO --new-ship
	run_rc 64 pg-wide-ledger follow --new-ship
}

# bats test_tags=whole
@test "ledger: progress is said every ten seconds, until nothing is left" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	pg-wide-ledger progress 2>progress.err &
	local teller=$!
	migrate 1
	run_rc 0 ended "$teller"
	has progress.err '5 of 5 chunks done, 0 at work, 0 failed, 5 rows'
	run_ok pg-wide-ledger progress
}

@test "ledger: wait waits for others, until one is done or its lease is over" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	sql "UPDATE ferry.chunk SET state = 'running', worker = 'elsewhere/1.1:5:5', attempt = 1,
		lease_until = now() + interval '1 h'"
	pg-wide-ledger wait 2>wait.err &
	local waiter=$!
	# it has asked once more than at its beginning, and is there
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'pg-wide-ledger'
		AND query_start > backend_start + interval '1 s'"
	kill -0 "$waiter"
	sql "UPDATE ferry.chunk SET lease_until = now() - interval '1 s' WHERE ship = 'B'"
	run_rc 75 ended "$waiter"
}

@test "ledger: chunks of the living are left alone, those of the dead and late are taken over" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	# by a pipeline of its own this learns the name of a worker of this host
	migrate 1
	local me host start
	start=$(cut -d ' ' -f 22 "/proc/$$/stat")
	me=$(sql "SELECT DISTINCT worker FROM ferry.chunk")
	host=${me%%:*}
	# alive (this shell), dead on this host, unknown elsewhere, late elsewhere
	sql "UPDATE ferry.chunk SET state = 'running', lease_until = now() + interval '1 h',
		worker = '$host:$$:$start';
		UPDATE ferry.chunk SET worker = '$me' WHERE chunk_from = '2024-01-01';
		UPDATE ferry.chunk SET worker = 'elsewhere/1.1:5:5' WHERE ship = 'B';
		UPDATE ferry.chunk SET lease_until = now() - interval '1 s'
		WHERE ship = 'B' AND chunk_from = '2024-01-03'"
	migrate 1
	is "$(sql "SELECT ship, chunk_from::date, state, attempt FROM ferry.chunk ORDER BY 1, 2")" \
		'A|2024-01-01|done|2
A|2024-01-02|running|1
A|2024-01-03|running|1
B|2024-01-02|running|1
B|2024-01-03|done|2'
}

@test "ledger: another user's worker is alive also where /proc does not show it" {
	local job worker user
	((EUID == 0)) && unshare -m true || skip 'no mount namespaces here'
	user=$(stat -c %u "$PGHOST") # who may use the socket
	narrow
	job=$(pg-wide-ledger plan -q --cutoff-time 2024-01-04)
	sleep 600 3>&- &
	worker=$!
	FERRY_WORKER=$worker run_ok pg-narrow-dump --job "$job" --seal
	is "$(sql 'SELECT DISTINCT state FROM ferry.chunk')" running
	# shellcheck disable=SC2016
	run_ok unshare -m bash -c 'mount -t proc -o hidepid=2 proc /proc &&
		exec setpriv --reuid "$1" --regid "$1" --clear-groups \
			pg-narrow-dump --job "$2" --seal' - \
		"$user" "$job"
	kill "$worker"
	wait "$worker" || :
	is "$(sql 'SELECT DISTINCT attempt FROM ferry.chunk')" 1
	is "$(grep -c '^[AB],' "$out")" 0
	run_ok pg-narrow-dump --job "$job" --seal
	is "$(grep -c '^[AB],' "$out")" 6
}

@test "ledger: two parts of one range taken over one after the other are each read once" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	migrate 1
	# B of the last range is free at once, A is found only when the dead are looked for
	sql "UPDATE ferry.chunk SET state = CASE ship WHEN 'A' THEN 'running' ELSE 'pending' END,
		lease_until = now() + interval '1 h' WHERE chunk_from = '2024-01-03'"
	migrate 1
	is "$(sql "SELECT ship, state, attempt, rows FROM ferry.chunk
		WHERE chunk_from = '2024-01-03' ORDER BY 1")" 'A|done|2|1
B|done|2|1'
}

@test "ledger: who was taken over cannot finish, and loads nothing" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	run_ok pg-narrow-dump --job 1 --seal -O dump.csv
	run_ok pivot-wide --seal -O wide.csv dump.csv
	sql "UPDATE ferry.chunk SET attempt = attempt + 1, worker = 'elsewhere/1.1:5:5'
		WHERE chunk_from = '2024-01-02' AND ship = 'B'"
	run_rc 75 pg-copy-load --wide wide.csv
	has "$err" 'another worker has taken this chunk over'
	is "$(sql "SELECT ship, chunk_from::date, state FROM ferry.chunk WHERE state = 'done'
		ORDER BY 1, 2")" 'A|2024-01-01|done'
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_a")" 1
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_b')")" ''
}

@test "ledger: the same chunks loaded twice are refused the second time" {
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	run_ok pg-narrow-dump --job 1 --seal -O dump.csv
	run_ok pivot-wide --seal -O wide.csv dump.csv
	run_rc 0 pg-copy-load --wide wide.csv
	run_rc 75 pg-copy-load --wide wide.csv
	is "$(sql "SELECT sum(rows), count(*) FROM ferry.chunk WHERE state = 'done'")" '5|5'
}

@test "ledger: a reader that is stopped in the middle gives its chunk back" {
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	narrow
	plan --cutoff-time '2024-01-03 17:00:00'
	KP_STOP=dump_row:1 pg-narrow-dump --job 1 --seal >dump.csv 2>dump.err &
	local reader=$!
	wait_until 10 grep -q '^State:.*stopped' "/proc/$reader/status"
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'running'")" 1
	kill -TERM "$reader"
	kill -CONT "$reader"
	run_rc 143 ended "$reader"
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'running'")" 0
	migrate 1
	run_ok pg-wide-validate
}

@test "ledger: a chunk that was given back a hundred times is not given up" {
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	narrow
	plan --cutoff-time '2024-01-03 17:00:00' --chunk 30d --ship-id B
	sql 'UPDATE ferry.chunk SET attempt = 99'
	KP_STOP=dump_row:1 pg-narrow-dump --job 1 --seal >dump.csv 2>dump.err &
	local reader=$!
	wait_until 10 grep -q '^State:.*stopped' "/proc/$reader/status"
	is "$(sql 'SELECT state, attempt FROM ferry.chunk')" 'running|100'
	kill -TERM "$reader"
	kill -CONT "$reader"
	run_rc 143 ended "$reader"
	run_ok pg-wide-ledger status -f json
	is "$(jq -r '.status' "$out")" pending
	migrate 1
	is "$(sql 'SELECT DISTINCT state FROM ferry.chunk')" 'done'
}

@test "ledger: init is safe to do at once from many sides" {
	local each
	for each in 1 2 3 4 5 6; do
		pg-wide-tables list 2>>init.err &
	done
	narrow
	for each in 1 2 3 4 5 6; do
		pg-wide-ledger plan --cutoff-time '2024-01-03' >>job.numbers 2>>init.err &
	done
	wait
	# whose number may be a later one: who came second had taken the first
	is "$(sql "SELECT job_id FROM ferry.job")" "$(sort -u job.numbers)"
	[[ $(<job.numbers) ]]
	has_no init.err error
	is "$(sql "SELECT count(*) FROM ferry.chunk")" 3
}

@test "ledger: a source that wrote more between two looks was not set back" {
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	narrow
	plan --cutoff-time 2024-01-03
	KP_STOP=origin:1 pg-wide-ledger plan --cutoff-time 2024-01-03 >one 2>&1 &
	is_stopped() { grep -q '^State:.*stopped' "/proc/$1/status"; }
	wait_until 20 is_stopped $!
	sql "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000)), pg_switch_wal()" >wal
	run_rc 0 pg-wide-ledger plan --cutoff-time 2024-01-03
	kill -CONT $!
	wait $! || {
		cat one
		false
	}
}

@test "ledger: a user who may not make schemas can use one that is there" {
	narrow
	plan --cutoff-time '2024-01-03'
	sql "DROP ROLE IF EXISTS ledger_reader; CREATE ROLE ledger_reader LOGIN;
		GRANT USAGE ON SCHEMA ferry, tenant TO ledger_reader;
		GRANT SELECT ON ALL TABLES IN SCHEMA ferry, tenant TO ledger_reader"
	PGUSER=ledger_reader run_ok pg-wide-ledger status
	PGUSER=ledger_reader run_rc 77 pg-wide-ledger retry
	has "$err" 'permission denied'
	PGUSER=ledger_reader run_rc 77 pg-wide-ledger plan --target-prefix other_ \
		--cutoff-time 2024-01-03
	sql "DROP OWNED BY ledger_reader; DROP ROLE ledger_reader"
}

# without_data: the tables of the ledger as pg_dump writes them, whatever the order of columns
without_data() {
	pg_dump --schema ferry --schema-only --no-owner --no-acl |
		sed -e '/^--/d; /^$/d; /^\\/d' -e 's/,$//' | sort
}

@test "ledger: one of an older release is upgraded with all it says, a newer one is refused" {
	local each kept fresh
	narrow
	plan --cutoff-time 2024-01-03
	fresh=$(without_data)
	for each in "$root"/t/cases/ledger/*.sql; do
		sql "DROP SCHEMA ferry CASCADE"
		sql <"$each"
		kept=$(chunks)
		run_rc 0 pg-wide-ledger status --job 2
		has "$err" 'the ledger is upgraded from version'
		is "$(chunks)" "$kept"
		is "$(without_data)" "$fresh" "$each"
		run_ok pg-wide-ledger status --job 2
	done
	sql "UPDATE ferry.version SET version = version + 1"
	run_rc 78 pg-wide-ledger status --job 2
	has "$err" 'and this program knows only those up to' 'a newer ferry'
}

@test "ledger: no program does anything with one of a newer release" {
	local command bad=0
	local -a all=('pg-narrow-dump --job 1 --seal'
		'pg-narrow-dump --job 1 --seal --follow poll'
		'pg-narrow-dump --job 1 --seal --follow slot'
		'pg-copy-load --wide --live <wide.csv'
		'pg-copy-load --wide <wide.csv'
		'pg-dual-load <feed.csv' 'pg-wide-validate --job 1' 'pg-wide-validate --repair')

	for command in 'plan --cutoff-time 2024-01-04' 'plan --live' 'follow --follow poll' \
		unfollow accept retry status 'watch --once' cutoff; do
		all+=("pg-wide-ledger $command")
	done
	for command in create list relations save analyze register 'rollback --yes'; do
		all+=("pg-wide-tables $command")
	done
	for command in 'migration-only --cutoff-time 2024-01-04' realtime validate \
		'rollback --yes'; do
		all+=("narrow-to-wide --mode $command")
	done
	narrow
	plan --cutoff-time 2024-01-03
	migrate 1
	pg-narrow-dump --seal | pivot-wide --seal >wide.csv
	pg-wide-tables save >saved
	all+=('pg-wide-tables load <saved')
	printf 'ship_id,created_time,data_channel_id,double_v,value_format\n' >feed.csv
	printf 'A,2024-01-01T05:00:01,x,1,Decimal\n' >>feed.csv
	sql "UPDATE ferry.version SET version = version + 1;
		ALTER TABLE ferry.chunk ADD COLUMN later int DEFAULT 7"
	pg_dump | sed '/^.restrict\|^.unrestrict/d' >before
	by_turns 12 "${all[@]}"
	for command in "${turns[@]}"; do
		run_pipe '78' "$command" || bad=1
		has "$err" 'knows only those up to' || bad=1
	done
	pg_dump | sed '/^.restrict\|^.unrestrict/d' >after
	same_file after before
	((!bad))
}
