"""What changed since the last good run. Shown whatever the category; a hint for detectors, never a verdict."""

import re
from collections.abc import Iterator
from datetime import datetime

from pipetriage.model.context import Change
from pipetriage.model.facts import Column, ControlRow, Deployment, GoodRun, Job, Listing, Run, TableFacts

# Dates differ from batch to batch by nature; a change of them is no change.
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}(?:[T_ -]?\d{2}(?::?\d{2}){0,2})?")


def last_good_run(history: tuple[Run, ...], run: Run) -> Run | None:
    """Give the newest run that succeeded before this one began."""
    before = [
        one
        for one in history
        if one.succeeded
        and one.run_id != run.run_id
        and (run.started_at is None or one.started_at is None or one.started_at < run.started_at)
    ]
    return max(before, key=lambda one: one.started_at.timestamp() if one.started_at else 0.0, default=None)


def run_changes(run: Run, good: Run | None, job: Job | None, history: tuple[Run, ...]) -> Iterator[Change]:
    """Compare the run itself with the last good one."""
    if good is None:
        return
    before_attempts, attempts = _attempts(good, history), _attempts(run, history)
    if before_attempts != attempts:
        yield Change(what="attempts", before=str(before_attempts), now=str(attempts))
    for what, before, now in (
        ("engine version", good.glue_version, run.glue_version),
        ("worker type", good.worker_type, run.worker_type),
        ("number of workers", good.number_of_workers, run.number_of_workers),
        ("execution class", good.execution_class, run.execution_class),
    ):
        if before is not None and now is not None and before != now:
            yield Change(what=what, before=str(before), now=str(now))
    for name in sorted(good.arguments.keys() | run.arguments.keys()):
        before, now = good.arguments.get(name), run.arguments.get(name)
        if _without_batch(before, good) != _without_batch(now, run):
            yield Change(what=f"argument {name}", before=before, now=now)
    if job and job.modified_at and good.started_at and run.started_at and good.started_at < job.modified_at:
        yield Change(what="job modified", before=None, now=f"{job.modified_at:%Y-%m-%d %H:%M} UTC")
    if good.execution_seconds and run.execution_seconds:
        ratio = run.execution_seconds / good.execution_seconds
        if not 0.5 <= ratio <= 2:
            yield Change(
                what="duration", before=f"{good.execution_seconds:.0f} s", now=f"{run.execution_seconds:.0f} s"
            )


def _attempts(run: Run, history: tuple[Run, ...]) -> int:
    """Count the runs of a batch up to this one."""
    same = [
        one
        for one in history
        if one.first_attempt_id == run.first_attempt_id or (run.batch_id is not None and one.batch_id == run.batch_id)
    ]
    until = [one for one in same if not one.started_at or not run.started_at or one.started_at <= run.started_at]
    return max(1, len(until))


def _without_batch(value: str | None, run: Run) -> str | None:
    if value is None:
        return None
    if run.batch_id:
        value = value.replace(run.batch_id, "{batch_id}")
    return _DATE.sub("{date}", value).replace(run.run_id, "{run_id}")


def code_change(deployments: tuple[Deployment, ...], run: Run, good: Run | None) -> Iterator[Change]:
    """Name the version that was deployed between the last good run and this one."""
    since: datetime | None = good.started_at if good else None
    if since is None or run.started_at is None:
        return
    new = [one for one in deployments if one.deployed_at and since < one.deployed_at <= run.started_at]
    old = [one for one in deployments if one.deployed_at and one.deployed_at <= since]
    if new:
        at = new[-1].deployed_at
        now = f"{new[-1].version} (deployed {at:%Y-%m-%d %H:%M} UTC)"
        yield Change(what="code version", before=old[-1].version if old else None, now=now)


def schema_changes(
    source: tuple[Column, ...] | None, expected: tuple[Column, ...] | None, tables: tuple[TableFacts, ...], run: Run
) -> Iterator[Change]:
    """Compare the input's schema with the declared one, and each table's with that before the run."""
    if source is not None and expected is not None and (change := column_difference(expected, source)):
        yield Change(what="input schema", before=change[0], now=change[1])
    for table in tables:
        iceberg = table.iceberg
        if iceberg is None or run.started_at is None:
            continue
        older = [one for one in iceberg.snapshots if one.committed_at < run.started_at and one.schema_id is not None]
        before = iceberg.schemas.get(older[-1].schema_id or 0) if older else None
        if before is not None and (change := column_difference(before, iceberg.columns)):
            yield Change(what="target schema", before=f"{table.key.name}: {change[0]}", now=change[1])


def column_difference(before: tuple[Column, ...], now: tuple[Column, ...]) -> tuple[str, str] | None:
    """Describe what differs, names compared without case; None when nothing does."""
    old, new = ({column.name.lower(): column for column in columns} for columns in (before, now))
    added = [column.name for name, column in new.items() if name not in old]
    gone = [column.name for name, column in old.items() if name not in new]
    retyped = [
        (f"{old[name].name} {old[name].type}", f"{new[name].name} {new[name].type}")
        for name in old.keys() & new.keys()
        if old[name].type and new[name].type and not same_type(old[name].type, new[name].type)
    ]
    if not (added or gone or retyped):
        return None
    then = [f"had {', '.join(gone)}"] if gone else []
    after = [f"added {', '.join(added)}"] if added else []
    if gone:
        after.append(f"lost {', '.join(gone)}")
    for was, becomes in sorted(retyped):
        then.append(was)
        after.append(becomes)
    return "; ".join(then) or f"{len(before)} columns", "; ".join(after)


# The same type under the names of Spark, Hive, Iceberg and Arrow.
_ALIASES = {"bigint": "long", "int64": "long", "integer": "int", "int32": "int", "varchar": "string", "text": "string"}
_ALIASES |= {"float64": "double", "float32": "float", "bool": "boolean", "timestamptz": "timestamp", "utf8": "string"}


def same_type(one: str, other: str) -> bool:
    """Whether two type names mean the same."""
    first, second = (_ALIASES.get(kind.split("(")[0].strip(), kind) for kind in (one.lower(), other.lower()))
    return first == second


def volume_changes(
    source: Listing | None,
    previous: Listing | None,
    control: tuple[ControlRow, ...],
    run: Run,
    good: Run | None,
    good_runs: tuple[GoodRun, ...],
) -> Iterator[Change]:
    """Compare input files, bytes and records with the last good batch."""
    if source is not None and previous is not None:
        for what, before, now in (
            ("input files", len(previous.files), len(source.files)),
            ("input bytes", sum(file.size for file in previous.files), sum(file.size for file in source.files)),
        ):
            if before != now:
                least = "" if source.complete else "at least "
                yield Change(what=what, before=str(before), now=f"{least}{now}")
    records = {row.run_id: row.records for row in control if row.run_id and row.records is not None}
    now_records = records.get(run.run_id)
    before_records = records.get(good.run_id) if good else None
    if before_records is None and good_runs and not good_runs[-1].written:
        before_records = good_runs[-1].records
    if now_records is not None and before_records is not None and now_records != before_records:
        yield Change(what="records", before=str(before_records), now=str(now_records))
