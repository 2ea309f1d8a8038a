"""Reads the day's folder below the source path."""

import argparse
import os

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

path = os.path.join(args.source_path, "day=" + args.batch_id.replace("-", ""))
readings = spark.read.json(path)
readings.selectExpr(
    "reading_id", "plant", "reading_date", "int(samples) samples", "cast(kwh as decimal(10,2)) kwh", "quality"
).writeTo("lake.energy.readings").append()
