"""When a batch that was written whole is wrong for readers all the same: written twice, or bad by its own checks."""

from collections import defaultdict
from datetime import datetime

from pipetriage.model.context import Context
from pipetriage.model.facts import DataFile
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.write_state import OutputState


def wrong_although_complete(state: OutputState, context: Context, attempts: Attempts) -> str | None:
    """Say what readers see wrong in a table that holds the whole batch; None: nothing that is known."""
    rules = [one for one in context.facts.quality if one.outcome in {"FAIL", "FAILED"}]
    failed = next((one for one in rules if one.run_id is None or one.run_id in attempts.run_ids), None)
    if failed is not None:
        return f"all of it was written, and its data-quality rule {failed.rule} failed"
    if _twice(state, attempts):
        return "all of it was written, part of it by more than one attempt: those rows are there twice"
    return None


def _twice(state: OutputState, attempts: Attempts) -> bool:
    """Whether an attempt appended to a partition in which rows of another attempt still are."""
    commits = {one.snapshot.snapshot_id: one for one in state.by_owner(Owner.OURS, Owner.UNCLEAR)}
    log = state.log
    if log is None or len({_writer(one, attempts) for one in commits.values()}) < 2:
        return False
    added = [one for one in log.entries or () if one.status == 1 and one.content == 0 and one.snapshot_id in commits]
    gone = {one.uri for one in log.entries or () if one.status == 2}
    writers: dict[frozenset[tuple[str, str | None]], set[str]] = defaultdict(set)
    for file in sorted(added, key=lambda one: commits[one.snapshot_id].snapshot.committed_at):
        commit = commits[file.snapshot_id]
        if commit.snapshot.snapshot_id not in log.live or file.uri in gone:
            continue
        before, writer = writers[_partition(file)], _writer(commit, attempts)
        if before - {writer} and commit.snapshot.operation == "append":
            return True
        if commit.snapshot.operation != "append":
            before.clear()
        before.add(writer)
    return False


def _partition(file: DataFile) -> frozenset[tuple[str, str | None]]:
    return frozenset(file.partition.items())


def _writer(commit: Attributed, attempts: Attempts) -> str:
    """Name the attempt that made a commit: by its stamp, else by the time, of which the latest start counts."""
    if commit.run_id is not None:
        return commit.run_id
    started: list[tuple[datetime, str]] = [(one.started_at, one.run_id) for one in attempts.runs if one.started_at]
    before = [run_id for at, run_id in sorted(started) if at <= commit.snapshot.committed_at]
    return before[-1] if before else "before the first attempt"
