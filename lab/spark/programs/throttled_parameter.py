"""Reads the exchange rates from the parameter store, then loads the day's payments."""

import argparse
import json

import botocore.session
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, lit

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

ssm = botocore.session.get_session().create_client("ssm")
rates = json.loads(ssm.get_parameter(Name="/finance/rates")["Parameter"]["Value"])

payments = spark.read.json(args.source_path)
payments = payments.withColumn("value_eur", (col("value_eur").cast("double") * lit(rates["EUR"])).cast("decimal(10,2)"))
payments.selectExpr(
    "payment_id", "country", "booked_on", "int(instalments) instalments", "value_eur", "outcome"
).writeTo("lake.finance.payments").append()
