"""Adds each city's mean fare."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
trips = spark.read.json(args.source_path)
means = trips.groupBy("city", "trip_date").agg(F.avg("fare").alias("mean_fare"))
joined = trips.join(means, trips.city == means.city)
joined.select(
    "trip_id", "city", "trip_date", F.col("stops").cast("int"), F.col("fare").cast("decimal(10,2)"), "rating"
).writeTo("lake.mobility.trips").append()
