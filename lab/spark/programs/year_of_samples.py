"""Compares the day's readings with the hourly samples of the year before."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("arrived")
spark.sql("""
    WITH usual AS (
        SELECT plant, avg(value) AS value, percentile(value, 0.9) AS high
        FROM lake.energy.hourly_samples GROUP BY plant
    )
    SELECT reading_id, a.plant, reading_date, INT(samples) AS samples,
           CAST(coalesce(u.value, kwh) AS DECIMAL(10,2)) AS kwh, quality
    FROM arrived a LEFT JOIN usual u ON a.plant = u.plant
""").writeTo("lake.energy.readings").append()
