# narrow-to-wide --mode rollback and restore: as if it had never been, and back again.
load helper
load oracle

setup() {
	helper_setup
	export FERRY_RETRY_PAUSE=50
}

cutoff='2024-10-02 17:00:00' # also of the oracle

n2w() { narrow-to-wide --mode "$@"; }
migrated() { filled_db migrate; }
migrate() {
	"$root/t/telemetry" 3 40 6000 --defects
	run_rc 0 n2w migration-only --cutoff-time "$cutoff" --group-columns 15
	is_carried_over
}
relations() {
	sql "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
		WHERE relkind IN ('r', 'v') AND relnamespace = 'tenant'::regnamespace"
}
ledger() {
	sql "SELECT job_id, ship, chunk_from, state, rows, cells, digest FROM ferry.chunk
			ORDER BY 1, 2, 3;
		SELECT ship, channel, grp, table_name, column_name, about FROM ferry.channel
			ORDER BY 1, 2;
		SELECT count(*), count(DISTINCT why) FROM ferry.reject;
		SELECT job_id, source_table, cutoff FROM ferry.job"
}

@test "rollback: with a backup, and back; the migration goes on from there" {
	local before
	migrated
	sql "GRANT SELECT ON tenant.tbl_data_timeseries_imo9999993 TO PUBLIC;
		COMMENT ON TABLE tenant.tbl_data_timeseries_imo9999993_1 IS 'mine';
		UPDATE ferry.channel SET about = 'what it is [°C]' WHERE channel LIKE '%temp'"
	before=$(relations)
	ledger >ledger.before
	run_rc 1 n2w rollback --backup saved <<<no
	[[ ! -e saved ]]
	run_rc 0 n2w rollback --backup saved --dry-run
	[[ ! -e saved ]]
	has "$out" 'would save the wide tables and the ledger in saved' \
		"would forget $(sql "SELECT count(*) FROM ferry.chunk WHERE state = 'done'") chunks"
	is "$(grep -c '^would drop ' "$out")" "$(($(wc -w <<<"$before") - 1))"
	is "$(relations)" "$before"
	# the backup is as the disk has it when the power fails then
	mkdir disk
	LC_ALL=xx_XX.UTF-8 run_rc 0 on_disk disk narrow-to-wide --mode rollback \
		--backup disk/saved <<<y
	has "$err" 'rolled back 3 ships in '
	has_no "$err" perl: # whose locale is not there
	is "$(relations)" tbl_data_timeseries
	is "$(sql 'SELECT count(*) FROM ferry.chunk')" 0
	# the same again is done, whose answer may have been lost; another job has no part in it
	run_rc 0 n2w rollback --yes --backup disk/saved
	has "$err" 'rolled back already: the backup is in disk/saved'
	run_rc 78 n2w rollback --yes --backup disk/saved -t other
	run_rc 0 n2w restore --backup disk/saved
	is "$(relations)" "$before"
	run_rc 73 n2w rollback --yes --backup disk/saved
	is "$(relations)" "$before"
	ledger >ledger.after
	same_file ledger.after ledger.before
	is_carried_over
	is "$(sql "SELECT has_table_privilege('public', 'tenant.tbl_data_timeseries_imo9999993',
		'SELECT'), obj_description('tenant.tbl_data_timeseries_imo9999993_1'::regclass)")" \
		't|mine'
	run_rc 0 n2w validate
	# nothing is there twice
	run_rc fails n2w restore --backup disk/saved
	has "$err" 'nothing was changed'
	is_carried_over
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('NEW', '/a', '2024-10-02 18:00:00', 1, 'Decimal')"
	cutoff=2024-10-03
	run_rc 0 n2w migration-only --cutoff-time "$cutoff" --group-columns 15
	is_carried_over
}

@test "rollback: status does not promise a slot that a rollback has removed" {
	migrated
	run_rc 0 pg-wide-ledger follow --follow slot
	run_rc 0 pg-wide-ledger status
	has "$out" 'guarantee: slot: nothing that was committed is lost'
	run_rc 0 n2w rollback --yes --backup saved
	run_rc 0 n2w restore --backup saved
	run_rc 0 pg-wide-ledger status
	has "$out" 'guarantee: slot: the publication of the source is gone; following again'
	# another source than the job's says nothing of it
	run_rc 0 pg-wide-ledger status --source dbname=postgres
	has "$out" 'guarantee: slot: nothing'
	is_carried_over
	run_rc 0 pg-wide-ledger unfollow
}

@test "rollback: a restore that ended between tables and ledger goes on, or is undone" {
	migrated
	ledger >ledger.before
	run_rc 0 n2w rollback --yes --backup saved
	cat >psql <<-'END'
		#!/bin/bash
		code=0
		"$real" "$@" || code=$?
		[[ $* != *digest=* ]] || { kill -KILL "${FERRY_RUN%%:*}" && exit 1; }
		exit "$code"
	END
	chmod +x psql
	half() { real=$(command -v psql) PATH=$PWD:$PATH run_rc 137 n2w restore --backup saved; }
	half
	is "$(sql 'SELECT count(*) FROM ferry.chunk')" 0
	[[ $(relations) == *_imo9999993* ]]
	run_rc 0 n2w restore --backup saved
	has "$err" 'going on with the ledger'
	ledger >ledger.after
	same_file ledger.after ledger.before
	is_carried_over
	is "$(sql "SELECT to_regclass('ferry.restoring')")" ''
	run_rc 0 n2w rollback --yes
	# another backup does not go on there; a rollback undoes it
	half
	cp -r saved other
	sed -i '1s/$/ /' other/ledger.ndjson
	run_rc 78 n2w restore --backup other
	has "$err" 'a restore of saved has not ended' '--mode rollback --table '\
'tenant.tbl_data_timeseries --target-schema tenant --target-prefix tbl_data_timeseries_ undoes it'
	run_rc 0 n2w rollback --yes --dry-run
	is "$(<"$out")" 'would undo what a restore of saved has begun, and nothing else'
	run_rc 0 n2w rollback --yes
	has "$err" 'what a restore of saved had begun is undone'
	is "$(relations)" tbl_data_timeseries
	# of one ship it is undone, and the others of the job stay
	run_rc 0 n2w restore --backup saved
	run_rc 0 n2w rollback --yes --ship-id IMO9999994 --backup one
	ledger >ledger.without
	real=$(command -v psql) PATH=$PWD:$PATH run_rc 137 n2w restore --backup one
	run_rc 0 n2w rollback --yes
	has "$err" 'what a restore of one had begun is undone' 'nothing else was changed'
	is "$(ships | xargs)" 'IMO9999993 IMO9999995'
	ledger >ledger.after
	same_file ledger.after ledger.without
	run_rc 0 n2w rollback --yes
	# tables that nobody knows of are no success
	sql "CREATE TABLE tenant.tbl_data_timeseries_x (a int)"
	run_rc 78 n2w rollback --yes
	has "$err" 'no job knows these tables, and nothing was changed: tbl_data_timeseries_x'
	sql "DROP TABLE tenant.tbl_data_timeseries_x"
	run_rc 0 n2w restore --backup saved
	is_carried_over
}

@test "rollback: one ship with its backup, the others stay" {
	migrated
	ledger >ledger.before
	# and no command line shows a password, not even for a moment
	need strace
	run_rc 0 env FERRY_TARGET="dbname=$PGDATABASE password=very-secret" \
		ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" strace -f -qq -o calls \
		-e trace=execve -s 4000 narrow-to-wide --mode rollback --yes \
		--ship-id IMO9999994 --backup saved
	has calls pg_dump
	has_no calls very-secret
	is "$(ships | xargs)" 'IMO9999993 IMO9999995'
	is "$(sql "SELECT count(*) FROM ferry.chunk WHERE ship = 'IMO9999994'")" 0
	run_rc 0 n2w restore --backup saved
	ledger >ledger.after
	same_file ledger.after ledger.before
	is_carried_over
}

@test "rollback: a doubt that is held comes back so, and with a follower all is in doubt" {
	local late='rows may have come late for chunks that were done before'
	migrated
	run_rc 0 pg-wide-ledger follow --follow poll
	sql "INSERT INTO ferry.doubt (job_id, why, held, relation)
		SELECT job_id, 'a partition', true, 4711 FROM ferry.follower;
		UPDATE ferry.doubt SET relation = 1 WHERE NOT held"
	run_rc 0 n2w rollback --yes --leave-slot --backup saved
	run_rc 0 n2w restore --backup saved
	is "$(sql 'SELECT why, held, relation FROM ferry.doubt ORDER BY relation' | xargs)" \
		"$late|f|1 a partition|t|4711 brought back from a backup|t|"
	# nobody is waited for who will not come
	run_rc 0 pg-wide-ledger unfollow
	is "$(sql 'SELECT count(*) FILTER (WHERE held), count(*) FROM ferry.doubt')" '0|3'
}

@test "rollback: tables that appear while a backup is made are in it, or it is made once more" {
	local t=tenant.tbl_data_timeseries_imo9999994 dump
	dump=$(command -v pg_dump)
	scratch_db
	"$root/t/telemetry" 2 20 2000
	run_rc 0 n2w migration-only --cutoff-time "$cutoff" --ship-id IMO9999993
	mkdir bin
	ln -s "$FERRY_BIN"/* bin
	rm bin/pg-wide-tables
	cat >bin/pg-wide-tables <<-END
		#!/bin/sh
		[ "\$1" != save ] || "$FERRY_BIN/narrow-to-wide" --quiet --mode migration-only \\
			--cutoff-time '$cutoff' --ship-id IMO9999994 || exit
		exec "$FERRY_BIN/pg-wide-tables" "\$@"
	END
	chmod +x bin/pg-wide-tables
	run_rc 0 bin/narrow-to-wide --mode rollback --yes --backup saved
	has "$err" 'once more'
	is "$(relations)" tbl_data_timeseries
	run_rc 0 n2w restore --backup saved
	is_carried_over
	# while they go on appearing nothing is dropped
	cat >pg_dump <<-END
		#!/bin/sh
		psql -Xqc 'ALTER TABLE $t RENAME TO aside' ||
			psql -Xqc 'ALTER TABLE tenant.aside RENAME TO ${t#*.}'
		exec $dump "\$@"
	END
	chmod +x pg_dump
	PATH=$PWD:$PATH run_rc 75 n2w rollback --yes --backup other
	has "$err" 'nothing was changed'
	[[ ! -e other ]]
	is "$(sql "SELECT count(DISTINCT ship) FROM ferry.chunk WHERE state = 'done'")" 2
	rm -r other.*
	# all go meanwhile: what is there of them is kept
	cat >pg_dump <<-END
		#!/bin/sh
		$dump "\$@" && "$FERRY_BIN/narrow-to-wide" --quiet --mode rollback --yes
	END
	PATH=$PWD:$PATH run_rc 78 n2w rollback --yes --backup other
	has "$err" 'no wide tables' 'what went is in other.20'
	PATH=$PWD:$PATH run_rc 78 n2w rollback --yes --backup other
	cd other.20*
	[[ -s tables/toc.dat && -s ledger.ndjson ]]
}

@test "rollback: what goes while a backup is made of more is kept, too" {
	local dump
	dump=$(command -v pg_dump)
	migrated
	cat >pg_dump <<-END
		#!/bin/sh
		$dump "\$@" || exit
		[ -e went ] || "$FERRY_BIN/narrow-to-wide" --quiet --mode rollback --yes \\
			--ship-id IMO9999994
		: >went
	END
	chmod +x pg_dump
	PATH=$PWD:$PATH run_rc 0 n2w rollback --yes --backup saved
	has "$err" 'once more' 'what went is in saved.20'
	run_rc 0 n2w restore --backup saved
	is "$(ships | xargs)" 'IMO9999993 IMO9999995'
	run_rc 0 n2w rollback --yes
	run_rc 0 n2w restore --backup saved.20*
	is_carried_over
}

@test "rollback: ships whose names need quotes go, and come back" {
	scratch_db
	sql <<-'END'
		CREATE SCHEMA tenant;
		CREATE TABLE a (ship_id text, data_channel_id text, created_time timestamp,
			value text);
		INSERT INTO a SELECT ship, 'x', '2024-01-01', ship
		FROM (VALUES ('a"b'), ('c\d'), ('{e,f}'), ('NULL'), ('g h'), ('i''j')) AS v (ship)
	END
	run_rc 0 n2w migration-only -t a --cutoff-time 2024-02-01
	run_rc 0 n2w rollback --yes -t a --ship-id 'c\d'
	run_rc 0 n2w rollback --yes -t a --backup saved
	is "$(relations)" ''
	run_rc 0 n2w restore --backup saved
	is "$(sql 'SELECT x FROM tenant."tbl_data_timeseries_a""b"')" 'a"b'
	run_rc 0 n2w migration-only -t a
	run_rc 0 n2w validate -t a
	has "$out" '6 rows, 6 cells, 0 differences'
}

@test "rollback: a backup is refused where another job has its number" {
	scratch_db
	sql "CREATE SCHEMA tenant; CREATE TABLE a (ship_id text, data_channel_id text,
			created_time timestamp, value text);
		INSERT INTO a VALUES ('S', 'x', '2024-01-01', 'a'), ('T', 'x', '2024-01-01', 'a')"
	run_rc 0 n2w migration-only -t a --cutoff-time 2024-02-01 --ship-id S
	run_rc 0 n2w rollback --yes -t a --backup saved
	sql 'DROP SCHEMA ferry CASCADE' 2>drop.err
	run_rc 0 n2w migration-only -t a --cutoff-time 2024-02-01 --ship-id T \
		--target-schema other
	is "$(sql 'SELECT job_id FROM ferry.job')" 1
	run_rc 78 n2w restore --backup saved
	has "$err" "job 1 of the backup: its number or its tables are another job's here"
	is "$(sql "SELECT to_regclass('tenant.tbl_data_timeseries_s'),
		to_regclass('ferry.restoring')")" '|'
	run_rc 0 n2w migration-only -t a --target-schema other
	is "$(sql 'SELECT x FROM other.tbl_data_timeseries_s')" a
}

@test "rollback: the target may be said with a password, which nobody sees" {
	migrated
	local db=$PGDATABASE
	cat >pg_dump <<-'END'
		#!/bin/bash
		tr '\0' '\n' </proc/$PPID/cmdline >>seen
		printf '%s\n' "$*" "PGDATABASE=$PGDATABASE" >>seen
		exec "$real" "$@"
	END
	chmod +x pg_dump
	real=$(command -v pg_dump) PATH=$PWD:$PATH PGDATABASE=postgres \
		FERRY_TARGET="dbname=$db password=geheim" FERRY_SOURCE="dbname=$db" \
		run_rc 0 n2w rollback --yes --backup saved
	has seen "PGDATABASE=$db"
	has_no seen geheim
	PGDATABASE=postgres FERRY_TARGET="dbname=$db password=geheim" FERRY_SOURCE="dbname=$db" \
		run_rc 0 n2w restore --backup saved
	is_carried_over
}

@test "rollback: without a backup nothing is dropped; a backup that is not whole is refused" {
	local each
	migrated
	printf '#!/bin/sh\nexit 3\n' >pg_dump
	chmod +x pg_dump
	PATH=$PWD:$PATH run_rc 69 n2w rollback --yes --backup saved
	has "$err" 'nothing was changed'
	[[ ! -e saved ]]
	is_carried_over
	# a variable of a script that nobody has set
	for each in backup source target; do
		run_rc 64 n2w rollback --yes "--$each" ''
		has "$err" "--$each is empty"
	done
	run_rc 64 n2w rollback --yes --ship-id ''
	has "$err" '--ship-id is empty'
	is_carried_over
	is "$(sql 'SELECT count(*) FROM ferry.job')" 1
	# what a killed one has left is no backup, and stands in nobody's way; a file of others does
	printf '#!/bin/sh\nkill -KILL "${FERRY_RUN%%%%:*}"\nexit 3\n' >pg_dump
	PATH=$PWD:$PATH run_rc 137 n2w rollback --yes --backup saved
	[[ -e saved.part ]]
	: >saved.part/mine
	run_rc 73 n2w rollback --yes --backup saved
	has "$err" 'there is something already: saved.part'
	rm saved.part/mine
	exec {held}<saved.part
	flock "$held"
	run_rc 75 n2w rollback --yes --backup saved
	has "$err" 'another run writes saved.part'
	exec {held}<&-
	rm pg_dump
	run_rc 64 n2w restore
	run_rc 66 n2w restore --backup nothing
	mv saved.part good.part
	run_rc 0 n2w rollback --yes --backup good
	has "$err" 'good.part was left by a backup that did not end'
	cp -r good bad
	sed -i '$d' bad/ledger.ndjson
	run_rc 76 n2w restore --backup bad
	is "$(relations)" tbl_data_timeseries
	# an own plan in the meantime: one of the two has to go
	run_rc 0 n2w migration-only --ship-id IMO9999993 --cutoff-time "$cutoff" --group-columns 15
	run_rc fails n2w restore --backup good
	run_rc 0 n2w rollback --yes
	run_rc 0 n2w restore --backup good
	is_carried_over
	run_pipe '0 76' 'head -n 3 good/ledger.ndjson | pg-wide-tables load'
	run_pipe '0 65' 'echo nonsense | pg-wide-tables load'
}

ended() { ! kill -0 "$1" 2>/dev/null; }

@test "rollback: what runs ends by itself, and nothing comes back" {
	scratch_db
	"$root/t/telemetry" 3 40 6000
	local code=0 began
	narrow-to-wide --mode concurrent --follow poll --chunk 2m >run.log 2>&1 3>&- &
	local run=$!
	wait_until 60 sql "SELECT 1 / count(*) FROM ferry.chunk WHERE state = 'done'"
	wait_until 60 sql "SELECT 1 / count(*) FROM ferry.follower WHERE worker IS NOT NULL"
	run_rc 0 n2w rollback --yes
	began=$(sed -n 's/.* ships in \([0-9]*\)\..*/\1/p' "$err")
	((began < 30))
	wait_until 60 ended "$run"
	wait "$run" || code=$?
	((code != 0 && code < 126)) || cat run.log
	((code != 0 && code < 126))
	is "$(relations)" tbl_data_timeseries
	is "$(sql "SELECT (SELECT count(*) FROM ferry.job) + (SELECT count(*) FROM ferry.channel)
		+ (SELECT count(*) FROM ferry.follower)")" 0
	# and all of it can begin again
	run_rc 0 n2w migration-only --cutoff-time "$cutoff"
	is_carried_over
}

slots() {
	sql "SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()),
		(SELECT count(*) FROM pg_publication)"
}

@test "rollback: one that is killed leaves no slot that nobody knows of" {
	scratch_db
	"$root/t/telemetry" 1 10 100
	run_rc 0 pg-wide-ledger plan --live
	run_rc 0 pg-wide-ledger follow --follow slot
	is "$(slots)" '1|1'
	KP_KILL=ledger_forgot:1 run_rc 137 pg-wide-tables rollback --yes
	run_rc 0 pg-wide-tables rollback --yes
	is "$(slots)" '0|0'
	# nor one that is being made meanwhile
	local how maker code
	for how in '--follow slot' "--slot mine_$$"; do
		# shellcheck disable=SC2086  # words
		KP_STOP=slot_published:1 pg-wide-ledger follow $how >maker.out 2>&1 3>&- &
		maker=$!
		wait_until 20 grep -q '^State:.*stopped' "/proc/$maker/status"
		run_rc 0 pg-wide-tables rollback --yes
		kill -CONT "$maker"
		code=0
		wait "$maker" || code=$?
		is "$code" 78 "$(<maker.out)"
		has maker.out 'was rolled back'
		is "$(slots)" '0|0'
	done
}

@test "rollback: slot and publication go, while somebody reads" {
	scratch_db
	"$root/t/telemetry" 2 10 2000
	local code=0
	narrow-to-wide --mode concurrent --follow slot >run.log 2>&1 3>&- &
	local run=$!
	wait_until 60 sql "SELECT 1 / count(*) FROM ferry.follower WHERE worker IS NOT NULL"
	wait_until 60 sql "SELECT 1 / (count(*) = 0)::int FROM ferry.chunk WHERE state <> 'done'"
	is "$(slots)" '1|1'
	run_rc 75 env FERRY_SOURCE="host=$PWD/nowhere" narrow-to-wide --mode rollback --yes
	is "$(slots)" '1|1'
	[[ $(relations) != tbl_data_timeseries ]]
	run_rc 0 n2w rollback --yes --backup saved
	is "$(slots)" '0|0'
	wait_until 60 ended "$run"
	wait "$run" || code=$?
	((code != 0 && code < 126)) || cat run.log
	((code != 0 && code < 126))
	is "$(relations)" tbl_data_timeseries
	is "$(slots)" '0|0'
	# the backup knows of a follower whose slot is gone: a new one, and all is in doubt
	run_rc 0 n2w restore --backup saved
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('IMO9999993', '/missed', '2024-10-01 00:00:01', 1, 'Decimal')"
	run_rc 1 n2w validate
	narrow-to-wide --mode concurrent --follow slot >run.log 2>&1 3>&- &
	run=$!
	wait_until 90 sql 'SELECT 1 / count("/missed") FROM tenant.tbl_data_timeseries_imo9999993'
	kill "$run"
	wait "$run"
	cutoff=2100-01-01 is_carried_over
	run_rc 0 env FERRY_SOURCE="host=$PWD/nowhere" narrow-to-wide --mode rollback --yes \
		--leave-slot
	is "$(slots)" '1|1'
	sql "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
		WHERE database = current_database()"
}

# two jobs of one schema and prefix: narrow tables a and b, with a ship each
two_jobs() {
	local each
	sql 'CREATE SCHEMA tenant'
	for each in a b; do
		sql "CREATE TABLE $each (ship_id text, data_channel_id text,
				created_time timestamp, value text, value_format text, str_v text,
				double_v float8, long_v bigint, bool_v boolean);
			INSERT INTO $each (ship_id, data_channel_id, created_time, str_v,
				value_format)
			VALUES (upper('$each'), 'x', '2024-01-01', '$each', 'String'),
				(upper('$each'), 'x', '2024-01-02', 'a reject', 'nonsense')"
		run_rc 0 n2w migration-only -t "$each" --cutoff-time 2024-02-01
		run_rc 0 n2w route -t "$each" --ship-id "${each^}" --to wide --force
		sql "INSERT INTO ferry.doubt (job_id, why) SELECT job_id, 'why' FROM ferry.job
			WHERE source_table = '$each'"
	done
}

@test "rollback: of one job, with its backup, names and restore; those of others stay" {
	local restore code=0
	scratch_db
	two_jobs
	# what stands in the way is said before anything goes
	sql 'CREATE VIEW mine AS SELECT * FROM ferry_wide.tbl_data_timeseries_a'
	run_rc 69 n2w rollback --yes -t a --backup saved
	has "$err" 'nothing was changed: views were made of the wide tables: public.mine'
	run_rc 78 n2w rollback --yes -t a --ship-id B --backup saved
	[[ ! -e saved ]]
	is "$(sql 'SELECT x FROM ferry_wide.tbl_data_timeseries_a')" a
	# with the names of its own ships alone
	ledger | sort >ledger.before
	run_rc 0 n2w rollback --yes -t a --cascade --backup saved
	is "$(sql "SELECT to_regclass('ferry_wide.tbl_data_timeseries_a'),
		to_regclass('mine')")" '|'
	is "$(sql 'SELECT x FROM ferry_wide.tbl_data_timeseries_b')" b
	has_no saved/ledger.ndjson '"B"'
	run_rc 0 n2w restore --backup saved
	ledger | sort >ledger.after
	same_file ledger.after ledger.before
	is "$(sql 'SELECT count(*) FROM ferry.doubt')" 2
	# a job that is gone does not come back with another
	run_rc 0 n2w rollback --yes -t a --backup again
	run_rc 0 n2w rollback --yes -t b
	run_rc 0 n2w restore --backup again
	is "$(sql 'SELECT source_table FROM ferry.job')" a
	is "$(sql "SELECT count(*) FROM ferry.channel WHERE ship <> 'A'")" 0
	# a restore of one job is not undone by a rollback of another
	run_rc 0 n2w rollback --yes -t a
	run_rc 0 n2w migration-only -t b --cutoff-time 2024-02-01
	cat >psql <<-'END'
		#!/bin/bash
		code=0
		"$real" "$@" || code=$?
		[[ $* != *digest=* ]] || { echo $$ >stands && kill -STOP $$; }
		exit "$code"
	END
	chmod +x psql
	real=$(command -v psql) PATH=$PWD:$PATH narrow-to-wide --mode restore \
		--backup again >got 2>&1 3>&- &
	restore=$!
	wait_until 60 test -s stands
	run_rc 0 n2w rollback --yes -t b
	has_no "$err" 'had begun is undone'
	[[ $(relations) == *_a* ]]
	# but by its own, and then it says so
	run_rc 0 n2w rollback --yes -t a
	has "$err" 'what a restore of again had begun is undone'
	kill -CONT "$(<stands)"
	wait "$restore" || code=$?
	is "$code" 75
	has got 'the tables of the backup were rolled back meanwhile'
	is "$(sql 'SELECT count(*) FROM ferry.job')" 0
}
