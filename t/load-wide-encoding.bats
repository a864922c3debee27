#!/usr/bin/env bats
# Sources that hold their texts in another encoding, or do not know in which: what is a text arrives
# in UTF-8, what is none is a reject, and costs nothing else.

load helper

setup_file() {
	scratch_db
}

setup() {
	helper_setup
	export FERRY_STATE=$BATS_TEST_TMPDIR/state FERRY_RETRY_PAUSE=20
	n=(-t n --value-column value)
}

# source_of ENCODING [DECLARED]: a database of it, for --source; texts are written as $as
source_of() {
	local name=enc_${1,,}_${BATS_TEST_NUMBER}_$$
	grep -qx "$name" "$BATS_FILE_TMPDIR/databases" || {
		printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
		sql "CREATE DATABASE $name TEMPLATE template0 ENCODING '$1' LOCALE 'C'"
	}
	export FERRY_SOURCE="dbname=$name"
	as=${2:-${1/_/-}} own=$1
	unset FERRY_SOURCE_ENCODING
	[[ ! ${2-} ]] || export FERRY_SOURCE_ENCODING=$2
}

# utf8_to_euc_kr: a source of the one encoding, and a target of the other; or of that named
utf8_to_euc_kr() {
	local name=enc_target_${1-}${BATS_TEST_NUMBER}_$$
	name=${name,,}
	printf '%s\n' "$name" >>"$BATS_FILE_TMPDIR/databases"
	sql "CREATE DATABASE $name TEMPLATE template0 ENCODING '${1-EUC_KR}' LOCALE 'C'"
	source_of UTF8
	export PGDATABASE=$name PGCLIENTENCODING=UTF8
}

at_source() { PGDATABASE=${FERRY_SOURCE#*=} sql "$@"; }

# text TEXT: SQL of a text in the encoding of the source; bytes HEX: of these bytes
text() {
	local hex
	hex=$(printf %s "$1" | iconv -t "${as/UHC/CP949}" | od -An -v -tx1 | tr -d ' \n')
	bytes "$hex"
}
bytes() { printf "convert_from('\\\\x%s', '%s')" "$1" "$own"; }

table() {
	at_source "DROP TABLE IF EXISTS n; CREATE TABLE n (ship_id text, data_channel_id text,
		created_time timestamp, value text); CREATE INDEX ON n (${1:-created_time})"
}

# insert HOUR BAD: good rows, and one with BAD for value, one for channel, one for ship
insert() {
	at_source "INSERT INTO n VALUES
		($(text 선박), $(text 온도), '2024-01-01 $1:00', $(text '정상, 가'$'\n''나')),
		($(text 선박), 'a', '2024-01-01 $1:00', 'plain'),
		($(text 선박), $(text 온도), '2024-01-01 $1:01', $(bytes "$2")),
		($(text 선박), $(bytes "$2"), '2024-01-01 $1:02', '2'),
		($(bytes "$2"), 'a', '2024-01-01 $1:03', '3')"
}

# arrived HOUR...
arrived() {
	local each want=
	for each; do want+="2024-01-01 $each:00:00|정상, 가/나|plain"$'\n'; done
	is "$(sql "SELECT created_time, replace(\"온도\", E'\n', '/'), a
		FROM tenant.\"tbl_data_timeseries_선박\" ORDER BY 1")" "${want%?}"
	# a row that comes while the past is read may be met by both
	is "$(sql "SELECT count(DISTINCT record), min(why) = max(why), min(why)
		FROM ferry.reject")" \
		"$((3 * $#))|t|bytes that are no text in the encoding of the source"
}

forget() {
	sql "DROP SCHEMA IF EXISTS ferry, tenant CASCADE" 2>drop.err
}

# encodings and bytes that are no text there: half a character, one that nobody has defined
kinds=('SQL_ASCII - b0' 'SQL_ASCII UTF8 edb080' 'SQL_ASCII UHC b0a1ff' 'SQL_ASCII euc-kr c9a1'
	'EUC_KR - c9a1')

carry_over() {
	pg-wide-ledger plan "${n[@]}" --cutoff-time 2024-02-01 >job 2>err || return
	run_pipe '0 0 0' 'pg-narrow-dump -t n --value-column value --job $(<job) --seal |
		pivot-wide | pg-copy-load --wide --keep-rejects'
}

@test "encoding: what is text arrives in UTF-8, what is none is a reject, of each encoding" {
	local kind encoding declared bad index=created_time
	by_turns 2 "${kinds[@]}"
	for kind in "${turns[@]}"; do
		read -r encoding declared bad <<<"$kind"
		source_of "$encoding" "${declared#-}"
		[[ $encoding$declared != SQL_ASCII- ]] || as=UTF8
		forget
		table "$index"
		insert 10 "$bad"
		carry_over
		arrived 10
		run_rc 0 pg-wide-validate "${n[@]}"
		sql "UPDATE tenant.\"tbl_data_timeseries_선박\" SET \"온도\" = NULL, a = '저'"
		run_rc 1 pg-wide-validate "${n[@]}"
		has "$out" '정상, 가'
		run_rc 0 pg-wide-validate "${n[@]}" --repair
		arrived 10
		index='ship_id, created_time'
	done
}

# What the servers are asked to compare their hashes by has texts that these do not know.
@test "encoding: sources of one byte a character are compared, too" {
	local kind
	by_turns 1 LATIN1:é WIN1252:€ KOI8R:ж
	for kind in "${turns[@]}"; do
		source_of "${kind%:*}"
		forget
		table
		PGCLIENTENCODING=UTF8 at_source "INSERT INTO n VALUES
			('S${kind#*:}', 'c', '2024-01-01', '${kind#*:}'),
			('S', 'c', '2024-01-01', 'x')"
		carry_over
		run_rc 0 pg-wide-validate "${n[@]}"
		is "$(sql "SELECT c FROM tenant.\"tbl_data_timeseries_s${kind#*:}\"")" "${kind#*:}"
		sql "UPDATE tenant.tbl_data_timeseries_s SET c = 'y'"
		run_rc 1 pg-wide-validate "${n[@]}"
		run_rc 0 pg-wide-validate "${n[@]}" --repair
	done
}

@test "encoding: followed by polling and from a slot" {
	local how run bad
	by_turns 1 poll slot
	for how in "${turns[@]}"; do
		if [[ $how == poll ]]; then
			bad=b0a1ff
			source_of SQL_ASCII UHC
		else
			bad=c9a1
			source_of EUC_KR
		fi
		forget
		table
		insert 10 "$bad"
		rm -f run.err
		narrow-to-wide --mode concurrent --follow "$how" "${n[@]}" --interval 50ms \
			>run.out 2>run.err &
		run=$!
		wait_until 30 grep -q 'all of the past is there' run.err
		insert 11 "$bad"
		wait_until 30 arrived 10 11
		run_rc 0 pg-wide-validate "${n[@]}"
		kill -TERM "$run"
		wait "$run"
		narrow-to-wide --mode rollback "${n[@]}" --yes 2>>run.err
	done
}

@test "encoding: the job keeps the one that its source is in, and refuses another" {
	source_of SQL_ASCII UHC
	table
	insert 10 b0a1ff
	forget
	run_rc 0 pg-wide-ledger plan "${n[@]}" --cutoff-time 2024-02-01
	unset FERRY_SOURCE_ENCODING
	run_rc 0 pg-wide-ledger plan "${n[@]}" --live
	run_pipe '0 0 0' 'pg-narrow-dump -t n --value-column value --job 1 --seal | pivot-wide |
		pg-copy-load --wide --keep-rejects'
	run_rc 0 pg-wide-validate "${n[@]}" --repair --delete
	has "$out" 'repaired: 0 values and rows missing, 0 changed, 0 rows too many'
	arrived 10
	run_rc 0 pg-wide-validate "${n[@]}" --source-encoding cp949
	run_rc 78 pg-wide-validate "${n[@]}" --repair --delete --source-encoding euc-kr
	has "$err" 'job 1 reads its source with --source-encoding UHC, not "euc-kr"'
	run_rc 78 pg-narrow-dump "${n[@]}" --job 1 --seal --source-encoding UTF8
	run_rc 78 pg-wide-ledger follow "${n[@]}" --source-encoding UTF8
	run_rc 0 pg-wide-ledger status "${n[@]}"
	# an archive has what the job has read, from a column named then
	at_source 'ALTER TABLE n RENAME created_time TO t'
	run_rc 0 narrow-to-wide --mode rollback --yes -t n
	FERRY_SOURCE_ENCODING=UHC run_rc 0 narrow-to-wide --mode migration-only "${n[@]}" \
		--time-column t --cutoff-time 2024-02-01
	run_rc 0 narrow-to-wide --mode finish --yes -t n --archive there -f csv
	has "$out" "rejects=$(sql 'SELECT count(*) FROM ferry.reject')"
	is "$(zcat there/public.n.csv.gz | grep -c '^선박,2024-01-01 10:00:00,온도')" 1
}

@test "encoding: what a target of EUC_KR cannot hold is a reject, and all else is there" {
	utf8_to_euc_kr
	table
	at_source "INSERT INTO n VALUES ('선박', '온도', '2024-01-01 10:00', '정상'),
		('선박', '온도', '2024-01-01 10:01', '🚢'), ('선박', 'a', '2024-01-01 10:01', 'plain'),
		('선박', '🚢', '2024-01-01 10:01', '1'), ('T', '🚢', '2024-01-01 10:02', '2'),
		('T', 'b', '2024-01-01 10:03', '가')"
	carry_over
	is "$(sql 'SELECT created_time, "온도", a FROM tenant."tbl_data_timeseries_선박" ORDER BY 1')" \
		$'2024-01-01 10:00:00|정상|\n2024-01-01 10:01:00||plain'
	is "$(sql "SELECT record ->> 'data_channel_id', record ->> 'value', why FROM ferry.reject
		ORDER BY id")" '<f09f9aa2>|1|a text that the encoding of the database has not
온도|<f09f9aa2>|a text that the encoding of the database has not
<f09f9aa2>|2|a text that the encoding of the database has not'
	is "$(sql "SELECT sum(rejects), bool_and(state = 'done') FROM ferry.chunk")" '3|t'
	run_rc 0 pg-wide-validate "${n[@]}"
	at_source "UPDATE n SET value = '🚢🚢' WHERE value = '정상'"
	run_rc 1 pg-wide-validate "${n[@]}"
	run_rc 0 pg-wide-validate "${n[@]}" --repair
	is "$(sql 'SELECT count("온도"), count(*) FROM tenant."tbl_data_timeseries_선박"')" '0|2'
	printf '%s\n' 'ship_id,created_time,b' 'T,2024-01-02,🚢' 'T,2024-01-03,가' >in.csv
	run_rc 65 pg-copy-load --wide in.csv
	run_rc 0 pg-copy-load --wide --rejects bad.csv in.csv
	is "$(sql 'SELECT b FROM tenant.tbl_data_timeseries_t ORDER BY created_time')" $'\n가\n\n가'
}

@test "encoding: a ship whose name a target of EUC_KR cannot hold is rejects, all others go on" {
	local index how run why=a_text_that_the_encoding_of_the_database_has_not
	utf8_to_euc_kr
	by_turns 1 created_time 'ship_id, created_time'
	for index in "${turns[@]}"; do
		table "$index"
		at_source "INSERT INTO n VALUES ('선박', 'a', '2024-01-01 10:00', 'x'),
			('T', 'a', '2024-01-01 10:01', 'y'), ('🚢', 'a', '2024-01-01 10:02', '1'),
			('🚢', 'b', '2024-01-02 10:02', '2'), ('한🚢', 'b', '2024-01-03', '3')"
		forget
		run_rc 0 narrow-to-wide --mode schema-only "${n[@]}"
		run_rc 0 narrow-to-wide --mode tables-only "${n[@]}"
		run_rc 0 narrow-to-wide --mode migration-only "${n[@]}" --cutoff-time 2024-02-01
		is "$(sql 'SELECT a FROM tenant."tbl_data_timeseries_선박"
			UNION SELECT a FROM tenant.tbl_data_timeseries_t ORDER BY 1')" $'x\ny'
		is "$(sql "SELECT record ->> 'ship_id', record ->> 'value', replace(why, ' ', '_')
			FROM ferry.reject ORDER BY record ->> 'value'" | xargs)" \
			"<f09f9aa2>|1|$why <f09f9aa2>|2|$why 한<f09f9aa2>|3|$why"
		is "$(sql "SELECT bool_and(state = 'done') FROM ferry.chunk")" t
		run_rc 0 pg-wide-validate "${n[@]}"
	done
	# and what comes later
	by_turns 1 poll slot
	for how in "${turns[@]}"; do
		rm -f run.err
		narrow-to-wide --mode concurrent --follow "$how" "${n[@]}" --interval 50ms \
			>run.out 2>run.err &
		run=$!
		wait_until 30 grep -q 'all of the past is there' run.err
		at_source "INSERT INTO n VALUES ('🚢', '$how', '2024-01-04', '$how'),
			('T', 'a', '2024-01-05'::timestamp + '${#how}${#run} h', '$how')"
		at_last() { is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries_t
			WHERE a = '$how'")" 1; }
		wait_until 30 at_last
		is "$(sql "SELECT count(*) FROM ferry.reject WHERE record ->> 'value' = '$how'")" 1
		kill -TERM "$run"
		wait "$run"
		narrow-to-wide --mode rollback "${n[@]}" --yes 2>>run.err
	done
}

# bats test_tags=whole
@test "encoding: what a ledger of LATIN1 cannot hold of a message is there as its bytes" {
	local run i
	utf8_to_euc_kr LATIN1
	at_source "CREATE TABLE n (ship_id text, data_channel_id text, created_time timestamp,
			value text) PARTITION BY RANGE (created_time);
		CREATE INDEX ON n (created_time)"
	for i in 1 2 3 4 5 6; do
		at_source "CREATE UNLOGGED TABLE \"부분$i\" PARTITION OF n
			FOR VALUES FROM ('2024-01-0$i') TO ('2024-01-0$((i + 1))')"
	done
	at_source "INSERT INTO n VALUES ('S', 'a', '2024-01-01', 'x')"
	narrow-to-wide --mode concurrent --follow slot "${n[@]}" --interval 50ms \
		>run.out 2>run.err &
	run=$!
	wait_until 30 grep -q 'all of the past is there' run.err
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.follower
		WHERE gap ~ '^slot: what is written to .*<ebb680>.*5\", <e280a6> is missing'"
	kill -TERM "$run"
	wait "$run"
	is "$(sql "SELECT count(*) FROM ferry.event WHERE message LIKE '%failed%'
		OR message LIKE '%stopped%'")" 0
	narrow-to-wide --mode rollback "${n[@]}" --yes 2>>run.err
}

@test "encoding: a message that was cut, or that the ledger cannot hold, is the reason" {
	local to pad
	for to in LATIN1 UTF8; do
		utf8_to_euc_kr "$to"
		at_source "DROP TABLE IF EXISTS n, broken CASCADE; CREATE TABLE broken (a int)" \
			2>drop.err
		table
		at_source "INSERT INTO n VALUES ('S', 'a', '2024-01-01', 'x')"
		# wherever in a character it is cut
		by_turns 1 '' . ..
		for pad in "${turns[@]}"; do
			at_source "CREATE OR REPLACE FUNCTION bad(text) RETURNS text
					LANGUAGE plpgsql
					AS 'BEGIN IF EXISTS (SELECT FROM public.broken) THEN
						RAISE ''$pad%'', repeat(''가'', 2000); END IF;
						RETURN \$1; END';
				TRUNCATE broken; CREATE OR REPLACE VIEW v AS SELECT ship_id,
					data_channel_id, created_time, bad(value) AS value FROM n"
			forget
			pg-wide-ledger plan -t v --value-column value \
				--cutoff-time 2024-02-01 >job 2>err
			at_source 'INSERT INTO broken VALUES (1)'
			run_rc fails pg-narrow-dump -t v --value-column value --job "$(<job)" --seal
			is "$(sql "SELECT failures, length(error) > 1000
				FROM ferry.chunk WHERE ship = 'S'")" '1|t'
			is "$(sql "SELECT right(message, 4) FROM ferry.event
				WHERE level = 'WARNING'")" \
				"$(sql "SELECT right(error, 4) FROM ferry.chunk WHERE ship = 'S'")"
		done
	done
}

# counts: what validate says of all ships, and the ledger
counts() {
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(*(r[k] for k in ("rows", "cells", "wide_rows", "unreadable", "differences")))' "$out"
	sql "SELECT sum(rows), sum(cells), sum(rejects) FROM ferry.chunk"
}

@test "encoding: what a target of EUC_KR cannot hold is unreadable, and no cell found equal" {
	local index
	utf8_to_euc_kr
	by_turns 1 created_time 'ship_id, created_time'
	for index in "${turns[@]}"; do
		table "$index"
		forget
		# a channel beside another and at an instant of its own, and a value
		at_source "INSERT INTO n VALUES ('S', 'rpm', '2024-01-01 10:00', 'x'),
			('S', 'rpm', '2024-01-01 10:01', 'y'),
			('S', 'Kühl', '2024-01-01 10:00', '1'),
			('S', 'Kühl', '2024-01-01 10:01', '2'),
			('S', 'Kühl', '2024-01-01 10:02', '3'),
			('S', 'rpm', '2024-01-01 10:03', '🚢'), ('T', 'Kühl', '2024-01-01', '4')"
		carry_over
		run_rc 0 pg-wide-validate "${n[@]}" -f json
		is "$(counts)" $'7 2 5 5 0\n2|2|5'
		sql "UPDATE tenant.tbl_data_timeseries_s SET rpm = NULL"
		run_rc 1 pg-wide-validate "${n[@]}" -f json
		is "$(counts)" $'7 2 5 5 2\n2|2|5'
		run_rc 0 pg-wide-validate "${n[@]}" -f json --repair
		is "$(counts)" $'7 2 5 5 0\n2|2|5'
		# where it is all there is, nothing was found equal
		run_rc 65 pg-wide-validate "${n[@]}" --ship-id T
		has "$err" 'none of the 1 rows can be carried over'
	done
}

# codes FIRST LAST: SQL of the codes of two bytes that begin with a byte of that range
codes() {
	cat <<-END
		SELECT 'S', 'c', timestamp '2024-01-01' + a * interval '1 m' + b * interval '1 ms',
			convert_from(set_byte(set_byte('\\x0000', 0, a), 1, b), '$own')
		FROM generate_series($1, $2) AS a, generate_series($1, 254) AS b
	END
}

@test "encoding: each code of EUC-KR and CP949 is what the server itself makes of it" {
	local each encoding first declared
	by_turns 1 'EUC_KR 161' 'SQL_ASCII 129 UHC'
	for each in "${turns[@]}"; do
		read -r encoding first declared <<<"$each"
		source_of "$encoding" "$declared"
		table
		at_source "INSERT INTO n $(codes "$first" 254)"
		forget
		carry_over
		run_rc 0 pg-wide-validate "${n[@]}"
	done
}
