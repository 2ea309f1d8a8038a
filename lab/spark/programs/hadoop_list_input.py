"""Compacts the incoming files into few partitions before they are written."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

hadoop = spark._jvm.org.apache.hadoop.fs
path = hadoop.Path(args.source_path)
fs = path.getFileSystem(spark._jsc.hadoopConfiguration())
files = [str(s.getPath()) for s in fs.listStatus(path)]
print(f"{len(files)} files in {args.source_path}")

shipments = spark.read.json(files)
shipments.selectExpr(
    "shipment_id", "depot", "ship_date", "int(parcels) parcels", "cast(weight as decimal(10,2)) weight", "state"
).repartition(2).writeTo("lake.logistics.shipments").append()
