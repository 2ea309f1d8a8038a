"""Writes the day as plain Parquet for the partner to fetch."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
shipments = spark.read.json(args.source_path)
shipments.select("shipment_id", "parcels", "weight", "state", "depot", "ship_date").write.mode("append").partitionBy(
    "depot", "ship_date"
).parquet(args.target_path)
