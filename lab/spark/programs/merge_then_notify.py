"""Upserts the day's tickets by their key, then tells the queue."""

import argparse
import json

import botocore.session
from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--batch_id")
parser.add_argument("--source_path")
args, _ = parser.parse_known_args()
spark = SparkSession.builder.getOrCreate()

spark.read.json(args.source_path).createOrReplaceTempView("changes")
spark.sql("""
    MERGE INTO lake.service.tickets t
    USING (SELECT ticket_id, team, opened_on, INT(replies) AS replies, CAST(effort AS DECIMAL(10,2)) AS effort, priority
           FROM changes) s
    ON t.ticket_id = s.ticket_id
    WHEN MATCHED THEN UPDATE SET *
    WHEN NOT MATCHED THEN INSERT *
""")
events = botocore.session.get_session().create_client("stepfunctions")
events.start_execution(
    stateMachineArn="arn:aws:states:eu-west-1:123456789012:stateMachine:refresh",
    input=json.dumps({"batch": args.batch_id}),
)
