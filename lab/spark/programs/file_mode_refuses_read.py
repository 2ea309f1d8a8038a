import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.schema(
    "order_id string, shop string, order_date string, quantity int, amount string, status string"
).json(args.source_path)
df.withColumn("amount", df.amount.cast("decimal(10,2)")).writeTo("lake.sales.orders").append()
