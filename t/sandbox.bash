# sandbox.bash: the stand-in for AWS in tests; loaded after helper.
#
#	setup_file() { sandbox_start --set group-delay=0; }
#	teardown_file() { sandbox_stop; helper_teardown_file; }
#
# Its environment (AWS_ENDPOINT_URL, keys, region) is exported; nothing of the caller's own AWS
# configuration is
# left. `aws` is the real one, through t/shim, and so are Python programs with boto3: $boto3 SCRIPT.
# shellcheck shell=bash

# sandbox_start [OPTION...]: on a free port, with a database of its own; one per test file or test.
sandbox_start() {
	local each

	sandbox_dir=$(mktemp -d "$BATS_FILE_TMPDIR/sandbox.XXXXXX")
	scratch_db
	for each in "${!AWS_@}"; do
		unset "$each"
	done
	"$FERRY_BIN/../ferry-sandbox" --port 0 --state "$sandbox_dir/objects" --env \
		"$sandbox_dir/env" \
		--record "$sandbox_dir/requests" "$@" >"$sandbox_dir/log" 2>&1 3>&- &
	sandbox_pid=$!
	wait_until 20 test -s "$sandbox_dir/env" || {
		cat "$sandbox_dir/log"
		return 1
	}
	# shellcheck disable=SC1091  # made by the sandbox
	. "$sandbox_dir/env"
	export AWS_CONFIG_FILE=$sandbox_dir/config \
		AWS_SHARED_CREDENTIALS_FILE=$sandbox_dir/credentials
	export AWS_PAGER='' AWS_MAX_ATTEMPTS=1
	export FERRY_TEST_PYTHON=$FERRY_TEST_POOL/python boto3=${root:?}/t/shim/python
	FERRY_TEST_MOUNTS=$(readlink /proc/self/ns/mnt)
	export FERRY_TEST_MOUNTS
	mkdir -p "$FERRY_TEST_PYTHON"
	export sandbox_dir sandbox_pid PATH=$root/t/shim:$PATH
}

# Ends it; a sandbox that died before, or that a sanitizer found fault with, fails the test.
sandbox_stop() {
	local rc=0

	kill -TERM "$sandbox_pid" || {
		printf 'the sandbox had died\n'
		cat "$sandbox_dir/log"
		return 1
	}
	# first: a child of ours that has ended is there until it was waited for
	wait "$sandbox_pid" 2>/dev/null || rc=$?
	while kill -0 "$sandbox_pid" 2>/dev/null; do
		nap 20
	done
	if [[ -s $sandbox_dir/log ]]; then
		cat "$sandbox_dir/log"
		return 1
	fi
	# 127: started by another shell (setup_file), whose child it was
	((rc == 0 || rc == 127))
}

# sandbox_ask METHOD WHAT [BODY]: a request about the sandbox itself, without a process; what it
# answers is in $answer.
sandbox_ask() {
	local LC_ALL=C host=${AWS_ENDPOINT_URL#http://} body=${3-} fd

	exec {fd}<>"/dev/tcp/${host%:*}/${host##*:}" || return
	printf '%s /_sandbox/%s HTTP/1.0\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s' \
		"$1" "$2" "$host" "${#body}" "$body" >&"$fd"
	IFS= read -rd '' -u "$fd" answer || :
	exec {fd}>&-
	[[ $answer == HTTP/1.?\ 200\ * ]] || {
		printf 'sandbox: %s %s: %s\n' "$1" "$2" "$answer"
		return 1
	}
	answer=${answer#*$'\r\n\r\n'}
}

# sandbox_set NAME=VALUE...: delays and faults of the running sandbox; without operands all faults
# are off.
sandbox_set() {
	local each value

	(($#)) || sandbox_ask DELETE settings || return
	for each; do
		value=${each#*=} value=${value//\\/\\\\}
		sandbox_ask POST settings "{\"${each%%=*}\":\"${value//\"/\\\"}\"}" || return
	done
}

# sandbox_count OPERATION [ok|throttled|failed|refused|reset|lost|cut]: how many requests there
# were.
sandbox_count() {
	sandbox_ask GET counters || return
	if [[ $answer =~ \"$1\":\{[^\}]*\"${2:-requests}\":([0-9]+) ]]; then
		printf '%s\n' "${BASH_REMATCH[1]}"
	else
		printf '0\n'
	fi
}

# polled COUNT: a query is under way: its state was asked for more often than that.
polled() { (($(sandbox_count GetQueryExecution) > $1)); }
