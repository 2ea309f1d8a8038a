"""Declared readers that left no event: silence is no proof that they did not read."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pipetriage.model.context import Context
from pipetriage.model.datasets import may_be_one
from pipetriage.model.evidence import Signal
from pipetriage.model.pipeline import Consumer
from pipetriage.model.write_state import Exposure, ExposureStatus
from pipetriage.verdict.exposed_by_lineage import MAX_DEPTH
from pipetriage.verdict.exposure_windows import BadTable
from pipetriage.verdict.schedules import NeverError, starts_within

LONGEST_RUN = timedelta(hours=12)
"""A reader that its schedule starts so long before the window may still have been reading in it. Ours."""


def calm(consumer: Consumer) -> Exposure:
    """Say of a declared reader that there was nothing for it to read."""
    why = "no partial data of this batch is visible in what it reads"
    return _silent(consumer, ExposureStatus.NOT_EXPOSED, None, why, 1, None)


def _silent(
    consumer: Consumer, status: ExposureStatus, table: str | None, via: str, depth: int, through: str | None
) -> Exposure:
    return Exposure(
        consumer=consumer.name,
        owner=consumer.owner,
        status=status,
        read_at=None,
        snapshot_id=None,
        via=via,
        depth=depth,
        table=table,
        kind=consumer.kind,
        through=through,
        runs=0,
    )


def by_declaration(found: list[Exposure], bad: list[BadTable], context: Context) -> list[Exposure]:
    """Judge the declared readers that left no event: silence is no proof that they did not read."""
    named = {one.consumer for one in found}
    told = {one.consumer for one in found if one.status is not ExposureStatus.NOT_EXPOSED}
    silent = [one for one in context.pipeline.consumers if one.name not in named]
    # It told of runs that are harmless; of one that its schedule started since, it did not.
    missed = [
        one for one in context.pipeline.consumers if one.name in named - told and _misses(one, found, bad, context)
    ]
    silent += missed
    judged = {one.name: _silently(one, bad, context) for one in silent}
    # What a declared consumer writes, whether it left an event or not, is read by others.
    reached = [(one.name, one.writes, 1) for one in context.pipeline.consumers if _may_have_read(one, found, judged)]
    while reached:
        through, writes, depth = reached.pop(0)
        for consumer in silent if depth < MAX_DEPTH else ():
            read = _shared(consumer.tables(), writes)
            if read is None or judged[consumer.name].status is not ExposureStatus.NOT_EXPOSED:
                continue
            why = f"{read}: declared reader of what {through} writes"
            judged[consumer.name] = _silent(consumer, ExposureStatus.POSSIBLE, read, why, depth + 1, through)
            reached.append((consumer.name, consumer.writes, depth + 1))
    return list(judged.values())


def _misses(consumer: Consumer, found: list[Exposure], bad: list[BadTable], context: Context) -> bool:
    """Whether its schedule starts it while a table was bad, and no event tells of a run that late."""
    last = max((one.read_at for one in found if one.consumer == consumer.name and one.read_at), default=None)
    since = min((one.window.since for one in bad if one.window.since is not None), default=None)
    if not consumer.schedule or since is None or (last is not None and last >= since):
        return False
    try:
        until = max(one.window.until or context.as_of for one in bad)
        return starts_within(consumer.schedule, consumer.timezone, since, until) is not None
    except NeverError:
        return True


def _may_have_read(consumer: Consumer, found: list[Exposure], judged: dict[str, Exposure]) -> bool:
    if consumer.name in judged:
        return judged[consumer.name].status is not ExposureStatus.NOT_EXPOSED
    return any(one.consumer == consumer.name and one.status is not ExposureStatus.NOT_EXPOSED for one in found)


def _shared(reads: Iterable[str], writes: Iterable[str]) -> str | None:
    written = list(writes)
    return next((one for one in reads if any(may_be_one(one, other) for other in written)), None)


def _silently(consumer: Consumer, bad: list[BadTable], context: Context) -> Exposure:
    declared = consumer.tables()
    visible = [one for one in bad if not one.by_snapshot_only]
    reads = [one for one in visible if not declared or _shared(declared, one.names) is not None]
    if visible and not reads:
        why = f"it is declared to read {', '.join(declared[:3])}, which nobody is known to make of the partial data"
        return _silent(consumer, ExposureStatus.NOT_EXPOSED, None, why, 1, None)
    if not reads:
        return calm(consumer)
    name = reads[0].window.table
    silence = "lineage has no event of it from then" if Signal.LINEAGE in context.seen else "no lineage was seen"
    if consumer.schedule:
        try:
            starts = [at for one in reads if (at := _scheduled(consumer, one, context.as_of)) is not None]
        except NeverError as error:
            starts, silence = [], f"{silence}, and its schedule cannot be read ({error})"
        else:
            if not starts:
                why = f"{name}: its schedule ({consumer.schedule}) does not start it while the partial data was visible"
                return _silent(consumer, ExposureStatus.NOT_EXPOSED, name, why, 1, None)
            silence = f"its schedule starts it at {starts[0]:%Y-%m-%d %H:%M} UTC; {silence}"
    return _silent(consumer, ExposureStatus.POSSIBLE, name, f"{name}: declared reader; {silence}", 1, None)


def _scheduled(consumer: Consumer, table: BadTable, as_of: datetime) -> datetime | None:
    """Give when the schedule first starts it so that it may have read the table while it was bad."""
    since = table.window.since
    if since is None:
        return as_of
    return starts_within(consumer.schedule or "", consumer.timezone, since - LONGEST_RUN, table.window.until or as_of)
