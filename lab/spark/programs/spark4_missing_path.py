import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("readings")
spark.sql("SELECT reading_id, kwh, samples, quality, plant, reading_date FROM readings").write.mode(
    "append"
).partitionBy("plant", "reading_date").parquet(args.target_path)
