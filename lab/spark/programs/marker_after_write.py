"""Loads the day and notes it in the watermark table, which downstream jobs poll."""

import argparse

import botocore.session
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

ap = argparse.ArgumentParser()
ap.add_argument("--batch_id")
ap.add_argument("--source_path")
args, _ = ap.parse_known_args()
spark = SparkSession.builder.getOrCreate()

readings = spark.read.json(args.source_path).select(
    "reading_id",
    "plant",
    "reading_date",
    F.col("samples").cast("int").alias("samples"),
    F.col("kwh").cast("decimal(10,2)").alias("kwh"),
    "quality",
)
readings.writeTo("lake.energy.readings").overwritePartitions()

dynamodb = botocore.session.get_session().create_client("dynamodb")
dynamodb.put_item(
    TableName="watermarks",
    Item={"dataset": {"S": "energy.readings"}, "watermark": {"S": args.batch_id}},
)
