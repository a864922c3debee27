#!/usr/bin/env bats
# Faults on demand, the counters, and that nothing a client sends harms the sandbox.

load helper
load sandbox

setup_file() {
	sandbox_start --set group-delay=0 --seed "${FERRY_SEED:-1}"
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

teardown() { sandbox_set; }

ask() { "$boto3" "$root/t/sandbox/ask.py" "$@"; }

@test "faults: each kind strikes as often as asked for, and is counted" {
	sandbox_ask DELETE counters
	run_ok ask 20 sagemaker POST / '{}'
	is "$(<"$out")" 200=20
	sandbox_set throttle=100
	run_ok ask 5 sagemaker POST / '{}'
	is "$(<"$out")" 400=5
	run_ok ask 5 s3 PUT /faults/k x
	is "$(<"$out")" 503=5
	sandbox_set throttle=0 error=100
	run_ok ask 20 sagemaker POST / '{}'
	[[ $(<"$out") =~ ^500=[0-9]+\ 503=[0-9]+$ ]]
	sandbox_set error=0 reset=100
	run_ok ask 5 sagemaker POST / '{}'
	is "$(<"$out")" reset=5
	sandbox_set reset=0 lost=100
	run_ok ask 1 s3 PUT /faults/lost x
	is "$(<"$out")" reset=1
	sandbox_set lost=0 cut=100 cut-at=7
	run_ok ask 5 sagemaker POST / '{}'
	is "$(<"$out")" cut=5
	sandbox_set
	run_ok ask 1 s3 GET /faults/lost
	is "$(<"$out")" 200=1
	run_ok curl -sSf "$AWS_ENDPOINT_URL/_sandbox/counters"
	is "$(jq -c .ListFeatureGroups "$out")" \
		'{"requests":55,"ok":20,"throttled":5,"failed":20,"refused":0,"reset":5,'\
'"lost":0,"cut":5,"odd":0}'
	is "$(jq -c '[.PutObject.throttled, .PutObject.lost]' "$out")" '[5,1]'
	sandbox_set throttle=30
	run_ok ask 200 sagemaker POST / '{}'
	[[ $(<"$out") =~ ^200=([0-9]+)\ 400=([0-9]+)$ ]]
	((BASH_REMATCH[2] > 30 && BASH_REMATCH[2] < 90))
}

@test "faults: only some operations, not allowed ones, ones this endpoint lacks" {
	sandbox_set throttle=100 only=ListTags,PutObject
	run_ok aws sagemaker list-feature-groups
	run_rc 254 aws s3api put-object --bucket faults --key k
	has "$err" '(SlowDown)' 'Please reduce your request rate.'
	sandbox_set throttle=0 only= deny=ListFeatureGroups missing=ListTags
	run_rc 254 aws sagemaker list-feature-groups
	has "$err" '(AccessDeniedException)' \
		'user/sandbox is not authorized to perform: sagemaker:ListFeatureGroups'
	run_rc 254 aws sagemaker list-tags --resource-arn \
		arn:aws:sagemaker:us-east-1:123456789012:feature-group/x
	has "$err" UnknownOperation
	sandbox_set
	run_ok aws sagemaker list-feature-groups
}

@test "faults: latency holds nobody else up; connections are closed when asked to" {
	sandbox_set latency=4000
	began=${EPOCHREALTIME/./}
	for each in 1 2 3 4 5 6 7 8; do
		ask 1 sagemaker POST / '{}' >"answer.$each" &
	done
	wait
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	is "$(sort -u answer.?)" 200=1
	# one after the other they would take 32 s
	((took >= 4000 && took < 32000))
	sandbox_set latency=0
	run_ok curl -sS -o /dev/null -D headers "$AWS_ENDPOINT_URL/some-bucket/key"
	has_no headers 'Connection: close'
	sandbox_set close-every=1
	run_rc 0 aws --debug sagemaker list-feature-groups
	has "$err" "'Connection': 'close'"
}

@test "faults: entries of a batch come back unprocessed or failed" {
	need_data aws-models
	aws sagemaker create-feature-group --feature-group-name batch \
		--record-identifier-feature-name id --event-time-feature-name ts \
		--feature-definitions FeatureName=id,FeatureType=String \
			FeatureName=ts,FeatureType=String \
		--online-store-config EnableOnlineStore=true >/dev/null
	sandbox_set unprocessed=30 entry-error=30
	run_ok env AWS_DATA_PATH="$data" "$boto3" "$root/t/sandbox/scenarios.py" partial
}

@test "faults: settings that do not exist are refused" {
	run_rc 64 "$FERRY_BIN/../ferry-sandbox" --set nonsense=1
	has "$err" 'no such setting'
	run_rc 64 "$FERRY_BIN/../ferry-sandbox" --set throttle=101
	run_rc 22 curl -sSf -d '{"nonsense":1}' "$AWS_ENDPOINT_URL/_sandbox/settings"
	run_rc 22 curl -sSf "$AWS_ENDPOINT_URL/_sandbox/nothing"
}

@test "sandbox: no request harms it" {
	run_ok "$boto3" "$root/t/sandbox/fuzz.py" "$((${WHOLE:+400} + 120))"
	run_ok aws sts get-caller-identity
}
