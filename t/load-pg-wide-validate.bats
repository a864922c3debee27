load helper

setup() { helper_setup; }

# production [ROWS [OPTION...]]: three ships with 30 channels, in three tables each, carried over
production() {
	if (($#)); then
		scratch_db
		telemetry "$@"
	else
		filled_db telemetry 6000
	fi
	export job=1 target='--group-columns 12'
}
telemetry() {
	"$root/t/telemetry" 3 30 "$@"
	carry_over --group-columns 12
}

# carry_over [OPTION...]: options of the target
carry_over() {
	pg-wide-ledger plan --cutoff-time '2024-10-03' --chunk 20m "${types[@]}" 2>/dev/null >job ||
		return
	target=$*
	export job=1
	run_pipe '0 0 0' "pg-narrow-dump --job \$job --seal | pivot-wide |
		pg-copy-load --wide --keep-rejects ${types[*]} $target"
}
types=()

# validate CODE [OPTION...]
validate() {
	run_rc "$1" pg-wide-validate "${types[@]}" "${@:2}"
}

# table SHIP GROUP / column SHIP GROUP N: names, quoted
table() { printf 'tenant.tbl_data_timeseries_%s_%s' "$1" "$2"; }
column() {
	sql "SELECT quote_ident(attname) FROM pg_attribute
		WHERE attrelid = '$(table "$1" "$2")'::regclass AND attnum = 1 + $3"
}

# differs N: exactly so many differences are found, and the exit code says it
differs() {
	validate 1
	has "$out" ", $1 differences"
}

one='ctid = (SELECT min(ctid) FROM '

@test "validate: equal, in numbers" {
	production
	validate 0
	has "$out" '6000 rows, ' ', 0 differences'
	is "$(tr -d , <"$out" | awk '$1 ~ /^IMO/ { r += $4; c += $5; w += $6 }
		END { print r, c, w }')" \
		"$(sql "SELECT count(*),
			count(coalesce(double_v::text, long_v::text, str_v, bool_v::text)),
			count(DISTINCT (ship_id, created_time)) FROM tenant.tbl_data_timeseries" |
			tr '|' ' ')"
}

@test "validate: a lost value, a changed one, one too many, one out of nothing" {
	local t c
	production
	t=$(table imo9999993 2) c=$(column imo9999993 2 1)
	sql "UPDATE $t SET $c = NULL WHERE $one $t WHERE $c IS NOT NULL)"
	differs 1
	has "$out" ' missing'
	sql "UPDATE $t SET $c = 'x' WHERE $c IS NULL AND $one $t WHERE $c IS NULL)"
	validate 1
	t=$(table imo9999994 1) c=$(column imo9999994 1 2)
	sql "UPDATE $t SET $c = $c || '0' WHERE $one $t WHERE $c IS NOT NULL)"
	validate 1 --ship-id IMO9999994
	has "$out" ', 1 differences' ' differs'
	t=$(table imo9999995 3) c=$(column imo9999995 3 2)
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ctid = (SELECT ctid FROM
		tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999995' AND double_v IS NOT NULL
		LIMIT 1)"
	validate 1 --ship-id IMO9999995
	has "$out" ', 1 differences' ' not in the source'
}

@test "validate: an empty string is not NULL, -0 is not 0, 007 is not 7" {
	scratch_db
	"$root/t/telemetry" 1 3 30
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, str_v, double_v, value_format) VALUES
		('S', 's', '2024-10-01', '', NULL, 'String'),
		('S', 'z', '2024-10-01', NULL, '-0', 'Decimal'),
		('S', 'o', '2024-10-01', '007', NULL, 'String')"
	carry_over
	validate 0
	sql 'UPDATE tenant.tbl_data_timeseries_s SET s = NULL'
	differs 1
	sql "UPDATE tenant.tbl_data_timeseries_s SET s = '', z = '0'"
	differs 1
	sql "UPDATE tenant.tbl_data_timeseries_s SET z = '-0', o = '7'"
	differs 1
	sql "UPDATE tenant.tbl_data_timeseries_s SET o = '007'"
	validate 0
}

@test "validate: swapped columns, swapped rows, swapped ships" {
	local t a b swap
	production
	t=$(table imo9999993 2) a=$(column imo9999993 2 1) b=$(column imo9999993 2 2)
	# one row: two cells whose sum and count are as before
	swap="UPDATE $t SET $a = $b, $b = $a
		WHERE created_time = (SELECT min(created_time) FROM $t WHERE $a <> $b)"
	sql "$swap"
	differs 2
	sql "$swap"
	# all of two columns, as after a mistaken rename
	sql "ALTER TABLE $t RENAME $a TO aside; ALTER TABLE $t RENAME $b TO $a;
		ALTER TABLE $t RENAME aside TO $b"
	validate 1
	has "$out" '20 or more differences'
	sql "ALTER TABLE $t RENAME $a TO aside; ALTER TABLE $t RENAME $b TO $a;
		ALTER TABLE $t RENAME aside TO $b"
	validate 0
	# two instants change places, in one of the tables
	sql "CREATE TABLE aside AS SELECT created_time AS t,
			lead(created_time) OVER (ORDER BY created_time) AS u
			FROM $t ORDER BY 1 LIMIT 1;
		UPDATE $t SET created_time = '1999-01-01' FROM aside WHERE created_time = t;
		UPDATE $t SET created_time = t FROM aside WHERE created_time = u;
		UPDATE $t SET created_time = u FROM aside WHERE created_time = '1999-01-01'"
	validate 1
	has "$out" ' differs'
}

@test "validate: a row too many, a row too few, a row the view does not show" {
	production
	sql "INSERT INTO $(table imo9999993 1) (created_time) VALUES ('2024-10-01 00:00:01')"
	differs 1
	has "$out" '2024-10-01 00:00:01' 'a row for no instant of the source'
	sql "DELETE FROM $(table imo9999993 1) WHERE created_time = '2024-10-01 00:00:01'"
	validate 0
	# without a value, nothing but the row itself tells that there was something
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, value_format)
		VALUES ('IMO9999993', '/x', '2024-10-01 00:00:01', 'Decimal')"
	differs 1
	has "$out" 'no row for this instant'
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = '/x';
		INSERT INTO $(table imo9999993 2) (created_time) VALUES ('2024-10-01 00:00:02')"
	differs 1
	has "$out" 'in a further table, but not in the first'
}

@test "validate: rows before and behind all chunks, and a channel nobody carried over" {
	production
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format) VALUES
		('IMO9999993', '/new', '2024-10-01 00:01:00', 2, 'Decimal')"
	validate 1
	has "$out" '2024-10-01 00:01:00' '/new' ' missing' ' no row for this instant' \
		', 2 differences'
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE data_channel_id = '/new';
		INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, double_v, value_format) VALUES
			('IMO9999993', '/new', '2024-09-01', 1, 'Decimal'),
			('IMO9999994', '/new', '2024-10-02 23:00:00', 1, 'Decimal'),
			('IMO9999994', '/new', '2024-10-03', 1, 'Decimal')"
	validate 1
	has "$out" ', 0 differences' '2 chunks or ranges are not carried over yet'
	# what the ledger does not know of is there all the same
	sql "INSERT INTO $(table imo9999993 1) (created_time) VALUES ('2024-08-01')"
	validate 1
	has "$out" '2024-08-01 00:00:00'
}

@test "validate: chunks that are not done are not compared, and not called equal" {
	production
	sql "UPDATE ferry.chunk SET state = 'pending' WHERE ship = 'IMO9999993'
			AND chunk_from = (SELECT min(chunk_from) FROM ferry.chunk);
		TRUNCATE $(table imo9999995 1), $(table imo9999995 2), $(table imo9999995 3);
		DELETE FROM ferry.chunk WHERE ship = 'IMO9999995'"
	validate 1
	has "$out" ', 0 differences' 'not carried over yet, and not compared'
	is "$(awk '$1 == "IMO9999993" { print $3 }' "$out")" 1
	validate 0 --ship-id IMO9999994
	run_rc 78 pg-wide-validate --ship-id IMO9999995
}

@test "validate: of repeated rows the highest id counts, and NULL erases nothing" {
	production 30000 --repeats --defects
	validate 0
	has_no "$out" rejected # which is another number in status
	# rows are cells, repeated, empty or unreadable
	is "$(tr -d , <"$out" | awk '$1 ~ /^IMO/ { n += $4 - $5 - $7 - $8 - $9 }
		END { print n }')" 0
	[[ $(awk '$1 ~ /^IMO/ { d += $7 } END { print d }' <(tr -d , <"$out")) -gt 5 ]]
	[[ $(awk '$1 ~ /^IMO/ { b += $9 } END { print b }' <(tr -d , <"$out")) -gt 5 ]]
	# the losers in place of the winners
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE id IN (SELECT max(id)
		FROM tenant.tbl_data_timeseries
		WHERE double_v IS NOT NULL AND value_format = 'Decimal'
		GROUP BY ship_id, data_channel_id, created_time
		HAVING count(*) > 1 AND min(double_v) <> max(double_v) LIMIT 3)"
	differs 3
}

@test "validate: without an id the place in the table decides" {
	scratch_db
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (ship_id text, data_channel_id text,
			created_time timestamp, double_v float8, value_format text);
		INSERT INTO tenant.tbl_data_timeseries VALUES
			('S', 'a', '2024-10-01', 1, 'Decimal'),
			('S', 'a', '2024-10-01', 2, 'Decimal'),
			('S', 'a', '2024-10-01', NULL, 'Decimal'),
			('S', 'b', '2024-10-01', 3, 'Decimal'),
			('S', 'b', '2024-10-01', 4, 'Integer'),
			('S', 'c', '2024-10-02', 5, 'Wrong'),
			('S', NULL, '2024-10-01', 6, 'Decimal')"
	carry_over
	is "$(sql 'SELECT a, b FROM tenant.tbl_data_timeseries_s')" '2|3'
	validate 0
	has "$out" '7 rows, 2 cells, 0 differences'
	# another row now stands last
	sql "UPDATE tenant.tbl_data_timeseries SET double_v = 1 WHERE double_v = 1"
	differs 1
}

@test "validate: rejects are left out as they were on the way" {
	production 30000 --defects
	validate 0
	is "$(awk '$1 ~ /^IMO/ { b += $9 } END { print b }' <(tr -d , <"$out"))" \
		"$(sql "SELECT count(*) FROM ferry.reject")"
	[[ $(sql "SELECT count(*) FROM ferry.reject") -gt 5 ]]
}

@test "validate: timestamptz" {
	production 6000 --type timestamptz
	validate 0
	sql "SET timezone = 'Asia/Seoul'; UPDATE $(table imo9999993 1)
		SET created_time = created_time + interval '9 h'"
	validate 1
}

@test "validate: native types, and values that their column cannot hold" {
	scratch_db
	types=(--types native)
	"$root/t/telemetry" 2 30 6000
	sql "INSERT INTO tenant.tbl_data_timeseries
			(ship_id, data_channel_id, created_time, str_v, long_v, double_v,
				value_format)
		VALUES
		('S', 'd', '2024-10-01 00:00', NULL, NULL, 0.5, 'Decimal'),
		('S', 'd', '2024-10-01 00:01', NULL, 9007199254740993, NULL, 'Integer'),
		('S', 'd', '2024-10-01 00:02', '1.50', NULL, NULL, 'String'),
		('S', 'd', '2024-10-01 00:03', 'n/a', NULL, NULL, 'String'),
		('S', 'i', '2024-10-01 00:00', NULL, 7, NULL, 'Integer'),
		('S', 'i', '2024-10-01 00:01', '007', NULL, NULL, 'String'),
		('S', 'i', '2024-10-01 00:02', NULL, NULL, 0.5, 'Decimal')"
	pg-narrow-schema --complete -O list
	printf 'ship_id,data_channel_id,value_format\nS,d,Decimal\nS,i,Integer\n' |
		run_rc 0 pg-wide-tables register "${types[@]}"
	grep -v '"S"' list | run_rc 0 pg-wide-tables register "${types[@]}"
	carry_over
	is "$(sql 'SELECT d, i FROM tenant.tbl_data_timeseries_s ORDER BY created_time')" \
		'0.5|7
9.007199254740992e+15|7
1.5|
|'
	validate 0
	sql "UPDATE tenant.tbl_data_timeseries_s SET d = 1.25 WHERE d = 1.5"
	differs 1
}

@test "validate: a single value column of any type" {
	scratch_db
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.r (site char(4), sensor int, at timestamptz, reading numeric);
		INSERT INTO tenant.r SELECT 'ab', n % 3,
			timestamptz '2024-01-01 00:00+00' + n * interval '1 min', n * 1.10
			FROM generate_series(1, 300) AS n"
	local names='--table tenant.r --ship-column site --channel-column sensor --time-column at
		--value-column reading'
	# shellcheck disable=SC2086  # words
	run_rc 0 pg-wide-ledger plan $names --cutoff-time 2025-01-01
	run_pipe '0 0 0' "pg-narrow-dump --job 1 --seal ${names//$'\n'/ } | pivot-wide |
		pg-copy-load --wide"
	# shellcheck disable=SC2086
	validate 0 $names
	has "$out" '300 rows, 300 cells, 0 differences'
	sql "UPDATE tenant.r SET reading = 1.1 WHERE reading = 1.10"
	# shellcheck disable=SC2086
	validate 1 $names
	has "$out" ', 1 differences'
}

@test "validate: character(n) keeps its blanks" {
	scratch_db
	sql "CREATE SCHEMA tenant;
		CREATE TABLE tenant.tbl_data_timeseries (ship_id text NOT NULL,
			data_channel_id text NOT NULL, created_time timestamp NOT NULL,
			str_v char(5), value_format text NOT NULL);
		INSERT INTO tenant.tbl_data_timeseries VALUES
			('S', 'a', '2024-10-01', 'x', 'String'),
			('S', 'b', '2024-10-01', NULL, 'String')"
	carry_over
	validate 0
	has "$out" '2 rows, 1 cells, 0 differences'
}

@test "validate: at most so many differences are looked for" {
	production
	sql "UPDATE $(table imo9999993 1) SET $(column imo9999993 1 1) = 'x',
		$(column imo9999993 1 2) = 'y'"
	validate 1
	has "$out" '20 or more differences'
	is "$(grep -c '^IMO.* differs$' "$out")" 20
	validate 1 --max-differences 3
	is "$(grep -c '^IMO.* differs$' "$out")" 3
}

@test "validate: reports for programs and for documents" {
	local t c
	production
	t=$(table imo9999993 1) c=$(column imo9999993 1 1)
	sql "UPDATE $t SET $c = E'a|b\\nc\\t\"d\\\\' WHERE $one $t WHERE $c IS NOT NULL)"
	validate 1 -f json
	cp "$out" report.json
	run_ok python3 -c 'import json, sys
r = json.load(open("report.json"))
assert r["rows"] == 6000 and r["differences"] == 1 and r["left"] == 0 and r["all_found"], r
assert sum(s["rows"] for s in r["ships"]) == 6000, r
assert r["differing"][0]["wide"] == "a|b\nc\t\"d\\", r'
	validate 1 -f csv
	is "$(head -n 1 "$out")" \
		ship,ranges,left,rows,cells,wide_rows,repeated,empty,unreadable,differences
	validate 1 -f markdown
	has "$out" '| ship | time | channel | source | wide | what |' 'a\|b\\nc'
}

@test "validate: a ship whose tables others have locked is passed over, the others are compared" {
	local holder
	production
	sql "UPDATE $(table imo9999994 1) SET $(column imo9999994 1 1) = 'x'
		WHERE $one$(table imo9999994 1))"
	psql -Xq -c 'BEGIN' -c "LOCK TABLE $(table imo9999993 2)" -c 'SELECT pg_sleep(600)' \
		>hold.log 2>&1 3>&- &
	holder=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'
		AND datname = current_database()"
	validate 1
	has "$err" 'ship "IMO9999993" is not compared: others have locked its tables'
	has "$out" ', 1 differences' 'are not carried over yet, and not compared'
	[[ ! ${WHOLE-} ]] || validate 1 --repair
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'
		AND datname = current_database()" >/dev/null
	wait "$holder" || :
	validate 0 --repair
	validate 0
	has "$out" ', 0 differences'
}

@test "validate: servers whose hashes differ are compared by md5" {
	production
	sql "UPDATE pg_proc SET proname = 'timestamp_hash_of_another_version'
		WHERE proname = 'timestamp_hash_extended'"
	run_rc 0 pg-wide-validate
	has "$err" "so md5 is used"
	has "$out" ', 0 differences'
	local t c
	t=$(table imo9999993 1) c=$(column imo9999993 1 1)
	sql "UPDATE $t SET $c = $c || '0' WHERE $one $t WHERE $c IS NOT NULL)"
	validate 1
	has "$out" ', 1 differences'
}

@test "validate: without any index the table is read once, not once for every chunk" {
	scratch_db
	"$root/t/telemetry" 2 10 2000 --no-key --no-index
	carry_over
	sql "SELECT pg_stat_reset()"
	validate 0
	has "$out" '2000 rows'
	wait_until 5 sql "SELECT 1 / (seq_scan > 0)::int FROM pg_stat_user_tables
		WHERE relname = 'tbl_data_timeseries'"
	is "$(sql "SELECT seq_scan <= 12 FROM pg_stat_user_tables
		WHERE relname = 'tbl_data_timeseries'")" t
}

@test "validate: with an index by ship and time only" {
	scratch_db
	"$root/t/telemetry" 3 10 3000 --no-index
	sql "CREATE INDEX ON tenant.tbl_data_timeseries (ship_id, created_time)"
	carry_over
	validate 0
	has "$out" '3000 rows'
	sql "UPDATE tenant.tbl_data_timeseries SET ship_id = 'new' WHERE ship_id = 'IMO9999994'"
	validate 1
	is "$(awk '$1 == "new" { print $2, $3, $4 }' "$out")" '0 1 0'
	has "$out" 'not in the source'
}

@test "validate: nothing carried over yet, no server, no such ship" {
	scratch_db
	"$root/t/telemetry" 1 3 30
	validate 78
	has "$err" 'nothing was carried over yet'
	run_rc 75 pg-wide-validate --target "host=$PWD/nowhere"
	carry_over
	run_rc 78 pg-wide-validate --ship-id nobody
	run_rc 64 pg-wide-validate operand
}

@test "validate: two databases" {
	scratch_db
	local source=$PGDATABASE
	"$root/t/telemetry" 2 10 2000
	scratch_db
	export FERRY_SOURCE="dbname=$source" FERRY_TARGET="dbname=$PGDATABASE"
	PGDATABASE=postgres carry_over
	PGDATABASE=postgres validate 0
	has "$out" '2000 rows'
	sql "UPDATE tenant.tbl_data_timeseries_imo9999993
		SET created_time = created_time + interval '1 us'"
	PGDATABASE=postgres validate 1
}
