"""Writes to staging, asks for the release of the day, then publishes."""

import argparse
import json
import urllib.request

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--release_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("raw")
spark.sql("""INSERT OVERWRITE lake.energy.readings_staging
  SELECT reading_id, plant, reading_date, INT(samples), CAST(kwh AS DECIMAL(10,2)), quality FROM raw""")
released = json.load(urllib.request.urlopen(f"{args.release_url}?batch={args.batch_id}", timeout=5))
print("released:", released)
spark.table("lake.energy.readings_staging").writeTo("lake.energy.readings").overwritePartitions()
