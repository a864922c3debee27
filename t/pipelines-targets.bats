load helper
load live

# Source and targets are databases of one server, where a test does not ask for more.
setup() {
	helper_setup
	run='' feed='' others=''
	export FERRY_RETRY_PAUSE=50 FERRY_STATE=$BATS_TEST_TMPDIR/state FERRY_TARGETS_LOOK=1500
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { live_teardown; }

# three_databases: the source, which PG* name, with 4 ships; $busan and $ulsan
three_databases() {
	scratch_db
	busan=$PGDATABASE
	scratch_db
	ulsan=$PGDATABASE
	scratch_db
	"$root/t/telemetry" 4 30 8000
	cat >targets.conf <<-END
		# who has which ships
		[busan]
		ships = IMO9999993 IMO9999994
		target = dbname=$busan

		[ulsan]
		ships = IMO999999[56]
		target = dbname=$ulsan
	END
}

# narrow_cells [WHERE]: what the narrow table says; wide_cells DATABASE...: what the wide ones do
narrow_cells() {
	sql "SELECT n.* FROM ($(oracle 2100-01-01)) AS n WHERE ${1-true}" | sort
}
wide_cells() {
	local each

	for each; do
		PGDATABASE=$each sql "$(PGDATABASE=$each wide)"
	done | sort
}
ships_of() { PGDATABASE=$1 ships | paste -sd ' '; }

both() { narrow-to-wide --targets targets.conf "$@"; }
migrate() { both --mode migration-only --cutoff-time '2024-10-02' "$@"; }

@test "targets: a migration to two is the narrow table, each ship where its pattern says" {
	three_databases
	run_rc 0 migrate --chunk 10m
	has "$err" 'pg-wide-ledger[busan]: ' 'narrow-to-wide[ulsan]: note: done in '
	wide_cells "$busan" "$ulsan" >wide
	narrow_cells >narrow
	same_file wide narrow
	is "$(ships_of "$busan")" 'IMO9999993 IMO9999994'
	is "$(ships_of "$ulsan")" 'IMO9999995 IMO9999996'
	# again: nothing is left
	run_rc 0 migrate --chunk 10m
	has "$err" '[busan]: job 1: 0 new chunks'
	# a mode that is of one target, and one statistics for all
	printf 'timestamp,%s\n2024-10-01 09:00:00,77\n' "$(PGDATABASE=$ulsan sql \
		"SELECT min(channel) FROM ferry.channel WHERE ship = 'IMO9999996'")" >wide.csv
	run_rc 0 both --mode correct --ship-id IMO9999996 wide.csv --stats stats.json
	is "$(jq -r '[.exit, .mode, .programs[-1].program] | join(" ")' stats.json)" \
		'0 correct pg-copy-load'
	is "$(PGDATABASE=$ulsan sql "SELECT count(*) FROM tenant.tbl_data_timeseries_imo9999996
		WHERE created_time = '2024-10-01 09:00'")" 1
	# by way of the environment, one of them, one ship
	FERRY_NARROW_TO_WIDE_TARGETS=targets.conf run_rc 0 narrow-to-wide --mode rollback --yes \
		--only ulsan
	PGDATABASE=$ulsan sql "SELECT 1 / (NOT EXISTS (SELECT FROM ferry.job))::int"
	is "$(ships_of "$busan")" 'IMO9999993 IMO9999994'
	run_rc 0 migrate --chunk 10m --ship-id IMO9999996
	is "$(ships_of "$ulsan")" IMO9999996
	same_file <(wide_cells "$ulsan") <(narrow_cells "ship_id = 'IMO9999996'")
}

@test "targets: status, metrics and validate are one view" {
	three_databases
	migrate --chunk 10m 2>/dev/null
	run_rc 0 both --mode status
	is "$(grep -E '^(\[|IMO)' "$out" | cut -d ' ' -f 1 | paste -sd ' ')" \
		'[busan] IMO9999993 IMO9999994 [ulsan] IMO9999995 IMO9999996'
	# each metric once, its samples below it
	run_rc 0 both --mode status -f prometheus
	is "$(grep -c '^# TYPE ferry_chunks ' "$out")" 1
	is "$(sed 's/[ {].*//' <(grep -v '^#' "$out") | uniq | sort | uniq -d)" ''
	is "$(grep -c '^ferry_chunks{target="ulsan",' "$out")" \
		"$(grep -c '^ferry_chunks{target="busan",' "$out")"
	# those of one who has the others are not missing
	run_rc 0 both --mode validate
	has "$out" '[busan]' '[ulsan]' ', 0 differences'
	run_rc 0 both --mode validate --only busan --format json
	is "$(jq -r '"\(.target) \(.left) \(.ships[].ship)"' "$out" | paste -sd ,)" \
		'busan 0 IMO9999993,busan 0 IMO9999994'
	PGDATABASE=$ulsan sql "DELETE FROM tenant.tbl_data_timeseries_imo9999996
		WHERE created_time = (SELECT min(created_time)
			FROM tenant.tbl_data_timeseries_imo9999996)"
	run_rc 1 both --mode validate
	run_rc 0 both --mode validate --repair
	same_file <(wide_cells "$busan" "$ulsan") <(narrow_cells)
}

# bats test_tags=whole
@test "targets: objects, CSV, events and the report are one view, too" {
	three_databases
	migrate --chunk 10m 2>/dev/null
	run_rc 0 both --mode status -f json
	is "$(jq -r '"\(.target) \(.ships[].ship)"' "$out" | paste -sd ,)" \
		'busan IMO9999993,busan IMO9999994,ulsan IMO9999995,ulsan IMO9999996'
	run_rc 0 both --mode status -f csv
	is "$(cut -d , -f 1,2 "$out" | paste -sd ' ')" \
		'target,ship busan,IMO9999993 busan,IMO9999994 ulsan,IMO9999995 ulsan,IMO9999996'
	is "$(awk -F , '{ print NF }' "$out" | sort -u | wc -l)" 1
	run_rc 0 both --mode events -f json
	is "$(jq -r '.[].target' "$out" | uniq | paste -sd ' ')" 'busan ulsan'
	run_rc 0 both --mode failed -f json
	is "$(jq length "$out")" 0
	if command -v pg-wide-web >/dev/null; then
		run_rc 0 both --mode report -O report.html
		has report.html '<h1 id="busan">' '<h1 id="ulsan">' IMO9999993 IMO9999996
		is "$(grep -c '<main>' report.html)" 1
		is "$(grep -o ' id="[^"]*"' report.html | sort | uniq -d)" ''
	fi
}

@test "targets: a ship of two is refused, by patterns and by what ledgers have" {
	three_databases
	sed -i 's/^ships = IMO999999\[56\]/ships = IMO999999[456]/' targets.conf
	run_rc 78 migrate
	has "$err" 'ship IMO9999994 is of two targets: ' \
		'[busan] (targets.conf, line 3) and [ulsan] (targets.conf, line 7)'
	is "$(PGDATABASE=$busan sql "SELECT to_regclass('ferry.job')")" ''
	run_rc 78 both --mode concurrent
	run_rc 78 both --mode validate
	# what was carried over stays where it is, whatever the patterns say
	sed -i 's/^ships = IMO999999\[456\]/ships = IMO999999[56]/' targets.conf
	run_rc 0 migrate
	sed -i 's/IMO9999994$/IMO9999990/; s/\[56\]/[456]/' targets.conf
	run_rc 78 migrate
	has "$err" 'ship IMO9999994 is of [ulsan] (targets.conf, line 7), ' \
		'but the ledger of [busan] (targets.conf, line 3) has it'
	# who looks is told, and who takes it back may
	run_rc 0 both --mode status
	has "$err" 'warning: ship IMO9999994 is of'
	is "$(ships_of "$ulsan")" 'IMO9999995 IMO9999996'
	FERRY_LABEL='' run_rc 1 both --mode rollback --only busan --ship-id IMO9999994 <<<n
	has "$err" '[busan]: ' '[y/N]'
	run_rc 0 both --mode rollback --only busan --ship-id IMO9999994 --yes
	is "$(ships_of "$busan")" IMO9999993
	run_rc 0 migrate
	is "$(ships_of "$ulsan")" 'IMO9999994 IMO9999995 IMO9999996'
}

# bats test_tags=whole
@test "targets: ships of another target, of no ledger yet, and of none" {
	three_databases
	sed -i 's/IMO9999994$/IMO9999990/; s/\[56\]/[456]/' targets.conf
	run_rc 0 migrate
	# a named ship of another target is not nothing to do
	run_rc 78 migrate --only busan --ship-id IMO9999996
	has "$err" 'no ship that is named is of a target that --only names'
	# one that no ledger has yet keeps nobody from being compared, and is no success
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, long_v,
		value_format) VALUES ('IMO9999990', 'c', '2024-10-01', 1, 'Integer')"
	run_rc 1 both --mode validate
	has "$err" '[busan] (targets.conf, line 3) lacks, so that they are not compared: IMO9999990'
	has "$out" '[busan]' '[ulsan]' ', 0 differences'
	run_rc 0 both --mode validate --only ulsan
	run_rc 0 both --mode validate --ship-id IMO9999993
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999990'"
	# those of none are said once
	sed -i 's/\[456\]/6/' targets.conf
	run_rc 0 both --mode schema-only --only ulsan
	is "$(grep -c 'ships of no target' "$err")" 1
	has "$err" 'ships of no target: 2, such as IMO9999994'
}

@test "targets: a ship that its ledger lacks is named, and nothing of its target is finished" {
	three_databases
	sed -i 's/^ships = IMO999999\[56\]/& IMO999997*/' targets.conf
	run_rc 0 migrate
	sql "INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, long_v,
			value_format)
		VALUES ('IMO9999970', 'c', '2024-10-01', 1, 'Integer'),
			('IMO9999971', 'c', '2024-10-03', 1, 'Integer'),
			('IMO1', 'c', '2024-10-01', 1, 'Integer')"
	run_rc 1 both -q --mode validate -f json
	has "$err" 'error: ships that [ulsan] (targets.conf, line 7) lacks' \
		'not compared: IMO9999970 IMO9999971'
	has_no "$err" IMO1
	is "$(jq -r '"\(.target) \(.left > 0) \([.ships[] | select(.left > 0).ship] | join(" "))"' \
		"$out" | paste -sd ,)" 'busan false ,ulsan true IMO9999970 IMO9999971'
	run_rc 1 both -q --mode finish --yes --archive old
	has "$err" 'not compared: IMO9999970 IMO9999971' 'migration-only carries them over'
	is "$(grep -c '^compared *equal$' "$out")" 1
	[[ -d old/busan && ! -e old/ulsan ]]
	# a mistake in a name is not taken for one
	run_rc 78 narrow-to-wide --mode validate --target "dbname=$ulsan" --ship-id IMO9999970
	run_rc 0 both --mode migration-only --cutoff-time 2024-10-04
	run_rc 0 both -q --mode finish --yes --archive old --only ulsan
	has <(zcat old/ulsan/*.csv.gz) IMO9999970 IMO9999971
}

@test "targets: a rollback goes on where one was away, and what is done is done" {
	three_databases
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id IN ('IMO9999994', 'IMO9999996')"
	migrate 2>/dev/null
	sed "s|^target = dbname=$ulsan|target = host=$PWD dbname=x|" targets.conf >away.conf
	run_rc 75 narrow-to-wide --targets away.conf --mode rollback --yes --backup saved
	run_rc 0 both --mode rollback --yes --backup saved
	has "$err" '[busan]: note: rolled back already: the backup is in saved/busan' \
		'[ulsan]: rolled back 1 ships in '
	[[ -s saved/ulsan/tables/toc.dat ]]
	is "$(ships_of "$busan")$(ships_of "$ulsan")" ''
	run_rc 0 both --mode rollback --yes --backup saved
	# none has a job, or one has
	run_rc 78 both -q --mode rollback --yes --backup other
	has "$err" 'no target that was chosen from targets.conf has a job'
	run_rc 78 both --mode rollback --yes --target-schema tenant
	run_rc 0 both --mode restore --backup saved --only busan
	cp -r saved cut
	sed -i '$d' cut/busan/ledger.ndjson
	run_rc 0 both --mode rollback --yes --ship-id IMO9999993 --backup other
	run_rc 0 both --mode rollback --yes --ship-id IMO9999993 --backup other
	has "$err" 'rolled back already: the backup is in other/busan'
	run_rc 0 both --mode restore --backup saved --only busan
	run_rc 0 both --mode rollback --yes --target-schema tenant
	has "$err" '[busan]: rolled back 1 ships in ' '[ulsan]: note: no job has this table'
	# a backup that was cut vouches for nothing
	run_rc 78 both --mode rollback --yes --backup cut --only busan
}

# wrong TEXT CODE WORDS...
wrong() {
	printf '%s\n' "$1" >wrong.conf
	run_rc "$2" narrow-to-wide --mode status --targets wrong.conf
	shift 2
	has "$err" "$@"
}

@test "targets: mistakes in the file, and on the command line" {
	wrong 'ships = A' 78 'wrong.conf, line 1: an option before the first [NAME]'
	wrong $'[a]\nships = A' 78 'wrong.conf, line 2: [a] lacks target'
	wrong $'[a]\ntarget = dbname=x' 78 '[a] lacks ships'
	wrong $'[a]\nship = A' 78 'line 2: not one of ships, target, '
	wrong $'[a]\nships = A\nships = B' 78 'line 3: ships was said in line 2'
	wrong $'[a]\nships' 78 'line 2: neither [NAME] nor NAME = VALUE'
	wrong $'[a/b]' 78 'not a name of letters'
	wrong $'[a]\nships = A\ntarget = x\n[a]' 78 'line 4: there is another [a]'
	wrong $'[a]\nships = A\ntarget = dbname=x\n[b]\nships = B\ntarget = dbname=x' 78 \
		'[a] (wrong.conf, line 2) and [b] (wrong.conf, line 5) are one job'
	wrong '' 78 'names no target'
	wrong $'\ufeff[a]\r\nships = A\r' 78 'line 2: [a] lacks target'
	chmod 644 wrong.conf
	wrong $'[a]\nships = A\ntarget = dbname=x password=secret' 77 'others may read it'
	wrong $'[a]\nships = A\ntarget = postgres://me:secret@x/y' 77 'others may read it'
	wrong $'[a]\nships = A\ntarget = dbname=x sslpassword=secret' 77 'others may read it'
	run_rc 66 narrow-to-wide --mode status --targets nothing.conf
	run_rc 64 narrow-to-wide --mode status --only a
	printf '[a]\nships = A\ntarget = dbname=x\n[b]\nships = B\ntarget = dbname=y\n' >wrong.conf
	run_rc 78 narrow-to-wide --mode status --targets wrong.conf --only c
	has "$err" 'wrong.conf has no [c]'
	run_rc 64 narrow-to-wide --mode dual-write --targets wrong.conf </dev/null
	has "$err" 'dual-write is of one target'
	run_rc 78 narrow-to-wide --mode status --targets wrong.conf --ship-id C
	has "$err" 'ship C is of no target'
}

@test "targets: one that is away does not stop the other, and the exit code says it" {
	local code=0

	three_databases
	# patterns that fit nothing are no work that is done
	sed 's/IMO9/IMO8/g' targets.conf >none.conf
	run_rc 78 narrow-to-wide -q --targets none.conf --mode schema-only
	has "$err" 'no ship is of a target that was chosen from none.conf' 'correct its patterns'
	run_rc 78 narrow-to-wide --targets none.conf --mode validate
	has "$err" 'correct its patterns'
	# those that fit ships of which nothing was carried over are right
	run_rc 78 narrow-to-wide --targets targets.conf --mode validate
	has "$err" 'no ledger of a target that was chosen from targets.conf has a ship' \
		'nothing was carried over yet'
	has_no "$err" 'correct its patterns'
	sed "s|^target = dbname=$ulsan|target = host=$PWD dbname=x|" targets.conf >away.conf
	run_rc 75 narrow-to-wide --targets away.conf --mode migration-only --cutoff-time 2024-10-02
	has "$err" '[ulsan]: error: '
	same_file <(wide_cells "$busan") <(narrow_cells "ship_id <= 'IMO9999994'")
	run_rc 75 timeout 60 narrow-to-wide --targets away.conf --mode watch --once
	run_rc 75 narrow-to-wide --targets away.conf --mode status -f json
	is "$(jq -r .target "$out" | sort -u)" busan
	# what cannot be compared is not equal, and nothing of it is finished; who asks only for
	# the other has all that he wants
	run_rc 75 narrow-to-wide -q --mode validate --targets away.conf
	has "$err" 'the ledger of [ulsan] (away.conf, line 7) cannot be asked'
	has "$out" '[busan]'
	run_rc 75 narrow-to-wide -q --mode finish --yes --targets away.conf
	run_rc 0 narrow-to-wide --mode validate --targets away.conf --ship-id IMO9999993
	run_rc 0 migrate
	same_file <(wide_cells "$busan" "$ulsan") <(narrow_cells)
	# nor while they follow; who ends then has not done all
	MARK=$BATS_TEST_TMPDIR live --mode concurrent --targets away.conf --follow poll
	wait_until 60 following busan
	kill -TERM "$run"
	wait_until 60 gone "$run"
	wait "$run" || code=$?
	run=''
	is "$code" 75
	wait_until 20 none_left "$BATS_TEST_TMPDIR"
}

# following NAME [TIMES]: its past is there
following() {
	[[ $(grep -c "\[$1\]: note: all of the past is there" run.err) -ge ${2-1} ]]
}
# drained_in DATABASE...: what the feed wrote has come
drained_in() {
	local each

	rm -f goal
	for each; do
		PGDATABASE=$each wait_until 60 caught_up
	done
}
# of_source [WHERE]: narrow_cells of the other server; LAST is the goal's
of_source() { PGHOST=$source_cluster/home/socket narrow_cells "ship_id <> 'LAST'"; }
live_targets() { MARK=$BATS_TEST_TMPDIR live --mode concurrent --targets targets.conf "$@"; }
all_end() {
	live_ends
	wait_until 20 none_left "$BATS_TEST_TMPDIR"
}

# two_of_three: a source and three databases of another server, $busan, ulsan and jeju; two of them
# are in the file
two_of_three() {
	two_servers
	busan=$PGDATABASE
	sql 'CREATE DATABASE ulsan'
	sql 'CREATE DATABASE jeju'
	at_source "$root/t/telemetry" 3 40 6000 --start '2024-09-30 23:00'
	unset FERRY_TARGET
	printf '[busan]\nships = *93\ntarget = dbname=%s\n[ulsan]\nships = *94\ntarget = %s\n' \
		"$busan" dbname=ulsan >targets.conf
}

@test "targets: live, with a target and ships that come while rows arrive" {
	local changed
	two_of_three
	feed --ships 3 --channels 40 --speed 30 --sets 20 --from '2024-10-01 00:00'
	live_targets --follow slot --group-columns 25
	wait_until 60 following busan
	wait_until 60 following ulsan
	has run.err 'ships of no target: 1, such as IMO9999995'
	# a mistake changes nothing, and a target more is taken up
	printf 'nonsense\n' >>targets.conf
	wait_until 20 grep -q 'line 7: neither' run.err
	sed -i '$d' targets.conf
	printf '[jeju]\nships = *95 *96\ntarget = dbname=jeju\n' >>targets.conf
	wait_until 60 following jeju
	feed_ends
	# and so is a ship that nobody has seen
	feed --ships 3 --channels 40 --speed 30 --sets 10 --new-ship --new-at 3 --more
	wait_until 60 following jeju 2
	feed_ends
	drained_in "$busan" ulsan jeju
	is "$(grep -c '\[busan\]: note: following by slot' run.err)" 1
	# a ship that has moved in the file stays where it is, and nobody is disturbed
	changed=$(grep -c 'has changed: ended' run.err) || :
	sed -i 's/^ships = \*94$/ships = *97/; s/^ships = \*95/ships = *94 *95/' targets.conf
	wait_until 20 grep -q 'ship IMO9999994 is of \[jeju\]' run.err
	all_end
	is "$(grep -c 'has changed: ended' run.err)" "$changed"
	same_file <(wide_cells "$busan" ulsan jeju) <(of_source)
	is "$(ships_of "$busan") $(ships_of ulsan) $(ships_of jeju)" \
		'IMO9999993 IMO9999994 IMO9999995 IMO9999996'
	source_sql "SELECT 1 / (count(*) = 3)::int FROM pg_replication_slots WHERE NOT active"
}

# bats test_tags=whole
@test "targets: live, one is away, is back, and the door is killed" {
	local code=0

	two_of_three
	# ulsan is of a server that is away
	mv targets.conf both.conf
	sed "s|dbname=ulsan|& port=1|" both.conf >targets.conf
	live_targets --follow poll
	wait_until 60 following busan
	feed --ships 2 --channels 40 --speed 30 --sets 10 --from '2024-10-01 00:00'
	feed_ends
	drained_in "$busan"
	same_file <(wide_cells "$busan") <(of_source | grep IMO9999993)
	# who ends now has not done all
	kill -TERM "$run"
	wait_until 60 gone "$run"
	wait "$run" || code=$?
	is "$code" 75
	live_targets --follow poll
	wait_until 60 following busan
	mv both.conf targets.conf
	wait_until 60 following ulsan
	kill -KILL "$run"
	wait "$run" || :
	wait_until 60 none_left "$BATS_TEST_TMPDIR"
	feed --ships 2 --channels 40 --speed 30 --sets 10 --more
	live_targets --follow poll
	feed_ends
	drained_in "$busan" ulsan
	all_end
	unset MARK
	run_rc 0 narrow-to-wide --targets targets.conf --mode validate --repair
	same_file <(wide_cells "$busan" ulsan) <(of_source | grep 'IMO999999[34]')
}

@test "targets: several sources into one target, and none takes what others brought" {
	local one other target

	scratch_db
	target=$PGDATABASE
	scratch_db
	one=$PGDATABASE
	"$root/t/telemetry" 2 10 1000
	scratch_db
	other=$PGDATABASE
	"$root/t/telemetry" 4 10 1000
	sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id < 'IMO9999995'"
	cat >targets.conf <<-END
		[east]
		ships = *
		target = dbname=$target
		source = dbname=$one
		[west]
		ships = *
		target = dbname=$target
		source = dbname=$other
	END
	run_rc 0 both --mode migration-only --cutoff-time 2100-01-01
	run_rc 0 both --mode status -f json
	is "$(jq -r '"\(.target) \([.ships[].ship] | join(" "))"' "$out" | paste -sd ,)" \
		'east IMO9999993 IMO9999994,west IMO9999995 IMO9999996'
	run_rc 0 both --mode validate
	same_file <(wide_cells "$target") <({
		PGDATABASE=$one narrow_cells
		PGDATABASE=$other narrow_cells
	} | sort)
	# what others fill, too, does not go as a whole, nor by way of a source that is away
	run_rc 78 both --mode rollback --yes --only east
	has "$err" 'targets.conf, line 2' 'have ships of other sources, too' '--ship-id says which'
	run_rc 78 both --mode tables-only --drop-tables --only west
	sed "s/dbname=$other/dbname=gone/" targets.conf >away.conf
	run_rc 75 narrow-to-wide --targets away.conf --mode migration-only --cutoff-time 2100-01-01
	has_no "$err" 'the ledger of [west] (away.conf, line 6) has it'
	# a ship that both sources have is refused
	PGDATABASE=$other sql "UPDATE tenant.tbl_data_timeseries SET ship_id = 'IMO9999994'
		WHERE ship_id = 'IMO9999996'"
	run_rc 78 both --mode migration-only --cutoff-time 2100-01-01
	has "$err" 'ship IMO9999994 is of two targets: [east] (targets.conf, line 2) and [west]'
}

# bats test_tags=whole
@test "targets: several sources into one target, a follower each" {
	two_servers
	target=$PGDATABASE
	sql 'CREATE DATABASE other'
	at_source "$root/t/telemetry" 2 40 4000 --start '2024-09-30 23:00'
	PGDATABASE=other "$root/t/telemetry" 4 40 4000 --start '2024-09-30 23:00'
	PGDATABASE=other sql "DELETE FROM tenant.tbl_data_timeseries WHERE ship_id < 'IMO9999995'"
	cat >targets.conf <<-END
		[east]
		ships = *
		target = dbname=$target
		source = ${FERRY_SOURCE:?}
		[west]
		ships = *
		target = dbname=$target
		source = dbname=other
	END
	unset FERRY_TARGET FERRY_SOURCE
	live_targets --follow slot
	wait_until 60 following east
	wait_until 60 following west
	for each in 1 2 3; do
		FERRY_SOURCE="host=$source_cluster/home/socket dbname=$target" source_sql \
			"INSERT INTO tenant.tbl_data_timeseries (ship_id, data_channel_id,
			created_time, long_v, value_format)
			VALUES ('IMO9999993', 'east', now(), $each, 'Integer')"
		PGDATABASE=other sql "INSERT INTO tenant.tbl_data_timeseries (ship_id,
			data_channel_id, created_time, long_v, value_format)
			VALUES ('IMO9999997', 'west', now(), $each, 'Integer')"
	done
	arrived() {
		[[ $(sql "SELECT sum(rows) FROM ferry.follow_ship") -ge 6 ]]
	}
	wait_until 60 arrived
	run_rc 0 narrow-to-wide --targets targets.conf --mode status -f json
	is "$(jq -r '"\(.target) \([.ships[].ship] | join(" "))"' "$out" | paste -sd ,)" \
		'east IMO9999993 IMO9999994,west IMO9999995 IMO9999996 IMO9999997'
	run_rc 0 narrow-to-wide --targets targets.conf --mode validate
	all_end
	same_file <(wide_cells "$target") <({
		PGHOST=$source_cluster/home/socket narrow_cells
		PGDATABASE=other narrow_cells
	} | sort)
}

@test "targets: each has a page, with links to the others" {
	local port

	command -v pg-wide-web >/dev/null || skip 'no pg-wide-web here'
	three_databases
	migrate 2>/dev/null
	for ((port = 20000 + BASHPID % 30000; ; port += 2)); do
		(: </dev/tcp/127.0.0.1/$port) 2>/dev/null ||
			(: </dev/tcp/127.0.0.1/$((port + 1))) 2>/dev/null || break
	done
	MARK=$BATS_TEST_TMPDIR live --mode web --targets targets.conf --listen "127.0.0.1:$port"
	wait_until 20 curl -sf -o busan.html "http://127.0.0.1:$port/"
	wait_until 20 curl -sf -o ulsan.json "http://127.0.0.1:$((port + 1))/job/1/status.json"
	has busan.html "<a href=\"http://127.0.0.1:$((port + 1))/\">ulsan</a>"
	is "$(jq -r '.ships[].ship' ulsan.json | paste -sd ' ')" 'IMO9999995 IMO9999996'
	kill -TERM "$run"
	wait_until 20 gone "$run"
	run=''
	wait_until 20 none_left "$BATS_TEST_TMPDIR"
}

# bats test_tags=whole
@test "targets: two schemas of one database, of two narrow tables" {
	three_databases
	sql 'CREATE SCHEMA other; CREATE TABLE other.n (LIKE tenant.tbl_data_timeseries);
		INSERT INTO other.n SELECT * FROM tenant.tbl_data_timeseries'
	printf '[a]\nships = *\ntarget = dbname=%s\n[b]\nships = *\ntarget = dbname=%s
		table = other.n\ntarget-schema = second\n' "$busan" "$busan" >targets.conf
	# the same ships in both: one target each
	run_rc 78 migrate
	has "$err" 'is of two targets: [a] (targets.conf, line 2) and [b] (targets.conf, line 5)'
	sql "DELETE FROM other.n WHERE ship_id <> 'IMO9999996';
		DELETE FROM tenant.tbl_data_timeseries WHERE ship_id = 'IMO9999996'"
	run_rc 0 migrate --table tenant.tbl_data_timeseries
	run_rc 0 both --mode validate
	is "$(PGDATABASE=$busan sql "SELECT source_table, target_schema FROM ferry.job ORDER BY 1" |
		paste -sd ' ')" 'other.n|second tenant.tbl_data_timeseries|tenant'
}

@test "targets: passwords are on no command line and in no message" {
	three_databases
	local secret=Xq7-hidden each

	sed -i "s/^target = .*/& password=$secret/" targets.conf
	chmod 600 targets.conf
	MARK=$BATS_TEST_TMPDIR live --mode concurrent --targets targets.conf --follow poll --verbose
	seen() {
		for each in $(marked "$BATS_TEST_TMPDIR"); do
			tr '\0' ' ' <"/proc/$each/cmdline" || :
			printf '\n'
		done >>cmdlines
		following busan && following ulsan
	}
	wait_until 60 seen
	seen
	has cmdlines pg-narrow-dump pg-copy-load
	has_no cmdlines "$secret"
	# nothing of a door that is killed lives on
	kill -KILL "$run"
	wait "$run" || :
	run=''
	wait_until 60 none_left "$BATS_TEST_TMPDIR"
	has_no run.err "$secret"
}
