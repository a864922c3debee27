# filters.bash: all the filters there are, for transform-contract.bats and t/soak/faults.bats.
# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # a filter is a command line; variables of the helper

setup() {
	helper_setup
	filters=()
	local each line found
	for each in "${FERRY_CONTRACT:-$root}"/src/transform/*.c; do
		found=
		while IFS= read -r line; do
			filters+=("$line") found=1
		done < <(sed -n '/^ \* contract: .*\\$/{N; s/\\\n \* *//}
			s/^ \* contract: //p' "$each")
		[[ $found ]] || filters+=("$(basename "$each" .c)")
	done
	narrow 40 >n.csv
}

# narrow N: a narrow CSV of N instants
narrow() {
	awk -v n="$1" 'BEGIN {
		print "ship_id,created_time,data_channel_id,value"
		text[3] = ""; text[4] = "\"\""; text[5] = "\"a,\"\"b\"\"\""
		for (i = 0; i < n; i++) for (c = 0; c < 10; c++) {
			value = c in text ? text[c] : i + c / 8
			printf "S1,2024-01-01 %02d:%02d:%02d,/ch/%d,%s\n", i / 3600, i / 60 % 60,
				i % 60, c, value
		}
	}'
}

# each_filter FUNCTION: calls it with each command line; names those it failed for
each_filter() {
	local filter bad=0
	for filter in "${filters[@]}"; do
		"$1" "$filter" || {
			printf '^ %s\n' "$filter"
			bad=1
		}
	done
	((${#filters[@]} > 0 && bad == 0))
}

# sweep CALL ERROR COMMAND: makes the n-th CALL fail, for every n, or with `sampled` for one of
# them. Success with other output is the one thing forbidden.
sweep() {
	local call=$1 error=$2 count n rc
	local -a numbers
	strace -qq -f -o calls -e "trace=$call" $3 <in >good 2>/dev/null || return
	count=$(grep -c "$call(" calls) || :
	choose "$count"
	for n in "${numbers[@]}"; do
		rc=0
		timeout -k 5 20 strace -qq -f -o /dev/null -e "inject=$call:error=$error:when=$n" \
			$3 <in >got 2>"$err" || rc=$?
		tried=$((tried + 1))
		((rc != 0)) || cmp -s got good || {
			printf 'success with other output: %s, %s number %d of %d\n' \
				"$3" "$call:$error" "$n" "$count"
			return 1
		}
		((rc == 0)) || failed=$((failed + 1))
		((rc < 124 || rc == 127 || rc > 128)) || {
			printf 'hangs: %s, %s number %d\n' "$3" "$call:$error" "$n"
			return 1
		}
	done
}

# choose COUNT: the numbers up to it that are tried
choose() {
	mapfile -t numbers < <(seq "$1")
	((sampled && $1)) || return 0
	any_of "${numbers[@]}" && numbers=("$victim")
}

# sweep_all: each call of each filter in turn; with `sampled`, two of the calls of each
sweep_all() {
	local call filter input tried=0 failed=0
	local -a calls=(write:{ENOSPC,EIO,EINTR} read:{EIO,EINTR} openat:EMFILE close:EIO fstat:EIO
		poll:EINTR mmap:ENOMEM brk:ENOMEM fcntl:EINVAL lseek:EINVAL) some

	need strace
	no_sanitizer "strace and leak checks exclude each other"
	for input in n.csv s.csv; do
		if [[ $input == s.csv ]]; then
			"$FERRY_BIN/../unit/chunks" 150 csv <n.csv >s.csv
			calls=(write:ENOSPC read:EIO mmap:ENOMEM)
		fi
		cp "$input" in
		for filter in "${filters[@]}"; do
			some=("${calls[@]}")
			if ((sampled)); then
				any_of "${calls[@]}" && some=("$victim")
				any_of "${calls[@]}" && some+=("$victim")
			fi
			for call in "${some[@]}"; do
				# strace skips a call it fails: an unclosed pipe never ends
				[[ $filter$call != via*close* ]] || continue
				sweep "${call%:*}" "${call#*:}" "$filter"
			done
		done
	done
	for filter in 'via --sink -- cat' 'via -- cat'; do
		for call in pipe2:EMFILE clone:EAGAIN dup2:EBUSY execve:ENOENT wait4:EINTR \
			lseek:EIO; do
			sweep "${call%:*}" "${call#*:}" "$filter"
		done
	done
	sweep write ENOSPC 'pivot-wide --on-unsorted sort --sort-memory 1M'
	sweep read EIO 'pivot-wide --on-unsorted sort --sort-memory 1M'
	sweep write ENOSPC 'reformat -z 6'
	printf '# %d faults injected, %d led to failure, none to success with other output\n' \
		"$tried" "$failed" >&3
	((tried > least && failed > least / 3))
}
