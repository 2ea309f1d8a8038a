import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--target_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("t")
spark.sql(
    "SELECT ticket_id, CAST(effort AS DOUBLE) / (replies DIV 60) AS effort, replies, priority, team, opened_on FROM t"
).write.mode("append").partitionBy("team", "opened_on").parquet(args.target_path)
