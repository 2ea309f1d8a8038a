"""Who read, or may have read, what the failed batch left: its own tables, and what was made of them since."""

from datetime import timedelta
from typing import NamedTuple

from pipetriage.model.context import Context
from pipetriage.model.evidence import Gap, Signal
from pipetriage.model.write_state import Exposure, ExposureStatus, ExposureWindow, LineageCoverage
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.exposed_by_declaration import by_declaration, calm
from pipetriage.verdict.exposed_by_lineage import by_declared_writers, by_lineage, collapsed
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
    silent = by_declaration(found, bad, context)
    through, cut_through = by_declared_writers(graph, silent, context, attempts, skew)
    found = collapsed(found + through)
    known = {one.consumer for one in through}
    silent = [one for one in silent if one.status is ExposureStatus.POSSIBLE or one.consumer not in known]
    # Of a reader that may have run since, what it read earlier is no news.
    since = {one.consumer for one in silent if one.status is ExposureStatus.POSSIBLE}
    found = [one for one in found if one.status is not ExposureStatus.NOT_EXPOSED or one.consumer not in since]
    found += silent
    order = list(ExposureStatus)
    found.sort(key=lambda one: (order.index(one.status), one.depth, one.consumer))
    windows = [table.window for table in bad]
    return Exposed(found, windows, _coverage(graph, windows, context, cut or cut_through))


def _coverage(graph: LineageGraph, windows: list[ExposureWindow], context: Context, cut: bool) -> LineageCoverage:
    times = [at for one in graph.readers for at in (one.started_at, one.ended_at) if at is not None]
    first, last = min(times, default=None), max(times, default=None)
    jobs = graph.jobs()
    silent = [one.name for one in context.pipeline.consumers if jobs.isdisjoint(one.jobs())]
    gap = next((one for one in context.gaps if one.source == str(Signal.LINEAGE)), None)
    since = min((one.since for one in windows if one.since is not None), default=None)
    said = [_reach(len(graph.readers), len(silent), context, gap)]
    if gap is not None and graph.readers:
        said.append(f"not all of it was read ({gap.reason})")
    if last is not None and since is not None and last < since:
        said.append(f"its last event is of {last:%Y-%m-%d %H:%M} UTC, before anything of this could be read")
    if graph.readers:
        said.append("a reader that sends no events (a query, a dashboard) would not be seen")
    if cut:
        said.append("there are more, further away, than were followed")
    return LineageCoverage(
        runs=len(graph.readers),
        first_event=first,
        last_event=last,
        silent=silent,
        note="; ".join(said),
        complete=Signal.LINEAGE in context.seen and gap is None and not cut,
    )


def _reach(runs: int, silent: int, context: Context, gap: Gap | None) -> str:
    if runs == 0 and gap is not None:
        return f"no lineage was seen ({gap.reason}): readers that nobody declared are not known"
    if runs == 0:
        return "lineage has no event: that is no proof that nobody read it"
    declared = len(context.pipeline.consumers)
    known = "1 run is" if runs == 1 else f"{runs} runs are"
    return f"{known} known by lineage, {declared - silent} of {declared} declared consumers among them"
