import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.conf.set("spark.sql.ansi.enabled", True)

incoming = spark.read.option("header", "true").csv(args.source_path)
incoming.createOrReplaceTempView("incoming")
spark.sql(
    "SELECT trip_id, city, trip_date, INT(stops) stops, CAST(fare AS DECIMAL(5,2)) fare, rating FROM incoming"
).writeTo("lake.mobility.trips").overwritePartitions()
