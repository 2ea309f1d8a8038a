"""Joins the tickets with the staff table of the service desk's database."""

import argparse
from pyspark.sql import SparkSession
from pyspark.sql.functions import broadcast

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--staff_db")
parser.add_argument("--db_user")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

staff = (
    spark.read.format("jdbc")
    .option("url", f"jdbc:derby:{args.staff_db}")
    .option("driver", "org.apache.derby.jdbc.EmbeddedDriver")
    .option("dbtable", "DESK.STAFF")
    .option("user", args.db_user)
    .option("password", "desk")
    .load()
)
tickets = spark.read.json(args.source_path).join(broadcast(staff), "team", "left")
tickets.selectExpr(
    "ticket_id", "team", "opened_on", "int(replies) replies", "cast(effort as decimal(10,2)) effort", "priority"
).writeTo("lake.service.tickets").append()
