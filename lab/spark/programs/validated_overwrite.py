"""Replaces the day's partitions; nobody else may have written to them since we looked."""

import argparse
import json
import urllib.request

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--rates_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

seen = spark.sql("SELECT snapshot_id FROM lake.sales.orders.snapshots ORDER BY committed_at DESC LIMIT 1").first()
with urllib.request.urlopen(args.rates_url, timeout=60) as answer:
    factor = json.load(answer)["rates"]["EUR"]
orders = spark.read.json(args.source_path).selectExpr(
    "order_id",
    "shop",
    "order_date",
    "int(quantity) quantity",
    f"cast(amount * {factor} as decimal(10,2)) amount",
    "status",
)
writer = orders.writeTo("lake.sales.orders").option("isolation-level", "serializable")
if seen:
    writer = writer.option("validate-from-snapshot-id", str(seen[0]))
writer.overwritePartitions()
