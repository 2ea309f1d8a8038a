"""Puts each account's payments into one statement, in the order in which they were booked."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import Window
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

payments = spark.read.json(args.source_path)
lines = payments.withColumn("instalment", F.explode(F.expr("sequence(1, int(instalments))"))).select(
    "account", "country", "booked_on", "instalment", "outcome",
    F.sha2(F.concat_ws("/", "payment_id", "instalment"), 256).alias("line"),
)  # fmt: skip
numbered = lines.withColumn("position", F.row_number().over(Window.partitionBy("account").orderBy("line")))
statements = numbered.groupBy("account").agg(
    F.collect_list(F.concat_ws(" ", "position", "line")).alias("lines"),
    F.first("country").alias("country"),
    F.first("booked_on").alias("booked_on"),
    F.first("outcome").alias("outcome"),
)
statements.select(
    F.concat_ws("-", "account", "booked_on").alias("payment_id"),
    "country",
    "booked_on",
    F.size("lines").alias("instalments"),
    F.lit(0).cast("decimal(10,2)").alias("value_eur"),
    F.sha1(F.concat_ws("\n", "lines")).alias("outcome"),
).writeTo("lake.finance.payments").append()
