"""Claims to the archive."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, upper

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.json(args.source_path)
claims.select(
    "claim_id", "branch", "claim_date", "visits", "payout", upper(col("decision")).alias("decision")
).write.mode("append").partitionBy("branch", "claim_date").parquet(args.target_path)
