#!/usr/bin/python3
"""put_boto3.py URL FILE WORKERS: PutRecord for every record of an NDJSON file, with boto3 and threads.

The way most people do it: one client, a pool of threads.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

url, path, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = boto3.client(
    "sagemaker-featurestore-runtime", region_name="eu-west-1", endpoint_url=url,
    config=Config(max_pool_connections=workers))


def put(line):
    record = [{"FeatureName": name, "ValueAsString": value} for name, value in json.loads(line).items()]
    client.put_record(FeatureGroupName="bench", Record=record)


with open(path) as lines, ThreadPoolExecutor(workers) as pool:
    for _ in pool.map(put, lines):
        pass
