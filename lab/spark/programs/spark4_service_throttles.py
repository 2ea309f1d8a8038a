"""Reads the limits from the parameter store first."""

import argparse

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
ssm = botocore.session.get_session().create_client("ssm")
print("limits:", ssm.get_parameter(Name="/energy/limits")["Parameter"]["Value"])
readings = spark.read.json(args.source_path).drop("updated_at")
readings.write.mode("append").partitionBy("plant", "reading_date").parquet(args.target_path)
