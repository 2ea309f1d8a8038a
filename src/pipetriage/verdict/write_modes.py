"""Do the commits seen agree with the write mode that the pipeline declares? (design section 4.4, rule 2)

What engines make of each mode: Spark's dynamic and static overwrites are one ``overwrite`` snapshot; a row filter that
only deletes is a ``delete``; pyiceberg's overwrite is a ``delete`` (or ``overwrite``) and then an ``append``; Iceberg's
copy-on-write MERGE is an ``overwrite``, and an ``append`` where it only inserted.
"""

from collections.abc import Mapping, Sequence

from pipetriage.model.facts import DataFile, Run, Snapshot
from pipetriage.model.pipeline import Output
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.partitions import Expected, partition_of, touched
from pipetriage.verdict.table_log import TableLog
from pipetriage.verdict.touching import changed_files

_REPLACING = frozenset({"overwrite", "delete"})
_MERGED = "spark.merge-into."
# Delta names what a commit was (commitInfo.operation).
_DELTA_MERGES = frozenset({"MERGE", "DELETE"})
_DELTA_OVERWRITES = frozenset(
    {"WRITE", "CREATE OR REPLACE TABLE AS SELECT", "REPLACE TABLE AS SELECT", "CREATE TABLE AS SELECT", "DELETE"}
)
# The classes by which Iceberg's log says that it committed a MERGE: copy-on-write, and merge-on-read.
_MERGE_PRODUCERS = frozenset({"BaseOverwriteFiles", "BaseRowDelta"})
_DELETE_FILES = ("added-delete-files", "added-dvs", "added-position-deletes", "added-equality-deletes")


def disagreement(
    output: Output,
    log: TableLog,
    ours: Sequence[Attributed],
    attributed: Sequence[Attributed],
    expected: Expected,
    history: Sequence[Run],
    producers: Mapping[str, str],
) -> str | None:
    """Say what of the commits contradicts the declared mode; None when they agree with it."""
    if not ours:
        return "nothing that is proven ours"
    allowed = _DELTA_MERGES if output.write_mode == "merge" else _DELTA_OVERWRITES
    named = [one.snapshot.summary.get("delta-operation", "") for one in ours if one.snapshot.operation != "replace"]
    if odd := [name for name in named if name and name not in allowed]:
        return odd[0]
    if output.write_mode == "merge":
        return _not_merging(ours, attributed, history, producers)
    for one in ours:
        snapshot = one.snapshot
        if _merges(snapshot):
            return "a MERGE"
        if any(snapshot.summary.get(key, "0") != "0" for key in _DELETE_FILES):
            return "delete files, which an overwrite does not leave"
        if snapshot.operation == "append" and not _after_its_delete(one, ours, log, output, expected):
            return "append"
        if snapshot.operation not in {*_REPLACING, "append", "replace"}:
            return snapshot.operation or "no operation"
    if output.write_mode == _PARTS and (wiped := _wiped(output, log, ours, expected)):
        return wiped
    return None


_PARTS = "overwrite_partitions"


def _not_merging(
    ours: Sequence[Attributed], attributed: Sequence[Attributed], history: Sequence[Run], producers: Mapping[str, str]
) -> str | None:
    odd = [one.snapshot.operation for one in ours if one.snapshot.operation not in {*_REPLACING, "append", "replace"}]
    if odd:
        return odd[0] or "no operation"
    runs = {run.run_id for run in history}
    known = [*ours, *(one for one in attributed if one.run_id in runs)]
    # An insert-only MERGE looks like an append: some commit of this job must show that it does merge.
    shown = any(one.snapshot.operation in _REPLACING or _merges(one.snapshot) for one in known)
    if not shown and not any(producers.get(one.snapshot.snapshot_id) in _MERGE_PRODUCERS for one in ours):
        return "only appends"
    return None


def _merges(snapshot: Snapshot) -> bool:
    return snapshot.summary.get("delta-operation") == "MERGE" or any(
        key.startswith(_MERGED) for key in snapshot.summary
    )


def _after_its_delete(
    append: Attributed, ours: Sequence[Attributed], log: TableLog, output: Output, expected: Expected
) -> bool:
    """Whether the append is the second half of an overwrite: right after the same run's delete of what it replaces."""
    parent = next((one for one in ours if one.snapshot.snapshot_id == append.snapshot.parent_id), None)
    if parent is None or parent.run_id != append.run_id or parent.snapshot.operation not in _REPLACING:
        return False
    # A batch's id alone does not make two commits one run's; and a delete that adds is an overwrite of its own.
    alone = append.owner is Owner.OURS and append.run_id is None
    if (
        alone
        or parent.snapshot.summary.get("added-data-files", "0") != "0"
        or "delta-operation" in parent.snapshot.summary
    ):
        return False
    if output.write_mode != _PARTS:
        return parent.snapshot.summary.get("total-data-files") == "0"
    gone, new = changed_files(log, parent.snapshot), changed_files(log, append.snapshot)
    if gone is None or new is None:
        return False
    # What was appended beyond what was deleted must be the batch's own: a partition that was still empty.
    deleted_from, beyond = touched(gone), touched(new) - touched(gone)
    more = {partition_of(dict(partition), output.partition_field) for partition in beyond}
    return deleted_from <= touched(new) and more <= set(expected.values or ())


def _wiped(output: Output, log: TableLog, ours: Sequence[Attributed], expected: Expected) -> str | None:
    """Say whether commits declared to replace partitions removed files of others besides."""
    added: list[DataFile] = []
    removed: list[DataFile] = []
    for one in ours:
        files = changed_files(log, one.snapshot)
        if files is None:
            if _emptied(one.snapshot):
                return f"{one.snapshot.operation} of the whole table"
            if one.snapshot.operation in _REPLACING and one.snapshot.summary.get("replace-partitions") != "true":
                return f"{one.snapshot.operation} of partitions that were not seen"
            continue
        added += [file for file in files if file.status == 1]
        removed += [file for file in files if file.status == 2]
    field = output.partition_field
    own = {partition_of(file.partition, field) for file in added} | set(expected.values or ())
    others = {partition_of(file.partition, field) for file in removed} - own
    return f"the removal of other partitions ({', '.join(sorted(others)[:3])})" if others else None


def _emptied(snapshot: Snapshot) -> bool:
    """Whether a commit left nothing of what was there before: a static overwrite of the whole table does."""
    summary = snapshot.summary
    left = summary.get("total-data-files") == summary.get("added-data-files", "0")
    return left and summary.get("replace-partitions") != "true" and summary.get("deleted-data-files", "0") != "0"


def empties_first(snapshot: Snapshot) -> bool:
    """Whether a commit emptied or replaced the table: what is there afterwards is only what it added itself."""
    total, added = snapshot.summary.get("total-data-files"), snapshot.summary.get("added-data-files", "0")
    return snapshot.operation in _REPLACING and total is not None and total == added
