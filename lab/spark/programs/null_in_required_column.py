import argparse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser(description="payments settlement")
parser.add_argument("--source_path")
parser.add_argument("--batch_id")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

payments = (
    spark.read.json(args.source_path)
    .withColumn("instalments", F.col("instalments").cast("int"))
    .withColumn("value_eur", F.col("value_eur").cast("decimal(10,2)"))
    .select("payment_id", "country", "booked_on", "instalments", "value_eur", "outcome")
)
payments.createOrReplaceTempView("p")
# The key is required in the table; the settlement system promised it is always there.
spark.sql(
    """
  INSERT INTO lake.finance.payments
  SELECT assert_not_null(payment_id) AS payment_id, country, booked_on, instalments, value_eur, outcome FROM p
""".replace(
        "assert_not_null(payment_id)",
        "IF(payment_id IS NULL, CAST(raise_error(CONCAT('null payment_id in ', country)) AS STRING), payment_id)",
    )
)
