"""Iceberg tables through pyiceberg, committed in the shape Spark gives its commits, or as pyiceberg itself does.

Spark adds and deletes data files in one snapshot of operation ``overwrite``; pyiceberg's own ``overwrite`` makes two.
pyiceberg's lower-level snapshot producers can do the former, which is why they are used here.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _OverwriteFiles
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from lab.changes import CommitConflictError, Committed, Prepared, Summary
from lab.iceberg_files import Rewrite, arrow, files_of, partition_values, read_rows, rewritten
from lab.recipes import Op
from lab.rows import Layout, Row, partition, partition_columns

_SCHEMA = Schema(
    NestedField(1, "id", StringType()),
    NestedField(2, "day", StringType()),
    NestedField(3, "shop", StringType()),
    NestedField(4, "key", StringType()),
    NestedField(5, "amount", LongType()),
)
_FIELD_IDS = {field.name: field.field_id for field in _SCHEMA.fields}
# One writer at a time decides: a conflict is the job's to handle, as with Spark once its retries are used up.
_PROPERTIES = {"commit.retry.num-retries": "0"}
MAIN = "main"


class IcebergTables:
    """The lake's Iceberg tables, in a SQLite catalog."""

    def __init__(self, folder: Path, layout: Layout, version: Literal[1, 2] = 2) -> None:
        self._layout = layout
        self._version = version
        self.strict = False
        """Whether an append, too, fails when another writer committed first (its retries are used up)."""
        folder.mkdir(parents=True, exist_ok=True)
        self._catalog = SqlCatalog("lab", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")

    def create(self, table: str) -> None:
        """Create an empty table."""
        fields = [
            PartitionField(_FIELD_IDS[name], 1000 + number, IdentityTransform(), name)
            for number, name in enumerate(partition_columns(self._layout))
        ]
        self._catalog.create_namespace_if_not_exists(table.partition(".")[0])
        properties = {**_PROPERTIES, "format-version": str(self._version)}
        self._catalog.create_table(table, _SCHEMA, partition_spec=PartitionSpec(*fields), properties=properties)

    def prepare(self, op: Op, table: str, rows: list[Row], summary: Summary, stage: str) -> Prepared:
        """Write the data files of a change."""
        loaded = self._catalog.load_table(table)
        match op:
            case "python_overwrite" | "python_upsert":
                return self._by_pyiceberg(loaded, op, rows, dict(summary))
            case "cherry_pick":
                return Prepared(lambda: self._cherry_pick(table, dict(summary), stage))
            case "fast_forward":
                return Prepared(lambda: self._fast_forward(table, stage))
            case "stage":
                # Spark stages a snapshot that no branch points to, and names it in its summary.
                return self._change(loaded, [], rows, {**summary, "wap.id": stage}, branch=None)
            case "branch_append":
                return self._on_branch(loaded, rows, dict(summary), stage)
            case "replace_partitions" | "replace_all":
                extra = {"replace-partitions": "true"} if op == "replace_partitions" else {}
                # Spark decides at the commit which files are replaced, so that it can commit over others' commits.
                replaced = partial(self._replaced, op, rows)
                return self._change(loaded, replaced, rows, {**summary, **extra}, forced=True)
            case _:
                removed, kept = self._removed(loaded, op, rows)
                added = [*kept] if op in {"delete_day", "empty"} else [*rows, *kept]
                return self._change(loaded, removed, added, dict(summary), emptied=op == "empty")

    def _replaced(self, op: Op, rows: list[Row], table: Table) -> list[DataFile]:
        live = files_of(table, table.current_snapshot())
        wanted = {partition(row, self._layout) for row in rows}
        return [file for file in live if op == "replace_all" or partition_values(file) in wanted]

    def _removed(self, table: Table, op: Op, rows: list[Row]) -> tuple[list[DataFile], list[Row]]:
        """Name the files a change removes, and the rows in them that stay."""
        live = [] if op in {"append", "merge_insert"} else files_of(table, table.current_snapshot())
        match op:
            case "empty":
                return live, []
            case "delete_day":
                days = {row.day for row in rows}
                return rewritten(live, lambda row: row.day in days)
            case "merge_key":
                keys = {row.key for row in rows}
                return rewritten(live, lambda row: row.key in keys)
            case _:
                return [], []

    def _change(
        self,
        table: Table,
        removed: list[DataFile] | Callable[[Table], list[DataFile]],
        rows: list[Row],
        summary: dict[str, str],
        *,
        branch: str | None = MAIN,
        forced: bool = False,
        emptied: bool = False,
        rewrite: bool = False,
    ) -> Prepared:
        added = list(_dataframe_to_data_files(table.metadata, arrow(rows), table.io)) if rows else []
        copied = not callable(removed) and bool(removed)
        kind = Rewrite if rewrite else _OverwriteFiles

        def commit() -> Committed:
            if not copied and not self.strict:
                table.refresh()
            gone = removed(table) if callable(removed) else removed
            # Emptying an empty table is a commit, too.
            operation = Operation.DELETE if emptied else Operation.APPEND
            if gone or forced:
                operation = Operation.OVERWRITE if added or forced else Operation.DELETE
            with table.transaction() as transaction:
                made = kind(
                    operation=operation,
                    transaction=transaction,
                    io=table.io,
                    snapshot_properties=summary,
                    branch=branch,
                )
                for file in added:
                    made.append_data_file(file)
                for file in gone:
                    made.delete_data_file(file)
                made.commit()
            return Committed(str(made.snapshot_id), operation.value)

        return Prepared(_told(commit))

    def _by_pyiceberg(self, table: Table, op: Op, rows: list[Row], summary: dict[str, str]) -> Prepared:
        def commit() -> Committed:
            if op == "python_upsert":
                table.upsert(arrow(rows), join_cols=["key"], snapshot_properties=summary)
            elif rows:
                table.overwrite(arrow(rows), overwrite_filter=self._filter(rows), snapshot_properties=summary)
            current = table.current_snapshot()
            return Committed(str(current.snapshot_id) if current else None, "overwrite")

        return Prepared(_told(commit))

    def _filter(self, rows: list[Row]) -> str:
        parts = []
        for column in partition_columns(self._layout):
            values = ", ".join(f"'{value}'" for value in sorted({str(getattr(row, column)) for row in rows}))
            parts.append(f"{column} in ({values})")
        return " and ".join(parts)

    def _cherry_pick(self, name: str, summary: dict[str, str], stage: str) -> Committed:
        """Publish as Spark's ``publish_changes`` does: the first snapshot staged under this id, however old."""
        table = self._catalog.load_table(name)
        staged = next(one for one in table.metadata.snapshots if one.summary and one.summary.get("wap.id") == stage)
        current = table.current_snapshot()
        if staged.parent_snapshot_id == (current.snapshot_id if current else None):
            table.manage_snapshots().set_current_snapshot(snapshot_id=staged.snapshot_id).commit()
            return Committed(str(staged.snapshot_id), "append")
        files = [file for file in files_of(table, staged) if file not in set(files_of(table, current))]
        if (parent := table.snapshot_by_id(staged.parent_snapshot_id or 0)) is not None:
            before = set(files_of(table, parent))
            files = [file for file in files_of(table, staged) if file not in before]
        picked = {**summary, "source-snapshot-id": str(staged.snapshot_id), "published-wap-id": stage}
        with table.transaction() as transaction:
            made = transaction.update_snapshot(snapshot_properties=picked).fast_append()
            for file in files:
                made.append_data_file(file)
            made.commit()
        return Committed(str(made.snapshot_id), "append")

    def _on_branch(self, table: Table, rows: list[Row], summary: dict[str, str], stage: str) -> Prepared:
        current = table.current_snapshot()
        if stage not in table.refs() and current is not None:
            table.manage_snapshots().create_branch(current.snapshot_id, stage).commit()
            table.refresh()
        return self._change(table, [], rows, summary, branch=stage)

    def _fast_forward(self, name: str, stage: str) -> Committed:
        table = self._catalog.load_table(name)
        head = table.refs()[stage].snapshot_id
        current, walked = table.current_snapshot(), table.snapshot_by_id(head)
        while walked is not None and current is not None and walked.snapshot_id != current.snapshot_id:
            walked = table.snapshot_by_id(walked.parent_snapshot_id) if walked.parent_snapshot_id else None
        if current is not None and walked is None:
            raise CommitConflictError(f"Cannot fast-forward: main is not an ancestor of {stage}")
        changes = table.manage_snapshots().set_current_snapshot(snapshot_id=head)
        changes.remove_branch(stage).commit()
        return Committed(str(head), "fast-forward")

    def finish(self, table: str) -> None:
        """Nothing: each commit stands by itself."""

    def abort(self, table: str) -> None:
        """Nothing: what was not committed lies there as orphan files."""

    def rows(self, table: str) -> Counter[Row]:
        """Give the rows that readers see."""
        loaded = self._catalog.load_table(table)
        return Counter(row for file in files_of(loaded, loaded.current_snapshot()) for row in read_rows(file))

    def remove(self, table: str, rows: list[Row], summary: Summary) -> None:
        """Delete these rows, as a person's DELETE does."""
        loaded = self._catalog.load_table(table)
        gone = set(rows)
        removed, kept = rewritten(files_of(loaded, loaded.current_snapshot()), lambda row: row in gone)
        if removed:
            self._change(loaded, removed, kept, dict(summary)).commit()

    def compact(self, table: str, summary: Summary) -> None:
        """Rewrite all files of the table into one a partition, as ``rewrite_data_files`` does."""
        loaded = self._catalog.load_table(table)
        live = files_of(loaded, loaded.current_snapshot())
        if live:
            rows = [row for file in live for row in read_rows(file)]
            self._change(loaded, live, rows, dict(summary), forced=True, rewrite=True).commit()

    def mark(self, table: str) -> str | None:
        """Name the current snapshot."""
        current = self._catalog.load_table(table).current_snapshot()
        return str(current.snapshot_id) if current else None

    def roll_back(self, table: str, mark: str) -> None:
        """Make an earlier snapshot current again."""
        self._catalog.load_table(table).manage_snapshots().rollback_to_snapshot(int(mark)).commit()

    def expire(self, table: str) -> None:
        """Expire every snapshot that no branch points to."""
        loaded = self._catalog.load_table(table)
        kept = {ref.snapshot_id for ref in loaded.refs().values()}
        old = [one.snapshot_id for one in loaded.metadata.snapshots if one.snapshot_id not in kept]
        if old:
            loaded.maintenance.expire_snapshots().by_ids(old).commit()

    def recreate(self, table: str) -> None:
        """Drop the table and create it anew with the same rows."""
        rows = list(self.rows(table).elements())
        self._catalog.drop_table(table)
        self.create(table)
        if rows:
            self._catalog.load_table(table).append(arrow(rows))

    def close(self) -> None:
        """Let go of the catalog's file."""
        self._catalog.engine.dispose()


def _told(commit: Any) -> Any:
    def told() -> Committed:
        try:
            made: Committed = commit()
        except CommitFailedException as error:
            raise CommitConflictError(str(error)) from error
        return made

    return told
