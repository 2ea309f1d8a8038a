import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--batch_id")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


@udf("double")
def per_unit(amount, quantity):
    return float(amount) / (quantity // 50)


orders = spark.read.json(args.source_path)
orders = orders.withColumn("amount", per_unit("amount", "quantity"))
orders.selectExpr(
    "order_id", "shop", "order_date", "int(quantity) quantity", "cast(amount as decimal(10,2)) amount", "status"
).writeTo("lake.sales.orders").append()
