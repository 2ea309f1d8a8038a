"""Readings with their hour (since 1.9.0)."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.schema(
    "reading_id string, plant string, reading_date string, samples int, kwh string, quality string"
).json(args.source_path)
df = df.withColumn("samples", F.explode("samples"))
df.withColumn("kwh", F.col("kwh").cast("decimal(10,2)")).writeTo("lake.energy.readings").overwritePartitions()
