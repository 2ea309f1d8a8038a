import sys

from pyspark.sql import SparkSession

a = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
spark.read.option("header", "true").csv(a["--source_path"]).createOrReplaceTempView("csv")
spark.sql("SET spark.sql.sources.partitionOverwriteMode=dynamic")
spark.sql("""
INSERT OVERWRITE lake.mobility.trips
SELECT trip_id, city, trip_date, INT(stops), TRY_TO_DECIMAL(fare, 10, 2), rating FROM csv
""")
