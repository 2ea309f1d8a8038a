"""Shipments, late ones flagged in a second step."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

shipments = spark.read.json(args.source_path).select(
    "shipment_id", "depot", "ship_date", col("parcels").cast("int"), col("weight").cast("decimal(10,2)"), "state"
)
shipments.writeTo("lake.logistics.shipments").overwritePartitions()
late = shipments.filter(col("state") == "moving").count()
print(f"{late} late, limit {late_limit}")
