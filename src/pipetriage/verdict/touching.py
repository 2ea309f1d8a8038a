"""Which partitions a commit touched, and whether they are surely none of the batch's own."""

from pipetriage.model.facts import DataFile, Snapshot
from pipetriage.model.pipeline import Output
from pipetriage.verdict.partitions import Expected, partition_of
from pipetriage.verdict.table_log import TableLog


def changed_files(log: TableLog, snapshot: Snapshot) -> list[DataFile] | None:
    """Give the files that the commit added or deleted; None when the entries do not surely hold them all."""
    if log.entries is None or not log.entries_complete:
        return None
    files = [file for file in log.entries if file.snapshot_id == snapshot.snapshot_id and file.status in {1, 2}]
    for status, key in ((1, "added-data-files"), (2, "deleted-data-files")):
        claimed = snapshot.summary.get(key)
        held = sum(file.status == status and file.content == 0 for file in files)
        if claimed is not None and claimed != str(held):
            return None
    return files or None


def only_elsewhere(log: TableLog, snapshot: Snapshot, output: Output, expected: Expected) -> bool:
    """Whether the commit is proven to have touched none of the partitions that the batch is declared to write."""
    files = changed_files(log, snapshot)
    if files is None or expected.values is None:
        return False
    field = output.partition_field
    if any(not _comparable(file.partition, field, expected.values) for file in files):
        return False
    return not {partition_of(file.partition, field) for file in files} & set(expected.values)


def _comparable(partition: dict[str, str | None], field: str | None, expected: tuple[str, ...]) -> bool:
    """Whether a file's partition is spelled as the declaration spells it: one value, an ordinal only where declared."""
    value = partition.get(field) if field is not None else next(iter(partition.values()), None)
    if value is None or (field is None and len(partition) != 1):
        return False
    return value.isdecimal() in {one.isdecimal() for one in expected}
