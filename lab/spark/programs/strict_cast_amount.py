"""Meter readings to the curated table. ANSI mode is on: a bad value must stop the load."""

import argparse
from pyspark.sql import SparkSession

p = argparse.ArgumentParser()
p.add_argument("--batch_id", required=True)
p.add_argument("--source_path", required=True)
a, _ = p.parse_known_args()

spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.ansi.enabled", "true")

readings = spark.read.schema(
    "reading_id string, plant string, reading_date string, samples int, kwh string, quality string"
).json(a.source_path)
curated = readings.selectExpr(
    "reading_id", "plant", "reading_date", "samples", "CAST(kwh AS DECIMAL(10,2)) AS kwh", "quality"
)
curated.sortWithinPartitions("plant").writeTo("lake.energy.readings").append()
