"""What runs wrote, derived from run history and table commits: by stamp, by time, or not known."""

import time
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pipetriage.bootstrap import open_app
from pipetriage.errors import SourceError
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.sources.past_volumes import MAX_RUNS, JobRuns, Volumes, Written, volumes
from tests.building_success import JOB, LAST, TABLE, app_for, commit, metadata, put_days, run, run_id
from tests.emulated.account import EmulatedAccount

PIPELINE = Pipeline(name="orders", target=TABLE)


def job_runs(*documents: dict[str, Any], batches: bool = False) -> JobRuns:
    def batch_of(one: dict[str, Any]) -> str | None:
        return str(one["Arguments"]["--batch_id"]) if batches else None

    return JobRuns(documents, PIPELINE.snapshot_keys, batch_of, timedelta(seconds=60))


def wrote(runs: JobRuns, *commits: dict[str, Any], mode: str | None = None, **more: Any) -> dict[str, Written]:
    output = msgspec.convert({"table": TABLE, "write_mode": mode}, Output)
    return runs.wrote(output, metadata(list(commits), **more))


def records(found: dict[str, Written]) -> dict[str, int | None]:
    return {run_id: one.records for run_id, one in found.items()}


WEEK = tuple(run(day) for day in range(7, -1, -1))


def test_a_stamp_decides_whenever_it_was_committed() -> None:
    late = commit(3, 70, stamp=run_id(5), minute=300)
    found = wrote(job_runs(*WEEK), commit(6), late, commit(2, 9), commit(2, 11, minute=9))
    assert records(found) == {
        run_id(6): 100_000,
        run_id(5): 70,
        run_id(4): 0,
        run_id(3): 0,
        run_id(2): 20,
        run_id(1): 0,
        run_id(0): 0,
    }


def test_an_unstamped_commit_is_the_only_running_runs() -> None:
    unsigned = [commit(6, stamp=None), commit(2, 9, stamp=None), commit(1, 7, stamp=None, minute=60)]
    found = wrote(job_runs(*WEEK), *unsigned)
    assert records(found) | {run_id(2): 9, run_id(1): 0} == records(found)


@pytest.mark.parametrize(("minute", "counted"), [(-0.5, 7), (10.5, 7), (-2, 0), (12, 0)])
def test_clocks_may_differ_a_little(minute: float, counted: int) -> None:
    found = wrote(job_runs(*WEEK), commit(6, stamp=None), commit(2, 7, stamp=None, minute=minute))
    assert records(found)[run_id(2)] == counted


def test_where_the_job_stamps_its_commits_one_without_a_stamp_is_unclear() -> None:
    stamped = [commit(day) for day in (6, 5, 4, 3)]
    found = wrote(job_runs(*WEEK), *stamped, commit(2, 9_900, stamp=None), commit(1, 7))
    assert run_id(2) not in found
    assert records(found)[run_id(1)] == 7
    # It began to stamp only then: what it made before is told by time.
    began = wrote(job_runs(*WEEK), commit(6, 5, stamp=None), commit(5, 6, stamp=None), *stamped[2:])
    assert (records(began)[run_id(6)], records(began)[run_id(5)]) == (5, 6)
    # Another pipeline's stamps say nothing of ours.
    others = wrote(job_runs(*WEEK), commit(6, stamp="jr_elsewhere"), commit(5, 6, stamp=None))
    assert records(others)[run_id(5)] == 6


def test_batch_stamps_are_stamps_too() -> None:
    batch = run(6)["Arguments"]["--batch_id"]
    signed = commit(6, stamp=None, batch_id=batch)
    assert run_id(2) not in wrote(job_runs(*WEEK, batches=True), signed, commit(2, 9, stamp=None))


def test_a_commit_that_only_deletes_brings_nothing_whosever_it_is() -> None:
    delete = commit(2, 0, regions=(), stamp=None, minute=5, operation="delete", **{"deleted-records": "9"})
    assert records(wrote(job_runs(*WEEK), commit(6), delete, commit(2, 7)))[run_id(2)] == 7


@pytest.mark.parametrize(("application", "known"), [("app-2", True), ("app-9", False), (None, False)])
def test_an_unstamped_commit_of_the_stamping_application_is_the_same_runs(application: str | None, known: bool) -> None:
    ours: dict[str, Any] = {"spark.app.id": "app-2"}
    unsigned: dict[str, Any] = {"spark.app.id": application} if application else {}
    found = wrote(job_runs(*WEEK), commit(6), commit(2, 7, **ours), commit(2, 5, stamp=None, minute=9, **unsigned))
    assert records(found).get(run_id(2)) == (12 if known else None)


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "RUNNING"])
def test_two_runs_at_once_make_both_unknown_unless_stamped(state: str) -> None:
    beside = run(2, Id="jr_beside", JobRunState=state)
    unknown = wrote(job_runs(*WEEK, beside), commit(6), commit(2, 7, stamp=None))
    assert run_id(2) not in unknown
    assert "jr_beside" not in unknown
    assert records(wrote(job_runs(*WEEK, beside), commit(6), commit(2, 7)))[run_id(2)] == 7


def test_a_failed_runs_commits_are_its_own() -> None:
    runs = [run(day, JobRunState="FAILED" if day == 2 else "SUCCEEDED") for day in range(7, -1, -1)]
    found = volumes(job_runs(*runs), PIPELINE, {TABLE: metadata([commit(6), commit(2, 7), commit(1, 9)])}, run_id(0))
    assert run_id(2) not in {one.run_id for one in found.runs}


def test_compactions_and_anothers_commits_are_nobodys() -> None:
    found = wrote(
        job_runs(*WEEK), commit(6), commit(2, 7, stamp=None, operation="replace"), commit(2, 8, stamp="jr_elsewhere")
    )
    assert records(found)[run_id(2)] == 0


def test_a_batch_stamp_counts_for_the_run_of_that_batch_alone() -> None:
    batch = run(2)["Arguments"]["--batch_id"]
    beside = run(2, Id="jr_beside", Arguments={"--batch_id": "2020-01-01"})
    stamped = [commit(6), commit(2, 7, stamp=None, batch_id=batch), commit(1, 5, stamp=None, batch_id="2019-01-01")]
    found = records(wrote(job_runs(*WEEK, beside, batches=True), *stamped))
    assert (found[run_id(2)], found["jr_beside"], found[run_id(1)]) == (7, 0, 0)


def test_expired_snapshots_leave_runs_unknown_and_not_at_zero() -> None:
    found = wrote(job_runs(*WEEK), commit(6), commit(5), commit(4), commit(3), expired=2)
    assert set(found) == {run_id(3), run_id(2), run_id(1), run_id(0)}


def test_before_a_tables_first_commit_nothing_is_known_of_other_runs() -> None:
    assert set(wrote(job_runs(*WEEK), commit(2, 5))) == {run_id(2), run_id(1), run_id(0)}
    assert records(wrote(job_runs(run(0)))) == {run_id(0): 0}


def test_staged_and_undone_commits_are_not_counted() -> None:
    document = metadata([commit(6), commit(2, 7), commit(1, 9)])
    document["current-snapshot-id"] = 1001
    found = job_runs(*WEEK).wrote(Output(table=TABLE), document)
    assert records(found)[run_id(2)] == records(found)[run_id(1)] == 0


@pytest.mark.parametrize(("mode", "counted"), [("overwrite_partitions", 7), (None, 7), ("merge", None)])
def test_a_merge_that_rewrites_files_says_nothing_of_what_came(mode: str | None, counted: int | None) -> None:
    deleted: dict[str, Any] = {"deleted-records": "5", "deleted-data-files": "1"}
    overwrite = commit(2, 7, operation="overwrite", **deleted)
    found = wrote(job_runs(*WEEK), commit(6), overwrite, mode=mode)
    assert found[run_id(2)].records == counted
    assert found[run_id(2)].files == 3


def test_partitions_are_an_upper_bound() -> None:
    found = wrote(job_runs(*WEEK), commit(6), commit(2, regions=("eu",)), commit(2, regions=("eu", "us"), minute=9))
    assert found[run_id(2)].partitions_at_most == 3
    silent = commit(2)
    del silent["summary"]["changed-partition-count"]
    assert wrote(job_runs(*WEEK), commit(6), silent)[run_id(2)].partitions_at_most is None


@pytest.mark.parametrize("number", ["many", "-4", "1e9", None, 1.5, "9" * 5000])
def test_a_summary_that_is_no_number_is_no_count(number: Any) -> None:
    odd = commit(2, **{"added-records": number, "added-data-files": None, "total-records": None})
    assert wrote(job_runs(*WEEK), commit(6), odd)[run_id(2)].records is None


@pytest.mark.parametrize(
    "document",
    [[], "text", {"snapshots": [{}]}, {"snapshots": "none"}, {"snapshots": [{"snapshot-id": 1, "timestamp-ms": 1e30}]}],
)
def test_metadata_that_makes_no_sense_is_a_gap(document: Any) -> None:
    with pytest.raises(SourceError, match=TABLE):
        job_runs(*WEEK).wrote(Output(table=TABLE), document)


def test_parents_in_a_circle_end() -> None:
    document = metadata([commit(6), commit(2, 7)])
    document["snapshots"][0]["parent-snapshot-id"] = 1002
    assert records(job_runs(*WEEK).wrote(Output(table=TABLE), document))[run_id(2)] == 7


def test_several_targets_are_added_up_and_staging_is_left_out() -> None:
    outputs = [Output(table="a.one"), Output(table="a.two"), Output(table="a.stage", role="staging")]
    both = {"a.one": metadata([commit(3), commit(1, 7)]), "a.two": metadata([commit(3), commit(1, 5)])}
    found = volumes(job_runs(*WEEK), Pipeline(outputs=outputs), both, run_id(0))
    assert [(one.run_id, one.records) for one in found.runs][-2:] == [(run_id(2), 0), (run_id(1), 12)]
    assert found.own is not None
    assert found.own.records == 0
    with pytest.raises(SourceError, match=r"a\.two were not read"):
        volumes(job_runs(*WEEK), Pipeline(outputs=outputs), {"a.one": both["a.one"]}, run_id(0))


def test_ninety_days_of_a_busy_job() -> None:
    every_quarter = [
        run(0, Id=f"jr_{number}", StartedOn=(at := LAST - timedelta(minutes=15 * number)).isoformat(),
            CompletedOn=(at + timedelta(minutes=10)).isoformat())
        for number in range(1000)
    ]  # fmt: skip
    commits = [commit(number / 96, number, stamp=None, minute=5) for number in range(8640, -1, -1)]
    began = time.perf_counter()
    found = volumes(job_runs(*every_quarter), PIPELINE, {TABLE: metadata(commits)}, "jr_0")
    assert time.perf_counter() - began < 2
    assert len(found.runs) == MAX_RUNS
    assert [one.records for one in found.runs] == list(range(MAX_RUNS, 0, -1))
    assert found.own is not None
    assert found.own.records == 0


def test_the_document_is_a_bundles_history() -> None:
    found = volumes(job_runs(*WEEK), PIPELINE, {TABLE: metadata([commit(2, 5), commit(1, 6)])}, run_id(1))
    assert found.document() == {
        "counted": "written",
        "runs": [{"job_run_id": run_id(2), "records": 5, "bytes": 50, "files": 3, "seconds": 600.0}],
        "this_run": {"job_run_id": run_id(1), "records": 6, "bytes": 60, "files": 3, "seconds": 600.0},
    }
    assert Volumes((), None).document() == {"counted": "written", "runs": []}


def test_a_capture_keeps_the_volumes_and_triages_as_the_live_run(account: EmulatedAccount, tmp_path: Any) -> None:
    put_days(account, commit(records=900))
    app, target = app_for(account), f"glue:{JOB}/{run_id(0)}"
    live = app.triage(target)
    app.capture(target, tmp_path / "bundle")
    kept = msgspec.json.decode((tmp_path / "bundle/history.json").read_bytes())
    assert [one["records"] for one in kept["runs"]] == [100_000 + day for day in range(10, 0, -1)]
    assert kept["this_run"]["records"] == 900
    bundle = open_app(use_store=False).triage(str(tmp_path / "bundle"))
    for incident in (live, bundle):
        assert (incident.failure_category, incident.failure_mode) == ("SOURCE_DELAY", "LOW_RECORD_COUNT")
        assert "900 records written to the tables, 100006 in the mean of 10 good runs" in incident.likely_root_cause
        assert any(one.id == "history" and "this run wrote 900 records" in one.summary for one in incident.evidence)
        assert not incident.safe_to_retry


def test_the_metadata_is_read_once_a_triage(account: EmulatedAccount) -> None:
    put_days(account, commit())
    account.door.calls.clear()
    app_for(account).triage(f"glue:{JOB}/{run_id(0)}")
    asked = [str(one) for one in account.door.calls]
    # The metadata file, and a manifest list with its manifests a snapshot since the last good run but one.
    assert asked.count("glue:GetTable") == 2
    assert asked.count("glue:GetJobRuns") == 2


def test_volumes_that_cannot_be_derived_are_a_gap_of_the_triage(account: EmulatedAccount) -> None:
    put_days(account, commit())
    account.refuse("glue:GetTable")
    incident = app_for(account).triage(f"glue:{JOB}/{run_id(0)}")
    told = next(one for one in incident.gaps if one.source == "history")
    assert f"the commits of {TABLE} were not read" in told.reason
