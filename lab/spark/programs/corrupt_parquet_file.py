import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--batch_id")
args, _ = parser.parse_known_args()

spark = SparkSession.builder.getOrCreate()
readings = spark.read.schema(
    "reading_id string, plant string, reading_date string, samples int, kwh decimal(10,2), quality string"
).parquet(args.source_path)
readings.repartition("plant").writeTo("lake.energy.readings").overwritePartitions()
print("done", args.batch_id)
