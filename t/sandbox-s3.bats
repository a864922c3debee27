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

# py <CODE: boto3's client of S3 as `s3`; failure(call, …) gives status, code and message.
py() {
	{
		cat <<-'END'
			import boto3, os, sys
			from botocore.client import Config
			s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=Config(retries={"max_attempts": 1}))
			def failure(f, **kw):
			    try: f(**kw)
			    except Exception as e: return "%s %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])
			    return "no failure"
		END
		cat
	} | /usr/bin/python3 -
}

@test "s3: objects go in and out unchanged, whatever their names" {
	head -c 100000 /dev/urandom >data
	for key in plain 'a b+c' 'é/한글.csv' 'x//y' 'dots/../up' '100%' '%2F' "q'\"<>&" 'semi;colon=,' '~tilde*' 'trailing/'; do
		run_ok aws s3api put-object --bucket some-bucket --key "$key" --body data
		run_ok aws s3api get-object --bucket some-bucket --key "$key" copy
		same_file copy data
	done
	run_ok aws s3api list-objects-v2 --bucket some-bucket --query 'Contents[].[Key]' --output text
	same_file "$out" <(printf '%s\n' plain 'a b+c' 'é/한글.csv' 'x//y' 'dots/../up' '100%' '%2F' "q'\"<>&" 'semi;colon=,' '~tilde*' 'trailing/' | sort)
	run_ok aws s3 cp data s3://some-bucket/copied
	run_ok aws s3 cp s3://some-bucket/copied -
	same_file "$out" data
	run_ok aws s3 ls s3://some-bucket/é/
	has "$out" ' 100000 한글.csv'
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
	py >"$out" <<-'END'
		s3.put_object(Bucket="ranges", Key="k", Body=b"0123456789", ContentType="text/x", Metadata={"who": "me"})
		get = lambda **kw: s3.get_object(Bucket="ranges", Key="k", **kw)
		a = get(Range="bytes=2-4"); print(a["ResponseMetadata"]["HTTPStatusCode"], a["ContentRange"], a["Body"].read())
		print(get(Range="bytes=7-")["Body"].read(), get(Range="bytes=-3")["Body"].read(), get(Range="bytes=8-99")["Body"].read())
		print(failure(get, Range="bytes=10-"), failure(get, IfMatch='"nope"'))
		h = s3.head_object(Bucket="ranges", Key="k")
		print(h["ContentLength"], h["ETag"], h["ContentType"], h["Metadata"], get(IfMatch=h["ETag"])["Body"].read())
		print(failure(s3.head_object, Bucket="ranges", Key="none"), failure(s3.get_object, Bucket="ranges", Key="none"),
			failure(s3.get_object, Bucket="no-such-bucket", Key="none"))
		s3.put_object(Bucket="ranges", Key="empty", Body=b"")
		print(s3.get_object(Bucket="ranges", Key="empty")["Body"].read(), failure(s3.get_object, Bucket="ranges", Key="empty", Range="bytes=0-"))
	END
	same_file "$out" - <<-'END'
		206 bytes 2-4/10 b'234'
		b'789' b'789' b'89'
		416 InvalidRange 412 PreconditionFailed
		10 "781e5e245d69b566979b86e28d23f2c7" text/x {'who': 'me'} b'0123456789'
		404 404 404 NoSuchKey 404 NoSuchBucket
		b'' 416 InvalidRange
	END
}

@test "s3: listings in pages, with prefixes and delimiters; many deleted at once" {
	py >"$out" <<-'END'
		for i in range(25): s3.put_object(Bucket="lists", Key="a/%d/k" % (i % 5) + str(i), Body=b"")
		s3.put_object(Bucket="lists", Key="top", Body=b"")
		pages = lambda **kw: list(s3.get_paginator("list_objects_v2").paginate(Bucket="lists", **kw))
		p = pages(PaginationConfig={"PageSize": 7})
		print([x["KeyCount"] for x in p], len({o["Key"] for x in p for o in x["Contents"]}))
		p = pages(Delimiter="/", PaginationConfig={"PageSize": 1})
		print([(c["Prefix"],) for x in p for c in x.get("CommonPrefixes", [])] + [o["Key"] for x in p for o in x.get("Contents", [])])
		p = pages(Delimiter="/", Prefix="a/", PaginationConfig={"PageSize": 2})
		print([len(x["CommonPrefixes"]) for x in p])
		print(len(s3.list_objects_v2(Bucket="lists", StartAfter="a/3/")["Contents"]))
		r = s3.delete_objects(Bucket="lists", Delete={"Objects": [{"Key": "a/0/k0"}, {"Key": "none"}, {"Key": "é&<>"}]})
		print(sorted(d["Key"] for d in r["Deleted"]), r.get("Errors"))
		r = s3.delete_objects(Bucket="lists", Delete={"Objects": [{"Key": o["Key"]} for x in pages() for o in x["Contents"]], "Quiet": True})
		print(r.get("Deleted"), s3.list_objects_v2(Bucket="lists")["KeyCount"])
		print(failure(s3.delete_objects, Bucket="lists", Delete={"Objects": [{"Key": str(i)} for i in range(1001)]}))
	END
	same_file "$out" - <<-'END'
		[7, 7, 7, 5] 26
		[('a/',), 'top']
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
	py >"$out" <<-'END'
		up = s3.create_multipart_upload(Bucket="big-bucket", Key="k")["UploadId"]
		part = lambda n, body: s3.upload_part(Bucket="big-bucket", Key="k", UploadId=up, PartNumber=n, Body=body)["ETag"]
		a, b = part(1, b"x" * (5 << 20)), part(2, b"y")
		done = lambda *parts: dict(Bucket="big-bucket", Key="k", UploadId=up, MultipartUpload={"Parts": [{"PartNumber": n, "ETag": e} for n, e in parts]})
		print(failure(s3.complete_multipart_upload, **done((2, b), (1, a))), failure(s3.complete_multipart_upload, **done((1, b))),
			failure(s3.complete_multipart_upload, **done((2, b), (3, b))))
		s3.complete_multipart_upload(**done((1, a), (2, b)))
		print(s3.head_object(Bucket="big-bucket", Key="k")["ContentLength"], failure(s3.complete_multipart_upload, **done((1, a))))
		up = s3.create_multipart_upload(Bucket="big-bucket", Key="k")["UploadId"]
		s3.abort_multipart_upload(Bucket="big-bucket", Key="k", UploadId=up)
		print(failure(s3.upload_part, Bucket="big-bucket", Key="k", UploadId=up, PartNumber=1, Body=b"z"))
		print(failure(s3.put_object, Bucket="big-bucket", Key="md5", Body=b"abc", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="))
	END
	same_file "$out" - <<-'END'
		400 InvalidPartOrder 400 InvalidPart 400 InvalidPart
		5242881 404 NoSuchUpload
		404 NoSuchUpload
		400 BadDigest
	END
}

@test "s3: buckets belong to a region and an account" {
	run_ok aws s3api create-bucket --bucket my-west --region us-west-2 --create-bucket-configuration LocationConstraint=us-west-2
	run_ok aws s3api get-bucket-location --bucket my-west --region us-west-2 --query LocationConstraint --output text
	is "$(<"$out")" us-west-2
	run_ok signed_list my-west us-east-1
	has "$out" '400 ' '<Code>AuthorizationHeaderMalformed</Code>' '<Region>us-west-2</Region>' 'the region &apos;us-east-1&apos; is wrong; expecting &apos;us-west-2&apos;'
	run_ok aws s3 ls s3://my-west --region us-east-1
	AWS_ACCESS_KEY_ID=AKIASANDBOX000000002 AWS_SECRET_ACCESS_KEY=sandbox/secret/key/of/the/other/user/+02 \
		run_rc 254 aws s3 ls s3://my-west --region us-west-2
	has "$err" '(AccessDenied)'
	run_rc 254 aws s3api put-object --bucket No_Good --key k
	has "$err" '(InvalidBucketName)'
	run_rc 254 aws s3api get-bucket-acl --bucket my-west --region us-west-2
	has "$err" '(NotImplemented)'
	run_ok aws s3 ls
	has "$out" my-west
}

signed_list() { /usr/bin/python3 "$root/t/sandbox/signed.py" s3 GET "/$1?list-type=2"; }
