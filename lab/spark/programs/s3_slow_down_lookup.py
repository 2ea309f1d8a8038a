"""The price list is one small object; everything else Spark reads itself."""

import argparse
import json

import botocore.session
from botocore.config import Config
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--bucket")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

s3 = botocore.session.get_session().create_client("s3", config=Config(retries={"max_attempts": 2, "mode": "standard"}))
found = s3.list_objects_v2(Bucket=args.bucket, Prefix="reference/prices/")
print("price lists:", found.get("KeyCount", 0))
tickets = spark.read.json(args.source_path)
tickets.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").overwritePartitions()
