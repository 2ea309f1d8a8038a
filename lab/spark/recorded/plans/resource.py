"""Skewed keys, too many small files, too little memory."""

from lab.spark.recorded.domains import Domain, Row
from lab.spark.recorded.plans import breaks
from lab.spark.recorded.process import Kind
from lab.spark.recorded.program import Feed, Program, Variant
from lab.spark.recorded.services import Fault


def _accounts(rows: list[Row], domain: Domain) -> list[Row]:
    """Spread the records over accounts."""
    del domain
    return [row | {"account": f"acc-{at % 23:03d}"} for at, row in enumerate(rows)]


def _hot(count: int) -> breaks.Rows:
    """Add that many records of one account."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        more = [rows[at % len(rows)] | {domain.key: f"H{at:06d}", "account": "acc-000"} for at in range(count)]
        return rows + more

    return change


def _s3(code: str, message: str, after: int) -> Fault:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>7QX1T0Z3B8</RequestId></Error>"
    return Fault(on="GET .*jsonl", status=503, kind="application/xml", body=body, after=after)


PROGRAMS = [
    Program(
        name="basket_pairs",
        category="DATA_SKEW",
        why="One account came with thousands of records; its pairs fill one task's memory and kill its executor, while "
        "all other tasks are small.",
        feed=Feed(good_rows=_accounts, rows=_hot(4500)),
        master="local-cluster[2,1,640]",
        conf={
            "spark.executor.memory": "640m",
            "spark.sql.shuffle.partitions": "12",
            "spark.task.maxFailures": "1",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.autoBroadcastJoinThreshold": "-1",
        },
        acceptable=("UNKNOWN",),
        seconds=280.0,
        variants=(Variant(), Variant(domain="payments", glue="4.0", deployed="other")),
    ),
    Program(
        name="straggler_times_out",
        category="DATA_SKEW",
        domain="tickets",
        acceptable=("UNKNOWN",),
        why="One account came with thousands of records; the task that compares them with each other runs until the "
        "job's timeout, all others ended at once.",
        feed=Feed(good_rows=_accounts, rows=_hot(14_000)),
        timeout=35.0,
        variants=(Variant(), Variant(domain="claims", glue="4.0", good=2)),
    ),
    Program(
        name="result_too_big",
        category="UNKNOWN",
        domain="readings",
        acceptable=("CODE_REGRESSION",),
        why="The batch is larger than usual, and what the script collects no longer fits maxResultSize.",
        feed=Feed(rows=lambda rows, domain: [row for _ in range(12) for row in rows]),
        conf={"spark.driver.maxResultSize": "200k"},
        variants=(Variant(), Variant(domain="payments", glue="4.0", deployed="")),
    ),
    Program(
        name="driver_heap",
        category="UNKNOWN",
        domain="claims",
        acceptable=("CODE_REGRESSION",),
        why="The batch is larger than usual, and what the script collects no longer fits the driver's heap.",
        feed=Feed(rows=lambda rows, domain: [row for _ in range(8) for row in rows], good_rows=breaks.few(20)),
        kind=Kind(memory="512m"),
        conf={"spark.driver.maxResultSize": "0"},
        seconds=200.0,
        variants=(Variant(), Variant(domain="trips", glue="4.0")),
    ),
    Program(
        name="broadcast_too_slow",
        category="UNKNOWN",
        domain="shipments",
        why="The side to be broadcast waits for a slow service; the broadcast timeout ends the job.",
        arguments=("--hours_url", "{rates}"),
        faults=(Fault(on="GET /api", how="hang"),),
        conf={"spark.sql.adaptive.enabled": "false"},
        variants=(Variant(), Variant(domain="orders", glue="4.0", deployed="")),
    ),
    Program(
        name="object_by_object",
        category="SMALL_FILE_PRESSURE",
        domain="trips",
        acceptable=("UNKNOWN",),
        why="The upstream wrote the batch as hundreds of tiny files; S3 answers SlowDown to the requests for each.",
        feed=Feed(files=breaks.scatter(260)),
        per_group=60,
        arguments=("--bucket", "{bucket}", "--prefix", "{relative}"),
        faults=(_s3("SlowDown", "Please reduce your request rate.", 170),),
        variants=(Variant(), Variant(domain="shipments", glue="4.0", deployed="other", history=True)),
    ),
    Program(
        name="one_task_per_tiny_file",
        category="SMALL_FILE_PRESSURE",
        acceptable=("UNKNOWN",),
        why="The upstream wrote the batch as hundreds of tiny files; a task each, their results exceed maxResultSize.",
        feed=Feed(files=breaks.scatter(220)),
        per_group=60,
        conf={"spark.driver.maxResultSize": "50k"},
        variants=(Variant(), Variant(domain="readings", glue="4.0", history=True)),
    ),
    Program(
        name="head_each_object",
        script="object_by_object",
        category="SMALL_FILE_PRESSURE",
        domain="trips",
        acceptable=("UNKNOWN",),
        why="The upstream wrote the batch as hundreds of tiny files; the requests for each take longer than the job's "
        "timeout.",
        feed=Feed(files=breaks.scatter(260)),
        per_group=60,
        arguments=("--bucket", "{bucket}", "--prefix", "{relative}"),
        faults=(Fault(on="GET .*jsonl", how="slow"),),
        timeout=20.0,
        variants=(Variant(domain="payments"), Variant(domain="orders", glue="4.0", history=True)),
    ),
]
