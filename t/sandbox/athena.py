#!/usr/bin/env python3
"""athena SQL...: runs statements through boto3 and prints what came of each.

A query: its CSV object as it lies in S3. UNLOAD: the lines of its parts, sorted (a file of Parquet
is one line that says so). A change: "N rows". A failure: the
state and the reason. `@NAME` in a statement stands for the Athena table of the feature group NAME.
"""
import gzip
import os
import re
import sys
import time
import urllib.parse
import uuid

import boto3

endpoint = os.environ["AWS_ENDPOINT_URL"]
athena, s3, sagemaker = (boto3.client(name, endpoint_url=endpoint) for name in ("athena", "s3", "sagemaker"))


def table(match):
    group = sagemaker.describe_feature_group(FeatureGroupName=match.group(1))
    return '"%s"' % group["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]


def fetch(url):
    place = urllib.parse.urlparse(url)
    return s3.get_object(Bucket=place.netloc, Key=place.path[1:])["Body"].read()


def run(sql):
    query = athena.start_query_execution(
        QueryString=re.sub(r"@([a-zA-Z0-9-]+)", table, sql),
        ClientRequestToken=str(uuid.uuid4()),
        QueryExecutionContext={"Database": "sagemaker_featurestore"},
        ResultConfiguration={"OutputLocation": "s3://query-results/some/place"},
    )["QueryExecutionId"]
    while True:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.02)
    if execution["Status"]["State"] != "SUCCEEDED":
        return "%s %s\n" % (execution["Status"]["State"], execution["Status"]["StateChangeReason"])
    if execution["ResultConfiguration"]["OutputLocation"].endswith(".csv"):
        return fetch(execution["ResultConfiguration"]["OutputLocation"]).decode()
    if "DataManifestLocation" in execution["Statistics"]:
        parts = fetch(execution["Statistics"]["DataManifestLocation"]).decode().split()
        lines = []
        for part in parts:
            data = fetch(part)
            if data[:4] == b"PAR1":
                lines.append("a file of Parquet\n")
                continue
            lines += (gzip.decompress(data) if part.endswith(".gz") else data).decode().splitlines(True)
        return "".join(sorted(lines))
    return "%d rows\n" % athena.get_query_results(QueryExecutionId=query)["UpdateCount"]


for statement in sys.argv[1:]:
    sys.stdout.write(run(statement))
