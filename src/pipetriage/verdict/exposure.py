"""Who read, or may have read, what the failed batch left: its own tables, and what was made of them since."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from pipetriage.model.context import Context
from pipetriage.model.datasets import normal_name
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import LineageDataset, QueryRun
from pipetriage.model.pipeline import Consumer
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow, LineageCoverage
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.exposure_windows import BadTable, bad_tables
from pipetriage.verdict.lineage_graph import LineageGraph, Reader, is_job, read_of
from pipetriage.verdict.schedules import NeverError, starts_within
from pipetriage.verdict.write_state import OutputState

MAX_DEPTH = 8
"""How many steps away from the batch's tables readers are followed. Ours: marts of marts have four or five."""
MAX_FOLLOWED = 2_000
"""Exposed runs that are followed. Ours: a graph that is larger is said to be cut."""
LONGEST_RUN = timedelta(hours=12)
"""A reader that its schedule starts so long before the window may still have been reading in it. Ours."""

_VERSION = re.compile(r"(?i)\bFOR\s{1,8}(?:SYSTEM_)?VERSION\s{1,8}AS\s{1,8}OF\s{1,8}(\d{1,20})\b")
"""Athena's and Trino's time travel to an Iceberg snapshot."""
_EVIDENCE = 6


class Exposed(NamedTuple):
    """Who was exposed, when anybody could be, and what that rests on."""

    readers: list[Exposure]
    windows: list[ExposureWindow]
    coverage: LineageCoverage | None


class _Read(NamedTuple):
    """What one run may have read of one bad table."""

    status: ExposureStatus
    snapshot: str | None
    why: str


class _Step(NamedTuple):
    """An exposed run, to be followed."""

    reader: Reader
    exposure: Exposure


def exposures(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Exposed:
    """Judge every reader that lineage, query history or the declaration names; the surest first, then the nearest."""
    bad = bad_tables(context, attempts, outputs)
    if not bad:
        return Exposed([_calm(one) for one in context.pipeline.consumers], [], None)
    skew = timedelta(seconds=context.clock_skew_seconds)
    graph = LineageGraph(context.facts.lineage)
    found = _by_lineage(graph, bad, context, attempts, skew)
    found += [one for table in bad for one in _queries(table, context, skew)]
    found = _collapsed(found)
    found += _declared(found, bad, context)
    order = list(ExposureStatus)
    found.sort(key=lambda one: (order.index(one.status), one.depth, one.consumer))
    return Exposed(found, [table.window for table in bad], _coverage(graph, context))


# By lineage


def _by_lineage(
    graph: LineageGraph, bad: list[BadTable], context: Context, attempts: Attempts, skew: timedelta
) -> list[Exposure]:
    found: list[Exposure] = []
    steps: list[_Step] = []
    for table in bad:
        for reader in graph.readers_of(table.names):
            if _is_ours(reader, context, attempts):
                continue
            read = _judged(table, read_of(reader, table.names), reader.started_at, reader.ended_at, skew)
            exposure = _exposure(reader, read, table.window.table, 1, None, context)
            found.append(exposure)
            steps.append(_Step(reader, exposure))
    return found + _followed(graph, steps, context, attempts, skew)


def _followed(
    graph: LineageGraph, steps: list[_Step], context: Context, attempts: Attempts, skew: timedelta
) -> list[Exposure]:
    """Follow the outputs of exposed runs; a run is followed once for each way that is surer than the ones before."""
    found: list[Exposure] = []
    surest: dict[frozenset[str], ExposureStatus] = {}
    followed = 0
    while steps and followed < MAX_FOLLOWED:
        at = steps.pop(0)
        status, depth = at.exposure.status, at.exposure.depth
        known = surest.get(at.reader.run_ids)
        if status is ExposureStatus.NOT_EXPOSED or known is ExposureStatus.CONFIRMED or known is status:
            continue
        surest[at.reader.run_ids] = status
        followed += 1
        for output in at.reader.outputs if depth < MAX_DEPTH else ():
            for reader in graph.readers_of(output.names):
                if reader.run_ids == at.reader.run_ids or _is_ours(reader, context, attempts):
                    continue
                read = _derived(output, reader, at, skew)
                if read is None:
                    continue
                exposure = _exposure(reader, read, _shown(output), depth + 1, at.exposure.consumer, context)
                found.append(exposure)
                steps.append(_Step(reader, exposure))
    return found


def _judged(
    table: BadTable,
    read: list[LineageDataset],
    start: datetime | None,
    end: datetime | None,
    skew: timedelta,
) -> _Read:
    """Judge one reading of a bad table: by the snapshot that was read, where that is known, else by time alone."""
    snapshots = [one.snapshot_id for one in read if one.snapshot_id]
    name = table.window.table
    if hit := next((one for one in snapshots if one in table.bad), None):
        return _Read(ExposureStatus.CONFIRMED, hit, f"{name}: its lineage names snapshot {hit}")
    if snapshots and all(one in table.known for one in snapshots):
        shown = snapshots[0]
        why = f"{name}: it read snapshot {shown}, which does not hold what the batch left"
        return _Read(ExposureStatus.NOT_EXPOSED, shown, why)
    first = snapshots[0] if snapshots else None
    if table.by_snapshot_only:
        why = f"{name}: what the batch left is staged or on a branch, and is not known to be what it read"
        return _Read(ExposureStatus.NOT_EXPOSED, first, why)
    if not table.overlaps(start, end, skew):
        early = end is not None and table.window.since is not None and end < table.window.since
        why = f"{name}: it {'ended before the batch wrote' if early else 'began when that was over'}"
        return _Read(ExposureStatus.NOT_EXPOSED, first, why)
    return _Read(ExposureStatus.POSSIBLE, first, f"{name}: it ran while the partial data was visible")


def _derived(output: LineageDataset, reader: Reader, at: _Step, skew: timedelta) -> _Read | None:
    """Judge one reading of what an exposed run wrote; None: it ended before that run began, and cannot have met it."""
    name, began = _shown(output), at.reader.started_at
    read = read_of(reader, frozenset(output.names))
    snapshots = {one.snapshot_id for one in read if one.snapshot_id}
    if output.snapshot_id is not None and output.snapshot_id in snapshots:
        why = f"{name}: it read what {at.exposure.consumer} wrote (snapshot {output.snapshot_id})"
        return _Read(at.exposure.status, output.snapshot_id, why)
    if reader.ended_at is not None and began is not None and reader.ended_at + skew < began:
        return None
    why = f"{name}: it ran after {at.exposure.consumer} may have written to it"
    return _Read(ExposureStatus.POSSIBLE, next(iter(sorted(snapshots)), None), why)


def _is_ours(reader: Reader, context: Context, attempts: Attempts) -> bool:
    return not reader.run_ids.isdisjoint(attempts.run_ids) or is_job(reader.job, context.target.job_name)


def _exposure(reader: Reader, read: _Read, table: str, depth: int, through: str | None, context: Context) -> Exposure:
    declared = _consumer_of(reader.job, context)
    went = {"FAIL": "; it failed itself", "ABORT": "; it was broken off"}.get(reader.state, "")
    return Exposure(
        consumer=declared.name if declared else reader.job,
        owner=(declared.owner if declared else None) or reader.owner,
        status=read.status,
        read_at=reader.started_at,
        snapshot_id=read.snapshot,
        via=f"{read.why}{went}",
        depth=depth,
        evidence=[reader.evidence],
        table=table,
        kind=declared.kind if declared else "job",
        through=through,
    )


def _consumer_of(job: str, context: Context) -> Consumer | None:
    return next(
        (one for one in context.pipeline.consumers if is_job(job, one.name) or (one.job and is_job(job, one.job))), None
    )


def _shown(dataset: LineageDataset) -> str:
    """Give the name of a dataset that a person knows it by: a table's rather than a location's."""
    tables = [name for name in dataset.names if "/" not in name]
    return max(tables, key=len) if tables else dataset.names[0] if dataset.names else "an unnamed dataset"


def _collapsed(found: list[Exposure]) -> list[Exposure]:
    """Say each consumer once for each table that it read: by its surest run, the earliest of those."""
    order = list(ExposureStatus)
    several: dict[tuple[str, str | None], list[Exposure]] = {}
    for one in found:
        several.setdefault((one.consumer, one.table), []).append(one)
    collapsed = []
    for group in several.values():
        group.sort(key=lambda one: (order.index(one.status), one.depth, one.read_at is None, str(one.read_at or "")))
        first = group[0]
        evidence = list(dict.fromkeys(cited for one in group if one.status is first.status for cited in one.evidence))
        same = len({one.evidence[0] for one in group if one.status is first.status and one.evidence}) or 1
        more = f", in {same} runs" if same > 1 else ""
        collapsed.append(replace(first, via=f"{first.via}{more}", evidence=evidence[:_EVIDENCE], runs=same))
    return collapsed


# By query history


def _queries(table: BadTable, context: Context, skew: timedelta) -> Iterator[Exposure]:
    """Judge the queries that name the table."""
    for query in context.facts.queries:
        if not _names_table(query, table.names):
            continue
        version = _VERSION.search(query.sql)
        asked = [LineageDataset(names=(), snapshot_id=version[1])] if version else []
        read = _judged(table, asked, query.submitted_at, query.ended_at or query.submitted_at, skew)
        if read.status is ExposureStatus.NOT_EXPOSED:
            continue
        why = f"{table.window.table}: the query names it and ran while the partial data was visible"
        yield Exposure(
            consumer=f"query {query.query_id}",
            owner=query.who,
            status=read.status,
            read_at=query.submitted_at,
            snapshot_id=read.snapshot,
            via=f"{table.window.table}: the query asks for snapshot {read.snapshot}" if read.snapshot else why,
            depth=1,
            evidence=[query.evidence],
            table=table.window.table,
            kind="query",
        )


_IDENTIFIER = re.compile(r"[\w.]{1,512}")


def _names_table(query: QueryRun, names: frozenset[str]) -> bool:
    """Whether a query's text names the table: qualified, or by its bare name where the database is not another's."""
    said = set(_IDENTIFIER.findall(query.sql.lower().replace('"', "").replace("`", "")))
    for name in names:
        if "/" in name:
            continue
        database, _, bare = name.rpartition(".")
        if name in said or any(one.endswith(f".{name}") for one in said):
            return True
        same = query.database is None or not database or database.rsplit(".", 1)[-1] == query.database.lower()
        if bare in said and same:
            return True
    return False


# By declaration


def _calm(consumer: Consumer) -> Exposure:
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


def _declared(found: list[Exposure], bad: list[BadTable], context: Context) -> list[Exposure]:
    """Judge the declared readers that left no event: silence is no proof that they did not read."""
    named = {one.consumer.casefold() for one in found}
    silent = [one for one in context.pipeline.consumers if one.name.casefold() not in named]
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


def _may_have_read(consumer: Consumer, found: list[Exposure], judged: dict[str, Exposure]) -> bool:
    if consumer.name in judged:
        return judged[consumer.name].status is not ExposureStatus.NOT_EXPOSED
    return any(one.consumer == consumer.name and one.status is not ExposureStatus.NOT_EXPOSED for one in found)


def _shared(reads: Iterable[str], writes: Iterable[str]) -> str | None:
    written = {normal_name(one) for one in writes}
    return next((one for one in reads if normal_name(one) in written), None)


def _silently(consumer: Consumer, bad: list[BadTable], context: Context) -> Exposure:
    declared = {normal_name(one) for one in consumer.tables()}
    reads = [one for one in bad if not one.by_snapshot_only and (not declared or not declared.isdisjoint(one.names))]
    if not reads:
        return _calm(consumer)
    name = reads[0].window.table
    silence = "lineage has no event of it" if Signal.LINEAGE in context.seen else "no lineage was seen"
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


# What it rests on


def _coverage(graph: LineageGraph, context: Context) -> LineageCoverage:
    runs = graph.readers
    times = [at for one in runs for at in (one.started_at, one.ended_at) if at is not None]
    jobs = graph.jobs
    silent = [
        one.name
        for one in context.pipeline.consumers
        if not any(is_job(job, one.name) or (one.job and is_job(job, one.job)) for job in jobs)
    ]
    declared = len(context.pipeline.consumers)
    gap = next((one for one in context.gaps if one.source == str(Signal.LINEAGE)), None)
    if gap is not None:
        note = f"no lineage was seen ({gap.reason}): readers that nobody declared are not known"
    elif not runs:
        note = "lineage has no event: that is no proof that nobody read it"
    else:
        heard = declared - len(silent)
        note = f"{len(runs)} runs are known by lineage, {heard} of {declared} declared consumers among them"
        note += "; a reader that sends no events (a query, a dashboard) would not be seen"
    return LineageCoverage(
        runs=len(runs),
        first_event=min(times, default=None),
        last_event=max(times, default=None),
        silent=silent,
        note=note,
    )
