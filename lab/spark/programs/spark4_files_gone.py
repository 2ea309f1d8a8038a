"""Reads, asks the calendar, writes."""

import argparse
import urllib.request

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
parser.add_argument("--calendar_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
trips = spark.read.json(args.source_path)
print(urllib.request.urlopen(args.calendar_url, timeout=20).read().decode())
trips.drop("updated_at").write.mode("append").partitionBy("city", "trip_date").parquet(args.target_path)
