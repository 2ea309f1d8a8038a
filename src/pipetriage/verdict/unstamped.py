"""Commits that nothing signs, made while an attempt ran: may they count as ours for the decision? (section 4.1)

They count as ours wherever that is the careful side (an append). Under a write mode that replaces what it wrote, taking
another's commit for ours would let a rerun overwrite it. So there they count only in a table in which nobody signs,
where this job's last good run is seen to have left such commits, no other run of the job ran at that time, and they
touched what this batch alone is declared to write, once an attempt.
"""

import re
from collections import Counter

from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.write_state import WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.partitions import expected_partitions, partition_of
from pipetriage.verdict.touching import changed_files
from pipetriage.verdict.write_state import OutputState

REPEATABLE = frozenset({"overwrite_partitions", "overwrite_table", "merge"})

# What every writer leaves: Iceberg's counters (table spec, snapshot summary) and Delta's commitInfo. Any other key is
# somebody's signature: a query id, an engine's name, a stamp, a merge's own counters.
_UNSIGNED = re.compile(
    r"operation|(?:added|deleted|removed|total)-[a-z-]{1,40}|changed-partition-count|partition-summaries-included"
    r"|partitions\..*|manifests-[a-z]{1,20}|replace-partitions|entries-processed"
    r"|delta-operation|timestamp|inCommitTimestamp|readVersion|isolationLevel|isBlindAppend|engineInfo|clientVersion|txnId"
    r"|operationParameters|operationMetrics",
    re.DOTALL,
)


def counted_as_ours(one: OutputState, context: Context, attempts: Attempts) -> list[Attributed]:
    """Give the unsigned commits that count as ours under a repeatable mode; none where anything speaks against it."""
    unclear = one.by_owner(Owner.UNCLEAR)
    if one.state.status is not WriteStatus.UNCERTAIN or not one.only_unsigned or one.doubts or not unclear:
        return []
    if one.output.write_mode not in REPEATABLE or any(_signed(a) for a in one.attributed):
        return []
    apps = context.facts.log.app_ids or any(context.facts.app_ids.get(run) for run in attempts.run_ids)
    if one.state.format == "iceberg" and (apps or Signal.LOGS not in context.seen):
        return []  # an attempt ran on Spark, or may have: it signs each of its commits to an Iceberg table
    if not _left_by_the_last_good_run(one, context, attempts):
        return []
    at = [a.snapshot.committed_at for a in unclear]
    if any(attempts.none_running(one_time) or attempts.others_running(one_time) for one_time in at):
        return []
    return unclear if _as_declared(one, unclear, context, len(attempts.runs)) else []


def _signed(one: Attributed) -> bool:
    # Asked of the table itself, so that no other signal's absence can change the answer.
    return any(not _UNSIGNED.fullmatch(key) for key in one.snapshot.summary)


def _left_by_the_last_good_run(one: OutputState, context: Context, attempts: Attempts) -> bool:
    """Whether commits of this table were made while the job's last good run ran, and no attempt of this batch."""
    good = context.facts.last_good
    if good is None:
        return False
    return any(
        good.run_id in attempts.others_running(a.snapshot.committed_at) and a.snapshot.operation != "replace"
        for a in one.attributed
        if a.before or attempts.none_running(a.snapshot.committed_at)
    )


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
        written.update({partition_of(file.partition, one.output.partition_field) for file in files if file.status == 1})
    # A merge may be an update and an insert, which are two commits.
    most = attempts * (2 if one.output.write_mode == "merge" else 1)
    return max(written.values(), default=0) <= most
