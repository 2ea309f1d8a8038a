"""Readers in a query engine's history: the queries that name a bad table."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import LineageDataset, QueryRun
from pipetriage.model.write_state import Exposure, ExposureStatus
from pipetriage.verdict.exposure_reading import judged
from pipetriage.verdict.exposure_windows import BadTable

LONGEST_QUERY = timedelta(hours=4)
"""How long a query that is over ran, where nothing tells. Ours: well over Athena's usual limit of half an hour."""
SQL_SHOWN = 4_000
"""Characters of a query that are kept (context/surroundings): behind them there may be more."""
_OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "FINISHED"})
"""What Athena and Trino call a query that has ended."""


def by_queries(table: BadTable, context: Context, skew: timedelta) -> Iterator[Exposure]:
    """Judge the queries that name the table."""
    for query in context.facts.queries:
        if not _names_table(query, table.names):
            continue
        # A snapshot of another table in the same query proves nothing about this one.
        asked = [
            LineageDataset(names=(), snapshot_id=version)
            for name, version in query.versions
            if _names_table(msgspec.structs.replace(query, names=frozenset({name})), table.names)
        ]
        if asked and _names_more(query, table.names, len(asked)):
            asked.append(LineageDataset(names=(), snapshot_id=None))
        read = judged(table, asked, query.submitted_at, _ended(query), skew)
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


def _names_more(query: QueryRun, names: frozenset[str], versions: int) -> bool:
    """Whether the text may read the table once more than by the snapshots that it names: as it is, then."""
    bare = {name.rpartition(".")[2] for name in names if "/" not in name}
    return len(query.sql) >= SQL_SHOWN or any(query.sql.lower().count(name) > versions for name in bare)


def _ended(query: QueryRun) -> datetime | None:
    """Give when a query ended at the latest; None: it goes on, or may."""
    if query.ended_at is None and query.submitted_at is not None and query.state in _OVER:
        return query.submitted_at + LONGEST_QUERY
    return query.ended_at


def _names_table(query: QueryRun, names: frozenset[str]) -> bool:
    """Whether a query's text names the table: qualified, or by its bare name where the database is not another's."""
    said = query.names
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
