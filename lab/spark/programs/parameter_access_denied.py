"""Claims need the thresholds from the parameter store."""

import argparse

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

client = botocore.session.get_session().create_client("ssm")
threshold = client.get_parameter(Name="/insurance/thresholds", WithDecryption=True)["Parameter"]["Value"]
print("thresholds:", threshold)
claims = spark.read.json(args.source_path)
claims.selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
