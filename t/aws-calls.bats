#!/usr/bin/env bats
# What ferry sends is what the SDKs send: every call that the programs make is caught, and compared
# with that of boto3, and for some with that of the real aws command.

load helper
load sandbox
load fs

setup_file() {
	sandbox_start --set group-delay=0 --set offline-delay=0 --set athena-delay=0
}
teardown_file() {
	sandbox_stop
	helper_teardown_file
}
setup() {
	helper_setup
	sandbox_set
}

# same_calls OPERATION...: with the boto3 of the python3 that is found first, else that of the
# tests; with WHOLE with every one there is; and the newest model of the runtime if there. The
# newest boto3 of them knows all; what an older one does not know it says.
same_calls() {
	local python
	local -a pythons=("$boto3")

	! python3 -c 'import boto3' 2>/dev/null || pythons+=("$(command -v python3)")
	[[ ${WHOLE-} ]] || pythons=("${pythons[@]: -1}")
	for python in "${pythons[@]}"; do
		AWS_DATA_PATH=${FERRY_TEST_DATA:-/dev/null}/aws-models run_rc 0 \
			"$python" "$root/t/aws/same-calls" "$sandbox_dir/requests" "$@"
		cat "$out"
	done
}

# odd FILE: records whose names and values need care in URLs and in JSON.
odd() {
	printf '%s\n' id,event_time,count,price,category \
		'a b/*=:%,2024-01-01T00:00:00Z,-9223372036854775808,1e-7,"q""\ é	한"' \
		'100%25,2024-01-01T00:00:00Z,,,""' '~?#&+,2024-01-02T00:00:00Z,7,,x' >"$1"
}

@test "calls: groups, as boto3 makes them" {
	group 'made-1' --description 'with "quotes" é' --tags a=b --tags c=d --ttl-duration 30
	fs-group create online-1 --schema-file features.json --role-arn "$role" --no-offline-store \
		--throughput-mode Provisioned --read-capacity-units 5 --write-capacity-units 5
	fs-group list --name-contains made
	fs-group describe made-1
	fs-group update made-1 -f score:Fractional:text -f n:Integral
	arn=$(fs-group describe made-1 -o csv | sed -n 's/^FeatureGroupArn,//p')
	fs-group tags "$arn" --tags 'e=é "'
	fs-group delete online-1
	fs-group delete made-1
	same_calls AddTags ListTags CreateFeatureGroup ListFeatureGroups DescribeFeatureGroup \
		UpdateFeatureGroup \
		UpdateFeatureMetadata DeleteFeatureGroup DeleteTable
}

@test "calls: records, as boto3 makes them" {
	group records-1
	odd in.csv
	fs-put records-1 in.csv
	fs-put records-1 --no-batch-write --target-stores online --ttl 365d --event-time now in.csv
	fs-put records-1 --ttl 365d --target-stores offline --event-time now in.csv
	fs-extract-online records-1 --no-seal -o ndjson >all
	fs-extract-online records-1 --no-seal --deleted -c count,id >all
	fs-extract-online records-1 --id '100%25' --id '~?#&+' -c id,price >some
	sed -i s/2024/2099/ in.csv
	fs-put records-1 --delete soft in.csv
	sed -i s/2099/2100/ in.csv
	fs-put records-1 --delete hard --target-stores online in.csv
	same_calls PutRecord DeleteRecord BatchGetRecord BatchWriteRecord ListRecords
}

@test "calls: Athena and S3, as boto3 makes them" {
	group stored-1
	records 50 >in.csv
	fs-put stored-1 in.csv
	there() { [[ $(fs-extract-athena stored-1 --no-seal | wc -l) == 51 ]]; }
	wait_until 20 there
	fs-extract-athena stored-1 --method unload --no-seal --where "category = 'it''s'" >all
	fs export stored-1 x.parquet
	# a query that is stopped, and an answer that is cut and goes on
	sandbox_set athena-delay=20000
	run_rc 69 fs-extract-athena stored-1 --no-seal --query-timeout 1
	sandbox_set athena-delay=0
	sandbox_set only=GetObject cut=100 cut-at=500
	AWS_MAX_ATTEMPTS=5 run_rc 0 fs-extract-athena stored-1 --no-seal
	sandbox_set
	# the head of a result, looked at by a run after one that was killed
	local polls
	polls=$(sandbox_count GetQueryExecution)
	sandbox_set athena-delay=20000
	(exec fs-extract-athena stored-1 --no-seal >got 2>err 3>&-) &
	wait_until 20 polled "$polls"
	kill -9 $!
	wait $! 2>/dev/null || true
	sandbox_set athena-delay=0
	run_rc 0 fs-extract-athena stored-1 --no-seal
	has "$err" 'an earlier run started'
	fs clear stored-1 --force --backup-s3 's3://backups/é a+b%25/=*'
	same_calls StartQueryExecution GetQueryExecution GetQueryRuntimeStatistics GetWorkGroup \
		StopQueryExecution GetObject HeadObject ListObjectsV2 CopyObject PutObject \
		DeleteObject DeleteObjects
	is "$(<"$out")" ''
}

# bats test_tags=whole
@test "calls: roles, as boto3 makes them" {
	local key=$AWS_ACCESS_KEY_ID secret=$AWS_SECRET_ACCESS_KEY
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	printf '[keys]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$key" "$secret" \
		>"$AWS_SHARED_CREDENTIALS_FILE"
	cat >"$AWS_CONFIG_FILE" <<-'END'
		[profile role]
		role_arn = arn:aws:iam::123456789012:role/needs-external-id
		source_profile = keys
		external_id = sandbox
		role_session_name = a-session
		duration_seconds = 1800
	END
	run_rc 0 fs-group --profile role list
	printf 'some.jwt.token' >token
	AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pod AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/token \
		AWS_ROLE_SESSION_NAME=pod run_rc 0 fs-group list
	same_calls AssumeRole AssumeRoleWithWebIdentity
	is "$(<"$out")" ''
}

# shape OPERATION: the newest such request without what is anybody's own: clock, agent, signature.
shape() {
	jq -S --arg op "$1" 'select(.operation == $op) | {service, operation, method, target,
		type: .headers["content-type"],
		body: (.body | if . == "" then . else fromjson end)} |
		(.body.Record? // empty) |= sort' \
		"$sandbox_dir/requests" | jq -cs 'last'
}
query() { jq -r .target | tr '?&' '[\n*]' | sort; }
same_shape() { is "$(shape "$1")" "$2" "the shape of $1"; }

# bats test_tags=whole
@test "calls: what is sent is what the real aws command sends" {
	aws sagemaker create-feature-group --feature-group-name shapes \
		--record-identifier-feature-name id --event-time-feature-name t \
		--online-store-config EnableOnlineStore=true --feature-definitions \
		FeatureName=id,FeatureType=String FeatureName=t,FeatureType=String \
		FeatureName=v,FeatureType=String
	aws sagemaker list-feature-groups --max-results 100
	list=$(shape ListFeatureGroups)
	run_ok fs-group list
	same_shape ListFeatureGroups "$list"

	aws sagemaker describe-feature-group --feature-group-name shapes
	describe=$(shape DescribeFeatureGroup)
	aws sagemaker-featurestore-runtime put-record --feature-group-name shapes --record \
		FeatureName=id,ValueAsString='a b/*=:%' FeatureName=v,ValueAsString=한 \
		FeatureName=t,ValueAsString=2024-01-01T00:00:00Z
	put=$(shape PutRecord)
	printf 'id,t,v\na b/*=:%%,2024-01-01T00:00:00Z,한\n' >in.csv
	run_rc 0 fs-put --no-batch-write shapes in.csv
	same_shape DescribeFeatureGroup "$describe"
	same_shape PutRecord "$put"

	aws sagemaker-featurestore-runtime delete-record --feature-group-name shapes \
		--record-identifier-value-as-string 'a b/*=:%' --event-time 2024-01-02T00:00:00Z
	delete=$(shape DeleteRecord)
	sed -i s/01-01/01-02/ in.csv
	run_rc 0 fs-put --delete soft shapes in.csv
	is "$(shape DeleteRecord | jq -c 'del(.target)')" "$(jq -c 'del(.target)' <<<"$delete")"
	is "$(shape DeleteRecord | query)" "$(query <<<"$delete")" 'the same query, in any order'
}
