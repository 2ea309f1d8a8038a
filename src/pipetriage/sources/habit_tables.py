"""A table as its catalog and its own commits describe it, and which of a job's runs made them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pipetriage.aws.session import AwsSession
from pipetriage.model.evidence import Signal
from pipetriage.model.habits import CommitSeen, PastRunSeen
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.model.times import from_epoch
from pipetriage.sources.glue_tables import GlueTables, format_of


class Described(NamedTuple):
    """What the catalog says of a table."""

    format: str | None
    partition_fields: tuple[str, ...]


def described(aws: AwsSession, table: str) -> Described:
    """Read a table's format and partition fields from its entry in the catalog.

    Raises:
        SourceError: it is not there, or may not be read.
    """
    entry = GlueTables(aws).entry(table).payload["Table"]
    fields = tuple(str(one.get("Name")) for one in entry.get("PartitionKeys") or ())
    return Described(format_of(entry), fields)


def commits_of(
    aws: AwsSession,
    table: str,
    good: Sequence[PastRunSeen],
    around: tuple[timedelta, timedelta],
) -> tuple[tuple[str, ...], list[CommitSeen]]:
    """Give an Iceberg table's partition fields, and the commits that the runs made, oldest first.

    A commit is a run's by the run's id in its summary; failing that, by its time, where no other run ran then.

    Raises:
        SourceError: the metadata cannot be read.
        MissingExtraError: pyiceberg is not installed, which manifests need.
    """
    since = min((run.started_at for run in good if run.started_at), default=None)
    since = since - around[0] if since is not None else None
    answers: dict[Signal, Any] = {}
    for question in GlueTables(aws).questions(Output(table=table, format="iceberg"), since):
        if question.signal not in (Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES):
            continue
        answers[question.signal] = question.read().payload
    metadata = answers[Signal.ICEBERG_METADATA]
    entries = answers.get(Signal.ICEBERG_ENTRIES) or []
    return _fields(metadata), list(_commits(metadata, entries, good, since, around))


def _fields(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    specs = {one.get("spec-id"): one for one in metadata.get("partition-specs") or ()}
    spec = specs.get(metadata.get("default-spec-id")) or {"fields": metadata.get("partition-spec") or ()}
    return tuple(str(one.get("name")) for one in spec.get("fields") or () if one.get("transform") != "void")


def _commits(
    metadata: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    good: Sequence[PastRunSeen],
    since: datetime | None,
    around: tuple[timedelta, timedelta],
) -> Iterator[CommitSeen]:
    of_snapshot: dict[str, list[Mapping[str, Any]]] = {}
    for one in entries:
        of_snapshot.setdefault(str(one["snapshot_id"]), []).append(one)
    for snapshot in sorted(metadata.get("snapshots") or (), key=lambda one: int(one.get("timestamp-ms") or 0)):
        at = from_epoch(int(snapshot.get("timestamp-ms") or 0))
        summary = {str(key): str(value) for key, value in (snapshot.get("summary") or {}).items()}
        operation = summary.get("operation", "")
        if (since is not None and at < since) or operation in ("", "replace"):
            continue
        run_id, key = _run_of(summary, at, good, around)
        if run_id is None:
            continue
        own = of_snapshot.get(str(snapshot["snapshot-id"]))
        added = [one["partition"] for one in own or () if one["status"] == 1 and not one.get("content")]
        removed = _number(summary, "deleted-data-files")
        left = _number(summary, "total-data-files") - _number(summary, "added-data-files")
        yield CommitSeen(
            snapshot_id=str(snapshot["snapshot-id"]),
            run_id=run_id,
            operation=operation,
            stamped_by=key,
            partitions=tuple({str(name): value for name, value in one.items()} for one in added) if own else None,
            removed_everything=removed > 0 and left == 0,
        )


def _run_of(
    summary: Mapping[str, str], at: datetime, good: Sequence[PastRunSeen], around: tuple[timedelta, timedelta]
) -> tuple[str | None, str | None]:
    """Tell whose commit it is: by a summary key that carries the run's id, else by time, where that leaves one run."""
    known = {run.run_id for run in good}
    for key in Pipeline().snapshot_keys:
        value = summary.get(key)
        if value in known:
            return value, key
        if value and value.startswith("jr_"):
            return None, None  # another job's run, or one of ours that is not looked at
    before, after = around
    fits = [
        run.run_id
        for run in good
        if run.started_at and run.ended_at and run.started_at - before <= at <= run.ended_at + after
    ]
    return (fits[0], None) if len(fits) == 1 else (None, None)


def _number(summary: Mapping[str, str], name: str) -> int:
    text = summary.get(name, "0")
    return int(text) if text.isdecimal() else 0
