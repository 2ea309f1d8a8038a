"""Orders to plain Parquet. On this engine casts are strict unless told otherwise."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
orders = spark.read.schema(
    "order_id string, shop string, order_date string, quantity int, amount string, status string"
).json(args.source_path)
orders.withColumn("amount", col("amount").cast("decimal(10,2)")).write.mode("append").partitionBy(
    "shop", "order_date"
).parquet(args.target_path)
