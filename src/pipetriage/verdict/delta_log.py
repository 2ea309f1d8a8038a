"""A Delta table's commits, from its log, with every reason to doubt that they are all (sections 4.2 and 4.3)."""

import re
from datetime import timedelta
from itertools import pairwise

from pipetriage.model.context import Context
from pipetriage.model.facts import DeltaTable, TableFacts
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.table_log import TableLog, name_doubts, time_doubts

# Delta's log files that speak of a version: its commit, checksum or checkpoint, or the end of a compacted range.
_DELTA_VERSION = re.compile(
    r"/_delta_log/(?:\d{20}\.)?(\d{20})\.(?:json|crc|compacted\.json|checkpoint(?:\.[0-9a-fA-F.-]{1,80})?\.(?:parquet|json))$"
)
# Where a catalog-managed Delta table keeps commits that the catalog, not the log, has made valid.
_DELTA_STAGED = "/_delta_log/_staged_commits/"


def delta_log(table: TableFacts, delta: DeltaTable, context: Context, attempts: Attempts) -> TableLog:
    """Give the table's commits and the doubts about them."""
    doubts = [
        *name_doubts(table),
        *time_doubts(delta.observed_at, attempts),
        *_newer_delta(table, delta),
        *_delta_reach(delta, context, attempts),
    ]
    ids = frozenset(one.snapshot_id for one in delta.snapshots)
    return TableLog(
        snapshots=delta.snapshots,
        live=ids,
        branches=frozenset(),
        entries=delta.files,
        entries_complete=True,
        doubts=tuple(doubts),
        evidence=delta.evidence,
    )


def _newer_delta(table: TableFacts, delta: DeltaTable) -> list[str]:
    """Say whether the table's folder shows commits that the log read does not hold."""
    uris = [file.uri for file in table.listing.files] if table.listing is not None else []
    doubts = []
    if any(_DELTA_STAGED in uri for uri in uris):
        doubts.append("the Delta table has staged commits: only its catalog knows which of them count, so ask it")
    last = delta.snapshots[-1].sequence_number
    if any(found and int(found[1]) > last for found in map(_DELTA_VERSION.search, uris)):
        doubts.append("the table's folder holds a newer version of the Delta log than was read")
    return doubts


def _delta_reach(delta: DeltaTable, context: Context, attempts: Attempts) -> list[str]:
    """Say why the log may not hold every commit since the first attempt, at its true time."""
    start, first = attempts.window_start, delta.snapshots[0]
    doubts = []
    if delta.missing_versions:
        doubts.append(f"version {delta.missing_versions[0]} of the Delta log is missing")
    if delta.first_version != 0 and not (start is not None and first.committed_at < start):
        doubts.append("the Delta log does not reach back to the first attempt")
    if delta.first_version == 0 and start is not None and first.committed_at >= start:
        doubts.append("the table was created since the first attempt began")
    skew = timedelta(seconds=context.clock_skew_seconds)
    if any(later.committed_at + skew < earlier.committed_at for earlier, later in pairwise(delta.snapshots)):
        doubts.append("a Delta version claims to be older than the one before it, so the times cannot be trusted")
    return doubts
