"""A service that the job needs did not answer for a while: throttled, unavailable, unreachable."""

from lab.spark.recorded.plans import noise
from lab.spark.recorded.program import Feed, Program, Table, Variant
from lab.spark.recorded.services import Fault

_OVERWRITE = ((".append()", ".overwritePartitions()"),)
_APPEND = ((".overwritePartitions()", ".append()"),)
_REPLACE = (Table(write_mode="overwrite_partitions"),)


def aws(target: str, code: str, message: str, status: int = 400, after: int = 0) -> Fault:
    """Answer an AWS JSON call with an error."""
    return Fault(on=target, status=status, body=f'{{"__type":"{code}","message":"{message}"}}', after=after)


def _s3(code: str, message: str, status: int) -> Fault:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>"
    return Fault(on="GET /.*prefix", status=status, kind="application/xml", body=body)


_THROTTLED = aws("GetParameter", "ThrottlingException", "Rate exceeded")
_GATEWAY = Fault(on="GET /api", status=503, body="upstream connect error or disconnect/reset before headers")
_DOWN = "no healthy upstream"

PROGRAMS = [
    Program(
        name="throttled_parameter",
        category="UNKNOWN",
        clears=True,
        domain="payments",
        why="The parameter store throttled the job's first call; nothing had been read or written.",
        faults=(_THROTTLED,),
        variants=(
            Variant(),
            Variant(domain="orders", glue="4.0", deployed="", good=2),
            Variant(domain="readings", edits=_OVERWRITE, write_mode="overwrite_partitions", earlier=True),
            Variant(
                domain="claims",
                faults=(aws("GetParameter", "InternalServerError", "", 500),),
                note="The service answered with an internal error.",
            ),
            Variant(domain="tickets", edits=noise.CHECKPOINT, note="It survived other troubles before."),
        ),
    ),
    Program(
        name="rates_api_unavailable",
        category="UNKNOWN",
        clears=True,
        why="The rates service was unavailable before the batch was read.",
        tables=_REPLACE,
        arguments=("--rates_url", "{rates}"),
        faults=(_GATEWAY,),
        variants=(
            Variant(),
            Variant(
                domain="tickets",
                glue="4.0",
                faults=(Fault(on="GET /api", how="reset"),),
                note="It reset the connection.",
            ),
            Variant(domain="trips", deployed="", faults=(Fault(on="GET /api", how="hang"),), note="It did not answer."),
            Variant(
                domain="payments",
                faults=(Fault(on="GET /api", status=429, body="slow down"),),
                note="It answered 429 Too Many Requests.",
            ),
            Variant(domain="shipments", edits=noise.WARM_UP, note="It survived other troubles before."),
        ),
    ),
    Program(
        name="lookup_in_tasks",
        master="local[2,1]",
        category="UNKNOWN",
        clears=True,
        domain="trips",
        why="The tariff service failed inside the tasks while they wrote; Iceberg committed nothing.",
        arguments=("--tariff_url", "{rates}"),
        faults=(Fault(on="GET /api", how="hang"),),
        variants=(
            Variant(),
            Variant(domain="shipments", glue="4.0", faults=(Fault(on="GET /api", how="reset"),)),
            Variant(
                domain="orders",
                edits=_OVERWRITE,
                write_mode="overwrite_partitions",
                faults=(Fault(on="GET /api", status=503, body=_DOWN),),
            ),
        ),
    ),
    Program(
        name="marker_after_write",
        category="UNKNOWN",
        clears=True,
        domain="readings",
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The watermark's table was throttled after the batch had been written whole.",
        tables=_REPLACE,
        faults=(
            aws(
                "PutItem",
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
        ),
        variants=(
            Variant(),
            Variant(domain="claims", glue="4.0", good=2),
            Variant(domain="trips", edits=_APPEND, write_mode="append", note="The job appends."),
            Variant(
                domain="orders", edits=_APPEND, write_mode="append", glue="4.0", deployed="", note="The job appends."
            ),
        ),
    ),
    Program(
        name="one_overwrite_per_shop",
        category="UNKNOWN",
        clears=True,
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The price service failed after some partitions had been overwritten, each in a commit of its own.",
        tables=(Table(write_mode="overwrite_partitions", commits="many"),),
        arguments=("--prices_url", "{rates}"),
        faults=(Fault(on="GET /api", how="reset", after=2),),
        variants=(
            Variant(),
            Variant(domain="payments", glue="4.0", faults=(Fault(on="GET /api", status=503, body=_DOWN, after=1),)),
            Variant(domain="readings", good=2, faults=(Fault(on="GET /api", how="hang", after=2),)),
            Variant(domain="claims", edits=_APPEND, write_mode="append", note="The job appends."),
            Variant(domain="tickets", edits=noise.METRICS, note="It survived other troubles before."),
        ),
    ),
    Program(
        name="one_append_per_branch",
        category="UNKNOWN",
        clears=True,
        domain="claims",
        why="The secrets service failed after some groups had been appended, each in a commit of its own.",
        feed=Feed(format="csv"),
        tables=(Table(commits="many"),),
        faults=(aws("GetSecretValue", "InternalServiceError", "An error occurred on the server side.", 500, after=2),),
        variants=(
            Variant(),
            Variant(
                domain="tickets",
                glue="4.0",
                faults=(aws("GetSecretValue", "ThrottlingException", "Rate exceeded", after=1),),
            ),
            Variant(
                domain="shipments",
                faults=(aws("GetSecretValue", "ThrottlingException", "Rate exceeded"),),
                note="It failed before the first group.",
            ),
        ),
    ),
    Program(
        name="name_not_resolved",
        category="UNKNOWN",
        clears=True,
        domain="shipments",
        why="The calendar's host name could not be resolved for a while; the same address had worked the day before.",
        arguments=("--calendar_url", "{rates}"),
        broken_arguments=("--calendar_url", "{gone}"),
        variants=(
            Variant(),
            Variant(domain="readings", glue="4.0"),
            Variant(
                domain="orders", broken_arguments=("--calendar_url", "{refused}"), note="Here it refused connections."
            ),
            Variant(
                domain="claims",
                glue="4.0",
                deployed="",
                broken_arguments=("--calendar_url", "{refused}"),
                note="Here it refused connections.",
            ),
        ),
    ),
    Program(
        name="s3_slow_down_lookup",
        category="UNKNOWN",
        clears=True,
        domain="tickets",
        acceptable=("SMALL_FILE_PRESSURE",),
        why="S3 answered SlowDown to one listing; the job's own input is a handful of files.",
        tables=_REPLACE,
        arguments=("--bucket", "{bucket}"),
        faults=(_s3("SlowDown", "Please reduce your request rate.", 503),),
        variants=(
            Variant(),
            Variant(
                domain="payments",
                glue="4.0",
                faults=(_s3("InternalError", "We encountered an internal error. Please try again.", 500),),
            ),
        ),
    ),
    Program(
        name="remote_source_resets",
        master="local[2,1]",
        category="UNKNOWN",
        clears=True,
        domain="payments",
        acceptable=("SOURCE_DELAY",),
        why="The partner's namenode reset connections for a while; nothing was committed.",
        source="{hdfs}/{relative}/",
        faults=(Fault(on="op=OPEN", how="reset"),),
        variants=(Variant(), Variant(domain="trips", glue="4.0")),
    ),
    Program(
        name="catalog_unavailable",
        category="UNKNOWN",
        clears=True,
        domain="trips",
        why="The catalog was unavailable when the table was to be loaded; nothing was written.",
        catalog="rest",
        faults=(
            Fault(
                on="GET /iceberg/.*tables",
                status=503,
                body='{"error":{"message":"Service temporarily unavailable","type":"ServiceUnavailable","code":503}}',
            ),
        ),
        variants=(
            Variant(),
            Variant(
                domain="claims",
                glue="4.0",
                faults=(
                    Fault(
                        on="GET /iceberg/.*tables",
                        status=429,
                        body='{"error":{"message":"Rate exceeded","type":"ThrottlingException","code":429}}',
                    ),
                ),
            ),
            Variant(
                domain="orders",
                edits=_OVERWRITE,
                write_mode="overwrite_partitions",
                faults=(Fault(on="GET /iceberg/.*tables", how="reset"),),
            ),
        ),
    ),
    Program(
        name="gave_up_after_retries",
        category="UNKNOWN",
        clears=True,
        domain="claims",
        why="The scoring service answered 504 to all of the job's own retries.",
        arguments=("--scores_url", "{rates}"),
        faults=(Fault(on="GET /api", status=504, body="Gateway Timeout"),),
        variants=(Variant(), Variant(domain="shipments", glue="4.0", good=2), Variant(domain="readings", deployed="")),
    ),
    Program(
        name="merge_then_notify",
        category="UNKNOWN",
        clears=True,
        domain="tickets",
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The call after a MERGE by key was throttled.",
        tables=(Table(write_mode="merge", keys=("ticket_id",), partitions="day"),),
        faults=(aws("StartExecution", "ThrottlingException", "Rate exceeded"),),
        variants=(Variant(good=2), Variant(domain="payments", glue="4.0", good=2)),
    ),
    Program(
        name="lookup_file_download",
        category="UNKNOWN",
        clears=True,
        why="The server of a lookup file answered 503 before anything was read.",
        tables=(Table(format="parquet", partitions="group"),),
        arguments=("--lookup_url", "{rates}"),
        faults=(Fault(on="GET /api", status=503, body=_DOWN),),
        variants=(Variant(), Variant(domain="readings", glue="4.0", deployed="")),
    ),
    Program(
        name="glue_api_throttled",
        category="UNKNOWN",
        clears=True,
        domain="readings",
        why="The catalog's API throttled a look-up before the batch was read.",
        tables=_REPLACE,
        faults=(aws("GetPartitions", "ThrottlingException", "Rate exceeded"),),
        variants=(
            Variant(),
            Variant(domain="claims", glue="4.0", deployed="other"),
            Variant(
                domain="trips",
                edits=noise.TAGS,
                faults=(noise.TAGS_DENIED, aws("GetPartitions", "ThrottlingException", "Rate exceeded")),
                note="It survived other troubles before.",
            ),
        ),
    ),
]
