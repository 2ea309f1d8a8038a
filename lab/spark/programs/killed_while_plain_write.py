"""Plain Parquet, one file a partition."""

import argparse
import time

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


@udf("string")
def slow_lookup(quality):
    time.sleep(0.05)
    return quality


readings = spark.read.json(args.source_path).repartition(4, "plant")
readings.select(
    "reading_id", "kwh", "samples", slow_lookup("quality").alias("quality"), "plant", "reading_date"
).write.mode("append").partitionBy("reading_date", "plant").parquet(args.target_path)
