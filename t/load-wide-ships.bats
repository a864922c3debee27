load helper

# More ships than a server has locks: one with room for a few hundred, six tables a transaction.

ships=300

setup_file() {
	own_cluster --option max_locks_per_transaction=10 --option max_connections=20 \
		--option max_worker_processes=0 --option max_wal_senders=0 \
		--option wal_level=minimal
	sql 'CREATE TABLE expected (ship text, at timestamp, a text, b text, c text,
		PRIMARY KEY (ship, at))'
}

# wide COLUMNS QUERY: a wide stream of all ships, by time, so that every table is met at once
wide() { sql "COPY (SELECT * FROM ($2) AS x (ship_id, created_time, $1) ORDER BY 2, 1)
	TO STDOUT CSV HEADER"; }
of_all() { printf "FROM generate_series(1, %s) AS s, generate_series(1, 3) AS t" $ships; }
at="timestamp '2024-01-01' + t * interval '1 s'"

# Every table has what `expected` has; one statement for each, so that it needs few locks.
all_are_loaded() {
	sql "SELECT format('SELECT %L, created_time, %s FROM tenant.%I;', ship,
			(SELECT string_agg(CASE WHEN EXISTS (SELECT FROM ferry.channel AS c
				WHERE c.ship = o.ship AND channel = n) THEN quote_ident(n)
				ELSE 'NULL' END, ', ' ORDER BY n)
			FROM unnest('{a,b,c}'::text[]) AS n), table_name)
		FROM (SELECT DISTINCT ship, table_name FROM ferry.channel) AS o" >queries
	sql <queries | sort >got
	sql 'TABLE expected' | sort >want
	same_file got want
	is "$(cut -d '|' -f 1 got | sort -u | wc -l)" "$ships"
}

load_all() { timeout -k 5 120 pg-copy-load --wide "$@"; }

@test "ships: new ones, more than the server has locks for" {
	wide 'a, b' "SELECT 'S' || s, $at, s * t, s + t $(of_all)" >in.csv
	run_ok load_all in.csv
	sql "INSERT INTO expected SELECT 'S' || s, $at, s * t, s + t $(of_all)"
	all_are_loaded
}

@test "ships: rows and columns that are there, new ones, and deletions" {
	wide 'a, c' "SELECT 'S' || s, $at, s, CASE s % 3 WHEN 0 THEN s * t END $(of_all)" |
		reformat -o ndjson | jq -c 'if .c == null then .c |= null else . end |
			if .created_time > "2024-01-01 00:00:02" then .b = null
			else . end' >in.ndjson
	# in the middle of it: the same again makes it whole
	KP_KILL=between_turns:5 run_rc 137 load_all --live in.ndjson
	run_ok load_all --live in.ndjson
	sql "UPDATE expected SET a = s, c = CASE s % 3 WHEN 0 THEN s * t END,
		b = CASE t WHEN 3 THEN NULL ELSE b END $(of_all) WHERE ship = 'S' || s AND at = $at"
	all_are_loaded
}

# transactions COMMAND...: how many the database has seen meanwhile
transactions() {
	local -i before after
	local count='SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()'
	before=$(sql "$count")
	"$@" >/dev/null
	after=$(sql "$count")
	printf '%s' "$((after - before))"
}

@test "ships: what is there is asked for many at once" {
	# a few tables in a transaction
	(($(transactions pg-wide-tables analyze) < ships / 2))
}

@test "ships: a stream that is cut loads nothing of any" {
	wide 'a' "SELECT 'S' || s, $at, -1 $(of_all)" >plain.csv
	reformat --seal plain.csv >in.csv
	head -n 800 in.csv >cut.csv
	run_rc 76 load_all --live cut.csv
	all_are_loaded
}

@test "ships: what a chunk of a job names is read many at once" {
	local job
	sql "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp, v text);
		INSERT INTO n SELECT 'J' || s, 'a', $at, s $(of_all);
		CREATE INDEX ON n (created_time)"
	job=$(pg-wide-ledger plan -t n --value-column v --cutoff-time 2025-01-01)
	run_rc 0 pg-narrow-schema -t n --value-column v --complete -o ndjson -O list.ndjson
	# registered and made a few in a transaction
	register() { pg-wide-tables register <list.ndjson; }
	(($(transactions register) < ships / 2))
	(($(transactions pg-wide-tables create -t n --value-column v) < ships / 2))
	load() { pg-narrow-dump --job "$job" -t n --value-column v --seal | pivot-wide |
		load_all --keep-rejects; }
	# and each ship only once
	(($(transactions load) < ships))
	is "$(sql "SELECT sum(rows), bool_and(state = 'done') FROM ferry.chunk")" "$((ships * 3))|t"
}

@test "ships: of many that are made at once one that cannot be costs no other" {
	local holder
	sql 'CREATE TABLE IF NOT EXISTS n (ship_id text, data_channel_id text,
		created_time timestamp, v text)' 2>/dev/null
	printf '{"ship_id":"%s","data_channel_id":"c","value_format":"String"}\n' \
		Twin TWIN K{1..20} >list.ndjson
	run_rc 0 pg-wide-tables register <list.ndjson
	is "$(sql "SELECT count(DISTINCT table_name), count(*) FILTER (WHERE table_name =
		'tbl_data_timeseries_twin') FROM ferry.channel WHERE ship ILIKE 'twin'")" '2|1'
	sql 'CREATE TYPE tenant.tbl_data_timeseries_k7 AS ENUM ()'
	made() { sql "SELECT count(*) FROM pg_class WHERE relkind = 'r'
		AND relname ~ 'timeseries_(k[0-9]|twin)'"; }
	run_rc 69 pg-wide-tables create -t n --value-column v
	has "$err" 'cannot make the tables of ship "K7"'
	is "$(made)" 17 # those before it
	sql 'DROP TYPE tenant.tbl_data_timeseries_k7'
	run_rc 0 pg-wide-tables create -t n --value-column v
	is "$(made)" 22
	# a ship whose table somebody holds is waited for
	sed 's/"c"/"d"/' list.ndjson | pg-wide-tables register
	psql -Xq -c 'BEGIN' -c 'SELECT FROM tenant.tbl_data_timeseries_k3' \
		-c 'SELECT pg_sleep(600)' >hold.log 2>&1 3>&- &
	holder=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
	pg-wide-tables create -t n --value-column v >create.out 2>&1 3>&- &
	with_d() { sql "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		WHERE relname ~ 'timeseries_(k[0-9]|twin)' AND relkind = 'r' AND attname = 'd'"; }
	some_have() { (($(with_d) > 2)); }
	wait_until 20 some_have
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE wait_event = 'PgSleep'" >/dev/null
	wait "$!" # the last one that was begun
	wait "$holder" || :
	is "$(with_d)" 22
}

@test "ships: of many a half is made by a second process, and none is done before both are" {
	sql 'CREATE TABLE IF NOT EXISTS n (ship_id text, data_channel_id text,
		created_time timestamp, v text)' 2>/dev/null
	seq -f '{"ship_id":"P%g","data_channel_id":"c"}' "$ships" >list.ndjson
	run_rc 0 pg-wide-tables register --target-prefix half_ <list.ndjson
	sql "CREATE TABLE made (pid int);
		CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
			'BEGIN INSERT INTO public.made VALUES (pg_backend_pid()); END';
		CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
			EXECUTE FUNCTION note();
		CREATE TYPE tenant.half_p99 AS ENUM ()" # the last of all
	create() { pg-wide-tables create -t n --value-column v --target-prefix half_; }
	run_rc 69 create
	has "$err" 'cannot make the tables of ship "P99"'
	sql 'DROP TYPE tenant.half_p99'
	run_rc 0 create
	has "$err" "$ships tables of $ships ships are there"
	sql 'DROP EVENT TRIGGER note'
	is "$(sql "SELECT count(*) FROM pg_class
		WHERE relkind = 'r' AND relname ~ '^half_'")" "$ships"
	# the first run's two, and whoever made the last one
	is "$(sql 'SELECT count(*), count(DISTINCT pid) FROM made')" "$ships|3"
}
