load helper

# Live chunks: how they are merged, fenced and counted, and what they say has been reached.

setup_file() {
	scratch_db
	sql 'CREATE SCHEMA tenant; CREATE TABLE tenant.n (ship_id text, created_time timestamp,
		data_channel_id text, value text,
		PRIMARY KEY (ship_id, created_time, data_channel_id))'
}

# wide ARGS: loads a wide stream into tables tenant.w_SHIP
wide() { timeout -k 5 60 pg-copy-load --wide --target-prefix w_ "$@"; }

# sealed: NDJSON from its input, in which {"@seal": {…facts…}} ends a chunk
sealed() {
	python3 -c '
import json, sys, zlib
body, rows = "{\"@seal\":{\"v\":1,\"open\":1}}\n", 0
def seal(src, final):
    global body, rows
    head = "{\"@seal\":{\"v\":1,\"seal\":\"c\",\"rows\":%d,\"bytes\":%d" % (rows, len(body))
    if src: head += ",\"src\":" + json.dumps(src, separators=(",", ":"))
    if final: head += ",\"final\":1"
    crc = zlib.crc32((body + head).encode())
    print(body + head + ",\"crc\":\"%08x\"}}" % crc)
    body, rows = "", 0
for line in sys.stdin:
    o = json.loads(line)
    if list(o) == ["@seal"] and "begin" in o["@seal"]:
        body += line
    elif list(o) == ["@seal"]:
        seal(o["@seal"], False)
    else:
        body += line
        rows += 1
seal(None, True)'
}

# facts SHIP[,SHIP] UPTO [MORE]: the end of a live chunk by hand; or of $job, as $worker, $attempt
facts() {
	local ship ships='' job='' who=''
	for ship in ${1//,/ }; do
		ships+="${ships:+,}{\"ship\":\"$ship\",\"rows\":1${4-}}"
	done
	if [[ ${job_id-} ]]; then
		job=",\"job\":$job_id,\"worker\":\"$worker\""
		who=",\"worker\":\"$worker\",\"attempt\":$attempt"
	fi
	printf '{"@seal":{"from":"2024-01-01","to":"2024-01-02","rows":%d,"ships":[%s]%s' \
		"$(wc -w <<<"${1//,/ }")" "$ships" "$job"
	printf ',"follow":{"kind":"slot","upto":"%s","commit":"2024-01-01 00:00:09"%s%s}}}\n' \
		"$2" "$who" "${3-}"
}
past='{"@seal":{"from":"2024-01-01","to":"2024-01-02","rows":1,"ships":[{"ship":"S","rows":1}]}}'

# row SHIP SECOND CELLS: a record
row() { printf '{"ship_id":"%s","created_time":"2024-01-01 00:00:%s"%s}\n' "$1" "$2" "${3:+,$3}"; }

# erased SHIP TIME...: records of deletions
erased() {
	printf "{\"ship_id\":\"$1\",\"created_time\":\"2024-01-01 %s\",\"a\":null}\n" "${@:2}"
}

# new_job: in $job_id, followed by us in $worker and $attempt
new_job() {
	job_id=$(pg-wide-ledger plan --table tenant.n --value-column value \
		--cutoff-time 2024-01-02 --target-prefix "$1" 2>/dev/null)
	worker=us attempt=7
	sql "INSERT INTO ferry.follower (job_id, kind, slot, worker, attempt, upto, lease_until)
		VALUES ($job_id, 'slot', 's', '$worker', $attempt, '0/1', now() + '1 min')
		ON CONFLICT (job_id) DO UPDATE SET upto = '0/1', attempt = $attempt, chunks = 0,
			rows = 0, deleted = 0,
			worker = '$worker';
		DELETE FROM ferry.follow_ship; DELETE FROM ferry.doubt"
}

@test "live: a live chunk overlays, one of the past fills, in one stream" {
	{
		row S 01 '"a":"1","b":"1"' && facts S 0/10
		row S 01 '"a":"2","b":"2","c":"2"' && row S 02 '"a":"2"' && printf '%s\n' "$past"
		row S 01 '"b":"3"' && row S 02 '"b":"3"' && facts S 0/20
	} | sealed >in
	run_ok wide in
	is "$(sql 'SELECT a, b, c FROM tenant.w_s ORDER BY created_time')" $'1|3|2\n2|3|'
	# by hand all of it overlays
	run_ok wide --live in
	is "$(sql 'SELECT a, b, c FROM tenant.w_s ORDER BY created_time')" $'2|3|2\n2|3|'
}

@test "live: rows that each bring another channel go in a few statements" {
	local -i i n=150
	local buffer

	# each_another VALUE [MORE]: NDJSON, whose columns are known as they come
	each_another() {
		local row='{"ship_id":"EACH","created_time":"%s 00:%02d:%02d","c%d":"%s%d"%s}\n'
		for ((i = 0; i < n; i++)); do
			# shellcheck disable=SC2059  # the format of a row
			printf "$row" 2024-01-01 $((i / 60)) $((i % 60)) $i "$1" $i "${2-}"
		done
	}
	each_another old ',"kept":"k"' >first
	each_another new >in
	printf '{"ship_id":"EACH","created_time":"%s","c0":"last","c1":null}\n' \
		'2024-01-01 01:00:00' >>in
	run_ok wide first
	sql "CREATE SEQUENCE tenant.statements;
		CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM nextval(''tenant.statements''); RETURN NULL; END';
		CREATE TRIGGER counted AFTER INSERT ON tenant.w_each
			FOR EACH STATEMENT EXECUTE FUNCTION count_statement()"
	# and where the rows that came before are too many to get all columns at once
	for buffer in 4M 64k; do
		run_ok wide --live --buffer "$buffer" in
		(($(sql 'SELECT last_value FROM tenant.statements') <= 12))
		is "$(sql "SELECT count(*) FROM tenant.w_each AS w,
			jsonb_each_text(to_jsonb(w)) AS e
			WHERE e.value = 'new' || substr(e.key, 2)")" "$n"
		is "$(sql 'SELECT count(*), count(kept) FROM tenant.w_each')" "$((n + 1))|$n"
		is "$(sql "SELECT count(*) FROM tenant.w_each AS w,
			jsonb_each_text(to_jsonb(w)) AS e
			WHERE e.value IS NOT NULL")" "$((3 * n + 2))"
		sql "UPDATE tenant.w_each SET c5 = 'old' WHERE c5 IS NOT NULL;
			ALTER SEQUENCE tenant.statements RESTART"
	done
}

@test "live: --ack says what is committed, and only that" {
	{
		row A 01 '"a":"1"' && facts A 0/10
		row A 02 '"a":"1"' && facts A 1/2F
		row A 03 '"a":"1"' && printf '%s\n' "${past//\"S\"/\"A\"}"
	} | sealed >in
	run_ok wide --ack ack in
	is "$(<ack)" 1/2F
	{ row A 04 '"a":"1"' && facts A 1/30 && row A 05 '"a":"1"' && facts A 1/40; } | sealed >in
	KP_KILL=before_commit:2 run_rc 137 wide --ack ack in
	is "$(<ack)" 1/30
	KP_KILL=before_ack:2 run_rc 137 wide --ack ack in
	is "$(<ack)" 1/30
	is "$(sql 'SELECT count(*) FROM tenant.w_a')" 5
	run_ok wide --ack ack in
	is "$(<ack) $(sql 'SELECT count(*) FROM tenant.w_a')" '1/40 5'
	run_rc 73 wide --ack no/such/folder in
	has "$err" 'no/such/folder'
	run_rc 64 pg-copy-load --table t --ack ack in
}

@test "live: an explicit null clears the cell; a row without values goes away" {
	local i cells=''
	for i in {1..9}; do cells+="${cells:+,}\"c$i\":\"v$i\""; done
	{
		for i in 01 02 03 04; do row D $i "$cells"; done
		facts D 0/10
	} | sealed >in
	run_ok wide --group-columns 4 in
	is "$(sql "SELECT count(*) FROM pg_class WHERE relname LIKE 'w\_d\__'")" 3
	{
		row D 01 '"c1":null,"c6":null'
		row D 02 "${cells//\"v?\"/null}"
		row D 03 '"c1":null,"c2":null,"c3":null,"c4":null,"c5":"new"'
		row D 04 '"c5":null,"c6":null,"c7":null,"c8":null,"none":null'
		row D 05 '"c1":null'
		facts D 0/20
	} | sealed >in
	sed 's/"v[0-9]"/null/g' in >nulls
	run_ok wide --group-columns 4 in
	same_rows 'SELECT extract(second FROM created_time)::int, c1, c2, c5, c6, c9
		FROM tenant.w_d' "VALUES (1, NULL, 'v2', 'v5', NULL, 'v9'),
		(3, NULL, NULL, 'new', 'v6', 'v9'), (4, 'v1', 'v2', NULL, NULL, 'v9')"
	# no group keeps a row for nothing, but the first one carries the others
	is "$(sql 'SELECT (SELECT count(*) FROM tenant.w_d_1), (SELECT count(*) FROM tenant.w_d_2),
		(SELECT count(*) FROM tenant.w_d_3)')" '3|2|3'
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE channel = 'none'")" 0
}

# cleared_while_filled SHIP: otherwise the value is in a table, and the view does not show it
cleared_while_filled() {
	local filler clearer ship=$1
	{
		row "$ship" 01 '"a":"1","b":"1","c":"1","d":"1"' && row "$ship" 02 '"a":"2"'
		facts "$ship" 0/10
	} | sealed >in
	run_ok wide --group-columns 2 in
	{ row "$ship" 02 '"c":"past"' && printf '%s\n' "${past//\"S\"/\"$ship\"}"; } | sealed >in
	KP_STOP=before_commit:1 pg-copy-load --wide --target-prefix w_ in 3>&- &
	filler=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$filler/status"
	{ row "$ship" 02 '"a":null' && facts "$ship" 0/20; } | sealed >live
	pg-copy-load --wide --target-prefix w_ live 3>&- &
	clearer=$!
	waits() { ! kill -0 "$clearer" || sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND query LIKE '%w_${ship}_1%'"; }
	wait_until 10 waits
	kill -CONT "$filler"
	wait "$filler"
	wait "$clearer"
	same_rows "SELECT extract(second FROM created_time)::int, a, c FROM tenant.w_$ship" \
		"VALUES (1, '1', '1'), (2, NULL, 'past')"
}

@test "live: a row is not removed as empty while another loader fills its other tables" {
	cleared_while_filled p
	# and that is so whatever transactions are by default
	sql "ALTER DATABASE \"$PGDATABASE\" SET default_transaction_isolation = 'repeatable read'"
	cleared_while_filled p2
	sql "ALTER DATABASE \"$PGDATABASE\" RESET default_transaction_isolation"
}

@test "live: nulls clear nothing where a chunk only fills, and CSV has none" {
	{ row N 01 '"a":"1","b":"1"' && facts N 0/10; } | sealed >in
	run_ok wide in
	{ row N 01 '"a":null' && printf '%s\n' "${past//\"S\"/\"N\"}"; } | sealed >in
	run_ok wide in
	printf '%s\n' 'ship_id,created_time,a,b' 'N,2024-01-01 00:00:01,,2' >in.csv
	run_ok wide --live in.csv
	is "$(sql 'SELECT a, b FROM tenant.w_n')" '1|2'
}

@test "live: a null finds the column that another loader has made, in any type" {
	{ row O 01 '"d":"1"' && facts O 0/10; } | sealed >in
	run_ok wide in
	mkfifo pipe
	timeout 60 pg-copy-load --wide --target-prefix w_ --accept-unsealed --live pipe 2>"$err" &
	local pid=$!
	exec 7>pipe
	{
		row O 02 '"d":"2"' && facts O 0/20
		row O 01 '"e":null,"f":null' && row O 02 '"d":"x","e":null' && facts O 0/30
	} | sealed >in
	head -n 3 in >&7
	both_there() { is "$(sql 'SELECT count(*) FROM tenant.w_o')" 2; }
	wait_until 10 both_there
	printf '%s\n' '{"ship_id":"O","data_channel_id":"f","value_format":"Integer"}' |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	{ row O 01 '"e":"gone","f":"4"' && row O 02 '"e":"gone"' &&
		printf '%s\n' "${past//\"S\"/\"O\"}"; } | sealed >other
	run_ok wide --types native other
	tail -n +4 in >&7
	exec 7>&-
	wait "$pid"
	same_rows 'SELECT extract(second FROM created_time)::int, d, e, f FROM tenant.w_o' \
		"VALUES (1, '1', NULL, NULL::bigint), (2, 'x', NULL, NULL)"
}

@test "live: a value of a new channel is seen, although a null leaves its row empty before" {
	{ row R 01 '"a":"1","b":"1"' && facts R 0/10; } | sealed >in
	run_ok wide --group-columns 1 in
	{
		row R 01 '"a":null,"b":null,"new":"1"' && row R 02 '"b":null,"new":"2"'
		row R 03 '"new":"3"' && row R 04 '"b":null'
		facts R 0/20
	} | sealed >in
	run_ok wide --group-columns 1 in
	{ row R 03 '"newer":"4"' && row R 03 '"new":null' && facts R 0/30; } | sealed >in
	run_ok wide --live --group-columns 1 in
	same_rows 'SELECT extract(second FROM created_time)::int, a, b, new, newer
		FROM tenant.w_r' \
		"VALUES (1, NULL, NULL, '1', NULL), (2, NULL, NULL, '2', NULL),
		(3, NULL, NULL, NULL, '4')"
}

@test "live: a null undoes what the same chunk has set aside for a column to be made" {
	{ row NA 01 '"a":"1"' && facts NA 0/10; } | sealed >in
	run_ok wide in
	{
		row NA 01 '"a":"2","b":"5"' && row NA 01 '"b":null'
		row NA 02 '"b":"6"' && row NA 02 '"a":"3","b":null' && row NA 02 '"b":"7"'
		facts NA 0/20
	} | sealed >in
	run_ok wide --live in
	is "$(sql 'SELECT a, b FROM tenant.w_na ORDER BY created_time')" $'2|\n3|7'
	# also one that somebody else makes in the meantime
	mkfifo pipe
	timeout 60 pg-copy-load --wide --target-prefix w_ --accept-unsealed --live pipe 2>"$err" &
	local pid=$!
	exec 7>pipe
	{
		row NA 03 '"c":"5"' && row NB 01 '"a":"1"' && row NA 03 '"c":null,"a":"1"'
		facts NA,NB 0/30
	} | sealed >in
	head -n 3 in >&7
	# behind the first row
	met() { sql "SELECT 1 / count(*) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"; }
	wait_until 10 met
	{ row NA 03 '"c":"gone"' && printf '%s\n' "${past//\"S\"/\"NA\"}"; } | sealed >other
	run_ok wide other
	tail -n +4 in >&7
	exec 7>&-
	wait "$pid" || {
		cat "$err"
		return 1
	}
	is "$(sql "SELECT a, c FROM tenant.w_na WHERE created_time = '2024-01-01 00:00:03'")" '1|'
}

@test "live: a channel that was registered meanwhile, and comes later" {
	mkfifo pipe
	timeout 60 pg-copy-load --wide --target-prefix w_ --accept-unsealed --live pipe 2>"$err" &
	local pid=$!
	exec 7>pipe
	{
		row Q 01 '"a":"1"' && facts Q 0/10
		row Q 01 '"none":null' && facts Q 0/20
		row Q 01 '"a":"2"' && facts Q 0/30
		row Q 01 '"later":"3"' && facts Q 0/40
	} | sealed >in
	head -n 3 in >&7
	there() { is "$(sql 'SELECT count(*) FROM tenant.w_q')" 1; }
	wait_until 10 there
	printf '%s\n' '{"ship_id":"Q","data_channel_id":"later","value_format":"Integer"}' |
		pg-wide-tables register --target-prefix w_ --quiet
	tail -n +4 in >&7
	exec 7>&-
	wait "$pid" || {
		cat "$err"
		return 1
	}
	is "$(sql 'SELECT a, later FROM tenant.w_q')" '2|3'
}

@test "live: of a deadlock with another loader both come out, and nothing is missing" {
	at() { printf 'Lock,2024-01-01 00:00:0%s,%s\n' "$1" "$2"; }
	{ printf 'ship_id,created_time,a,b\n' && at 0 x,x; } >in
	run_ok pg-copy-load --wide --target-prefix w_ -q in
	mkfifo pipe
	psql -Xqv ON_ERROR_STOP=1 <pipe 3>&- &
	local theirs=$! ours
	exec 7>pipe
	# the other waits for ever, so that ours is the one that is ended
	printf '%s\n' "SET deadlock_timeout = '5min'; BEGIN;
		INSERT INTO tenant.w_lock (created_time, a)
		VALUES ('2024-01-01 00:00:02', 'theirs');" >&7
	waiting() { is "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = '$1'
		AND state = '$2' AND query LIKE '%w_lock%' AND pid <> pg_backend_pid()")" 1; }
	wait_until 20 waiting Client 'idle in transaction'
	{ printf 'ship_id,created_time,b\n' && at 1 ours && at 2 ours && at 3 ours; } >in
	timeout 60 pg-copy-load --wide --target-prefix w_ -q in 2>"$err" 3>&- &
	ours=$!
	wait_until 20 waiting Lock active
	printf '%s\n' "INSERT INTO tenant.w_lock (created_time, a)
		VALUES ('2024-01-01 00:00:01', 'theirs'); COMMIT;" >&7
	exec 7>&-
	wait "$theirs"
	wait "$ours"
	same_rows 'SELECT extract(second FROM created_time)::int, a, b FROM tenant.w_lock' \
		"VALUES (0, 'x', 'x'), (1, 'theirs', 'ours'), (2, 'theirs', 'ours'),
			(3, NULL, 'ours')"
}

@test "live: what came in one chunk appears at once, new columns and new ships too" {
	{ row W 01 '"a":"1"' && facts W 0/10; } | sealed >in
	run_ok wide --group-columns 2 in
	{
		row W 02 '"a":"2","b":"2","c":"2","d":"2"' && row X 02 '"a":"2","b":"2","c":"2"'
		facts W,X 0/20
	} | sealed >in
	KP_STOP=before_commit:1 pg-copy-load --wide --group-columns 2 --target-prefix w_ in 3>&- &
	local pid=$!
	wait_until 10 grep -q '^State:.*T' "/proc/$pid/status"
	is "$(sql "SELECT (SELECT count(*) FROM tenant.w_w), (SELECT count(d) FROM tenant.w_w),
		(SELECT count(*) FROM tenant.w_x)")" '1|0|0' 'the columns are there, no row is'
	kill -CONT "$pid"
	wait "$pid"
	is "$(sql "SELECT w.b, w.d, x.c FROM tenant.w_w AS w JOIN tenant.w_x AS x
		USING (created_time)")" '2|2|2'
}

@test "live: a chunk larger than the buffers is live all the same" {
	local i
	{
		for i in {10..59}; do row B "$i" '"a":"old","b":"old"'; done
		facts B 0/10
	} | sealed >in
	run_ok wide in
	{
		for i in {10..59}; do row B "$i" '"a":"new","b":null,"c":"more"'; done
		facts B 0/20
	} | sealed >in
	run_rc 78 wide --buffer 1K in
	has "$err" '--live or --ack'
	is "$(sql 'SELECT DISTINCT a, b FROM tenant.w_b')" 'old|old'
	run_ok wide --buffer 1K --ack ack in
	is "$(sql 'SELECT DISTINCT a, b, c FROM tenant.w_b')" 'new||more'
}

# ---- with a job --------------------------------------------------------------------------------

follower() { sql "SELECT upto, chunks, rows, deleted FROM ferry.follower WHERE job_id = $job_id"; }

@test "live: rows and the follower's place are committed together" {
	new_job w_
	{ row J 01 '"a":"1"' && row J 02 '"a":"1"' && facts J 0/10 && row J 03 '"a":"1"' &&
		facts J 0/20 && facts '' 0/30; } | sealed >in
	KP_KILL=before_commit:2 run_rc 137 wide in
	is "$(follower)|$(sql 'SELECT count(*) FROM tenant.w_j')" '0/10|1|1|0|2'
	run_ok wide in
	is "$(follower)|$(sql 'SELECT count(*) FROM tenant.w_j')" '0/30|4|3|0|3'
	is "$(sql "SELECT ship, rows, newest_commit FROM ferry.follow_ship
		WHERE job_id = $job_id")" 'J|3|2024-01-01 00:00:09'
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE job_id = $job_id")" 0 'no chunk per tick'
}

@test "live: another attempt or another worker is fenced off" {
	new_job w_
	{ row K 01 '"a":"1"' && facts K 0/10; } | sealed >in
	sql "UPDATE ferry.follower SET attempt = attempt + 1 WHERE job_id = $job_id"
	run_rc 75 wide --ack ack in
	has "$err" 'another worker has taken'
	sql "UPDATE ferry.follower SET attempt = $attempt, worker = 'they' WHERE job_id = $job_id"
	run_rc 75 wide --ack ack in
	sql "DELETE FROM ferry.follower WHERE job_id = $job_id"
	run_rc 75 wide --ack ack in
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship = 'K'")" 0
	[[ ! -e ack ]]
}

@test "live: a failing loader leaves its error with the follower" {
	new_job w_
	{ row L 01 '"a":"1"' && facts Q 0/10; } | sealed | sed 's/"ship":"Q"/"ship":"R"/' >in
	run_rc 76 wide in
	printf '%s\n' '{"ship_id":"L","data_channel_id":"n","value_format":"Integer"}' |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	{ row L 01 '"n":"x"' && facts L 0/10; } | sealed >in
	run_rc 65 wide in
	has_no "$err" bug
	is "$(sql "SELECT upto FROM ferry.follower WHERE job_id = $job_id")" 0/1
	# before the seal
	{ facts L 0/10 | jq -c '{"@seal": {v: 1, begin: ."@seal"}}' && row L xx '"a":"1"'; } |
		sealed >in
	sql "UPDATE ferry.follower SET error = NULL"
	run_rc 65 wide in
	has <(sql "SELECT error FROM ferry.follower WHERE job_id = $job_id") created_time
}

@test "live: rejects are kept once, however often they are read" {
	new_job w_
	printf '%s\n' '{"ship_id":"M","data_channel_id":"n","value_format":"Integer"}' |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	{ row M 01 '"n":"x"' && facts M 0/10 && row M 01 '"n":"x"' && row M 02 '"n":"y"' &&
		facts M 0/20; } | sealed >in
	run_rc 0 wide --keep-rejects in
	run_rc 0 wide --keep-rejects in
	is "$(sql "SELECT record->>'value' FROM ferry.reject WHERE job_id = $job_id AND ship = 'M'
		ORDER BY 1")" $'x\ny'
}

@test "live: a row that the server refuses as a whole is a reject, and the follower goes on" {
	new_job w_
	{ row Z 01 '"a":"1"' && facts Z 0/10; } | sealed >in
	run_rc 0 wide --keep-rejects in
	sql "ALTER TABLE tenant.w_z ADD CHECK (a <> 'bad')"
	{ row Z 02 '"a":"2"' && row Z 03 '"a":"bad"' && row Z 04 '"a":"4"' && row Z 01 '"a":"5"' &&
		facts Z 0/20 | sed 's/"rows":1/"rows":4/g'; } | sealed >in
	run_rc 0 wide --keep-rejects in
	is "$(sql "SELECT upto FROM ferry.follower WHERE job_id = $job_id")" 0/20
	is "$(sql "SELECT string_agg(a, ' ' ORDER BY created_time) FROM tenant.w_z")" '5 2 4'
	is "$(sql "SELECT record->>'value' FROM ferry.reject WHERE job_id = $job_id
		AND ship = 'Z'")" bad
	# what was refused is not counted as there, nor promised
	is "$(sql "SELECT rows, cells, wide_rows, rejects FROM ferry.follow_ship
		WHERE job_id = $job_id AND ship = 'Z'")" '4|4|4|1'
	run_ok pg-wide-ledger status --job "$job_id" --ship-id Z
	has "$out" '1 rejected' 'is lost but what was rejected'
}

# The chunk of the past that begins at the instant of a value which the server refused live.
@test "live: a reject at the instant where a chunk of the past begins stays, and is one" {
	local order them
	export FERRY_WORKER=$$
	printf '%s\n' '{"ship_id":"RJ","data_channel_id":"n","value_format":"Integer"}' |
		pg-wide-tables register --types native --target-prefix w_ --quiet
	# came WORD...: a live chunk; one of the past that has read the bad value, past-x, or what
	# was there before
	came() {
		local each
		for each; do
			if [[ $each == live ]]; then
				{ row RJ 00 '"n":"x"' && facts RJ 0/10; } | sealed >in
			else
				{
					row RJ 00 "\"n\":\"${each#past-}\""
					printf '%s\n' "${past_of_job}"
				} | sealed >in
			fi
			run_rc 0 wide --keep-rejects in
		done
	}
	new_job w_
	came live
	them=$(sql "SELECT DISTINCT worker FROM ferry.reject WHERE ship = 'RJ'")
	local -a orders
	by_turns 1 'live past-x' 'live past-7'
	orders=("${turns[@]}")
	by_turns 1 'past-7 live' 'past-x live'
	for order in "${orders[@]}" "${turns[@]}"; do
		new_job w_
		past_of_job='{"@seal":{"from":"2024-01-01","to":"2024-01-02","rows":1,
			"ships":[{"ship":"RJ","rows":1,"attempt":1}],
			"job":'$job_id',"worker":"'$them'"}}'
		past_of_job=${past_of_job//[$'\n\t']/}
		sql "DELETE FROM ferry.chunk; DELETE FROM ferry.reject; INSERT INTO ferry.chunk
			(job_id, ship, chunk_from, chunk_to, state, worker, attempt) VALUES
			($job_id, 'RJ', '2024-01-01', '2024-01-02', 'running', '$them', 1)"
		# shellcheck disable=SC2086  # two words
		came $order
		is "$(sql "SELECT ship, record ->> 'value' FROM ferry.reject")" 'RJ|x' "$order"
		[[ $order != live* ]] ||
			is "$(sql "SELECT sum(rejects) FROM (SELECT rejects FROM ferry.chunk
				UNION ALL SELECT rejects FROM ferry.follow_ship) AS r")" 1 \
				"$order"
	done
	sql "DELETE FROM ferry.chunk"
}

@test "live: a follower does not wait for a worker that makes the tables of a ship" {
	[[ $FERRY_BIN == */build/* ]] || skip 'a release has no kill points'
	local worker_of_past
	new_job w_
	sql "INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, worker, attempt)
		VALUES ($job_id, 'MK', '2024-01-01', '2024-01-02', 'running', 'them', 1)"
	{
		row MK 01 '"a":"1"'
		printf '{"@seal":{"from":"2024-01-01","to":"2024-01-02","rows":1,"ships":'
		printf '[{"ship":"MK","rows":1,"attempt":1}],"job":%s,"worker":"them"}}\n' "$job_id"
	} | sealed >old
	KP_STOP=before_finish:1 pg-copy-load --wide --target-prefix w_ old 2>old.err 3>&- &
	worker_of_past=$!
	wait_until 20 grep -q '^State:.*stopped' "/proc/$worker_of_past/status"
	{ row MK 02 '"a":"2"' && row OT 02 '"a":"2"' && facts MK,OT 0/10; } | sealed >in
	run_rc 0 wide in
	has "$err" 'cannot load ship "MK": nothing more is loaded while its tables are locked by' \
		"server process $(sql "SELECT pid FROM pg_stat_activity
			WHERE application_name = 'pg-copy-load'
			AND datname = current_database()") (pg-copy-load)"
	is "$(sql 'SELECT a FROM tenant.w_ot')" 2
	is "$(sql "SELECT ship FROM ferry.doubt WHERE job_id = $job_id")" MK
	kill -CONT "$worker_of_past"
	wait "$worker_of_past"
	{ row MK 03 '"a":"3"' && facts MK 0/20; } | sealed >in
	run_rc 0 wide in
	is "$(sql 'SELECT a FROM tenant.w_mk ORDER BY created_time')" $'1\n3'
	sql "DELETE FROM ferry.chunk WHERE job_id = $job_id"
}

@test "live: a chunk of the past that finds more to fill than it saw before is loaded" {
	local pid
	# the first fills the buffer: so it is known that rows are there, and are to be merged
	{
		row MO 00 "\"a\":\"$(printf '%070000d' 1)\""
		row MO 01 '"a":"1"' && row MO 02 '"a":"1"' && row MO 03 '"a":"1"'
		printf '%s\n' "${past//\"S\"/\"MO\"}" | sed 's/"rows":1/"rows":4/g'
	} | sealed >in
	run_ok wide --buffer 64k in
	mkfifo pipe
	psql -XAtq <pipe &
	exec 7>pipe
	printf '%s\n' "BEGIN; UPDATE tenant.w_mo SET a = NULL
		WHERE created_time = '2024-01-01 00:00:01'; SELECT pg_advisory_xact_lock(77);" >&7
	wait_until 10 sql "SELECT 1 / count(*) FROM pg_locks WHERE locktype = 'advisory'
		AND objid = 77 AND database = (SELECT oid FROM pg_database
			WHERE datname = current_database())"
	wide --buffer 64k in 2>"$err" 7>&- &
	pid=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND datname = current_database()"
	printf 'COMMIT;\n' >&7
	exec 7>&-
	wait "$pid" || {
		cat "$err"
		return 1
	}
	is "$(sql 'SELECT count(a) FROM tenant.w_mo')" 4
}

@test "live: a lease that was given back is not taken again by who renews it" {
	local job_id worker attempt
	# statement FILE NAME: as it is prepared
	statement() {
		awk -v plain=1 -f "$root/src/sql.awk" "$root"/src/common/{,ledger/}parts.sql \
			"$root/src/common/ledger/$1.sql" | sed -n "s/^$2\t//p"
	}
	new_job w_
	leased() { sql "SELECT lease_until > now() FROM ferry.follower WHERE job_id = $job_id"; }
	renewed() {
		sql "PREPARE x (bigint, text, interval) AS
			$(statement ledger_worker renew_follower_sql);
			EXECUTE x ($job_id, '$worker', '1 min')"
	}
	# one that has run out while the machine slept is
	sql "UPDATE ferry.follower SET lease_until = now() - interval '1 s'"
	renewed
	is "$(leased)" t
	sql "PREPARE x (bigint, text, bigint) AS $(statement ledger_follow release_sql);
		EXECUTE x ($job_id, '$worker', $attempt)"
	renewed
	is "$(leased)" f
}

@test "live: a deletion that a chunk being read may undo is remembered" {
	new_job w_
	sql "INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, finished_at)
		SELECT $job_id, 'P', t, t + '1 h', s, f FROM (VALUES
			('2024-01-01 00:00'::timestamp, 'running', NULL),
			('2024-01-01 01:00', 'pending', NULL), ('2024-01-01 02:00', 'done', now()),
			('2024-01-01 03:00', 'done', now() - interval '1 h'),
			('2024-01-01 04:00', 'running', NULL)) AS v (t, s, f)"
	{
		erased P 00:00:05 00:00:07 01:30:00 02:10:00 03:30:00
		facts P 0/10 '' ',"deleted":5'
	} | sealed >in
	run_ok wide in
	is "$(sql "SELECT ship, time_from, time_to FROM ferry.doubt WHERE job_id = $job_id
		ORDER BY 2")" "P|2024-01-01 00:00:05|2024-01-01 00:00:07.000001
P|2024-01-01 02:10:00|2024-01-01 02:10:00.000001"
	is "$(follower)" '0/10|1|1|5'
	# nobody planned ship P there: whoever reads the others of that time reads it, too
	sql "DELETE FROM ferry.doubt; UPDATE ferry.chunk SET ship = 'Q' WHERE job_id = $job_id
		AND chunk_from < '2024-01-01 02:00'"
	{
		erased P 00:00:05 00:00:07 01:30:00 02:10:00 03:30:00
		facts P 0/20 '' ',"deleted":5'
	} | sealed >in
	run_ok wide in
	is "$(sql "SELECT ship, time_from, time_to FROM ferry.doubt WHERE job_id = $job_id
		ORDER BY 2")" "P|2024-01-01 00:00:05|2024-01-01 00:00:07.000001
P|2024-01-01 02:10:00|2024-01-01 02:10:00.000001"
	sql "DELETE FROM ferry.chunk WHERE job_id = $job_id"
}

@test "live: so is one of a ship that nobody planned, where the range of others is being read" {
	new_job w_
	sql "INSERT INTO ferry.chunk (job_id, ship, chunk_from, chunk_to, state, finished_at)
		SELECT $job_id, s, t, t + '1 h', e, f FROM (VALUES
			('Q', '2024-01-01 00:00'::timestamp, 'running', NULL),
			('R', '2024-01-01 00:00', 'running', NULL),
			('Q', '2024-01-01 01:00', 'pending', NULL),
			('Q', '2024-01-01 02:00', 'done', now()),
			('Q', '2024-01-01 03:00', 'running', NULL),
			('N', '2024-01-01 03:00', 'pending', NULL)) AS v (s, t, e, f)"
	{
		erased N 00:00:05 00:00:07 01:30:00 02:10:00 03:30:00
		facts N 0/10 '' ',"deleted":5'
	} | sealed >in
	run_ok wide in
	is "$(sql "SELECT ship, time_from, time_to FROM ferry.doubt WHERE job_id = $job_id
		ORDER BY 2")" 'N|2024-01-01 00:00:05|2024-01-01 00:00:07.000001'
	is "$(sql "SELECT instants FROM ferry.doubt WHERE job_id = $job_id")" \
		'{"2024-01-01 00:00:05","2024-01-01 00:00:07"}'
	sql "DELETE FROM ferry.chunk WHERE job_id = $job_id"
}

@test "live: TRUNCATE puts all of it in doubt, and says so" {
	new_job w_
	facts '' 0/10 ',"truncated":1' | sealed >in
	run_ok wide in
	is "$(sql "SELECT count(*) FROM ferry.doubt WHERE job_id = $job_id AND ship IS NULL")" 1
	is "$(sql "SELECT level FROM ferry.event WHERE job_id = $job_id
		AND message LIKE '%truncated%'")" CRITICAL
}
