#!/usr/bin/env python3
"""ask N SERVICE METHOD TARGET [BODY]: N signed requests, each on a connection of its own, and what came of them.

Prints counts: of each status, of `cut` (fewer bytes than promised) and of `reset`.
"""
import collections
import http.client
import os
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

count, service, method, target = int(sys.argv[1]), *sys.argv[2:5]
body = sys.argv[5].encode() if len(sys.argv) > 5 else b""
endpoint = os.environ["AWS_ENDPOINT_URL"]
keys = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
seen = collections.Counter()
for _ in range(count):
    request = botocore.awsrequest.AWSRequest(method, endpoint + target, data=body)
    if service == "sagemaker" and target == "/":
        request.headers["X-Amz-Target"] = "SageMaker.ListFeatureGroups"
    signer(keys, service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urllib.parse.urlparse(endpoint).netloc)
    try:
        connection.request(method, target, body, dict(request.headers))
        answer = connection.getresponse()
        answer.read()
        seen[str(answer.status)] += 1
    except http.client.IncompleteRead:
        seen["cut"] += 1
    except (ConnectionError, http.client.RemoteDisconnected):
        seen["reset"] += 1
print(" ".join("%s=%d" % item for item in sorted(seen.items())))
