"""Which commits wrote to the partitions that a run touched."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pipetriage.context.excerpts import Found
from pipetriage.model.context import Context
from pipetriage.model.evidence import Gap, Signal
from pipetriage.model.facts import DataFile, Snapshot, TableFacts

_COMMITS = 20
"""Commits told of, latest first."""
_PARTITIONS = 6
"""Partitions told of each commit."""
_APPLICATION_KEYS = ("spark.app.id", "app-id")
_DELTA_STAMP = "txn-app-id"

Partition = tuple[tuple[str, str | None], ...]


class _History(NamedTuple):
    """The commits of one table, as far as they are known."""

    signal: Signal
    evidence: str
    observed_at: datetime
    snapshots: tuple[Snapshot, ...]
    files: tuple[DataFile, ...] | None


def partition_history(about: str, context: Context) -> Found | Gap:
    """Tell of a table's commits; of a snapshot's partitions where it names one, else of those this run touched."""
    table = _table(about, context)
    history = None if table is None else _history(table)
    if table is None or history is None:
        return Gap(
            source=Signal.ICEBERG_METADATA.value,
            reason="no commits of that table are known" if table else "that evidence is of no table",
            fix="ask about a table, its entries or one of its snapshots",
        )
    files = _by_snapshot(history.files or ())
    named = next((one.snapshot_id for one in history.snapshots if one.evidence == about), None)
    started = _window_start(context)
    asked = {named} if named else {one.snapshot_id for one in history.snapshots if _since(one, started)}
    touched = {_partition(file) for snapshot in asked for file in files.get(snapshot or "", ())}
    latest = sorted(history.snapshots, key=lambda one: (one.committed_at, one.sequence_number), reverse=True)
    told = [
        one for one in latest if not touched or any(_partition(f) in touched for f in files.get(one.snapshot_id, ()))
    ]
    lines = [_line(one, files.get(one.snapshot_id), touched, context) for one in told[:_COMMITS]]
    if len(told) > _COMMITS:
        lines.append(f"… {len(told) - _COMMITS} earlier commits")
    known = context.observed(history.evidence)
    return Found(
        signal=history.signal,
        summary=f"{table.key.name}: {_summary(touched, named, started, history)}",
        lines=lines or ["the table has no commit"],
        locator=known.locator if known else context.origin,
        observed_at=history.observed_at,
    )


def has_history(table: TableFacts) -> bool:
    """Whether commits of the table are known."""
    return _history(table) is not None


def _history(table: TableFacts) -> _History | None:
    if (iceberg := table.iceberg) is not None:
        said = (Signal.ICEBERG_METADATA, iceberg.evidence, iceberg.observed_at, iceberg.snapshots)
        return _History(*said, files=table.entries)
    if (delta := table.delta) is not None:
        return _History(Signal.DELTA_LOG, delta.evidence, delta.observed_at, delta.snapshots, delta.files)
    return None


def _table(about: str, context: Context) -> TableFacts | None:
    tables = context.facts.tables
    if not about:
        return next((one for one in tables if has_history(one)), None)
    return next((one for one in tables if about in _names(one)), None)


def _names(table: TableFacts) -> Iterator[str]:
    """Give the ids of all evidence of a table."""
    for part in (table.catalog, table.iceberg, table.listing, table.delta, table.hudi):
        if part is not None:
            yield part.evidence
    if table.entries_evidence:
        yield table.entries_evidence
    history = _history(table)
    yield from (one.evidence for one in (history.snapshots if history else ()))


def _window_start(context: Context) -> datetime | None:
    """Give when the first known attempt of this run's batch began, the clocks' difference allowed for."""
    run, history = context.facts.run, context.facts.history
    attempts = [
        one
        for one in (*history, run)
        if one.first_attempt_id == run.first_attempt_id or (run.batch_id is not None and one.batch_id == run.batch_id)
    ]
    begun = [one.started_at for one in attempts if one.started_at is not None]
    return min(begun) - timedelta(seconds=context.clock_skew_seconds) if begun else None


def _since(snapshot: Snapshot, start: datetime | None) -> bool:
    return start is not None and snapshot.committed_at >= start


def _summary(touched: set[Partition], named: str | None, start: datetime | None, history: _History) -> str:
    if history.files is None:
        return "its latest commits; which partitions they wrote to was not seen"
    whose = f"snapshot {named}" if named else "commits since this run's first attempt began"
    if touched:
        return f"commits to the {len(touched)} partitions that {whose} touched"
    if named is None and start is None:
        return "its latest commits; when this run began is not known"
    return f"its latest commits; {whose} touched no partition that is known"


def _line(snapshot: Snapshot, files: list[DataFile] | None, touched: set[Partition], context: Context) -> str:
    at = f"{snapshot.committed_at:%Y-%m-%d %H:%M:%S} UTC"
    text = (
        f"snapshot {snapshot.snapshot_id}, {at}, {snapshot.operation or 'unknown operation'}{_whose(snapshot, context)}"
    )
    if files is None:
        said = [
            f"{word} {snapshot.summary[key]} {what}"
            for word in ("added", "deleted")
            for key, what in ((f"{word}-records", "records"), (f"{word}-data-files", "files"))
            if key in snapshot.summary
        ]
        return f"{text}: {', '.join(said) or 'counts not known'}"
    by_partition: dict[Partition, list[DataFile]] = {}
    for file in files:
        if not touched or _partition(file) in touched:
            by_partition.setdefault(_partition(file), []).append(file)
    parts = [f"{_name(one)} {_counted(mine)}" for one, mine in list(by_partition.items())[:_PARTITIONS]]
    if len(by_partition) > _PARTITIONS:
        rest = [file for mine in list(by_partition.values())[_PARTITIONS:] for file in mine]
        parts.append(f"{len(by_partition) - _PARTITIONS} more partitions {_counted(rest)}")
    return f"{text}: {'; '.join(parts) or 'no file known'}"


def _whose(snapshot: Snapshot, context: Context) -> str:
    """Say what a commit is stamped with, and whose stamp that is where it is known."""
    facts, keys = context.facts, context.pipeline.snapshot_keys
    for key, value in snapshot.summary.items():
        if value and (key in keys or key.startswith(_DELTA_STAMP)):
            ours = value in {facts.run.run_id, facts.run.first_attempt_id, facts.run.batch_id}
            return f", stamped {key}={value}" + (" (this run or its batch)" if ours else "")
    for key in _APPLICATION_KEYS:
        if app := snapshot.summary.get(key):
            runs = [run for run, apps in facts.app_ids.items() if app in apps]
            return f", {key}={app}" + (f" (of run {runs[0]})" if len(runs) == 1 else "")
    return ", no stamp"


def _counted(files: Iterable[DataFile]) -> str:
    said = []
    for status, sign in ((1, "+"), (2, "-")):
        mine = [file for file in files if file.status == status and file.content == 0]
        if mine:
            said.append(f"{sign}{sum(file.records for file in mine)} records in {_files(len(mine))}")
    deletes = sum(1 for file in files if file.content != 0 and file.status == 1)
    if deletes:
        said.append(f"+{_files(deletes)} of deletes")
    return ", ".join(said) or "nothing added or deleted"


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _by_snapshot(files: Iterable[DataFile]) -> Mapping[str, list[DataFile]]:
    """Group what commits added and deleted; what they carried over says nothing."""
    grouped: dict[str, list[DataFile]] = {}
    for file in files:
        if file.status in {1, 2}:
            grouped.setdefault(file.snapshot_id, []).append(file)
    return grouped


def _partition(file: DataFile) -> Partition:
    return tuple(sorted(file.partition.items()))


def _name(partition: Partition) -> str:
    return "/".join(f"{name}={value}" for name, value in partition) or "the whole table"
