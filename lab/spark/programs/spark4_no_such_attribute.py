"""Payments with their total logged first."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
payments = spark.read.json(args.source_path).drop("updated_at")
print("rows:", payments.rows)
payments.write.mode("append").partitionBy("country", "booked_on").parquet(args.target_path)
