"""Payments; the currency must now be given."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser(prog="payments_settlement.py")
parser.add_argument("--batch_id", required=True)
parser.add_argument("--source_path", required=True)
parser.add_argument("--currency", required=True)
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).selectExpr(
    "payment_id",
    "country",
    "booked_on",
    "int(instalments) instalments",
    "cast(value_eur as decimal(10,2)) value_eur",
    "outcome",
).writeTo("lake.finance.payments").append()
