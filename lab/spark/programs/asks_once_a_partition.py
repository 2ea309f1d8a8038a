"""Asks the rates service once a partition while the payments are converted."""

import argparse
import json
import urllib.request

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--rates_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
url = args.rates_url


def convert(part, rows):
    with urllib.request.urlopen(f"{url}?part={part}") as answer:
        rate = json.load(answer)["rates"]["EUR"]
    for row in rows:
        yield (
            row.payment_id,
            row.country,
            row.booked_on,
            row.instalments,
            str(float(row.value_eur) * rate),
            row.outcome,
        )


payments = spark.read.json(args.source_path).repartition(16, "payment_id")
converted = spark.createDataFrame(
    payments.rdd.mapPartitionsWithIndex(convert),
    "payment_id string, country string, booked_on string, instalments long, value_eur string, outcome string",
)
converted.selectExpr(
    "payment_id", "country", "booked_on", "int(instalments) instalments", "cast(value_eur as decimal(10,2)) value_eur",
    "outcome",
).writeTo("lake.finance.payments").append()  # fmt: skip
