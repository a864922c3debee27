#!/usr/bin/env bats
# The sandbox's authentication and STS, as the real aws command and boto3 see them.

load helper
load sandbox

setup_file() {
	sandbox_start --set group-delay=0
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

# use_role FILE: the credentials an answer of STS gave.
use_role() {
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
	cp "$1" role.json
	AWS_ACCESS_KEY_ID=$(jq -r .Credentials.AccessKeyId role.json)
	AWS_SECRET_ACCESS_KEY=$(jq -r .Credentials.SecretAccessKey role.json)
	AWS_SESSION_TOKEN=$(jq -r .Credentials.SessionToken role.json)
}

signed() { "$boto3" "$root/t/sandbox/signed.py" "$@"; }

list='request.headers["X-Amz-Target"] = "SageMaker.ListFeatureGroups";'
list+='request.headers["Content-Type"] = "application/x-amz-json-1.1"'
form='request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"'

@test "sandbox: who am I, by the key, by a role, and by a web identity" {
	run_ok aws sts get-caller-identity --query '[Account,Arn]' --output text
	is "$(<"$out")" $'123456789012\tarn:aws:iam::123456789012:user/sandbox'
	run_ok aws sts assume-role --role-arn arn:aws:iam::210987654321:role/some/path/reader \
		--role-session-name me --duration-seconds 900
	use_role "$out"
	run_ok aws sts get-caller-identity --query Arn --output text
	is "$(<"$out")" arn:aws:sts::210987654321:assumed-role/reader/me
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
	run_ok aws sts assume-role-with-web-identity --role-arn arn:aws:iam::123456789012:role/pod \
		--role-session-name pod --web-identity-token some.jwt.token --query \
			AssumedRoleUser.Arn --output text
	is "$(<"$out")" arn:aws:sts::123456789012:assumed-role/pod/pod
}

@test "sandbox: what STS refuses" {
	run_rc 254 aws sts assume-role --role-arn arn:aws:iam::123456789012:role/denied \
		--role-session-name me
	has "$err" '(AccessDenied)' 'is not authorized to perform: sts:AssumeRole on resource:'
	run_rc 254 aws sts assume-role --role-arn arn:aws:iam::123456789012:role/needs-external-id \
		--role-session-name me
	has "$err" '(AccessDenied)'
	run_ok aws sts assume-role --role-arn arn:aws:iam::123456789012:role/needs-external-id \
		--role-session-name me --external-id sandbox
	run_ok signed sts POST / \
		'Action=AssumeRole&Version=2011-06-15&RoleSessionName=me&DurationSeconds=100&'\
'RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx' "$form"
	has "$out" '400 ' '<Code>ValidationError</Code>' \
		'Value &apos;100&apos; at &apos;durationSeconds&apos; failed to satisfy'
	run_rc 254 aws sts assume-role --role-arn arn:aws:iam::123456789012:user/somebody-else \
		--role-session-name me
	has "$err" 'is invalid'
	run_rc 254 aws sts get-session-token
	has "$err" '(InvalidAction)'
}

@test "sandbox: a wrong secret, an unknown key, a wrong token, an expired session" {
	AWS_SECRET_ACCESS_KEY=wrong run_rc 254 aws sts get-caller-identity
	has "$err" '(SignatureDoesNotMatch)' 'The request signature we calculated does not match'
	AWS_SECRET_ACCESS_KEY=wrong run_rc 254 aws sagemaker list-feature-groups
	has "$err" '(InvalidSignatureException)' \
		'Check your AWS Secret Access Key and signing method.'
	AWS_SECRET_ACCESS_KEY=wrong run_rc 254 aws s3api list-objects-v2 --bucket some-bucket
	has "$err" '(SignatureDoesNotMatch)' 'Check your key and signing method.'
	AWS_ACCESS_KEY_ID=AKIANOBODY0000000000 run_rc 254 aws sts get-caller-identity
	has "$err" '(InvalidClientTokenId)'
	AWS_ACCESS_KEY_ID=AKIANOBODY0000000000 run_rc 254 aws sagemaker list-feature-groups
	has "$err" '(UnrecognizedClientException)' \
		'The security token included in the request is invalid.'
	AWS_ACCESS_KEY_ID=AKIANOBODY0000000000 run_rc 254 aws s3api list-objects-v2 --bucket \
		some-bucket
	has "$err" '(InvalidAccessKeyId)'
	AWS_SESSION_TOKEN=none run_rc 254 aws sagemaker list-feature-groups
	has "$err" '(UnrecognizedClientException)'
	run_ok aws sts assume-role --role-arn arn:aws:iam::123456789012:role/r --role-session-name \
		me
	curl -sSf -X POST "$AWS_ENDPOINT_URL/_sandbox/expire"
	use_role "$out"
	run_rc 254 aws sagemaker list-feature-groups
	has "$err" '(ExpiredTokenException)' 'The security token included in the request is expired'
	run_rc 254 aws s3api list-objects-v2 --bucket some-bucket
	has "$err" '(ExpiredToken)' 'The provided token has expired.'
	run_rc 254 aws sts get-caller-identity
	has "$err" '(ExpiredToken)'
}

@test "sandbox: a clock that is wrong by more than five minutes is refused, S3 allows fifteen" {
	run_ok signed sagemaker POST / '{}' "$list; skew = -280"
	has "$out" '200 ' FeatureGroupSummaries
	run_ok signed sagemaker POST / '{}' "$list; skew = -320"
	has "$out" '400 ' '"InvalidSignatureException"' 'Signature expired: ' ' - 5 min.)'
	run_ok signed sagemaker POST / '{}' "$list; skew = 320"
	has "$out" '400 ' '"InvalidSignatureException"' 'Signature not yet current: ' ' + 5 min.)'
	run_ok signed sagemaker GET '/FeatureGroup/g?RecordIdentifierValueAsString=1' '' \
		'skew = -320'
	has "$out" '403 InvalidSignatureException:' 'Signature expired: '
	run_ok signed s3 GET / '' 'skew = -880'
	has "$out" '200 ' ListAllMyBucketsResult
	run_ok signed s3 GET / '' 'skew = 920'
	has "$out" '403 ' '<Code>RequestTimeTooSkewed</Code>' '<MaxAllowedSkewMilliseconds>900000<'
}

@test "sandbox: a body, a header, a path or a query that is not what was signed is refused" {
	run_ok signed sagemaker POST / '{}' "$list" 'body = b"{ }"'
	has "$out" '400 ' '"InvalidSignatureException"'
	run_ok signed sagemaker POST / '{}' "$list" \
		'headers["X-Amz-Target"] = "SageMaker.DeleteFeatureGroup"'
	has "$out" '400 ' '"InvalidSignatureException"'
	run_ok signed sagemaker POST / '{}' "$list" 'headers["X-Amz-New"] = "1"'
	has "$out" '400 ' "'x-amz-new' must be a 'SignedHeader' in the AWS Authorization."
	run_ok signed sagemaker POST / '{}' "$list" \
		'headers["Authorization"] = headers["Authorization"].replace("host;", "")'
	has "$out" '400 ' "must be a 'SignedHeader' in the AWS Authorization."
	run_ok signed sagemaker GET '/FeatureGroup/g?RecordIdentifierValueAsString=1' '' '' \
		'target = "/FeatureGroup/h?RecordIdentifierValueAsString=1"'
	has "$out" '403 InvalidSignatureException:'
	run_ok signed sagemaker GET '/FeatureGroup/g?RecordIdentifierValueAsString=1' '' '' \
		'target = "/FeatureGroup/g?RecordIdentifierValueAsString=2"'
	has "$out" '403 InvalidSignatureException:'
	run_ok signed s3 PUT /some-bucket/key abc '' 'body = b"abd"'
	has "$out" '400 ' '<Code>XAmzContentSHA256Mismatch</Code>' '<S3ComputedContentSHA256>'
	run_ok signed s3 PUT /some-bucket/key abc '' 'headers["x-amz-meta-a"] = "1"'
	has "$out" '403 ' '<HeadersNotSigned>x-amz-meta-a</HeadersNotSigned>'
	run_ok signed s3 PUT /some-bucket/key abc '' 'del headers["X-Amz-Content-SHA256"]'
	has "$out" '400 ' 'Missing required header for this request: x-amz-content-sha256'
	run_ok signed s3 PUT /some-bucket/key abc '' 'target = "/some-bucket/yek"'
	has "$out" '403 ' '<Code>SignatureDoesNotMatch</Code>' '<CanonicalRequest>PUT'
}

@test "sandbox: no signature, half of one, one for another service or day" {
	run_ok curl -sS -H 'X-Amz-Target: SageMaker.ListFeatureGroups' -d '{}' "$AWS_ENDPOINT_URL"
	has "$out" MissingAuthenticationTokenException 'Missing Authentication Token'
	run_ok curl -sS "$AWS_ENDPOINT_URL/FeatureGroup/g?RecordIdentifierValueAsString=1" -o body \
		-w '%{http_code}'
	is "$(<"$out")" 403
	run_ok curl -sS "$AWS_ENDPOINT_URL/some-bucket/key"
	has "$out" '<Code>AccessDenied</Code>'
	run_ok signed sagemaker POST / '{}' "$list" \
		'headers["Authorization"] = headers["Authorization"].split(", Sig")[0]'
	has "$out" '400 ' IncompleteSignatureException "requires 'Signature' parameter"
	run_ok signed athena POST / '{}' "$list"
	has "$out" '400 ' "Credential should be scoped to correct service: 'sagemaker'."
	run_ok signed sagemaker POST / '{}' "$list" 'import re
headers["Authorization"] = re.sub(r"/20\d{6}/", "/20200101/", headers["Authorization"])'
	has "$out" '400 ' 'Date in Credential scope does not match YYYYMMDD'
}

@test "sandbox: paths and queries with all that must be encoded, as botocore signs them" {
	by_turns 3 'a b' 'a/b' 'a:b*c=d' '100%' '%2F' 'a+b&c=d' '~-._' '//' "quote'\"<>"
	for each in 'é ü 한글' "${turns[@]}"; do
		encoded=$(/usr/bin/python3 -c \
			'import sys, urllib.parse as u; print(u.quote(sys.argv[1], safe="-_.~"))' \
			"$each")
		run_ok signed sagemaker GET \
			"/FeatureGroup/g%3A$encoded?RecordIdentifierValueAsString=$encoded&"\
'FeatureName=b&FeatureName=a'
		has "$out" '404 ResourceNotFound:'
		run_ok signed s3 PUT "/some-bucket/x/$encoded" "$each"
		has "$out" '200 '
		run_ok signed s3 GET "/some-bucket/x/$encoded"
		is "$(<"$out")" "200  $each"
	done
}

@test "sandbox: instance metadata and container credentials work as boto3 wants them" {
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	run_ok aws sts get-caller-identity --query Arn --output text
	is "$(<"$out")" arn:aws:sts::123456789012:assumed-role/sandbox-instance/i-0123456789abcdef0
	run_ok curl -sS -o body -w '%{http_code}' \
		"$AWS_ENDPOINT_URL/latest/meta-data/iam/security-credentials/"
	is "$(<"$out")" 401
	export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AWS_ENDPOINT_URL/_sandbox/container
	AWS_CONTAINER_AUTHORIZATION_TOKEN=sandbox-container-token \
		run_ok aws sts get-caller-identity --query Account --output text
	is "$(<"$out")" 123456789012
	AWS_CONTAINER_AUTHORIZATION_TOKEN=wrong AWS_EC2_METADATA_DISABLED=true run_rc 255 aws sts \
		get-caller-identity
}

@test "sandbox: sessions live as long as they were told to" {
	assumed() {
		run_ok aws sts assume-role --role-arn arn:aws:iam::123456789012:role/r \
			--role-session-name me
		use_role "$out"
	}
	expired() { ! aws sts get-caller-identity; }
	assumed
	run_ok aws sts get-caller-identity --query Arn --output text
	is "$(<"$out")" arn:aws:sts::123456789012:assumed-role/r/me
	unset AWS_SESSION_TOKEN
	# shellcheck disable=SC1091  # made by the sandbox: the keys of before
	. "$sandbox_dir/env"
	sandbox_set session-seconds=1
	assumed
	wait_until 20 expired
	run_rc 254 aws sts get-caller-identity
	has "$err" '(ExpiredToken)'
	sandbox_set session-seconds=0
}
