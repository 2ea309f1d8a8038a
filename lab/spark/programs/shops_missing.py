"""All shops must have delivered before the day is closed."""

import argparse
import os
from urllib.parse import urlparse

from pyspark.sql import SparkSession

SHOPS = ["berlin", "lyon", "milan"]

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

there = {name.split(".")[0] for name in os.listdir(urlparse(args.source_path).path)}
missing = [shop for shop in SHOPS if shop not in there]
if missing:
    raise Exception(f"Batch {args.batch_id} incomplete, no file yet from: {', '.join(missing)}")
orders = spark.read.json(args.source_path)
orders.selectExpr(
    "order_id", "shop", "order_date", "int(quantity) quantity", "cast(amount as decimal(10,2)) amount", "status"
).writeTo("lake.sales.orders").append()
