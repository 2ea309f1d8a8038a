"""Reads all depots' exports with their schemas merged."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.option("mergeSchema", "true").parquet(args.source_path)
df = df.select(
    "claim_id", "branch", "claim_date", col("visits"), col("payout").cast("decimal(10,2)").alias("payout"), "decision"
)
df.writeTo("lake.insurance.claims").overwritePartitions()
