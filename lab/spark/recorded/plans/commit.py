"""What happened at, between and after commits."""

from lab.spark.recorded.plans import breaks
from lab.spark.recorded.plans.services import aws
from lab.spark.recorded.program import Feed, Program, Table, Variant
from lab.spark.recorded.services import Fault

_REPLACE = (Table(write_mode="overwrite_partitions"),)
_OVERWRITE = ((".append()", ".overwritePartitions()"),)
_GATEWAY = '{"error":{"message":"Gateway timeout","type":"InternalServerError","code":504}}'
_UNAVAILABLE = '{"error":{"message":"Service is unavailable","type":"ServiceUnavailableException","code":503}}'


def _theirs(table: str, group: str, status: str) -> str:
    # Statements of a lab's own tables, from constants of this file.
    return f"INSERT INTO lake.{table} VALUES ('X1', '{group}', '{{batch}}', 1, CAST(2 AS DECIMAL(10,2)), '{status}')"  # noqa: S608


def _commit(how: str, status: int, body: str = _GATEWAY) -> Fault:
    return Fault(on="POST /iceberg/.*tables/", how=how, status=status, body=body)


PROGRAMS = [
    Program(
        name="validated_overwrite",
        category="PARTIAL_WRITE_RISK",
        acceptable=("UNKNOWN",),
        why="Another application appended to one of the partitions meanwhile; Iceberg refused the overwrite.",
        tables=_REPLACE,
        arguments=("--rates_url", "{rates}"),
        faults=(Fault(on="GET /api", how="meanwhile", times=1),),
        meanwhile=(_theirs("sales.orders", "berlin", "paid"),),
        variants=(Variant(), Variant(domain="readings", glue="4.0", deployed="", good=2)),
    ),
    Program(
        name="merge_while_others_write",
        category="PARTIAL_WRITE_RISK",
        domain="payments",
        acceptable=("UNKNOWN",),
        why="Another application wrote to the rows that MERGE had read; Iceberg refused its commit.",
        tables=(Table(write_mode="merge", keys=("payment_id",), partitions="day"),),
        arguments=("--rates_url", "{rates}"),
        faults=(Fault(on="GET /api", how="meanwhile", times=1),),
        meanwhile=(_theirs("finance.payments", "de", "settled"),),
        variants=(Variant(), Variant(domain="claims", glue="4.0")),
    ),
    Program(
        name="commit_lost_race",
        category="PARTIAL_WRITE_RISK",
        domain="trips",
        acceptable=("UNKNOWN",),
        catalog="rest",
        why="Another application committed each time before this commit; the retries ran out, nothing was committed.",
        tables=(Table(properties={"commit.retry.num-retries": "1"}),),
        faults=(_commit("meanwhile", 409),),
        meanwhile=(_theirs("mobility.trips", "ghent", "fair"),),
        variants=(Variant(), Variant(domain="orders", glue="4.0", edits=_OVERWRITE, write_mode="overwrite_partitions")),
    ),
    Program(
        name="commit_answer_lost",
        category="PARTIAL_WRITE_RISK",
        domain="claims",
        catalog="rest",
        acceptable=("UNKNOWN",),
        why="The catalog's answer to the commit was lost: the job cannot know whether it landed. It did.",
        faults=(_commit("lose", 504),),
        variants=(
            Variant(),
            Variant(domain="orders", glue="4.0", faults=(_commit("lose", 500),), deployed="other"),
            Variant(
                domain="readings", edits=_OVERWRITE, write_mode="overwrite_partitions", faults=(_commit("lose", 502),)
            ),
        ),
    ),
    Program(
        name="commit_not_landed",
        script="commit_answer_lost",
        category="PARTIAL_WRITE_RISK",
        domain="claims",
        catalog="rest",
        acceptable=("UNKNOWN",),
        why="The catalog failed during the commit: the job cannot know whether it landed. It did not.",
        faults=(_commit("answer", 504),),
        variants=(
            Variant(domain="trips"),
            Variant(
                domain="payments",
                glue="4.0",
                faults=(_commit("answer", 503, _UNAVAILABLE),),
                note="It answered 503; Iceberg does not trust even that, and says that the state is unknown.",
            ),
        ),
    ),
    Program(
        name="killed_in_loop",
        category="UNKNOWN",
        domain="shipments",
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The job commits once a group.",
        tables=(Table(commits="many"),),
        variants=(
            Variant(kill="logistics/shipments/metadata/v*.metadata.json"),
            Variant(domain="orders", glue="4.0", kill="logistics/shipments/metadata/v*.metadata.json", deployed=""),
            Variant(
                domain="claims",
                edits=_OVERWRITE,
                write_mode="overwrite_partitions",
                kill="logistics/shipments/metadata/v*.metadata.json",
            ),
            Variant(domain="tickets", kill="logistics/shipments/data/**/*.parquet", note="Before its first commit."),
        ),
    ),
    Program(
        name="killed_while_plain_write",
        category="UNKNOWN",
        domain="readings",
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The job writes plain Parquet.",
        tables=(Table(format="parquet"),),
        variants=(
            Variant(kill="energy/readings/_temporary/**/*.parquet"),
            Variant(domain="trips", glue="4.0", kill="energy/readings/_temporary/**/*.parquet"),
        ),
    ),
    Program(
        name="quality_check_after_write",
        category="PARTIAL_WRITE_RISK",
        domain="tickets",
        acceptable=("SCHEMA_DRIFT", "UNKNOWN"),
        why="Many records came without a status; the check found it after the batch had been committed.",
        feed=Feed(rows=breaks.some("status", None, 4)),
        quality={
            "ResultId": "dqresult-7c1f0a52",
            "Score": 0.5,
            "RulesetName": "tickets_rules",
            "DataSource": {"GlueTable": {"DatabaseName": "service", "TableName": "tickets"}},
            "RuleResults": [
                {"Name": "Rule_1", "Result": "PASS", "EvaluatedRule": 'IsComplete "ticket_id"'},
                {
                    "Name": "Rule_2",
                    "Result": "FAIL",
                    "EvaluatedRule": 'Completeness "priority" > 0.98',
                    "EvaluationMessage": "Value: 0.75 does not meet the constraint requirement!",
                },
            ],
        },
        variants=(
            Variant(),
            Variant(
                domain="claims",
                glue="4.0",
                edits=_OVERWRITE,
                write_mode="overwrite_partitions",
                note="The job overwrites its partitions: a rerun would be harmless, but the data is bad.",
            ),
        ),
    ),
    Program(
        name="second_table_fails",
        category="UNKNOWN",
        clears=True,
        acceptable=("PARTIAL_WRITE_RISK",),
        why="A throttled call between the appends to two tables.",
        tables=(
            Table(),
            Table(
                name="sales.shop_figures",
                partitions="",
                columns="shop string, order_date string, total decimal(18,2), n bigint",
            ),
        ),
        faults=(aws("GetParameter", "ThrottlingException", "Rate exceeded"),),
        variants=(Variant(), Variant(domain="payments", glue="4.0", good=2)),
    ),
    Program(
        name="staged_then_published",
        category="UNKNOWN",
        clears=True,
        domain="readings",
        acceptable=("PARTIAL_WRITE_RISK",),
        why="The release service was unavailable between staging and publishing; staging is replaced by every run.",
        tables=(
            Table(write_mode="overwrite_partitions"),
            Table(name="energy.readings_staging", role="staging", partitions="", write_mode="overwrite_table"),
        ),
        arguments=("--release_url", "{rates}"),
        faults=(Fault(on="GET /api", status=503, body="no healthy upstream"),),
        variants=(
            Variant(),
            Variant(domain="orders", glue="4.0", good=2, faults=(Fault(on="GET /api", how="hang"),)),
            Variant(domain="shipments", faults=(Fault(on="GET /api", how="reset"),), deployed="other"),
        ),
    ),
    Program(
        name="exits_between_commits",
        category="PARTIAL_WRITE_RISK",
        domain="trips",
        acceptable=("SCHEMA_DRIFT", "UNKNOWN"),
        why="The job found a duplicate after one of several commits and exits with 1, saying only that counts differ.",
        feed=Feed(rows=lambda rows, domain: [*rows, rows[-1]]),
        tables=(Table(commits="many"),),
        variants=(Variant(), Variant(domain="claims", glue="4.0", deployed="")),
    ),
]
