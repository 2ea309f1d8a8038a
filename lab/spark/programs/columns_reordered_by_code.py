"""Plain Parquet for the partner. The union of both halves goes by position."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
orders = spark.read.json(args.source_path)
paid = orders.filter(col("status") == "paid").select("order_id", "order_date", "amount", "quantity", "shop")
other = orders.filter(col("status") != "paid").select("order_id", "order_date", "amount", "shop")
paid.union(other).write.mode("append").partitionBy("shop", "order_date").parquet(args.target_path)
