"""Who read, or may have read, what the failed batch left: its own tables, and what was made of them since."""

from datetime import timedelta
from typing import NamedTuple

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow, LineageCoverage
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.exposed_by_declaration import by_declaration, calm
from pipetriage.verdict.exposed_by_lineage import by_lineage, collapsed
from pipetriage.verdict.exposed_by_query import by_queries
from pipetriage.verdict.exposure_windows import bad_tables
from pipetriage.verdict.lineage_graph import LineageGraph
from pipetriage.verdict.write_state import OutputState


class Exposed(NamedTuple):
    """Who was exposed, when anybody could be, and what that rests on."""

    readers: list[Exposure]
    windows: list[ExposureWindow]
    coverage: LineageCoverage | None


def exposures(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Exposed:
    """Judge every reader that lineage, query history or the declaration names; the surest first, then the nearest."""
    bad = bad_tables(context, attempts, outputs)
    if not bad:
        return Exposed([calm(one) for one in context.pipeline.consumers], [], None)
    skew = timedelta(seconds=context.clock_skew_seconds)
    graph = LineageGraph(context.facts.lineage)
    found, cut = by_lineage(graph, bad, context, attempts, skew)
    found += [one for table in bad for one in by_queries(table, context, skew)]
    found = collapsed(found)
    found += by_declaration(found, bad, context)
    order = list(ExposureStatus)
    found.sort(key=lambda one: (order.index(one.status), one.depth, one.consumer))
    return Exposed(found, [table.window for table in bad], _coverage(graph, context, cut))


def _coverage(graph: LineageGraph, context: Context, cut: bool) -> LineageCoverage:
    runs = graph.readers
    times = [at for one in runs for at in (one.started_at, one.ended_at) if at is not None]
    jobs = graph.jobs()
    silent = [one.name for one in context.pipeline.consumers if jobs.isdisjoint(one.jobs())]
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
    if cut:
        note += "; there are more, further away, than were followed"
    return LineageCoverage(
        runs=len(runs),
        first_event=min(times, default=None),
        last_event=max(times, default=None),
        silent=silent,
        note=note,
    )
