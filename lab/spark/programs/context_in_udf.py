import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


@udf("string")
def known(branch):
    return branch if spark.table("lake.insurance.claims").filter(f"branch = '{branch}'").count() >= 0 else None


claims = spark.read.json(args.source_path)
claims.withColumn("branch", known("branch")).selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
