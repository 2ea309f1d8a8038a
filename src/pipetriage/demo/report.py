"""The scheduled downstream report: reads the day's revenue from staging, because it is early there."""

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc  # type: ignore[import-untyped]  # pyarrow ships no types

from pipetriage.demo.lake import STAGING, Lake

NAME = "revenue_report"
_PRODUCER = "https://github.com/pipetriage/pipetriage/tree/main/src/pipetriage/demo"
_SPEC = "https://openlineage.io/spec"


class Revenue(NamedTuple):
    """What the report published."""

    total: Decimal
    shops: int
    orders: int
    snapshot_id: int


def revenue_report(lake: Lake, day: date, lineage: Path) -> Revenue:
    """Sum up the day and emit OpenLineage START and COMPLETE events that name the snapshot read."""
    run_id = str(uuid.uuid4())
    table = lake.table(STAGING)
    snapshot = table.current_snapshot()
    if snapshot is None:
        raise ValueError(f"{STAGING} has no snapshot to report on")
    dataset = _dataset(table.location(), snapshot.snapshot_id)
    _emit(lineage, "START", run_id, dataset)
    scan = table.scan(row_filter=f"order_date = '{day}'", snapshot_id=snapshot.snapshot_id)
    orders = scan.to_arrow()
    total = pc.sum(orders["amount"]).as_py() or Decimal(0)
    _emit(lineage, "COMPLETE", run_id, dataset)
    return Revenue(total, len(pc.unique(orders["shop"])), len(orders), snapshot.snapshot_id)


def _dataset(location: str, snapshot_id: int) -> dict[str, Any]:
    """Name the table by its location, its catalog name as a symlink, its version being the snapshot."""
    return {
        "namespace": "file",
        "name": location.removeprefix("file://"),
        "facets": {
            "version": {
                "_producer": _PRODUCER,
                "_schemaURL": f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json",
                "datasetVersion": str(snapshot_id),
            },
            "symlinks": {
                "_producer": _PRODUCER,
                "_schemaURL": f"{_SPEC}/facets/1-0-1/SymlinksDatasetFacet.json",
                "identifiers": [{"namespace": "iceberg://lake", "name": STAGING, "type": "TABLE"}],
            },
        },
    }


def _emit(lineage: Path, kind: str, run_id: str, dataset: dict[str, Any]) -> None:
    event = {
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(),
        "producer": _PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id, "facets": {}},
        "job": {"namespace": "scheduler", "name": NAME, "facets": {}},
        "inputs": [dataset],
        "outputs": [],
    }
    lineage.parent.mkdir(parents=True, exist_ok=True)
    with lineage.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
