from argparse import ArgumentParser
from decimal import Decimal

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf
from pyspark.sql.types import DecimalType


@udf(DecimalType(10, 2))
def to_fare(text):
    return Decimal(text)


def main():
    parser = ArgumentParser()
    parser.add_argument("--source_path")
    parser.add_argument("--batch_id")
    args, _ = parser.parse_known_args()
    spark = SparkSession.builder.getOrCreate()
    trips = spark.read.json(args.source_path)
    (
        trips.withColumn("fare", to_fare(col("fare")))
        .withColumn("stops", col("stops").cast("int"))
        .select("trip_id", "city", "trip_date", "stops", "fare", "rating")
        .writeTo("lake.mobility.trips")
        .overwritePartitions()
    )


if __name__ == "__main__":
    main()
