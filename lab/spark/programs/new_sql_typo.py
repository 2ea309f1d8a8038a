"""Orders with their net amount (since 1.9.0)."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("raw_orders")
net = spark.sql("""
    SELECT order_id, shop, order_date, INT(quantity) AS quantity,
           CAST(amount_net AS DECIMAL(10,2)) AS amount, status
    FROM raw_orders
""")
net.writeTo("lake.sales.orders").append()
