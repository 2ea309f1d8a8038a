"""Checks the header of each input object before Spark reads them."""

import argparse

import botocore.session
from botocore.config import Config
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--bucket")
parser.add_argument("--prefix")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

path = spark._jvm.org.apache.hadoop.fs.Path(args.source_path)
listed = path.getFileSystem(spark._jsc.hadoopConfiguration()).listStatus(path)
names = [s.getPath().getName() for s in listed]
print(f"{len(names)} objects below {args.source_path}")
s3 = botocore.session.get_session().create_client("s3", config=Config(retries={"max_attempts": 2, "mode": "standard"}))
for at, name in enumerate(names):
    s3.get_object(Bucket=args.bucket, Key=f"{args.prefix}/{name}")
    if at % 100 == 0:
        print(f"{at} of {len(names)} checked")
trips = spark.read.json(args.source_path)
trips.selectExpr(
    "trip_id", "city", "trip_date", "int(stops) stops", "cast(fare as decimal(10,2)) fare", "rating"
).coalesce(4).writeTo("lake.mobility.trips").append()
