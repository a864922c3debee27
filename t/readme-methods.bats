# The four methods of ferry-migration(7), as they stand there: every command is run.
load helper
load oracle

setup() {
	helper_setup
	scratch_db
	export FERRY_RETRY_PAUSE=50
	"$root/t/telemetry" 3 20 4000
	"$root/t/readme" ferry-migration.7 | sed 's/  *#.*//' >commands
}

cutoff=2100-01-01 # also of the oracle

# guide PATTERN: the commands of the guide that match, in a form that does not take minutes
guide() {
	grep -E -e "$1" commands | sed 's/--interval 1$/--interval 100ms/; s/logger -t ferry/true/'
}

# run_guide CODE PATTERN: all of them, one after the other
run_guide() {
	local each
	guide "$2" >todo
	[[ -s todo ]]
	while IFS= read -r each <&4; do
		run_rc "$1" bash -c "$each" || return
	done 4<todo
}

arrive() { # CHANNEL TIME VALUE [SHIP]
	sql "INSERT INTO tenant.tbl_data_timeseries
		(ship_id, data_channel_id, created_time, double_v, value_format)
		VALUES ('${4-IMO9999993}', '$1', '$2', $3, 'Decimal')"
}
seen() { # SHIP CHANNEL VALUE
	[[ $(sql "SELECT \"$2\" FROM tenant.tbl_data_timeseries_${1,,}
		WHERE \"$2\" IS NOT NULL") == "$3" ]]
}

# method NAME: prepared by the steps before, it follows until SIGTERM
method() {
	local code=0 command run
	run_guide 0 '(schema|tables)-only'
	command=$(guide "--mode $1( |$)")
	bash -c "exec $command" >run.log 2>&1 3>&- &
	run=$!
	wait_until 60 sql "SELECT 1 / count(*) FROM ferry.follower WHERE worker IS NOT NULL"
	arrive /live '2024-11-01 12:00:00' 1
	arrive /late '2024-10-01 00:00:07' 2
	arrive /new '2024-11-01 12:00:00' 3 NEWSHIP
	wait_until 60 seen IMO9999993 /live 1
	wait_until 60 seen IMO9999993 /late 2
	wait_until 60 seen NEWSHIP /new 3
	wait_until 60 sql "SELECT 1 / (count(*) = 0)::int FROM ferry.chunk
		WHERE state <> 'done'" || {
		tail -n 20 run.log
		sql "TABLE ferry.chunk"
		return 1
	}
	run_guide 0 '--mode status$'
	has "$out" 'live (' 'guarantee: '
	run_guide 0 '--mode validate$'
	kill "$run"
	wait "$run" || code=$?
	((code == 0)) || cat run.log
	is "$code" 0
	is_carried_over
}

@test "readme: no command of the guide is left out by these tests" {
	local left
	left=$(grep -vE -e '--mode (schema-only|tables-only|concurrent|hybrid|streaming|realtime)' \
		-e '--mode (status|validate|events|failed|migration-only|rollback|restore)' \
		-e '--mode (analyze|compare|route|finish)' -e '^pg-narrow-dump ' -e '^psql -c ' \
		-e '^share/ferry/slurm/' -e '^sbatch ' -e '^ALTER SYSTEM SET archive_' \
		-e '^(restore_command|recovery_target_[a-z]*) = ' \
		commands || :)
	is "$left" ''
	is "$(grep -c . commands)" 34
}

@test "readme: method 1, concurrent" { method concurrent; }
@test "readme: method 2, hybrid" { method hybrid; }
@test "readme: method 3, streaming" { method streaming; }

one_after_the_other() {
	arrive /after '2024-10-02 18:00:00' 5
	run_guide 0 '--mode analyze'
	run_guide 0 '(schema|tables)-only'
	run_guide 0 '--mode migration-only --cutoff-time'
	cutoff='2024-10-02 17:00:00' is_carried_over
	method realtime
	seen IMO9999993 /after 5
}

@test "readme: method 4, one after the other" { one_after_the_other; }

# bats test_tags=whole
@test "readme: the rest of the guide, behind method 4" {
	need jq mlr
	one_after_the_other
	run_guide 0 '--mode status --count'
	is "$(head -n 1 "$out")" "IMO9999993: stopped - $(sql \
		'SELECT count(*) FROM tenant.tbl_data_timeseries_imo9999993') records"
	run_guide 0 '--mode (events|failed|migration-only --retry)'
	TZ=UTC run_guide 0 '^pg-narrow-dump ' # the clock of mlr
	run_guide 0 '--mode (validate|compare)'
	run_guide 0 '^psql -c .*read'
	has "$out" '2024-10-01 00:00:'
	run_guide 0 '^psql -c .*latest'
	sql 'CREATE ROLE reporting'
	run_guide 0 '--mode route'
	run_guide 0 '--mode finish'
	run_guide 0 '--mode rollback --backup'
	sql 'DROP ROLE reporting'
	is "$(sql "SELECT count(*) FROM pg_class WHERE relname LIKE 'tbl_data_timeseries_imo%'")" 0
	is "$(sql 'SELECT count(*) FROM pg_replication_slots
		WHERE database = current_database()')" 0
	run_guide 0 '--mode restore'
	is_carried_over
	run_guide 0 '--mode rollback --ship-id'
	is "$(ships | xargs)" 'IMO9999994 IMO9999995 NEWSHIP'
}
