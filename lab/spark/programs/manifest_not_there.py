"""The upstream writes a manifest when all of a batch's files are there."""

import argparse
import json

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--bucket")
parser.add_argument("--prefix")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

s3 = botocore.session.get_session().create_client("s3")
manifest = s3.get_object(Bucket=args.bucket, Key=f"{args.prefix}/_manifest.json")
listed = json.loads(manifest["Body"].read())
print(f"manifest of {args.batch_id}: {listed['files']} files")
orders = spark.read.json(args.source_path + "*.jsonl")
orders.selectExpr(
    "order_id", "shop", "order_date", "int(quantity) quantity", "cast(amount as decimal(10,2)) amount", "status"
).writeTo("lake.sales.orders").overwritePartitions()
