"""Expands trips to their stops, ranks the stops of each city, then asks where to publish the result."""

import argparse

import botocore.session
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

trips = spark.read.json(args.source_path)
stops = trips.withColumn("stop", F.explode(F.expr("sequence(1, int(stops))")))
stops = stops.withColumn("stop_id", F.sha2(F.concat_ws("/", "trip_id", "stop"), 256))
ranked = stops.withColumn("place", F.row_number().over(Window.partitionBy("account").orderBy("stop_id")))
longest = ranked.groupBy("account").agg(F.max("place").alias("stops")).collect()
print(f"{len(longest)} accounts, the busiest has {max(row.stops for row in longest)} stops")

ssm = botocore.session.get_session().create_client("ssm")
limit = int(len(ssm.get_parameter(Name="/mobility/publish")["Parameter"]["Value"])) + 30
trips.selectExpr(
    "trip_id", "city", "trip_date", f"int(least(stops, {limit})) stops", "cast(fare as decimal(10,2)) fare", "rating"
).writeTo("lake.mobility.trips").append()
