"""Claims export of the branch system, semicolons were replaced by commas in 2024."""

import sys

from pyspark.sql import SparkSession

params = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
claims = (
    spark.read.format("csv")
    .option("header", "true")
    .option("mode", "FAILFAST")
    .schema(
        "claim_id string, branch string, claim_date string, visits int, payout decimal(10,2), decision string, updated_at string"
    )
    .load(params["--source_path"])
)
summary = claims.groupBy("branch").count().collect()
for row in summary:
    print(row["branch"], row["count"])
claims.drop("updated_at").writeTo("lake.insurance.claims").append()
