# kill.bash: a migration that is disturbed. Both t/pipelines-kill.bats and t/soak/kill.bats use it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

load "${BATS_TEST_DIRNAME%/soak}/oracle"

cutoff='2024-10-01 01:30:00'
migration=(narrow-to-wide --mode migration-only --cutoff-time "$cutoff" --chunk 20s
	--group-columns 15 --workers 2)

# telemetry ROWS: three ships of 40 channels, in tables of 15; and what becomes of it undisturbed
kill_settings() { export FERRY_RETRY_PAUSE=20 FERRY_STATE=$BATS_TEST_TMPDIR/state; }
telemetry() {
	kill_settings
	"$root/t/telemetry" 3 40 "$1" --repeats --defects
	run_rc 0 "${migration[@]}" --target-schema calm
}

# trace_on: what the ledger goes through from here on is noted; trace_holds: it is as the model says
# (t/model/trace), and WORD... are steps that were among them
trace_on() {
	"$root/t/model/trace" on | sql >/dev/null
}
trace_holds() {
	sql "SELECT to_jsonb(s) FROM trace.step AS s ORDER BY id" >steps
	"$root/t/model/trace" check <steps >steps.found || {
		head -c 4000 steps.found
		return 1
	}
	printf '# %s\n' "$(<steps.found)" >&3
	has steps.found "$@"
	sql 'DROP SCHEMA trace CASCADE' 2>/dev/null
}

ledger_of() {
	sql "SELECT state, count(*), sum(rows), sum(cells), sum(wide_rows), sum(dropped),
			sum(rejects)
		FROM ferry.chunk JOIN ferry.job USING (job_id)
		WHERE target_schema = '$1' GROUP BY 1"
}
rejects_of() {
	printf '%s' "SELECT ship, chunk_from, record, why FROM ferry.reject
		JOIN ferry.job USING (job_id) WHERE target_schema = '$1'"
}

# as_if_undisturbed: the tables are those of the undisturbed run, and what the oracle says
as_if_undisturbed() {
	local each relation

	for each in 1 2 3; do
		for relation in $(sql "SELECT relname FROM pg_class WHERE relkind = 'r'
			AND relnamespace = 'calm'::regnamespace AND relname LIKE '%\_$each'
			ORDER BY 1"); do
			same_rows "SELECT to_jsonb(t) FROM tenant.$relation AS t" \
				"SELECT to_jsonb(t) FROM calm.$relation AS t"
		done
	done
	is_carried_over
	is "$(ledger_of tenant)" "$(ledger_of calm)" 'the ledger'
	same_rows "$(rejects_of tenant)" "$(rejects_of calm)"
	run_rc 0 narrow-to-wide --mode validate
}

# stages PROCESS: its descendants that are programs of a pipeline. They live for a moment, and bats
# looks at each command of a loop in bash, which takes a second.
stages() {
	ps -eo pid=,ppid=,comm= | awk -v top="$1" '{ parent[$1] = $2; name[$1] = $3 }
		END {
			for (pid in name) {
				if (name[pid] !~ /^(pg-narrow-dump|pivot-wide|pg-copy-load)$/)
					continue
				for (up = pid; up in parent && up != top; ) up = parent[up]
				if (up == top) print pid
			}
		}' | sort -n
}

# at_work PROCESS: stages of it run, or it has ended
at_work() { [[ $(stages "$1") ]] || ! kill -0 "$1"; }

# kill_stages COUNT: a run after the other, in which so many stages are killed, wherever they are a
# moment after they were seen
kill_stages() {
	local left=$1 run='' victims
	local -i killed=0

	while ((killed < left)); do
		if [[ ! $run ]] || ! kill -0 "$run" 2>/dev/null; then
			if [[ $run ]] && [[ $(open_chunks) == 0 ]]; then
				start_over
			fi
			"${migration[@]}" >>run.out 2>>run.err &
			run=$!
		fi
		wait_until 20 at_work "$run"
		mapfile -t victims < <(stages "$run")
		((${#victims[@]})) || continue
		pause 0 100
		any_of "${victims[@]}"
		kill -KILL "$victim" 2>/dev/null && killed+=1
	done
	wait "$run" || :
	printf '%s stages killed\n' "$killed" >&3
}

open_chunks() {
	sql "SELECT count(*) FROM ferry.chunk JOIN ferry.job USING (job_id)
		WHERE target_schema = 'tenant' AND state <> 'done'"
}

roll_back() { run_rc 0 narrow-to-wide --mode rollback --yes; }

# When all is done before enough was killed: once more from the beginning.
start_over() {
	as_if_undisturbed
	roll_back
}

# crash_server COUNT: a run after the other, in which the server is stopped so often, at once
crash_server() {
	local run='' i

	for ((i = 0; i < $1; i++)); do
		if [[ ! $run ]] || ! kill -0 "$run" 2>/dev/null; then
			if [[ $run ]] && [[ $(open_chunks) == 0 ]]; then
				start_over
			fi
			"${migration[@]}" >>run.out 2>>run.err &
			run=$!
		fi
		wait_until 20 at_work "$run"
		pause 0 300
		"$root/pipelines/lib/cluster" stop "$cluster" --immediate
		pause 0 300
		"$root/pipelines/lib/cluster" start "$cluster" --option fsync=on \
			--option shared_buffers=128MB
	done
	wait "$run" || :
}
