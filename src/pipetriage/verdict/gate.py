"""The gate: everything that was judged becomes one incident, and the answer to "may it be retried now?"."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from pipetriage.model.categories import Category
from pipetriage.model.context import Context
from pipetriage.model.evidence import Evidence
from pipetriage.model.finding import Finding
from pipetriage.model.identity import Place, batch_key, incident_id, short_hash
from pipetriage.model.incident import Classifier, Incident, Recurrence
from pipetriage.model.write_state import Reason, Rerun, WriteStatus
from pipetriage.settings import Settings
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.cause import Cause, choose_cause
from pipetriage.verdict.confidence import confidence, stored
from pipetriage.verdict.exposure import Exposed
from pipetriage.verdict.options import options
from pipetriage.verdict.recommend import approver_of, recommended_action, route, steps
from pipetriage.verdict.retry import retry_reasons, with_wait
from pipetriage.verdict.write_state import OutputState

_NUMBERS = re.compile(r"\d{2,}|\b0x[0-9a-f]{2,16}\b")
_MAX_EVIDENCE = 80


def judge(
    context: Context,
    attempts: Attempts,
    findings: list[Finding],
    outputs: list[OutputState],
    rerun: Rerun,
    exposed: Exposed,
    objections: Sequence[Reason] = (),
    *,
    settings: Settings,
    now: datetime,
    classifier: Classifier,
) -> Incident:
    """Choose the category, decide whether to retry, and say what to do and who must know.

    ``objections`` are further reasons against a retry, which are nobody's to overrule.
    """
    cause = choose_cause(context, findings, outputs, rerun)
    rerun = with_wait(context, cause, rerun, settings.settle)
    reasons = [*retry_reasons(context, attempts, cause, rerun), *objections]
    safe = all(reason.holds for reason in reasons)
    states = [one.state for one in outputs]
    run = context.facts.run
    if cause.deciding and not any(one in findings for one in cause.deciding):
        findings = [*findings, *cause.deciding]
    next_steps = steps(context, cause, outputs, rerun, exposed.readers, safe)
    ways = options(cause, outputs, rerun, safe, approver_of(cause))
    fingerprint = _fingerprint(context, cause)
    batch = run.batch_id or context.target.batch_id
    place = Place(context.target.account, context.target.region, context.target.job_name)
    incident = Incident(
        pipeline_name=context.pipeline.name or context.target.job_name,
        job_run_id=context.target.job_run_id,
        status=run.state or "UNKNOWN",
        failure_category=cause.category,
        likely_root_cause=cause.statement,
        affected_source_path=context.facts.source_uri or _control_path(context) or _listed(context),
        affected_table=_affected_table(outputs),
        safe_to_retry=safe,
        recommended_action=recommended_action(cause, states, rerun, safe),
        confidence=0.0,
        incident_id=incident_id(place, context.target.job_run_id),
        batch_id=batch,
        batch_key=batch_key(place, batch or attempts.runs[0].first_attempt_id),
        attempt=max(run.attempt, _place(attempts, run.run_id)),
        failure_mode=cause.mode,
        created_at=now,
        as_of=context.as_of,
        started_at=run.started_at,
        ended_at=run.ended_at,
        rerun=rerun,
        write_state=states,
        exposure=exposed.readers,
        evidence=[],
        gaps=list(context.gaps),
        findings=findings,
        alternatives=list(cause.alternatives),
        recommended_steps=next_steps,
        options=ways,
        route=route(context.pipeline, cause.category, states, exposed.readers, unsure=False),
        needs_human_review=True,
        fingerprint=fingerprint,
        changed_since_last_good=list(context.facts.changes),
        recurrence=Recurrence(count=1, first_seen=now, last_seen=now, last_resolution=None),
        classifier=classifier,
        retry_reasons=reasons,
        later_attempts=_later(attempts, run.run_id),
        exposure_windows=exposed.windows,
        exposure_coverage=exposed.coverage,
    )
    sure = confidence(incident, stored().weights)
    unsure = sure < settings.min_confidence
    return msgspec.structs.replace(
        incident,
        confidence=sure,
        needs_human_review=not safe or unsure or cause.category is Category.PARTIAL_WRITE_RISK,
        route=route(context.pipeline, cause.category, states, exposed.readers, unsure=unsure),
        evidence=cited_evidence(incident, context),
    )


def cited_evidence(incident: Incident, context: Context) -> list[Evidence]:
    """Collect every piece of evidence that the incident cites, in the order of first citation; the run's own first."""
    ids: list[str] = [context.facts.run.evidence]
    for finding in incident.findings:
        ids.extend(finding.evidence)
    reasons: list[Reason] = [*incident.rerun.reasons, *incident.retry_reasons]
    citing: list[list[str]] = [
        *(one.evidence for one in reasons),
        *(one.evidence for one in incident.write_state),
        *(one.evidence for one in incident.exposure),
        *(one.evidence for one in incident.recommended_steps),
        *(one.evidence for one in incident.options),
        *(one.evidence for one in incident.alternatives),
    ]
    ids.extend(evidence_id for evidence_ids in citing for evidence_id in evidence_ids)
    found = (context.evidence.get(one) for one in dict.fromkeys(ids))
    return [one for one in found if one is not None][:_MAX_EVIDENCE]


def _place(attempts: Attempts, run_id: str) -> int:
    """Give the run's place among the attempts: an orchestrator's retry starts again at Glue's attempt 0."""
    return next((index for index, run in enumerate(attempts.runs) if run.run_id == run_id), 0)


def _later(attempts: Attempts, run_id: str) -> list[str]:
    return [run.run_id for run in attempts.runs[_place(attempts, run_id) + 1 :]]


def _fingerprint(context: Context, cause: Cause) -> str:
    """Group recurrences: pipeline, category, mode and the error with its numbers taken out."""
    root = context.errors[0].root if context.errors else None
    error = f"{root.exception} {' '.join(root.conditions) or _NUMBERS.sub('#', root.message)[:200]}" if root else ""
    name = context.pipeline.name or context.target.job_name
    return "fp_" + short_hash(name, cause.category, cause.mode, error)


def _control_path(context: Context) -> str | None:
    rows = [row for row in context.facts.control if row.run_id == context.facts.run.run_id]
    return rows[-1].source_path if rows else None


def _listed(context: Context) -> str | None:
    return context.facts.source.uri or None if context.facts.source is not None else None


def _affected_table(outputs: list[OutputState]) -> str | None:
    """Name the table that needs attention first: one with visible leftovers, else the target."""
    order = [WriteStatus.PARTIAL, WriteStatus.UNCERTAIN, WriteStatus.COMPLETE]
    ranked = sorted(
        outputs,
        key=lambda one: (
            order.index(one.state.status) if one.state.status in order else len(order),
            one.state.role != "target",
        ),
    )
    return ranked[0].state.table or None if ranked else None
