"""Plain Parquet folders, written as Spark's committers write them.

Version 1 of Hadoop's FileOutputCommitter renames every task's files when the job commits; version 2 renames each task's
files as the task ends. A dynamic partition overwrite writes below ``.spark-staging-…`` and then swaps partition by
partition; a static one deletes the partitions first.
"""

import shutil
import uuid
from collections import Counter
from pathlib import Path
from typing import Literal

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from lab.changes import Committed, Prepared, Summary, in_order
from lab.recipes import Op
from lab.rows import COLUMNS, Layout, Row, partition_columns

_SCHEMA = pa.schema([(name, pa.int64() if name == "amount" else pa.string()) for name in COLUMNS])
Committer = Literal["v1", "v2", "dynamic"]


class PlainTables:
    """The lake's plain tables, a folder each."""

    def __init__(self, folder: Path, layout: Layout, mode: str) -> None:
        self._folder = folder / "warehouse"
        self._layout = layout
        self._committer: Committer = "dynamic" if mode.endswith("dynamic") else "v2" if mode.endswith("v2") else "v1"
        self.strict = False

    def path(self, table: str) -> Path:
        """Give the table's folder."""
        return self._folder.joinpath(*table.split("."))

    def create(self, table: str) -> None:
        """Create an empty table."""
        self.path(table).mkdir(parents=True)

    def prepare(self, op: Op, table: str, rows: list[Row], summary: Summary, stage: str) -> Prepared:
        """Write the files where the committer puts them before its job commits."""
        root = self.path(table)
        if stage == "other":
            return self._others(op, root, rows)
        if self._committer == "dynamic":
            return self._dynamic(root, rows)
        if op == "replace_partitions":
            for part in self._parts(rows):
                shutil.rmtree(root / part, ignore_errors=True)
        if self._committer == "v2":
            return self._v2(root, rows)
        self._write_tasks(root / "_temporary" / "0", rows)
        return Prepared(lambda: self._commit_v1(root), lambda: self._merge_one(root))

    def _parts(self, rows: list[Row]) -> dict[str, list[Row]]:
        parts: dict[str, list[Row]] = {}
        for row in rows:
            name = "/".join(f"{column}={getattr(row, column)}" for column in partition_columns(self._layout))
            parts.setdefault(name, []).append(row)
        return parts

    def _write_tasks(self, job: Path, rows: list[Row]) -> None:
        """Write one committed task a partition, as ``task_…`` folders below the job's attempt."""
        job.mkdir(parents=True, exist_ok=True)
        for number, (part, mine) in enumerate(self._parts(rows).items()):
            task = job / f"task_{uuid.uuid4().hex[:14]}_0000_m_{number:06}"
            _write(task / part, mine)

    def _commit_v1(self, root: Path) -> Committed:
        while self._tasks(root):
            self._merge_one(root)
        shutil.rmtree(root / "_temporary", ignore_errors=True)
        return Committed(None, "commitJob")

    def _tasks(self, root: Path) -> list[Path]:
        # Every committed task of job attempt 0 is merged, a killed job's too: its attempt is 0 as well.
        return sorted((root / "_temporary" / "0").glob("task_*"))

    def _merge_one(self, root: Path) -> None:
        for task in self._tasks(root)[:1]:
            for file in sorted(task.rglob("*.parquet")):
                final = root / file.relative_to(task)
                final.parent.mkdir(parents=True, exist_ok=True)
                file.rename(final)
            shutil.rmtree(task)

    def _v2(self, root: Path, rows: list[Row]) -> Prepared:
        attempt = root / "_temporary" / "0" / "_temporary" / f"attempt_{uuid.uuid4().hex[:14]}_0000_m_000000_0"
        files = [_write(attempt / part, mine) for part, mine in self._parts(rows).items()]

        def move(file: Path) -> None:
            final = root / file.relative_to(attempt)
            final.parent.mkdir(parents=True, exist_ok=True)
            file.rename(final)

        def halfway() -> None:
            if files:
                move(files.pop(0))

        def commit() -> Committed:
            while files:
                move(files.pop(0))
            shutil.rmtree(attempt, ignore_errors=True)
            return Committed(None, "commitTask")

        return Prepared(commit, halfway)

    def _dynamic(self, root: Path, rows: list[Row]) -> Prepared:
        staging = root / f".spark-staging-{uuid.uuid4()}"
        parts = self._parts(rows)
        for part, mine in parts.items():
            _write(staging / part, mine)
        left = list(parts)

        def swap(part: str) -> None:
            shutil.rmtree(root / part, ignore_errors=True)
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            (staging / part).rename(root / part)

        def halfway() -> None:
            if left:
                swap(left.pop(0))

        def commit() -> Committed:
            while left:
                swap(left.pop(0))
            shutil.rmtree(staging, ignore_errors=True)
            return Committed(None, "commitJob")

        return Prepared(commit, halfway)

    def _others(self, op: Op, root: Path, rows: list[Row]) -> Prepared:
        """Another writer, with a committer that leaves the batch's own working folders alone."""
        parts = self._parts(rows)

        def commit() -> Committed:
            for part, mine in parts.items():
                if op == "replace_partitions":
                    shutil.rmtree(root / part, ignore_errors=True)
                _write(root / part, mine)
            return Committed(None, op)

        return Prepared(commit)

    def finish(self, table: str) -> None:
        """Commit the job: what is temporary goes, the marker comes."""
        root = self.path(table)
        shutil.rmtree(root / "_temporary", ignore_errors=True)
        (root / "_SUCCESS").write_bytes(b"")

    def abort(self, table: str) -> None:
        """Abort the job: what is temporary goes."""
        root = self.path(table)
        for folder in (root / "_temporary", *root.glob(".spark-staging-*")):
            shutil.rmtree(folder, ignore_errors=True)

    def rows(self, table: str) -> Counter[Row]:
        """Give the rows that readers see: files below names that begin with ``_`` or ``.`` are hidden."""
        root = self.path(table)
        seen: Counter[Row] = Counter()
        for file in root.rglob("*.parquet"):
            if not any(piece.startswith(("_", ".")) for piece in file.relative_to(root).parts):
                seen.update(_read(file))
        return seen

    def remove(self, table: str, rows: list[Row], summary: Summary) -> None:
        """Delete these rows: files that hold any are written anew without them."""
        gone = set(rows)
        root = self.path(table)
        for file in list(root.rglob("*.parquet")):
            held = _read(file)
            if gone & set(held):
                kept = [row for row in held if row not in gone]
                file.unlink()
                if kept:
                    _write(file.parent, kept)

    def compact(self, table: str, summary: Summary) -> None:
        """Write each partition's files as one."""
        root = self.path(table)
        folders = {file.parent for file in root.rglob("part-*.parquet")}
        for folder in folders:
            if any(piece.startswith(("_", ".")) for piece in folder.relative_to(root).parts):
                continue
            files = list(folder.glob("*.parquet"))
            rows = [row for file in files for row in _read(file)]
            for file in files:
                file.unlink()
            _write(folder, rows)

    def mark(self, table: str) -> str | None:
        """Nothing: plain tables keep no history."""
        return None

    def roll_back(self, table: str, mark: str) -> None:
        """Nothing: plain tables keep no history."""

    def expire(self, table: str) -> None:
        """Nothing: plain tables keep no history."""

    def recreate(self, table: str) -> None:
        """Nothing a plain table would show."""

    def close(self) -> None:
        """Nothing is held open."""


def _write(folder: Path, rows: list[Row]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-00000-{uuid.uuid4()}.c000.snappy.parquet"
    pq.write_table(pa.table(in_order(rows), schema=_SCHEMA), path)
    return path


def _read(file: Path) -> list[Row]:
    table = pq.read_table(file, columns=list(COLUMNS), partitioning=None)
    return [Row(*values) for values in zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True)]
