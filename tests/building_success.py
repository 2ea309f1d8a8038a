"""A pipeline whose runs go well day after day, in an emulated account; the last one is the run that is looked at.

A test names what is odd about it. Everything else is an ordinary, stamped, daily append to an Iceberg table.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from pipetriage.bootstrap import App
from pipetriage.model.pipeline import Pipeline
from pipetriage.settings import AwsSettings, Settings
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.iceberg import put_manifests

JOB, TABLE, LAKE = "orders_daily", "sales.orders", "s3://lake/sales.db/orders"
LAST = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
REGIONS = ("ap", "eu", "us")
STAMP = "glue-job-run-id"
ERROR_GROUP = "/aws-glue/jobs/error"
FAILED_EVENT = (
    '26/11/22 02:05:00 ERROR GlueExceptionAnalysisListener: [Glue Exception Analysis] {{"Event": "{event}", '
    '"Timestamp": 1, "Failure Reason": "{why}", "Stack Trace": []}}'
)
Document = dict[str, Any]


def run_id(days_ago: int) -> str:
    return f"jr_{days_ago:04d}"


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def run(days_ago: int = 0, **more: Any) -> Document:
    started = LAST - timedelta(days=days_ago)
    return {
        "JobName": JOB,
        "Id": run_id(days_ago),
        "JobRunState": "SUCCEEDED",
        "StartedOn": started.isoformat(),
        "CompletedOn": (started + timedelta(minutes=10)).isoformat(),
        "ExecutionTime": 600,
        "GlueVersion": "4.0",
        "Arguments": {"--batch_id": f"{started:%Y-%m-%d}"},
    } | more


def commit(
    days_ago: float = 0,
    records: int = 100_000,
    *,
    regions: tuple[str, ...] = REGIONS,
    stamp: str | None = "",
    minute: float = 8,
    **summary: Any,
) -> Document:
    """Make one commit; ``stamp`` None leaves it unsigned, empty signs it with that day's run."""
    at = LAST - timedelta(days=days_ago) + timedelta(minutes=minute)
    keys = {} if stamp is None else {STAMP: stamp or run_id(int(days_ago))}
    counted = {
        "operation": "append",
        "added-data-files": str(len(regions)),
        "added-records": str(records),
        "added-files-size": str(records * 10),
        "changed-partition-count": str(len(regions)),
        "total-records": "1000000",
    }
    return {"timestamp-ms": ms(at), "summary": counted | keys | summary, "_regions": regions, "_records": records}


def metadata(commits: list[Document], location: str = LAKE, *, expired: int = 0, **more: Any) -> Document:
    """Make a table's metadata file of these commits, oldest first; the first ``expired`` are no longer in it."""
    numbered = [
        {
            "snapshot-id": 1000 + number,
            "sequence-number": number,
            "manifest-list": f"{location}/metadata/snap-{1000 + number}.avro",
            "schema-id": 0,
            **({"parent-snapshot-id": 999 + number} if number > 1 else {}),
            **{key: value for key, value in one.items() if not key.startswith("_")},
        }
        for number, one in enumerate(commits, 1)
    ]
    last: Document = numbered[-1] if numbered else {}
    current = {"current-snapshot-id": last["snapshot-id"]} if numbered else {}
    return {
        "format-version": 2,
        "table-uuid": str(uuid5(NAMESPACE_URL, location)),
        "location": location,
        "last-sequence-number": len(numbered),
        "last-updated-ms": last.get("timestamp-ms", ms(LAST - timedelta(days=400))),
        "last-column-id": 2,
        "current-schema-id": 0,
        "schemas": [
            {
                "type": "struct",
                "schema-id": 0,
                "fields": [
                    {"id": 1, "name": "id", "required": False, "type": "long"},
                    {"id": 2, "name": "region", "required": False, "type": "string"},
                ],
            }
        ],
        "default-spec-id": 0,
        "partition-specs": [
            {
                "spec-id": 0,
                "fields": [{"name": "region", "transform": "identity", "source-id": 2, "field-id": 1000}],
            }
        ],
        "last-partition-id": 1000,
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {},
        "snapshots": numbered[expired:],
        "refs": {"main": {"snapshot-id": last["snapshot-id"], "type": "branch"}} if numbered else {},
        "snapshot-log": [
            {"timestamp-ms": one["timestamp-ms"], "snapshot-id": one["snapshot-id"]} for one in numbered[expired:]
        ],
        "metadata-log": [],
        **current,
        **more,
    }


def put_table(
    account: EmulatedAccount, commits: list[Document], table: str = TABLE, location: str = LAKE, **more: Any
) -> None:
    """Put the table with its manifests and its entry in the catalog."""
    document = metadata(commits, location, **more)
    place = f"{location}/metadata/{len(commits):05d}-ab12cd34.metadata.json"
    rows = [
        {
            "snapshot_id": 1000 + number,
            "status": 1,
            "content": 0,
            "sequence_number": number,
            "file_path": f"{location}/data/region={region}/{number}.parquet",
            "partition": {"region": region},
            "record_count": one["_records"] // max(1, len(one["_regions"])),
            "file_size_in_bytes": 1000,
        }
        for number, one in enumerate(commits, 1)
        for region in one["_regions"]
    ]
    put_manifests(document, rows, account.put_object)
    account.put_object(place, msgspec.json.encode(document))
    database, _, name = table.rpartition(".")
    account.put_table(
        {
            "DatabaseName": database,
            "Name": name,
            "CreateTime": "2025-01-01T00:00:00+00:00",
            "Parameters": {"table_type": "ICEBERG", "metadata_location": place},
            "StorageDescriptor": {"Location": location},
        }
    )


def put_days(
    account: EmulatedAccount,
    *this_run: Document,
    days: int = 10,
    log: tuple[str, ...] = ("INFO done",),
    default_arguments: Document | None = None,
    before: list[Document] | None = None,
    **more: Any,
) -> None:
    """Put a job with so many good days and this run's commits, its log and its table."""
    account.put_job(
        {"Name": JOB, "Command": {"Name": "glueetl"}, "MaxRetries": 0, "DefaultArguments": default_arguments or {}}
    )
    for day in range(days, -1, -1):
        account.put_run(run(day))
    past = [commit(day, 100_000 + day) for day in range(days, 0, -1)] if before is None else before
    put_table(account, [*past, *this_run], **more)
    events = [(ms(LAST) + 1000 * number, line) for number, line in enumerate(log)]
    account.put_log_events(ERROR_GROUP, run_id(0), events)


def put_metric(account: EmulatedAccount, name: str, value: float) -> None:
    group = {} if ".aggregate." in name else {"ObservabilityGroup": "throughput", "Source": "ALL"}
    kind = "count" if ".aggregate." in name else "gauge"
    at = (LAST + timedelta(minutes=5)).isoformat()
    account.put_metric(name, [(at, value)], {"JobName": JOB, "JobRunId": run_id(0), "Type": kind} | group)


def app_for(account: EmulatedAccount, *, deadline_seconds: float = 20.0, **declared: Any) -> App:
    """Wire the program to the account, with the pipeline declared."""
    pipeline = {
        "name": "orders",
        "glue_job": JOB,
        "batch_id": {"from": "argument", "name": "batch_id"},
        "target": TABLE,
        "format": "iceberg",
        "write_mode": "append",
        "partition_field": "region",
        "control": "none",
    } | declared
    aws = AwsSettings(region=REGION, endpoint_url=account.url, deadline_seconds=deadline_seconds)
    one = msgspec.convert(pipeline, Pipeline, strict=False)
    return App(Settings(aws=aws), {one.name: one}, Path("/"), None)
