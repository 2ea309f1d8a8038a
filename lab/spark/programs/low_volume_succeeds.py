"""Loads a day of readings; volume is watched elsewhere."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

p = argparse.ArgumentParser()
p.add_argument("--batch_id")
p.add_argument("--source_path")
o, _ = p.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.json(o.source_path)
out = df.select(
    "reading_id", "plant", "reading_date", F.col("samples").cast("int"), F.col("kwh").cast("decimal(10,2)"), "quality"
).cache()
print("records:", out.count())
out.writeTo("lake.energy.readings").append()
print("load finished")
