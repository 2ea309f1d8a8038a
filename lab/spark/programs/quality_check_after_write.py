"""Loads the tickets, then checks what was loaded."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
tickets = spark.read.json(args.source_path).select(
    "ticket_id", "team", "opened_on", col("replies").cast("int"), col("effort").cast("decimal(10,2)"), "priority"
)
tickets.writeTo("lake.service.tickets").append()

loaded = spark.table("lake.service.tickets").filter(col("opened_on") == args.batch_id)
total, empty = loaded.count(), loaded.filter(col("priority").isNull()).count()
if empty > 0.02 * total:
    raise ValueError(f"data quality: completeness of priority is {1 - empty / total:.3f}, at least 0.980 required")
