"""Asks the holiday calendar before the shipments are loaded."""

import argparse
import json
from urllib.request import urlopen

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--calendar_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
holidays = json.load(urlopen(f"{args.calendar_url}?day={args.batch_id}", timeout=10))["holidays"]
print("holidays:", holidays)
df = spark.read.json(args.source_path)
df.selectExpr(
    "shipment_id", "depot", "ship_date", "int(parcels) parcels", "cast(weight as decimal(10,2)) weight", "state"
).writeTo("lake.logistics.shipments").append()
