"""Commits that nothing signs, made while an attempt ran: may they count as ours for the decision? (section 4.1)

They count as ours wherever that is the careful side (an append). Under a write mode that replaces what it wrote, taking
another's commit for ours would let a rerun overwrite it; so there they count only in a table in which nobody signs, and
only if they touched what this batch alone is declared to write, once an attempt.
"""

from collections import Counter

from pipetriage.model.context import Context
from pipetriage.model.write_state import WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import APP_ID_KEYS, Attributed, Owner, stamp_keys
from pipetriage.verdict.partitions import expected_partitions, partition_of
from pipetriage.verdict.touching import changed_files
from pipetriage.verdict.write_state import OutputState

REPEATABLE = frozenset({"overwrite_partitions", "overwrite_table", "merge"})


def counted_as_ours(one: OutputState, context: Context, attempts: Attempts) -> list[Attributed]:
    """Give the unsigned commits that count as ours under a repeatable mode; none where anything speaks against it."""
    unclear = one.by_owner(Owner.UNCLEAR)
    if one.state.status is not WriteStatus.UNCERTAIN or not one.only_unsigned or one.doubts or not unclear:
        return []
    if one.output.write_mode not in REPEATABLE or _anyone_signs(one, context):
        return []
    if any(attempts.none_running(a.snapshot.committed_at) for a in unclear):
        return []
    return unclear if _as_declared(one, unclear, context, len(attempts.runs)) else []


def _anyone_signs(one: OutputState, context: Context) -> bool:
    """Whether any commit of the table carries a stamp or an application id: then an unsigned one is hardly the job's.

    Asked of the table itself, so that no other signal's absence can change the answer.
    """
    keys = (*stamp_keys(context), *APP_ID_KEYS)
    return any(a.snapshot.summary.get(key) for a in one.attributed for key in keys)


def _as_declared(one: OutputState, unclear: list[Attributed], context: Context, attempts: int) -> bool:
    """Whether the commits touched only the batch's declared partitions, each at most once an attempt."""
    if one.output.write_mode == "overwrite_table" and len(unclear) <= attempts:
        return True
    expected, log = expected_partitions(one.output, context), one.log
    if expected.values is None or log is None:
        return False
    written: Counter[str] = Counter()
    for a in unclear:
        files = changed_files(log, a.snapshot)
        if files is None:
            return False
        touched = {partition_of(file.partition, one.output.partition_field) for file in files}
        if not touched <= set(expected.values):
            return False
        added = {partition_of(file.partition, one.output.partition_field) for file in files if file.status == 1}
        written.update(added)
    # A merge may be an update and an insert, which are two commits.
    most = attempts * (2 if one.output.write_mode == "merge" else 1)
    return max(written.values(), default=0) <= most
