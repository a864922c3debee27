# What pg-wide-ledger says of a job while it goes on: status in every form, events, alerts.
load helper

setup() { helper_setup; }

# job: three ships, two chunks each; of one ship one chunk is done, one failed, of another all left
job() { filled_db half_done; }
half_done() {
	"$root/t/telemetry" 3 10 3000
	run_rc 0 pg-wide-ledger plan --cutoff-time 2024-10-03 --chunk 15m
	run_pipe '0 0 0' 'pg-narrow-dump --job 1 --seal | pivot-wide | pg-copy-load --wide'
}
# follower ALIVE LAG: one is set up; its newest row was LAG on its way, and was heard of now
follower() {
	sql "INSERT INTO ferry.follower (job_id, kind, slot, worker, lease_until, at, newest_commit,
			rows, cells, wide_rows, lag_bytes, wal_status, safe_wal_bytes, upto, chunks)
		VALUES (1, 'slot', 'ferry_1', 'x', now() + interval '$1', clock_timestamp(),
			(now() - interval '$2') AT TIME ZONE 'UTC', 70, 60, 5, 4096, 'reserved',
			1000000, '0/1', 7)
		ON CONFLICT (job_id) DO UPDATE SET lease_until = excluded.lease_until,
			at = excluded.at, newest_commit = excluded.newest_commit;
		INSERT INTO ferry.follow_ship (job_id, ship, rows, cells, wide_rows, dropped,
			deleted, rejects, first_time, last_time, newest_commit, at)
		VALUES (1, 'NEW', 70, 60, 5, 0, 1, 2, '2024-11-01', '2024-11-02',
			(now() - interval '$2') AT TIME ZONE 'UTC', clock_timestamp())
		ON CONFLICT (job_id, ship) DO UPDATE SET newest_commit = excluded.newest_commit,
			at = excluded.at"
}

@test "status: what is left, at what pace, and when it will be done" {
	job
	sql "UPDATE ferry.chunk SET state = 'pending', rows = NULL, finished_at = NULL
		WHERE ship = 'IMO9999993' AND chunk_from > '2024-10-01'"
	run_ok pg-wide-ledger status
	has "$out" 'pace: ' ' rows/s, ' '; done in about '
	cp "$out" table
	run_ok pg-wide-ledger status -f json
	cp "$out" s.json
	run_ok python3 -c 'import json
s = json.load(open("s.json"))
assert s["status"] == "pending" and s["live"] is None, s
assert s["eta_seconds"] > 0 and s["rows_per_second"] > 0 and s["cells_per_second"] > 0, s
assert s["bytes_per_second"] > s["cells_per_second"], s
one = [x for x in s["ships"] if x["ship"] == "IMO9999993"][0]
assert one["status"] == "pending" and 0 < one["percent"] < 100, one
assert [x["status"] for x in s["ships"][1:]] == ["completed", "completed"], s
# people see a bar of five characters, in eighths
full = one["percent"] * 40 // 100
bar = "█" * (full // 8) + ("" if full % 8 == 0 else " ▏▎▍▌▋▊▉"[full % 8])
table = open("table").read()
assert "%-5s %3d" % (bar, one["percent"]) in table, (bar, table)
assert table.count("█████ 100") == 2, table'
	# nothing was done lately: nobody knows
	sql "UPDATE ferry.chunk SET started_at = '2024-01-01', finished_at = '2024-01-01 00:01'
		WHERE state = 'done'"
	run_ok pg-wide-ledger status
	has "$out" 'pace: 0 rows/s'
	has_no "$out" 'done in about'
}

@test "status: records are counted when asked for, per ship" {
	job
	run_ok pg-wide-ledger status --count -f json
	cp "$out" s.json
	run_ok python3 -c 'import json
for s in json.load(open("s.json"))["ships"]: print(s["ship"], s["record_count"], s["wide_rows"])'
	same_file "$out" <(sql "SELECT ship, sum(wide_rows), sum(wide_rows) FROM ferry.chunk
		GROUP BY 1 ORDER BY 1" | tr '|' ' ')
	run_ok pg-wide-ledger status --count
	has "$out" record_count
	# nor what says nothing, or is for programs
	sql "UPDATE ferry.chunk SET error = NULL, rows = rows + 1234567"
	run_ok pg-wide-ledger status
	has_no "$out" record_count last_error cells_per_second
	has "$out" '  2,470,206  '
}

# lag_is LEAST MOST: whole seconds that status says it is behind; a busy machine takes some to ask
lag_is() {
	local seconds

	seconds=$(sed -n 's/.*; \([0-9]*\)\.[0-9]* s behind.*/\1/p' "$out")
	((seconds >= $1 && seconds <= $2)) || is "$seconds" "$1 to $2"
}

@test "status: live, by a slot; its lag, its slot, its promise" {
	job
	run_ok pg-wide-ledger status
	has "$out" 'guarantee: what was committed before its chunk was read'
	follower '1 hour' '2 s'
	run_ok pg-wide-ledger status
	has "$out" 'live (slot): following; 70 rows, 60 values, 0 deleted; 2.0' \
		', 4.0 kB of WAL; slot reserved' 'guarantee: slot: nothing' live_rows
	run_ok pg-wide-ledger status -f json --ship-id NEW
	cp "$out" s.json
	run_ok python3 -c 'import json
s = json.load(open("s.json"))
l = s["live"]
assert l["alive"] and l["kind"] == "slot" and 2 <= l["lag_seconds"] < 3, l
assert l["lag_bytes"] == 4096 and l["safe_wal_bytes"] == 1000000 and l["upto"] == "0/1", l
assert len(s["ships"]) == 1 and s["ships"][0]["live_rows"] == 70, s
assert s["ships"][0]["status"] == "live" and s["ships"][0]["rejects"] == 2, s'
	# rows that were held up for minutes, and then a look that finds nothing more
	follower '1 hour' '5 min'
	run_ok pg-wide-ledger status
	has "$out" '0 deleted; 3'
	lag_is 300 400
	sql "UPDATE ferry.follower SET at = clock_timestamp(),
		newest_commit = (clock_timestamp() - interval '1 s') AT TIME ZONE 'UTC'"
	run_ok pg-wide-ledger status -f json --ship-id NEW
	jq -e '[.live.lag_seconds, .ships[0].lag_seconds] | all(. >= 1 and . < 60)' "$out"
	# the source has nothing new, and that was seen just now, or not
	sql "UPDATE ferry.follower SET lag_bytes = 0, at = clock_timestamp() - interval '1 hour',
		watched_at = clock_timestamp()"
	run_ok pg-wide-ledger status
	lag_is 0 0
	has_no "$out" 'has not looked'
	sql "UPDATE ferry.follower SET watched_at = clock_timestamp() - interval '100 s'"
	run_ok pg-wide-ledger status
	lag_is 3600 3700
	has "$out" 'the follower has not looked for 1'
	# nobody follows, and nothing was heard for a minute
	sql "UPDATE ferry.follower SET lease_until = now(), at = now() - interval '1 min',
		error = 'it broke'"
	run_ok pg-wide-ledger status
	has "$out" 'nobody is following' 'last error: "it broke"'
	lag_is 60 160
	sql "UPDATE ferry.follower SET kind = 'poll';
		INSERT INTO ferry.doubt (job_id, why) VALUES (1, 'x')"
	run_ok pg-wide-ledger status
	has "$out" 'guarantee: poll: rows older than the window wait' '1 ranges are in doubt'
	# names that would turn the line around, or act on a terminal
	sql "UPDATE ferry.follow_ship SET ship = E'A\\u202eB\\u009b2J'"
	run_ok pg-wide-ledger status
	has_no "$out" $'\u202e' $'\u009b'
	has "$out" '"A'
}

@test "status: the clock of the target was set back" {
	local each
	job
	follower '1 min' '1 s'
	sql "UPDATE ferry.follower SET at = clock_timestamp() + interval '1 hour',
		started_at = clock_timestamp() + interval '2 hours';
		UPDATE ferry.follow_ship SET at = clock_timestamp() - interval '1 day'"
	for each in status 'status -f json' 'status -f prometheus' 'watch --once'; do
		# shellcheck disable=SC2086
		run_ok pg-wide-ledger $each
	done
}

@test "status: for Prometheus" {
	job
	sql "UPDATE ferry.job SET source_table = E'a\"b\\\\c\\nd'"
	follower '1 hour' '1 s'
	run_ok pg-wide-ledger status -j 1 -f prometheus
	cp "$out" s.prom
	run_ok python3 - <<-'END'
		import re
		text = open("s.prom", encoding="utf-8").read()
		assert text.endswith("\n") and "\r" not in text
		seen, series, current = set(), {}, None
		for line in text[:-1].split("\n"):
		    if line.startswith("# "):
		        kind, name, rest = line[2:].split(" ", 2)
		        assert kind in ("HELP", "TYPE"), line
		        if kind == "HELP":
		            assert name not in seen, "twice: " + name
		            seen.add(name)
		            current = name
		        else:
		            assert name == current and rest in ("counter", "gauge"), line
		            assert (rest == "counter") == name.endswith("_total"), line
		        continue
		    label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
		    sample = r'([a-zA-Z_:]\w*)\{(%s(?:,%s)*)\} (\S+)' % (label, label)
		    m = re.fullmatch(sample, line)
		    assert m, line
		    assert m[1] == current, line
		    assert (m[1], m[2]) not in series, line
		    series[m[1], m[2]] = float(m[3])
		assert series["ferry_lag_bytes", 'job="1"'] == 4096
		assert series["ferry_follower_up", 'job="1"'] == 1
		assert 1 <= series["ferry_lag_seconds", 'job="1"'] < 2
		assert series["ferry_live_rows_total", 'job="1",ship="NEW"'] == 70
		assert sum(v for k, v in series.items() if k[0] == "ferry_rows_total") == 3000
		last = series["ferry_last_row_timestamp_seconds", 'job="1",ship="NEW"']
		assert last == 1730505600
		assert any('a\\"b\\\\c\\nd' in k[1] for k in series), "escapes"
	END
	run_rc 64 pg-wide-ledger events -f prometheus
}

@test "status: failed chunks and events are listed" {
	job
	sql "UPDATE ferry.chunk SET state = 'failed', failures = 3, error = 'it broke | twice'
			WHERE ship = 'IMO9999994' AND chunk_from = '2024-10-01';
		INSERT INTO ferry.event (level, job_id, ship, message)
			VALUES ('WARNING', 1, 'IMO9999994', 'one'), ('CRITICAL', 1, NULL, 'two')"
	run_ok pg-wide-ledger failed
	has "$out" 'it broke | twice' failed
	run_ok pg-wide-ledger failed -f csv
	is "$(cut -d , -f 1,2,4,5,8 <"$out")" 'ship,chunk_from,state,failures,error
IMO9999994,2024-10-01 00:00:00,failed,3,it broke | twice'
	run_ok pg-wide-ledger failed -f csv -s IMO9999993
	is "$(wc -l <"$out")" 1
	run_ok pg-wide-ledger events -f csv
	is "$(tail -n 2 "$out" | cut -d , -f 2-)" 'WARNING,IMO9999994,,one
CRITICAL,,,two'
	run_ok pg-wide-ledger events -f json --limit 1
	cp "$out" e.json
	run_ok python3 -c 'import json; assert json.load(open("e.json"))[0]["message"] == "two"'
	run_ok pg-wide-ledger status
	has "$out" 'events of the last day: 1 critical, 1 warnings'
	run_rc 0 pg-wide-ledger retry
	run_ok pg-wide-ledger failed -f csv
	is "$(wc -l <"$out")" 1
}

# ---- watching ----------------------------------------------------------------------------------

# a command that keeps what it was told
recorder() {
	cat >told.sh <<-'END'
		#!/bin/bash
		read -r line
		printf '%s|%s|%s|%s|%s|%s|%s\n' "$*" "$line" "$FERRY_ALERT_LEVEL" \
			"$FERRY_ALERT_MESSAGE" "$FERRY_ALERT_JOB" "$FERRY_ALERT_SHIP" \
			"$FERRY_ALERT_CHUNK" >>told
	END
	chmod +x told.sh
	: >told
}
# watch [OPTION...]: in the background, $watch
watch() {
	pg-wide-ledger watch --every 50ms --alert-command "$PWD/told.sh a b" "$@" \
		>watch.log 2>&1 3>&- &
	watch=$!
}
stop() {
	local code=0
	kill "$watch"
	wait "$watch" || code=$?
	is "$code" 0
}
event() {
	sql "INSERT INTO ferry.event (level, job_id, ship, chunk_from, message, at)
		VALUES ('$1', 1, $2, $3, '$4', ${5-now()})"
}
was_told() { grep -qF -e "$1" told; }

@test "watch: warnings and worse are told once, in words that no shell reads" {
	job
	recorder
	event WARNING "'S1'" "'2024-10-01'" 'old news' "now() - interval '2 hours'"
	# shellcheck disable=SC2016 # not for this shell either
	event WARNING "'S1'" "'2024-10-01'" '$(touch pwned); `touch pwned` | "x" & touch pwned'
	event INFO NULL NULL 'all is well'
	watch
	wait_until 20 was_told pwned
	local line='WARNING: ferry job 1, ship "S1", chunk 2024-10-01 00:00:00: '
	# shellcheck disable=SC2016
	line+='$(touch pwned); `touch pwned` | "x" & touch pwned'
	# shellcheck disable=SC2016
	line+='|WARNING|$(touch pwned); `touch pwned` | "x" & touch pwned|1|S1|2024-10-01 00:00:00'
	is "$(<told)" "a b|$line"
	[[ ! -e pwned ]]
	# whole, however long, and a line
	event CRITICAL NULL NULL "$(printf 'long %.0s' {1..100})"$'\n''the end'
	wait_until 20 was_told "job 1: $(printf 'long %.0s' {1..100})?the end|"
	stop
	is "$(grep -c "^a b" told)" 2
	# a later watch tells only what is new, and what came while nobody watched
	event WARNING NULL NULL 'in between'
	watch
	wait_until 20 was_told 'in between'
	stop
	is "$(grep -c "^a b" told)" 3
}

@test "watch: one of two tells; another takes over" {
	job
	recorder
	local first
	watch
	first=$watch
	event WARNING NULL NULL one
	wait_until 20 was_told one
	watch
	event WARNING NULL NULL two
	wait_until 20 was_told two
	# noted, too: else the other tells it again, because silence is worse
	wait_until 20 sql "SELECT 1 / (count(*) = 0)::int FROM ferry.event
		WHERE NOT told AND level <> 'INFO'"
	kill -KILL "$first"
	event WARNING NULL NULL three
	wait_until 20 was_told three
	stop
	is "$(wc -l <told)" 3
}

@test "watch: lag, slot and rejects cross their limits, and come back" {
	job
	recorder
	follower '1 hour' '1 s'
	watch --alert-lag 5s --alert-rejects 50
	follower '1 hour' '7 s'
	wait_until 20 was_told 'the wide tables are 7.'
	follower '1 hour' '2 min'
	wait_until 20 was_told '|CRITICAL|the wide tables are 1'
	follower '1 hour' '1 s'
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.event WHERE message LIKE '%caught up'"
	sql "UPDATE ferry.follower SET safe_wal_bytes = 1000, lag_bytes = 9000000"
	wait_until 20 was_told '|CRITICAL|the slot is about to be lost'
	sql "UPDATE ferry.follower SET wal_status = 'lost'"
	sql "UPDATE ferry.follower SET wal_status = 'reserved', safe_wal_bytes = 1000000000"
	wait_until 20 sql "SELECT 1 / count(*) FROM ferry.event WHERE message LIKE '%room again'"
	sql "UPDATE ferry.chunk SET rejects = 100000 WHERE ship = 'IMO9999994'"
	wait_until 20 was_told ' rows could not be carried over'
	# each is told once however often it is looked at
	stop
	is "$(grep -c 'about to be lost' told)" 1
	is "$(sql "SELECT count(*) FROM ferry.event WHERE NOT told AND level <> 'INFO'")" 0
}

@test "watch: one that begins behind the death of the follower misses it, not one that ended" {
	job
	recorder
	follower '-1 hour' '1 s'
	local look='pg-wide-ledger watch --once --alert-disk 0 --alert-lag 5s --alert-command'
	sql "UPDATE ferry.follower SET at = now() - interval '30 s', lease_until = '-infinity'"
	# shellcheck disable=SC2086
	run_rc 0 $look "$PWD/told.sh"
	[[ ! -s told ]]
	# what had failed before it was started anew is no reason
	sql "UPDATE ferry.follower SET error = 'gone', error_at = now(),
		started_at = now() + interval '1 s'"
	# shellcheck disable=SC2086
	run_rc 0 $look "$PWD/told.sh"
	[[ ! -s told ]]
	sql "UPDATE ferry.follower SET started_at = now() - interval '1 minute'"
	# shellcheck disable=SC2086
	run_rc 0 $look "$PWD/told.sh"
	has told ', and nobody follows'
	sql "UPDATE ferry.follower SET error = NULL, error_at = NULL,
		lease_until = now() - interval '1 s'; DELETE FROM ferry.event"
	rm told
	# shellcheck disable=SC2086
	run_rc 0 $look "$PWD/told.sh"
	has told 'the wide tables are 3' ', and nobody follows'
	is "$(wc -l <told)" 1
	# set up anew, which nobody has followed since; one that never was is not missed
	for sql in "started_at = NULL" "started_at = now() - interval '1 minute'"; do
		[[ ! -s told ]] || rm told
		sql "UPDATE ferry.follower SET worker = NULL, lease_until = NULL, $sql;
			DELETE FROM ferry.event"
		# shellcheck disable=SC2086
		run_rc 0 $look "$PWD/told.sh"
		[[ $sql != *NULL || ! -s told ]]
	done
	has told ', and nobody follows'
}

@test "watch: what lasts is told once, however often a timer looks; more rejected rows are news" {
	job
	recorder
	look() { run_rc 0 pg-wide-ledger watch --once --alert-command "$PWD/told.sh" "$@"; }
	# in each of two chunks
	rejects() { sql "UPDATE ferry.chunk SET rejects = $1 WHERE ship = 'IMO9999994'"; }
	rejects 3
	for _ in 1 2 3; do
		look --alert-rejects 0 --alert-disk 100
	done
	has told '|WARNING|6 of ' '% of the target'
	is "$(wc -l <told)" 2
	rejects 4
	look --alert-rejects 0 --alert-disk 100
	has told '|WARNING|8 of '
	rejects 0
	look --alert-rejects 0 --alert-disk 0
	is "$(wc -l <told)" 3
	rejects 2
	look --alert-rejects 0 --alert-disk 0
	has told '|WARNING|4 of '
	# one that begins before the rows are read, as that of a migration does, tells of them, too
	watch --every 1h --alert-rejects 0 --alert-disk 0
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	rejects 9
	stop
	has told '|WARNING|18 of '
}

@test "watch: the disk of a target on this machine" {
	local size free told
	job
	recorder
	watch --alert-disk 100
	wait_until 20 was_told 'disk are free'
	stop
	told=$(sed -n "s/.*|only \([0-9]*\) % of the target's disk are free:.*/\1/p" told)
	# others write to it meanwhile
	read -r size free < <(df -k --output=size,avail "$(sql 'SHOW data_directory')" | tail -n 1)
	((told >= free * 100 / size - 1 && told <= free * 100 / size + 1))
	: >told
	watch --alert-disk 0
	event WARNING NULL NULL 'after the look'
	wait_until 20 was_told 'after the look'
	stop
	is "$(wc -l <told)" 1
}

@test "watch, analyze: the disk is that of the tablespace in use" {
	local place='' each data other other_free
	data=$(sql 'SHOW data_directory')
	for each in /dev/shm /var/tmp; do
		[[ $(stat -c %d "$each") == "$(stat -c %d "$data")" ]] || place=$each
	done
	[[ $place ]] || skip 'no other file system'
	place=$(mktemp -d "$place/ferry.XXXXXX")
	((EUID != 0)) || chown postgres "$place"
	printf 'x%.0s' {1..5000} >"$place.full"
	sql "CREATE TABLESPACE small_$$ LOCATION '$place'"
	job
	sql "ALTER TABLE tenant.tbl_data_timeseries_imo9999993 SET TABLESPACE small_$$"
	run_rc 0 pg-wide-ledger watch --once --alert-disk 100
	sql "SELECT message FROM ferry.event WHERE message ~ 'disk are free'" >told
	has told "tablespace small_$$" 'tablespace pg_default'
	sql "ALTER TABLE tenant.tbl_data_timeseries_imo9999993 SET TABLESPACE pg_default"
	# those that are made come where the setting says
	other="ALTER DATABASE \"$PGDATABASE\" SET default_tablespace"
	sql "$other = small_$$"
	run_ok pg-wide-analyze migration -f json
	# others write to both meanwhile
	other_free=$(df -B1 --output=avail "$place" "$data" | sed 1d | sort -n | head -n 1)
	jq -e --argjson free "$other_free" '.[] | select(.figure == "free_bytes") |
		.value | tonumber / $free | . > 0.9 and . < 1.1' "$out"
	sql "$other = ''"
	sql "DROP TABLESPACE small_$$"
	rm -r "$place" "$place.full"
}

@test "watch: many failures; a command that fails or is not there" {
	job
	recorder
	local i
	for i in 1 2 3 4 5 6; do
		event WARNING "'S'" "'2024-10-01'" "chunk failed, to be tried again: $i"
	done
	watch
	wait_until 20 was_told ' tries of chunks failed in ten minutes'
	stop
	run_rc 78 pg-wide-ledger watch --alert-command 'no-such-program x'
	has "$err" 'no such program: "no-such-program"'
	run_rc 78 pg-wide-ledger watch --alert-command ''
	event WARNING NULL NULL 'nobody hears'
	pg-wide-ledger watch --every 50ms --alert-command false >watch.log 2>&1 3>&- &
	watch=$!
	wait_until 40 grep -q 'nobody was told: "nobody hears"' watch.log
	stop
}

@test "watch: it ends with whom it is for" {
	job
	sleep 300 3>&- &
	local whose=$!
	pg-wide-ledger watch --every 50ms --while "$whose" >watch.log 2>&1 3>&- &
	watch=$!
	wait_until 20 sql "SELECT 1 / count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'pg-wide-ledger'"
	kill "$whose"
	wait "$watch"
}

@test "progress: a line of all chunks and the last one, however many were done, and a follower's" {
	job
	sql "UPDATE ferry.chunk SET state = 'running', worker = 'x' WHERE ship = 'IMO9999994'
		AND chunk_from = '2024-10-01'"
	follower '1 hour' '1 s'
	pg-wide-ledger progress --every 100ms >progress.log 2>&1 3>&- &
	watch=$!
	wait_until 20 grep -q 'chunks done, 1 at work' progress.log
	sql "UPDATE ferry.chunk SET state = 'done', attempt = 2, rows = 5000, finished_at = now(),
			started_at = now() - interval '2 s' WHERE state = 'running';
		UPDATE ferry.follow_ship SET rows = rows + 1000"
	local said='; last ship "IMO9999994", 2024-10-01 00:00:00 to 2024-10-01 00:15:00$'
	wait_until 20 grep -q " 0 at work, .* rows, [1-9][0-9]* rows/s$said" progress.log
	wait_until 20 grep -q 'live: 1070 rows, [1-9][0-9]* rows/s, [12]\.' progress.log
	# less than before, after a rollback, is no pace
	sql "UPDATE ferry.follow_ship SET rows = 0; DELETE FROM ferry.chunk WHERE rows = 5000"
	wait_until 20 grep -q 'live: 0 rows, 0 rows/s' progress.log
	is "$(grep -cE '[0-9]{9} rows/s' progress.log)" 0
	sql "UPDATE ferry.follower SET lease_until = now()"
	wait "$watch"
}

@test "status: triggers and rules that may change rows take the promise away" {
	local what t=tenant.tbl_data_timeseries_imo9999993
	what="rule r of $t, trigger drop of $t"
	job
	sql "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER after AFTER INSERT ON $t
			FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TRIGGER other BEFORE INSERT ON tenant.tbl_data_timeseries
			FOR EACH ROW EXECUTE FUNCTION nothing()"
	run_ok pg-wide-ledger status
	has "$out" 'guarantee: what was committed before'
	sql "CREATE TRIGGER drop BEFORE INSERT ON $t
			FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE RULE r AS ON DELETE TO $t DO INSTEAD NOTHING"
	run_ok pg-wide-ledger status
	has "$out" \
		"guarantee: $what may change or drop what is written: pg-wide-validate tells"
	follower '1 hour' '2 s'
	run_ok pg-wide-ledger status
	has "$out" "guarantee: $what may"
	run_ok pg-wide-ledger status -f json
	is "$(grep -c 'nothing that was committed is lost' "$out")" 0
	printf '%s\n' 'ship_id,created_time,a' 'IMO9999993,2031-01-01,1' >in.csv
	run_rc 69 pg-copy-load --wide in.csv
	has "$err" "$what may change or drop what is written: pg-wide-validate tells"
	sql "DROP RULE r ON $t;
		ALTER TABLE $t DISABLE TRIGGER drop"
	run_ok pg-wide-ledger status
	has "$out" 'guarantee: slot: nothing'
}

@test "status, save: tables of a job whose prefix begins alike are its own" {
	scratch_db
	local trigger='trigger t of tenant.tbl_data_timeseries_x_imo9999994'
	"$root/t/telemetry" 2 10 400
	run_rc 0 pg-wide-ledger plan --cutoff-time 2024-10-03 --ship-id IMO9999993
	run_rc 0 pg-wide-ledger plan --cutoff-time 2024-10-03 --ship-id IMO9999994 \
		--target-prefix tbl_data_timeseries_x_
	run_pipe '0 0 0' 'pg-narrow-dump --job 1 --ship-id IMO9999993 --seal | pivot-wide |
		pg-copy-load --wide'
	run_pipe '0 0 0' 'pg-narrow-dump --job 2 --ship-id IMO9999994 --seal | pivot-wide |
		pg-copy-load --wide --target-prefix tbl_data_timeseries_x_'
	sql "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER t BEFORE INSERT ON tenant.tbl_data_timeseries_x_imo9999994
			FOR EACH ROW EXECUTE FUNCTION nothing()"
	run_ok pg-wide-ledger status --job 1 --count
	has_no "$out" "$trigger"
	run_ok pg-wide-ledger status --job 2
	has "$out" "$trigger may change or drop"
	run_ok pg-wide-tables save
	is "$(grep -c '"table":"channel"' "$out")" 10
	has_no "$out" IMO9999994
}
