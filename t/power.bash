# power.bash: runs that the power fails under; loaded after helper, sandbox, fs and oracle. Both
# t/power.bats and t/soak/power.bats use it.
#
# A case is two functions: NAME_begin makes the folder disk and what else is to be there, and sets
# $command; NAME_end has $at, the point at which the power failed (0: after the command had ended
# well), and says what must be on the disk, runs the same command again, and says what must be then.
# shellcheck shell=bash
# shellcheck disable=SC2154  # of helper.bash

# without_power CASE WHERE: `some`: at the end and at one other point; each: at all of them, in one
# way each; all: in each way
without_power() {
	local case=$1 points=0 at what
	local -a chosen=(0) ways

	if [[ $2 == some ]]; then
		random "$3"
		chosen+=($((random + 1)))
	else
		fail_at points >count
		points=$(<count)
		mapfile -t chosen < <(seq 0 "$points")
	fi
	for at in "${chosen[@]}"; do
		random 1000000
		ways=(bare names zeros data "$random")
		if [[ $2 != all ]]; then
			any_of "${ways[@]}"
			((at)) || victim=bare
			ways=("$victim")
		fi
		for what in "${ways[@]}"; do
			fail_at cut "$at" "$what"
			! grep -q '^ended after' power.err || at=0
			"${case}_end" || {
				printf '%s: point %s of %s, %s\n' "$case" "$at" "$points" "$what"
				find disk -type f -exec ls -l {} +
				return 1
			}
		done
	done
	printf '# %s: %s of %s points, %s ways\n' "$case" "${#chosen[@]}" "$points" \
		"${#ways[@]}" >&3
}

# fail_at points, or fail_at cut POINT WHAT: the command of the case, from the beginning
fail_at() {
	local -a command=()

	rm -rf disk
	mkdir disk
	"${case}_begin" >begin.out 2>begin.err || {
		cat begin.out begin.err >&2
		return 1
	}
	"$root/t/faults/power" "$@" disk "${FERRY_BIN%/bin}/power.so" -- "${command[@]}" \
		2>power.err </dev/null || {
		cat power.err
		return 1
	}
}

# ---- outputs -----------------------------------------------------------------------------------

output_begin() {
	printf 'id,name\n1,a\n2,b\n' >in.csv
	printf 'old\n' >disk/out.csv
	command=(map-fields --select id -O disk/out.csv --stats disk/stats.json in.csv)
}
output_end() {
	local now
	now=$(<disk/out.csv)
	[[ $now == $'id\n1\n2' || $now == old && $at != 0 ]] || return
	# what --stats has before the end says that it is not the end
	[[ ! -e disk/stats.json ]] ||
		jq -e '.rows_out == 2 or .exit == 143' disk/stats.json >/dev/null || return
	run_ok "${command_of_output[@]}"
	is "$(<disk/out.csv)" $'id\n1\n2'
}
command_of_output=(map-fields --select id -O disk/out.csv in.csv)

# What a front door writes by itself.
door_begin() {
	printf 'old\n' >disk/stats.json
	command=(fs list --stats disk/stats.json)
}
door_end() {
	local now
	now=$(<disk/stats.json)
	[[ $now == old && $at != 0 ]] ||
		jq -e --argjson at "$at" '.exit == 0 or $at != 0 and .exit == 143' <<<"$now" \
			>/dev/null
}

# ---- feature groups ----------------------------------------------------------------------------

# begun COUNT: a new group, $from, and so many records in in.csv
begun() {
	n_groups=$((${n_groups:-0} + 1))
	from=from$BATS_TEST_NUMBER-$n_groups to=to$BATS_TEST_NUMBER-$n_groups
	group "$from"
	records "$1" >in.csv
	export FERRY_STATE=$PWD/disk
}
# filled COUNT: the same, with the records in both stores
filled() {
	begun "$1"
	fs-put "$from" in.csv
	wait_until 20 arrived "$from" "$1"
	group "$to"
}

put=(fs-put --batch-size 4 --max-workers 1)
put_begin() {
	begun 100
	command=("${put[@]}" --progress=none "$from" in.csv)
}
# What was acknowledged before the last sync is not sent again: only the 25 records of a request
# that is not in the journal yet, and of one that was under way.
put_end() {
	local rows

	((at)) || is "$(find disk -name '*.journal')" '' || return
	run_rc 0 "${put[@]}" "$from" in.csv || return
	same_online "$from" in.csv || return
	rows=$(fs-extract-athena "$from" --no-seal | wc -l)
	((at == 0 || at == points || rows <= 1 + 100 + 2 * 25)) || {
		printf '%s rows of 100 records\n' "$((rows - 1))"
		return 1
	}
	is "$(find disk -name '*.journal')" ''
}

migrate_begin() {
	filled 12
	printf 'id,event_time\nold,2020-01-01T00:00:00Z\n' |
		fs-put --accept-unsealed -q "$to"
	rm -rf disk/*
	command=(fs migrate "$from" "$to" --yes --clear-target --no-progress)
}
migrate_end() {
	run_rc 0 fs migrate "$from" "$to" --yes --clear-target --no-progress --verify-wait 20s &&
		same_online "$to" in.csv
}

sync_begin() {
	filled 6
	fs-sync "$from" "$to" --iterations 1
	records 10 >in.csv
	fs-put "$from" in.csv
	wait_until 20 arrived "$from" 16
	command=(fs-sync "$from" "$to" --iterations 1)
}
sync_end() {
	run_rc 0 fs-sync "$from" "$to" --iterations 1 && same_online "$to" in.csv
}

# ---- migrations --------------------------------------------------------------------------------

# What a rollback drops is in its backup, or is not dropped.
backup_begin() {
	[[ $(sql "SELECT to_regclass('ferry.job') IS NOT NULL") == t &&
		$(sql "SELECT count(*) FROM ferry.chunk") != 0 ]] || {
		narrow-to-wide --mode migration-only --cutoff-time "$cutoff"
		is_carried_over
	}
	command=(narrow-to-wide --mode rollback --yes --backup disk/saved)
}
backup_end() {
	if [[ $(sql "SELECT count(*) FROM ferry.chunk") == 0 ]]; then
		run_rc 0 narrow-to-wide --mode restore --backup disk/saved || return
	else
		((at)) || return
	fi
	is_carried_over
}
