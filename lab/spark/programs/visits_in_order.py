"""Numbers all visits of the day in one order, each branch's with those of the others."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("arrived")
spark.sql("""
    SELECT claim_id, branch, claim_date, visit, payout, decision,
           sha2(concat(claim_id, '/', visit), 256) AS visit_id
    FROM (SELECT *, explode(sequence(1, visits * 2000)) AS visit FROM arrived)
""").createOrReplaceTempView("visits")
ordered = spark.sql("""
    SELECT visit_id AS claim_id, branch, claim_date,
           INT(row_number() OVER (PARTITION BY pmod(hash(visit_id), 12) ORDER BY visit_id)) AS visits,
           CAST(payout AS DECIMAL(10,2)) AS payout, decision
    FROM visits
""")
ordered.writeTo("lake.insurance.claims").append()
