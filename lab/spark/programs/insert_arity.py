import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
for name in ("--JOB_NAME", "--batch_id", "--source_path"):
    parser.add_argument(name)
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

staged = spark.read.option("header", True).option("inferSchema", True).csv(args.source_path)
staged.drop("updated_at").createOrReplaceTempView("staged_payments")
print("columns:", staged.columns)

spark.sql("INSERT INTO lake.finance.payments SELECT * FROM staged_payments")
