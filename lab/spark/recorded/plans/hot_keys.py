"""A few keys hold most of the rows: runs that die of it without a word, and runs that die of something else.

Adaptive execution is off where it would split the hot partition, as it is on Glue before 4.0 and wherever a job asks
for it.
"""

from lab.spark.recorded.domains import Domain, Row
from lab.spark.recorded.plans import breaks
from lab.spark.recorded.plans.services import aws
from lab.spark.recorded.process import Kind
from lab.spark.recorded.program import Feed, Program, Table, Variant
from lab.spark.recorded.services import Fault

_NOT_ADAPTIVE = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.shuffle.partitions": "20",
}
_TWO_EXECUTORS = "local-cluster[2,1,700]"
_SMALL_EXECUTORS = _NOT_ADAPTIVE | {"spark.executor.memory": "640m", "spark.task.maxFailures": "1"}
_OVERWRITE = ((".append()", ".overwritePartitions()"),)


def _over(accounts: int) -> breaks.Rows:
    """Spread the records over so many accounts."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        del domain
        return [row | {"account": f"acc-{at % accounts:03d}"} for at, row in enumerate(rows)]

    return change


def _hot(count: int, number: int = 0, *, one_group: bool = False) -> breaks.Rows:
    """Add so many records of one account, at different minutes; ``number`` of the counted things in each."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        added = []
        for at in range(count):
            like = rows[at % len(rows)]
            new = like | {domain.key: f"H{at:06d}"} | ({"account": "acc-000"} if "account" in like else {})
            new["updated_at"] = f"{like[domain.day]}T{at // 3600 % 24:02d}:{at // 60 % 60:02d}:{at % 60:02d}Z"
            if number:
                new[domain.number] = number
            if one_group:
                new[domain.group] = domain.groups[0]
            added.append(new)
        return rows + added

    return change


def _more(times: int) -> breaks.Rows:
    """Send so many times the records, all accounts alike."""

    def change(rows: list[Row], domain: Domain) -> list[Row]:
        return [row | {domain.key: f"{row[domain.key]}{at:03d}"} for at in range(times) for row in rows]

    return change


PROGRAMS = [
    Program(
        name="calls_close_in_time",
        category="DATA_SKEW",
        domain="tickets",
        acceptable=("UNKNOWN",),
        why="One account came with thousands of records; the task that joins them with each other runs until the job's "
        "timeout, all others ended at once.",
        feed=Feed(good_rows=_over(23), rows=_hot(30_000)),
        conf=_NOT_ADAPTIVE,
        timeout=45.0,
        variants=(
            Variant(),
            Variant(domain="trips", glue="4.0", good=2, deployed="other", history=True),
            Variant(domain="shipments", edits=_OVERWRITE, write_mode="overwrite_partitions", deployed=""),
        ),
    ),
    Program(
        name="rolling_median",
        category="DATA_SKEW",
        domain="readings",
        acceptable=("UNKNOWN",),
        why="One account came with thousands of records; the task of its window runs until the job's timeout.",
        feed=Feed(good_rows=_over(19), rows=_hot(120_000)),
        conf=_NOT_ADAPTIVE,
        timeout=45.0,
        variants=(Variant(), Variant(domain="claims", glue="4.0", deployed="other")),
    ),
    Program(
        name="parcel_rows",
        category="DATA_SKEW",
        domain="shipments",
        acceptable=("UNKNOWN",),
        why="Nearly all rows of the batch belong to one partition of the table; the one task that sorts and writes "
        "them runs until the job's timeout.",
        feed=Feed(rows=_hot(200, 1000, one_group=True)),
        conf=_NOT_ADAPTIVE,
        timeout=60.0,
        seconds=200.0,
        variants=(
            Variant(),
            Variant(domain="orders", glue="4.0", edits=_OVERWRITE, write_mode="overwrite_partitions", good=2),
        ),
    ),
    Program(
        name="statements_by_account",
        category="DATA_SKEW",
        domain="payments",
        acceptable=("UNKNOWN",),
        why="One account came with millions of lines; the task that collects them spills, then runs out of memory, "
        "while all other tasks are small.",
        feed=Feed(good_rows=_over(29), rows=_hot(100, 60_000)),
        master=_TWO_EXECUTORS,
        conf=_SMALL_EXECUTORS,
        seconds=280.0,
        variants=(Variant(), Variant(domain="tickets", glue="4.0", deployed="other")),
    ),
    Program(
        name="statements_of_all",
        category="UNKNOWN",
        domain="orders",
        acceptable=("CODE_REGRESSION",),
        why="The batch is a hundred times larger than usual, all its accounts alike; every task spills, and the memory "
        "of the executors is not enough for any.",
        feed=Feed(good_rows=_over(96), rows=_more(150)),
        master=_TWO_EXECUTORS,
        conf=_SMALL_EXECUTORS | {"spark.sql.shuffle.partitions": "10", "spark.executor.memory": "512m"},
        seconds=280.0,
        variants=(Variant(), Variant(domain="readings", glue="4.0", deployed="")),
    ),
    Program(
        name="visits_in_order",
        category="UNKNOWN",
        domain="claims",
        why="The batch is six times larger than usual, all its partitions alike; the job's timeout ends it while it "
        "sorts them.",
        feed=Feed(rows=_more(6)),
        kind=Kind(memory="512m"),
        conf=_NOT_ADAPTIVE | {"spark.sql.shuffle.partitions": "12"},
        timeout=55.0,
        seconds=200.0,
        variants=(Variant(), Variant(domain="trips", glue="4.0", deployed="other")),
    ),
    Program(
        name="stops_ranked",
        category="PERMISSION_ERROR",
        domain="trips",
        why="One account holds nearly all rows and its task spills, but ends; then the job's role may not read a "
        "parameter.",
        feed=Feed(good_rows=_over(23), rows=_hot(80, 60_000)),
        conf=_NOT_ADAPTIVE,
        faults=(
            aws(
                "GetParameter",
                "AccessDeniedException",
                "User: arn:aws:sts::123456789012:assumed-role/etl-job/GlueJobRunnerSession is not authorized to "
                "perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/mobility/publish "
                "because no identity-based policy allows the ssm:GetParameter action",
            ),
        ),
        seconds=200.0,
        variants=(Variant(), Variant(domain="payments", glue="4.0", deployed="other")),
    ),
    Program(
        name="accounts_ranked",
        category="CODE_REGRESSION",
        domain="orders",
        acceptable=("UNKNOWN",),
        why="One account holds nearly all rows and its task spills, but ends; then the deployed version lacks an entry "
        "of its table of prices.",
        feed=Feed(good_rows=_over(23), rows=_hot(80, 60_000)),
        conf=_NOT_ADAPTIVE,
        before=(('Decimal("4.20")}', 'Decimal("4.20"), "oslo": Decimal("5.10")}'),),
        seconds=200.0,
        variants=(Variant(deployed="script"), Variant(domain="readings", glue="4.0", deployed="script")),
    ),
    Program(
        name="waits_for_limits",
        category="UNKNOWN",
        domain="claims",
        why="The driver waits for a service that never answers, until the job's timeout.",
        feed=Feed(good_rows=_over(23)),
        arguments=("--limits_url", "{rates}"),
        faults=(Fault(on="GET /api", how="stall"),),
        conf={"spark.sql.shuffle.partitions": "16"},
        timeout=35.0,
        variants=(Variant(), Variant(domain="orders", glue="4.0", deployed="other", history=True)),
    ),
    Program(
        name="asks_once_a_partition",
        category="UNKNOWN",
        domain="payments",
        why="One task waits for a service that never answers it, until the job's timeout; it has no more rows than the "
        "others, which ended at once.",
        arguments=("--rates_url", "{rates}"),
        faults=(Fault(on="GET /api/rates.part=11 ", how="stall"),),
        tables=(Table(write_mode="overwrite_partitions"),),
        per_group=120,
        timeout=40.0,
        variants=(Variant(edits=_OVERWRITE), Variant(domain="tickets", glue="4.0", edits=_OVERWRITE)),
    ),
]
