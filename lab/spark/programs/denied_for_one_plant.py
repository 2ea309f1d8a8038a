"""Each plant's calibration is a secret of its own."""

import argparse

import botocore.session
from pyspark.sql import SparkSession
from pyspark.sql.functions import col

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
secrets = botocore.session.get_session().create_client("secretsmanager")

readings = spark.read.json(args.source_path)
for (plant,) in sorted(readings.select("plant").distinct().collect()):
    secrets.get_secret_value(SecretId=f"calibration/{plant}")
    (
        readings.filter(col("plant") == plant)
        .selectExpr(
            "reading_id", "plant", "reading_date", "int(samples) samples", "cast(kwh as decimal(10,2)) kwh", "quality"
        )
        .writeTo("lake.energy.readings")
        .append()
    )
    print("loaded", plant)
