"""Reads what the plants' gateways exported as Parquet."""

import argparse
from pyspark.sql import SparkSession

ap = argparse.ArgumentParser()
ap.add_argument("--source_path")
ap.add_argument("--batch_id")
args, _ = ap.parse_known_args()

spark = SparkSession.builder.getOrCreate()
readings = spark.read.parquet(args.source_path)
readings = readings.select("reading_id", "plant", "reading_date", "samples", "kwh", "quality")
readings.writeTo("lake.energy.readings").overwritePartitions()
