load ../helper
load ../sandbox
load ../fs
load ../storm
load ../fs-kill
load ../fs-move
load ../fs-deny

# The sizes of production, where `make check` takes small ones.

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0
}
teardown_file() {
	sandbox_stop
	helper_teardown_file
}
setup() {
	RUN_TIMEOUT=3600
	helper_setup
	sandbox_set
}

@test "soak: 1 M records through everything that goes wrong with a service" {
	storm_load 1000000 >&3
}

@test "soak: 1 M records, killed 20 times" {
	storm_kills 1000000 20 >&3
}

@test "soak: a migration of feature groups, killed 200 times in every phase and way" {
	loaded kill-from 300
	group kill-to
	fs-put kill-to in.csv
	kills "${KILLS:-200}" 300 >&3
}

@test "soak: every command without each of the permissions it uses" {
	deny_all 1
	cat denied >&3
}

@test "soak: no command asks more often than it has to, of 1,000, 10,000 and 100,000 records" {
	local count

	for count in 1000 10000 100000; do
		run_rc 0 env WHOLE=1 RECORDS=$count bats --filter 'asks more often' \
			"$root/t/pipelines-fs-safety.bats"
	done
}

@test "soak: a migration of groups of 2,500 features" {
	run_rc 0 env FEATURES=2500 bats --filter 'hundreds of features' \
		"$root/t/pipelines-fs-migrate.bats" "$root/t/pipelines-fs.bats"
}

# running: a program of the run is there; ended: none is, so that its lock is free
running() { [[ $(ps -o pid= -s "$1") ]]; }
ended() { ! running "$1"; }

# writes_since COUNT: more requests than that have written
writes() { sandbox_count BatchWriteRecord; }
writes_since() { (($(writes) > $1)); }

# disturbed VICTIM COMMAND...: runs it and, once it has written a little or ended, kills VICTIM: all
# of its processes, or those of that name
disturbed() {
	local before sid victim=$1
	shift

	setsid "$@" >>run.out 2>>run.err &
	sid=$!
	# emptying the target writes, too
	emptied() { [[ -e job/cleared ]] || ended "$sid"; }
	wait_until 60 emptied
	random 4
	before=$(($(writes) + random))
	further() { writes_since "$before" || ended "$sid"; }
	wait_until 30 further
	pause 10 100
	if [[ $victim == all ]]; then
		pkill -KILL -s "$sid" || :
	else
		pkill -KILL -s "$sid" -x "$victim" || :
	fi
	wait_until 60 ended "$sid"
	wait "$sid" 2>/dev/null || :
}

@test "soak: a migration with history, killed at any point: each record is there once" {
	local victim command twice

	made big both
	records 1500 200 >many.csv
	fs-put big many.csv
	lively big
	wait_until 30 rows big 1595
	made killed both
	records 20 >other.csv
	fs-put killed other.csv
	wait_until 20 rows killed 20
	command=(fs migrate big killed --clear-target --yes --no-progress --journal "$PWD/job"
		--max-workers 2 --verify-wait 60s)
	sandbox_set write-rate=600 latency=3
	for victim in all fs-put fs-extract-athe fs; do
		disturbed $victim "${command[@]}"
	done
	sandbox_set
	run_rc 0 "${command[@]}"
	has <(cat run.err "$err") 'was cleared by the run that is resumed'
	present big >wanted
	present killed >got
	same_file got wanted
	history big | uniq >wanted
	history killed | uniq >got
	same_file got wanted
	# what was sent twice is counted, and named
	twice=$(($(history killed | wc -l) - $(history killed | uniq | wc -l)))
	has "$out" "1560 identifiers, " ", $twice rows repeat one"
	[[ ! -e job ]]
}
