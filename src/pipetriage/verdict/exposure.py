"""Who read, or may have read, what the failed batch left."""

from datetime import datetime

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import LineageDataset, LineageRun, TableFacts
from pipetriage.model.pipeline import Consumer
from pipetriage.model.write_state import Exposure, ExposureStatus, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Owner
from pipetriage.verdict.write_state import OutputState

_VISIBLE = frozenset({WriteStatus.PARTIAL, WriteStatus.UNCERTAIN})


class _Bad:
    """The partial state of one table: from when on it was visible, and under which snapshots."""

    def __init__(self, state: OutputState, table: TableFacts | None, attempts: Attempts) -> None:
        self.name = state.state.table
        self.names = _names(self.name, table)
        ours = [one.snapshot for one in state.by_owner(Owner.OURS, Owner.UNCLEAR)]
        self.since: datetime | None = min((one.committed_at for one in ours), default=attempts.window_start)
        # Every snapshot that was current since then contains what the batch left.
        self.snapshots = {
            one.snapshot.snapshot_id
            for one in state.attributed
            if ours and one.snapshot.committed_at >= min(first.committed_at for first in ours)
        }


def exposures(context: Context, attempts: Attempts, outputs: list[OutputState]) -> list[Exposure]:
    """Judge every reader that lineage, query history or the declaration names; worst first."""
    tables = {table.key: table for table in context.facts.tables}
    bad = [
        _Bad(state, tables.get((state.output.role, state.output.table)), attempts)  # type: ignore[call-overload]
        for state in outputs
        if state.state.status in _VISIBLE
    ]
    found = [one for run in context.facts.lineage for table in bad if (one := _lineage(run, table, context, attempts))]
    found += [one for table in bad for one in _queries(table, context)]
    named = {one.consumer.casefold() for one in found}
    found += [_declared(one, bad, context) for one in context.pipeline.consumers if not _named(one, named)]
    order = list(ExposureStatus)
    return sorted(found, key=lambda one: (order.index(one.status), one.consumer))


def _names(name: str, table: TableFacts | None) -> frozenset[str]:
    """List every name that lineage may use for a table: its own, its bare name's location, its ARN's symlink."""
    names = {name.lower()}
    if table is not None:
        for location in (
            table.iceberg.location if table.iceberg else None,
            table.catalog.location if table.catalog else None,
            table.catalog.name if table.catalog else None,
        ):
            if location:
                names.add(location.rstrip("/").lower())
    return frozenset(names)


def _matches(dataset: LineageDataset, names: frozenset[str]) -> bool:
    for given in dataset.names:
        given = given.rstrip("/")
        if given in names or any("." in name and given.endswith("." + name) for name in names):
            return True
    return False


def _lineage(run: LineageRun, bad: _Bad, context: Context, attempts: Attempts) -> Exposure | None:
    read = [one for one in run.inputs if _matches(one, bad.names)]
    if not read or run.run_id in attempts.run_ids or run.job == context.target.job_name:
        return None
    snapshot = next((one.snapshot_id for one in read if one.snapshot_id), None)
    ended_before = run.ended_at is not None and bad.since is not None and run.ended_at < bad.since
    if snapshot is not None and snapshot in bad.snapshots:
        status, via = ExposureStatus.CONFIRMED, f"{bad.name}: its lineage names snapshot {snapshot}"
    elif snapshot is not None and bad.snapshots:
        status, via = ExposureStatus.NOT_EXPOSED, f"{bad.name}: it read snapshot {snapshot}, older than the batch"
    elif ended_before:
        status, via = ExposureStatus.NOT_EXPOSED, f"{bad.name}: it ended before the batch wrote"
    else:
        status, via = ExposureStatus.POSSIBLE, f"{bad.name}: it ran while the partial data was visible"
    declared = next((one for one in context.pipeline.consumers if run.job in {one.name, one.job}), None)
    return Exposure(
        consumer=declared.name if declared else run.job,
        owner=declared.owner if declared else None,
        status=status,
        read_at=run.started_at,
        snapshot_id=snapshot,
        via=via,
        depth=1,
        evidence=[run.evidence],
    )


def _queries(bad: _Bad, context: Context) -> list[Exposure]:
    """List ad-hoc queries that name the table and were submitted since it was partial."""
    bare = bad.name.rsplit(".", 1)[-1].lower()
    return [
        Exposure(
            consumer=f"query {query.query_id}",
            owner=query.who,
            status=ExposureStatus.POSSIBLE,
            read_at=query.submitted_at,
            snapshot_id=None,
            via=f"{bad.name}: the query names it and was submitted while the partial data was visible",
            depth=1,
            evidence=[query.evidence],
        )
        for query in context.facts.queries
        if bare in query.sql.lower()
        and (query.submitted_at is None or bad.since is None or query.submitted_at >= bad.since)
    ]


def _named(consumer: Consumer, named: set[str]) -> bool:
    return consumer.name.casefold() in named or (consumer.job or "").casefold() in named


def _declared(consumer: Consumer, bad: list[_Bad], context: Context) -> Exposure:
    """Judge a declared reader that left no event: silence is not proof that it did not read."""
    reads = [one for one in bad if consumer.table is None or consumer.table.lower() in one.names]
    if reads:
        silent = "lineage has no event of it" if Signal.LINEAGE in context.seen else "no lineage was seen"
        status, via = ExposureStatus.POSSIBLE, f"{reads[0].name}: declared reader; {silent}"
    else:
        status, via = ExposureStatus.NOT_EXPOSED, "no partial data of this batch is visible in what it reads"
    return Exposure(
        consumer=consumer.name, owner=consumer.owner, status=status, read_at=None, snapshot_id=None, via=via, depth=1
    )
