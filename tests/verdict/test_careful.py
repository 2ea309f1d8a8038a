"""Properties: taking evidence away, or adding what has nothing to do with the run, never makes anything safe."""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.building_bundles import (
    BATCH,
    LAKE,
    OVERWRITE,
    RUN,
    before,
    bundle,
    good_run,
    iceberg,
    iso,
    listing,
    minute,
    ms,
    run,
    snapshot,
    table,
    triage,
    unstamped,
)

Files = dict[str, Any]
NEXT = {"batch_id": "2026-11-22"}
LATER = [good_run(), run(), run("jr_2", at=minute(30), state="SUCCEEDED", batch="2026-11-22")]
FIRST = run("jr_first", at=minute(-60))
APPENDED = snapshot(2, 5, "eu", operation="append")
NO_ICEBERG = {"iceberg/target.metadata.json": None, "iceberg/target.entries.jsonl": None, "glue/table.json": None}
CONTROL = {"control": {"table": "etl_control"}}


def _staged() -> Files:
    one = snapshot(2, 5, "eu", operation="append", stamp={"batch_id": BATCH, "wap.id": "w1"})
    old = before()["snapshot-id"]
    return bundle(
        one, metadata={"current-snapshot-id": old, "refs": {"main": {"snapshot-id": old}}, "snapshot-log": []}
    )


def _two_targets() -> Files:
    files: Files = {}
    for name, commits in (("orders", ()), ("lines", (APPENDED,))):
        metadata, entries = iceberg(*commits, **{"table-uuid": name})
        folder = f"tables/target/sales.{name}"
        files |= {f"{folder}/metadata.json": metadata, f"{folder}/entries.jsonl": entries}
        files[f"{folder}/table.json"] = table(name, Parameters={})
    outputs = [{"table": f"sales.{name}", "write_mode": "append"} for name in ("orders", "lines")]
    return bundle(declared={"target": None, "outputs": outputs}, files=NO_ICEBERG | {"s3/target.json": None} | files)


def _delta() -> Files:
    files: Files = {}
    for number, (at, stamp) in enumerate(((-900, "2026-11-20"), (5, BATCH))):
        info = {"timestamp": ms(minute(at)), "operation": "WRITE", "operationParameters": {"mode": "Append"}}
        files[f"delta/target/_delta_log/{number:020}.json"] = [
            {"commitInfo": info | {"userMetadata": f"batch_id={stamp}"}},
            {"add": {"path": f"region=eu/{number}.parquet", "partitionValues": {"region": "eu"}, "size": 9}},
        ]
    return bundle(declared={"format": "delta"}, files=NO_ICEBERG | files)


NOT_SAFE: dict[str, Callable[[], Files]] = {
    "half an append": lambda: bundle(APPENDED),
    "an unclear commit": lambda: bundle(unstamped(2, 5, "eu"), declared=OVERWRITE),
    "a later batch": lambda: bundle(
        snapshot(2, 5, "eu"), snapshot(3, 35, "eu", stamp=NEXT), declared=OVERWRITE, runs=LATER
    ),
    "in flight": lambda: bundle(this_run=run(state="RUNNING")),
    "a retry is due": lambda: bundle(files={"glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 3}}}),
    "attempt 1 had committed": lambda: bundle(
        snapshot(2, -50, "eu", operation="append", stamp={"job_run_id": "jr_first"}), runs=[good_run(), FIRST, run()]
    ),
    "a manual fix after the run": lambda: bundle(unstamped(2, 40, "eu", operation="append")),
    "a manual fix between attempts": lambda: bundle(
        unstamped(2, -20, "eu", operation="append"), runs=[good_run(), FIRST, run()]
    ),
    "staged, not published": _staged,
    "one of two targets": _two_targets,
    "delta": _delta,
    "plain": lambda: bundle(
        declared={"format": "parquet"},
        files=NO_ICEBERG | {"s3/target.json": listing(f"{LAKE}/", "region=eu/new.parquet", at=minute(5))},
    ),
    "control says success": lambda: bundle(
        declared=CONTROL,
        files={"control/rows.json": [{"batch_id": BATCH, "job_run_id": RUN, "status": "SUCCESS"}]},
    ),
    "commit state unknown": lambda: bundle(
        metadata={"last-sequence-number": 2},
        log=(
            "ERROR ProcessLauncher: Error from Python: org.apache.iceberg.exceptions.CommitStateUnknownException: "
            "Cannot determine whether the commit was successful or not",
        ),
    ),
}
SAID = (
    "INFO Connected to Spark cluster with app ID spark-application-1700000000000",
    "INFO SingleEventLogFileWriter: Logging events to file:/logs/spark-application-1700000000000.inprogress",
    "INFO nothing was written",
    "WARN NativeCodeLoader: Unable to load native-hadoop library",
    "ERROR ThrottlingException: Rate exceeded",
    "INFO SnapshotProducer: Committed snapshot 4242424242424242424 (MergeAppend)",
)


def judged(files: Files) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        incident = triage(Path(folder), files)
    return str(incident.rerun.decision), incident.safe_to_retry


def not_safe(files: Files) -> None:
    decision, safe = judged(files)
    assert decision != "SAFE"
    assert not safe


# --- Taking away -----------------------------------------------------------------------------------------


def _drop_files(files: Files, data: st.DataObject) -> None:
    """Lose whole signals; a Delta log is one, since nothing but its own newest file tells which is its newest."""
    signals = {path.split("/_delta_log/")[0] for path in files.keys() - {"bundle.json"}}
    for signal in data.draw(st.sets(st.sampled_from(sorted(signals)), max_size=4)):
        for path in [path for path in files if path == signal or path.startswith(f"{signal}/")]:
            del files[path]


def _drop_lines(files: Files, data: st.DataObject) -> None:
    for path in [path for path in files if path.startswith("logs/") and files[path]]:
        files[path] = data.draw(st.lists(st.sampled_from(files[path]), unique_by=str))


def _cut_history(files: Files, data: st.DataObject) -> None:
    """Lose the tail of the paged run history (newest first, as Glue answers), which keeps its token."""
    if document := files.get("glue/job_runs.json"):
        newest_first = document["JobRuns"][::-1]
        kept = newest_first[: data.draw(st.integers(0, len(newest_first)))]
        files["glue/job_runs.json"] = {"JobRuns": kept, "NextToken": "more"}


def _cut_listings(files: Files, data: st.DataObject) -> None:
    for path in ("s3/target.json", "s3/source.json"):
        if document := files.get(path):
            kept = document["Contents"][: data.draw(st.integers(0, len(document["Contents"])))]
            files[path] = document | {"Contents": kept, "IsTruncated": True}


def _lose_snapshots(files: Files, data: st.DataObject) -> None:
    """Expire or lose snapshots since the first attempt: their sequence numbers are missing then."""
    for path in [path for path in files if path.endswith("metadata.json") and files[path]]:
        document = files[path]
        kept = data.draw(st.sets(st.integers(1, len(document["snapshots"]))))
        document["snapshots"] = [one for place, one in enumerate(document["snapshots"], 1) if place in kept]


def _lose_entries(files: Files, data: st.DataObject) -> None:
    """Lose manifest entries: each commit's own count of files shows it."""
    for path in [path for path in files if path.endswith("entries.jsonl") and files[path]]:
        files[path] = data.draw(st.lists(st.sampled_from(files[path]), unique_by=str))


def _lose_versions(files: Files, data: st.DataObject) -> None:
    """Lose a Delta version that a newer one or a listing still speaks of: here the older of two."""
    files.pop("delta/target/_delta_log/00000000000000000000.json", None)


def _cut_control(files: Files, data: st.DataObject) -> None:
    if rows := files.get("control/rows.json"):
        files["control/rows.json"] = {"Items": rows[: data.draw(st.integers(0, len(rows)))], "LastEvaluatedKey": "x"}


TAKING = (
    _drop_files,
    _drop_lines,
    _cut_history,
    _cut_listings,
    _lose_snapshots,
    _lose_entries,
    _lose_versions,
    _cut_control,
)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(sorted(NOT_SAFE)), st.lists(st.sampled_from(TAKING), min_size=1, max_size=3, unique=True), st.data()
)
def test_removing_evidence_never_makes_it_safe(
    name: str, taking: list[Callable[[Files, st.DataObject], None]], data: st.DataObject
) -> None:
    files = copy.deepcopy(NOT_SAFE[name]())
    for take in taking:
        take(files, data)
    not_safe(files)


def test_what_is_removed_from_is_not_safe_to_begin_with() -> None:
    for make in NOT_SAFE.values():
        not_safe(make())


# --- Adding ----------------------------------------------------------------------------------------------


@st.composite
def foreign_snapshots(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a commit of somebody else: known by stamp, a compaction, another application, or nobody known."""
    stamp = draw(st.sampled_from([{}, {"batch_id": "2026-11-20"}, {"spark.app.id": "app-20260101000000-0001"}]))
    operation = draw(st.sampled_from(["append", "overwrite", "replace", "delete"]))
    at = draw(st.integers(-55, 45))
    return snapshot(99, at, draw(st.sampled_from(["za", "eu"])), operation=operation, stamp=stamp)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(NOT_SAFE.keys() - {"one of two targets", "delta", "plain", "staged, not published"})),
    st.lists(foreign_snapshots(), max_size=2),
    st.lists(st.sampled_from(SAID), max_size=3),
    st.booleans(),
)
def test_adding_what_is_unrelated_never_makes_it_safe(
    name: str, commits: list[dict[str, Any]], said: list[str], with_run: bool
) -> None:
    files = copy.deepcopy(NOT_SAFE[name]())
    _insert(files, commits)
    stream = files["logs/error/jr_now.jsonl"]
    stream += [
        {"timestamp": one["timestamp"], "message": line, "logStreamName": "x"}
        for one, line in zip(stream, said, strict=False)
    ]
    if with_run:
        other = run("jr_other", at=minute(-1440 * 3), state="FAILED", batch="2026-11-18")
        files["glue/job_runs.json"]["JobRuns"].insert(0, other)
    not_safe(files)


def _insert(files: Files, commits: list[dict[str, Any]]) -> None:
    """Put commits into the chain where their times say, as the catalog would have."""
    document = files["iceberg/target.metadata.json"]
    known = {one["snapshot-id"]: one for one in document["snapshots"]}
    everything = sorted([*known.values(), *commits], key=lambda one: int(one["timestamp-ms"]))
    parent = None
    for number, one in enumerate(everything, 1):
        one["sequence-number"] = number
        one["snapshot-id"] = one["snapshot-id"] if one in known.values() else 5000 + number
        one["parent-snapshot-id"], parent = parent, one["snapshot-id"]
    files["iceberg/target.entries.jsonl"] += [
        {
            "snapshot_id": one["snapshot-id"],
            "status": 1,
            "content": 0,
            "file_path": f"{LAKE}/data/region={region}/{one['snapshot-id']}.parquet",
            "partition": {"region": region},
            "record_count": 100,
            "file_size_in_bytes": 1000,
        }
        for one in commits
        for region in one["_regions"]
    ]
    lost = document["last-sequence-number"] - len(known)
    document |= {
        "snapshots": [{key: value for key, value in one.items() if key != "_regions"} for one in everything],
        "current-snapshot-id": parent,
        "refs": {"main": {"snapshot-id": parent}},
        "last-sequence-number": len(everything) + lost,
        "last-updated-ms": everything[-1]["timestamp-ms"],
        "snapshot-log": [
            {"timestamp-ms": one["timestamp-ms"], "snapshot-id": one["snapshot-id"]} for one in everything
        ],
    }


# --- Stale metadata --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["copied early", "not the current one", "history expired", "catalog asked early"]))
def test_stale_metadata_never_proves_absence(how: str) -> None:
    uri = f"{LAKE}/metadata/00003-ab12cd34.metadata.json"
    note: dict[str, Any] = {"iceberg/target.metadata.json": {"uri": uri}}
    files = bundle()
    match how:
        case "copied early":
            note["iceberg/target.metadata.json"]["observed_at"] = iso(minute(9))
        case "not the current one":
            note["iceberg/target.metadata.json"]["uri"] = f"{LAKE}/metadata/00002-ab12cd34.metadata.json"
        case "history expired":
            files = bundle(metadata={"last-sequence-number": 2})
        case "catalog asked early":
            note["glue/table.json"] = {"observed_at": iso(minute(5))}
    files["bundle.json"]["files"] = note
    with tempfile.TemporaryDirectory() as folder:
        incident = triage(Path(folder), files)
    assert incident.write_state[0].status not in {"NOT_STARTED", "UNCOMMITTED"}
    assert incident.rerun.decision != "SAFE"
