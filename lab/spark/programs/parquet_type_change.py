"""Shipments arrive as Parquet from the warehouse system; the schema is fixed on our side."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql.types import DecimalType, IntegerType, StringType, StructField, StructType

SCHEMA = StructType(
    [
        StructField("shipment_id", StringType()),
        StructField("depot", StringType()),
        StructField("ship_date", StringType()),
        StructField("parcels", IntegerType()),
        StructField("weight", DecimalType(10, 2)),
        StructField("state", StringType()),
    ]
)

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

shipments = spark.read.schema(SCHEMA).parquet(args.source_path)
shipments = shipments.dropDuplicates(["shipment_id"])
shipments.writeTo("lake.logistics.shipments").append()
