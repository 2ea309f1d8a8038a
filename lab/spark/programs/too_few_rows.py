import argparse
import sys

from pyspark.sql import SparkSession

MINIMUM = 25

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
df = spark.read.option("header", "true").csv(args.source_path)
rows = df.count()
if rows < MINIMUM:
    print(f"ERROR: {rows} rows for {args.batch_id}, at least {MINIMUM} expected", file=sys.stderr)
    sys.exit(3)
df.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").append()
