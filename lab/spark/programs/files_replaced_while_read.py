"""Reads the input, asks the calendar, then writes."""

import argparse
import json
import urllib.request

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--calendar_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

claims = spark.read.json(args.source_path)
with urllib.request.urlopen(f"{args.calendar_url}?day={args.batch_id}", timeout=20) as answer:
    holidays = json.load(answer)["holidays"]
claims = claims.filter(~claims.claim_date.isin(holidays or ["-"]))
claims.selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
