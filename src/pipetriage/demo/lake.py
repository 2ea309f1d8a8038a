"""The lake: Iceberg tables in local files, a catalog and the control tables in SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, DecimalType, LongType, NestedField, StringType, TimestampType
from sqlalchemy import Column, Integer, MetaData, String, create_engine
from sqlalchemy import Table as SqlTable
from sqlalchemy.pool import NullPool

STAGING, ORDERS, CLICKS = "sales.orders_staging", "sales.orders", "web.clicks"

_ORDERS_SCHEMA = Schema(
    NestedField(1, "order_id", StringType()),
    NestedField(2, "shop", StringType()),
    NestedField(3, "ordered_at", TimestampType()),
    NestedField(4, "quantity", LongType()),
    NestedField(5, "amount", DecimalType(10, 2)),
    NestedField(6, "order_date", DateType()),
)
_ORDERS_PARTITIONS = PartitionSpec(
    PartitionField(6, 1000, IdentityTransform(), "order_date"), PartitionField(2, 1001, IdentityTransform(), "shop")
)
_CLICKS_SCHEMA = Schema(
    NestedField(1, "click_id", StringType()),
    NestedField(2, "page", StringType()),
    NestedField(3, "clicked_at", TimestampType()),
    NestedField(4, "event_hour", StringType()),
)
_CLICKS_PARTITIONS = PartitionSpec(PartitionField(4, 1000, IdentityTransform(), "event_hour"))


class Lake:
    """The tables under one folder. Close it before the folder is copied, replaced or removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._catalog = SqlCatalog(
            "lake",
            uri=f"sqlite:///{folder / 'catalog.db'}",
            warehouse=f"file://{folder / 'warehouse'}",
        )

    def create_tables(self) -> None:
        """Create the three tables, empty."""
        for namespace in ("sales", "web"):
            self._catalog.create_namespace(namespace)
        for name in (STAGING, ORDERS):
            self._catalog.create_table(name, _ORDERS_SCHEMA, partition_spec=_ORDERS_PARTITIONS)
        self._catalog.create_table(CLICKS, _CLICKS_SCHEMA, partition_spec=_CLICKS_PARTITIONS)

    def table(self, name: str) -> Table:
        """Load a table as it is now."""
        return self._catalog.load_table(name)

    def orders_of(self, table: str, day: date) -> pa.Table:
        """Read all rows of one day."""
        return self.table(table).scan(row_filter=f"order_date = '{day}'").to_arrow()

    def close(self) -> None:
        """Let go of the catalog's file."""
        self._catalog.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ControlTable:
    """One pipeline's control table: one row a run, kept by the job itself."""

    def __init__(self, database: Path, name: str) -> None:
        self._engine = create_engine(f"sqlite:///{database}", poolclass=NullPool)
        metadata = MetaData()
        self._table = SqlTable(
            name,
            metadata,
            Column("job_run_id", String, primary_key=True),
            Column("batch_id", String, nullable=False),
            Column("status", String, nullable=False),
            Column("step", String),
            Column("attempt", Integer, nullable=False),
            Column("source_path", String),
            Column("records", Integer),
            Column("updated_at", String, nullable=False),
        )
        metadata.create_all(self._engine)

    @contextmanager
    def row(self, run_id: str, batch_id: str, source_path: str) -> Iterator["ControlRow"]:
        """Keep one run's row: RUNNING now, SUCCESS or FAILED at the end."""
        row = ControlRow(self, run_id)
        with self._engine.begin() as connection:
            earlier = connection.execute(self._table.select().where(self._table.c.batch_id == batch_id)).all()
            connection.execute(
                self._table.insert().values(
                    job_run_id=run_id,
                    batch_id=batch_id,
                    status="RUNNING",
                    step="start",
                    attempt=len(earlier),
                    source_path=source_path,
                    records=0,
                    updated_at=_now(),
                )
            )
        try:
            yield row
        except BaseException:
            self.update(run_id, status="FAILED")
            raise
        self.update(run_id, status="SUCCESS")

    def update(self, run_id: str, **values: Any) -> None:
        """Change columns of one run's row."""
        with self._engine.begin() as connection:
            connection.execute(
                self._table.update().where(self._table.c.job_run_id == run_id).values(**values, updated_at=_now())
            )


class ControlRow:
    """The row of the run in progress."""

    def __init__(self, table: ControlTable, run_id: str) -> None:
        self._table = table
        self._run_id = run_id

    def reached(self, step: str, records: int) -> None:
        """Note the step and the records written so far."""
        self._table.update(self._run_id, step=step, records=records)


def _now() -> str:
    return datetime.now(UTC).isoformat()
