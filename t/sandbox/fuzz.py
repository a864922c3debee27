#!/usr/bin/env python3
"""fuzz N [SEED]: N damaged requests to the sandbox; it must answer, or close the connection, and live on.

Half of them are signed after the damage, so that they get past authentication to what reads them.
"""
import json
import os
import random
import socket
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
dice = random.Random(seed)
endpoint = os.environ["AWS_ENDPOINT_URL"]
place = urllib.parse.urlparse(endpoint)
keys = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
record = [{"FeatureName": "id", "ValueAsString": "1"}, {"FeatureName": "ts", "ValueAsString": "2024-01-01T00:00:00Z"}]
definitions = [{"FeatureName": n, "FeatureType": t} for n, t in (("id", "String"), ("ts", "String"), ("n", "Integral"))]
group = {"FeatureGroupName": "fuzz", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "ts",
         "FeatureDefinitions": definitions, "RoleArn": "r", "OnlineStoreConfig": {"EnableOnlineStore": True},
         "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://fuzz/x"}}}
query = {"QueryString": "SELECT * FROM (SELECT id, max(n) FROM t WHERE ts > '2' GROUP BY 1) AS x ORDER BY 1 LIMIT 3",
         "ClientRequestToken": "0" * 32, "ResultConfiguration": {"OutputLocation": "s3://fuzz/"},
         "QueryExecutionContext": {"Database": "sagemaker_featurestore"}}
seeds = [
    ("sagemaker", "POST", "/", "SageMaker.CreateFeatureGroup", json.dumps(group)),
    ("sagemaker", "POST", "/", "SageMaker.UpdateFeatureGroup",
     json.dumps({"FeatureGroupName": "fuzz", "FeatureAdditions": definitions})),
    ("sagemaker", "POST", "/", "SageMaker.ListFeatureGroups", '{"NextToken":"fg-4-fuzz","MaxResults":5,"SortBy":"Name"}'),
    ("sagemaker", "PUT", "/FeatureGroup/fuzz", "", json.dumps({"Record": record, "TargetStores": ["OnlineStore"]})),
    ("sagemaker", "GET", "/FeatureGroup/fuzz?RecordIdentifierValueAsString=1&FeatureName=id", "", ""),
    ("sagemaker", "DELETE", "/FeatureGroup/fuzz?RecordIdentifierValueAsString=1&EventTime=2024-01-01T00%3A00%3A00Z", "", ""),
    ("sagemaker", "POST", "/BatchWriteRecord", "",
     json.dumps({"Entries": [{"FeatureGroupName": "fuzz", "Record": record}] * 2, "TtlDuration": {"Unit": "Days", "Value": 1}})),
    ("sagemaker", "POST", "/BatchGetRecord", "",
     '{"Identifiers":[{"FeatureGroupName":"fuzz","RecordIdentifiersValueAsString":["1","2"],"FeatureNames":["id"]}]}'),
    ("sagemaker", "POST", "/FeatureGroup/fuzz/ListRecords", "", '{"MaxResults":10,"NextToken":"lr-0"}'),
    ("athena", "POST", "/", "AmazonAthena.StartQueryExecution", json.dumps(query)),
    ("athena", "POST", "/", "AmazonAthena.GetQueryResults", '{"QueryExecutionId":"x","NextToken":"at-1","MaxResults":10}'),
    ("s3", "GET", "/fuzz?list-type=2&prefix=x&delimiter=%2F&max-keys=3&encoding-type=url&continuation-token=6162", "", ""),
    ("s3", "PUT", "/fuzz/a%20b?partNumber=1&uploadId=x", "", "abc"),
    ("s3", "POST", "/fuzz?delete", "", "<Delete><Object><Key>a&amp;&#x41;</Key></Object><Quiet>true</Quiet></Delete>"),
    ("s3", "POST", "/fuzz/k?uploadId=x", "", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"),
    ("sts", "POST", "/", "", "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx&RoleSessionName=me"),
]
bits = ['"', "{", "}", "[", "]", "<", ">", "&", "%", "\\", "\x00", "\xff", "null", "-1", "1e999", "9" * 40, "%00", "%2", "//",
        "..", "arn:aws:sagemaker:::x/", "Z", "&#0;", "&#x110000;", "\\ud800", "(" * 300, "'", "--", "/*", " " * 50, "?", "="]


def damage(text):
    for _ in range(dice.randint(0, 3)):
        a = dice.randint(0, len(text))
        b = min(len(text), a + dice.choice((0, 0, 1, 5, 30)))
        text = text[:a] + dice.choice(bits + [text[b:], ""]) + text[b:]
    return text


def send(raw):
    """Sends it and waits for the beginning of an answer; a request cut short may rightly get none."""
    with socket.create_connection((place.hostname, place.port), timeout=3) as s:
        s.sendall(raw)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)


for _ in range(count):
    service, method, target, operation, body = dice.choice(seeds)
    target = "/" + urllib.parse.quote(damage(target[1:]), safe="/?&=%:+-_.~")
    body = damage(body).encode("utf-8", "surrogateescape")
    request = botocore.awsrequest.AWSRequest(method, endpoint + target, data=body)
    if operation:
        request.headers["X-Amz-Target"] = operation
    elif service == "sts":
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer(keys, service, "us-east-1").add_auth(request)
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + place.netloc, "Content-Length: %d" % len(body)]

    lines += ["%s: %s" % h for h in request.headers.items() if h[0].lower() not in ("host", "content-length")]
    head = "\r\n".join(lines) + "\r\n\r\n"
    if dice.random() < 0.5:
        head = damage(head)
    try:
        send(head.encode("latin-1", "replace") + body)
    except (ConnectionError, TimeoutError):
        pass
