# narrow-to-wide --mode finish: what is left to do when applications have moved.
load helper

setup() {
	helper_setup
	export FERRY_RETRY_PAUSE=50
	filled_db migrate
}

migrate() {
	"$root/t/telemetry" 2 12 1200 --defects
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --workers 1 \
		--group-columns 6
}

slots() {
	sql "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
}
finish() { narrow-to-wide --mode finish --yes "$@"; }
digests() { stream-digest --narrow -o csv "$@" | cut -d , -f 1,3-; }

@test "finish: the wide tables in order, the narrow one in an archive that says the same" {
	local file=there/tenant.tbl_data_timeseries.csv.gz
	sql "ALTER TABLE tenant.tbl_data_timeseries_imo9999993_1 SET (autovacuum_enabled = off)"
	pg-narrow-dump --rejects bad --progress none | digests >want
	run_rc 0 finish --archive there -f csv
	is "$(cut -d , -f 1 "$out" | xargs)" 'step compared tables archived unfollowed'
	IFS=, read -r _ rows values digest \
		< <(stream-digest --narrow --total -o csv "$file" | tail -n 1)
	has "$out" "archived,$file rows=$rows values=$values digest=$digest rejects=$(wc -l <bad)"
	digests "$file" >got
	same_file got want
	is "$(wc -l <"$file.rejects")" "$(wc -l <bad)"
	is "$(sql "SELECT count(*) FROM pg_class WHERE relname LIKE 'tbl_data_timeseries_imo%'
		AND relkind = 'r' AND (array_to_string(reloptions, ' ') LIKE '%autovacuum_enabled%'
		OR relallvisible < relpages)")" 0
	is "$(sql "SELECT count(*) FROM tenant.tbl_data_timeseries")" 1200
	# not beside a follower that is at work; one that was killed is none when its lease is over
	sql "INSERT INTO ferry.follower (job_id, kind, worker, lease_until)
		SELECT job_id, 'poll', 'ship 7', now() + interval '1 hour' FROM ferry.job"
	run_rc 75 finish --archive there
	has "$err" 'a follower is at work: ship 7'
	is "$(sql 'SELECT count(*) FROM ferry.follower')" 1
	sql "UPDATE ferry.follower SET lease_until = now() - interval '1 s'"
	# again: the archive is there, and still what the table says
	run_rc 0 finish --archive there
	# one that was cut is none
	head -c 2000 "$file" >short
	mv short "$file"
	run_rc 65 finish --archive there
	rm "$file"
	# the archive is of what is there: what came since is seen
	run_rc 0 finish --archive there
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		double_v, value_format)
		VALUES ('IMO9999993', '/new', '2024-10-01 00:00:01', 1, 'Decimal')"
	run_rc 1 finish --archive there
	has "$err" 'both sides differ: nothing was finished'
	run_rc 0 narrow-to-wide --mode validate --repair
	run_rc 1 finish --archive there
	has "$err" 'the table says something else than its archive'
	# no digest knows of a row that cannot be carried over: its text is there to the end
	sql "UPDATE tenant.tbl_data_timeseries SET str_v = repeat('x', 20000) || 'a'
		WHERE str_v = 'n/a'"
	rm "$file"
	run_rc 0 finish --archive there
	sql "UPDATE tenant.tbl_data_timeseries SET str_v = repeat('x', 20000) || 'b'
		WHERE str_v LIKE 'xx%'"
	run_rc 1 finish --archive there
	has "$err" 'the table says something else than its archive'
}

@test "finish: partitions are archived one by one" {
	local ship
	sql "ALTER TABLE tenant.tbl_data_timeseries RENAME TO first;
		CREATE TABLE tenant.tbl_data_timeseries (LIKE tenant.first)
			PARTITION BY RANGE (created_time);
		ALTER TABLE tenant.tbl_data_timeseries ATTACH PARTITION tenant.first
			FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
		CREATE TABLE tenant.\"Second one\" PARTITION OF tenant.tbl_data_timeseries
			FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"
	run_rc 0 narrow-to-wide --mode migration-only --cutoff-time 2025-01-01 --accept-source
	run_rc 0 narrow-to-wide --mode validate --repair
	# one that has only rows which cannot be carried over
	sql "CREATE TABLE tenant.rest PARTITION OF tenant.tbl_data_timeseries DEFAULT;
		INSERT INTO tenant.tbl_data_timeseries (id, ship_id, data_channel_id,
			created_time, double_v, value_format)
		VALUES (0, 'IMO9999993', '/never', 'infinity', 1, 'Decimal')"
	run_rc 0 finish --archive there
	has "$out" 'tenant.rest.csv.gz rows=0 values=0' 'rejects=1'
	is "$(cd there && printf '%s ' *.gz)" \
		'tenant.Second one.csv.gz tenant.first.csv.gz tenant.rest.csv.gz '
	has there/tenant.rest.csv.gz.rejects infinity
	run_rc 0 finish --archive there
	# of one ship, which is not in all of them, and of another beside it
	for ship in IMO9999993 IMO9999994; do
		run_rc 0 finish --archive there --ship-id "$ship"
		is "$(zcat "there/tenant.Second one.ship-$ship.csv.gz" | grep -c IMO)" 0
		zcat there/tenant.first.csv.gz | grep "^$ship," >want
		zcat "there/tenant.first.ship-$ship.csv.gz" | grep '^IMO' >got
		same_file got want
	done
	# where the source goes away there is a table all the same
	printf '#!/bin/sh\ncase $5 in name=*) exit 2 ;; esac\nexec %s "$@"\n' \
		"$(command -v psql)" >psql
	chmod +x psql
	PATH=$PWD:$PATH run_rc 75 finish --archive there
	has "$err" 'the source cannot be asked'
}

@test "finish: a no leaves the slot, and is no success; what it still holds is missing" {
	local each run answer code=0
	run_rc 0 pg-wide-ledger follow --follow slot
	by_turns 1 n ''
	for each in "${turns[@]}"; do
		run_rc 1 narrow-to-wide --mode finish -f csv <<<"$each"
		has "$err" 'following was not ended: slot and publication are left'
		is "$(cut -d , -f 1 "$out" | xargs)" 'step compared tables'
	done
	is "$(slots)" 1
	# the slot is of all ships
	run_rc 0 finish -f csv --ship-id IMO9999993
	has "$out" 'unfollowed,"not: of other ships, too"'
	has "$err" 'slot and publication stay: they are of other ships, too, such as IMO9999994'
	is "$(slots)" 1
	# what has come in the meantime is asked once more before it goes
	mkfifo answer
	narrow-to-wide --mode finish -f csv <answer >got 2>&1 3>&- &
	run=$!
	exec {answer}>answer
	wait_until 60 grep -q 'end following' got
	sql "UPDATE ferry.follower SET worker = 'ship 7', lease_until = now() + interval '1 hour'"
	echo y >&"$answer"
	exec {answer}>&-
	wait "$run" || code=$?
	is "$code" 75
	has got 'a follower is at work: ship 7'
	is "$(slots)" 1
	sql "UPDATE ferry.follower SET worker = NULL, lease_until = NULL"
	# what no chunk has, and a slot still holds, is missing
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time,
		double_v, value_format) VALUES ('NEW', '/a', '2025-02-01', 1, 'Decimal')"
	run_rc 0 narrow-to-wide --mode validate
	run_rc 1 finish
	has "$err" 'both sides differ: nothing was finished' \
		'follow until all has come that was written, then finish'
	is "$(slots)" 1
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'NEW'"
	run_rc 0 finish -f csv
	has "$out" 'unfollowed,"slot, publication"'
	is "$(slots)" 0
}

# bats test_tags=whole
@test "finish: what could not be ended is not called so; another one has nothing to end" {
	run_rc 0 pg-wide-ledger follow --follow slot
	# what a server or a library warns of is no answer
	echo 'nowhere:1:a:b:c' >pass
	chmod 644 pass
	export PGPASSFILE=$PWD/pass
	# what could not be ended is not called so
	sql "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN RAISE EXCEPTION ''not today''; END';
		CREATE TRIGGER no BEFORE DELETE OR UPDATE ON ferry.follower EXECUTE FUNCTION no()"
	run_rc 69 finish -f csv
	has_no "$out" unfollowed
	has "$err" 'not today' 'following was not ended'
	sql 'DROP FUNCTION no CASCADE' 2>drop.err
	run_rc 0 finish -f csv
	has "$out" 'unfollowed,"slot, publication"'
	is "$(slots)" 0
	# nobody need be asked
	run_rc 0 narrow-to-wide --mode finish -f csv </dev/null
	has "$out" 'unfollowed,nothing to end'
	has "$err" 'there is nothing to end'
}
