"""Looks the partitions up in the catalog to see which days are closed."""

import sys

import botocore.session
from pyspark.sql import SparkSession

args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()

glue = botocore.session.get_session().create_client("glue")
closed = glue.get_partitions(DatabaseName="energy", TableName="readings_closed").get("Partitions", [])
print(len(closed), "days are closed")
df = spark.read.json(args["--source_path"])
df.selectExpr(
    "reading_id", "plant", "reading_date", "int(samples) samples", "cast(kwh as decimal(10,2)) kwh", "quality"
).writeTo("lake.energy.readings").overwritePartitions()
