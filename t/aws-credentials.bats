#!/usr/bin/env bats
# Who the programs are to AWS: every source of credentials against the sandbox, whose verifier of
# signatures is strict; what is said when there are none; and that no secret is ever seen.

load helper
load sandbox

marked=MARKED/secret+that=nobody/may/see/01234

setup_file() {
	sandbox_start --set group-delay=0
	fs-group template -O "$BATS_FILE_TMPDIR/features.json"
	fs-group create there --schema-file "$BATS_FILE_TMPDIR/features.json" \
		--role-arn arn:aws:iam::123456789012:role/store --no-offline-store >/dev/null
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

setup() {
	helper_setup
	export AWS_CONFIG_FILE=$PWD/config AWS_SHARED_CREDENTIALS_FILE=$PWD/credentials
	export AWS_EC2_METADATA_DISABLED=true
	key=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY
}

profile() {
	printf '[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$1" "$key" "$secret"
}

no_keys() { unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; }

@test "aws: keys of the environment" {
	run_ok fs-group list
}

@test "aws: keys of a profile, chosen by option and by variable" {
	no_keys
	profile one >credentials
	run_rc 77 fs-group list
	has "$err" 'no credentials: none in the environment, the profile "default"'
	run_ok fs-group --profile one list
	AWS_PROFILE=one run_ok fs-group list
	run_rc 78 fs-group --profile two list
	has "$err" 'no such profile: "two"'
}

@test "aws: a role of a profile, by way of the keys of another" {
	no_keys
	profile base >credentials
	cat >config <<-'END'
		[profile reader]
		role_arn = arn:aws:iam::123456789012:role/reader
		source_profile = base
		[profile outside]
		role_arn = arn:aws:iam::123456789012:role/needs-external-id
		source_profile = base
		external_id = sandbox
		[profile denied]
		role_arn = arn:aws:iam::123456789012:role/denied
		source_profile = base
		[profile chained]
		role_arn = arn:aws:iam::123456789012:role/second
		source_profile = reader
	END
	for each in reader outside chained; do
		run_ok fs-group --profile "$each" list
	done
	run_rc 77 fs-group --profile denied list
	has "$err" 'AssumeRole: AccessDenied: '
	has_no "$err" "$secret"
}

@test "aws: web identity and credential_process" {
	no_keys
	printf 'some.jwt.token\n' >token
	AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pod AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/token \
		run_ok fs-group list
	cat >give <<-'END'
		#!/bin/sh
		printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s"}' "$@"
	END
	chmod +x give
	printf "[default]\ncredential_process = '%s/give' %s '%s'\n" "$PWD" "$key" "$secret" >config
	run_ok fs-group list
}

@test "aws: an instance's role by IMDSv2" {
	no_keys
	unset AWS_EC2_METADATA_DISABLED
	run_ok fs-group list
}

@test "aws: mistakes have one line, one hint and their exit code" {
	AWS_SECRET_ACCESS_KEY=$marked run_rc 77 fs-group list
	has "$err" InvalidSignatureException
	has_no "$err" "$marked"
	AWS_ACCESS_KEY_ID=AKIANOBODY0000000000 run_rc 77 fs-group list
	has "$err" UnrecognizedClientException
	AWS_REGION='' AWS_DEFAULT_REGION='' run_rc 78 fs-group list
	has "$err" 'no region' --region
	run_rc 78 fs-group --region 'evil.example/' list
	has "$err" 'bad region: "evil.example/"'
	run_rc 75 fs-group --endpoint-url http://127.0.0.1:9 --max-attempts 2 list
	has "$err" 'no connection: 127.0.0.1:9'
	is "$(grep -c ' error: ' "$err")" 1 'lines of the error'
	run_rc 75 fs-group --endpoint-url http://no-such-host.invalid --max-attempts 1 list
	has "$err" 'no connection: no-such-host.invalid'
}

@test "aws: no secret on standard error, in the arguments or in a core file" {
	no_sanitizer 'strace and a leak check exclude each other'
	export AWS_SECRET_ACCESS_KEY=$marked AWS_SESSION_TOKEN=$marked-token
	strace -f -o trace -s 100000 -e trace=write,writev,openat,execve fs-group -v list \
		>"$out" 2>"$err" || :
	grep -v 'execve(' trace >calls
	has calls 'fs-group: error: '
	has_no calls "$marked"
	has_no "$err" "$marked"
	has_no "$out" "$marked"
}

# traced COMMAND...: with every program that is run (arguments and environment) and all that is
# written in the file `trace`; what goes to sockets is not writing.
traced() {
	strace -f -qq -v -o trace -s 1000000 -e trace=execve,write,writev,pwrite64,openat \
		"$@" >"$out" 2>"$err" || :
	cat trace >>traces
}

@test "aws: the secret of a load is in no argument, environment, output, journal, log or state" {
	no_sanitizer 'strace and a leak check exclude each other'
	local each

	fs-group template -O features.json
	fs-group create marked --schema-file features.json --s3-uri s3://offline/fs \
		--role-arn arn:aws:iam::123456789012:role/store >/dev/null
	printf 'id,event_time,count\na,2024-01-01T00:00:00Z,1\nb,2024-01-01T00:00:00Z,x\n' >in.csv
	profile keys >credentials
	cat >config <<-'END'
		[profile marked]
		role_arn = arn:aws:iam::123456789012:role/loader
		source_profile = keys
	END
	no_keys
	# the role has the keys of the other
	for each in ${WHOLE:+keys} marked; do
		export AWS_PROFILE=$each
		# a load that fails, with log, failed records and summary; one that is refused, and
		# one that is killed: each keeps its journal
		traced fs bulk-put marked in.csv -o log --failed "failed-$each" --continue-on-error
		has "$err" 'error: '
		traced fs-put -v marked in.csv --failed "failed2-$each" --stats "stats-$each" \
			--journal "journal-$each"
		[[ -s journal-$each ]]
		sandbox_set deny=BatchWriteRecord,PutRecord
		traced fs-put -v marked in.csv
		sandbox_set error=100
		traced fs-extract-athena -v marked
		traced fs-extract-online -v marked --retry-for 1
		traced fs export marked "x-$each.csv"
		sandbox_set
		traced fs-group -v describe marked
	done
	has traces execve fs-put bulk-put
	has_no traces "$secret" aws_secret_access_key
	rm -f credentials
	! grep -rlF -e "$secret" --exclude=trace --exclude=traces . || return 1
	# and those of sessions, which the sandbox knows
	curl -sS "$AWS_ENDPOINT_URL/_sandbox/secrets" | jq -r '.[]' >"$BATS_FILE_TMPDIR/secrets"
	(($(wc -l <"$BATS_FILE_TMPDIR/secrets") > 10))
	for each in $(<"$BATS_FILE_TMPDIR/secrets"); do
		has_no traces "$each"
		! grep -rlF -e "$each" . || return 1
	done
}

# held PROGRAM...: runs it against a server that takes connections and never answers; sets $pid.
held() {
	(
		ulimit -c unlimited 2>/dev/null || :
		exec "$@" --endpoint-url "http://127.0.0.1:$port"
	) >"$out" 2>"$err" </dev/null 3>&- &
	pid=$!
}

@test "aws: a program with credentials leaves no core file" {
	no_sanitizer 'it protects itself only without them'
	local each
	mkfifo hold
	python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], file=open("hold", "w"))
time.sleep(60)' 3>&- &
	server=$!
	read -r port <hold
	for each in 'fs-group list' 'fs-put g' 'fs-extract-athena g' 'fs-extract-online g'; do
		# shellcheck disable=SC2086  # a word each
		held $each
		wait_until 10 grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits"
		kill -SEGV "$pid"
		wait "$pid" || :
	done
	kill "$server"
	is "$(find . -name 'core*')" ''
}
