"""Data files of Iceberg tables, and the snapshot producer that pyiceberg lacks."""

from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.snapshots import Summary as SnapshotSummary
from pyiceberg.table.update import update_table_metadata
from pyiceberg.table.update.snapshot import _OverwriteFiles

from lab.changes import in_order
from lab.rows import COLUMNS, Row


def _without_copies(transaction: Transaction) -> TableMetadata:
    """Give the metadata a transaction starts from as it is, where pyiceberg copies it deeply each of ~16 times it asks.

    Nothing writes to it, and the lab makes tens of thousands of commits.
    """
    if not transaction._updates:
        return transaction._table.metadata
    return update_table_metadata(transaction._table.metadata, transaction._updates)


Transaction.table_metadata = property(_without_copies)  # type: ignore[assignment, method-assign]


class Rewrite(_OverwriteFiles):
    """A compaction: the same rows in other files, operation ``replace``, which pyiceberg has no producer for."""

    def _summary(self, snapshot_properties: dict[str, str] = {}) -> SnapshotSummary:  # noqa: B006 - pyiceberg's own
        made = super()._summary(snapshot_properties)
        return SnapshotSummary(operation=Operation.REPLACE, **made.additional_properties)


def files_of(table: Table, snapshot: Any) -> list[DataFile]:
    """List a snapshot's live data files; None has none."""
    if snapshot is None:
        return []
    return [
        entry.data_file
        for manifest in snapshot.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def rewritten(live: list[DataFile], hit: Any) -> tuple[list[DataFile], list[Row]]:
    """Copy on write: every file with a row that is hit goes, and its other rows are written again."""
    removed: list[DataFile] = []
    kept: list[Row] = []
    for file in live:
        rows = read_rows(file)
        if any(hit(row) for row in rows):
            removed.append(file)
            kept.extend(row for row in rows if not hit(row))
    return removed, kept


def partition_values(file: DataFile) -> tuple[str, ...]:
    """Give the partition a file lies in."""
    return tuple(str(file.partition[position]) for position in range(len(file.partition)))


def read_rows(file: DataFile) -> list[Row]:
    """Read a file's rows."""
    table = pq.read_table(file.file_path.removeprefix("file://"), columns=list(COLUMNS), partitioning=None)
    return [Row(*values) for values in zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True)]


def arrow(rows: list[Row]) -> pa.Table:
    """Give rows as pyiceberg takes them."""
    schema = pa.schema([(name, pa.int64() if name == "amount" else pa.string()) for name in COLUMNS])
    return pa.table(in_order(rows), schema=schema)
