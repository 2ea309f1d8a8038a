"""The status of a table with a commit log: which commits are the batch's, and what they add up to (section 4.2)."""

from typing import NamedTuple

from pipetriage.model.context import Context
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner
from pipetriage.verdict.leftovers import Leftovers
from pipetriage.verdict.partitions import Expected
from pipetriage.verdict.table_log import TableLog
from pipetriage.verdict.touching import deleted_since, only_elsewhere
from pipetriage.verdict.write_numbers import written_partitions


class Commits(NamedTuple):
    """The batch's commits of one table, by how readers see them."""

    live: list[Attributed]
    staged: list[Attributed]
    gone: list[Attributed]
    """Ours, but neither current nor on a branch: rolled back."""
    unclear: list[Attributed]

    @property
    def blurred(self) -> list[Attributed]:
        """Made while an attempt ran, by nobody who can be told."""
        return [one for one in self.unclear if one.owner is Owner.UNCLEAR]


def sort_out(attributed: tuple[Attributed, ...], log: TableLog, output: Output, expected: Expected) -> Commits:
    """Sort the commits that matter by how readers see them."""
    ours = [one for one in attributed if one.owner is Owner.OURS]
    published = {one.snapshot.summary.get("source-snapshot-id") for one in attributed}
    published &= {one.snapshot.snapshot_id for one in ours}
    seen = log.live | log.branches
    # A commit elsewhere, made while no attempt ran, neither is ours nor completed the batch by hand.
    unclear = [
        one
        for one in attributed
        if one.owner is Owner.UNCLEAR
        or (one.owner is Owner.LATER and not only_elsewhere(log, one.snapshot, output, expected))
    ]
    return Commits(
        live=[one for one in ours if one.snapshot.snapshot_id in log.live],
        staged=[one for one in ours if one.snapshot.snapshot_id in log.branches - published],
        gone=[one for one in ours if one.snapshot.snapshot_id not in seen],
        unclear=unclear,
    )


def clock_doubts(attributed: tuple[Attributed, ...], context: Context, attempts: Attempts) -> list[str]:
    """Say where the run's log and the table disagree on when a commit was made."""
    said = set(context.facts.log.committed_snapshots)
    for one in attributed:
        if one.snapshot.snapshot_id in said and (one.before or attempts.none_running(one.snapshot.committed_at)):
            return [
                f"the run's log says that it committed snapshot {one.snapshot.snapshot_id}, which the table dates "
                "outside the run: their clocks disagree"
            ]
    return []


def status_of(
    output: Output,
    log: TableLog,
    commits: Commits,
    expected: Expected,
    leftovers: Leftovers,
    context: Context,
    attempts: Attempts,
) -> tuple[WriteStatus, str]:
    """Decide the status, and say what decided it."""
    if commits.live and all(deleted_since(log, one.snapshot) for one in commits.live):
        first = commits.live[0].snapshot.snapshot_id
        return WriteStatus.UNCERTAIN, f"what the batch wrote (snapshot {first}) was deleted since by another commit"
    if commits.gone:
        return WriteStatus.UNCERTAIN, f"our snapshot {commits.gone[0].snapshot.snapshot_id} is no longer current"
    if unknown := commits_only_in_log(context):
        return WriteStatus.UNCERTAIN, f"the log says that snapshot {unknown} was committed, no table's metadata has it"
    if blurred := commits.blurred:
        return WriteStatus.UNCERTAIN, _naming(blurred)
    if commits.live:
        return committed_status(output, log, commits.live, expected)
    if commits.unclear:
        # Nothing of ours is seen, but a person may have completed the batch by hand.
        return WriteStatus.UNCERTAIN, _naming(commits.unclear)
    if log.doubts:
        if _log_says_committed(context):
            return WriteStatus.UNCERTAIN, f"the log speaks of a commit, and {log.doubts[0]}"
        return WriteStatus.UNOBSERVED, log.doubts[0]
    if any(
        row.status == "succeeded" and _row_of_batch(row.run_id, row.batch_id, attempts) for row in context.facts.control
    ):
        return WriteStatus.UNCERTAIN, "the control table calls the batch a success, the table has no commit of it"
    if done := [run.run_id for run in attempts.runs if run.succeeded and run.run_id != context.facts.run.run_id]:
        return WriteStatus.UNCERTAIN, f"run {done[-1]} of the batch succeeded, the table has no commit of it"
    if leftovers.files == 0:
        return WriteStatus.NOT_STARTED, "no commit since the first attempt is ours, and no file was left"
    what = "how many files were left is unknown" if leftovers.files is None else f"{leftovers.files} files were left"
    return WriteStatus.UNCOMMITTED, f"no commit since the first attempt is ours; {what}"


def _naming(commits: list[Attributed]) -> str:
    ids = ", ".join(one.snapshot.snapshot_id for one in commits[:3])
    return f"snapshot {ids}: {commits[0].why}"


def _row_of_batch(run_id: str | None, batch_id: str | None, attempts: Attempts) -> bool:
    return run_id in attempts.run_ids or attempts.is_our_batch(batch_id)


def committed_status(
    output: Output, log: TableLog, live: list[Attributed], expected: Expected
) -> tuple[WriteStatus, str]:
    """Decide between PARTIAL and COMPLETE for commits that are there."""
    written = written_partitions(output, log, live)
    twice = _written_twice(output, log, live)
    count = "1 commit of the batch is" if len(live) == 1 else f"{len(live)} commits of the batch are"
    count += " in the table"
    if twice:
        count += f" (more than one attempt appended to {', '.join(twice[:5])}, so rows may be there twice already)"
    if written is not None and expected.values is not None:
        missing = [value for value in expected.values if value not in written]
        if not missing:
            return WriteStatus.COMPLETE, f"{count}, all {len(expected.values)} expected partitions are written"
        done = len(expected.values) - len(missing)
        return WriteStatus.PARTIAL, f"{count}, {done} of {len(expected.values)} expected partitions are written"
    if written is not None and expected.count is not None:
        status = WriteStatus.COMPLETE if len(written) >= expected.count else WriteStatus.PARTIAL
        return status, f"{count}, {len(written)} of {expected.count} expected partitions are written"
    if output.commits == "one" and expected.count is None:
        return WriteStatus.COMPLETE, f"{count}, and the pipeline is declared to commit once"
    if written is None:
        return WriteStatus.PARTIAL, f"{count}; which partitions they wrote was not seen"
    return WriteStatus.PARTIAL, f"{count}; how many partitions are expected is not declared"


def _written_twice(output: Output, log: TableLog, live: list[Attributed]) -> list[str]:
    """Name the partitions to which more than one attempt appended."""
    runs: dict[str, set[str | None]] = {}
    for one in live:
        if one.snapshot.operation != "append":
            continue
        for partition in written_partitions(output, log, [one]) or ():
            runs.setdefault(partition, set()).add(one.run_id)
    return sorted(partition for partition, by in runs.items() if len(by) > 1)


def _log_says_committed(context: Context) -> bool:
    if context.facts.log.committed_snapshots:
        return True
    return any(cause.exception == "CommitStateUnknownException" for error in context.errors for cause in error.causes)


def commits_only_in_log(context: Context) -> str | None:
    """Find a snapshot that the log says was committed and that no table's evidence holds."""
    known = {
        snapshot.snapshot_id
        for table in context.facts.tables
        if table.iceberg is not None
        for snapshot in table.iceberg.snapshots
    }
    return next((one for one in context.facts.log.committed_snapshots if one not in known), None)
