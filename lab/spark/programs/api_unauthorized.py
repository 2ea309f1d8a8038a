"""Pulls the day's exchange rates with the service account's token."""

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

request = urllib.request.Request(f"{args.rates_url}?day={args.batch_id}", headers={"X-Client": "orders-etl"})
rates = json.load(urllib.request.urlopen(request, timeout=10))["rates"]
orders = spark.read.json(args.source_path)
orders.selectExpr(
    "order_id",
    "shop",
    "order_date",
    "int(quantity) quantity",
    f"cast(amount * {rates['EUR']} as decimal(10,2)) amount",
    "status",
).writeTo("lake.sales.orders").overwritePartitions()
