"""Writes to the second version of the table."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.json(args.source_path)
df = df.selectExpr(
    "reading_id", "plant", "reading_date", "int(samples) samples", "cast(kwh as decimal(10,2)) kwh", "quality"
)
df.writeTo("lake.energy.readings_v2").append()
