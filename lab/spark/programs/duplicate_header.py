import sys

from pyspark.sql import SparkSession

opts = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
raw = spark.read.json(opts["--source_path"])
raw = raw.withColumnRenamed("updated_at", "loaded_at")
trips = raw.selectExpr(
    "trip_id", "city", "trip_date", "int(stops) as stops", "cast(fare as decimal(10,2)) as fare", "rating"
)
print(trips.groupBy("rating").count().toPandas() if opts.get("--show") else "loading")
trips.writeTo("lake.mobility.trips").append()
