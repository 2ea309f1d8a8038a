"""What a person should do next, who must approve, and who must know. Text only: nothing here is ever executed."""

from typing import NamedTuple

from pipetriage.model.categories import Category
from pipetriage.model.context import Context
from pipetriage.model.incident import MANUAL_REVIEW, Route, Step
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import Exposure, ExposureStatus, Rerun, RerunDecision, WriteState, WriteStatus
from pipetriage.verdict.cause import Cause
from pipetriage.verdict.queries import partition_query, snapshot_query
from pipetriage.verdict.steps_with_numbers import steps_with_numbers
from pipetriage.verdict.write_state import OutputState

_NEEDS_REVIEW = frozenset({WriteStatus.PARTIAL, WriteStatus.UNCERTAIN})


class _Advice(NamedTuple):
    action: str
    approver: str
    queue: str


# Design section 3, word for word where it speaks.
_ADVICE: dict[Category, _Advice] = {
    Category.SCHEMA_DRIFT: _Advice(
        "Quarantine the batch, review the schema contract, rerun with the same batch id after validation.",
        "data-contract owner",
        "data-contract owner",
    ),
    Category.DATA_SKEW: _Advice("Repartition or isolate the skewed keys.", "pipeline owner", "pipeline owner"),
    Category.SMALL_FILE_PRESSURE: _Advice(
        "Compact the affected partitions, with approval.", "platform team", "platform team"
    ),
    Category.SOURCE_DELAY: _Advice(
        "Wait for the source, retry later, or mark the batch delayed.", "ingestion owner", "ingestion owner"
    ),
    Category.CODE_REGRESSION: _Advice(
        "Roll back the deployment, or compare with the previous run.", "pipeline owner", "pipeline owner"
    ),
    Category.PERMISSION_ERROR: _Advice(
        "Fix the access policy before retrying, with platform approval.", "platform team", "platform team"
    ),
    Category.PARTIAL_WRITE_RISK: _Advice(
        "Check staging and the control table before any rerun.", MANUAL_REVIEW, MANUAL_REVIEW
    ),
    Category.UNKNOWN: _Advice(
        "Escalate to an engineer with the summarised context.", "on-call engineer", "on-call engineer"
    ),
}

QUEUES: tuple[str, ...] = tuple(dict.fromkeys((*(one.queue for one in _ADVICE.values()), MANUAL_REVIEW)))
"""Every queue that a verdict may go to."""


def recommended_action(cause: Cause, states: list[WriteState], rerun: Rerun, safe_to_retry: bool) -> str:
    """Give the one sentence that a tired person needs."""
    if safe_to_retry and rerun.wait_for:
        minutes = (rerun.retry_after_seconds or 0) // 60
        return f"Wait for {rerun.wait_for}, then retry with the same batch id (look again in {minutes} minutes)."
    if safe_to_retry:
        return "Retry with the same batch id: nothing was written that a rerun would repeat."
    action = _ADVICE[cause.category].action
    partial = [one for one in states if one.status in _NEEDS_REVIEW]
    if partial and cause.category is not Category.PARTIAL_WRITE_RISK:
        return f"Do not rerun yet: {partial[0].table} is {partial[0].status.lower()}ly written. {action}".replace(
            "uncertainly written", "in an uncertain state"
        )
    return action


def steps(
    context: Context,
    cause: Cause,
    outputs: list[OutputState],
    rerun: Rerun,
    exposed: list[Exposure],
    safe_to_retry: bool,
) -> list[Step]:
    """List the next steps, most urgent first."""
    advice = _ADVICE[cause.category]
    evidence = list(dict.fromkeys(one for finding in cause.deciding for one in finding.evidence))[:6]
    found: list[Step] = []
    for one in outputs:
        if one.state.status in _NEEDS_REVIEW:
            found.append(
                Step(
                    action=f"Compare {one.state.table} with the control table and the source before anything is rerun.",
                    why=one.state.why,
                    approver=MANUAL_REVIEW,
                    verify=partition_query(
                        one.state, one.output.partition_field, at_snapshot=one.staged_snapshot, columns=one.columns
                    )
                    or snapshot_query(one.state),
                    evidence=one.state.evidence[:6],
                )
            )
    read = [one for one in exposed if one.status is not ExposureStatus.NOT_EXPOSED]
    if read:
        names = ", ".join(dict.fromkeys(f"{one.consumer} ({one.owner or 'owner not declared'})" for one in read[:5]))
        why = f"{read[0].via}"
        cited = [evidence_id for one in read for evidence_id in one.evidence][:6]
        action = f"Tell the owners of what read the partial data: {names}."
        found.append(Step(action=action, why=why, approver=None, verify=None, evidence=cited))
    approver = None if safe_to_retry else advice.approver
    states = [one.state for one in outputs]
    action = recommended_action(cause, states, rerun, safe_to_retry) if safe_to_retry else advice.action
    found.append(Step(action=action, why=cause.statement, approver=approver, verify=None, evidence=evidence))
    if not safe_to_retry:
        found += steps_with_numbers(context, cause, advice.approver)
    unknown = [reason for reason in rerun.reasons if not reason.holds]
    if rerun.decision is RerunDecision.UNKNOWN and context.gaps:
        gap = context.gaps[0]
        action = f"Close the gap '{gap.source}': {gap.fix or gap.reason}."
        why = unknown[0].why if unknown else gap.effect
        found.append(Step(action=action, why=why, approver=None, verify=None, evidence=[]))
    return found


def approver_of(cause: Cause) -> str:
    """Name who approves what the cause asks for."""
    return _ADVICE[cause.category].approver


def route(
    pipeline: Pipeline, category: Category, states: list[WriteState], exposed: list[Exposure], *, unsure: bool
) -> Route:
    """Say which queue the incident goes to, and who else must know.

    What nobody can be sure of is a person's to look at, whatever the category: UNKNOWN goes to one already.
    """
    usual = _ADVICE[category].queue
    queue = MANUAL_REVIEW if unsure and category is not Category.UNKNOWN else usual
    reason = f"{category} goes to the {usual}"
    also: list[str] = []
    if queue != usual:
        reason = f"the confidence is low, so a person reviews it; else {reason}"
        also.append(usual)
    review = [one for one in states if one.status in _NEEDS_REVIEW]
    if review:
        reason += f"; {review[0].table} is {review[0].status}, so a person reviews it"
    if review and queue != MANUAL_REVIEW:
        also.append(MANUAL_REVIEW)
    also += [one.owner for one in exposed if one.status is not ExposureStatus.NOT_EXPOSED and one.owner]
    return Route(queue=queue, owner=pipeline.owner_of(queue), reason=reason, also=list(dict.fromkeys(also)))
