import sys
from pyspark.sql import SparkSession

conf = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
spark.sql(f"""
  CREATE OR REPLACE TEMPORARY VIEW export (payment_id string, country string, booked_on string, instalments int,
    value_eur decimal(10,2), outcome string, updated_at string)
  USING csv OPTIONS (path '{conf["--source_path"]}', header 'true')
""")
spark.sql("SET spark.sql.sources.partitionOverwriteMode=dynamic")
spark.sql(
    "INSERT OVERWRITE lake.finance.payments "
    "SELECT payment_id, country, booked_on, instalments, value_eur, outcome FROM export"
)
