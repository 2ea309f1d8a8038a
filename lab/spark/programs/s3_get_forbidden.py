import argparse
import io
import csv

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--bucket")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

s3 = botocore.session.get_session().create_client("s3")
head = s3.head_object(Bucket=args.bucket, Key="reference/depots.csv") if "--check" in _ else None
body = s3.get_object(Bucket=args.bucket, Key="reference/depots.csv")["Body"].read().decode()
depots = [row for row in csv.reader(io.StringIO(body)) if row]
print(f"{len(depots)} depots")
shipments = spark.read.json(args.source_path)
shipments.selectExpr(
    "shipment_id", "depot", "ship_date", "int(parcels) parcels", "cast(weight as decimal(10,2)) weight", "state"
).writeTo("lake.logistics.shipments").overwritePartitions()
