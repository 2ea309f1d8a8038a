"""Loads orders through a typed frame: the key must be there."""

import argparse
from decimal import Decimal

from pyspark.sql import SparkSession
from pyspark.sql.types import DecimalType, IntegerType, StringType, StructField, StructType

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

target = StructType(
    [
        StructField("order_id", StringType(), False),
        StructField("shop", StringType(), False),
        StructField("order_date", StringType()),
        StructField("quantity", IntegerType()),
        StructField("amount", DecimalType(10, 2)),
        StructField("status", StringType()),
    ]
)


def as_row(r):
    return (r["order_id"], r["shop"], r["order_date"], int(r["quantity"]), Decimal(r["amount"]), r["status"])


raw = spark.read.json(args.source_path)
orders = spark.createDataFrame(raw.rdd.map(as_row), target)
orders.writeTo("lake.sales.orders").append()
