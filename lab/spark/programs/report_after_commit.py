"""Loads the claims, then prints the day's figures."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.json(args.source_path).selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
)
claims.writeTo("lake.insurance.claims").append()
by_branch = {row["branch"]: row["count"] for row in claims.groupBy("branch").count().collect()}
for name in ("north", "south", "east"):
    print(f"{name:10} {by_branch[name]:5}")
