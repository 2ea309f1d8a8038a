"""What the batch, over all its attempts, left in each output table (design section 4.2).

Decided from table evidence. A log line never proves that nothing was written; it can disprove it.
"""

from typing import NamedTuple

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import TableFacts
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import WriteState, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner, attribute
from pipetriage.verdict.leftovers import Leftovers, uncommitted_files
from pipetriage.verdict.partitions import Expected, expected_partitions
from pipetriage.verdict.plain_tables import hudi_state, pending_files, plain_state
from pipetriage.verdict.queries import checks
from pipetriage.verdict.table_log import TableLog, table_log
from pipetriage.verdict.touching import deleted_since, only_elsewhere
from pipetriage.verdict.write_numbers import in_numbers, written_partitions

_PLAIN = frozenset({"parquet", "csv", "json", "orc", "avro", "text", "hive"})


class OutputState(msgspec.Struct, frozen=True, kw_only=True):
    """One output's write state with the evidence that the rerun rules need besides."""

    output: Output
    state: WriteState
    log: TableLog | None
    attributed: tuple[Attributed, ...]
    doubts: tuple[str, ...]
    """Why the table's evidence does not prove that there is nothing more."""
    declared: bool
    staged_snapshot: str | None = None
    """The last of the commits that were staged or made on a branch; None for what readers see."""
    columns: frozenset[str] | None = None
    """The table's columns; None where they are not known."""
    pending_files: int = 0
    """Files of finished tasks that the next FileOutputCommitter job commit would publish, whosever it is."""
    only_unsigned: bool = False
    """The status is UNCERTAIN only because commits made while an attempt ran are signed by nobody."""

    def by_owner(self, *owners: Owner) -> list[Attributed]:
        """Give the commits of these owners since the first attempt began."""
        return [one for one in self.attributed if one.owner in owners and not (one.before and one.owner is Owner.OTHER)]


def table_format(output: Output, table: TableFacts | None) -> str | None:
    """Name the format: declared, else what the evidence itself is, else what the catalog says."""
    if output.format:
        return output.format.lower()
    if table is None:
        return None
    if table.iceberg is not None or table.entries is not None:
        return "iceberg"
    if table.delta is not None:
        return "delta"
    if table.hudi is not None:
        return "hudi"
    return table.catalog.table_format if table.catalog is not None else None


def write_states(context: Context, attempts: Attempts) -> list[OutputState]:
    """Judge every declared output, and every table that was seen without being declared."""
    tables = {table.key: table for table in context.facts.tables}
    declared = context.pipeline.declared_outputs()
    pairs = [(output, tables.pop((output.role, output.table), None), True) for output in declared]  # type: ignore[call-overload]
    pairs += [
        (Output(table=key.name, role=key.role), table, False) for key, table in tables.items() if _anything_seen(table)
    ]
    states: list[OutputState] = []
    for output, table, is_declared in pairs:
        states.extend(_judge(output, table, is_declared, context, attempts))
    return [_with_checks(one, attempts) for one in states]


def _with_checks(one: OutputState, attempts: Attempts) -> OutputState:
    queries = checks(
        one.state,
        one.output.partition_field,
        attempts.window_start,
        at_snapshot=one.staged_snapshot,
        columns=one.columns,
    )
    return msgspec.structs.replace(one, state=msgspec.structs.replace(one.state, verify=queries))


def _anything_seen(table: TableFacts) -> bool:
    return any(part is not None for part in (table.catalog, table.iceberg, table.listing, table.delta, table.hudi))


def _judge(
    output: Output, table: TableFacts | None, declared: bool, context: Context, attempts: Attempts
) -> list[OutputState]:
    kind = table_format(output, table)
    base = WriteState(table=output.table, role=output.role, format=kind, status=WriteStatus.UNOBSERVED)
    if table is None:
        why = "no evidence of this table was seen"
        return [_output_state(output, msgspec.structs.replace(base, why=why), (why,), declared)]
    log = table_log(table, context, attempts)
    if log is not None:
        return _from_log(output, table, log, base, declared, context, attempts)
    if kind == "hudi" and table.hudi is not None:
        state, doubts = hudi_state(base, table.hudi, attempts)
    elif kind in _PLAIN:
        state, doubts = plain_state(base, output, table, context, attempts)
    else:
        why = f"the table's {kind or 'commit'} metadata was not seen"
        state, doubts = msgspec.structs.replace(base, why=why), (why,)
    pending = pending_files(table.listing) if kind in _PLAIN else 0
    return [_output_state(output, state, doubts, declared, pending)]


def _output_state(
    output: Output, state: WriteState, doubts: tuple[str, ...], declared: bool, pending: int = 0
) -> OutputState:
    return OutputState(
        output=output, state=state, log=None, attributed=(), doubts=doubts, declared=declared, pending_files=pending
    )


class _Commits(NamedTuple):
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


def _from_log(
    output: Output,
    table: TableFacts,
    log: TableLog,
    base: WriteState,
    declared: bool,
    context: Context,
    attempts: Attempts,
) -> list[OutputState]:
    attributed = attribute(log.snapshots, context, attempts)
    expected = expected_partitions(output, context)
    log = msgspec.structs.replace(log, doubts=(*log.doubts, *_clock_doubts(attributed, context, attempts)))
    commits = _sorted_out(attributed, log, output, expected)
    leftovers = uncommitted_files(table, log, attempts)
    status, why = _status(output, log, commits, expected, leftovers, context, attempts)
    state = in_numbers(base, output, log, commits.live, expected, leftovers, status, attributed)
    evidence = [log.evidence, *(one.snapshot.evidence for one in (*commits.live, *commits.gone, *commits.unclear)[:20])]
    if table.listing is not None and leftovers.files:
        evidence.append(table.listing.evidence)
    state = msgspec.structs.replace(state, status=status, why=why, evidence=evidence)
    made = OutputState(
        output=output,
        state=state,
        log=log,
        attributed=attributed,
        doubts=log.doubts,
        declared=declared,
        columns=_columns(table),
        only_unsigned=bool(commits.blurred) and not commits.gone and not _commits_only_in_log(context),
    )
    staged = _staged_state(output, log, commits.staged, base, expected, declared) if commits.staged else []
    return [made, *staged]


def _columns(table: TableFacts) -> frozenset[str] | None:
    parts = (table.iceberg, table.delta, table.catalog)
    named = next((part.columns for part in parts if part is not None and part.columns), ())
    return frozenset(column.name for column in named) or None


def _sorted_out(attributed: tuple[Attributed, ...], log: TableLog, output: Output, expected: Expected) -> _Commits:
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
    return _Commits(
        live=[one for one in ours if one.snapshot.snapshot_id in log.live],
        staged=[one for one in ours if one.snapshot.snapshot_id in log.branches - published],
        gone=[one for one in ours if one.snapshot.snapshot_id not in seen],
        unclear=unclear,
    )


def _clock_doubts(attributed: tuple[Attributed, ...], context: Context, attempts: Attempts) -> list[str]:
    """Say where the run's log and the table disagree on when a commit was made."""
    said = set(context.facts.log.committed_snapshots)
    for one in attributed:
        if one.snapshot.snapshot_id in said and (one.before or attempts.none_running(one.snapshot.committed_at)):
            return [
                f"the run's log says that it committed snapshot {one.snapshot.snapshot_id}, which the table dates "
                "outside the run: their clocks disagree"
            ]
    return []


def _status(
    output: Output,
    log: TableLog,
    commits: _Commits,
    expected: Expected,
    leftovers: Leftovers,
    context: Context,
    attempts: Attempts,
) -> tuple[WriteStatus, str]:
    if commits.live and all(deleted_since(log, one.snapshot) for one in commits.live):
        first = commits.live[0].snapshot.snapshot_id
        return WriteStatus.UNCERTAIN, f"what the batch wrote (snapshot {first}) was deleted since by another commit"
    if commits.gone:
        return WriteStatus.UNCERTAIN, f"our snapshot {commits.gone[0].snapshot.snapshot_id} is no longer current"
    if unknown := _commits_only_in_log(context):
        return WriteStatus.UNCERTAIN, f"the log says that snapshot {unknown} was committed, no table's metadata has it"
    if blurred := commits.blurred:
        return WriteStatus.UNCERTAIN, _naming(blurred)
    if commits.live:
        return _committed_status(output, log, commits.live, expected)
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
    return run_id in attempts.run_ids or (batch_id is not None and batch_id in attempts.batch_ids)


def _committed_status(
    output: Output, log: TableLog, live: list[Attributed], expected: Expected
) -> tuple[WriteStatus, str]:
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


def _commits_only_in_log(context: Context) -> str | None:
    """Find a snapshot that the log says was committed and that no table's evidence holds."""
    known = {
        snapshot.snapshot_id
        for table in context.facts.tables
        if table.iceberg is not None
        for snapshot in table.iceberg.snapshots
    }
    return next((one for one in context.facts.log.committed_snapshots if one not in known), None)


def _staged_state(
    output: Output, log: TableLog, staged: list[Attributed], base: WriteState, expected: Expected, declared: bool
) -> list[OutputState]:
    """Judge commits that were staged (write-audit-publish) or made on a branch: committed output, not current."""
    status, why = _committed_status(output, log, staged, expected)
    staging = msgspec.structs.replace(output, role="staging")
    none_left = Leftovers(files=None, size=None)
    state = in_numbers(base, staging, log, staged, expected, none_left, status, ())
    state = msgspec.structs.replace(
        state,
        role="staging",
        status=status,
        why=f"staged, not current: {why}",
        rollback_snapshot=None,
        evidence=[log.evidence, *(one.snapshot.evidence for one in staged[:20])],
    )
    return [
        OutputState(
            output=staging,
            state=state,
            log=log,
            attributed=tuple(staged),
            doubts=log.doubts,
            declared=declared,
            staged_snapshot=staged[-1].snapshot.snapshot_id,
        )
    ]
