"""An incident as an assistant is told of it: the verdict first, no more than it can use."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from pipetriage.entrypoints.assistant.quoting import MOST, quoted, told
from pipetriage.entrypoints.render import why
from pipetriage.model.archive import Heading, Similar
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review
from pipetriage.model.write_state import ExposureStatus, Reason, WriteState
from pipetriage.verdict.explained import RERUN_RULES, RETRY_RULES

_NAMED = 24


def verdict(incident: Incident) -> dict[str, Any]:
    """Give what is asked first: may it be rerun?"""
    return {
        "incident_id": incident.incident_id,
        "safe_to_retry": incident.safe_to_retry,
        "rerun": incident.rerun.decision.value,
        "why": quoted(why(incident)),
        "wait_for": told(incident.rerun.wait_for),
        "retry_after_seconds": incident.rerun.retry_after_seconds,
        "as_of": told(incident.as_of),
        "needs_human_review": incident.needs_human_review,
        "superseded_by": told(incident.superseded_by, "superseded_by"),
        "later_attempts": told(incident.later_attempts),
        "pipeline": quoted(incident.pipeline_name),
        "run": quoted(incident.job_run_id),
        "batch": told(incident.batch_id),
        "attempt": incident.attempt,
        "status": told(incident.status),
    }


def whole(incident: Incident, reviews: Iterable[Review]) -> dict[str, Any]:
    """Give one incident: the verdict, the cause, what was written, who read it, what to do, and what that rests on."""
    reasons = [*incident.rerun.reasons, *incident.retry_reasons]
    return {
        "verdict": verdict(incident),
        "cause": {
            "failure_category": incident.failure_category.value,
            "failure_mode": incident.failure_mode.value,
            "confidence": incident.confidence,
            "likely_root_cause": quoted(incident.likely_root_cause),
            "alternatives": told(incident.alternatives),
        },
        "broken_rules": [_reason(one) for one in reasons if not one.holds],
        "rules_that_hold": [one.rule for one in reasons if one.holds],
        "written": [_written(one) for one in incident.write_state[:MOST]],
        **exposure(incident),
        "do_next": {
            "recommended_action": quoted(incident.recommended_action),
            "steps": told(incident.recommended_steps),
            "ways_forward": told(incident.options),
        },
        "route": told(incident.route),
        "not_seen": told(incident.gaps),
        "seen_before": told(incident.recurrence),
        "reviews": told(list(reviews)),
        "evidence": told(incident.evidence),
        "evidence_left_out": max(0, len(incident.evidence) - MOST),
    }


def exposure(incident: Incident) -> dict[str, Any]:
    """Give who read what the batch left."""
    read = [one for one in incident.exposure if one.status is not ExposureStatus.NOT_EXPOSED]
    return {
        "visible_to_readers": told(incident.exposure_windows),
        "readers": told(read),
        "readers_left_out": max(0, len(read) - MOST),
        "not_exposed": len(incident.exposure) - len(read),
        "coverage": told(incident.exposure_coverage),
    }


def line(heading: Heading) -> dict[str, Any]:
    """Give one incident of a list."""
    return {
        name: told(getattr(heading, name), name)
        for name in (
            *("incident_id", "safe_to_retry", "rerun", "failure_category", "failure_mode", "pipeline_name"),
            *("batch_id", "job_run_id", "status", "standing", "likely_root_cause", "affected_table", "written"),
            *("readers", "queue", "owner", "as_of", "ended_at", "reviewed_by", "agreed"),
        )
    }


def alike(one: Similar) -> dict[str, Any]:
    """Give a failure like another, and how it ended."""
    return {
        "same_failure": one.same,
        "likeness": round(one.likeness, 2),
        "incidents": one.count,
        "latest": line(one.heading),
        "how_it_ended": told(one.review),
    }


def rule(name: str) -> dict[str, Any] | None:
    """Explain one rule; None: there is no such rule."""
    if name in RERUN_RULES:
        one = RERUN_RULES[name]
        broken = "UNSAFE: something would be applied twice or lost" if one.unsafe else "UNKNOWN: treated as unsafe"
        return {"rule": name, "decides": "rerun", "holds_when": one.holds_when, "if_broken_the_rerun_is": broken}
    if name in RETRY_RULES:
        return {
            "rule": name,
            "decides": "safe_to_retry",
            "holds_when": RETRY_RULES[name].holds_when,
            "if_broken": "no machine may retry the run without asking anyone",
        }
    return None


def _reason(one: Reason) -> dict[str, Any]:
    known = rule(one.rule)
    return {**told(one), "holds_when": known["holds_when"] if known else None}


def _written(one: WriteState) -> dict[str, Any]:
    missing = one.partitions_missing[:_NAMED] if one.partitions_missing is not None else None
    document: dict[str, Any] = told(replace(one, commits=[], verify=[], partitions_missing=missing))
    return {**document, "commits": len(one.commits)}
