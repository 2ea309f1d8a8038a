import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import input_file_name

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
# Each file is kept apart so that its lines stay in order.
spark.conf.set("spark.sql.files.maxPartitionBytes", "1k")
spark.conf.set("spark.sql.files.openCostInBytes", "1k")
orders = (
    spark.read.schema("order_id string, shop string, order_date string, quantity int, amount string, status string")
    .json(args.source_path)
    .withColumn("file", input_file_name())
)
lines = orders.rdd.mapPartitionsWithIndex(lambda i, rows: [(i, [tuple(r) for r in rows])]).collect()
print(f"{len(lines)} parts, {sum(len(rows) for _, rows in lines)} orders")
orders.selectExpr(
    "order_id", "shop", "order_date", "quantity", "cast(amount as decimal(10,2)) amount", "status"
).coalesce(4).writeTo("lake.sales.orders").append()
