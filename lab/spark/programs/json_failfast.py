import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import expr

ap = argparse.ArgumentParser()
ap.add_argument("--source_path")
ap.add_argument("--batch_id")
opt, _ = ap.parse_known_args()

spark = SparkSession.builder.getOrCreate()
schema = "order_id string, shop string, order_date string, quantity int, amount string, status string"
orders = spark.read.schema(schema).option("mode", "FAILFAST").json(opt.source_path)
orders = orders.withColumn("amount", expr("cast(amount as decimal(10,2))"))
orders.writeTo("lake.sales.orders").overwritePartitions()
