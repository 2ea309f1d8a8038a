import argparse

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()
secrets = botocore.session.get_session().create_client("secretsmanager")

claims = spark.read.option("header", "true").csv(args.source_path)
claims.createOrReplaceTempView("claims_in")
branches = [r.branch for r in spark.sql("SELECT DISTINCT branch FROM claims_in ORDER BY branch").collect()]
for branch in branches:
    # Every branch has its own pseudonym key.
    secrets.get_secret_value(SecretId=f"pseudonyms/{branch}")
    spark.sql(f"""
        INSERT INTO lake.insurance.claims
        SELECT claim_id, branch, claim_date, INT(visits), CAST(payout AS DECIMAL(10,2)), decision
        FROM claims_in WHERE branch = '{branch}'
    """)
