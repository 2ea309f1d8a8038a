"""Steps that say how much: which key to split and how far, which partitions to compact, what memory was used.

Advice for a person, in words. Nothing here is a statement that could be run.
"""

from collections.abc import Iterator

from pipetriage.model.amounts import of_bytes, of_ms, of_share
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import Listing, TableFacts
from pipetriage.model.file_sizes import TARGET_FILE_BYTES, PartitionFiles, by_partition, files_at, total
from pipetriage.model.hot_partition import HotTask, hot_task
from pipetriage.model.incident import Step
from pipetriage.model.spark import ScanFacts, SparkFacts, StageFacts
from pipetriage.verdict.cause import Cause

_WORST = 5
"""So many partitions are named; the rest is summed up."""
_GC_SHARE = 0.1
"""From this share of the tasks' time Spark's own UI marks garbage collection as too much."""
_FEW_FILES = 5
"""Iceberg's rewrite leaves alone what has fewer small files (min-input-files)."""


def steps_with_numbers(context: Context, cause: Cause, approver: str) -> list[Step]:
    """List what the measured numbers ask for; nothing where the cause has none, or nobody measured them."""
    if context.facts.run.succeeded:
        return []
    if cause.category is Category.DATA_SKEW:
        return [*_of_skew(context, cause, approver), *_of_memory(context, cause, approver)]
    if cause.category is Category.SMALL_FILE_PRESSURE:
        return list(_of_files(context, cause, approver))
    if cause.mode is FailureMode.RESOURCE_EXHAUSTED:
        return list(_of_memory(context, cause, approver))
    return []


# Skew


def _of_skew(context: Context, cause: Cause, approver: str) -> Iterator[Step]:
    for application, stage in _stages_of(context, cause)[:1]:
        hot = hot_task(stage, application.stages, context.facts.run.ended_at)
        named = ", ".join(stage.keys) if stage.keys else f"the key that stage {stage.stage_id} shuffles by"
        action = f"Salt {named}, or handle its heaviest value by itself: about {hot.parts} parts in place of one."
        if hot.of_input:
            action = (
                f"Split the largest file of the input, or have it written in a format that can be: {hot.parts} parts."
            )
        yield Step(
            action=action,
            why=_hot(stage, hot, application),
            approver=approver,
            verify=None,
            evidence=[stage.evidence],
        )


def _hot(stage: StageFacts, hot: HotTask, application: SparkFacts) -> str:
    who = "one task" if hot.pending <= 1 else f"{hot.pending} tasks"
    count = max(1, hot.pending)
    what = f"{who} of {hot.planned} in stage {stage.stage_id} had {hot.records * count:,.0f} records"
    what += f" ({of_bytes(hot.bytes * count)}) to read, the median task {hot.typical_records:,.0f}"
    if hot.share is not None:
        what += f": {of_share(hot.share)} of {'the input' if hot.of_input else 'all that was shuffled'}"
    if hot.ran_ms >= 1000:
        what += f"; it ran {of_ms(hot.ran_ms)}, the median task {of_ms(hot.typical_ms)}"
    off = application.settings.get("spark.sql.adaptive.enabled", "").lower() == "false"
    if off and any("Join" in operator for operator in stage.operators):
        what += "; adaptive execution, which would split such a partition of a join by itself, is off"
    return what


# Memory


def _of_memory(context: Context, cause: Cause, approver: str) -> Iterator[Step]:
    stages = _stages_of(context, cause) or _broken_stages(context)
    for application, stage in stages[:1]:
        used = _used(application, stage)
        short = stage.memory_spilled or stage.disk_spilled or stage.executors_lost or stage.failed_tasks
        if not used or not short:
            return
        configured = _configured(application, context)
        yield Step(
            action="Compare the memory that was used with what is configured before any of it is changed.",
            why=f"in stage {stage.stage_id} {', '.join(used)}; {configured or 'what is configured was not seen'}",
            approver=approver,
            verify=None,
            evidence=[stage.evidence],
        )


def _used(application: SparkFacts, stage: StageFacts) -> list[str]:
    used = []
    if stage.peak_memory:
        used.append(f"the largest task held {of_bytes(stage.peak_memory)} of execution memory")
    if stage.memory_spilled or stage.disk_spilled:
        on_disk = f" ({of_bytes(stage.disk_spilled)} on disk)" if stage.disk_spilled else ""
        used.append(f"tasks spilled {of_bytes(stage.memory_spilled)}{on_disk}")
    if stage.executors_lost:
        one = stage.executors_lost == 1
        used.append("a task lost its executor" if one else f"{stage.executors_lost} tasks lost their executor")
    if application.peak_heap:
        used.append(f"the largest heap in use was {of_bytes(application.peak_heap)}")
    if stage.run_ms and stage.gc_ms >= _GC_SHARE * stage.run_ms:
        used.append(f"{of_share(stage.gc_ms / stage.run_ms)} of the tasks' time was garbage collection")
    return used


def _configured(application: SparkFacts, context: Context) -> str:
    said = []
    if application.executor_memory:
        cores = f" for {application.executor_cores} tasks at once" if application.executor_cores else ""
        said.append(f"an executor has {of_bytes(application.executor_memory)}{cores}")
    if application.driver_memory:
        said.append(f"the driver has {of_bytes(application.driver_memory)}")
    run = context.facts.run
    if run.worker_type and run.number_of_workers:
        said.append(f"the run had {run.number_of_workers} {run.worker_type} workers")
    return ", ".join(said)


def _stages_of(context: Context, cause: Cause) -> list[tuple[SparkFacts, StageFacts]]:
    """Give the stages that the cause's own findings cite, in their order."""
    cited = [evidence for finding in cause.deciding for evidence in finding.evidence]
    found = [(app, stage) for app in context.facts.spark for stage in app.stages if stage.evidence in cited]
    return sorted(found, key=lambda one: cited.index(one[1].evidence))


def _broken_stages(context: Context) -> list[tuple[SparkFacts, StageFacts]]:
    """Give the stages that failed or did not end, else those that spilled; the last one first."""
    stages = [(app, stage) for app in context.facts.spark for stage in app.stages]
    broken = [one for one in stages if one[1].failure_reason or one[1].executors_lost or not one[1].completed]
    spilled = [one for one in stages if one[1].memory_spilled or one[1].disk_spilled]
    return list(reversed(broken or spilled))


# Files


def _of_files(context: Context, cause: Cause, approver: str) -> Iterator[Step]:
    """Only of what the findings cite: what was merely present asks for nothing here."""
    cited = {evidence for finding in cause.deciding for evidence in finding.evidence}
    for table in context.facts.tables:
        yield from _of_table(table, cited, approver)
    source = context.facts.source
    if source is not None and source.evidence in cited:
        yield _merge(source.uri, *total(by_partition(source)), source.evidence, approver)
    for application in context.facts.spark:
        for execution in application.executions:
            for scan in execution.scans:
                if execution.evidence in cited and scan.files and scan.files > _FEW_FILES and scan.bytes is not None:
                    yield _of_scan(scan, scan.files, scan.bytes, execution.evidence, approver)


def _of_table(table: TableFacts, cited: set[str], approver: str) -> Iterator[Step]:
    iceberg = table.iceberg
    current = [one for one in iceberg.snapshots if one.snapshot_id == iceberg.current_snapshot_id] if iceberg else []
    known = {one.evidence for one in current} | ({table.listing.evidence} if table.listing is not None else set())
    if not known & cited or table.listing is None:
        return
    target = iceberg.target_file_size if iceberg is not None and iceberg.target_file_size else TARGET_FILE_BYTES
    parts = [one for one in by_partition(table.listing, target) if one.small >= _FEW_FILES]
    if parts:
        yield Step(
            action=f"Compact these partitions of {table.key.name} first, with approval: {_named(parts, target)}.",
            why=_summed(table.listing, parts, target, versioned=iceberg is not None),
            approver=approver,
            verify=None,
            evidence=[table.listing.evidence],
        )


def _named(parts: list[PartitionFiles], target: int) -> str:
    return "; ".join(_one(part, target) for part in parts[:_WORST])


def _one(part: PartitionFiles, target: int) -> str:
    where = part.partition or "the whole folder"
    return f"{where} ({part.files:,} files, {of_bytes(part.bytes)} → {_files(part.after(target))})"


def _summed(listing: Listing, parts: list[PartitionFiles], target: int, *, versioned: bool) -> str:
    files, size = total(parts)
    after = sum(one.after(target) for one in parts)
    where = f"{len(parts):,} partitions hold" if len(parts) > 1 else "one partition holds"
    what = f"{where} {files:,} files, {of_bytes(size)} in all; at {of_bytes(target)} a file they would be {after:,}"
    if versioned:
        what += " (counted in the table's folder, files of older snapshots among them)"
    if not listing.complete:
        what += "; the listing is not complete, so there are more"
    return what


def _merge(uri: str, files: int, size: int, evidence: str, approver: str) -> Step:
    return Step(
        action=f"Have the input delivered in fewer files, or merged before it is read: {files:,} files below {uri}.",
        why=f"they hold {of_bytes(size)} in all, {_files(files_at(size))} of {of_bytes(TARGET_FILE_BYTES)}",
        approver=approver,
        verify=None,
        evidence=[evidence],
    )


def _of_scan(scan: ScanFacts, files: int, size: int, evidence: str, approver: str) -> Step:
    where = f" in {scan.partitions:,} partitions" if scan.partitions else ""
    after = f"{max(files_at(size), min(scan.partitions or 1, files)):,}"
    if not scan.partitions:
        after += ", or one a partition where there are more"
    return Step(
        action=f"Have the files that {scan.what} is read from merged, with approval: {files:,} files{where}.",
        why=f"the scan read {of_bytes(size)} from them, {of_bytes(size / files)} a file; at "
        f"{of_bytes(TARGET_FILE_BYTES)} a file they would be {after}",
        approver=approver,
        verify=None,
        evidence=[evidence],
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
