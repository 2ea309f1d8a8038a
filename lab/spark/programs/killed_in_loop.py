"""Depot by depot, so that the memory suffices."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
incoming = spark.read.json(args.source_path)
incoming.createOrReplaceTempView("incoming")
for depot in [r[0] for r in spark.sql("SELECT DISTINCT depot FROM incoming ORDER BY 1").collect()]:
    part = spark.sql(f"""SELECT shipment_id, depot, ship_date, INT(parcels) parcels,
                         CAST(weight AS DECIMAL(10,2)) weight, state FROM incoming WHERE depot = '{depot}'""")
    part.sort("shipment_id").writeTo("lake.logistics.shipments").append()
