# clean.bash: what ended runs have left in the state folder, looked at and removed; for front doors,
# sourced behind lib.bash. It makes no folder of a run, so it only takes.
#
# A run that lasts holds a lock on its folder. Locks are the kernel's and go with their holder: the
# files in locks/ are empty, one for each group, and stay, as does what fs-sync has reached.
# shellcheck shell=bash
# shellcheck disable=SC2154  # EX_* are those of lib.bash

# clean_state KEEP DRY PATTERN...: removes what is older than KEEP (FERRY_KEEP_RUNS where empty) of
# what lies below the state folder under such names; with DRY it only says so. What is held, and
# what an interrupted run needs, stays, and why is said.
clean_state() {
	local state name when why
	local -i before

	state=$(state_folder)
	before=$(keep_seconds "$1")
	before=$((EPOCHSECONDS - before))
	if [[ ! -d $state ]]; then
		fill $"State folder: %s, not there yet\n" "$state"
		return
	fi
	fill $"State folder: %s, %s; free on its disk: %s\n" "$state" "$(room_of "$state")" \
		"$(df -h --output=avail -- "$state" | sed -n '2s/ //gp')"
	while IFS= read -r -d '' name; do
		when=${name%%[. ]*} name=${name#* }
		why=''
		if needed "$name"; then
			:
		elif ((when > before)); then
			why=$"not old enough"
		elif [[ $2 ]]; then
			flock --nonblock "$name" true || why=$"a run has it"
		fi
		clean_one "$2"
	done < <(for name in "${@:3}"; do
		find "$state" -mindepth 2 -path "$state/$name" -prune -printf '%T@ %p\0'
	done)
}

# needed PATH: true, with `why`, where an interrupted run goes on from it. Of a migration that was
# verified there is no `begun` left.
needed() {
	local job

	case $1 in
	*.journal)
		# its head and the beginning of a run say nothing
		(($(stat -c %s -- "$1") > 80)) || return 1
		why=$"an interrupted load goes on from it"
		;;
	*/fs-migrate/*)
		[[ -e $1/begun ]] || return 1
		read -r job <"$1/begun" || :
		why=$(fill $"'fs migrate %s' goes on from it" "$job")
		;;
	*) return 1 ;;
	esac
}

# clean_one DRY: what `name` is, kept where `why` says so
clean_one() {
	local word=$"removed" room

	room=$(room_of "$name")
	if [[ $why ]]; then
		word=$"kept"
	elif [[ $1 ]]; then
		word=$"would go"
	elif ! flock --nonblock "$name" rm -rf -- "$name"; then
		word=$"kept" why=$"a run has it"
	fi
	printf '%-9s %6s  %s%s\n' "$word" "$room" "${name#"$state/"}" "${why:+ ($why)}"
}

# room_of PATH: what it takes on the disk, as people write it
room_of() { du -sh -- "$1" 2>/dev/null | cut -f 1; }
