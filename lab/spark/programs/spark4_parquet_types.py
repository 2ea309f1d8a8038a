import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.schema(
    "shipment_id string, depot string, ship_date string, parcels int, weight decimal(10,2), state string"
).parquet(args.source_path)
df.repartition(2).write.mode("append").partitionBy("depot", "ship_date").parquet(args.target_path)
