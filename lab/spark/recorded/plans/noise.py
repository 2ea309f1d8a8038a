"""Troubles that a program survives before the one that ends it: what is logged of them is real, and no cause."""

from lab.spark.recorded.program import Edits
from lab.spark.recorded.services import Fault

_START = "spark = SparkSession.builder.getOrCreate()\n"


def _after_start(code: str) -> Edits:
    return ((_START, _START + code),)


CHECKPOINT = _after_start("""
try:
    spark.table("lake.ops.last_run").collect()
except Exception as error:
    print(f"WARN no checkpoint of the last run, starting from scratch: {error}")
""")
"""A table that is not there."""
METRICS = _after_start("""
import logging
from urllib.request import urlopen as push

try:
    push("http://127.0.0.1:9/api/metrics", timeout=2)
except OSError:
    logging.exception("could not push the run's start to the metrics gateway, going on")
""")
"""A connection that is refused, with its traceback."""
WARM_UP = _after_start("""
for attempt in (1, 2):
    try:
        spark.sql(f"SELECT assert_true({'true' if attempt > 1 else 'false'}, 'caches are cold')").collect()
    except Exception as error:
        print(f"ERROR warm-up failed at attempt {attempt}, trying again: {type(error).__name__}")
""")
"""A Spark job that fails for good and is run again."""
TAGS = _after_start("""
import botocore.session as tagging

try:
    tagging.get_session().create_client("glue").tag_resource(ResourceArn="arn:aws:glue:job", TagsToAdd={"run": "now"})
except Exception as error:
    print(f"WARNING run is not tagged: {error}")
""")
"""A call that is refused or throttled, by one of the faults below."""
TAGS_DENIED = Fault(
    on="TagResource",
    status=400,
    body='{"__type":"AccessDeniedException","message":"User: arn:aws:sts::123456789012:assumed-role/etl-job/'
    'GlueJobRunnerSession is not authorized to perform: glue:TagResource"}',
)
TAGS_THROTTLED = Fault(on="TagResource", status=400, body='{"__type":"ThrottlingException","message":"Rate exceeded"}')
