"""Readers that lineage tells of: those of the batch's own tables, and those of what these made of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from pipetriage.model.context import Context
from pipetriage.model.datasets import jobs_of, normal_name
from pipetriage.model.facts import LineageDataset
from pipetriage.model.pipeline import Consumer
from pipetriage.model.write_state import Exposure, ExposureStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.exposure_reading import Read, judged
from pipetriage.verdict.exposure_windows import BadTable
from pipetriage.verdict.lineage_graph import LineageGraph, Reader

MAX_DEPTH = 8
"""How many steps away from the batch's tables readers are followed. Ours: marts of marts have four or five."""
MAX_FOLLOWED = 2_000
"""Exposed runs of one depth whose outputs are followed. Ours: more than anybody can be told of."""
_EVIDENCE = 6


class _Step(NamedTuple):
    """An exposed run, to be followed."""

    reader: Reader
    exposure: Exposure


class _Followed:
    """What was followed already, so that each dataset is looked at once and not once for each run that wrote it."""

    def __init__(self) -> None:
        self.surest: dict[frozenset[str], ExposureStatus] = {}
        self.since: dict[tuple[str, ...], float] = {}
        """By a dataset's names: readers that ended after this time are told of. Seconds."""
        self.snapshots: dict[tuple[tuple[str, ...], str], ExposureStatus] = {}

    def is_new(self, step: _Step) -> bool:
        """Whether this way to a run is surer than those before."""
        status, known = step.exposure.status, self.surest.get(step.reader.run_ids)
        if status is ExposureStatus.NOT_EXPOSED or known in (ExposureStatus.CONFIRMED, status):
            return False
        self.surest[step.reader.run_ids] = status
        return True


def by_lineage(
    graph: LineageGraph, bad: list[BadTable], context: Context, attempts: Attempts, skew: timedelta
) -> tuple[list[Exposure], bool]:
    """Judge the runs that read a bad table, or something that was made of it; and tell whether some were left out."""
    found: list[_Step] = []
    declared = _Declared(context)
    for table in bad:
        for reader, datasets in graph.readings_of(table.names):
            if _is_ours(reader, context, attempts):
                continue
            read = judged(table, datasets, reader.started_at, reader.ended_at, skew)
            found.append(_Step(reader, _exposure(reader, read, table.window.table, 1, None, declared)))
    further, cut = _follow(graph, found, context, attempts, declared, skew)
    return [one.exposure for one in (*found, *further)], cut


def by_declared_writers(
    graph: LineageGraph, silent: list[Exposure], context: Context, attempts: Attempts, skew: timedelta
) -> tuple[list[Exposure], bool]:
    """Judge the runs that read what declared consumers write of which there is no event, but which may have read."""
    writes = {one.name: tuple(_dataset(name) for name in one.writes) for one in context.pipeline.consumers}
    steps = [
        _Step(
            Reader(
                job=one.consumer,
                run_ids=frozenset({f"declared {one.consumer}"}),
                started_at=attempts.window_start,
                ended_at=None,
                state="",
                inputs=(),
                outputs=writes[one.consumer],
                owner=one.owner,
                evidence="",
            ),
            one,
        )
        for one in silent
        if one.status is not ExposureStatus.NOT_EXPOSED and writes[one.consumer]
    ]
    found, cut = _follow(graph, steps, context, attempts, _Declared(context), skew)
    return [one.exposure for one in found], cut


def _dataset(name: str) -> LineageDataset:
    return LineageDataset(names=(normal_name(name),), snapshot_id=None)


def _follow(
    graph: LineageGraph,
    first: list[_Step],
    context: Context,
    attempts: Attempts,
    declared: "_Declared",
    skew: timedelta,
) -> tuple[list[_Step], bool]:
    """Judge the readers of what these runs wrote, by distance, and tell whether some were left out."""
    followed, level, cut = _Followed(), first, False
    found: list[_Step] = []
    # At each distance by time: the earliest writer of a dataset decides who may have met what it wrote.
    while level:
        level = [one for one in sorted(level, key=_began) if followed.is_new(one)]
        cut = cut or len(level) > MAX_FOLLOWED
        cut = cut or any(one.exposure.depth >= MAX_DEPTH and one.reader.outputs for one in level)
        level = [
            step
            for at in level[:MAX_FOLLOWED]
            if at.exposure.depth < MAX_DEPTH
            for step in _next(graph, at, followed, declared, skew)
            if not _is_ours(step.reader, context, attempts)
        ]
        found += level
    return found, cut


def _began(step: _Step) -> tuple[int, float]:
    """Order the steps of one depth: the surest first, then the earliest; what began nobody knows when is earliest."""
    return list(ExposureStatus).index(step.exposure.status), _seconds(step.reader.started_at)


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at is not None else float("-inf")


def _next(
    graph: LineageGraph, at: _Step, followed: _Followed, declared: "_Declared", skew: timedelta
) -> Iterator[_Step]:
    """Judge the readings of what an exposed run wrote that were not judged as sure before."""
    status, depth, through = at.exposure.status, at.exposure.depth + 1, at.exposure.consumer
    began = _seconds(at.reader.started_at)
    # What a consumer is declared to write it may have written, whatever its events name.
    consumer = declared.of(at.reader)
    for output in (*at.reader.outputs, *(_dataset(one) for one in (consumer.writes if consumer else ()))):
        name = _shown(output)
        if output.snapshot_id is not None:
            key = output.names, output.snapshot_id
            if followed.snapshots.get(key) in (None, ExposureStatus.POSSIBLE) and followed.snapshots.get(key) != status:
                followed.snapshots[key] = status
                why = f"{name}: it read what {through} wrote (snapshot {output.snapshot_id})"
                for reader, _ in graph.readings_of_snapshot(output):
                    if reader.run_ids != at.reader.run_ids:
                        read = Read(status, output.snapshot_id, why)
                        yield _Step(reader, _exposure(reader, read, name, depth, through, declared))
        told = followed.since.get(output.names)
        if told is not None and told <= began:
            continue
        followed.since[output.names] = began
        for reader, datasets in graph.readings_of(output.names):
            ended = _seconds(reader.ended_at) + skew.total_seconds() if reader.ended_at is not None else float("inf")
            # It ended before that run began and cannot have met it; or it is told of by an earlier one.
            if ended < began or (told is not None and ended >= told) or reader.run_ids == at.reader.run_ids:
                continue
            why = f"{name}: it ran after {through} may have written to it"
            snapshot = next((one.snapshot_id for one in datasets if one.snapshot_id), None)
            read = Read(ExposureStatus.POSSIBLE, snapshot, why)
            yield _Step(reader, _exposure(reader, read, name, depth, through, declared))


def _is_ours(reader: Reader, context: Context, attempts: Attempts) -> bool:
    return not reader.run_ids.isdisjoint(attempts.run_ids) or reader.runs_job(context.target.job_name)


class _Declared:
    """The declared consumers by job of lineage: a few jobs have thousands of runs."""

    def __init__(self, context: Context) -> None:
        self._by_job: dict[str, Consumer] = {}
        for one in context.pipeline.consumers:
            for job in one.jobs():
                self._by_job.setdefault(job, one)

    def of(self, reader: Reader) -> Consumer | None:
        """Give the declared consumer that a run is, is a step of, or was started by, the nearest of these."""
        names = (name for job in (reader.job, *reader.above) for name in jobs_of(job))
        return next((self._by_job[name] for name in names if name in self._by_job), None)


def _exposure(
    reader: Reader, read: Read, table: str, depth: int, through: str | None, consumers: _Declared
) -> Exposure:
    declared = consumers.of(reader)
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


def _shown(dataset: LineageDataset) -> str:
    """Give the name of a dataset that a person knows it by: a table's rather than a location's."""
    tables = [name for name in dataset.names if "/" not in name]
    return max(tables, key=len) if tables else dataset.names[0] if dataset.names else "an unnamed dataset"


def collapsed(found: list[Exposure]) -> list[Exposure]:
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
