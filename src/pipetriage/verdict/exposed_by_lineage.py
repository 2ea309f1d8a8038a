"""Readers that lineage tells of: those of the batch's own tables, and those of what these made of it."""

from collections import deque
from datetime import timedelta
from typing import NamedTuple

from msgspec.structs import replace

from pipetriage.model.context import Context
from pipetriage.model.facts import LineageDataset
from pipetriage.model.pipeline import Consumer
from pipetriage.model.write_state import Exposure, ExposureStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.exposure_reading import Read, judged
from pipetriage.verdict.exposure_windows import BadTable
from pipetriage.verdict.lineage_graph import LineageGraph, Reader, is_job

MAX_DEPTH = 8
"""How many steps away from the batch's tables readers are followed. Ours: marts of marts have four or five."""
MAX_FOLLOWED = 2_000
"""Exposed runs whose outputs are followed. Ours: more than anybody can be told of."""
_EVIDENCE = 6


class _Step(NamedTuple):
    """An exposed run, to be followed."""

    reader: Reader
    exposure: Exposure


def by_lineage(
    graph: LineageGraph, bad: list[BadTable], context: Context, attempts: Attempts, skew: timedelta
) -> tuple[list[Exposure], bool]:
    """Judge the runs that read a bad table, or something that was made of it; and tell whether some were left out."""
    found: list[Exposure] = []
    steps: list[_Step] = []
    for table in bad:
        for reader, datasets in graph.readings_of(table.names):
            if _is_ours(reader, context, attempts):
                continue
            read = judged(table, datasets, reader.started_at, reader.ended_at, skew)
            exposure = _exposure(reader, read, table.window.table, 1, None, context)
            found.append(exposure)
            steps.append(_Step(reader, exposure))
    further, cut = _followed(graph, steps, context, attempts, skew)
    return found + further, cut


def _followed(
    graph: LineageGraph, first: list[_Step], context: Context, attempts: Attempts, skew: timedelta
) -> tuple[list[Exposure], bool]:
    """Follow the outputs of exposed runs; a run is followed again only by a way that is surer than the one before."""
    found: list[Exposure] = []
    surest: dict[frozenset[str], ExposureStatus] = {}
    steps, followed, cut = deque(first), 0, False
    while steps:
        at = steps.popleft()
        status, depth = at.exposure.status, at.exposure.depth
        known = surest.get(at.reader.run_ids)
        if status is ExposureStatus.NOT_EXPOSED or known is ExposureStatus.CONFIRMED or known is status:
            continue
        if followed == MAX_FOLLOWED or (depth == MAX_DEPTH and at.reader.outputs):
            cut = True
            continue
        surest[at.reader.run_ids] = status
        followed += 1
        for output in at.reader.outputs:
            for reader, datasets in graph.readings_of(output.names):
                if reader.run_ids == at.reader.run_ids or _is_ours(reader, context, attempts):
                    continue
                read = _derived(output, datasets, reader, at, skew)
                if read is None:
                    continue
                exposure = _exposure(reader, read, _shown(output), depth + 1, at.exposure.consumer, context)
                found.append(exposure)
                steps.append(_Step(reader, exposure))
    return found, cut


def _derived(
    output: LineageDataset, datasets: list[LineageDataset], reader: Reader, at: _Step, skew: timedelta
) -> Read | None:
    """Judge one reading of what an exposed run wrote; None: it ended before that run began, and cannot have met it."""
    name, began = _shown(output), at.reader.started_at
    snapshots = {one.snapshot_id for one in datasets if one.snapshot_id}
    if output.snapshot_id is not None and output.snapshot_id in snapshots:
        why = f"{name}: it read what {at.exposure.consumer} wrote (snapshot {output.snapshot_id})"
        return Read(at.exposure.status, output.snapshot_id, why)
    if reader.ended_at is not None and began is not None and reader.ended_at + skew < began:
        return None
    why = f"{name}: it ran after {at.exposure.consumer} may have written to it"
    return Read(ExposureStatus.POSSIBLE, next(iter(sorted(snapshots)), None), why)


def _is_ours(reader: Reader, context: Context, attempts: Attempts) -> bool:
    return not reader.run_ids.isdisjoint(attempts.run_ids) or is_job(reader.job, context.target.job_name)


def _exposure(reader: Reader, read: Read, table: str, depth: int, through: str | None, context: Context) -> Exposure:
    declared = consumer_of(reader.job, context)
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


def consumer_of(job: str, context: Context) -> Consumer | None:
    """Give the declared consumer that a job of lineage is, or is a step of."""
    return next(
        (one for one in context.pipeline.consumers if is_job(job, one.name) or (one.job and is_job(job, one.job))), None
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
