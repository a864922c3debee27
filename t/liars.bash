# liars.bash: programs that talk to somebody who lies, t/liars/aws.py; loaded after helper, sandbox
# and fs. Both t/liars.bats and t/soak/liars.bats use it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # the helper's variables

# liar_start: from here on AWS_ENDPOINT_URL is a server that passes everything on to the sandbox
# until it is told to lie; $truth is the sandbox itself
liar_start() {
	liar=$(mktemp -d "$BATS_FILE_TMPDIR/liar.XXXXXX")
	truth=$AWS_ENDPOINT_URL
	"$root/t/liars/aws.py" "$truth" "$liar" >"$liar/log" 2>&1 3>&- &
	liar_pid=$!
	wait_until 20 test -s "$liar/port"
	AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$liar/port")
	export liar liar_pid truth AWS_ENDPOINT_URL
}
liar_stop() {
	kill -TERM "$liar_pid"
	while kill -0 "$liar_pid" 2>/dev/null; do
		nap 20
	done
	[[ ! -s $liar/log ]] || {
		cat "$liar/log"
		return 1
	}
}

# lie OPERATION LIE [SKIP]: from now on; without operands the truth again. A new beginning of what
# was told.
lie() {
	rm -f "$liar/told" "$liar/lie"
	if (($#)); then
		printf '%s' "$*" >"$liar/lie.new"
		mv "$liar/lie.new" "$liar/lie"
	fi
}
told() { [[ -s $liar/told ]]; }

# ends_well COMMAND...: while it is lied to. It ends, and not as by a bug; when it ends badly it
# says why, once; $code is its exit code.
ends_well() {
	code=0
	timeout -k 5 "${RUN_TIMEOUT:-300}" "$@" >"$out" 2>"$err" || code=$?
	case $code in
	0) return 0 ;;
	1 | 65 | 69 | 74 | 75 | 76 | 77)
		[[ $1 == fs ]] && grep -q '^fs: error: ' "$err" && return 0
		is "$(grep -c ': error: ' "$err")" 1 'errors said' && return 0
		;;
	esac
	printf 'ended with %s:' "$code"
	printf ' %q' "$@"
	printf '\n'
	show_output
	return 1
}

wire=(long short cut-head cut-body no-length drip chunks cut-chunks huge-header many-headers
	huge-body gzip redirect-301 redirect-302 redirect-307 redirect-308)
# shellcheck disable=SC2034  # for the caller
json=(html empty null array number other loop)

# lied_to OPERATION LIE COMMAND...: the file `result`, if the command makes one, is as `want` when
# it ends well, and else it is not there. False when nothing could be lied about; $lies counts.
lied_to() {
	rm -f result
	lie "$1" "$2"
	ends_well "${@:3}" || {
		printf 'while %s was answered by %s\n' "$1" "$2"
		return 1
	}
	lies=$((lies + $(told && printf 1 || printf 0)))
	if ((code)); then
		[[ ! -e result ]] || {
			printf '%s, %s: a result is there\n' "$1" "$2"
			return 1
		}
	elif [[ -e result ]]; then
		LC_ALL=C sort result >got
		same_file got want || {
			printf 'while %s was answered by %s\n' "$1" "$2"
			return 1
		}
	fi
}

# lies_about OPERATION COMMAND... -- LIE...: one of those about bytes, by chance, two of those of
# any JSON, by turns, and all else that is named; WHOLE: all of them
lies_about() {
	local op=$1 each
	local -a command=() any=() named=()

	for each in "${@:2}"; do
		[[ $each != -- ]] || break
		command+=("$each")
	done
	for each in "${wire[@]}"; do
		random ${#wire[@]}
		[[ ${WHOLE-} || $each == "${wire[random]}" ]] || continue
		lied_to "$op" "$each" "${command[@]}"
	done
	for each in "${@:$((${#command[@]} + 3))}"; do
		case $each in
		html | empty | null | array | number | other) any+=("$each") ;;
		*) named+=("$each") ;;
		esac
	done
	by_turns 2 "${any[@]}"
	for each in "${turns[@]}" "${named[@]}"; do
		lied_to "$op" "$each" "${command[@]}"
	done
}

# wrong_types OPERATION COMMAND...: each value of the answer, of three other types; without WHOLE
# every 19th of them, from a random one on
wrong_types() {
	local i=0 step=1

	[[ ${WHOLE-} ]] || {
		random 19
		i=$random step=19
	}
	for (( ; ; i += step)); do
		lied_to "$1" "types-$i" "${@:2}" || return
		told || break
	done
}
