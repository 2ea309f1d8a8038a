import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

orders = spark.read.json(args.source_path).select(
    "order_id", "shop", "order_date", col("quantity").cast("int"), col("amount").cast("decimal(10,2)"), "status"
)
orders.write.format("delta").mode("append").save("lake.sales.orders")
