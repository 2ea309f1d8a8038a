"""Writes incident bundles for tests: an Iceberg table whose metadata is consistent, a run, its job and its history.

A test names what matters to it; everything else is quiet, seen, and speaks for a harmless rerun.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipetriage.bootstrap import open_app
from pipetriage.model.incident import Incident

STARTED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ENDED = STARTED + timedelta(minutes=10)
CAPTURED = STARTED + timedelta(hours=1)
RUN, GOOD, BATCH = "jr_now", "jr_good", "2026-11-21"
REGIONS = ("ap", "eu", "us")
LAKE = "s3://lake/sales.db/orders"
THROTTLED = (
    "An error occurred (ThrottlingException) when calling the GetTable operation "
    "(reached max retries: 5): Rate exceeded"
)
Snapshot = dict[str, Any]


def iso(at: datetime) -> str:
    return at.isoformat()


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def minute(number: float) -> datetime:
    """Give the time that many minutes after the run's start."""
    return STARTED + timedelta(minutes=number)


def run(
    run_id: str = RUN, *, at: datetime = STARTED, state: str = "FAILED", batch: str | None = BATCH, **more: Any
) -> Any:
    document = {
        "Id": run_id,
        "Attempt": 0,
        "JobName": "orders",
        "JobRunState": state,
        "StartedOn": iso(at),
        "Arguments": {"--batch_id": batch} if batch else {},
    }
    if state not in {"RUNNING", "STARTING", "WAITING", "STOPPING"}:
        document["CompletedOn"] = iso(at + timedelta(minutes=10))
    if state == "FAILED":
        document["ErrorMessage"] = THROTTLED
    return document | more


def good_run(**more: Any) -> Any:
    return run(GOOD, at=STARTED - timedelta(days=1), state="SUCCEEDED", batch="2026-11-20", **more)


def snapshot(
    number: int,
    at: float,
    *regions: str,
    operation: str = "overwrite",
    stamp: dict[str, str] | None = None,
    **more: Any,
) -> Snapshot:
    """Make the commit ``number`` (its sequence number), ``at`` minutes after the start, adding one file a region."""
    summary = {
        "operation": operation,
        "added-data-files": str(len(regions)),
        "added-records": str(100 * len(regions)),
        "total-data-files": "50",
    }
    return {
        "snapshot-id": 1000 + number,
        "parent-snapshot-id": 999 + number if number > 1 else None,
        "sequence-number": number,
        "timestamp-ms": ms(minute(at)),
        "summary": summary | ({"batch_id": BATCH} if stamp is None else stamp),
        "_regions": regions,
    } | more


def unstamped(number: int, at: float, *regions: str, **more: Any) -> Snapshot:
    return snapshot(number, at, *regions, stamp={}, **more)


def before() -> Snapshot:
    """Make the commit of the day before."""
    return snapshot(1, -1440, *REGIONS, stamp={"batch_id": "2026-11-20"})


def iceberg(*since: Snapshot, location: str = LAKE, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Make metadata and entries of a table with one old commit and these since."""
    snapshots = [before(), *since]
    current = snapshots[-1]
    metadata = {
        "format-version": 2,
        "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
        "location": location,
        "last-sequence-number": max(one["sequence-number"] for one in snapshots),
        "last-updated-ms": max(one["timestamp-ms"] for one in snapshots),
        "current-snapshot-id": current["snapshot-id"],
        "snapshots": [{key: value for key, value in one.items() if key != "_regions"} for one in snapshots],
        "refs": {"main": {"snapshot-id": current["snapshot-id"], "type": "branch"}},
        "snapshot-log": [{"timestamp-ms": s["timestamp-ms"], "snapshot-id": s["snapshot-id"]} for s in snapshots],
        "metadata-log": [],
    }
    entries = [
        {
            "snapshot_id": one["snapshot-id"],
            "status": 1,
            "content": 0,
            "sequence_number": one["sequence-number"],
            "file_path": f"{location}/data/region={region}/{one['snapshot-id']}.parquet",
            "partition": {"region": region},
            "record_count": 100,
            "file_size_in_bytes": 1000,
        }
        for one in since
        for region in one["_regions"]
    ]
    return metadata | more, entries


def table(name: str = "orders", location: str = LAKE, **more: Any) -> dict[str, Any]:
    entry = {
        "Name": name,
        "DatabaseName": "sales",
        "CreateTime": "2025-01-01T00:00:00+00:00",
        "Parameters": {
            "table_type": "ICEBERG",
            "metadata_location": f"{location}/metadata/00003-ab12cd34.metadata.json",
        },
    }
    return {"Table": entry | more}


def listing(prefix: str, *keys: str, at: datetime = STARTED - timedelta(hours=3), **more: Any) -> dict[str, Any]:
    bucket, _, folder = prefix.removeprefix("s3://").partition("/")
    contents = [{"Key": f"{folder}{key}", "Size": 1000, "LastModified": iso(at)} for key in keys]
    return {"Name": bucket, "Prefix": folder, "KeyCount": len(keys), "Contents": contents, **more}


def pipeline(**more: Any) -> dict[str, Any]:
    return {
        "name": "orders",
        "glue_job": "orders",
        "batch_id": {"from": "argument", "name": "batch_id"},
        "source": "s3://raw/orders/{batch_id}/",
        "target": "sales.orders",
        "format": "iceberg",
        "write_mode": "append",
        "partition_field": "region",
        "expected_partitions": list(REGIONS),
        "control": "none",
    } | more


OVERWRITE = {"write_mode": "overwrite_partitions"}


def bundle(
    *since: Snapshot,
    declared: dict[str, Any] | None = None,
    runs: list[Any] | None = None,
    this_run: Any = None,
    manifest: dict[str, Any] | None = None,
    files: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    log: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Give a bundle's files by path; a value of None leaves one out, a list under ``.jsonl`` is a document a line."""
    document, entries = iceberg(*since, **(metadata or {}))
    mine = this_run or run()
    lines = ["INFO Job started", f"ERROR ProcessLauncher: Error from Python: {THROTTLED}", *log]
    made: dict[str, Any] = {
        "bundle.json": {
            "bundle_version": 1,
            "captured_at": iso(CAPTURED),
            "run": {"job_name": "orders", "job_run_id": mine["Id"]},
            "pipeline": pipeline(**(declared or {})),
            "files": {"iceberg/target.metadata.json": {"uri": f"{LAKE}/metadata/00003-ab12cd34.metadata.json"}},
        }
        | (manifest or {}),
        "glue/job_run.json": {"JobRun": mine},
        "glue/job_runs.json": {"JobRuns": [good_run(), mine] if runs is None else runs},
        "glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 0}},
        "glue/table.json": table(),
        "iceberg/target.metadata.json": document,
        "iceberg/target.entries.jsonl": entries,
        "s3/source.json": listing(f"s3://raw/orders/{BATCH}/", "part-0.csv"),
        "s3/target.json": listing(f"{LAKE}/", "data/region=eu/1001.parquet"),
        "logs/error/jr_now.jsonl": [
            {"timestamp": ms(minute(9)) + index, "message": line, "logStreamName": RUN}
            for index, line in enumerate(lines)
        ],
    }
    return made | (files or {})


def write(folder: Path, files: dict[str, Any]) -> Path:
    for path, content in files.items():
        if content is None:
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            target.write_text(content)
        elif path.endswith(".jsonl") or "_delta_log/" in path:
            target.write_text("".join(json.dumps(line) + "\n" for line in content))
        else:
            target.write_text(json.dumps(content))
    return folder


def triage(folder: Path, files: dict[str, Any]) -> Incident:
    """Triage the bundle as the command line would."""
    return open_app(use_store=False).triage(str(write(folder, files)))


def broken(incident: Incident) -> set[str]:
    """Name the rules that do not hold."""
    return {one.rule for one in (*incident.rerun.reasons, *incident.retry_reasons) if not one.holds}


def statuses(incident: Incident) -> dict[str, str]:
    return {f"{one.role}:{one.table}": str(one.status) for one in incident.write_state}
