"""An Iceberg table's commits, from its metadata file, with every reason to doubt that they are all (section 4.3)."""

import re
from datetime import timedelta
from itertools import pairwise

from pipetriage.model.context import Context
from pipetriage.model.facts import IcebergTable, Snapshot, TableFacts
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.table_log import TableLog, name_doubts, one_name, time_doubts

# Iceberg's metadata files: 00012-<uuid>.metadata.json, or v12.metadata.json in a hadoop catalog.
_METADATA_VERSION = re.compile(r"/(?:v)?(\d{1,9})(?:-[0-9a-fA-F-]{8,64})?(?:\.gz)?\.metadata\.json(?:\.gz)?$")


def iceberg_log(table: TableFacts, iceberg: IcebergTable, context: Context, attempts: Attempts) -> TableLog:
    """Give the table's commits and the doubts about them."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in iceberg.snapshots}
    chain = _chain(iceberg.current_snapshot_id, by_id)
    other_refs = [target for name, target in iceberg.refs.items() if name != "main"]
    branches = {member for target in other_refs for member in _chain(target, by_id)} - set(chain)
    branches |= {one.snapshot_id for one in iceberg.snapshots if "wap.id" in one.summary} - set(chain)
    doubts = [
        *time_doubts(iceberg.observed_at, attempts),
        *name_doubts(table),
        *_place_doubts(table, iceberg, context),
        *_contradictions(iceberg, by_id, chain, context),
        *_currency_doubts(table, iceberg, context, attempts),
        *_chain_doubts(iceberg, by_id, chain, attempts),
        *_history_doubts(table, iceberg, set(chain), by_id, attempts),
    ]
    return TableLog(
        snapshots=iceberg.snapshots,
        live=frozenset(chain),
        branches=frozenset(branches),
        entries=table.entries,
        entries_complete=table.entries_complete,
        doubts=tuple(doubts),
        evidence=iceberg.evidence,
    )


def _chain(start: str | None, by_id: dict[str, Snapshot]) -> list[str]:
    """Follow the parents; ends where one is unknown or a hostile file makes a circle."""
    chain: list[str] = []
    seen: set[str] = set()
    while start is not None and start in by_id and start not in seen:
        chain.append(start)
        seen.add(start)
        start = by_id[start].parent_id
    return chain


def _place_doubts(table: TableFacts, iceberg: IcebergTable, context: Context) -> list[str]:
    """Say whether the metadata file is another table's, by its place or by its uuid."""
    doubts = []
    declared = table.catalog.location if table.catalog is not None else None
    if declared and iceberg.location and declared.rstrip("/") != iceberg.location.rstrip("/"):
        doubts.append("the metadata file is of another place than the catalog says (location differs)")
    for other in context.facts.tables:
        shared = other.iceberg is not None and iceberg.uuid and other.iceberg.uuid == iceberg.uuid
        if shared and not one_name(other.key.name, table.key.name):
            doubts.append(f"the metadata file is also given as that of {other.key.name} (one table-uuid)")
            break
    return doubts


def _contradictions(iceberg: IcebergTable, by_id: dict[str, Snapshot], chain: list[str], context: Context) -> list[str]:
    """Say where the metadata file is at odds with itself."""
    doubts = []
    if len(by_id) != len(iceberg.snapshots):
        doubts.append("the metadata file holds two snapshots of the same id")
    if "main" in iceberg.refs and iceberg.refs["main"] != iceberg.current_snapshot_id:
        doubts.append("the metadata file's current snapshot is not that of its main branch")
    skew = timedelta(seconds=context.clock_skew_seconds)
    pairs = pairwise(chain)
    if any(by_id[child].committed_at + skew < by_id[parent].committed_at for child, parent in pairs):
        doubts.append("a snapshot claims to be older than its parent, so the commit times cannot be trusted")
    return doubts


def _currency_doubts(table: TableFacts, iceberg: IcebergTable, context: Context, attempts: Attempts) -> list[str]:
    """Say why this metadata file may not be the catalog's current one."""
    doubts = []
    skew = timedelta(seconds=context.clock_skew_seconds)
    catalog = table.catalog
    if catalog is not None and catalog.metadata_location is not None:
        if iceberg.metadata_uri is not None and iceberg.metadata_uri != catalog.metadata_location:
            doubts.append("the metadata file read is not the catalog's current one (metadata_location differs)")
        elif catalog.metadata_location in {location for _, location in iceberg.metadata_log}:
            doubts.append("the catalog points to an older metadata file than the one read")
        elif (
            iceberg.metadata_uri is None
            and catalog.updated_at is not None
            and (
                catalog.updated_at > iceberg.last_updated_at + skew
                and (attempts.window_start is None or catalog.updated_at >= attempts.window_start)
            )
        ):
            doubts.append("the catalog's entry was updated after the metadata file that was read")
    doubts.extend(_version_doubts(table, iceberg))
    # A metadata file never changes: reading an old one late proves nothing, asking the catalog late does.
    asked = catalog.observed_at if catalog is not None and catalog.metadata_location is not None else None
    if asked is not None and attempts.window_end is not None and asked < attempts.window_end:
        doubts.append("the catalog was asked before the last attempt's end plus the settling time")
    if iceberg.last_updated_at > iceberg.observed_at + skew:
        doubts.append("the metadata file claims an update after it was read")
    current = next((one for one in iceberg.snapshots if one.snapshot_id == iceberg.current_snapshot_id), None)
    if current is not None and current.committed_at > iceberg.last_updated_at + skew:
        doubts.append("the metadata file's last update is older than its current snapshot")
    if table.listing is not None and (newer := _newer_metadata(table, iceberg)):
        doubts.append(f"a newer metadata file lies in the table's folder ({newer})")
    return doubts


def _version(location: str | None) -> int | None:
    found = _METADATA_VERSION.search(location) if location else None
    return int(found[1]) if found else None


def _follows(iceberg: IcebergTable) -> int | None:
    """Give the version that the file must have: its metadata-log ends with the file that it replaced."""
    last = _version(iceberg.metadata_log[-1][1]) if iceberg.metadata_log else None
    return None if last is None else last + 1


def _version_doubts(table: TableFacts, iceberg: IcebergTable) -> list[str]:
    """Say where the file's own history and its name, or the catalog's, are of different versions."""
    implied = _follows(iceberg)
    pointed = table.catalog.metadata_location if table.catalog is not None else None
    named = ((_version(pointed), "the catalog points to"), (_version(iceberg.metadata_uri), "its address says"))
    return [
        f"the metadata file's own history makes it version {implied}, {who} version {version}"
        for version, who in named
        if implied is not None and version is not None and version != implied
    ][:1]


def _newer_metadata(table: TableFacts, iceberg: IcebergTable) -> str | None:
    """Find a metadata file with a higher version than the one read, written after its last update."""
    pointed = table.catalog.metadata_location if table.catalog is not None else None
    ours = _version(iceberg.metadata_uri or pointed)
    known = [ours, _follows(iceberg), *(_version(location) for _, location in iceberg.metadata_log)]
    # Without address and history it is a table's first file: version 0, or 1 in a hadoop catalog.
    highest = max((version for version in known if version is not None), default=1)
    for file in table.listing.files if table.listing is not None else ():
        version = _version(file.uri)
        later = file.modified_at is not None and file.modified_at > iceberg.last_updated_at
        if version is not None and version > highest and later:
            return file.uri.rsplit("/", 1)[-1]
    return None


def _chain_doubts(iceberg: IcebergTable, by_id: dict[str, Snapshot], chain: list[str], attempts: Attempts) -> list[str]:
    """Say why commits since the first attempt may be missing from the metadata."""
    start = attempts.window_start
    if start is None:
        return []
    if iceberg.current_snapshot_id is None:
        if iceberg.snapshots or iceberg.snapshot_log or iceberg.last_sequence_number:
            return ["the table has no current snapshot though it had some"]
        return []
    if not chain:
        return ["the current snapshot is not in the metadata"]
    oldest = by_id[chain[-1]]
    anchors = [by_id[one] for one in chain if by_id[one].committed_at < start]
    doubts = []
    if not anchors and oldest.parent_id is not None:
        doubts.append("the snapshots' parent chain breaks before it reaches the first attempt (expired?)")
    if not anchors and oldest.parent_id is None and any(one.committed_at < start for one in iceberg.snapshots):
        doubts.append("the current history begins after the first attempt, though the table is older")
    elif not anchors and iceberg.format_version < 2 and any(at < start for at, _ in iceberg.metadata_log):
        # Version 1 numbers no commits, and expiry may leave a survivor without its parent. But each commit, and an
        # expiry, writes one metadata file: a table that was made and only committed to has as many as snapshots.
        written = _follows(iceberg)
        if written is not None and written - len(iceberg.snapshots) <= 1:
            return doubts
        doubts.append("the history begins after the first attempt, and version 1 does not show what was expired")
    doubts.extend(_sequence_doubts(iceberg, anchors))
    return doubts


def _sequence_doubts(iceberg: IcebergTable, anchors: list[Snapshot]) -> list[str]:
    """Every v2 commit takes the next sequence number, so a missing number is a commit that was removed."""
    last = iceberg.last_sequence_number
    if iceberg.format_version < 2:
        return []
    if last is None or any(one.sequence_number > last for one in iceberg.snapshots):
        return ["the last sequence number is missing or older than a snapshot's"]
    anchor = max((one.sequence_number for one in anchors), default=0)
    present = {one.sequence_number for one in iceberg.snapshots}
    # A hostile last-sequence-number must not make us count to it.
    if last - anchor > len(present) or not set(range(anchor + 1, last + 1)) <= present:
        return ["sequence numbers since the first attempt are missing: a commit was expired or removed"]
    return []


def _history_doubts(
    table: TableFacts, iceberg: IcebergTable, chain: set[str], by_id: dict[str, Snapshot], attempts: Attempts
) -> list[str]:
    """Say whether the table was created, replaced or rolled back since the first attempt."""
    start = attempts.window_start
    if start is None:
        return []
    doubts = []
    created = table.catalog.created_at if table.catalog is not None else None
    if created is not None and created >= start:
        doubts.append("the table was created since the first attempt began")
    logged = [at for at, _ in (*iceberg.snapshot_log, *iceberg.metadata_log)]
    times = [iceberg.last_updated_at, *logged, *(one.committed_at for one in iceberg.snapshots)]
    if created is None and all(at >= start for at in times):
        doubts.append("nothing shows that the table is older than the first attempt")
    if iceberg.snapshot_log and iceberg.snapshot_log[-1][1] != iceberg.current_snapshot_id:
        doubts.append("the metadata's history does not end with its current snapshot")
    for at, snapshot_id in iceberg.snapshot_log:
        known = by_id.get(snapshot_id)
        if at >= start and (snapshot_id not in chain or (known is not None and known.committed_at < start)):
            doubts.append("the table was rolled back since the first attempt began")
            break
    return doubts
