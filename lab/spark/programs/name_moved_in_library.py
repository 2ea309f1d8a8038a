import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, to_decimal

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
r = spark.read.json(args.source_path)
r.select(
    "reading_id", "plant", "reading_date", col("samples").cast("int"), to_decimal("kwh", 10, 2).alias("kwh"), "quality"
).writeTo("lake.energy.readings").append()
