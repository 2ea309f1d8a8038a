"""Only the latest state of each shipment."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("s")
latest = spark.sql("""
    SELECT shipment_id, depot, ship_date, INT(max(parcels)) AS parcels,
           CAST(max(weight) AS DECIMAL(10,2)) AS weight, state
    FROM s GROUP BY shipment_id, depot, ship_date
""")
latest.writeTo("lake.logistics.shipments").append()
