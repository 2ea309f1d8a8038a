import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.json(args.source_path).dropDuplicates(["claim_id"])
claims = claims.select(
    "claim_id", "branch", "claim_date", col("visits").cast("int"), col("payout").cast("decimal(10,2)"), "decision"
).coalesce(2)
claims.writeTo("lake.insurance.claims").append()
