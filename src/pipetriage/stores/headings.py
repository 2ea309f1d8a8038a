"""What a list shows of an incident: its columns in the store, made from it and read back."""

from datetime import datetime
from typing import Any

import msgspec

from pipetriage.model.archive import CAUSE_LENGTH, Heading, Judged, Standing
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review, confirms
from pipetriage.model.write_state import ExposureStatus, RerunDecision, WriteStatus
from pipetriage.stores.comparing import text_of, warned_tables

_NAME = 512
"""Characters of a name that are kept for finding it."""
_WORST = (
    WriteStatus.PARTIAL,
    WriteStatus.UNCERTAIN,
    WriteStatus.UNOBSERVED,
    WriteStatus.COMPLETE,
    WriteStatus.UNCOMMITTED,
    WriteStatus.NOT_STARTED,
)


def columns_of(incident: Incident) -> dict[str, Any]:
    """Give an incident's columns, but for those that count triages and speak of reviews."""
    columns = {
        "incident_id": incident.incident_id,
        "job_run_id": incident.job_run_id,
        "pipeline_name": incident.pipeline_name,
        "category": incident.failure_category.value,
        "fingerprint": incident.fingerprint,
        "batch_key": incident.batch_key,
        "safe_to_retry": incident.safe_to_retry,
        "started_at": _text(incident.started_at),
        "attempt": incident.attempt,
        "batch_id": incident.batch_id[:_NAME] if incident.batch_id else None,
        "status": incident.status[:32],
        "failure_mode": incident.failure_mode.value,
        "cause": incident.likely_root_cause[:CAUSE_LENGTH],
        "affected_table": incident.affected_table,
        "rerun": incident.rerun.decision.value,
        "confidence": incident.confidence,
        "queue": incident.route.queue[:_NAME],
        "owner": incident.route.owner[:_NAME] if incident.route.owner else None,
        "needs_review": incident.needs_human_review,
        "as_of": text_of(incident.as_of),
        "ended_at": _text(incident.ended_at),
        "written": _worst(incident),
        "readers": sum(one.status is not ExposureStatus.NOT_EXPOSED for one in incident.exposure),
        "settled": incident.status == "SUCCEEDED" and not warned_tables(incident),
    }
    return {name: storable(value) if isinstance(value, str) else value for name, value in columns.items()}


def columns_of_review(number: int, review: Review, judged: Judged) -> dict[str, Any]:
    """Give the columns that the latest review sets."""
    return {
        "review_number": number,
        "reviewed_at": text_of(review.reviewed_at),
        "reviewed_by": review.by[:_NAME],
        "agreed": confirms(review, judged.failure_category, safe=judged.safe_to_retry),
    }


def heading_of(row: Any) -> Heading:
    """Read an incident's line from its row."""
    return Heading(
        incident_id=row.incident_id,
        pipeline_name=row.pipeline_name,
        job_run_id=row.job_run_id,
        status=row.status,
        batch_id=row.batch_id,
        batch_key=row.batch_key,
        attempt=row.attempt,
        failure_category=Category(row.category),
        failure_mode=FailureMode(row.failure_mode),
        likely_root_cause=row.cause,
        affected_table=row.affected_table,
        safe_to_retry=row.safe_to_retry,
        rerun=RerunDecision(row.rerun),
        confidence=row.confidence,
        queue=row.queue,
        owner=row.owner,
        needs_human_review=row.needs_review,
        fingerprint=row.fingerprint,
        written=WriteStatus(row.written) if row.written else None,
        readers=row.readers,
        standing=Standing(row.standing),
        first_seen=datetime.fromisoformat(row.first_seen),
        last_seen=datetime.fromisoformat(row.last_seen),
        as_of=datetime.fromisoformat(row.as_of),
        started_at=_moment(row.started_at),
        ended_at=_moment(row.ended_at),
        reviewed_by=row.reviewed_by,
        agreed=row.agreed,
    )


def judged_of(incident: Incident, first_seen: str) -> Judged:
    """Keep of a verdict what a review of it is measured by."""
    return Judged(
        incident_id=incident.incident_id,
        failure_category=incident.failure_category,
        safe_to_retry=incident.safe_to_retry,
        rerun=incident.rerun.decision,
        confidence=incident.confidence,
        ended_at=incident.ended_at,
        first_seen=datetime.fromisoformat(first_seen),
        seconds=incident.classifier.seconds,
        input_tokens=incident.classifier.input_tokens,
        cost_usd=incident.classifier.cost_usd,
    )


def text_of_struct(value: msgspec.Struct) -> str:
    """Write a noun as JSON text."""
    return msgspec.json.encode(value).decode()


def _worst(incident: Incident) -> str | None:
    # Of staging it says nothing where a target says something: readers see that.
    states = [one for one in incident.write_state if one.role == "target"] or incident.write_state
    staged = [one for one in incident.write_state if one.status in _WORST[:3]]
    found = {one.status for one in (*states, *staged)}
    return next((status.value for status in _WORST if status in found), None)


def storable(text: str) -> str:
    """Give a text that every database takes: PostgreSQL has no NUL, and no database half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _text(moment: datetime | None) -> str | None:
    return text_of(moment) if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
