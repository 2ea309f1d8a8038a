"""Counts, for each ticket, the tickets of the same account whose ids are close: repeated calls about one trouble."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

tickets = spark.read.json(args.source_path)
others = tickets.select("account", F.col("ticket_id").alias("other_id"), F.col("updated_at").alias("other_at"))
near = tickets.join(others, "account").where(
    (F.levenshtein("ticket_id", "other_id") < 4) & (F.levenshtein("updated_at", "other_at") < 9)
)
out = near.groupBy("ticket_id", "team", "opened_on", "effort", "priority").agg(F.count("*").alias("replies"))
out.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").append()
