#!/usr/bin/env bats
# Faults on demand, the counters, and that nothing a client sends harms the sandbox.

load helper
load sandbox

setup_file() {
	sandbox_start --set group-delay=0 --seed 7
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

teardown() { sandbox_set; }

# ask N SERVICE METHOD TARGET [BODY]: N signed requests by Python's plain HTTP, one connection each; what came of
# each, counted: a status, `cut` (fewer bytes than promised) or `reset`.
ask() {
	/usr/bin/python3 - "$@" <<-'END'
		import collections, http.client, os, sys, urllib.parse
		import botocore.auth, botocore.awsrequest, botocore.credentials
		n, service, method, target = int(sys.argv[1]), *sys.argv[2:5]
		body = sys.argv[5].encode() if len(sys.argv) > 5 else b""
		end = os.environ["AWS_ENDPOINT_URL"]
		keys = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
		seen = collections.Counter()
		for _ in range(n):
		    request = botocore.awsrequest.AWSRequest(method, end + target, data=body)
		    if service == "sagemaker" and target == "/": request.headers["X-Amz-Target"] = "SageMaker.ListFeatureGroups"
		    (botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth)(keys, service, "us-east-1").add_auth(request)
		    try:
		        c = http.client.HTTPConnection(urllib.parse.urlparse(end).netloc)
		        c.request(method, target, body, dict(request.headers))
		        answer = c.getresponse()
		        answer.read()
		        seen[str(answer.status)] += 1
		    except http.client.IncompleteRead: seen["cut"] += 1
		    except (ConnectionError, http.client.RemoteDisconnected): seen["reset"] += 1
		print(" ".join("%s=%d" % i for i in sorted(seen.items())))
	END
}

@test "faults: each kind strikes as often as asked for, and is counted" {
	curl -sSf -X DELETE "$AWS_ENDPOINT_URL/_sandbox/counters" >/dev/null
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
		'{"requests":55,"ok":20,"throttled":5,"failed":20,"refused":0,"reset":5,"lost":0,"cut":5}'
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
	has "$err" '(AccessDeniedException)' 'User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: sagemaker:ListFeatureGroups'
	run_rc 254 aws sagemaker list-tags --resource-arn arn:aws:sagemaker:us-east-1:123456789012:feature-group/x
	has "$err" UnknownOperation
	sandbox_set
	run_ok aws sagemaker list-feature-groups
}

@test "faults: latency holds answers back without holding others up; connections are closed when asked to" {
	sandbox_set latency=1500
	began=${EPOCHREALTIME/./}
	for _ in 1 2 3 4; do
		ask 1 sagemaker POST / '{}' >>answers &
	done
	wait
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	is "$(sort -u answers)" 200=1
	((took >= 1500 && took < 5500))
	sandbox_set latency=0
	run_ok curl -sS -o /dev/null -D headers "$AWS_ENDPOINT_URL/some-bucket/key"
	has_no headers 'Connection: close'
	sandbox_set close-every=1
	run_rc 0 aws --debug sagemaker list-feature-groups
	has "$err" "'Connection': 'close'"
}

@test "faults: entries of a batch come back unprocessed or failed" {
	need_data aws-models
	aws sagemaker create-feature-group --feature-group-name batch --record-identifier-feature-name id --event-time-feature-name ts \
		--feature-definitions FeatureName=id,FeatureType=String FeatureName=ts,FeatureType=String \
		--online-store-config EnableOnlineStore=true >/dev/null
	sandbox_set unprocessed=30 entry-error=30
	AWS_DATA_PATH=$data /usr/bin/python3 - >"$out" <<-'END'
		import boto3, os
		rt = boto3.client("sagemaker-featurestore-runtime", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
		counts = [0, 0, 0]
		for i in range(0, 200, 25):
		    entries = [{"FeatureGroupName": "batch", "Record": [{"FeatureName": "id", "ValueAsString": str(k)},
		        {"FeatureName": "ts", "ValueAsString": "2024-01-01T00:00:00Z"}]} for k in range(i, i + 25)]
		    a = rt.batch_write_record(Entries=entries)
		    assert all(e in entries for e in a["UnprocessedEntries"] + [x["Entry"] for x in a["Errors"]])
		    counts[0] += len(a["UnprocessedEntries"]); counts[1] += len(a["Errors"])
		token = {}
		while True:
		    page = rt.list_records(FeatureGroupName="batch", **token)
		    counts[2] += len(page["RecordIdentifiers"])
		    if not page.get("NextToken"): break
		    token = {"NextToken": page["NextToken"]}
		assert sum(counts) == 200 and min(counts) > 20, counts
	END
}

@test "faults: settings that do not exist are refused" {
	run_rc 64 "$FERRY_BIN/../ferry-sandbox" --set nonsense=1
	has "$err" 'no such setting'
	run_rc 64 "$FERRY_BIN/../ferry-sandbox" --set throttle=101
	run_rc 22 curl -sSf -d '{"nonsense":1}' "$AWS_ENDPOINT_URL/_sandbox/settings"
	run_rc 22 curl -sSf "$AWS_ENDPOINT_URL/_sandbox/nothing"
}

@test "sandbox: no request harms it" {
	run_ok /usr/bin/python3 "$root/t/sandbox/fuzz.py" "${FUZZ:-400}"
	run_ok aws sts get-caller-identity
}
