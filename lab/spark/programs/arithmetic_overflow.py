"""Daily totals a team: effort in seconds as an INT, as the dashboard wants it."""

import sys
from pyspark.sql import SparkSession

args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.config("spark.sql.ansi.enabled", "true").getOrCreate()
spark.read.json(args["--source_path"]).createOrReplaceTempView("tickets_in")
totals = spark.sql("""
    SELECT ticket_id, team, opened_on, CAST(replies AS INT) * 3600 * 24 AS replies,
           CAST(effort AS DECIMAL(10,2)) AS effort, priority
    FROM tickets_in
""")
totals.writeTo("lake.service.tickets").append()
