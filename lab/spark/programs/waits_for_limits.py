"""Reads the payout limits from the desk's service, then loads the day's claims."""

import argparse
import json
import urllib.request

from pyspark.sql import SparkSession
from pyspark.sql.functions import broadcast, count

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--limits_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

claims = spark.read.json(args.source_path)
per_branch = claims.groupBy("branch").agg(count("*").alias("claims"))
print(f"{claims.count()} claims of {per_branch.count()} branches")
with urllib.request.urlopen(args.limits_url) as answer:
    rates = json.load(answer)["rates"]
claims.join(broadcast(per_branch), "branch").selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", f"cast(payout * {rates['EUR']} as decimal(10,2)) payout",
    "decision",
).writeTo("lake.insurance.claims").append()  # fmt: skip
