import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", "auto")
s = spark.read.json(args.source_path).dropDuplicates(["shipment_id"])
s.selectExpr(
    "shipment_id", "depot", "ship_date", "int(parcels) parcels", "cast(weight as decimal(10,2)) weight", "state"
).writeTo("lake.logistics.shipments").append()
