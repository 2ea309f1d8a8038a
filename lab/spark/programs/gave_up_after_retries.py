"""Calls the scoring service with retries of its own."""

import argparse
import logging
import time
import urllib.error
import urllib.request

from pyspark.sql import SparkSession

logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
parser.add_argument("--scores_url")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()


def call(url, tries=3):
    for attempt in range(1, tries + 1):
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except urllib.error.HTTPError as error:
            logging.warning("scoring service answered %s, attempt %d of %d", error.code, attempt, tries)
            last = error
            time.sleep(0.3 * attempt)
    raise RuntimeError(f"scoring service not available after {tries} attempts") from last


call(f"{args.scores_url}?batch={args.batch_id}")
claims = spark.read.json(args.source_path)
claims.selectExpr(
    "claim_id", "branch", "claim_date", "int(visits) visits", "cast(payout as decimal(10,2)) payout", "decision"
).writeTo("lake.insurance.claims").append()
