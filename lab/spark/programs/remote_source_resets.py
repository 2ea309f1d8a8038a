"""The partner's namenode is read over WebHDFS."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
payments = spark.read.schema(
    "payment_id string, country string, booked_on string, instalments int, value_eur string, outcome string"
).json(args.source_path)
payments = payments.withColumn("value_eur", payments.value_eur.cast("decimal(10,2)"))
payments.writeTo("lake.finance.payments").append()
