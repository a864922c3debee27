# shellcheck disable=SC2086  # a filter is a command line, to be split into words
load helper

# What every filter of src/transform promises about its data, tried on all there are: a new one is
# covered as soon as it is built, if it takes a narrow stream without options; else it needs a line.

setup() {
	helper_setup
	filters=()
	local each
	for each in "$root"/src/transform/*.c; do
		each=$(basename "$each" .c)
		case $each in
		via) filters+=("via -- cat") ;;
		map-fields) filters+=("map-fields --rename value:v --set x=1 --cast x:int") ;;
		quality-clean)
			each="quality-clean --enable normalize_strings,deduplicate -k value"
			filters+=("$each" "$each --keep newest --event-time value --memory 64K")
			;;
		unpivot-narrow) filters+=("unpivot-narrow -k created_time") ;;
		*) filters+=("$each") ;;
		esac
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
	((${#filters[@]} > 4 && bad == 0))
}

@test "filters: an empty input is an empty output, not sealed" {
	empty() {
		run_pipe '0 0 0' 'true | $f | cat' f="$1" &&
			has_no "$out" @seal &&
			{ [[ ! -s $out || $1 == stream-digest* ]]; }
	}
	each_filter empty
}

@test "filters: a header without records, a stream without columns" {
	header() {
		head -n 1 n.csv >h.csv
		run_pipe '0' '$f <h.csv' f="$1" && [[ -s $out ]] &&
			run_pipe '0 0 0' '"$FERRY_BIN/../unit/chunks" 1 csv </dev/null | reformat |
					cat' && has "$out" '""final"":1'
	}
	each_filter header
}

@test "filters: closed standard input or output" {
	closed() {
		run_rc 74 bash -c "$1 <&-" && has "$err" "standard input: read error" &&
			run_rc 74 bash -c "$1 <n.csv >&-" &&
				has "$err" "standard output: write error"
	}
	each_filter closed
}

@test "filters: a full disk, found at the first write and at the last" {
	narrow 3000 >big.csv
	full() {
		local input
		for input in n.csv big.csv; do
			run_rc 74 bash -c "$1 <$input >/dev/full" || return
			has "$err" "standard output: write error: No space left on device" || return
		done
		[[ $1 == via* ]] || run_rc 74 bash -c "$1 -O /dev/full n.csv"
	}
	each_filter full
}

@test "filters: an output that cannot be created" {
	run_rc 73 reformat -O /nonexistent/x n.csv
	run_rc 73 pivot-wide -O /nonexistent/x n.csv
	run_rc 73 unpivot-narrow -O /nonexistent/x -k created_time n.csv
	run_rc 73 map-fields -O /nonexistent/x n.csv
	run_rc 73 quality-clean -O /nonexistent/x --enable normalize_strings n.csv
	run_rc 73 stream-digest -O /nonexistent/x n.csv
	run_rc 73 via -O /nonexistent/x -- cat <n.csv
}

@test "filters: a file is never input and output at once" {
	local each
	cp n.csv same.csv
	for each in "${filters[@]}"; do
		[[ $each != via* ]] || continue
		run_rc 64 $each -O same.csv same.csv
		has "$err" 'same.csv is input and output at once'
		# shellcheck disable=SC2094  # that is what is tried
		run_rc 64 $each -O ./same.csv <same.csv
		run_rc 64 bash -c "$each same.csv >>same.csv"
		same_file same.csv n.csv
	done
	# shellcheck disable=SC2094  # that is what is tried
	run_rc 64 via -O same.csv -- cat <same.csv
	same_file same.csv n.csv
}

@test "filters: a reader that goes away is SIGPIPE, without a word" {
	narrow 20000 >big.csv
	gone() {
		[[ $1 == stream-digest* ]] ||
			{ run_pipe '141 0' '$f <big.csv | head -c 1' f="$1" && [[ ! -s $err ]]; }
	}
	each_filter gone
	gone_sealed() {
		[[ $1 == stream-digest* ]] ||
			run_pipe '141 141 0' 'reformat --seal big.csv | $f | head -c 1' f="$1" ||
			run_pipe '0 141 0' 'reformat --seal big.csv | $f | head -c 1' f="$1"
	}
	each_filter gone_sealed
}

@test "filters: inputs that cannot be opened" {
	unopened() {
		[[ $1 != via* ]] || return 0
		run_rc 66 $1 nosuchfile &&
			has "$err" 'cannot open "nosuchfile": No such file or directory' &&
			run_rc 66 $1 . && has "$err" 'it is a directory' &&
			run_rc 64 $1 n.csv n.csv
	}
	each_filter unopened
}

@test "filters: a file that was cut, a NUL byte, what is not UTF-8" {
	bad() {
		run_rc 65 bash -c "head -c -1 n.csv | $1" && has "$err" 'has no line end' &&
			run_rc 65 bash -c "{ cat n.csv; printf 'S1,\\0,a,b\n'; } | $1" &&
				has "$err" ':402:4: record 401: NUL byte' &&
			run_rc 65 bash -c "{ cat n.csv; printf 'S1,2,\\377,b\n'; } | $1" &&
				has "$err" ':402:6: record 401: not valid UTF-8' &&
			run_rc 65 bash -c "head -c 100 n.csv | gzip | head -c 60 | $1" &&
				has "$err" 'gzip data ends early'
	}
	each_filter bad
}

@test "filters: a cut sealed stream leaves no final seal, and the last program learns why" {
	local n
	"$FERRY_BIN/../unit/chunks" 150 csv <n.csv >s.csv
	n=$(wc -c <s.csv)
	cut() {
		local at want
		for at in 1 5 40 200 $((n / 2)) $((n - 30)) $((n - 1)); do
			want='0 76 0'
			((at > 47)) || want='0 65 0' # within the header it is no sealed stream yet
			run_pipe "$want" 'head -c "$at" s.csv | $f | cat' f="$1" at="$at" || return
			has_no "$out" '""final""' || return
			((at <= 47)) || [[ $1 == stream-digest* ]] ||
				has "$out" '""abort"":76' "the stream ended without its seal" ||
				return
		done
		[[ $1 == stream-digest* ]] ||
			run_pipe '0 76 76' 'head -c -1 s.csv | $f | via -- cat' f="$1"
	}
	each_filter cut
}

@test "filters: LC_ALL and a missing environment change nothing" {
	bare() {
		run_ok $1 <n.csv || return
		cp "$out" want
		run_ok env -i "PATH=$PATH" $1 <n.csv && same_file "$out" want &&
			run_ok env LC_ALL=de_DE.UTF-8 LANG=ko_KR.UTF-8 $1 <n.csv &&
				same_file "$out" want
	}
	each_filter bare
}

@test "filters: slow pipes of one byte at a time change nothing" {
	narrow 3 >few.csv
	slow() {
		run_ok $1 <few.csv || return
		cp "$out" want
		run_pipe '0 0' 'dd bs=1 if=few.csv status=none | $f' f="$1" && same_file "$out" want
	}
	each_filter slow
}

@test "filters: --stats and --progress tell what was done" {
	stats() {
		local line=${1/#via/via --stats s.json --progress json}
		[[ $1 == via* ]] || line="$1 --stats s.json --progress json"
		run_rc 0 $line <n.csv &&
			is "$(jq -r .rows_in s.json)" 400 &&
				is "$(jq -r .bytes_in s.json)" "$(wc -c <n.csv)" &&
			tail -n 1 "$err" | jq -e '.done == true and .rows == 400'
	}
	each_filter stats
}

# example PAGE: prints the commands of its EXAMPLES, one per line
examples() {
	awk '/^\.Sh/ { in_examples = $2 == "EXAMPLES" }
		/^\.Ed/ { if (text) print text; text = "" ; code = 0 }
		in_examples && code { text = text $0 " "; if (!/[|]$/) { print text; text = "" } }
		/^\.Bd -literal/ { code = 1 }' "$1" | sed 's/\\e/\\/g; s/\\(dq/"/g; s/\\&//g'
}

@test "filters: the examples of the manual pages run" {
	local page line tried=0
	printf '%s\n' ship_id,created_time,/a,/b S1,1,x,y S1,2,,z >wide.csv
	printf '%s\n' day,Rome,Oslo 1,20,3 2,21,5 >cities.csv
	printf '%s\n' date,station,measure,reading 2,A,t,1 1,A,t,2 >long.csv
	printf '[{"a":1},{"b":"x"}]\n' >records.json
	printf '%s\n' id,name,age,status '1,"Ann, A",41,new' 2,Bob,,new >people.csv
	printf '%s\n' ship_id,created_time,data_channel_id,value S1,1,/a,0 S1,1,/b,2.5 s1,2,/a,1e3 \
		>narrow.csv
	reformat -o iso19848 -k at -s S1 <<<'{"at":"2024-01-01","/a":1}' >data.json
	for page in "$root"/src/transform/*.1; do
		while IFS= read -r line; do
			[[ $line != *pg-* ]] || continue
			printf '%s: %s\n' "$(basename "$page")" "$line"
			tried=$((tried + 1))
			run_ok bash -euo pipefail -c "$line"
		done < <(examples "$page")
	done
	((tried >= 10))
}

# sweep CALL ERROR COMMAND: makes the n-th CALL fail, for every n. Success with other output is the
# one thing forbidden.
sweep() {
	local call=$1 error=$2 count n rc
	strace -qq -f -o calls -e "trace=$call" $3 <in >good 2>/dev/null || return
	count=$(grep -c "$call(" calls) || :
	for ((n = 1; n <= count; n++)); do
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

@test "filters: the n-th system call fails, for every n" {
	local call tried=0 failed=0 filter
	local -a calls=(write:{ENOSPC,EIO,EINTR} read:{EIO,EINTR} openat:EMFILE close:EIO fstat:EIO
		poll:EINTR mmap:ENOMEM brk:ENOMEM fcntl:EINVAL lseek:EINVAL)
	need strace
	no_sanitizer "strace and leak checks exclude each other"
	for input in n.csv s.csv; do
		if [[ $input == s.csv ]]; then
			"$FERRY_BIN/../unit/chunks" 150 csv <n.csv >s.csv
			calls=(write:ENOSPC read:EIO mmap:ENOMEM)
		fi
		cp "$input" in
		for filter in "${filters[@]}"; do
			for call in "${calls[@]}"; do
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
	((tried > 300 && failed > 100))
}
