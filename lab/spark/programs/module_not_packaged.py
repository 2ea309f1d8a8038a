"""Claims; the rules moved to a package of their own."""

import argparse

from pyspark.sql import SparkSession

from claim_rules import severity_of

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.json(args.source_path)
print("severity rules:", severity_of)
claims.selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
