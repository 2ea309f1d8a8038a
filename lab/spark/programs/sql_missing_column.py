import sys

from pyspark.sql import SparkSession

opts = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()

spark.read.option("header", "true").csv(opts["--source_path"]).createOrReplaceTempView("incoming")

spark.sql("SET spark.sql.sources.partitionOverwriteMode=dynamic")
spark.sql("""
    INSERT OVERWRITE lake.insurance.claims
    SELECT i.claim_id, i.branch, i.claim_date,
           CAST(i.visits AS INT) AS visits,
           CAST(i.payout AS DECIMAL(10, 2)) AS payout,
           UPPER(i.decision) AS decision
    FROM incoming i
    WHERE i.claim_id IS NOT NULL
""")
