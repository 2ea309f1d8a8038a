"""In which tables, from when to when, and under which snapshots readers could see part of the batch."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from pipetriage.model.context import Context
from pipetriage.model.datasets import normal_name
from pipetriage.model.evidence import TableKey
from pipetriage.model.facts import Snapshot, TableFacts
from pipetriage.model.write_state import ExposureWindow, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Owner
from pipetriage.verdict.exposure_wrong import wrong_although_complete
from pipetriage.verdict.write_state import OutputState

_NOTHING = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})


class BadTable(NamedTuple):
    """One table, or one snapshot of it that only a branch shows, and when it was bad."""

    window: ExposureWindow
    names: frozenset[str]
    """Every name that lineage may use for it (``dataset_names.spellings``)."""
    bad: frozenset[str]
    """Snapshots that hold what the batch left and are not known to be whole."""
    known: frozenset[str]
    """All snapshots that the table's evidence tells of."""
    by_snapshot_only: bool = False
    """Readers see it only who ask for the snapshot: staged, or on a branch."""

    def overlaps(self, start: datetime | None, end: datetime | None, skew: timedelta) -> bool:
        """Whether something that ran in that time may have met it; what is not known may."""
        since, until = self.window.since, self.window.until
        early = end is not None and since is not None and end + skew < since
        late = start is not None and until is not None and start - skew > until
        return not (early or late)


def bad_tables(context: Context, attempts: Attempts, outputs: Iterable[OutputState]) -> list[BadTable]:
    """Give the tables in which readers could see part of the batch, or nobody can tell whether they could."""
    tables = {table.key: table for table in context.facts.tables}
    found: list[BadTable] = []
    for state in outputs:
        table = tables.get(TableKey(state.output.role, state.output.table))
        if table is None and state.staged_snapshot is not None:
            table = tables.get(TableKey("target", state.output.table))
        names = frozenset(spellings(state.state.table, table))
        one = _bad(state, names, table, context, attempts)
        if one is not None:
            found.append(one)
    return found


def spellings(name: str, table: TableFacts | None) -> list[str]:
    """List every name that lineage may use for a table: its own, the catalog's, its location."""
    given = [name]
    if table is not None and table.catalog is not None:
        # Iceberg keeps its metadata in a folder of the table's own.
        given += [table.catalog.name, table.catalog.location or "", _above_metadata(table.catalog.metadata_location)]
    if table is not None and table.iceberg is not None:
        given.append(table.iceberg.location)
    if table is not None and table.listing is not None:
        given.append(table.listing.uri)
    return list(dict.fromkeys(normal for one in given if (normal := normal_name(one))))


def _above_metadata(location: str | None) -> str:
    return location.rpartition("/metadata/")[0] if location else ""


def _bad(
    state: OutputState, names: frozenset[str], table: TableFacts | None, context: Context, attempts: Attempts
) -> BadTable | None:
    status = state.state.status
    if status in _NOTHING:
        return None
    made = [one.snapshot for one in state.by_owner(Owner.OURS, Owner.UNCLEAR)]
    log = state.log
    if log is None or not made:
        # No commit can be named: all that is known is when it may have begun.
        return (
            None
            if status is WriteStatus.COMPLETE
            else BadTable(_open(state, attempts), names, frozenset(), frozenset())
        )
    known = frozenset(one.snapshot_id for one in log.snapshots)
    if state.staged_snapshot is not None:
        staged = frozenset(one.snapshot_id for one in made)
        window = _window(state, made[0], None, None, "it is staged or on a branch: only who asks for it sees it")
        return BadTable(window, names, staged, known, by_snapshot_only=True)
    current = [one for one in made if one.snapshot_id not in log.branches]
    if not current:
        return None
    bad = _descendants(current, log.snapshots) - log.branches
    first, last = current[0], current[-1]
    wrong = wrong_although_complete(state, context, attempts) if status is WriteStatus.COMPLETE else state.state.why
    if wrong is None:
        bad -= _descendants([last], log.snapshots)
        if not bad:
            return None  # one commit, which readers saw whole or not at all
        return BadTable(_window(state, first, last.committed_at, "completion", state.state.why), names, bad, known)
    ended = _rolled_back(table, bad) if not bad & log.live else None
    return BadTable(_window(state, first, ended, "rollback" if ended else None, wrong), names, bad, known)


def _open(state: OutputState, attempts: Attempts) -> ExposureWindow:
    return ExposureWindow(
        table=state.state.table,
        since=attempts.window_start,
        until=None,
        ended_by=None,
        first_snapshot=None,
        why=state.state.why,
        evidence=state.state.evidence[:6],
    )


def _window(
    state: OutputState, first: Snapshot, until: datetime | None, ended_by: str | None, why: str
) -> ExposureWindow:
    return ExposureWindow(
        table=state.state.table,
        since=first.committed_at,
        until=until,
        ended_by=ended_by,
        first_snapshot=first.snapshot_id,
        why=why,
        evidence=[first.evidence],
    )


def _descendants(roots: Iterable[Snapshot], snapshots: Iterable[Snapshot]) -> frozenset[str]:
    """Give the snapshots that hold what these wrote: themselves, and all that were made on top of them."""
    found = {one.snapshot_id for one in roots}
    for one in sorted(snapshots, key=lambda one: (one.sequence_number, one.committed_at)):
        if one.parent_id in found:
            found.add(one.snapshot_id)
    return frozenset(found)


def _rolled_back(table: TableFacts | None, bad: frozenset[str]) -> datetime | None:
    """Find when another line of snapshots became current; None: it is not seen, so it counts as lasting."""
    log = table.iceberg.snapshot_log if table is not None and table.iceberg is not None else ()
    was_bad, ended = False, None
    for at, snapshot_id in sorted(log):
        if snapshot_id in bad:
            was_bad, ended = True, None
        elif was_bad and ended is None:
            ended = at
    return ended
