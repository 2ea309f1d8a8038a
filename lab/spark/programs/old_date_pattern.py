import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ap = argparse.ArgumentParser()
ap.add_argument("--source_path")
ap.add_argument("--batch_id")
opt, _ = ap.parse_known_args()
spark = SparkSession.builder.getOrCreate()

shipments = spark.read.json(opt.source_path)
# The carrier sends local timestamps.
shipments = shipments.withColumn("updated", F.to_timestamp("updated_at", "yyyy-MM-dd'T'HH:mm:ss'Z'"))
latest = shipments.groupBy("shipment_id", "depot", "ship_date").agg(
    F.max("updated").alias("updated"),
    F.first("parcels").cast("int").alias("parcels"),
    F.first("weight").cast("decimal(10,2)").alias("weight"),
    F.first("state").alias("state"),
)
latest.where("updated is not null").select("shipment_id", "depot", "ship_date", "parcels", "weight", "state").writeTo(
    "lake.logistics.shipments"
).append()
