"""Where many small files show: listings, Iceberg's counts, scans and stages of the event log; and what they took."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from pipetriage.detectors.time_taken import most_of
from pipetriage.model.amounts import of_bytes, of_ms
from pipetriage.model.categories import FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import IcebergTable, Listing, Run, TableFacts
from pipetriage.model.file_sizes import TARGET_FILE_BYTES, by_partition, data_files
from pipetriage.model.pipeline import Output
from pipetriage.model.spark import ScanFacts, SparkFacts, SqlExecution, StageFacts
from pipetriage.settings import ThresholdSettings

# Spark packs files into a task until they come to this many bytes, each counted as openCostInBytes (4 MiB) at least: of
# its defaults, 128 MiB over 4 MiB.
_FILES_A_TASK = 32
# More than one an hour is worth a word: each commit adds files of its own.
_COMMITS_A_DAY = 24
# What a run reads of its own target: to find the rows or files that it replaces. An append reads nothing.
_READS_ITS_TARGET = frozenset({"merge", "delete_append"})


class ManyFiles(msgspec.Struct, frozen=True, kw_only=True):
    """One place with many small files."""

    what: str
    mode: FailureMode
    count: int
    evidence: str
    took_ms: float = 0.0
    """How long listing, planning and reading them is known to have taken, by the clock; 0 where nobody measured."""
    took_most: bool = False
    """That was the larger part of the run's time, and no longer a file than files take."""
    grown: bool = False
    """Many times the files of the last good batch."""
    usual: bool = False
    """Good runs had as many."""
    read: bool = True
    """Whether this run reads them, as far as can be told."""


def many_files(context: Context, thresholds: ThresholdSettings) -> list[ManyFiles]:
    """Find places with many files that are small on average; those that took the run's time first, then by count."""
    found = [*_of_source(context, thresholds), *_of_tables(context, thresholds)]
    for application in context.facts.spark:
        found += _of_scans(application, context.facts.run, thresholds)
        found += _of_stages(application, context.facts.run, thresholds)
        found += _of_listings(application, context.facts.run, thresholds)
    return sorted(found, key=lambda one: (not one.took_most, -one.count))


def _of_source(context: Context, thresholds: ThresholdSettings) -> Iterator[ManyFiles]:
    listing, before = context.facts.source, context.facts.previous_source
    if listing is None or not _are_small(listing, thresholds):
        return
    count = len(data_files(listing))
    earlier = [len(data_files(before))] if before is not None and before.complete else []
    earlier += [one.files for one in context.facts.good_runs if one.files is not None and not one.written]
    yield ManyFiles(
        what=_folder(listing),
        mode=FailureMode.MANY_INPUT_FILES,
        count=count,
        evidence=listing.evidence,
        grown=bool(earlier) and count >= thresholds.small_file_growth * max(earlier),
        usual=bool(earlier) and count <= 2 * max(earlier),
    )


def _of_tables(context: Context, thresholds: ThresholdSettings) -> Iterator[ManyFiles]:
    scanned = [
        scan.what.lower()
        for application in context.facts.spark
        for execution in application.executions
        for scan in execution.scans
    ]
    for table in context.facts.tables:
        read = _is_read(table, context.pipeline.outputs, scanned)
        one = _in_iceberg(table.key.name, table.iceberg, thresholds) if table.iceberg is not None else None
        if one is not None:
            worst = _worst(table.listing, table.iceberg) if table.listing is not None else ""
            yield msgspec.structs.replace(one, read=read, what=one.what + (f"; {worst}" if worst else ""))
        elif table.listing is not None:
            small = _are_small(table.listing, thresholds)
            parts = by_partition(table.listing, _target(table.iceberg))
            # A table may be well kept but for a few partitions.
            if small or (parts and parts[0].small > thresholds.small_file_count):
                worst = f"{parts[0].partition or table.key.name} holds {parts[0].small:,} small files" if parts else ""
                yield ManyFiles(
                    what=_folder(table.listing) if small else f"in {table.listing.uri}, {worst}",
                    mode=FailureMode.MANY_TABLE_FILES,
                    count=len(data_files(table.listing)) if small else parts[0].small,
                    evidence=table.listing.evidence,
                    read=read,
                )


def _is_read(table: TableFacts, outputs: list[Output], scanned: list[str]) -> bool:
    name = table.key.name.lower()
    if any(what == name or what.endswith("." + name) for what in scanned):
        return True
    declared = next((one for one in outputs if one.table.lower() == name), None)
    return declared is None or declared.write_mode is None or declared.write_mode in _READS_ITS_TARGET


def _of_scans(application: SparkFacts, run: Run, thresholds: ThresholdSettings) -> Iterator[ManyFiles]:
    for execution in application.executions:
        for scan in execution.scans:
            if scan.files is None or scan.files < thresholds.small_file_count:
                continue
            if scan.bytes is not None and scan.bytes >= scan.files * thresholds.small_file_bytes:
                continue
            took = _took(scan, execution, application, run)
            if scan.bytes is None and not _reads_little(execution, application, thresholds):
                continue
            size = f" of {of_bytes(scan.bytes / scan.files)} on average" if scan.bytes is not None else ""
            where = f" in {scan.partitions:,} partitions" if scan.partitions else ""
            planned = (scan.planning_ms or 0.0) + (scan.listing_ms or 0.0)
            spent = f"; planning took {of_ms(planned)}" if planned >= 1000 else ""
            spent += f"; planning and reading took {of_ms(took)}" if took >= 1000 else ""
            table = scan.format == "iceberg" or "://" not in scan.what
            yield ManyFiles(
                what=f"the scan of {scan.what} read {scan.files:,} files{size}{where}{spent}",
                mode=FailureMode.MANY_TABLE_FILES if table else FailureMode.MANY_INPUT_FILES,
                count=scan.files,
                evidence=execution.evidence,
                took_ms=took,
                took_most=_most_of(run, took, scan.files, thresholds),
            )


def _of_stages(application: SparkFacts, run: Run, thresholds: ThresholdSettings) -> Iterator[ManyFiles]:
    for stage in application.stages:
        if not _mostly_tiny(stage, thresholds):
            continue
        took = _wall(stage.started_at, stage.ended_at, run)
        files = max(stage.planned_tasks, stage.tasks) * _FILES_A_TASK
        what = f"{stage.input_tasks_tiny} of {stage.tasks} tasks of stage {stage.stage_id} read less than 1 MiB"
        if took >= 1000:
            what += f", {of_bytes(stage.input_bytes.total)} in all, and the stage took {of_ms(took)}"
        yield ManyFiles(
            what=what,
            mode=FailureMode.MANY_INPUT_FILES,
            count=stage.tasks,
            evidence=stage.evidence,
            took_ms=took,
            took_most=_most_of(run, took, files, thresholds),
        )


def _of_listings(application: SparkFacts, run: Run, thresholds: ThresholdSettings) -> Iterator[ManyFiles]:
    """Take the jobs by which Spark lists paths together with the stages that then read little of each."""
    listing = [stage for stage in application.stages if stage.listed_paths >= thresholds.small_file_count]
    if not listing:
        return
    part = [stage for stage in application.stages if stage in listing or _mostly_tiny(stage, thresholds)]
    took, paths = _together(part, application, run), max(stage.listed_paths for stage in listing)
    again = f" {len(listing)} times" if len(listing) > 1 else ""
    yield ManyFiles(
        what=f"Spark listed {paths:,} paths{again}; listing and reading them took {of_ms(took)}",
        mode=FailureMode.LISTING_PRESSURE,
        count=paths,
        evidence=listing[0].evidence,
        took_ms=took,
        took_most=_most_of(run, took, paths, thresholds),
    )


def _together(part: list[StageFacts], application: SparkFacts, run: Run) -> float:
    """Give how long stages took, with what the driver did between them where nothing else ran then."""
    starts = [stage.started_at for stage in part if stage.started_at is not None]
    ends = [end for stage in part if (end := stage.ended_at or run.ended_at) is not None]
    if len(starts) < len(part) or len(ends) < len(part):
        return sum(_wall(stage.started_at, stage.ended_at, run) for stage in part)
    first, last = min(starts), max(ends)
    others = [one.started_at for one in application.stages if one not in part and one.started_at is not None]
    if any(first < one < last for one in others):
        return sum(_wall(stage.started_at, stage.ended_at, run) for stage in part)
    return (last - first).total_seconds() * 1000


def _mostly_tiny(stage: StageFacts, thresholds: ThresholdSettings) -> bool:
    average = stage.input_bytes.total / stage.tasks if stage.tasks else 0
    small = stage.input_tasks_tiny >= thresholds.small_file_count and 0 < average < thresholds.small_file_bytes
    return small and stage.input_tasks_tiny * 2 > stage.tasks


def _reads_little(execution: SqlExecution, application: SparkFacts, thresholds: ThresholdSettings) -> bool:
    """Whether the execution's tasks, of which most read files, read little each: its scan does not say how much."""
    stages = [one for one in application.stages if one.execution == execution.execution_id and one.input_bytes.total]
    read, tasks = sum(one.input_bytes.total for one in stages), sum(one.tasks for one in stages)
    return bool(tasks) and read < tasks * thresholds.small_file_bytes


def _took(scan: ScanFacts, execution: SqlExecution, application: SparkFacts, run: Run) -> float:
    """Give how long planning the scan and reading its files took, by the clock: in stages that read no shuffle."""
    reading = [
        _wall(stage.started_at, stage.ended_at, run)
        for stage in application.stages
        if stage.execution == execution.execution_id and not stage.parents and not stage.shuffle_records.total
    ]
    alone = len(execution.scans) == 1
    longest = max(reading, default=0.0) if alone or len(reading) == 1 else 0.0
    return (scan.planning_ms or 0.0) + (scan.listing_ms or 0.0) + longest


def _wall(started: datetime | None, ended: datetime | None, run: Run) -> float:
    until = ended or run.ended_at
    return max(0.0, (until - started).total_seconds() * 1000) if started is not None and until is not None else 0.0


def _most_of(run: Run, took_ms: float, files: int, thresholds: ThresholdSettings) -> bool:
    """Whether that is the larger part of the run's time, and so many files can have taken it."""
    return most_of(run, took_ms, thresholds) and took_ms <= files * thresholds.small_file_ms


def _are_small(listing: Listing, thresholds: ThresholdSettings) -> bool:
    files = data_files(listing)
    size = sum(file.size for file in files)
    return len(files) >= thresholds.small_file_count and size < len(files) * thresholds.small_file_bytes


def _folder(listing: Listing) -> str:
    files = data_files(listing)
    average = sum(file.size for file in files) / max(1, len(files))
    worst = _worst(listing, None)
    return f"{listing.uri} holds {len(files):,} files of {of_bytes(average)} on average" + (
        f"; {worst}" if worst else ""
    )


def _worst(listing: Listing, table: IcebergTable | None) -> str:
    """Name the partition with the most small files; nothing where there is only one folder."""
    parts = by_partition(listing, _target(table))
    if len(parts) < 2:
        return ""
    return f"the most small ones, {parts[0].small:,}, in {parts[0].partition} of {len(parts):,} partitions"


def _target(table: IcebergTable | None) -> int:
    return table.target_file_size if table is not None and table.target_file_size else TARGET_FILE_BYTES


def _in_iceberg(name: str, table: IcebergTable, thresholds: ThresholdSettings) -> ManyFiles | None:
    current = next((one for one in table.snapshots if one.snapshot_id == table.current_snapshot_id), None)
    if current is None:
        return None
    files, size = (_number(current.summary.get(key)) for key in ("total-data-files", "total-files-size"))
    if files is None or size is None:
        return None
    if files < thresholds.small_file_count or size >= files * thresholds.small_file_bytes:
        return None
    what = f"table {name} holds {files:,} files of {of_bytes(size / files)} on average"
    day = current.committed_at - timedelta(days=1)
    commits = sum(day < one.committed_at <= current.committed_at for one in table.snapshots)
    if commits > _COMMITS_A_DAY:
        what += f", {commits:,} commits in its last day"
    return ManyFiles(what=what, mode=FailureMode.MANY_TABLE_FILES, count=files, evidence=current.evidence)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
