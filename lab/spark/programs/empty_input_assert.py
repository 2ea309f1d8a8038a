import argparse
import logging

from pyspark.sql import SparkSession

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
log = logging.getLogger("claims_ingest")

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

claims = spark.read.schema(
    "claim_id string, branch string, claim_date string, visits int, payout string, decision string"
).json(args.source_path)
found = claims.count()
log.info("read %d records of batch %s", found, args.batch_id)
if found == 0:
    raise RuntimeError(f"no input: {args.source_path} holds no records yet")
claims.selectExpr(
    "claim_id", "branch", "claim_date", "visits", "cast(payout as decimal(10,2)) as payout", "decision"
).writeTo("lake.insurance.claims").append()
