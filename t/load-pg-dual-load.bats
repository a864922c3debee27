# The feed into both tables: pg-dual-load, and narrow-to-wide --mode dual-write over it.
load helper
load oracle
load json

setup() {
	helper_setup
	scratch_db
	cutoff=9999-12-31
}

# narrow_table: the one of production, empty, in the database of the test
narrow_table() {
	sql "CREATE SCHEMA IF NOT EXISTS tenant;
		CREATE TABLE tenant.tbl_data_timeseries (id bigserial, ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			server_created_time timestamp, bool_v boolean, str_v text, long_v bigint,
			double_v double precision, value_format varchar(50),
			PRIMARY KEY (ship_id, data_channel_id, created_time));
		CREATE INDEX ON tenant.tbl_data_timeseries (created_time DESC)"
}

# feed ROW...: the file f.csv; each row is SHIP,TIME,CHANNEL,VALUE,FORMAT
feed() {
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format "$@" >f.csv
}

narrow() {
	sql 'SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v, double_v,
		value_format FROM tenant.tbl_data_timeseries ORDER BY 1, 2, 3, id' >got
	printf '%s\n' "$@" >want
	same_file got want
}

# recorded SHIPS CHANNELS ROWS [OPTION...]: production-shaped rows as a feed, feed.csv, in the
# order they arrived in (late ones late); the table is empty then
recorded() {
	"$root/t/telemetry" "$@"
	sql "COPY (SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v, double_v,
			value_format, server_created_time
		FROM tenant.tbl_data_timeseries ORDER BY id)
		TO STDOUT (FORMAT csv, HEADER)" >feed.csv
	sql 'CREATE TABLE all_rows AS TABLE tenant.tbl_data_timeseries;
		TRUNCATE tenant.tbl_data_timeseries'
}

# all_there: both tables have everything that was fed
all_there() {
	same_rows 'SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format, server_created_time
			FROM tenant.tbl_data_timeseries' \
		'SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format, server_created_time FROM all_rows'
	is_carried_over
}

@test "dual-load: a value goes to its column in the narrow table and to its cell in the wide one" {
	narrow_table
	feed 'S1,2024-01-01 00:00:00,a,1.50,Decimal' 'S1,2024-01-01T00:00:00Z,b,7,Integer' \
		'S1,2024-01-01 00:00:00,c,"x,""y""",String' \
		'S1,2024-01-01 09:00:15+09:00,d,t,Boolean' 'S2,2024-01-01 00:00:00,a,"",String'
	run_rc 0 pg-dual-load f.csv
	has "$err" '5 rows in 1 transactions, 5 values read back'
	narrow 'S1|2024-01-01 00:00:00|a||||1.5|Decimal' 'S1|2024-01-01 00:00:00|b|||7||Integer' \
		'S1|2024-01-01 00:00:00|c||x,"y"|||String' \
		'S1|2024-01-01 00:00:15|d|t||||Boolean' 'S2|2024-01-01 00:00:00|a|||||String'
	is "$(sql 'SELECT * FROM tenant.tbl_data_timeseries_s1 ORDER BY 1')" \
		'2024-01-01 00:00:00|1.5|7|x,"y"|
2024-01-01 00:00:15||||true'
	is_carried_over
	# the text options of filters, and what --stats counts
	printf '# feed\nS3;2024-01-01 00:00:00;a;\xb0\xa1;String\n' >k.txt
	run_rc 0 pg-dual-load --delimiter ';' --comment '#' --encoding EUC-KR --stats s \
		--names ship_id,created_time,data_channel_id,value,value_format k.txt
	is "$(sql 'SELECT a FROM tenant.tbl_data_timeseries_s3')" 가
	is "$(jq -c '[.rows_in, .rows_out, .checked]' s)" '[1,1,1]'
	as_said stats <s
}

@test "dual-load: what comes again replaces in both, the last one counts, no value erases none" {
	narrow_table
	feed 'S,2024-01-01,a,1,Decimal' 'S,2024-01-01,b,1,Decimal' 'S,2024-01-01,a,2,Decimal'
	run_rc 0 pg-dual-load f.csv
	feed 'S,2024-01-02,a,9,Decimal' 'S,2024-01-01,b,,Decimal' 'S,2024-01-01,a,3,Decimal' \
		'S,2024-01-01,c,,Decimal' 'S,2024-01-03,a,,Decimal'
	run_rc 0 pg-dual-load f.csv
	narrow 'S|2024-01-01 00:00:00|a||||3|Decimal' 'S|2024-01-01 00:00:00|b||||1|Decimal' \
		'S|2024-01-01 00:00:00|c|||||Decimal' 'S|2024-01-02 00:00:00|a||||9|Decimal' \
		'S|2024-01-03 00:00:00|a|||||Decimal'
	is "$(sql 'SELECT * FROM tenant.tbl_data_timeseries_s ORDER BY 1')" '2024-01-01 00:00:00|3|1
2024-01-02 00:00:00|9|
2024-01-03 00:00:00||'
	is_carried_over
	# nor within a chunk, whatever was there before
	feed 'S,2024-01-01,a,8,Decimal' 'S,2024-01-01,a,,Decimal' 'S,2024-01-04,a,5,Decimal' \
		'S,2024-01-04,a,,Decimal' 'S,2024-01-05,a,,Decimal' 'S,2024-01-05,a,6,Decimal'
	run_rc 0 pg-dual-load f.csv
	is "$(sql "SELECT string_agg(a, ' ' ORDER BY created_time)
		FROM tenant.tbl_data_timeseries_s")" '8 9 5 6'
	is_carried_over
	# its key is the table's own, whatever tables inherit from it
	sql 'CREATE TABLE tenant.child () INHERITS (tenant.tbl_data_timeseries)'
	feed S,2024-01-04,a,7,Decimal
	run_rc 0 pg-dual-load f.csv
	has_no "$err" 'sent again'
	is "$(sql "SELECT double_v FROM tenant.tbl_data_timeseries
		WHERE created_time = '2024-01-04'")" 7
	is_carried_over
}

@test "dual-load: the format of a known channel need not be told again; of a new one it must" {
	narrow_table
	feed S,2024-01-01,a,1.50,Decimal
	run_rc 0 pg-dual-load f.csv
	printf '{"ship_id":"S","created_time":"%s","data_channel_id":"a","value":2.50}\n' \
		2024-01-02 >f.json
	run_rc 0 pg-dual-load f.json
	narrow 'S|2024-01-01 00:00:00|a||||1.5|Decimal' 'S|2024-01-02 00:00:00|a||||2.5|Decimal'
	sed 's/"a"/"new"/' f.json >g.json
	run_rc 65 pg-dual-load g.json
	has "$err" 'g.json:1' 'no format, and none is known of this channel'
}

@test "dual-load: several files are one feed" {
	narrow_table
	feed 'S1,2024-01-01,a,1,Decimal' && mv f.csv 1.csv
	feed 'S1,2024-01-02,a,2,Decimal'
	run_rc 0 pg-dual-load 1.csv f.csv
	narrow 'S1|2024-01-01 00:00:00|a||||1|Decimal' 'S1|2024-01-02 00:00:00|a||||2|Decimal'
	is_carried_over
	run_rc 76 pg-dual-load 1.csv <(cat f.csv)
}

@test "dual-load: records in the table's own columns, others of the table passed on" {
	recorded 3 30 3000
	run_rc 0 pg-dual-load feed.csv
	all_there
	# again: the same
	run_rc 0 pg-dual-load feed.csv
	all_there
}

@test "dual-load: values of native types" {
	narrow_table
	feed S,2024-01-01,a,1.50,Decimal S,2024-01-01,b,007,Integer S,2024-01-01,c,f,Boolean \
		S,2024-01-01,d,1.50,String S,2024-01-02,a,-Infinity,Decimal \
		S,2024-01-02,a,1e-5,Decimal
	run_rc 0 pg-dual-load --types native f.csv
	is "$(sql "SELECT pg_typeof(a), a, b, c, d FROM tenant.tbl_data_timeseries_s ORDER BY
			created_time")" 'double precision|1.5|7|f|1.50
double precision|1e-05|||'
	# a format that does not fit the column there is
	feed S,2024-01-03,d,1,Integer S,2024-01-03,b,1.5,Decimal
	run_rc 65 pg-dual-load --types native f.csv
	has "$err" 'f.csv:3' 'does not fit the type of its wide column: "1.5"'
	narrow 'S|2024-01-01 00:00:00|a||||1.5|Decimal' 'S|2024-01-01 00:00:00|b|||7||Integer' \
		'S|2024-01-01 00:00:00|c|f||||Boolean' 'S|2024-01-01 00:00:00|d||1.50|||String' \
		'S|2024-01-02 00:00:00|a||||1e-05|Decimal'
}

@test "dual-load: column groups, timestamptz, names of columns" {
	"$root/t/telemetry" 2 40 4000 --type timestamptz
	sql "ALTER TABLE tenant.tbl_data_timeseries RENAME ship_id TO vessel;
		COPY tenant.tbl_data_timeseries (vessel, created_time, data_channel_id, bool_v,
			str_v, long_v, double_v, value_format)
		TO STDOUT (FORMAT csv, HEADER)" >feed.csv
	sql 'CREATE TABLE all_rows AS TABLE tenant.tbl_data_timeseries;
		TRUNCATE tenant.tbl_data_timeseries'
	run_rc 0 pg-dual-load --ship-column vessel --group-columns 15 feed.csv
	same_rows 'SELECT vessel, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format FROM tenant.tbl_data_timeseries' \
		'SELECT vessel, created_time, data_channel_id, bool_v, str_v, long_v,
			double_v::text, value_format FROM all_rows'
	sql 'ALTER TABLE tenant.tbl_data_timeseries RENAME vessel TO ship_id'
	is_carried_over
}

@test "dual-load: channels that are named like columns" {
	local name n=0
	local -a rows=()
	narrow_table
	for name in a ship_id @ship_id created_time @created_time @seal @@seal; do
		rows+=("S,2024-01-01 00:00:00,$name,$((n += 1)),Integer")
	done
	feed "${rows[@]}"
	run_rc 0 pg-dual-load f.csv
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 7
	is_carried_over
}

@test "dual-load: bad records stop it before anything is written, or are kept aside for both" {
	narrow_table
	local bad each
	for bad in 'S,soon,a,1,Decimal=not an instant' ',2024-01-01,a,1,Decimal=is empty' \
		'S,2024-01-01,,1,Decimal=is empty' \
		'S,2024-01-01,a,hot,Decimal=not a double precision' \
		'S,2024-01-01,a,1.5,Integer=not an integer' \
		'S,2024-01-01,a,yes,Boolean=neither true' \
		'S,2024-01-01,a,1,Enumeration=unknown format'; do
		feed 'S,2024-01-01,z,1,Decimal' "${bad%%=*}" 'S,2024-01-02,z,2,Decimal'
		run_rc 65 pg-dual-load f.csv
		has "$err" 'f.csv:3' "${bad#*=}"
		# that many are allowed says nothing of where they are kept
		run_rc 64 pg-dual-load --max-rejects 5 f.csv
		is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 0
		run_rc 0 pg-dual-load --rejects bad f.csv
		has bad "${bad#*=}"
		narrow 'S|2024-01-01 00:00:00|z||||1|Decimal' 'S|2024-01-02 00:00:00|z||||2|Decimal'
		is_carried_over
		sql 'TRUNCATE tenant.tbl_data_timeseries; TRUNCATE tenant.tbl_data_timeseries_s'
	done
	printf '%s\n' ship_id,created_time,data_channel_id,value,op S,2024-01-01,z,1,d >f.csv
	run_rc 65 pg-dual-load f.csv
	has "$err" 'deletions are not taken'
	printf '%s\n' ship_id,created_time,value S,2024-01-01,1 >f.csv
	run_rc 65 pg-dual-load f.csv
	has "$err" 'no column "data_channel_id"'
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format,quality \
		S,2024-01-01,z,1,Decimal,0 >f.csv
	run_rc 65 pg-dual-load f.csv
	has "$err" '"quality"'
}

@test "dual-load: a refusal of one table takes the rows from both" {
	narrow_table
	feed S,2024-01-01,a,1,Decimal
	run_rc 0 pg-dual-load f.csv
	sql "ALTER TABLE tenant.tbl_data_timeseries ADD CHECK (double_v < 100)"
	feed S,2024-01-02,a,2,Decimal S,2024-01-03,a,200,Decimal
	run_rc 65 pg-dual-load f.csv
	has "$err" 'record 2: the narrow table refuses it'
	narrow 'S|2024-01-01 00:00:00|a||||1|Decimal'
	is_carried_over
	sql "ALTER TABLE tenant.tbl_data_timeseries_s ADD CHECK (a <> '4')"
	feed S,2024-01-02,a,3,Decimal S,2024-01-03,a,4,Decimal
	run_rc 65 pg-dual-load f.csv
	narrow 'S|2024-01-01 00:00:00|a||||1|Decimal'
	is_carried_over
}

@test "dual-write: what a constraint of the narrow table refuses is in neither, and kept" {
	narrow_table
	sql "ALTER TABLE tenant.tbl_data_timeseries ADD CHECK (double_v < 100)"
	feed S,2024-01-02,a,2,Decimal S,2024-01-03,a,200,Decimal S,2024-01-03,b,3,Decimal \
		S,2024-01-02,a,300,Decimal T,2024-01-01,c,400,Decimal T,2024-01-02,c,4,Decimal
	run_rc 0 narrow-to-wide --mode dual-write f.csv
	narrow 'S|2024-01-02 00:00:00|a||||2|Decimal' 'S|2024-01-03 00:00:00|b||||3|Decimal' \
		'T|2024-01-02 00:00:00|c||||4|Decimal'
	is_carried_over
	is "$(sql 'SELECT created_time, a, b FROM tenant.tbl_data_timeseries_s ORDER BY 1')" \
		$'2024-01-02 00:00:00|2|\n2024-01-03 00:00:00||3'
	is "$(sql "SELECT ship, chunk_from, record ->> 'line', record ->> 'raw',
			why LIKE 'the narrow table refuses it: % violates check constraint %'
		FROM ferry.reject ORDER BY record ->> 'line'")" \
		"S|2024-01-03 00:00:00|3|S,2024-01-03,a,200,Decimal|t
S|2024-01-02 00:00:00|5|S,2024-01-02,a,300,Decimal|t
T|2024-01-01 00:00:00|6|T,2024-01-01,c,400,Decimal|t"
	is "$(sql "SELECT ship, rejects FROM ferry.follow_ship ORDER BY 1")" $'S|2\nT|1'
	feed S,2024-01-05,a,200,Decimal
	run_rc 0 pg-dual-load --keep-rejects f.csv
	is_carried_over
	is "$(sql 'SELECT count(*) FROM ferry.reject')" 4
	feed S,2024-01-06,a,6,Decimal S,2024-01-07,a,200,Decimal
	run_rc 0 pg-dual-load --rejects bad f.csv
	has "$err" '1 rows in 1 transactions' '1 of 2 records rejected'
	has bad '"raw":"S,2024-01-07,a,200,Decimal"'
	is_carried_over
}

@test "dual-load: a trigger that changes what is written is found, and nothing is kept" {
	narrow_table
	feed S,2024-01-01,a,1,Decimal
	run_rc 0 pg-dual-load f.csv
	sql "CREATE FUNCTION twist() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN NEW.double_v = NEW.double_v + 1; RETURN NEW; END';
		CREATE TRIGGER twist BEFORE INSERT ON tenant.tbl_data_timeseries
			FOR EACH ROW EXECUTE FUNCTION twist()"
	feed S,2024-01-02,a,5,Decimal
	run_rc 69 pg-dual-load f.csv
	has "$err" 'the narrow table does not say what was written' '"a"' '"5"'
	sql "DROP TRIGGER twist ON tenant.tbl_data_timeseries;
		CREATE FUNCTION turn() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN NEW.a = ''x''; RETURN NEW; END';
		CREATE TRIGGER turn BEFORE INSERT ON tenant.tbl_data_timeseries_s
			FOR EACH ROW EXECUTE FUNCTION turn()"
	run_rc 69 pg-dual-load f.csv
	has "$err" 'the wide table does not say what was written' '"x" instead of "5"'
	narrow 'S|2024-01-01 00:00:00|a||||1|Decimal'
	sql "DROP TRIGGER turn ON tenant.tbl_data_timeseries_s"
	is_carried_over
	# and without an index on the time, by the key
	sql 'DROP INDEX tenant.tbl_data_timeseries_created_time_idx'
	run_rc 0 pg-dual-load f.csv
	is_carried_over
}

@test "dual-load: two databases are refused" {
	narrow_table
	local one=$PGDATABASE
	scratch_db
	feed S,2024-01-01,a,1,Decimal
	run_rc 78 pg-dual-load --source "dbname=$one" f.csv
	has "$err" 'not the same database'
	run_rc 0 pg-dual-load --source "dbname=$one" --target "dbname=$one" f.csv
}

@test "dual-load: a sealed feed commits at its seals; one that is cut keeps those before" {
	recorded 2 20 2000
	reformat --seal feed.csv >sealed.csv
	run_pipe '0 0' 'cat sealed.csv | pg-dual-load'
	all_there
	sql 'TRUNCATE tenant.tbl_data_timeseries'
	run_pipe '0 76' 'head -c 50000 sealed.csv | pg-dual-load'
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 0
	run_pipe '0 76' 'head -n 5 feed.csv | pg-dual-load'
	has "$err" --accept-unsealed
}

# fed FILE: pg-dual-load reads the named pipe p, which descriptor 7 keeps open
start_feed() {
	mkfifo p
	pg-dual-load --accept-unsealed "$@" <p >dual.out 2>dual.err &
	feeder=$!
	exec 7>p
}
rows_are() { [[ $(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries') == "$1" ]]; }

@test "dual-load: the rejects of a feed without seals are there with what is committed" {
	narrow_table
	start_feed --interval 100ms --rejects bad --stats stats
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
		S,2024-01-01,a,1,Decimal S,never,a,2,Decimal S,2024-01-02,a,3,Decimal >&7
	wait_until 20 rows_are 2
	has bad never
	printf '%s\n' S,later,a,4,Decimal S,2024-01-03,a,5,Decimal >&7
	kill -TERM "$feeder"
	run_rc 0 join "$feeder"
	exec 7>&-
	is "$(jq -r .value bad | tr '\n' ' ')" 'never later '
	is "$(jq -c '[.rows_in, .rejects]' stats)" '[5,2]'
	is_carried_over
}

@test "dual-load: a feed without seals is committed in time, and in full when it is stopped" {
	narrow_table
	start_feed --interval 100ms
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
		S,2024-01-01,a,1,Decimal >&7
	wait_until 20 rows_are 1
	is_carried_over
	printf '%s\n' S,2024-01-02,b,1,Decimal T,2024-01-02,c,true,Boolean >&7
	printf 'S,2024-01-03,b,' >&7
	wait_until 20 rows_are 3
	is_carried_over
	kill -TERM "$feeder"
	run_rc 0 join "$feeder"
	rows_are 3
	exec 7>&-
}
join() { wait "$1"; }

@test "dual-load: what a feed had waiting is committed when its next record ends it" {
	local last
	narrow_table
	for last in 'S,2024-01-02' 'S,never,b,1,Decimal\n'; do
		start_feed --interval 1h
		printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
			S,2024-01-01,a,1,Decimal S,2024-01-01,b,2,Decimal >&7
		printf %b "$last" >&7
		exec 7>&-
		run_rc 65 join "$feeder"
		has dual.err 'record 3' 'what came before it is committed: 2 rows'
		rows_are 2
		is_carried_over
		sql 'TRUNCATE tenant.tbl_data_timeseries; TRUNCATE tenant.tbl_data_timeseries_s'
		rm p
	done
	# where that fails, too, both are said
	[[ $FERRY_BIN == */build/* ]] || return 0
	KP_STOP=before_commit:1 start_feed --interval 1h
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
		S,2024-01-01,a,1,Decimal S >&7
	exec 7>&-
	wait_until 20 grep -q '^State:.*stopped' "/proc/$feeder/status"
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND state = 'idle in transaction'" >ended
	kill -CONT "$feeder"
	run_rc 75 join "$feeder"
	has dual.err 'record 2' 'it is not known whether the last chunk was committed'
	rows_are 0
}

@test "dual-load: what a feed had waiting at SIGTERM is committed, also from behind a lock" {
	narrow_table
	start_feed --interval 1h
	exec 6<>p
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
		S,2024-01-01,a,1,Decimal >&7
	wait_until 20 pipe_is_empty
	psql -Xq -c BEGIN -c 'LOCK TABLE tenant.tbl_data_timeseries IN SHARE MODE' \
		-c 'SELECT pg_sleep(600)' 6>&- 7>&- >lock.out 2>&1 &
	wait_until 20 locks_are t 1
	kill -TERM "$feeder"
	wait_until 20 locks_are f 1
	kill -TERM "$feeder" # as a service manager that tells all of them, once more
	rows_are 0
	sql "SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE relation = 'tenant.tbl_data_timeseries'::regclass AND mode = 'ShareLock'"
	run_rc 0 join "$feeder"
	rows_are 1
	is_carried_over
	exec 6>&- 7>&-
}
pipe_is_empty() { ! read -r -t 0 -u 6; }
# locks_are GRANTED COUNT: of the narrow table
locks_are() {
	[[ $(sql "SELECT count(*) FROM pg_locks WHERE granted = '$1' AND database IS NOT NULL
		AND relation = 'tenant.tbl_data_timeseries'::regclass
		AND mode IN ('ShareLock', 'RowExclusiveLock')") == "$2" ]]
}

@test "dual-load: a rollback of a ship ends it, and nothing of the ship comes back" {
	narrow_table
	start_feed --interval 100ms
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format \
		S,2024-01-01,a,1,Decimal T,2024-01-01,a,1,Decimal >&7
	wait_until 20 rows_are 2
	run_rc 0 pg-wide-tables rollback --yes --ship-id S
	printf '%s\n' S,2024-01-02,a,2,Decimal T,2024-01-02,a,2,Decimal >&7
	run_rc 75 join "$feeder"
	exec 7>&-
	rows_are 2
	is "$(sql "SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind = 'r'
		AND relname LIKE 'tbl_data_timeseries_%'")" tbl_data_timeseries_t
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship = 'S'")" 0
}

@test "dual-load: a feed without seals is committed after so many rows, before its time" {
	narrow_table
	start_feed --interval 1h --rows 10
	printf '%s\n' ship_id,created_time,data_channel_id,value,value_format >&7
	for i in {1..25}; do
		printf 'S,2024-01-01 00:00:%02d,a,%d,Decimal\n' "$i" "$i" >&7
	done
	wait_until 20 rows_are 20
	exec 7>&-
	run_rc 0 join "$feeder"
	rows_are 25
	is_carried_over
}

nobody_else() {
	[[ $(sql 'SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()') == 0 ]]
}

@test "dual-load: killed anywhere, both tables say the same; sent again, all of it" {
	recorded 3 40 6000
	reformat --seal feed.csv >sealed.csv
	local place
	for place in columns_made:1 between_tables:1 between_groups:2 before_commit:1 \
		after_commit:1; do
		run_rc 137 env KP_KILL=$place pg-dual-load --group-columns 15 sealed.csv
		wait_until 20 nobody_else
		[[ $(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries') == 0 ]] ||
			all_there
	done
	run_rc 0 pg-dual-load --group-columns 15 sealed.csv
	all_there
}

# bats test_tags=whole
@test "dual-load: killed at any time in a feed without seals that is sent again from the start" {
	recorded 2 30 4000
	local runs=0 rows
	while ((runs < 3)); do
		pg-dual-load --accept-unsealed --rows 97 --group-columns 12 < <(cat feed.csv) \
			>/dev/null 2>&1 &
		pause 50 450
		kill -KILL $! 2>/dev/null || :
		wait $! || :
		runs=$((runs + 1))
		rows=$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')
		# a ship may have a table already, and no row
		((rows == 0)) || same_rows "$(wide)" "$(oracle)"
	done
	run_rc 0 pg-dual-load --accept-unsealed --rows 97 --group-columns 12 < <(cat feed.csv)
	all_there
}

@test "dual-write: narrow-to-wide feeds both, beside a migration of the past" {
	"$root/t/telemetry" 2 20 4000
	sql "COPY (SELECT ship_id, created_time, data_channel_id, bool_v, str_v, long_v, double_v,
			value_format, server_created_time
		FROM tenant.tbl_data_timeseries WHERE id > 3000 ORDER BY id) TO STDOUT
		(FORMAT csv, HEADER)" >feed.csv
	sql 'CREATE TABLE all_rows AS TABLE tenant.tbl_data_timeseries;
		DELETE FROM tenant.tbl_data_timeseries WHERE id > 3000'
	run_pipe '0 0' 'via --source -- cat feed.csv | narrow-to-wide --mode dual-write'
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time "$cutoff" --chunk 10m
	all_there
	run_rc 0 narrow-to-wide --mode validate
	# who is told to end has done what was to be done
	mkfifo p
	narrow-to-wide --mode dual-write --accept-unsealed --interval 1h <p >dual.out 2>dual.err &
	feeder=$!
	exec 6<>p
	exec 7>p
	head -n 3 feed.csv >&7
	wait_until 20 pipe_is_empty
	kill -TERM "$feeder"
	run_rc 0 join "$feeder"
	exec 6>&- 7>&-
	has dual.err '2 rows in 1 transactions'
	run_rc 64 narrow-to-wide --mode dual-write --ship-id S feed.csv
	run_rc 78 env FERRY_SOURCE=dbname=postgres narrow-to-wide --mode dual-write feed.csv
	has "$err" 'not the same database'
}

@test "dual-write: what cannot be taken is kept in the ledger and counted, and all else arrives" {
	local long each
	printf -v long '%01001d' 0
	narrow_table
	feed 'S,2024-01-01,z,1,Decimal' ',2024-01-01,a,1,Decimal' 'S,2024-01-01,,1,Decimal' \
		'S,,a,1,Decimal' 'S,infinity,a,1,Decimal' 'S,0044-03-15 BC,a,1,Decimal' \
		'S,12024-01-01,a,1,Decimal' "S,2024-01-01,$long,1,Decimal" \
		"$long,2024-01-01,a,1,Decimal" $'S,2024-01-01,\xff,1,Decimal' \
		'S,2024-01-01,a,hot,Decimal' 'T,2024-01-01,a,1,Nothing' 'T,2024-01-02,z,2,Decimal'
	run_rc 0 narrow-to-wide --mode dual-write f.csv
	narrow 'S|2024-01-01 00:00:00|z||||1|Decimal' 'T|2024-01-02 00:00:00|z||||2|Decimal'
	is_carried_over
	is "$(sql "SELECT string_agg(record ->> 'line', ' ' ORDER BY id) FROM ferry.reject")" \
		'3 4 5 6 7 8 9 10 11 12 13'
	is "$(sql "SELECT ship, rejects FROM ferry.follow_ship ORDER BY 1")" '|2
S|8
T|1'
	narrow-to-wide --mode status -f json | jq -e '.rejects == 11' >got
	# once more is no more; a limit is one; the past is carried over beside it
	run_rc 0 narrow-to-wide --mode dual-write f.csv
	is "$(sql 'SELECT count(*) FROM ferry.reject')" 11
	narrow-to-wide --mode status -f json | jq -e '.rejects == 11' >got
	run_rc 65 narrow-to-wide --mode dual-write --max-rejects 5 f.csv
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2024-02-01
	run_rc 0 narrow-to-wide --mode validate
	# half a file is no bad record: nothing of it is committed, and it is said
	feed 'S,2024-01-05,z,1,Decimal' 'S,never,z,2,Decimal' 'S,2024-01-06,z,3,Decimal'
	for each in -1 -9 -17; do
		head -c "$each" f.csv >half.csv
		run_rc 65 narrow-to-wide --mode dual-write half.csv
		has "$err" 'send it again whole'
	done
	is "$(sql "SELECT (SELECT count(*) FROM tenant.tbl_data_timeseries
		WHERE created_time > '2024-01-04'), (SELECT count(*) FROM ferry.reject
		WHERE record ->> 'raw' ~ '^S,(never,z|2024-01-06)')")" '0|0'
	# of a feed the whole ones before it are
	run_rc 65 narrow-to-wide --mode dual-write --accept-unsealed < <(cat half.csv)
	is "$(sql "SELECT (SELECT string_agg(created_time::date::text, ' ')
			FROM tenant.tbl_data_timeseries WHERE created_time > '2024-01-04'),
		(SELECT count(*) FROM ferry.reject WHERE record ->> 'raw' ~ '^S,never,z')")" \
		'2024-01-05|1'
	head -c -1 f.csv >half.csv
	run_rc 0 narrow-to-wide --mode dual-write --allow-no-newline half.csv
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries
		WHERE created_time > '2024-01-04'")" 2
	# a feed without an end, of nothing but bad ones
	(feed 'U,never,a,1,Decimal' && cat f.csv && wait_until 20 sql \
		"SELECT 1 / count(*) FROM ferry.reject WHERE ship = 'U'" && : >seen) |
		pg-dual-load --accept-unsealed --keep-rejects --interval 50ms
	[[ -e seen ]]
}

@test "dual-load: a text that the encoding of the database has not" {
	local name=dual_euc_$$
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'EUC_KR' LOCALE 'C'"
	export PGDATABASE=$name PGCLIENTENCODING=UTF8
	narrow_table
	feed 'S,2024-01-01,온도,정상,String' 'S,2024-01-02,온도,🚢,String'
	run_rc 65 pg-dual-load f.csv
	has "$err" 'f.csv:3' 'field "value": a text that the encoding of the database has not'
	run_rc 0 pg-dual-load --keep-rejects f.csv
	narrow 'S|2024-01-01 00:00:00|온도||정상|||String'
	is "$(sql 'SELECT "온도" FROM tenant.tbl_data_timeseries_s')" 정상
	is "$(sql "SELECT record ->> 'value' FROM ferry.reject")" '<f09f9aa2>'
	run_rc 78 pg-dual-load --source-encoding utf-99 f.csv
}

@test "dual-load: what the job reads in another encoding is not written in UTF-8" {
	local name=dual_ascii_$$
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
	export PGDATABASE=$name
	narrow_table
	run_rc 0 pg-wide-ledger plan --source-encoding UHC --cutoff-time 2024-02-01
	feed 'S,2024-01-01,t,1.5,Decimal'
	run_rc 78 pg-dual-load f.csv
	has "$err" 'rows are written in UTF-8, not in "UHC"'
	is "$(sql 'SELECT count(*) FROM tenant.tbl_data_timeseries')" 0
}
