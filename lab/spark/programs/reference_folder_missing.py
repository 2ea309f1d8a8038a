"""Enriches trips with the tariff of the day, which the pricing team drops next to them."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import broadcast, col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--tariffs")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

tariffs = spark.read.option("header", True).csv(f"{args.tariffs}/{args.batch_id}/")
trips = spark.read.json(args.source_path).join(broadcast(tariffs), "city", "left")
trips.select(
    "trip_id", "city", "trip_date", col("stops").cast("int"), col("fare").cast("decimal(10,2)"), "rating"
).writeTo("lake.mobility.trips").overwritePartitions()
