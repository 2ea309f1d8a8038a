"""A table's write state in numbers; what is not known stays None, never zero."""

import msgspec

from pipetriage.model.facts import DataFile, Snapshot
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import Commit, WriteState, WriteStatus
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.leftovers import Leftovers
from pipetriage.verdict.partitions import Expected, partitions_of
from pipetriage.verdict.table_log import TableLog


def added_files(log: TableLog, commits: list[Attributed]) -> list[DataFile] | None:
    """Give the data files that these commits added; None when the entries do not hold them all."""
    if log.entries is None or not log.entries_complete:
        return None
    ids = {one.snapshot.snapshot_id for one in commits}
    files = [file for file in log.entries if file.snapshot_id in ids and file.status == 1 and file.content == 0]
    for one in commits:
        claimed = one.snapshot.summary.get("added-data-files")
        held = sum(file.snapshot_id == one.snapshot.snapshot_id for file in files)
        if claimed is not None and claimed.isdecimal() and int(claimed) != held:
            return None
    return files


def written_partitions(output: Output, log: TableLog, live: list[Attributed]) -> frozenset[str] | None:
    """Name the partitions that these commits wrote; None when the entries do not tell."""
    files = added_files(log, live)
    return None if files is None else partitions_of(files, output.partition_field)


def _records(snapshot: Snapshot, files: list[DataFile] | None) -> tuple[int | None, int | None]:
    if files is not None:
        mine = [file for file in files if file.snapshot_id == snapshot.snapshot_id]
        return sum(file.records for file in mine), len(mine)
    counts = (snapshot.summary.get(key, "") for key in ("added-records", "added-data-files"))
    records, count = (int(value) if value.isdecimal() else None for value in counts)
    return records, count


def in_numbers(
    base: WriteState,
    output: Output,
    log: TableLog,
    live: list[Attributed],
    expected: Expected,
    leftovers: Leftovers,
    status: WriteStatus,
    attributed: tuple[Attributed, ...],
) -> WriteState:
    """Put the state in numbers; what is not known stays None."""
    known = status in {WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED, WriteStatus.PARTIAL, WriteStatus.COMPLETE}
    files = added_files(log, live)
    written = written_partitions(output, log, live) if known or live else None
    commits = []
    for one in live:
        records, count = _records(one.snapshot, files)
        commits.append(
            Commit(
                snapshot=one.snapshot.snapshot_id,
                run=one.run_id,
                committed_at=one.snapshot.committed_at,
                records=records,
                files=count,
            )
        )
    total = _records_there(files, log) if files is not None else _sum_of(commits)
    missing = None
    if expected.values is not None and written is not None and known:
        missing = [value for value in expected.values if value not in written]
    first = live[0].snapshot if live else None
    lost = [
        one.snapshot.snapshot_id
        for one in attributed
        if first is not None
        and one.owner is not Owner.OURS
        and one.snapshot.operation != "replace"  # a compaction is no loss
        and one.snapshot.snapshot_id in log.live
        and (one.snapshot.sequence_number, one.snapshot.committed_at) > (first.sequence_number, first.committed_at)
    ]
    return msgspec.structs.replace(
        base,
        partitions_expected=expected.count,
        partitions_written=_count_expected(written, expected),
        partitions_missing=missing,
        commits=commits,
        records_written=total if known or live else None,
        records_rerun_would_repeat=_repeated(output, total) if known else None,
        uncommitted_files=leftovers.files,
        uncommitted_bytes=leftovers.size,
        rollback_snapshot=_retained(first.parent_id, log) if first is not None else None,
        later_commits_lost=lost,
    )


def _sum_of(commits: list[Commit]) -> int | None:
    counted = [commit.records for commit in commits]
    return None if any(one is None for one in counted) else sum(one for one in counted if one is not None)


def _records_there(files: list[DataFile], log: TableLog) -> int:
    """Count the records of the files that were not replaced since, by a second attempt or anyone else."""
    gone = {file.uri for file in log.entries or () if file.status == 2}
    return sum(file.records for file in files if file.uri not in gone)


def _retained(snapshot_id: str | None, log: TableLog) -> str | None:
    """Give the snapshot if it is still there: one that was expired cannot be rolled back to."""
    return snapshot_id if any(one.snapshot_id == snapshot_id for one in log.snapshots) else None


def _count_expected(written: frozenset[str] | None, expected: Expected) -> int | None:
    if written is None:
        return None
    return len(written & set(expected.values)) if expected.values is not None else len(written)


def _repeated(output: Output, total: int | None) -> int | None:
    if total == 0:
        return 0
    if output.write_mode == "append" or (output.role == "staging" and output.write_mode is None):
        return total
    return 0 if output.write_mode in {"overwrite_partitions", "overwrite_table"} else None
