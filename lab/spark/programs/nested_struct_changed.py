"""Orders with the customer as a nested record."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

p = argparse.ArgumentParser()
p.add_argument("--source_path")
args, _ = p.parse_known_args()

spark = SparkSession.builder.getOrCreate()
orders = spark.read.json(args.source_path)
flat = orders.select(
    "order_id",
    "shop",
    "order_date",
    col("quantity").cast("int").alias("quantity"),
    col("details.amount").cast("decimal(10,2)").alias("amount"),
    col("details.status").alias("status"),
)
flat.writeTo("lake.sales.orders").append()
