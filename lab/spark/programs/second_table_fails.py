"""Orders first, then the figures a shop, which the forecast reads."""

import argparse

import botocore.session
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
orders = (
    spark.read.json(args.source_path)
    .select(
        "order_id",
        "shop",
        "order_date",
        F.col("quantity").cast("int").alias("quantity"),
        F.col("amount").cast("decimal(10,2)").alias("amount"),
        "status",
    )
    .cache()
)
orders.writeTo("lake.sales.orders").append()

ssm = botocore.session.get_session().create_client("ssm")
ssm.get_parameter(Name="/sales/forecast/window")
figures = orders.groupBy("shop", "order_date").agg(
    F.sum("amount").cast("decimal(18,2)").alias("total"), F.count("*").alias("n")
)
figures.writeTo("lake.sales.shop_figures").append()
