import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

ZONES = {"rotterdam": "west", "gdansk": "east"}

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


@udf("string")
def zone_of(depot):
    return ZONES[depot]


shipments = spark.read.json(args.source_path).drop("updated_at")
shipments.withColumn("zone", zone_of("depot")).write.mode("append").partitionBy("depot", "ship_date").parquet(
    args.target_path
)
