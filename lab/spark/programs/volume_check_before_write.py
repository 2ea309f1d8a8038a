import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import avg, col, count

ap = argparse.ArgumentParser()
ap.add_argument("--batch_id")
ap.add_argument("--source_path")
args, _ = ap.parse_known_args()
spark = SparkSession.builder.getOrCreate()

new = spark.read.json(args.source_path)
usual = (
    (
        spark.table("lake.logistics.shipments")
        .groupBy("ship_date")
        .agg(count("*").alias("n"))
        .agg(avg("n").alias("n"))
        .first()["n"]
    )
    or 0
)
today = new.count()
assert today >= 0.6 * usual, f"volume check: {today} shipments today, {usual:.0f} on an average day"
new.select(
    "shipment_id", "depot", "ship_date", col("parcels").cast("int"), col("weight").cast("decimal(10,2)"), "state"
).writeTo("lake.logistics.shipments").append()
