"""What the batch, over all its attempts, left in each output table (design section 4.2).

Decided from table evidence. A log line never proves that nothing was written; it can disprove it.
"""

import msgspec

from pipetriage.model.context import Context
from pipetriage.model.facts import TableFacts
from pipetriage.model.pipeline import Output
from pipetriage.model.write_state import WriteState, WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.attribution import Attributed, Owner, attribute
from pipetriage.verdict.commit_status import clock_doubts, commits_only_in_log, committed_status, sort_out, status_of
from pipetriage.verdict.delta_log import delta_log
from pipetriage.verdict.iceberg_log import iceberg_log
from pipetriage.verdict.leftovers import Leftovers, uncommitted_files
from pipetriage.verdict.partitions import Expected, expected_partitions
from pipetriage.verdict.plain_tables import hudi_state, pending_files, plain_state
from pipetriage.verdict.queries import checks
from pipetriage.verdict.table_log import TableLog
from pipetriage.verdict.write_numbers import in_numbers

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
    log = _log_of(table, context, attempts)
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


def _log_of(table: TableFacts, context: Context, attempts: Attempts) -> TableLog | None:
    """Give the table's commits; None when neither Iceberg metadata nor a Delta log was seen."""
    if table.iceberg is not None:
        return iceberg_log(table, table.iceberg, context, attempts)
    if table.delta is not None:
        return delta_log(table, table.delta, context, attempts)
    return None


def _output_state(
    output: Output, state: WriteState, doubts: tuple[str, ...], declared: bool, pending: int = 0
) -> OutputState:
    return OutputState(
        output=output, state=state, log=None, attributed=(), doubts=doubts, declared=declared, pending_files=pending
    )


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
    log = msgspec.structs.replace(log, doubts=(*log.doubts, *clock_doubts(attributed, context, attempts)))
    commits = sort_out(attributed, log, output, expected)
    leftovers = uncommitted_files(table, log, attempts)
    status, why = status_of(output, log, commits, expected, leftovers, context, attempts)
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
        only_unsigned=bool(commits.blurred) and not commits.gone and not commits_only_in_log(context),
    )
    staged = _staged_state(output, log, commits.staged, base, expected, declared) if commits.staged else []
    return [made, *staged]


def _columns(table: TableFacts) -> frozenset[str] | None:
    parts = (table.iceberg, table.delta, table.catalog)
    named = next((part.columns for part in parts if part is not None and part.columns), ())
    return frozenset(column.name for column in named) or None


def _staged_state(
    output: Output, log: TableLog, staged: list[Attributed], base: WriteState, expected: Expected, declared: bool
) -> list[OutputState]:
    """Judge commits that were staged (write-audit-publish) or made on a branch: committed output, not current."""
    status, why = committed_status(output, log, staged, expected)
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
