"""Which partitions a commit touched, and whether they are surely none of the batch's own."""

from collections.abc import Mapping

from pipetriage.model.facts import DataFile, Snapshot
from pipetriage.model.pipeline import Output
from pipetriage.verdict.partitions import Expected
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
    wanted = expected.fields
    if not wanted:
        names = {name for file in files for name in file.partition}
        if output.partition_field is not None or len(names) != 1:
            return False
        wanted = tuple({name: value} for name in names for value in expected.values)
    return all(apart(file.partition, wanted) for file in files)


def apart(partition: Mapping[str, str | None], wanted: tuple[dict[str, str], ...]) -> bool:
    """Whether a file's partition differs from every declared one in a field that both spell alike."""
    return all(any(_differ(partition.get(name), one[name], name, wanted) for name in one) for one in wanted)


def _differ(seen: str | None, value: str, name: str, wanted: tuple[dict[str, str], ...]) -> bool:
    if seen is None or seen == value:
        return False
    # An ordinal (days since the epoch) and a date may be one and the same.
    return seen.isdecimal() in {one[name].isdecimal() for one in wanted if name in one}
