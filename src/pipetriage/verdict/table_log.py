"""A table's commits in one form, with what its evidence proves (design section 4.3), whatever its format."""

from datetime import datetime

import msgspec

from pipetriage.model.facts import DataFile, Snapshot, TableFacts
from pipetriage.verdict.attempts import Attempts


class TableLog(msgspec.Struct, frozen=True, kw_only=True):
    """Commits of one table."""

    snapshots: tuple[Snapshot, ...]
    """All that the evidence holds, staged and rolled back ones included, oldest first."""
    live: frozenset[str]
    """Snapshots that are current or ancestors of it: what readers of the main branch see."""
    branches: frozenset[str]
    """Snapshots reachable from another branch or tag, and staged ones (``wap.id``)."""
    entries: tuple[DataFile, ...] | None
    entries_complete: bool
    doubts: tuple[str, ...]
    """Why the absence of a commit is not proven; empty when it is."""
    evidence: str


def time_doubts(observed_at: datetime, attempts: Attempts) -> list[str]:
    """Say whether a table was looked at too early for the absence of a commit to count."""
    if attempts.window_start is None:
        return ["the first attempt's start is unknown"]
    if attempts.window_end is None:
        return ["the last attempt has not ended, or its end is unknown"]
    if observed_at < attempts.window_end:
        return ["the table was looked at before the last attempt's end plus the settling time"]
    return []


def name_doubts(table: TableFacts) -> list[str]:
    """Say whether the catalog's entry is another table's."""
    if table.catalog is None or not table.key.name or one_name(table.catalog.name, table.key.name):
        return []
    return [f"the catalog entry is another table's ({table.catalog.name})"]


def one_name(first: str, second: str) -> bool:
    """Whether two names may be one table's: equal in table and, where both have one, database; a catalog may lead."""
    pairs = zip(reversed(first.lower().split(".")), reversed(second.lower().split(".")), strict=False)
    return all(one == other for one, other in list(pairs)[:2])
