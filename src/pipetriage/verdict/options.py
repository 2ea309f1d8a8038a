"""The ways forward when a retry is not safe: what each loses, who approves, which check must pass first.

Text for a person, best first: what loses nothing comes before what loses something. Nothing is ever executed, and no
option is a statement that could be pasted and run (design section 4.5).
"""

from collections.abc import Iterator
from typing import NamedTuple

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.incident import MANUAL_REVIEW, Option
from pipetriage.model.write_state import Rerun, RerunDecision, WriteStatus
from pipetriage.verdict.cause import Cause
from pipetriage.verdict.write_state import OutputState

_BY_PARTITION = frozenset({None, "append", "overwrite_partitions", "merge"})
"""Modes in which a part of the batch can be written without touching the rest."""
_UNTOUCHED = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})


class _Way(NamedTuple):
    """An option with its place: 0 loses nothing, 1 time, 2 what the batch wrote, 3 others' later commits."""

    loss: int
    option: Option


def options(cause: Cause, outputs: list[OutputState], rerun: Rerun, safe_to_retry: bool, approver: str) -> list[Option]:
    """List each way forward that applies, best first; none when retrying is safe.

    Args:
        approver: who approves what the cause asks for.
    """
    if safe_to_retry:
        return []
    because = [one for finding in cause.deciding for one in finding.evidence][:4]
    ways = [way for one in outputs for way in _of_output(one, approver)]
    ways += _other_tables(outputs, approver)
    ways += _of_cause(cause, outputs, rerun, approver, because)
    if not ways:
        ways.append(_Way(1, _see_first(outputs, because)))
    return [way.option for way in sorted(ways, key=lambda way: way.loss)]


def _of_output(one: OutputState, approver: str) -> Iterator[_Way]:
    state = one.state
    queries, evidence = state.verify, state.evidence[:6]
    if state.partitions_missing and state.commits and one.output.write_mode in _BY_PARTITION:
        missing = ", ".join(state.partitions_missing[:12])
        yield _Way(
            0,
            Option(
                option=f"Write only the missing partitions of {state.table}: {missing}.",
                loses="nothing, if the partitions that are there are complete",
                approver=approver,
                check="each partition that is there holds as many records as its source",
                verify=queries,
                evidence=evidence,
            ),
        )
    if one.pending_files:
        yield _Way(
            2,
            Option(
                option=f"Have what a killed job left below _temporary of {state.table} taken away, then rerun.",
                loses="the output of that job's finished tasks, which no reader has seen",
                approver="platform team",
                check="no job is writing to the table, and the files are of the failed attempts",
                verify=queries,
                evidence=evidence,
            ),
        )
    if state.status is WriteStatus.COMPLETE and state.role == "staging":
        yield _Way(
            0,
            Option(
                option=f"Finish the publish from {state.table} after checks.",
                loses="nothing",
                approver=MANUAL_REVIEW,
                check="staging is complete and passes the audit, and the target holds nothing of this batch",
                verify=queries,
                evidence=evidence,
            ),
        )
    if state.rollback_snapshot is not None:
        lost = state.later_commits_lost
        drops = f"it would also drop {len(lost)} later commits ({', '.join(lost[:5])})" if lost else "no later commit"
        yield _Way(
            3 if lost else 2,
            Option(
                option=f"Have {state.table} rolled back to snapshot {state.rollback_snapshot}, then rerun the batch.",
                loses=f"what the batch wrote; {drops}",
                approver="platform team",
                check="no later good commit is dropped, and no reader depends on the partial data",
                verify=queries,
                evidence=evidence,
            ),
        )


def _other_tables(outputs: list[OutputState], approver: str) -> Iterator[_Way]:
    """Several targets, some written and some not: the rest can be written alone."""
    targets = [one.state for one in outputs if one.state.role == "target"]
    done = [one for one in targets if one.status is WriteStatus.COMPLETE]
    due = [one for one in targets if one.status in _UNTOUCHED]
    if not done or not due:
        return
    yield _Way(
        0,
        Option(
            option=f"Write only {', '.join(one.table for one in due)} for this batch; "
            f"leave {', '.join(one.table for one in done)} as written.",
            loses="nothing, if what is written is complete and of the same input",
            approver=approver,
            check="each table that is written holds the whole batch once",
            verify=[query for one in done for query in one.verify][:6],
            evidence=[evidence for one in (*done, *due) for evidence in one.evidence[:2]][:6],
        ),
    )


def _of_cause(
    cause: Cause, outputs: list[OutputState], rerun: Rerun, approver: str, because: list[str]
) -> Iterator[_Way]:
    if cause.category is Category.SCHEMA_DRIFT or cause.mode is FailureMode.QUALITY_FAILED:
        agreed = "the schema contract" if cause.category is Category.SCHEMA_DRIFT else "the failed quality rules"
        yield _Way(
            1,
            Option(
                option=f"Quarantine the batch's input, agree on {agreed}, rerun with the same batch id.",
                loses="nothing; the batch is late until it is agreed",
                approver="data-contract owner",
                check="the output tables hold nothing of this batch that a rerun would repeat",
                verify=[query for one in outputs for query in one.state.verify[:2]],
                evidence=because,
            ),
        )
    waiting = cause.category is Category.SOURCE_DELAY or cause.mode is FailureMode.TRANSIENT_SERVICE
    if waiting and rerun.decision is not RerunDecision.UNSAFE:
        yield _Way(
            1,
            Option(
                option="Wait until the cause has cleared, then rerun with the same batch id.",
                loses="time only",
                approver=approver,
                check="the source is complete, and every rule of the rerun decision holds",
                verify=[],
                evidence=because,
            ),
        )
    elif rerun.decision is RerunDecision.SAFE:
        yield _Way(
            0,
            Option(
                option="Fix the cause, then rerun with the same batch id: the rerun itself does no harm.",
                loses="nothing",
                approver=approver,
                check="the cause is fixed",
                verify=[],
                evidence=because,
            ),
        )


def _see_first(outputs: list[OutputState], because: list[str]) -> Option:
    return Option(
        option="Establish by hand what the batch wrote, then decide: the evidence seen does not tell.",
        loses="time only",
        approver=MANUAL_REVIEW,
        check="every output table is seen to hold the batch once, or nothing of it",
        verify=[query for one in outputs for query in one.state.verify][:6],
        evidence=because,
    )
