"""Tunes the Hadoop side before it reads."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark._jsc.hadoopConfiguration().setInteger("fs.s3.maxConnections", 200)
tickets = spark.read.json(args.source_path)
tickets.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").append()
