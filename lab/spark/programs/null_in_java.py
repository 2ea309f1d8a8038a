"""Notes the batch in the session's listener bus by its Java API."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--run_label")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
label = spark._jvm.java.util.Objects.requireNonNull(args.run_label)
spark.sparkContext.setJobGroup(args.batch_id, str(label))
t = spark.read.json(args.source_path)
t.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").overwritePartitions()
