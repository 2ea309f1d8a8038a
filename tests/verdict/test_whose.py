"""Whose commit, which attempt, whose spelling: each doubt that an adversary found, and the rule that holds it."""

from pathlib import Path
from typing import Any

import pytest

from tests.building_bundles import (
    BATCH,
    LAKE,
    OVERWRITE,
    RUN,
    bundle,
    good_run,
    iso,
    listing,
    minute,
    run,
    snapshot,
    statuses,
    triage,
    unstamped,
)

Files = dict[str, Any]
NO_ICEBERG = {"iceberg/target.metadata.json": None, "iceberg/target.entries.jsonl": None, "glue/table.json": None}
CONTROL = {"control": {"table": "etl_control"}}
OTHER_RUN = run("jr_c", at=minute(1), batch="2026-11-22", state="SUCCEEDED")
EMPTY = "AnalysisException: [UNABLE_TO_INFER_SCHEMA] Unable to infer schema for Parquet. It must be specified manually."
NO_RATES = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/config/rates.yaml'"
APP, OTHER_APP = "spark-application-1795312800000", "spark-application-1700000000000"


def event_log(app: str, run_id: str = RUN, ended: float | None = None) -> str:
    properties = f'{{"spark.cloudwatch.logging.conf.jobRunId":"{run_id}"}}'
    lines = [
        f'{{"Event":"SparkListenerApplicationStart","App ID":"{app}","App Name":"orders"}}',
        f'{{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{properties}}}',
    ]
    if ended is not None:
        at = int(minute(ended).timestamp() * 1000)
        lines.append(f'{{"Event":"SparkListenerApplicationEnd","Timestamp":{at}}}')
    return "".join(f"{line}\n" for line in lines)


def unsigned(*since: Any, runs: list[Any], declared: Files, files: Files | None = None) -> Files:
    """Make a table in which nobody signs anything, the last good run's commit included."""
    made = bundle(*since, runs=runs, declared=declared, files=files)
    good = int(good_run()["StartedOn"] and minute(-1440 + 5).timestamp() * 1000)
    for one in made["iceberg/target.metadata.json"]["snapshots"]:
        one["summary"].pop("batch_id", None)
    made["iceberg/target.metadata.json"]["snapshots"][0]["timestamp-ms"] = good
    made["iceberg/target.metadata.json"]["snapshot-log"][0]["timestamp-ms"] = good
    return made


def plain(*keys: str, at: float = 40, **declared: Any) -> Files:
    """Make a plain table with old files, and new ones of that minute."""
    table = listing(f"{LAKE}/", "region=eu/old.parquet")
    table["Contents"] += listing(f"{LAKE}/", *keys, at=minute(at))["Contents"]
    return bundle(declared={"format": "parquet"} | declared, files=NO_ICEBERG | {"s3/target.json": table})


def with_app(app: str, at: float, **more: Any) -> Any:
    made = unstamped(2, at, "eu", **more)
    made["summary"]["spark.app.id"] = app
    return made


def row(status: str | None, **more: Any) -> Files:
    return {"control/rows.json": [{"batch_id": BATCH, "job_run_id": RUN, "status": status} | more]}


def bookmarked(**entry: Any) -> Files:
    on = {"--job-bookmark-option": "job-bookmark-enable"}
    return {
        "glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 0, "DefaultArguments": on}},
        "glue/job_bookmark.json": {"JobBookmarkEntry": {"JobName": "orders", "Version": 3} | entry},
    }


NOT_SAFE: list[Any] = [
    # Commits that nobody signs.
    pytest.param(
        unsigned(unstamped(2, 5, "eu"), runs=[good_run(), OTHER_RUN, run()], declared=OVERWRITE),
        id="unsigned while another batch's run ran",
    ),
    pytest.param(
        unsigned(
            unstamped(2, 5, "eu"),
            runs=[good_run(), run()],
            declared=OVERWRITE,
            files={"spark/eventlog": event_log(APP)},
        ),
        id="unsigned though our engine signs",
    ),
    pytest.param(
        unsigned(
            unstamped(2, 5, "eu") | {"summary": {"operation": "overwrite", "trino_query_id": "q"}},
            runs=[good_run(), run()],
            declared=OVERWRITE,
        ),
        id="signed by a query engine",
    ),
    pytest.param(
        unsigned(unstamped(2, 5, "za"), runs=[good_run(), run()], declared=OVERWRITE), id="unsigned in other partitions"
    ),
    # Applications.
    pytest.param(
        bundle(with_app(OTHER_APP, 40, operation="append"), files={"spark/eventlog": event_log(APP)}),
        id="a person's notebook after the run",
    ),
    pytest.param(
        bundle(with_app(OTHER_APP, 5, operation="append"), files={"spark/eventlog": event_log(APP, ended=3)}),
        id="after the run's only known application had ended",
    ),
    pytest.param(
        bundle(
            with_app(OTHER_APP, 5, operation="append"),
            files={"spark/eventlog-1": event_log(APP), "spark/eventlog-2": event_log(OTHER_APP, "jr_good")},
        ),
        id="a long-lived application that also ran yesterday's batch",
    ),
    # A correction that carries the batch's own id.
    pytest.param(bundle(snapshot(2, 5, "eu"), snapshot(3, 40, "eu"), declared=OVERWRITE), id="corrected since"),
    # Attempts that may be missing from the list.
    pytest.param(
        bundle(
            snapshot(2, -50, "eu", operation="append", stamp={"job_run_id": "jr_a"}),
            runs=[good_run(), run("jr_a", at=minute(-55), batch="20261121"), run()],
        ),
        id="the batch spelled otherwise",
    ),
    pytest.param(
        bundle(
            runs=[
                run("jr_a", at=minute(-90), batch=None),
                run("jr_b", at=minute(-60), batch="2026-11-20", state="SUCCEEDED"),
                run(),
            ]
        ),
        id="an earlier failed run without a batch",
    ),
    pytest.param(
        bundle(
            runs=[good_run(), run(batch="2026-10-01")],
            this_run=run(batch="2026-10-01"),
            files={"glue/job_runs.json": {"JobRuns": [good_run(), run(batch="2026-10-01")], "NextToken": "x"}},
        ),
        id="an old batch in a history cut short",
    ),
    pytest.param(
        bundle(manifest={"files": {"glue/job_runs.json": {"observed_at": iso(minute(5))}}}),
        id="the history asked for too early",
    ),
    pytest.param(
        bundle(
            snapshot(2, 35, "eu", stamp={"job_run_id": "jr_2"}),
            declared={"write_mode": "overwrite_table"},
            this_run=run(batch=None),
            runs=[good_run(), run(batch=None), run("jr_2", at=minute(30), state="SUCCEEDED", batch=None)],
        ),
        id="the next run, whose batch nobody knows",
    ),
    pytest.param(
        bundle(
            snapshot(2, 35, "eu", stamp={"batch_id": "2026-11-22"}),
            declared=OVERWRITE,
            runs=[
                good_run(),
                run(),
                run("jr_x", at=minute(15), state="SUCCEEDED", batch=None),
                run("jr_2", at=minute(30), state="SUCCEEDED", batch="2026-11-22"),
            ],
        ),
        id="the next batch, adopted because another run names none",
    ),
    pytest.param(
        bundle(
            snapshot(2, -50, "eu", stamp={"job_run_id": "jr_p"}),
            declared=OVERWRITE,
            this_run=run(PreviousRunId="jr_p"),
            runs=[run("jr_p", at=minute(-55), batch="2026-11-20"), run(PreviousRunId="jr_p")],
        ),
        id="a chain across two batches",
    ),
    pytest.param(
        bundle(runs=[good_run(), run("jr_a", at=minute(-60), state="SUCCEEDED", batch=None), run()]),
        id="an earlier success that names no batch",
    ),
    pytest.param(
        bundle(
            snapshot(2, 35, BATCH, operation="append", stamp={"batch_id": "2026-11-22", "job_run_id": "jr_2"}),
            declared={"partition_field": "region", "expected_partitions": "{batch_id}"},
            runs=[good_run(), run(), run("jr_2", at=minute(30), state="SUCCEEDED", batch="2026-11-22")],
        ),
        id="another batch's run wrote this batch's own partition",
    ),
    # Plain tables.
    pytest.param(plain("_temporary/0/task_202611220205_0001_m_000000/part-0.parquet", at=5), id="committed tasks"),
    pytest.param(
        plain("day=5/new.parquet", partition_field="day", expected_partitions=["05"]), id="a day without its zero"
    ),
    pytest.param(
        plain("region=north%20east/new.parquet", expected_partitions=["north east"]), id="a value escaped in the path"
    ),
    # Input.
    pytest.param(bundle(files=bookmarked(RunId="jr_older")), id="the bookmark was rewound"),
    pytest.param(bundle(files=bookmarked(Version=0)), id="the bookmark was reset"),
    pytest.param(bundle(files={"s3/source.json": listing("s3://raw/orders/2026-11-210/", "a.csv")}), id="a like name"),
    pytest.param(bundle(files={"s3/source.json": listing(f"s3://raw/orders/{BATCH}/", "_SUCCESS")}), id="markers only"),
    pytest.param(bundle(files={"s3/source.json": listing(f"s3://raw/orders/{BATCH}/")}), id="an input that is empty"),
    pytest.param(
        bundle(
            declared={"write_mode": "overwrite_table"},
            this_run=run(ErrorMessage=NO_RATES),
            files={
                "s3/source.json": listing(f"s3://raw/orders/{BATCH}/"),
                "logs/error/jr_now.jsonl": [{"message": f"ERROR ProcessLauncher: Error from Python: {NO_RATES}"}],
            },
        ),
        id="an empty input, and another file that is missing",
    ),
    # The control table's words.
    pytest.param(bundle(declared=CONTROL, files=row("HALFWAY")), id="a word that is not declared"),
    pytest.param(bundle(declared=CONTROL, files=row(None)), id="no word at all"),
    pytest.param(
        bundle(declared=CONTROL, files=row("SUCCESS", batch_id="20261121", job_run_id="jr_good")),
        id="success under another spelling",
    ),
    # Write modes.
    pytest.param(
        bundle(
            snapshot(2, 5, "eu", stamp={"batch_id": BATCH, "spark.merge-into.num-target-rows-updated": "3"}),
            declared=OVERWRITE,
        ),
        id="a merge declared an overwrite",
    ),
    pytest.param(
        bundle(snapshot(2, 5, "eu", stamp={"batch_id": BATCH, "added-delete-files": "1"}), declared=OVERWRITE),
        id="delete files under an overwrite",
    ),
    pytest.param(
        bundle(
            snapshot(2, 5, "eu", stamp={"batch_id": BATCH, "delta-operation": "MERGE"}),
            declared=OVERWRITE,
        ),
        id="a Delta merge declared an overwrite",
    ),
    pytest.param(
        bundle(
            snapshot(2, 5, operation="delete", stamp={"job_run_id": RUN, "deleted-data-files": "1"}),
            snapshot(3, 6, "eu", "za", operation="append", stamp={"job_run_id": RUN}),
            declared=OVERWRITE,
        ),
        id="an append beyond what was deleted",
    ),
    pytest.param(
        bundle(files={"orchestrator/cause.json": {"state": "up_for_retry"}}), id="the orchestrator retries by itself"
    ),
]


@pytest.mark.parametrize("files", NOT_SAFE)
def test_a_doubt_is_never_safe(files: Files, tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert incident.rerun.decision != "SAFE"
    assert not incident.safe_to_retry


SAFE: list[Any] = [
    pytest.param(
        unsigned(unstamped(2, 5, "eu"), runs=[good_run(), run()], declared=OVERWRITE), id="half done, nobody signs"
    ),
    pytest.param(
        bundle(with_app(OTHER_APP, 5, operation="append"), files={"spark/eventlog": event_log(APP)}),
        id="another job's application during the run",
    ),
    pytest.param(
        bundle(
            with_app(OTHER_APP, 40, operation="append"),
            runs=[good_run(), run(), run("jr_2", at=minute(35), state="SUCCEEDED", batch="2026-11-22")],
            files={"spark/eventlog-1": event_log(APP), "spark/eventlog-2": event_log(OTHER_APP, "jr_2")},
        ),
        id="the next batch's application after it",
    ),
    pytest.param(
        bundle(unstamped(2, 40, "za", operation="append")), id="an unknown writer afterwards, surely elsewhere"
    ),
    pytest.param(
        bundle(
            snapshot(2, 5, "eu", stamp={"batch_id": BATCH, "replace-partitions": "true"}),
            declared=OVERWRITE | CONTROL,
            files=row("FAILED"),
        ),
        id="half an overwrite, marked as failed",
    ),
    pytest.param(plain("_temporary/0/_temporary/attempt_1/part-0.parquet", at=5), id="an unfinished task's file"),
    pytest.param(bundle(files=bookmarked(RunId="jr_good")), id="the bookmark at the last good run"),
    pytest.param(
        bundle(runs=[run("jr_good", at=minute(-1440), state="SUCCEEDED", batch=None), run()]),
        id="yesterday's run names no batch, but the batch's day was not over then",
    ),
    pytest.param(
        bundle(
            this_run=run(ErrorMessage=EMPTY),
            files={
                "s3/source.json": listing(f"s3://raw/orders/{BATCH}/"),
                "logs/error/jr_now.jsonl": [{"message": f"ERROR ProcessLauncher: Error from Python: {EMPTY}"}],
            },
        ),
        id="an empty input at which the run stopped",
    ),
]


@pytest.mark.parametrize("files", SAFE)
def test_what_is_proven_is_safe(files: Files, tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert incident.rerun.decision == "SAFE", [one for one in incident.rerun.reasons if not one.holds]


def test_the_log_joins_a_commit_to_the_run(tmp_path: Path) -> None:
    said = "INFO SnapshotProducer: Committed snapshot 1002 (MergeAppend)"
    incident = triage(tmp_path, bundle(unstamped(2, 5, "eu", operation="append"), log=(said,)))
    assert statuses(incident)["target:sales.orders"] == "PARTIAL"
    assert incident.write_state[0].commits[0].run == RUN


def test_a_commit_that_the_log_claims_and_the_table_dates_outside_the_run_proves_nothing(tmp_path: Path) -> None:
    said = "INFO SnapshotProducer: Committed snapshot 1002 (BaseReplacePartitions)"
    incident = triage(tmp_path, bundle(unstamped(2, 40, "eu"), declared=OVERWRITE, log=(said,)))
    assert incident.rerun.decision != "SAFE"
    assert "clocks disagree" in " ".join(one.why for one in incident.rerun.reasons)


def test_partitions_that_two_attempts_appended_to_are_named(tmp_path: Path) -> None:
    first = run("jr_first", at=minute(-60))
    commits = [
        snapshot(2, -55, "eu", operation="append", stamp={"job_run_id": "jr_first"}),
        snapshot(3, 5, "eu", operation="append", stamp={"job_run_id": RUN}),
    ]
    incident = triage(tmp_path, bundle(*commits, runs=[good_run(), first, run()]))
    assert "more than one attempt appended to eu" in incident.write_state[0].why


def test_records_that_a_second_attempt_replaced_are_not_counted_twice(tmp_path: Path) -> None:
    first = run("jr_first", at=minute(-60))
    commits = [
        snapshot(2, -55, "eu", stamp={"job_run_id": "jr_first"}),
        snapshot(3, 5, "eu", stamp={"job_run_id": RUN}),
    ]
    files = bundle(*commits, runs=[good_run(), first, run()], declared=OVERWRITE)
    entries = files["iceberg/target.entries.jsonl"]
    entries.append(entries[0] | {"snapshot_id": 1003, "status": 2})
    assert triage(tmp_path, files).write_state[0].records_written == 100
