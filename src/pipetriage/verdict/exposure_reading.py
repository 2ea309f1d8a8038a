"""One reading of a bad table: by the snapshot that was read where that is known, else by time alone."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pipetriage.model.facts import LineageDataset
from pipetriage.model.write_state import ExposureStatus
from pipetriage.verdict.exposure_windows import BadTable


class Read(NamedTuple):
    """What one run may have read of one bad table."""

    status: ExposureStatus
    snapshot: str | None
    why: str


def judged(
    table: BadTable,
    read: list[LineageDataset],
    start: datetime | None,
    end: datetime | None,
    skew: timedelta,
) -> Read:
    """Judge one reading of a bad table: by the snapshot that was read, where that is known, else by time alone."""
    snapshots = [one.snapshot_id for one in read if one.snapshot_id]
    name = table.window.table
    if hit := next((one for one in snapshots if one in table.bad), None):
        return Read(ExposureStatus.CONFIRMED, hit, f"{name}: its lineage names snapshot {hit}")
    # A step that names no snapshot, or a run that goes on, may have read another one besides.
    if snapshots and end is not None and all(one.snapshot_id in table.known for one in read):
        shown = snapshots[0]
        why = f"{name}: it read snapshot {shown}, which does not hold what the batch left"
        return Read(ExposureStatus.NOT_EXPOSED, shown, why)
    first = snapshots[0] if snapshots else None
    if table.by_snapshot_only:
        why = f"{name}: what the batch left is staged or on a branch, and is not known to be what it read"
        return Read(ExposureStatus.NOT_EXPOSED, first, why)
    if not table.overlaps(start, end, skew):
        early = end is not None and table.window.since is not None and end < table.window.since
        why = f"{name}: it {'ended before the batch wrote' if early else 'began when that was over'}"
        return Read(ExposureStatus.NOT_EXPOSED, first, why)
    return Read(ExposureStatus.POSSIBLE, first, f"{name}: it ran while the partial data was visible")
