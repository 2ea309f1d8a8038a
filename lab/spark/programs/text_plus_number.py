"""Adds the service fee to each fare."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

FEE = 0.5

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


def with_fee(row):
    return (row.trip_id, row.city, row.trip_date, int(row.stops), row.fare + FEE, row.rating)


trips = spark.read.json(args.source_path)
out = trips.rdd.map(with_fee).toDF(
    "trip_id string, city string, trip_date string, stops int, fare double, rating string"
)
out.withColumn("fare", col("fare").cast("decimal(10,2)")).writeTo("lake.mobility.trips").append()
