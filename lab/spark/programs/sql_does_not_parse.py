"""The month's close needs the rows of one day once only."""

import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
spark.read.json(args.source_path).createOrReplaceTempView("claims_raw")
QUERY = """
SELECT claim_id, branch, claim_date, INT(visits) AS visits, CAST(payout AS DECIMAL(10,2)) AS payout, decision
FROM claims_raw QUALIFY row_number() OVER (PARTITION BY claim_id ORDER BY updated_at DESC) = 1
"""
spark.sql(QUERY).writeTo("lake.insurance.claims").append()
