"""An incident as a message: what a person needs on a phone at night, and a link to the rest."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pipetriage.model.deliveries import Acknowledged
from pipetriage.model.incident import Incident
from pipetriage.model.message import Message, Severity, What
from pipetriage.model.write_state import Exposure, ExposureStatus, Reason, RerunDecision, WriteState, WriteStatus

MOST_LINES = 5
"""Of reasons, of tables, of readers and of earlier attempts; how many more there are is said."""

_WHOLE = frozenset({WriteStatus.COMPLETE, WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})


def is_whole(incident: Incident) -> bool:
    """Whether a run succeeded, nothing about it is wrong, and its tables were seen to hold all of its batch."""
    seen = [one.status for one in incident.write_state]
    return (
        incident.status == "SUCCEEDED"
        and not incident.findings
        and WriteStatus.COMPLETE in seen
        and all(status in _WHOLE for status in seen)
    )


def compose(
    incident: Incident,
    earlier: Sequence[Incident],
    before: Incident | None,
    *,
    severity: Severity,
    link: str | None,
    acknowledged: Acknowledged | None = None,
    picture: str = "",
) -> Message:
    """Say what is known of a batch, by the verdict on its latest attempt.

    ``earlier`` are its other attempts, the latest first; ``before`` is the latest incident of the same failure in
    another batch.
    """
    resolved = is_whole(incident)
    verdict = "RESOLVED" if resolved else "SAFE TO RETRY" if incident.safe_to_retry else "NOT SAFE TO RETRY"
    first = next(iter(incident.recommended_steps), None)
    return Message(
        what=What.RESOLVED if resolved else What.VERDICT,
        topic=incident.batch_key,
        title=f"{incident.pipeline_name}, {_batch(incident)}: {verdict.lower()}",
        verdict=verdict,
        safe_to_retry=incident.safe_to_retry,
        severity=Severity.INFO if resolved else severity,
        cause=_cause(incident, resolved),
        why=_several([reason.why for reason in deciding(incident)]),
        written=_several([_written(state) for state in incident.write_state]),
        exposed=_several([_exposed(one) for one in incident.exposure if one.status is not ExposureStatus.NOT_EXPOSED]),
        next_step="Nothing: a later run made the batch whole." if resolved else incident.recommended_action,
        approver=None if resolved or incident.safe_to_retry or first is None else _approver(incident),
        earlier=_several([_attempt(one) for one in earlier]),
        recurrence=_recurrence(incident, before),
        recurs_in=before.incident_id if before else None,
        recurs_topic=before.batch_key if before else None,
        because=incident.route.reason,
        acknowledged=f"{acknowledged.by}, {_clock(acknowledged.at)}" if acknowledged else None,
        queue=incident.route.queue,
        owner=incident.route.owner,
        link=link.replace("{incident_id}", incident.incident_id) if link else None,
        incident_id=incident.incident_id,
        pipeline=incident.pipeline_name,
        batch_id=incident.batch_id,
        job_run_id=incident.job_run_id,
        attempt=incident.attempt,
        status=incident.status,
        category=incident.failure_category,
        failure_mode=incident.failure_mode,
        confidence=incident.confidence,
        fingerprint=incident.fingerprint,
        table=incident.affected_table,
        as_of=incident.as_of,
        created_at=incident.created_at,
        svg=picture,
    )


def deciding(incident: Incident) -> list[Reason]:
    """Give the reasons why it is not safe to retry, the deciding one first; none if it is."""
    return [reason for reason in (*incident.rerun.reasons, *incident.retry_reasons) if not reason.holds]


def _batch(incident: Incident) -> str:
    return f"batch {incident.batch_id}" if incident.batch_id else f"run {incident.job_run_id}"


def _cause(incident: Incident, resolved: bool) -> str:
    if resolved:
        return "a later run of the batch succeeded, and its tables hold all of it"
    return f"{incident.failure_category} / {incident.failure_mode}: {incident.likely_root_cause}"


def _approver(incident: Incident) -> str | None:
    return next((step.approver for step in incident.recommended_steps if step.approver), None)


def _written(state: WriteState) -> str:
    role = " (staging)" if state.role == "staging" else ""
    words = [state.status.value]
    if state.partitions_written is not None and state.partitions_expected is not None:
        words.append(f"{state.partitions_written} of {state.partitions_expected} partitions")
    if state.records_written:
        words.append(f"{state.records_written:,} records")
    if state.records_rerun_would_repeat:
        words.append(f"{state.records_rerun_would_repeat:,} that a rerun would repeat")
    return f"{state.table or 'the output'}{role}: {', '.join(words)}"


def _exposed(one: Exposure) -> str:
    at = f" at {_clock(one.read_at)}" if one.read_at else ""
    read = "read it" if one.status is ExposureStatus.CONFIRMED else "may have read it"
    return f"{one.status}: {one.consumer} ({one.owner or 'owner not declared'}) {read}{at}"


def _attempt(incident: Incident) -> str:
    word = "safe to retry" if incident.safe_to_retry else "not safe to retry"
    decided = f", rerun {incident.rerun.decision}" if incident.rerun.decision is not RerunDecision.SAFE else ""
    kind = f"{incident.failure_category} / {incident.failure_mode}"
    return f"attempt {incident.attempt}, {incident.job_run_id}: {incident.status}, {word}{decided}, {kind}"


def _recurrence(incident: Incident, before: Incident | None) -> str | None:
    if before is None:
        return None
    first = incident.recurrence.first_seen.astimezone(UTC)
    return f"the same failure was seen in {incident.recurrence.count} runs since {first:%Y-%m-%d}"


def _several(lines: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(line for line in lines if line))
    more = len(distinct) - MOST_LINES
    return [*distinct[:MOST_LINES], f"and {more} more"] if more > 0 else distinct


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
