"""Collects the day's readings to draw the control chart, then loads them."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
readings = spark.read.json(args.source_path)
points = readings.crossJoin(readings.select(col("kwh").alias("other"))).collect()
print(len(points), "points in the chart")
readings.selectExpr(
    "reading_id", "plant", "reading_date", "int(samples) samples", "cast(kwh as decimal(10,2)) kwh", "quality"
).writeTo("lake.energy.readings").append()
