load helper

# Wide streams chunk by chunk: proof at the seal, the ledger, and what dies in between.

setup_file() {
	scratch_db
	sql 'CREATE SCHEMA tenant'
}

# wide ARGS: loads a wide stream into tables tenant.w_SHIP
wide() { timeout -k 5 60 pg-copy-load --wide --target-prefix w_ "$@"; }

# narrow_table PREFIX: tenant.n with two ships, and a job of 5-minute chunks for it in $job
narrow_table() {
	sql "DROP TABLE IF EXISTS tenant.n; CREATE TABLE tenant.n (ship_id text,
			created_time timestamp, data_channel_id text, value text,
			PRIMARY KEY (ship_id, created_time, data_channel_id));
		INSERT INTO tenant.n
		SELECT '$1' || s, '2024-01-01'::timestamp + r * interval '15 s', 'ch' || c,
			s || '.' || r || '.' || c
		FROM generate_series(1, 2) AS s, generate_series(0, 99) AS r,
			generate_series(1, 30) AS c
		WHERE (r + c + s) % 5 > 0 AND (c < 20 OR r > c)" 2>/dev/null
	job=$(pg-wide-ledger plan "${source[@]}" --cutoff-time 2024-01-02 --chunk 5m \
		--target-prefix "$1_" 2>/dev/null)
}
source=(--table tenant.n --value-column value)

# migrate PREFIX: the job's pipeline; the exit code is the loader's
migrate() {
	local rc=0

	pg-narrow-dump "${source[@]}" --job "$job" 2>/dev/null | pivot-wide 2>/dev/null |
		pg-copy-load --wide --group-columns 12 --target-prefix "$1_" "${@:2}" 2>"$err" ||
		rc=$?
	return "$rc"
}

# is_migrated PREFIX: every cell is there, every chunk is done, once
is_migrated() {
	local query

	query=$(sql "SELECT string_agg(format('SELECT created_time, %L AS channel, %I AS value'
			' FROM tenant.%I WHERE %I IS NOT NULL', channel, column_name, table_name,
			column_name), ' UNION ALL ') FROM ferry.channel WHERE ship LIKE '$1_'")
	same_rows "$query" 'SELECT created_time, data_channel_id, value FROM tenant.n' || return
	is "$(sql "SELECT bool_and(state = 'done'), sum(rows), sum(cells) FROM ferry.chunk
		WHERE job_id = $job")" "$(sql 'SELECT true, count(*), count(*) FROM tenant.n')"
}

# ---- ledger ------------------------------------------------------------------------------------

@test "ledger: chunks are done with their counts" {
	narrow_table ja
	migrate ja
	is_migrated ja
	is "$(sql "SELECT sum(wide_rows) FROM ferry.chunk WHERE job_id = $job")" 200
}

@test "ledger: kill -9 of the loader at any point, then the same again" {
	local place prefix
	for place in in_copy:2 between_groups:4 before_finish:2 before_commit:3 after_commit:2; do
		prefix=k${place//[!a-z0-9]/}
		narrow_table "$prefix"
		KP_KILL=$place run_rc 137 migrate "$prefix"
		run_ok migrate "$prefix"
		is_migrated "$prefix"
	done
}

@test "ledger: killed between the rows and the columns of new channels, then the same again" {
	narrow_table kb
	# some channels are there, so the others wait for the seal of their chunk
	pg-narrow-dump "${source[@]}" --until '2024-01-01 00:01' | pivot-wide |
		pg-copy-load --wide --group-columns 12 --target-prefix kb_
	KP_KILL=between_commits:1 run_rc 137 migrate kb --buffer 1K
	is "$(sql "SELECT count(*) > 5 FROM ferry.chunk WHERE job_id = $job AND state <> 'done'")" t
	run_ok migrate kb
	is_migrated kb
}

@test "ledger: a chunk that another worker has taken over is not loaded" {
	local rc=0 pid
	narrow_table jf
	pg-narrow-dump "${source[@]}" --job "$job" | pivot-wide --seal >wide.csv
	sql "UPDATE ferry.chunk SET state = 'running' WHERE job_id = $job"
	KP_STOP=in_copy:1 pg-copy-load --wide --buffer 1K --target-prefix jf_ wide.csv \
		2>"$err" 3>&- &
	pid=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$pid/status"
	sql "UPDATE ferry.chunk SET attempt = attempt + 1 WHERE job_id = $job"
	kill -CONT "$pid"
	wait "$pid" || rc=$?
	is "$rc" 75
	has "$err" 'another worker has taken this chunk over'
	is "$(sql "SELECT to_regclass('tenant.jf_jf1')")" ''
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE job_id = $job AND state = 'done'")" 0
}

@test "ledger: a job's stream goes into the job's tables only" {
	narrow_table jt
	pg-narrow-dump "${source[@]}" --job "$job" | pivot-wide --seal >wide.csv
	run_rc 78 pg-copy-load --wide --target-prefix elsewhere_ wide.csv
	has "$err" "job $job is for tables tenant.jt_…"
	run_rc 78 pg-copy-load --wide --types native --target-prefix jt_ wide.csv
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship LIKE 'jt%'")" 0
}

# failed_only PREFIX WHY: the chunk of row 50, once, and no other
failed_only() {
	is "$(sql "SELECT ship, chunk_from, failures FROM ferry.chunk WHERE job_id = $job
		AND failures > 0")" "$1|2024-01-01 00:10:00|1"
	has <(sql "SELECT error FROM ferry.chunk WHERE job_id = $job AND failures > 0") "$2"
}

@test "ledger: what fails before a seal is said of its chunk, whoever made the pipeline" {
	local all
	all="${source[*]} --job"
	unset FERRY_WORKER
	# a filter
	narrow_table jk
	run_pipe '* 69 69 69' "pg-narrow-dump $all $job | via -- awk '/,1[.]50[.]5$/ { exit 9 } 1' |
		pivot-wide | pg-copy-load --wide --target-prefix jk_"
	failed_only jk1 '"awk" failed'
	# the loader, of a file: nobody behind it writes into the ledger
	narrow_table jl
	run_pipe '0 0' "pg-narrow-dump $all $job -o ndjson --seal | pivot-wide --seal >wide.ndjson"
	run_pipe '0 * 65' "cat wide.ndjson | via -- sed 's/01-01 00:12:30/x/' |
		pg-copy-load --wide --target-prefix jl_"
	failed_only jl1 'created_time'
	# a stream that was cut says nothing
	narrow_table jm
	run_pipe '* 0' "pg-narrow-dump $all $job | head -n 90 >cut.csv"
	run_pipe '0 76 76' "cat cut.csv | pivot-wide | pg-copy-load --wide --target-prefix jm_"
	is "$(sql "SELECT sum(failures) FROM ferry.chunk WHERE job_id = $job")" 0
}

# broken PREFIX SHIP: its table is a view; mended PREFIX SHIP
broken() { sql "ALTER TABLE tenant.$1_$2 RENAME TO kept_$2;
	CREATE VIEW tenant.$1_$2 AS TABLE tenant.kept_$2"; }
mended() { sql "DROP VIEW tenant.$1_$2; ALTER TABLE tenant.kept_$2 RENAME TO $1_$2"; }

@test "ledger: ships whose tables are not as they were made fail alone, each named, in any range" {
	local each
	for each in jx jy; do
		narrow_table "$each"
		# jx: chunks of a ship; jy: all ships of a range, and one that nobody planned
		[[ $each == jx ]] || sql "ALTER TABLE tenant.n DROP CONSTRAINT n_pkey;
			CREATE INDEX ON tenant.n (created_time);
			INSERT INTO tenant.n SELECT 'jy3', created_time, data_channel_id, value
			FROM tenant.n WHERE ship_id = 'jy2'"
		# two tables are there; the third cannot be made while something has its name
		pg-narrow-dump "${source[@]}" --until '2024-01-01 00:01' --ship-id "${each}1" \
			--ship-id "${each}2" | pivot-wide |
			pg-copy-load --wide --group-columns 40 --target-prefix "${each}_"
		broken "$each" "${each}1"
		[[ $each == jx ]] || sql 'CREATE SEQUENCE tenant.jy_jy3'
		run_rc 0 migrate "$each" --group-columns 40 --buffer 1K
		has "$err" "cannot load ship \"${each}1\": nothing" "\"${each}_${each}1\" is there,"
		is "$(sql "SELECT ship, state, count(*) FROM ferry.chunk WHERE job_id = $job
			GROUP BY ship, state ORDER BY ship")" "$(
			echo "${each}1|failed|5"
			echo "${each}2|done|5"
			[[ $each == jx ]] || echo 'jy3|failed|5'
		)"
		broken "$each" "${each}2"
		run_rc 78 pg-wide-tables create "${source[@]}" --target-prefix "${each}_"
		has "$err" "; tenant.\"${each}_${each}2\" is there, but"
		mended "$each" "${each}2"
		mended "$each" "${each}1"
		# this one's table refuses what is written to it
		sql "ALTER TABLE tenant.${each}_${each}1 ADD mine int;
			UPDATE tenant.${each}_${each}1 SET mine = 1;
			ALTER TABLE tenant.${each}_${each}1 ALTER mine SET NOT NULL"
		pg-wide-ledger retry --job "$job"
		run_rc 0 migrate "$each" --group-columns 40
		has "$err" 'violates not-null constraint'
		run_rc 0 pg-wide-ledger failed --job "$job"
		is "$(grep -c 'mend its table' "$out")" "$([[ $each == jx ]] && echo 5 || echo 10)"
		sql "ALTER TABLE tenant.${each}_${each}1 DROP mine;
			DROP SEQUENCE IF EXISTS tenant.jy_jy3"
		pg-wide-ledger retry --job "$job"
		run_ok migrate "$each" --group-columns 40
		is_migrated "$each"
	done
}

# left_out WHY WHAT UNDO: while the first ship's table is so, its chunks fail, and no others
left_out() {
	sql "$2; UPDATE ferry.chunk SET state = 'pending', attempt = 0 WHERE job_id = $job"
	PGUSER=ferry_wide_writer run_rc 0 migrate jz --group-columns 40
	has "$err" "cannot load ship \"jz1\": nothing more is loaded of this ship: $1"
	has_no "$err" '"jz2"'
	is "$(sql "SELECT ship, state, count(*) FROM ferry.chunk WHERE job_id = $job
		GROUP BY ship, state ORDER BY ship")" $'jz1|failed|5\njz2|done|5'
	sql "$3"
}

@test "ledger: what else may have become of a table of one ship stops that ship alone" {
	local role=ferry_wide_writer t=tenant.jz_jz1
	sql "DO \$\$ BEGIN CREATE ROLE $role LOGIN;
			EXCEPTION WHEN duplicate_object THEN END \$\$;
		DO \$\$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO $role',
			current_database()); END \$\$;
		SET client_min_messages = error; CREATE SCHEMA IF NOT EXISTS ferry;
		ALTER SCHEMA ferry OWNER TO $role; GRANT ALL ON SCHEMA tenant TO $role"
	narrow_table jz
	pg-narrow-dump "${source[@]}" --until '2024-01-01 00:01' | pivot-wide |
		pg-copy-load --wide --group-columns 40 --target-prefix jz_
	sql "DO \$\$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass FROM pg_class WHERE
		relnamespace IN ('ferry'::regnamespace, 'tenant'::regnamespace) AND relkind = 'r'
		LOOP EXECUTE format('ALTER TABLE %s OWNER TO $role', t); END LOOP; END \$\$"
	left_out 'tenant."jz_jz1" has no primary key' "ALTER TABLE $t DROP CONSTRAINT jz_jz1_pkey" \
		"ALTER TABLE $t ADD PRIMARY KEY (created_time)"
	left_out 'COPY FROM not supported with row-level' \
		"ALTER TABLE $t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY" \
		"ALTER TABLE $t DISABLE ROW LEVEL SECURITY"
	left_out 'columns can only be added by the owner' \
		"ALTER TABLE $t OWNER TO CURRENT_USER; ALTER TABLE $t DROP ch3;
		GRANT ALL ON $t TO $role" "ALTER TABLE $t OWNER TO $role"
	sql "UPDATE ferry.chunk SET state = 'pending', attempt = 0 WHERE job_id = $job"
	run_ok migrate jz --group-columns 40
	is_migrated jz
}

@test "ledger: --keep-rejects puts what does not fit into ferry.reject, and counts it" {
	sql "DROP TABLE IF EXISTS tenant.n; CREATE TABLE tenant.n (ship_id text,
			created_time timestamp, data_channel_id text, value text,
			PRIMARY KEY (ship_id, created_time, data_channel_id));
		INSERT INTO tenant.n VALUES ('jr1', '2024-01-01', 'd', '1.5'),
			('jr1', '2024-01-02', 'd', 'n/a'), ('jr1', '2024-01-02', 's', 'n/a'),
			('jr1', '2024-01-03', 'd', '2')"
	printf '%s\n' '{"ship_id":"jr1","data_channel_id":"d","value_format":"Decimal"}' |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	job=$(pg-wide-ledger plan "${source[@]}" --cutoff-time 2024-02-01 --types native \
		--target-prefix w_ 2>/dev/null)
	native() {
		pg-narrow-dump "${source[@]}" --job "$job" 2>/dev/null | pivot-wide 2>/dev/null |
			wide --types native "$@"
	}
	run_rc 65 native
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE job_id = $job AND state = 'done'")" 1
	is "$(sql "SELECT chunk_from, failures FROM ferry.chunk
		WHERE job_id = $job AND state = 'failed'")" '2024-01-02 00:00:00|1'
	run_ok pg-wide-ledger retry --quiet --job "$job"
	run_rc 0 native --keep-rejects
	has "$err" "1 of 2 records rejected"
	is "$(sql "SELECT record->>'data_channel_id', record->>'value', why FROM ferry.reject
		WHERE job_id = $job")" 'd|n/a|not a double precision number'
	is "$(sql "SELECT sum(rows), sum(cells - dropped), sum(wide_rows), sum(rejects)
		FROM ferry.chunk WHERE job_id = $job")" '3|3|3|1'
	same_rows 'SELECT created_time::date::text, d, s FROM tenant.w_jr1' \
		"VALUES ('2024-01-01', 1.5, NULL), ('2024-01-02', NULL, 'n/a'),
			('2024-01-03', 2, NULL)"
	# without a job there is no such place
	printf '%s\n' ship_id,created_time,d jr1,2024-01-09,oops >in.csv
	run_rc 65 wide --types native --keep-rejects in.csv
	has "$err" --keep-rejects 'not a double precision number'
}

# bats test_tags=whole
@test "ledger: --keep-rejects keeps more values of a chunk than the memory is for" {
	sql "DROP TABLE IF EXISTS tenant.b; CREATE TABLE tenant.b (ship_id text,
			created_time timestamp, data_channel_id text, value text,
			PRIMARY KEY (ship_id, created_time, data_channel_id));
		INSERT INTO tenant.b
		SELECT 'jb1', '2024-01-01'::timestamp + i * interval '1 s', 'd',
			CASE i WHEN 0 THEN '7' ELSE i || repeat('x', 1000000) END
		FROM generate_series(0, 70) AS i"
	printf '%s\n' '{"ship_id":"jb1","data_channel_id":"d","value_format":"Decimal"}' |
		pg-wide-tables register --types native --target-prefix b_ --quiet
	job=$(pg-wide-ledger plan --table tenant.b --value-column value --cutoff-time 2024-02-01 \
		--types native --target-prefix b_ 2>plan.err)
	run_pipe '0 0 0' "pg-narrow-dump --table tenant.b --value-column value --job $job |
		pivot-wide | pg-copy-load --wide --types native --target-prefix b_ --keep-rejects"
	is "$(sql "SELECT count(DISTINCT record->>'value'), min(length(record->>'value'))
		FROM ferry.reject WHERE job_id = $job")" '70|1000001'
	is "$(sql "SELECT sum(rows), sum(rejects) FROM ferry.chunk WHERE job_id = $job")" '1|70'
	is "$(sql 'SELECT d FROM tenant.b_jb1 WHERE d IS NOT NULL')" 7
}

# ---- proof -------------------------------------------------------------------------------------

# reseal SED: wide.csv with its rows edited and its first seal made anew, the facts as they were
reseal() {
	python3 - "$1" <<-'END'
		import re, subprocess, sys, zlib
		lines = open("wide.csv").read().splitlines(keepends=True)
		at = next(i for i, l in enumerate(lines) if '""seal""' in l)
		control = [l for l in lines[:at] if '""v""' in l]
		rows = [l for l in lines[1:at] if l not in control]
		edited = subprocess.run(["sed", sys.argv[1]], input="".join(control + rows),
			capture_output=True, text=True, check=True).stdout
		n = sum('""v""' not in l for l in edited.splitlines())
		body = lines[0] + edited
		counts = '""rows"":%d,""bytes"":%d' % (n, len(body))
		seal = re.sub(r'""rows"":\d+,""bytes"":\d+', counts, lines[at], count=1)
		head = seal[:seal.rindex(',""crc""')]
		crc = zlib.crc32((body + head).encode())
		print(body + head + ',""crc"":""%08x""}"' % crc)
		print("".join(lines[at + 1:]), end="")
	END
}

@test "proof: what arrives must be what was read, less what the pivot left out" {
	local spoiled
	sql "DROP TABLE IF EXISTS tenant.p; CREATE TABLE tenant.p (id bigserial, ship_id text,
			created_time timestamp, data_channel_id text, value text);
		INSERT INTO tenant.p (ship_id, created_time, data_channel_id, value)
		SELECT 'P1', '2024-01-01'::timestamp + r * interval '1 s', 'c' || c, r || '.' || c
		FROM generate_series(1, 20) AS r, generate_series(1, 5) AS c;
		INSERT INTO tenant.p (ship_id, created_time, data_channel_id, value)
		VALUES ('P1', '2024-01-01 00:00:05', 'c1', 'again')" 2>/dev/null
	pg-narrow-dump --seal --table tenant.p --value-column value |
		pivot-wide --seal >wide.csv 2>/dev/null
	is "$(grep -c '""drop""' wide.csv)" 1
	# other rows before the same facts: checksum and counts of the stream are right
	for spoiled in 's/7\.3\b/7.4/' 's/7\.3\b//' 's/c3/c4x/' 's/00:00:07,/00:00:06.5,/' \
		'/00:00:07,/d' 's/P1,\(.*00:00:07\)/P2,\1/' 's/again/5.1/'; do
		reseal "$spoiled" >spoiled.csv
		run_rc 76 wide spoiled.csv
		has "$err" 'what arrived is not what was read'
		is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship IN ('P1', 'P2')")" 0
	done
	reseal '' >same.csv
	same_file same.csv wide.csv
	run_ok wide wide.csv
	fifth() { sql "SELECT c1 FROM tenant.w_p1 WHERE created_time = '2024-01-01 00:00:05'"; }
	is "$(fifth)" again
	# via says in the seal that values may have changed
	run_rc 0 bash -o pipefail -c "via -- sed 's/again/changed/' <wide.csv |
		pg-copy-load --wide --target-prefix w_ --live"
	is "$(fifth)" changed
}

@test "proof: an unsealed pipe is refused, an unsealed file is not" {
	printf '%s\n' ship_id,created_time,a X1,2024-01-01,1 >in.csv
	run_pipe '0 76' 'cat in.csv | pg-copy-load --wide'
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship = 'X1'")" 0
	run_ok wide in.csv
	run_pipe '0 0' 'cat in.csv | pg-copy-load --wide --target-prefix w_ --accept-unsealed'
	is "$(sql 'SELECT * FROM tenant.w_x1')" '2024-01-01 00:00:00|1'
}

@test "proof: nothing of a cut stream is there: no rows, no columns, no tables" {
	local r
	printf '%s\n' ship_id,created_time,a,b Y1,2024-01-01,1,2 >in.csv
	run_ok wide in.csv
	{
		printf 'ship_id,created_time,a,b,c\n'
		for r in {10..59}; do printf 'Y1,2024-01-02 00:00:%d,1,2,%d\n' "$r" "$r"; done
		printf 'Y2,2024-01-01,1,2,3\n'
	} >in.csv
	reformat --seal in.csv >sealed.csv
	sed '$d' sealed.csv >cut.csv
	run_rc 76 wide --buffer 1K cut.csv
	is "$(sql "SELECT string_agg(ship || channel, ' ' ORDER BY channel) FROM ferry.channel
		WHERE ship LIKE 'Y_'")" 'Y1a Y1b'
	is "$(sql 'SELECT count(*) FROM tenant.w_y1')" 1
	is "$(sql "SELECT to_regclass('tenant.w_y2')")" ''
	run_ok wide --buffer 1K sealed.csv
	is "$(sql 'SELECT count(*), count(c) FROM tenant.w_y1')" '51|50'
	is "$(sql 'SELECT * FROM tenant.w_y2')" '2024-01-01 00:00:00|1|2|3'
}
