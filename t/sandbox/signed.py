#!/usr/bin/env python3
"""signed SERVICE METHOD TARGET [BODY [BEFORE [AFTER]]]: one request to the sandbox, signed by botocore.

BEFORE is Python run before signing: it may change `request` and set `skew` (seconds the clock is off). AFTER is run
behind it: it may change `headers`, `body` and `target` of what is sent. Prints status, x-amzn-ErrorType and body.
"""
import datetime
import http.client
import os
import sys
import types
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

service, method, target, text, before, after = (sys.argv[1:] + ["", "", ""])[:6]
endpoint = os.environ["AWS_ENDPOINT_URL"]
skew = 0
request = botocore.awsrequest.AWSRequest(method, endpoint + target, data=text.encode())
exec(before)


class Shifted(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return datetime.datetime.utcnow() + datetime.timedelta(seconds=skew)


botocore.auth.datetime = types.SimpleNamespace(datetime=Shifted, timedelta=datetime.timedelta)
keys = botocore.credentials.Credentials(
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
)
signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
signer(keys, service, "us-east-1").add_auth(request)
headers, body = dict(request.headers), text.encode()
exec(after)
connection = http.client.HTTPConnection(urllib.parse.urlparse(endpoint).netloc)
connection.request(method, target, body, headers)
answer = connection.getresponse()
print(answer.status, answer.getheader("x-amzn-ErrorType", ""), answer.read().decode())
