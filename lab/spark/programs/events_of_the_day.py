"""Adds the number of scan events, which devices deliver as files of their own, to each shipment's depot."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--events_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

events = spark.read.schema("depot string, at string").json(args.events_path)
counted = events.groupBy("depot").agg(F.count("*").alias("events"))
shipments = spark.read.json(args.source_path).join(counted, "depot", "left")
shipments.selectExpr(
    "shipment_id", "depot", "ship_date", "int(parcels + coalesce(events, 0)) parcels",
    "cast(weight as decimal(10,2)) weight", "state",
).writeTo("lake.logistics.shipments").append()  # fmt: skip
