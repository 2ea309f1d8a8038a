"""Trips through the governed catalog."""

import argparse
from pyspark.sql import SparkSession

ap = argparse.ArgumentParser()
ap.add_argument("--batch_id")
ap.add_argument("--source_path")
args, _ = ap.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("t")
spark.sql("""INSERT INTO lake.mobility.trips
             SELECT trip_id, city, trip_date, INT(stops), CAST(fare AS DECIMAL(10,2)), rating FROM t""")
