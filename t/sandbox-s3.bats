#!/usr/bin/env bats
# S3 in the sandbox, through the real aws command and boto3.

load helper
load sandbox

setup_file() {
	sandbox_start
}

teardown_file() {
	sandbox_stop
	helper_teardown_file
}

@test "s3: objects go in and out unchanged, whatever their names" {
	head -c 100000 /dev/urandom >data
	local -a keys=(plain 'a b+c' 'x//y' 'dots/../up' '100%' '%2F' "q'\"<>&"
		'semi;colon=,' '~tilde*' 'trailing/')
	by_turns 2 "${keys[@]}"
	keys=(é/한글.csv "${turns[@]}")
	for key in "${keys[@]}"; do
		run_ok aws s3api put-object --bucket some-bucket --key "$key" --body data
		run_ok aws s3api get-object --bucket some-bucket --key "$key" copy
		same_file copy data
	done
	run_ok aws s3api list-objects-v2 --bucket some-bucket --query 'Contents[].[Key]' --output \
		text
	same_file "$out" \
		<(printf '%s\n' "${keys[@]}" | sort)
	run_ok aws s3 cp data s3://some-bucket/copied
	run_ok aws s3 cp s3://some-bucket/copied -
	same_file "$out" data
	run_ok aws s3 ls s3://some-bucket/é/
	has "$out" ' 100000 한글.csv'
	run_ok aws s3 cp s3://some-bucket/copied 's3://other-bucket/é, again'
	run_ok aws s3 cp 's3://other-bucket/é, again' -
	same_file "$out" data
	run_rc 254 aws s3api copy-object --bucket other-bucket --key x \
		--copy-source some-bucket/nothing
	has "$err" '(NoSuchKey)'
	run_rc 254 aws s3api copy-object --bucket other-bucket --key x --copy-source nowhere/x
	has "$err" '(NoSuchBucket)'
	run_rc 254 aws s3api copy-object --bucket some-bucket --key copied \
		--copy-source some-bucket/copied
	has "$err" 'trying to copy an object to itself'
	run_ok aws s3api copy-object --bucket some-bucket --key copied --metadata a=b \
		--copy-source some-bucket/copied --metadata-directive REPLACE
	run_ok aws s3api head-object --bucket some-bucket --key copied --query Metadata.a
	is "$(<"$out")" '"b"'
	run_ok aws s3 rm --recursive --quiet s3://other-bucket/
	run_ok aws s3 rm s3://some-bucket/copied
	run_rc 1 aws s3 ls s3://some-bucket/copied
	run_ok aws s3 rm --recursive --quiet s3://some-bucket/
	run_ok aws s3api list-objects-v2 --bucket some-bucket --query KeyCount
	run_ok aws s3 rb s3://some-bucket
	run_rc 254 aws s3 ls s3://some-bucket
	has "$err" '(NoSuchBucket)' 'The specified bucket does not exist'
}

@test "s3: ranges, preconditions, head, metadata" {
	printf 0123456789 >data
	run_ok "$boto3" "$root/t/sandbox/scenarios.py" s3_ranges
	same_file "$out" - <<-'END'
		206 bytes 2-4/10 b'234'
		b'789' b'789' b'89'
		416 InvalidRange 412 PreconditionFailed
		10 "781e5e245d69b566979b86e28d23f2c7" text/x {'who': 'me'} b'0123456789'
		404 404
		404 NoSuchKey 404 NoSuchBucket
		b''
		416 InvalidRange
	END
}

@test "s3: listings in pages, with prefixes and delimiters; many deleted at once" {
	run_ok "$boto3" "$root/t/sandbox/scenarios.py" s3_listings
	same_file "$out" - <<-'END'
		[7, 7, 7, 5] 26
		['a/'] ['top']
		[2, 2, 1]
		11
		['a/0/k0', 'none', 'é&<>'] None
		None 0
		400 MalformedXML
	END
}

@test "s3: large files go up in parts and come back in ranges; a corrupt part is refused" {
	head -c 20000000 /dev/urandom >data
	run_ok aws s3 cp --quiet data s3://big-bucket/large
	is "$(sandbox_count UploadPart)" 3
	run_ok aws s3api head-object --bucket big-bucket --key large --query ETag --output text
	[[ $(<"$out") == *-3\" ]]
	run_ok aws s3 cp --quiet s3://big-bucket/large copy
	same_file copy data
	run_ok "$boto3" "$root/t/sandbox/scenarios.py" s3_parts
	same_file "$out" - <<-'END'
		400 InvalidPartOrder 400 InvalidPart
		400 InvalidPart
		5242881 404 NoSuchUpload
		404 NoSuchUpload
		400 BadDigest
	END
}

@test "s3: buckets belong to a region and an account" {
	run_ok aws s3api create-bucket --bucket my-west --region us-west-2 \
		--create-bucket-configuration LocationConstraint=us-west-2
	run_ok aws s3api get-bucket-location --bucket my-west --region us-west-2 --query \
		LocationConstraint --output text
	is "$(<"$out")" us-west-2
	run_ok signed_list my-west us-east-1
	has "$out" '400 ' '<Code>AuthorizationHeaderMalformed</Code>' '<Region>us-west-2</Region>' \
		'the region &apos;us-east-1&apos; is wrong; expecting &apos;us-west-2&apos;'
	run_ok aws s3 ls s3://my-west --region us-east-1
	AWS_ACCESS_KEY_ID=AKIASANDBOX000000002 \
		AWS_SECRET_ACCESS_KEY=sandbox/secret/key/of/the/other/user/+02 \
		run_rc 254 aws s3 ls s3://my-west --region us-west-2
	has "$err" '(AccessDenied)'
	run_rc 254 aws s3api put-object --bucket No_Good --key k
	has "$err" '(InvalidBucketName)'
	run_rc 254 aws s3api get-bucket-acl --bucket my-west --region us-west-2
	has "$err" '(NotImplemented)'
	run_ok aws s3 ls
	has "$out" my-west
}

signed_list() { "$boto3" "$root/t/sandbox/signed.py" s3 GET "/$1?list-type=2"; }
