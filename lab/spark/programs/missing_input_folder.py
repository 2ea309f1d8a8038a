"""Hourly trips to the curated table."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, to_date

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()

spark = SparkSession.builder.getOrCreate()

trips = (
    spark.read.json(args.source_path)
    .filter(to_date(col("trip_date")).isNotNull())
    .select(
        "trip_id",
        "city",
        "trip_date",
        col("stops").cast("int").alias("stops"),
        col("fare").cast("decimal(10,2)").alias("fare"),
        "rating",
    )
)
trips.writeTo("lake.mobility.trips").append()
