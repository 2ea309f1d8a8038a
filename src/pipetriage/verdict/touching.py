"""Which partitions a commit touched, and whether they are surely none of the batch's own."""

from collections.abc import Mapping

from pipetriage.model.facts import DataFile, Snapshot
from pipetriage.model.pipeline import Output
from pipetriage.verdict.partitions import Expected, touched
from pipetriage.verdict.spelling import surely_differ
from pipetriage.verdict.table_log import TableLog

# What a commit's summary counts: data files and delete files (content 1 and 2), added (status 1) and removed (2).
_COUNTS = (
    ("added-data-files", 1, False),
    ("deleted-data-files", 2, False),
    ("added-delete-files", 1, True),
    ("removed-delete-files", 2, True),
)


def changed_files(log: TableLog, snapshot: Snapshot) -> list[DataFile] | None:
    """Give the files that the commit added or deleted; None when the entries do not surely hold them all."""
    if log.entries is None or not log.entries_complete:
        return None
    files = [file for file in log.entries if file.snapshot_id == snapshot.snapshot_id and file.status in {1, 2}]
    if not snapshot.sequence_number and not any(key in snapshot.summary for key, *_ in _COUNTS):
        return None  # a version 1 table may keep no counts, and then nothing shows that these are all
    for key, status, deletes in _COUNTS:
        claimed = snapshot.summary.get(key)
        held = sum(file.status == status and (file.content != 0) is deletes for file in files)
        if claimed is not None and claimed != str(held):
            return None
    partitions = snapshot.summary.get("changed-partition-count", "")
    if partitions.isdecimal() and int(partitions) > len(touched(files)):
        return None
    return files or None


def deleted_since(log: TableLog, snapshot: Snapshot) -> bool:
    """Whether every file that the commit added was since removed by a plain delete, which puts nothing in its place."""
    added = {file.uri for file in changed_files(log, snapshot) or () if file.status == 1}
    deletes = {one.snapshot_id for one in log.snapshots if one.operation == "delete"}
    gone = {file.uri for file in log.entries or () if file.status == 2 and file.snapshot_id in deletes}
    return bool(added) and added <= gone


def only_elsewhere(log: TableLog, snapshot: Snapshot, output: Output, expected: Expected) -> bool:
    """Whether the commit is proven to have touched none of the partitions that the batch is declared to write."""
    files = changed_files(log, snapshot)
    if files is None or expected.values is None:
        return False
    wanted = expected.fields
    if not wanted:
        names = {name for file in files for name in file.partition}
        if output.partition_field is not None or len(names) != 1:
            return False
        wanted = tuple({name: value} for name in names for value in expected.values)
    return all(apart(file.partition, wanted) for file in files)


def apart(partition: Mapping[str, str | None], wanted: tuple[dict[str, str], ...]) -> bool:
    """Whether a file's partition surely differs from every declared one, in some field that both have."""
    return all(any(surely_differ(partition.get(name), value) for name, value in one.items()) for one in wanted)
