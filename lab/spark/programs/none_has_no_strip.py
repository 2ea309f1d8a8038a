import argparse
import re

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
from pyspark.sql.types import StringType

PATTERN = re.compile(r"^[a-z]+$")


@udf(StringType())
def clean(priority):
    found = re.match(r"^(low|high)$", priority)
    return found.group(1).strip()


parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
tickets = spark.read.json(args.source_path)
tickets = tickets.withColumn("priority", clean("priority"))
tickets.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").overwritePartitions()
