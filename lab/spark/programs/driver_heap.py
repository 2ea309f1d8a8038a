import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
claims = spark.read.json(args.source_path)
pairs = claims.alias("a").crossJoin(claims.alias("b")).crossJoin(claims.select("branch").alias("c"))
everything = pairs.toDF(*[f"c{i}" for i in range(len(pairs.columns))]).collect()
print(f"{len(everything)} combinations")
claims.selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
