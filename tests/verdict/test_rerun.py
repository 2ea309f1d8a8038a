"""One test a rule of ``rerun.reasons``, named for it: what must be seen, and what makes a rerun harmful."""

from pathlib import Path
from typing import Any

import pytest

from tests.building_bundles import (
    BATCH,
    OVERWRITE,
    RUN,
    STARTED,
    broken,
    bundle,
    good_run,
    iceberg,
    listing,
    minute,
    run,
    snapshot,
    triage,
    unstamped,
)

CONTROL = {"control": {"table": "etl_control"}}


def row(status: str, **more: Any) -> dict[str, Any]:
    return {"batch_id": BATCH, "job_run_id": RUN, "status": status} | more


def bookmark(**entry: Any) -> dict[str, Any]:
    return {
        "glue/job.json": {
            "Job": {
                "Name": "orders",
                "MaxRetries": 0,
                "DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"},
            }
        },
        "glue/job_bookmark.json": {"JobBookmarkEntry": {"JobName": "orders", "Version": 3} | entry},
    }


def test_nothing_written_and_all_seen_is_safe(tmp_path: Path) -> None:
    incident = triage(tmp_path, bundle())
    assert incident.rerun.decision == "SAFE"
    assert incident.safe_to_retry


def test_half_a_partition_overwrite_is_safe(tmp_path: Path) -> None:
    incident = triage(tmp_path, bundle(snapshot(2, 5, "eu"), declared=OVERWRITE))
    assert (incident.rerun.decision, incident.safe_to_retry) == ("SAFE", True)
    assert incident.write_state[0].partitions_missing == ["ap", "us"]


def test_half_an_append_is_unsafe(tmp_path: Path) -> None:
    incident = triage(tmp_path, bundle(snapshot(2, 5, "eu", operation="append")))
    assert (incident.rerun.decision, incident.safe_to_retry) == ("UNSAFE", False)
    assert incident.write_state[0].records_rerun_would_repeat == 100


WITHOUT_BATCH = run(batch=None)
UNDECLARED = {"target": None, "write_mode": None}

UNKNOWN: list[Any] = [
    pytest.param("RUN_UNOBSERVED", bundle(files={"glue/job_run.json": None}), id="RUN_UNOBSERVED"),
    pytest.param("HISTORY_UNOBSERVED", bundle(files={"glue/job_runs.json": None}), id="HISTORY_UNOBSERVED"),
    pytest.param("HISTORY_UNOBSERVED", bundle(runs=[good_run()]), id="history without this run"),
    pytest.param(
        "HISTORY_UNOBSERVED",
        bundle(runs=[run("jr_x", JobName="other", state="SUCCEEDED", at=minute(-60)), run()]),
        id="history of another job",
    ),
    pytest.param(
        "HISTORY_UNOBSERVED",
        bundle(files={"glue/job_runs.json": {"JobRuns": [run()], "NextToken": "x"}}),
        id="cut short",
    ),
    pytest.param(
        "HISTORY_UNOBSERVED", bundle(runs=[good_run(), run(state="RUNNING")]), id="history older than the run"
    ),
    pytest.param("HISTORY_UNOBSERVED", bundle(runs=[good_run(), {"JobName": "orders"}, run()]), id="unreadable run"),
    pytest.param(
        "HISTORY_UNOBSERVED",
        bundle(manifest={"run": {"job_name": "orders", "job_run_id": RUN, "batch_id": "2026-11-19"}}),
        id="two batch ids for one run",
    ),
    pytest.param(
        "HISTORY_UNOBSERVED",
        bundle(declared=CONTROL, files={"control/rows.json": [row("failed", batch_id="2026-11-18")]}),
        id="control row gives another batch",
    ),
    pytest.param(
        "HISTORY_UNOBSERVED",
        bundle(declared=CONTROL, files={"control/rows.json": [row("failed", job_run_id="jr_unknown")]}),
        id="control row names an unknown run",
    ),
    pytest.param("HISTORY_UNOBSERVED", bundle(this_run=run(PreviousRunId="jr_lost")), id="retry of an unseen run"),
    pytest.param("HISTORY_UNOBSERVED", bundle(this_run=run("jr_a_attempt_2", Attempt=2)), id="earlier attempts unseen"),
    pytest.param("HISTORY_UNOBSERVED", bundle(this_run=run("jr_a_attempt_1")), id="attempt unnumbered, first unseen"),
    pytest.param("HISTORY_UNOBSERVED", bundle(this_run=run("jr_a_attempt_1", Attempt=10**12)), id="hostile attempt"),
    pytest.param("JOB_UNOBSERVED", bundle(files={"glue/job.json": None}), id="JOB_UNOBSERVED"),
    pytest.param(
        "JOB_UNOBSERVED", bundle(files={"glue/job.json": {"Job": {"Name": "other", "MaxRetries": 0}}}), id="another job"
    ),
    pytest.param("OUTPUTS_UNDECLARED", bundle(declared=UNDECLARED), id="OUTPUTS_UNDECLARED"),
    pytest.param("DECLARATION_UNCONFIRMED", bundle(declared={"drafted": True}), id="DECLARATION_UNCONFIRMED"),
    pytest.param("TABLE_UNOBSERVED", bundle(files={"iceberg/target.metadata.json": None}), id="TABLE_UNOBSERVED"),
    pytest.param("TABLE_UNOBSERVED", bundle(declared={"outputs": [{"table": "sales.audit"}]}), id="one output unseen"),
    pytest.param("RUN_IN_FLIGHT", bundle(this_run=run(state="RUNNING")), id="RUN_IN_FLIGHT"),
    pytest.param(
        "RUN_IN_FLIGHT",
        bundle(runs=[good_run(), run(), run("jr_2", at=minute(30), state="WAITING", batch="2026-11-22")]),
        id="another run waits",
    ),
    pytest.param("RUN_IN_FLIGHT", bundle(runs=[good_run(), run(), run("jr_2", state="NEWSTATE")]), id="unknown state"),
    pytest.param(
        "ENGINE_WILL_RETRY",
        bundle(files={"glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 1}}}),
        id="ENGINE_WILL_RETRY",
    ),
    pytest.param(
        "OUTPUT_REPEATED",
        bundle(snapshot(2, 5, "eu"), declared={"write_mode": None}),
        id="OUTPUT_REPEATED undeclared mode",
    ),
    pytest.param(
        "OUTPUT_REPEATED", bundle(snapshot(2, 5, "eu"), declared={"write_mode": "merge", "keys": ["id"]}), id="merge"
    ),
    pytest.param(
        "WRITE_MODE_UNPROVEN",
        bundle(snapshot(2, 5, "eu", operation="append"), declared=OVERWRITE),
        id="WRITE_MODE_UNPROVEN",
    ),
    pytest.param(
        "BOOKMARK_ADVANCED", bundle(files=bookmark(RunId="jr_nobody_knows")), id="BOOKMARK_ADVANCED by an unknown run"
    ),
    pytest.param("BOOKMARK_ADVANCED", bundle(files=bookmark()), id="bookmark without its run"),
    pytest.param(
        "BOOKMARK_ADVANCED", bundle(files=bookmark() | {"glue/job_bookmark.json": {}}), id="no bookmark at all"
    ),
    pytest.param("SOURCE_GONE", bundle(files={"s3/source.json": None}), id="source not listed"),
    pytest.param(
        "SOURCE_GONE", bundle(files={"s3/source.json": listing("s3://raw/clicks/", "a.csv")}), id="other source"
    ),
    pytest.param("SOURCE_GONE", bundle(declared={"source_consumed": True}), id="source consumed"),
    pytest.param("CONTROL_UNOBSERVED", bundle(declared=CONTROL), id="CONTROL_UNOBSERVED"),
    pytest.param(
        "CONTROL_UNOBSERVED",
        bundle(declared=CONTROL, files={"control/rows.json": {"Items": [], "LastEvaluatedKey": {"a": {"S": "b"}}}}),
        id="control rows cut short",
    ),
    pytest.param(
        "CONTROL_UNOBSERVED",
        bundle(declared=CONTROL, files={"control/rows.json": [{"batch": BATCH, "state": "DONE"}]}),
        id="control columns undeclared",
    ),
    pytest.param(
        "CONTROL_UNOBSERVED",
        bundle(
            declared={"control": {**CONTROL["control"], "only": {"pipeline": "typo"}}},
            files={"control/rows.json": [{**row("WRITING"), "pipeline": "clicks"}]},
        ),
        id="control rows all of other pipelines",
    ),
    pytest.param(
        "CONTROL_SKIPS_BATCH",
        bundle(declared=CONTROL, files={"control/rows.json": [row("SUCCESS")]}),
        id="CONTROL_SKIPS_BATCH",
    ),
    pytest.param(
        "CONTROL_CONTRADICTS_TABLE",
        bundle(declared=CONTROL, files={"control/rows.json": [row("SUCCESS")]}),
        id="CONTROL_CONTRADICTS_TABLE",
    ),
    pytest.param(
        "OTHER_EFFECTS",
        bundle(declared={"other_effects": ["jdbc"]}, files={"logs/error/jr_now.jsonl": None}),
        id="no log",
    ),
]


@pytest.mark.parametrize(("rule", "files"), UNKNOWN)
def test_what_is_not_proven_is_not_safe(rule: str, files: dict[str, Any], tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert rule in broken(incident)
    assert incident.rerun.decision != "SAFE"
    assert not incident.safe_to_retry


LATER = [good_run(), run(), run("jr_2", at=minute(30), state="SUCCEEDED", batch="2026-11-22")]
NEXT = {"batch_id": "2026-11-22"}

UNSAFE: list[Any] = [
    pytest.param("OUTPUT_REPEATED", bundle(snapshot(2, 5, "eu", operation="append")), id="OUTPUT_REPEATED"),
    pytest.param(
        "STAGING_NOT_REPLACED",
        bundle(
            declared={"staging": "sales.orders_staging"},
            files={
                "iceberg/staging.metadata.json": iceberg(snapshot(2, 5, "eu", operation="append"))[0],
                "iceberg/staging.entries.jsonl": iceberg(snapshot(2, 5, "eu", operation="append"))[1],
            },
        ),
        id="STAGING_NOT_REPLACED",
    ),
    pytest.param(
        "LATER_BATCH_WRITTEN",
        bundle(snapshot(2, 5, "eu"), snapshot(3, 35, "eu", stamp=NEXT), declared=OVERWRITE, runs=LATER),
        id="LATER_BATCH_WRITTEN",
    ),
    pytest.param(
        "LATER_BATCH_WRITTEN",
        bundle(snapshot(2, 5, "eu"), unstamped(3, 35, "us"), declared=OVERWRITE),
        id="unknown writer since",
    ),
    pytest.param(
        "LATER_BATCH_WRITTEN",
        bundle(
            snapshot(2, 5, "eu"),
            snapshot(3, 35, "xx", stamp=NEXT),
            declared=OVERWRITE | {"expected_partitions": []},
            runs=LATER,
        ),
        id="no partition is declared",
    ),
    pytest.param(
        "LATER_BATCH_WRITTEN",
        bundle(snapshot(2, 5, "eu"), snapshot(3, 35, "20414", stamp=NEXT), declared=OVERWRITE, runs=LATER),
        id="partitions spelled otherwise",
    ),
    pytest.param("BOOKMARK_ADVANCED", bundle(files=bookmark(RunId=RUN)), id="BOOKMARK_ADVANCED"),
    pytest.param(
        "BOOKMARK_WITH_OVERWRITE",
        bundle(declared=OVERWRITE, files=bookmark(RunId="jr_good")),
        id="BOOKMARK_WITH_OVERWRITE",
    ),
    pytest.param(
        "SOURCE_GONE",
        bundle(
            snapshot(2, 5, "eu"),
            declared=OVERWRITE,
            files={"s3/source.json": listing(f"s3://raw/orders/{BATCH}/")},
        ),
        id="SOURCE_GONE",
    ),
    pytest.param(
        "OTHER_EFFECTS",
        bundle(snapshot(2, 5, "eu"), declared=OVERWRITE | {"other_effects": ["jdbc"]}),
        id="OTHER_EFFECTS",
    ),
]


@pytest.mark.parametrize(("rule", "files"), UNSAFE)
def test_what_is_applied_twice_or_lost_is_unsafe(rule: str, files: dict[str, Any], tmp_path: Path) -> None:
    incident = triage(tmp_path, files)
    assert rule in broken(incident)
    assert (incident.rerun.decision, incident.safe_to_retry) == ("UNSAFE", False)


def test_a_later_batch_in_other_partitions_is_not_clobbered(tmp_path: Path) -> None:
    files = bundle(snapshot(2, 5, "eu"), snapshot(3, 35, "za", stamp=NEXT), declared=OVERWRITE, runs=LATER)
    incident = triage(tmp_path, files)
    assert incident.rerun.decision == "SAFE"


def test_a_control_row_of_another_batch_decides_nothing(tmp_path: Path) -> None:
    rows = [row("SUCCESS", batch_id="2026-11-20", job_run_id="jr_good"), row("RUNNING")]
    incident = triage(tmp_path, bundle(declared=CONTROL, files={"control/rows.json": rows}))
    assert incident.rerun.decision == "SAFE"


def test_the_run_has_only_begun_when_it_is_triaged_at_its_start(tmp_path: Path) -> None:
    early = bundle(manifest={"captured_at": STARTED.isoformat()})
    assert triage(tmp_path, early).rerun.retry_after_seconds
