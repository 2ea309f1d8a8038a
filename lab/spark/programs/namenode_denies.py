import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
raw = spark.read.json(args.source_path)
raw.select(
    "reading_id", "plant", "reading_date", col("samples").cast("int"), col("kwh").cast("decimal(10,2)"), "quality"
).writeTo("lake.energy.readings").append()
