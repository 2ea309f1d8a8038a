"""Ships a lookup file to the executors with addFile."""

import argparse
import json

from pyspark import SparkFiles
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--lookup_url")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.addFile(f"{args.lookup_url}/rates.json")
factor = json.load(open(SparkFiles.get("rates.json")))["rates"]["EUR"]
orders = spark.read.json(args.source_path)
orders = orders.selectExpr(
    "order_id",
    "shop",
    "order_date",
    "int(quantity) quantity",
    f"cast(amount * {factor} as decimal(10,2)) amount",
    "status",
)
orders.write.mode("append").partitionBy("order_date", "shop").parquet(args.target_path)
