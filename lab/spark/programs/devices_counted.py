"""Counts the devices that reported, each of which delivers into a folder of its own, and adds them to the trips."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--events_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

reported = spark.read.option("basePath", args.events_path).json(f"{args.events_path}*/*.json")
devices = reported.groupBy("city").agg(F.countDistinct("at").alias("devices"))
trips = spark.read.json(args.source_path).join(devices, "city", "left")
trips.selectExpr(
    "trip_id", "city", "trip_date", "int(stops + coalesce(devices, 0)) stops", "cast(fare as decimal(10,2)) fare",
    "rating",
).writeTo("lake.mobility.trips").append()  # fmt: skip
