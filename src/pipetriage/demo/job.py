"""The two jobs. Ordinary pipeline code with an ordinary flaw: staging is filled by append and never cleared first."""

import logging
from datetime import date
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.json  # type: ignore[import-untyped]
from pyiceberg.table import Table

from pipetriage.demo.lake import CLICKS, ORDERS, STAGING, ControlTable, Lake

# What the contract with the cash registers says. Columns beyond it keep the type that pyarrow infers.
ORDER_FIELDS = pa.schema(
    [
        ("order_id", pa.string()),
        ("shop", pa.string()),
        ("ordered_at", pa.timestamp("us")),
        ("quantity", pa.int64()),
        ("amount", pa.decimal128(10, 2)),
    ]
)
CLICK_FIELDS = pa.schema([("click_id", pa.string()), ("page", pa.string()), ("clicked_at", pa.timestamp("us"))])


def orders_daily(lake: Lake, control: ControlTable, run_id: str, batch_id: str, source_path: str) -> None:
    """Append each shop's file to staging, then publish the day to the curated table in one commit."""
    log = logging.getLogger("orders_daily")
    stamp = {"job_run_id": run_id, "batch_id": batch_id}
    day = date.fromisoformat(batch_id)
    staging, curated = lake.table(STAGING), lake.table(ORDERS)
    with control.row(run_id, batch_id, source_path) as row:
        files = sorted(Path(source_path).iterdir())
        log.info("Reading %d files of %s", len(files), source_path)
        records = 0
        for file in files:
            orders = read_events(file, ORDER_FIELDS)
            orders = orders.append_column("order_date", pa.array([day] * len(orders), pa.date32()))
            staging.append(orders, snapshot_properties=stamp)
            records += len(orders)
            row.reached("stage", records)
            log.info("Staged %d orders of %s as snapshot %s", len(orders), file.name, _current(staging))
        complete = lake.orders_of(STAGING, day)
        curated.append(complete, snapshot_properties=stamp)
        row.reached("publish", len(complete))
        log.info("Published %d orders of %s as snapshot %s", len(complete), batch_id, _current(curated))
        staging.delete(f"order_date = '{batch_id}'", snapshot_properties=stamp)


def clicks_hourly(lake: Lake, control: ControlTable, run_id: str, batch_id: str, source_path: str) -> None:
    """Append one hour of clicks in one commit."""
    log = logging.getLogger("clicks_hourly")
    table = lake.table(CLICKS)
    with control.row(run_id, batch_id, source_path) as row:
        files = sorted(Path(source_path).iterdir())
        clicks = pa.concat_tables([read_events(file, CLICK_FIELDS) for file in files])
        clicks = clicks.append_column("event_hour", pa.array([batch_id] * len(clicks)))
        table.append(clicks, snapshot_properties={"job_run_id": run_id, "batch_id": batch_id})
        row.reached("append", len(clicks))
        log.info("Appended %d clicks of %s as snapshot %s", len(clicks), batch_id, _current(table))


def read_events(file: Path, fields: pa.Schema) -> pa.Table:
    """Read one JSON-lines file with the declared types."""
    return pyarrow.json.read_json(file, parse_options=pyarrow.json.ParseOptions(explicit_schema=fields))


def _current(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None
