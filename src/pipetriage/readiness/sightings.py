"""Whether one run left a signal: read from its evidence and its pipeline's declaration."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipetriage.model.context import Context
from pipetriage.model.evidence import Gap, Signal, Unanswered
from pipetriage.model.facts import Snapshot, TableFacts
from pipetriage.model.pipeline import Output
from pipetriage.readiness.names import Name, State
from pipetriage.verdict.attempts import find_attempts
from pipetriage.verdict.attribution import Owner, attribute, stamps_of
from pipetriage.verdict.recommend import QUEUES

_PLAIN = frozenset({"parquet", "csv", "json", "orc", "avro"})
_NO_SPARK = frozenset({"pythonshell", "glueray"})
_COMMITS = frozenset({Signal.ICEBERG_METADATA, Signal.ICEBERG_ENTRIES, Signal.DELTA_LOG, Signal.HUDI_TIMELINE})
# No stamp is due on a compaction, nor can a stamp be told where a commit is another's.
_OTHERS = frozenset({Owner.OTHER})


class Sighting(NamedTuple):
    """What one run shows of a signal."""

    state: State
    detail: str = ""
    silent: bool = False
    """The source answered, and has nothing of this run: no fault of the run's, unless it has nothing of any."""
    unanswered: bool = False
    """The source was not reached, or throttled: what it has is not known, and asking again later may tell."""


_SEEN = Sighting(State.SEEN)


def see(name: Name, context: Context) -> Sighting:
    """Say whether a run left a signal."""
    return _BY_NAME[name](context)


def _gap(detail: str) -> Sighting:
    return Sighting(State.GAP, detail)


def _told(gap: Gap | None, otherwise: str, *, of: str = "") -> Sighting:
    """Give what a source's gap says; ``of`` names the table that it is about."""
    if isinstance(gap, Unanswered):
        again = "" if "ask again later" in gap.reason else ": ask again later"
        return Sighting(State.GAP, f"{of}not answered: {gap.reason}{again}", unanswered=True)
    return _gap(f"{of}{gap.reason if gap is not None else otherwise}")


def _reason(context: Context, *signals: Signal) -> Gap | None:
    """Give the first of these signals' gaps: one that lasts before one that may be none later."""
    gaps = [gap for gap in context.gaps if gap.source.partition(":")[0] in signals]
    return next((gap for gap in gaps if not isinstance(gap, Unanswered)), gaps[0] if gaps else None)


def _answered(context: Context, signal: Signal, otherwise: str) -> Sighting:
    if signal in context.seen:
        return _SEEN
    return _told(_reason(context, signal), otherwise)


def _asked(context: Context, signal: Signal, otherwise: str) -> Sighting:
    """Read a signal that only some sources have: where nobody asks for it, it does not apply."""
    if signal not in context.seen and _reason(context, signal) is None:
        return Sighting(State.NOT_APPLICABLE, "these sources have none")
    return _answered(context, signal, otherwise)


def _runs(context: Context) -> Sighting:
    missing = [one for one in (Signal.JOB_RUN, Signal.JOB_RUNS, Signal.JOB) if one not in context.seen]
    if missing:
        return _told(_reason(context, *missing), f"{missing[0]} was not seen")
    gap = _reason(context, Signal.BOOKMARK)
    return _SEEN if gap is None else _told(gap, "")


def _outputs(context: Context) -> Sighting:
    outputs = context.pipeline.declared_outputs()
    if not outputs:
        return _gap("which tables the pipeline writes is not declared")
    modeless = [one.table for one in outputs if one.role == "target" and one.write_mode is None]
    return _gap(f"how {modeless[0]} is written is not declared (write_mode)") if modeless else _SEEN


def _table_commits(context: Context) -> Sighting:
    outputs = context.pipeline.declared_outputs()
    if not outputs:
        return _gap("no table is read, since none is declared")
    tables = {one.key.name: one for one in context.facts.tables}
    for output in outputs:
        wanted = {Signal.TABLE_LISTING} if output.format in _PLAIN else _COMMITS
        lost = [
            gap
            for gap in context.gaps
            for signal, _, table in [gap.source.partition(":")]
            if signal in wanted and table in {output.table, output.role}
        ]
        if lost:
            return _told(lost[0], "", of=f"{output.table}: ")
        if not _was_read(tables.get(output.table), output):
            return _told(_reason(context, Signal.TABLE), "was not read", of=f"{output.table}: ")
    return _SEEN


def _was_read(table: TableFacts | None, output: Output) -> bool:
    if table is None:
        return False
    if output.format in _PLAIN:
        return table.listing is not None
    return any(one is not None for one in (table.iceberg, table.delta, table.hudi))


def _snapshot_stamps(context: Context) -> Sighting:
    """Look at the commits that were made while the run ran, and not by others: does one lack a stamp?"""
    commits = _commits(context)
    if commits is None:
        # What keeps the tables from being read is told, and mended, there.
        return Sighting(State.NOT_APPLICABLE, "cannot be told: no commit of an output table was read")
    ids = {context.facts.run.run_id, context.facts.run.first_attempt_id, context.facts.run.batch_id}
    stamped = [any(value in ids for _, value in stamps_of(one, context)) for one in commits]
    if not stamped:
        return Sighting(State.NOT_APPLICABLE, "nothing was committed while the run ran")
    if all(stamped):
        return _SEEN
    return _gap(f"{stamped.count(False)} of {len(stamped)} commits made while it ran carry no run or batch id")


def _commits(context: Context) -> list[Snapshot] | None:
    """List the commits that may be the run's; None where no table with a log of commits was read."""
    logs = [log.snapshots for table in context.facts.tables for log in (table.iceberg, table.delta) if log is not None]
    if not logs:
        hudi = any(table.hudi is not None for table in context.facts.tables)
        plain = context.pipeline.declared_outputs() and all(
            one.format in _PLAIN for one in context.pipeline.declared_outputs()
        )
        return [] if hudi or plain else None
    attempts = find_attempts(context)
    span = (context.facts.run.started_at, context.facts.run.ended_at)
    return [
        one.snapshot
        for snapshots in logs
        for one in attribute(snapshots, context, attempts)
        if one.owner not in _OTHERS and _within(one.snapshot, *span)
    ]


def _within(snapshot: Snapshot, start: object, end: object) -> bool:
    at = snapshot.committed_at
    return (start is None or start <= at) and (end is None or at <= end)  # type: ignore[operator]


def _batch_ids(context: Context) -> Sighting:
    if context.facts.run.batch_id:
        return _SEEN
    declared = context.pipeline.batch_id
    if declared is None:
        return _gap("where a run's batch id stands is not declared")
    return _gap(f"batch_id is declared from {declared.origin} {declared.name!r}, and the run has none there")


def _source(context: Context) -> Sighting:
    if context.pipeline.source is None:
        return _gap("where the input comes from is not declared")
    return _answered(context, Signal.SOURCE_LISTING, "the source was not listed")


def _logs(context: Context) -> Sighting:
    if Signal.LOGS in context.seen and not context.facts.log.lines:
        return _gap("the log is empty")
    return _answered(context, Signal.LOGS, "no log was found")


def _metrics(context: Context) -> Sighting:
    return _asked(context, Signal.METRICS, "no metric was found")


def _event_logs(context: Context) -> Sighting:
    job = context.facts.job
    if job is not None and job.command in _NO_SPARK:
        return Sighting(State.NOT_APPLICABLE, f"a {job.command} job runs no Spark")
    if context.origin.startswith("local:"):
        return _asked(context, Signal.SPARK_EVENTS, "no event log was found")
    return _answered(context, Signal.SPARK_EVENTS, "the job writes no Spark event log (--spark-event-logs-path)")


def _quality(context: Context) -> Sighting:
    return _asked(context, Signal.QUALITY, "no result was published")


def _control(context: Context) -> Sighting:
    if context.pipeline.control == "none":
        return Sighting(State.DECLARED_NONE)
    if context.pipeline.control is None:
        return _gap("whether there is a control table is not declared")
    answer = _answered(context, Signal.CONTROL, "the control table was not read")
    if answer.state is not State.SEEN:
        return answer
    run = context.facts.run
    rows = [row for row in context.facts.control if run.run_id == row.run_id or (row.batch_id or "") == run.batch_id]
    return answer if rows else Sighting(State.NOT_APPLICABLE, "the control table has no row of this run", silent=True)


def _deployments(context: Context) -> Sighting:
    if context.pipeline.deployments == "none":
        return Sighting(State.DECLARED_NONE)
    return _answered(context, Signal.DEPLOYMENTS, "where versions come from is not declared")


def _lineage(context: Context) -> Sighting:
    answer = _answered(context, Signal.LINEAGE, "no lineage events are read")
    if answer.state is State.SEEN and not context.facts.lineage:
        return Sighting(State.NOT_APPLICABLE, "no event names the job or its tables", silent=True)
    return answer


def _owners(context: Context) -> Sighting:
    nobody = unowned(context)
    return _gap(f"no owner is declared for: {', '.join(nobody)}") if nobody else _SEEN


def unowned(context: Context) -> list[str]:
    """List the queues that incidents may go to and that nobody is named for."""
    return [queue for queue in QUEUES if not context.pipeline.owner_of(queue)]


_BY_NAME: dict[Name, Callable[[Context], Sighting]] = {
    Name.RUNS: _runs,
    Name.OUTPUTS: _outputs,
    Name.TABLE_COMMITS: _table_commits,
    Name.SNAPSHOT_STAMPS: _snapshot_stamps,
    Name.BATCH_IDS: _batch_ids,
    Name.SOURCE: _source,
    Name.LOGS: _logs,
    Name.METRICS: _metrics,
    Name.EVENT_LOGS: _event_logs,
    Name.QUALITY: _quality,
    Name.CONTROL: _control,
    Name.DEPLOYMENTS: _deployments,
    Name.LINEAGE: _lineage,
    Name.OWNERS: _owners,
}


def together(sightings: Iterable[Sighting]) -> tuple[Sighting, int, int]:
    """Give what several runs show of a signal, in how many it was seen, and of how many.

    It is a gap as soon as one run that should have left it did not, or where a source answered and knows none of them.
    """
    told = list(sightings)
    due = [one for one in told if one.state is not State.NOT_APPLICABLE]
    seen = sum(one.state is State.SEEN for one in due)
    if not due:
        if told and all(one.silent for one in told):
            return _gap(told[0].detail), 0, len(told)
        return told[0] if told else Sighting(State.NOT_APPLICABLE), 0, len(told)
    gaps = [one for one in due if one.state is State.GAP]
    # What lasts is told before what may be there the next time.
    worst = next((one for one in gaps if not one.unanswered), gaps[0] if gaps else due[0])
    return worst, seen, len(due)
