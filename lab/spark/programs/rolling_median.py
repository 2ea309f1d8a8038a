"""Smooths each account's readings with a running median over the readings around it."""

import argparse

from pyspark.sql import SparkSession

ap = argparse.ArgumentParser()
ap.add_argument("--source_path")
ap.add_argument("--batch_id")
args, _ = ap.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("arrived")
smooth = spark.sql("""
    SELECT reading_id, plant, reading_date, INT(samples) AS samples,
           CAST(percentile(CAST(kwh AS DOUBLE), 0.5) OVER around AS DECIMAL(10,2)) AS kwh, quality
    FROM arrived
    WINDOW around AS (PARTITION BY account ORDER BY updated_at ROWS BETWEEN 9000 PRECEDING AND 9000 FOLLOWING)
""")
smooth.writeTo("lake.energy.readings").append()
