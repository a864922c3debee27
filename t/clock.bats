# The wall clock jumps, by an hour as when summer begins where clocks say local time, or by a day:
# leases rest on the server's clock, durations on one that nobody sets, and signatures on what the
# service says of its own. Those who follow are in t/soak/clock.bats.
load helper
load sandbox
load fs
load oracle

setup() {
	helper_setup
	no_sanitizer 'the clock has to be first'
	others=''
	jump 0
}
teardown() { [[ ! $others ]] || kill -TERM "$others" 2>/dev/null || :; }

@test "clock: a load is signed as of the service's time, with keys of a role, and says how long" {
	sandbox_set
	group jumping
	records 240 >in.csv
	sandbox_set latency=100 only=BatchWriteRecord
	cat >"$AWS_CONFIG_FILE" <<-'END'
		[profile role]
		role_arn = arn:aws:iam::123456789012:role/loader
		credential_source = Environment
	END
	jump 86400
	ahead fs --profile role bulk-put jumping in.csv --batch-size 10 --max-workers 2 \
		--stats stats.json >load.out 2>load.err &
	others=$!
	wait_until 20 asked_for BatchWriteRecord
	jumps 2
	jump -3600
	wait "$others" || { cat load.err; return 1; }
	others=''
	same_online jumping in.csv
	jq -e '.seconds >= 0 and .seconds < 600' stats.json
	# keys of an hour are not asked for again and again
	(($(sandbox_count AssumeRole ok) > 0 && $(sandbox_count AssumeRole) <= 8))
	rm "$AWS_CONFIG_FILE"
	jump 0
}
asked_for() { (($(sandbox_count "$1") > 0)); }

@test "clock: a query of a run from the future is no result for this one" {
	local before
	sandbox_set
	loaded later 3
	before=$(sandbox_count GetQueryExecution)
	sandbox_set athena-delay=1000
	export FERRY_STATE=$PWD/state
	fs-extract-athena later --no-seal -O first.csv &
	others=$!
	wait_until 20 polled "$before"
	kill -KILL "$others"
	wait "$others" || :
	others=''
	sandbox_set athena-delay=0
	records 5 | fs-put --accept-unsealed --no-resume -q later
	wait_until 20 eight
	touch -d tomorrow state/fs-extract-athena/*.run
	run_ok fs-extract-athena later --no-seal -O first.csv
	is "$(wc -l <first.csv)" 9
}
eight() { (($(fs-extract-athena later --no-seal --where 'count > -100' | wc -l) == 9)); }

@test "clock: of two at once one is a day ahead, and neither takes a chunk from the other" {
	local each one two
	local -a migration=(narrow-to-wide --mode migration-only --chunk 1m --workers 1
		--cutoff-time '2024-10-01 00:08')

	cutoff='2024-10-01 00:08'
	scratch_db
	"$root/t/telemetry" 2 5 600
	jump 86400
	ahead "${migration[@]}" >one.out 2>one.err &
	one=$!
	"${migration[@]}" >two.out 2>two.err &
	two=$!
	for each in "$one" "$two"; do
		wait "$each" || { cat one.err two.err; return 1; }
	done
	is "$(sql "SELECT count(*) FROM ferry.event WHERE level <> 'INFO'")" 0
	is "$(sql 'SELECT max(attempt) FROM ferry.chunk')" 1
	is_carried_over
}
