"""Appends the trips in one commit."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
trips = spark.read.json(args.source_path).repartition(1)
trips.selectExpr(
    "trip_id", "city", "trip_date", "int(stops) stops", "cast(fare as decimal(10,2)) fare", "rating"
).writeTo("lake.mobility.trips").append()
