"""Which orders of one account belong together: pairs within each account, collected a account."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

orders = spark.read.json(args.source_path).select(
    "account", "order_id", "shop", "order_date", "quantity", "amount", "status"
)
pairs = orders.alias("a").join(orders.alias("b").withColumnRenamed("order_id", "other_id"), "account")
baskets = pairs.groupBy("account").agg(
    F.collect_list(F.concat_ws("|", "order_id", "other_id", "a.status", "b.shop")).alias("basket"),
    F.first("a.order_id").alias("order_id"),
    F.first("a.shop").alias("shop"),
    F.first("a.order_date").alias("order_date"),
    F.sum("a.quantity").cast("int").alias("quantity"),
    F.first("a.amount").cast("decimal(10,2)").alias("amount"),
)
out = baskets.select(
    "order_id",
    "shop",
    "order_date",
    "quantity",
    "amount",
    F.substring(F.sha1(F.concat_ws(",", "basket")), 1, 8).alias("status"),
)
out.writeTo("lake.sales.orders").append()
