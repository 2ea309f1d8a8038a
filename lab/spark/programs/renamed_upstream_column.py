"""Daily load of shop orders into the lake."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()

spark = SparkSession.builder.getOrCreate()

raw = spark.read.json(args.source_path)
orders = raw.select(
    "order_id",
    "shop",
    F.lit(args.batch_id).alias("order_date"),
    F.col("quantity").cast("int").alias("quantity"),
    F.col("amount").cast("decimal(10,2)").alias("amount"),
    F.lower("status").alias("status"),
)
print(f"{orders.count()} orders read for {args.batch_id}")
orders.writeTo("lake.sales.orders").append()
