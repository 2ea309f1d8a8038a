"""Claims as Parquet in, Parquet out."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.schema(
    "claim_id string, branch string, claim_date string, visits int, payout decimal(10,2), decision string"
).parquet(args.source_path)
print(claims.count(), "claims")
claims.write.mode("append").partitionBy("branch", "claim_date").parquet(args.target_path)
