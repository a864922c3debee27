load helper
load sandbox
load fs

# A call of a program that talks to a server fails (faults/inject.c): loaders, extractors and
# programs of AWS. FAULTS (6) of each, by FERRY_SEED; its end is true, what is there is what was
# there, or all of it, and the same command again does the rest.

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0 \
		--seed "${FERRY_SEED:-1}"
	scratch_db
}
teardown_file() {
	sandbox_stop
	helper_teardown_file
}
setup() {
	helper_setup
	no_sanitizer 'the injector has its own malloc'
	tried=0 failed=0
}
teardown() { printf '# %s faults, %s of them failures\n' "$tried" "$failed" >&3; }

# call:how; those in `harmless` need not be noticed by anybody
ways=(malloc:ENOMEM calloc:ENOMEM realloc:ENOMEM read:EIO read:EINTR read:short write:ENOSPC
	write:EINTR write:short open:EMFILE open:EACCES close:EIO fsync:EIO rename:EACCES
	pipe:EMFILE pthread_create:EAGAIN connect:ECONNRESET connect:EMFILE send:ECONNRESET
	send:EINTR send:short recv:ECONNRESET recv:EINTR recv:short recv:EIO poll:EINTR
	poll:ENOMEM)

# strike FAULT HOW COMMAND...: $code
strike() {
	code=0
	LD_PRELOAD=${FERRY_BIN%/bin}/inject.so FAULT_PROG=$3 FAULT_CALL=$1 FAULT_HOW=$2 \
		timeout -k 5 60 "${@:3}" >"$out" 2>"$err" || code=$?
}

# is_true FAULT HOW: the exit code and what was said
is_true() {
	local wrong=''

	if ((code == 0)); then
		return
	elif [[ $2 == @(EINTR|short) ]]; then
		wrong='nothing failed'
	elif [[ ! $code =~ ^(66|69|73|74|75|76|78)$ ]]; then
		wrong='no such code'
	elif [[ $2 == ENOMEM && $1 == *alloc* ]] && ((code != 75)); then
		wrong='out of memory is 75'
	elif ! grep -q ': error: ' "$err"; then
		wrong='not a word'
	fi
	[[ ! $wrong ]] || {
		printf '%s: exit code %s\n' "$wrong" "$code"
		return 1
	}
}

# attack CLEAN LOOK COMMAND...: CLEAN makes all as it was; LOOK PREVIOUS says what is wrong with
# what there is behind a run that ended with $code
attack() {
	local clean=$1 look=$2 each call n count
	local -a possible
	shift 2
	"$clean"
	LD_PRELOAD=${FERRY_BIN%/bin}/inject.so FAULT_PROG=$1 FAULT_COUNT=$PWD/counts "$@" >/dev/null
	code=0
	"$look"
	mapfile -t possible < <(for each in "${ways[@]}"; do
		count=$(sed -n "s/^${each%:*} //p" counts)
		((count == 0)) || printf '%s %s\n' "$each" "$count"
	done)
	for ((n = 0; n < ${FAULTS:-6}; n++)); do
		any_of "${possible[@]}"
		each=${victim% *} count=${victim#* }
		random "$count"
		call=${each%:*}:$((random + 1))
		"$clean"
		strike "$call" "${each#*:}" "$@"
		tried=$((tried + 1)) failed=$((failed + (code != 0)))
		if ! is_true "$call" "${each#*:}" || ! "$look"; then
			printf '%s %s of: %s\n' "$call" "${each#*:}" "$*"
			show_output
			return 1
		fi
		((code == 0)) || { run_rc 0 "$@" && code=0 && "$look"; }
	done
}

@test "faults: a loader of tables, and what reads them" {
	seq 500 | sed 's/.*/&,value &/; 1i id,v' >in.csv
	sql 'CREATE TABLE public.t (id int PRIMARY KEY, v text)'
	empty() { sql 'TRUNCATE public.t'; }
	# a COMMIT whose answer is lost may have been one
	loaded_or_not() {
		local n
		n=$(sql "SELECT count(*) FROM public.t WHERE v = 'value ' || id")
		[[ $n == 500 || $code != 0 && $n == 0 ]] || {
			printf '%s rows\n' "$n"
			return 1
		}
	}
	attack empty loaded_or_not pg-copy-load --table public.t --key id in.csv
	sql 'TRUNCATE public.t'
	"$root/t/telemetry" 1 4 400
	pg-narrow-dump --sorted --no-seal >want
	none() { rm -f result; }
	whole_or_not() { [[ $code != 0 && ! -e result ]] || same_file result want; }
	attack none whole_or_not pg-narrow-dump --sorted --no-seal -O result
}

@test "faults: a load of a feature group, and what reads its stores" {
	records 60 >in.csv
	group faults
	nothing() {
		rm -rf "$HOME/.local/state/ferry"
		fs-put faults in.csv --delete hard --event-time next --target-stores online \
			--no-resume -q
	}
	# of a run that failed, nothing but these records
	put_or_not() {
		fs-extract-online faults --no-seal 2>/dev/null | sed 1d | LC_ALL=C sort >got
		[[ -e put ]] || cp got put
		is "$(LC_ALL=C comm -23 got put)" ''
		((code)) || same_file got put
	}
	attack nothing put_or_not fs-put faults in.csv --retry-for 500ms
	newest() { [[ $(fs-extract-athena faults --latest --no-seal | wc -l) == 61 ]]; }
	wait_until 20 newest
	none() { rm -f result; }
	whole_or_not() {
		[[ $code == 0 || -e result ]] || return 0
		sort result >got
		same_file got want
	}
	fs-extract-online faults --no-seal | sort >want
	attack none whole_or_not fs-extract-online faults --no-seal -O result --retry-for 500ms
	fs-extract-athena faults --latest --no-seal | sort >want
	attack none whole_or_not fs-extract-athena faults --latest --no-seal -O result
}
