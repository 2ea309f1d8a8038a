"""Scores each team's tickets against each other with a function of our own."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


def score(group):
    account, rows = group
    rows = list(rows)
    for row in rows:
        near = sum(abs(float(row.effort) - float(other.effort)) < 5 for other in rows)
        yield (row.ticket_id, row.team, row.opened_on, min(near, 10_000), row.effort, row.priority)


tickets = spark.read.json(args.source_path)
grouped = tickets.rdd.groupBy(lambda row: row.account, 16).flatMap(score)
out = spark.createDataFrame(
    grouped, "ticket_id string, team string, opened_on string, replies int, effort string, priority string"
)
out.withColumn("effort", col("effort").cast("decimal(10,2)")).writeTo("lake.service.tickets").append()
