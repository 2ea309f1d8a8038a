"""Delta tables through delta-rs, with the operations that a Spark job would have in its log."""

import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lab.changes import Committed, Prepared, Summary, in_order
from lab.recipes import Op
from lab.rows import COLUMNS, Layout, Row, partition_columns

_SCHEMA = pa.schema([(name, pa.int64() if name == "amount" else pa.string()) for name in COLUMNS])


class DeltaTables:
    """The lake's Delta tables, a folder each."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder = folder / "warehouse"
        self._layout = layout
        self.strict = False

    def _path(self, table: str) -> Path:
        return self._folder.joinpath(*table.split("."))

    def create(self, table: str) -> None:
        """Create an empty table."""
        self._path(table).mkdir(parents=True)
        DeltaTable.create(self._path(table), _SCHEMA, partition_by=list(partition_columns(self._layout)))

    def prepare(self, op: Op, table: str, rows: list[Row], summary: Summary, stage: str) -> Prepared:
        """Write a data file that no commit names yet; delta-rs then writes its own and commits in one call.

        A run that dies in between leaves that file, as a Spark job would leave its own. A run that goes on removes it.
        """
        early = self._early_file(table, rows)
        properties = CommitProperties(custom_metadata=dict(summary) or None, max_commit_retries=3)

        def commit() -> Committed:
            if early is not None:
                early.unlink()
            self._write(op, table, rows, properties)
            return Committed(str(DeltaTable(self._path(table)).version()), op)

        return Prepared(commit)

    def _early_file(self, table: str, rows: list[Row]) -> Path | None:
        if not rows:
            return None
        folder = self._path(table)
        for column in partition_columns(self._layout):
            folder /= f"{column}={getattr(rows[0], column)}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-00000-{uuid.uuid4()}.c000.snappy.parquet"
        pq.write_table(_arrow(rows), path)
        return path

    def _write(self, op: Op, table: str, rows: list[Row], properties: CommitProperties) -> None:
        path, data = self._path(table), _arrow(rows)
        match op:
            case "append":
                write_deltalake(path, data, mode="append", commit_properties=properties)
            case "replace_partitions":
                if rows:
                    self._overwrite(path, data, properties, self._predicate(rows))
            case "replace_all":
                self._overwrite(path, data, properties, None)
            case "delete_day":
                days = ", ".join(f"'{day}'" for day in sorted({row.day for row in rows}))
                if days:
                    DeltaTable(path).delete(f"day in ({days})", commit_properties=properties)
            case "merge_key" | "merge_insert":
                # Merging on what differs in every run matches nothing, so every row is inserted.
                on = "t.key = s.key" if op == "merge_key" else "t.id = concat(s.id, '-loaded-now')"
                merge = DeltaTable(path).merge(
                    data, on, source_alias="s", target_alias="t", commit_properties=properties
                )
                merge.when_matched_update_all().when_not_matched_insert_all().execute()
            case _:
                raise ValueError(f"{op} is no operation of a Delta table")

    def _overwrite(self, path: Path, data: Any, properties: CommitProperties, predicate: str | None) -> None:
        write_deltalake(path, data, mode="overwrite", predicate=predicate, commit_properties=properties)

    def _predicate(self, rows: list[Row]) -> str:
        parts = []
        for column in partition_columns(self._layout):
            values = ", ".join(f"'{value}'" for value in sorted({getattr(row, column) for row in rows}))
            parts.append(f"{column} in ({values})")
        return " and ".join(parts)

    def finish(self, table: str) -> None:
        """Nothing: each commit stands by itself."""

    def abort(self, table: str) -> None:
        """Nothing: what was not committed lies there as orphan files."""

    def rows(self, table: str) -> Counter[Row]:
        """Give the rows that readers see."""
        data = DeltaTable(self._path(table)).to_pyarrow_table()
        return Counter(
            Row(*values) for values in zip(*(data.column(name).to_pylist() for name in COLUMNS), strict=True)
        )

    def remove(self, table: str, rows: list[Row], summary: Summary) -> None:
        """Delete these rows, as a person's DELETE does."""
        ids = ", ".join(f"'{row.id}'" for row in rows)
        DeltaTable(self._path(table)).delete(f"id in ({ids})")

    def compact(self, table: str, summary: Summary) -> None:
        """Rewrite small files without changing a row (OPTIMIZE)."""
        DeltaTable(self._path(table)).optimize.compact()

    def mark(self, table: str) -> str | None:
        """Name the current version."""
        return str(DeltaTable(self._path(table)).version())

    def roll_back(self, table: str, mark: str) -> None:
        """Restore an earlier version."""
        DeltaTable(self._path(table)).restore(int(mark))

    def expire(self, table: str) -> None:
        """Write a checkpoint and drop the commits before it, as log retention does."""
        path = self._path(table)
        DeltaTable(path).create_checkpoint()
        log = path / "_delta_log"
        marker = log / "_last_checkpoint"
        last = json.loads(marker.read_text("utf-8"))["version"]
        for file in log.glob("*.json"):
            if file.stem.isdecimal() and int(file.stem) < last:
                file.unlink()

    def recreate(self, table: str) -> None:
        """Overwrite the table with its own rows."""
        rows = list(self.rows(table).elements())
        write_deltalake(self._path(table), _arrow(rows), mode="overwrite")

    def close(self) -> None:
        """Nothing is held open."""


def _arrow(rows: list[Row]) -> Any:
    return pa.table(in_order(rows), schema=_SCHEMA)
