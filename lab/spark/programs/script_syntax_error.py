"""Daily payments."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
payments = spark.read.json(args.source_path)
payments = payments.filter("outcome <> 'test'")
payments.selectExpr(
    "payment_id",
    "country",
    "booked_on",
    "int(instalments) instalments",
    "cast(value_eur as decimal(10,2)) value_eur",
    "outcome",
).writeTo("lake.finance.payments").append()
