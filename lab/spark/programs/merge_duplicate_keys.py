import argparse
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--source_path")
parser.add_argument("--batch_id")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("changes")
spark.sql("""
MERGE INTO lake.finance.payments t
USING (SELECT payment_id, country, booked_on, CAST(instalments AS INT) AS instalments,
              CAST(value_eur AS DECIMAL(10,2)) AS value_eur, outcome FROM changes) s
ON t.payment_id = s.payment_id
WHEN MATCHED THEN UPDATE SET t.outcome = s.outcome, t.value_eur = s.value_eur
WHEN NOT MATCHED THEN INSERT *
""")
