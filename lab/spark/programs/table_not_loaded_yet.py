"""Takes the batch from the staging view that the ingestion registers for each day."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
staged = f"lake.landing.orders_{args.batch_id.replace('-', '')}"
orders = spark.table(staged)
print(staged, orders.count())
orders.writeTo("lake.sales.orders").overwritePartitions()
