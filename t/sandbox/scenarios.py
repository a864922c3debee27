#!/usr/bin/env python3
"""scenarios NAME: one conversation of boto3 with the sandbox; what is asserted ends it, what is printed the test reads."""
import datetime
import json
import os
import sys
import time

import boto3
from botocore.client import Config

endpoint = os.environ["AWS_ENDPOINT_URL"]
config = Config(retries={"max_attempts": 1})
runtime = boto3.client("sagemaker-featurestore-runtime", endpoint_url=endpoint, config=config)
s3 = boto3.client("s3", endpoint_url=endpoint, config=config)

NEW_YEAR = "2024-01-01T00:00:00Z"


def failure(call, **arguments):
    """Status, code and message of the error a call must end with."""
    try:
        call(**arguments)
    except Exception as e:
        status, error = e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]
        return "%s %s: %s" % (status, error["Code"], error["Message"])
    return "no failure"


def code(call, **arguments):
    return failure(call, **arguments).split(":")[0]


def values(**features):
    return [{"FeatureName": name, "ValueAsString": value} for name, value in features.items()]


def identifiers(group, **arguments):
    pages, token = [], {}
    while True:
        page = runtime.list_records(FeatureGroupName=group, **token, **arguments)
        pages.append(page["RecordIdentifiers"])
        if not page.get("NextToken"):
            return pages
        token = {"NextToken": page["NextToken"]}


def deletion():
    group = {"FeatureGroupName": "del"}

    def delete(id, when, **arguments):
        runtime.delete_record(RecordIdentifierValueAsString=id, EventTime=when, **group, **arguments)

    def get(id):
        return runtime.get_record(RecordIdentifierValueAsString=id, **group).get("Record")

    for id in "abc":
        runtime.put_record(Record=values(id=id, ts="2024-01-02T00:00:00Z", n="1"), **group)
    delete("a", NEW_YEAR)
    assert get("a"), "an older soft delete changes nothing"
    delete("a", "2024-01-03T00:00:00Z")
    assert get("a") is None
    assert identifiers("del") == [["b", "c"]]
    assert identifiers("del", IncludeSoftDeletedRecords=True) == [["a", "b", "c"]]
    runtime.put_record(Record=values(id="a", ts="2024-01-02T12:00:00Z"), **group)
    assert get("a") is None, "what is older than the deletion stays away"
    print(failure(delete, id="b", when="2024-01-02T00:00:00Z", DeletionMode="HardDelete"))
    delete("b", "2024-01-03T00:00:00Z", DeletionMode="HardDelete")
    assert identifiers("del", IncludeSoftDeletedRecords=True) == [["a", "c"]]
    runtime.put_record(Record=values(id="b", ts=NEW_YEAR, n="9"), **group)
    assert get("b"), "after a hard delete anything may come"
    delete("c", "2024-01-05T00:00:00Z", TargetStores=["OnlineStore"])
    assert get("c") is None


def batches():
    def entry(i, **features):
        return {"FeatureGroupName": "b", "Record": values(id=str(i), ts=NEW_YEAR, **features)}

    def ask(first, n):
        ids = [str(i) for i in range(first, first + n)]
        return [{"FeatureGroupName": "b", "RecordIdentifiersValueAsString": ids}]

    def put(**features):
        return failure(runtime.put_record, FeatureGroupName="b", Record=values(ts=NEW_YEAR, **features))

    write = runtime.batch_write_record
    for first in range(0, 250, 25):
        answer = write(Entries=[entry(i, n=str(i)) for i in range(first, first + 25)])
        assert answer["Errors"] == [] and answer["UnprocessedEntries"] == [], answer
    assert [len(page) for page in identifiers("b", MaxResults=100)] == [100, 100, 50]
    answer = write(Entries=[entry(1, n="x"), entry(1000, n="1")])
    assert [e["ErrorCode"] for e in answer["Errors"]] == ["ValidationError"], answer
    assert answer["Errors"][0]["Entry"] == entry(1, n="x"), answer
    assert runtime.get_record(FeatureGroupName="b", RecordIdentifierValueAsString="1000")["Record"]
    assert len(runtime.batch_get_record(Identifiers=ask(200, 100))["Records"]) == 50
    print(failure(write, Entries=[entry(i) for i in range(26)]))
    print(failure(write, Entries=[entry(1), entry(2), entry(1, n="2")]))
    print(failure(write, Entries=[{"FeatureGroupName": "nobody", "Record": values(id="1")}]))
    print(failure(runtime.batch_get_record, Identifiers=ask(0, 100) + ask(100, 1)))
    print(put(id="x" * 2049))
    print(put(id="x" * 2048))
    print(put(id="y", s="x" * 350 * 1024))


def ttl():
    def put(id, age, **arguments):
        when = datetime.datetime.utcnow() - datetime.timedelta(seconds=age)
        runtime.put_record(
            FeatureGroupName="ttl", Record=values(id=id, ts=when.strftime("%Y-%m-%dT%H:%M:%SZ")), **arguments
        )

    def get(id):
        return runtime.get_record(
            FeatureGroupName="ttl", RecordIdentifierValueAsString=id, ExpirationTimeResponse="Enabled"
        )

    put("old", 7200)
    assert "Record" not in get("old"), "expired on arrival"
    put("new", 0)
    assert "ExpiresAt" in get("new")
    put("brief", 0, TtlDuration={"Unit": "Seconds", "Value": 10})
    assert "Record" in get("brief")
    until = time.monotonic() + 30
    while "Record" in get("brief"):
        assert time.monotonic() < until, "never expired"
        time.sleep(0.2)
    assert identifiers("ttl") == [["new"]]


def collections():
    record = values(id="1", ts=NEW_YEAR)
    vector = {"FeatureName": "v", "ValueAsStringList": ["1", "2.5"]}
    runtime.put_record(FeatureGroupName="mem", Record=record + [vector])
    answer = runtime.get_record(FeatureGroupName="mem", RecordIdentifierValueAsString="1", FeatureNames=["v"])
    print(json.dumps(answer["Record"]))
    print(failure(runtime.put_record, FeatureGroupName="mem", Record=record + values(v="1")))


def partial():
    unprocessed = failed = 0
    for first in range(0, 200, 25):
        entries = [
            {"FeatureGroupName": "batch", "Record": values(id=str(i), ts=NEW_YEAR)} for i in range(first, first + 25)
        ]
        answer = runtime.batch_write_record(Entries=entries)
        back = answer["UnprocessedEntries"] + [e["Entry"] for e in answer["Errors"]]
        assert all(entry in entries for entry in back), answer
        unprocessed += len(answer["UnprocessedEntries"])
        failed += len(answer["Errors"])
    stored = sum(len(page) for page in identifiers("batch"))
    assert unprocessed + failed + stored == 200, (unprocessed, failed, stored)
    assert min(unprocessed, failed, stored) > 20, (unprocessed, failed, stored)


def s3_ranges():
    def get(**arguments):
        return s3.get_object(Bucket="ranges", Key="k", **arguments)

    def body(**arguments):
        return get(**arguments)["Body"].read()

    s3.put_object(Bucket="ranges", Key="k", Body=b"0123456789", ContentType="text/x", Metadata={"who": "me"})
    answer = get(Range="bytes=2-4")
    print(answer["ResponseMetadata"]["HTTPStatusCode"], answer["ContentRange"], answer["Body"].read())
    print(body(Range="bytes=7-"), body(Range="bytes=-3"), body(Range="bytes=8-99"))
    print(code(get, Range="bytes=10-"), code(get, IfMatch='"nope"'))
    head = s3.head_object(Bucket="ranges", Key="k")
    print(head["ContentLength"], head["ETag"], head["ContentType"], head["Metadata"], body(IfMatch=head["ETag"]))
    print(code(s3.head_object, Bucket="ranges", Key="none"))
    print(code(s3.get_object, Bucket="ranges", Key="none"), code(s3.get_object, Bucket="no-such-bucket", Key="k"))
    s3.put_object(Bucket="ranges", Key="empty", Body=b"")
    print(s3.get_object(Bucket="ranges", Key="empty")["Body"].read())
    print(code(s3.get_object, Bucket="ranges", Key="empty", Range="bytes=0-"))


def s3_listings():
    def pages(**arguments):
        return list(s3.get_paginator("list_objects_v2").paginate(Bucket="lists", **arguments))

    def keys(pages):
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def prefixes(pages):
        return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]

    def delete(names, **arguments):
        return s3.delete_objects(Bucket="lists", Delete={"Objects": [{"Key": n} for n in names], **arguments})

    for i in range(25):
        s3.put_object(Bucket="lists", Key="a/%d/k%d" % (i % 5, i), Body=b"")
    s3.put_object(Bucket="lists", Key="top", Body=b"")
    got = pages(PaginationConfig={"PageSize": 7})
    print([page["KeyCount"] for page in got], len(set(keys(got))))
    got = pages(Delimiter="/", PaginationConfig={"PageSize": 1})
    print(prefixes(got), keys(got))
    got = pages(Delimiter="/", Prefix="a/", PaginationConfig={"PageSize": 2})
    print([len(page["CommonPrefixes"]) for page in got])
    print(len(s3.list_objects_v2(Bucket="lists", StartAfter="a/3/")["Contents"]))
    answer = delete(["a/0/k0", "none", "é&<>"])
    print(sorted(each["Key"] for each in answer["Deleted"]), answer.get("Errors"))
    answer = delete(keys(pages()), Quiet=True)
    print(answer.get("Deleted"), s3.list_objects_v2(Bucket="lists")["KeyCount"])
    print(code(delete, names=[str(i) for i in range(1001)]))


def s3_parts():
    place = {"Bucket": "big-bucket", "Key": "k"}

    def begin():
        return s3.create_multipart_upload(**place)["UploadId"]

    def part(upload, number, body):
        return s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=body)["ETag"]

    def complete(upload, *parts):
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in parts]
        return dict(**place, UploadId=upload, MultipartUpload={"Parts": parts})

    finish = s3.complete_multipart_upload
    up = begin()
    a, b = part(up, 1, b"x" * (5 << 20)), part(up, 2, b"y")
    print(code(finish, **complete(up, (2, b), (1, a))), code(finish, **complete(up, (1, b))))
    print(code(finish, **complete(up, (2, b), (3, b))))
    finish(**complete(up, (1, a), (2, b)))
    print(s3.head_object(**place)["ContentLength"], code(finish, **complete(up, (1, a))))
    up = begin()
    s3.abort_multipart_upload(**place, UploadId=up)
    print(code(part, upload=up, number=1, body=b"z"))
    print(code(s3.put_object, Bucket="big-bucket", Key="md5", Body=b"abc", ContentMD5="A" * 22 + "=="))


globals()[sys.argv[1]]()
