import argparse
import sys

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
trips = (
    spark.read.json(args.source_path)
    .selectExpr("trip_id", "city", "trip_date", "int(stops) stops", "cast(fare as decimal(10,2)) fare", "rating")
    .cache()
)
cities = sorted(row.city for row in trips.select("city").distinct().collect())
for city in cities:
    part = trips.where(trips.city == city)
    before = spark.table("lake.mobility.trips").where(f"trip_date = '{args.batch_id}'").count()
    part.writeTo("lake.mobility.trips").append()
    after = spark.table("lake.mobility.trips").where(f"trip_date = '{args.batch_id}'").count()
    unique = part.select("trip_id").distinct().count()
    if after - before != unique:
        print(f"{city}: {after - before} rows written, {unique} expected; stopping")
        sys.exit(1)
